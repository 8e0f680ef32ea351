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
from tests.support.under import RUNTIMES

# Key types make no difference here; the rows without any are those of servers without TLS, or with an old one. The rest
# downloads newer roots, in the foreground and in the background.
MATRIX = (
    "tests/connect/test_handshakes.py",
    "tests/roots/test_healing.py",
    "-k",
    "handshakes and (ecc384 or tls) or rotated_root or context_in_a_driver",
)
SECONDS = 240

# As this process began: what a test sets for itself is gone when the next process starts.
ENVIRONMENT = dict(os.environ)

Results = dict[str, Future["subprocess.CompletedProcess[str]"]]


def run(runtime: str) -> "subprocess.CompletedProcess[str]":
    """Run the matrix under a runtime."""
    command = [sys.executable, "-m", "tests.support.under", runtime, "-q", "-p", "no:cacheprovider", *MATRIX]
    return subprocess.run(
        command, cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, timeout=SECONDS, check=False
    )


@pytest.fixture(scope="module")
def results() -> Iterator[Results]:
    """Run all of them, two at a time."""
    with ThreadPoolExecutor(2) as pool:
        yield {runtime: pool.submit(run, runtime) for runtime in RUNTIMES}


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_handshakes_hold_under(runtime: str, results: Results) -> None:
    """Good servers connect, bad ones are refused, and newer roots are found, whatever was replaced."""
    result = results[runtime].result()
    assert result.returncode == 0, result.stdout + result.stderr
    assert " passed" in result.stdout
    assert "skipped" not in result.stdout
