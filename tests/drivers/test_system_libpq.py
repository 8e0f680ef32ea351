"""psycopg with the libpq of the system, older than that of its wheels: the matrices, in a process of their own."""

import os
import subprocess
import sys

import pytest

from tests.support import ROOT

FILES = ("tests/connect/test_handshakes.py", "tests/drivers/test_every_driver.py", "tests/drivers/test_attacks.py")
# Key types make no difference here; the rows without any are those of servers without TLS, or with an old one.
MATRIX = "psycopg and not psycopg2 and (every_driver or ecc384 or tls or attack_gets_nothing)"
SECONDS = 240

# As this process began: what a test sets for itself is gone when the next process starts.
ENVIRONMENT = os.environ | {"PSYCOPG_IMPL": "python"}


def test_matrices_hold_with_the_systems_libpq() -> None:
    """Good servers connect, bad ones are refused with a note, and newer roots are found."""
    ask = [sys.executable, "-c", "import psycopg; print(psycopg.pq.__impl__)"]
    asked = subprocess.run(ask, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    if "no pq wrapper available" in asked.stderr:
        pytest.skip("there is no libpq on this machine besides the one in psycopg's wheel")
    assert asked.stdout == "python\n"
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *FILES, "-k", MATRIX]
    result = subprocess.run(
        command, cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, timeout=SECONDS, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert " passed" in result.stdout
    assert "skipped" not in result.stdout
