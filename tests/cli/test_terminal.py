"""On a terminal: colour for readers, none for programs, and a word where something takes long."""

import os
import pty
import subprocess
import sys
import threading

import pytest

from rds_tls.cli import _common
from tests.support import ROOT

# It finds a local address, for which nobody is dialled: port 1 is nobody's.
COMMAND = [sys.executable, "-m", "rds_tls", "doctor", "127.0.0.1:1"]
RED, BOLD, PLAIN = "\x1b[1;31m", "\x1b[1m", "\x1b[0m"


def on_terminal(*more: str, **variables: str) -> str:
    """Run the command with a terminal for stdout, and give what that shows."""
    try:
        ours, its = pty.openpty()
    except OSError as error:
        pytest.skip(f"there is no terminal to be had: {error}")
    environ = {name: value for name, value in os.environ.items() if name not in {"NO_COLOR", "TERM"}}
    ran = subprocess.run(
        [*COMMAND, *more], cwd=ROOT, stdout=its, env={**environ, "TERM": "xterm", **variables}, check=False
    )
    os.close(its)
    shown = os.read(ours, 65_536).decode()
    os.close(ours)
    assert ran.returncode == 1
    return shown


def test_terminal_gets_colour() -> None:
    """What failed is red, and cause and fix are easy to find."""
    lines = on_terminal().splitlines()
    assert lines[0].startswith(f"{RED}FAIL{PLAIN}  name ")
    assert [line.split()[0] for line in lines if line.startswith(BOLD)] == [f"{BOLD}cause{PLAIN}", f"{BOLD}fix{PLAIN}"]


@pytest.mark.parametrize("variables", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_who_wants_no_colour_gets_none(variables: dict[str, str]) -> None:
    """As https://no-color.org has it."""
    assert "\x1b" not in on_terminal(**variables)


def test_empty_no_color_says_nothing() -> None:
    """An empty variable is as none."""
    assert RED in on_terminal(NO_COLOR="")


def test_programs_get_no_colour() -> None:
    """Neither JSON on a terminal nor text in a pipe has any."""
    assert "\x1b" not in on_terminal("--json")
    ran = subprocess.run(COMMAND, cwd=ROOT, env={**os.environ, "TERM": "xterm"}, capture_output=True, check=False)
    assert b"FAIL" in ran.stdout
    assert b"\x1b" not in ran.stdout + ran.stderr


def test_long_wait_is_said(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever waits longer than a second is told on stderr what for."""
    monkeypatch.setattr(_common, "_PATIENCE", 0)
    with _common.waiting("downloading"):
        for thread in threading.enumerate():
            if isinstance(thread, threading.Timer):
                thread.join()
    assert capsys.readouterr() == ("", "rds-tls: downloading ...\n")


def test_short_wait_is_not_said(capsys: pytest.CaptureFixture[str]) -> None:
    """What is done at once leaves stderr empty, and no thread."""
    with _common.waiting("downloading"):
        (timer,) = (thread for thread in threading.enumerate() if isinstance(thread, threading.Timer))
    timer.join()
    assert capsys.readouterr() == ("", "")
