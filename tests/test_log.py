"""Messages are for programs that listen, and for nobody's stderr."""

import subprocess
import sys

import pytest

LISTENERS = {
    "nobody": ("", ""),
    "logging unconfigured": ("import logging", ""),
    "logging configured": ("import logging; logging.basicConfig(level='WARNING')", "trusted as a cache"),
}


@pytest.mark.parametrize(("setup", "expected"), LISTENERS.values(), ids=LISTENERS)
def test_messages_are_silent_until_a_program_listens(setup: str, expected: str) -> None:
    """A warning reaches a program that configured logging, and nobody's stderr otherwise."""
    program = f"{setup}\nfrom rds_tls import log\nlog.warning('%s', 'trusted as a cache')"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert (expected in result.stderr) if expected else (result.stderr == "")
