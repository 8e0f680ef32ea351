"""Handshakes and healing where other packages have replaced ssl, the sockets or the event loop, before us or after.

Each runtime is a process of its own, with servers of its own: what such a package replaces, it replaces for good.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from tests.support import ROOT
from tests.support.rows import ROWS
from tests.support.under import RUNTIMES

# Key types make no difference here; the rows without any are those of servers without TLS, or with an old one. The rest
# downloads newer roots, in the foreground and in the background.
FILES = (
    "tests/connect/test_handshakes.py",
    "tests/roots/healing/test_connects.py",
    "tests/roots/healing/test_contexts.py",
)
# A driver in C is run in a process of its own (tests/support/in_c.py), where nothing is replaced.
IN_C = {row.driver for row in ROWS if row.dials_in_c}
MATRIX = "(handshakes and (ecc384 or tls) or rotated_root or context_in_a_driver)" + "".join(
    f" and not {driver}" for driver in sorted(IN_C)
)

# The only reason for which a test in there may be skipped, as `Servers.get` in tests/conftest.py words it.
SKIPPED = {"MySQL has no TLS 1.1"}

# The first failure is enough, and a test that hangs is the last one named; what is skipped is listed. gevent's
# subprocess forks, beside threads that Python 3.12 and later warn of.
OPTIONS = ("-v", "-x", "-rs", "-p", "no:cacheprovider", "-W", "ignore:This process:DeprecationWarning:gevent.os")

# From Python 3.14 on asyncio does not hear of worker threads that are greenlets, with no help of ours: a program that
# only runs `asyncio.run(asyncio.to_thread(time.sleep, 0.1))` never ends (gevent 26.9, eventlet 0.41, greenlet 3.5).
IN_WORKERS = "async"  # in the name of each test of such a driver
HANGS = f"asyncio's worker threads hang under gevent and eventlet on Python 3.{sys.version_info.minor}"
WITHOUT_WORKERS = {"gevent", "gevent-late", "eventlet"} if sys.version_info >= (3, 14) else set[str]()

SECONDS = 240

# As this process began: what a test sets for itself is gone when the next process starts.
ENVIRONMENT = dict(os.environ)

Results = dict[str, Future["subprocess.CompletedProcess[str]"]]


def run(runtime: str) -> "subprocess.CompletedProcess[str]":
    """Run the matrix under a runtime."""
    chosen = f"({MATRIX}) and not {IN_WORKERS}" if runtime in WITHOUT_WORKERS else MATRIX
    command = [sys.executable, "-m", "tests.support.under", runtime, *OPTIONS, *FILES, "-k", chosen]
    return subprocess.run(
        command, cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, timeout=SECONDS, check=False
    )


@pytest.fixture(scope="module")
def results() -> Iterator[Results]:
    """Run all of them, two at a time."""
    with ThreadPoolExecutor(2) as pool:
        yield {runtime: pool.submit(run, runtime) for runtime in RUNTIMES}


def skipped_for(report: str) -> set[str]:
    """Give the reasons for which tests were skipped, as pytest lists them with -rs: SKIPPED [2] file.py:7: reason."""
    reasons = {line.split(": ", 1)[1] for line in report.splitlines() if line.startswith("SKIPPED [")}
    assert bool(reasons) is (" skipped" in report)
    return reasons


# What is not run under a runtime is skipped, for everybody to see.
NOT_RUN = [
    pytest.param(runtime, id=f"{runtime}-{IN_WORKERS}", marks=pytest.mark.skip(reason=HANGS))
    for runtime in sorted(WITHOUT_WORKERS)
]


@pytest.mark.parametrize("runtime", [*RUNTIMES, *NOT_RUN])
def test_handshakes_hold_under(runtime: str, results: Results) -> None:
    """Good servers connect, bad ones are refused, and newer roots are found, whatever was replaced."""
    result = results[runtime].result()
    assert result.returncode == 0, result.stdout + result.stderr
    assert " passed" in result.stdout
    assert skipped_for(result.stdout) <= SKIPPED
