"""Messages are for programs that listen, and for nobody's stderr."""

import subprocess

import pytest

from tests.support.programs import command

LISTENERS = {
    "nobody": ("nobody", ""),
    "logging unconfigured": ("unconfigured", ""),
    "logging configured": ("configured", "trusted as a cache"),
}


@pytest.mark.parametrize(("listener", "expected"), LISTENERS.values(), ids=LISTENERS)
def test_messages_are_silent_until_a_program_listens(listener: str, expected: str) -> None:
    """A warning reaches a program that configured logging, and nobody's stderr otherwise."""
    result = subprocess.run(command("warn.py", listener), capture_output=True, text=True, check=True)
    assert (expected in result.stderr) if expected else (result.stderr == "")
