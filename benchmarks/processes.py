"""Python programs in processes of their own, for what happens once in a process."""

import os
import subprocess
import sys
from pathlib import Path

# What a program ends with that tells its peak memory, in KiB. Not getrusage(): a child's starts at its parent's peak.
PEAK_PROGRAM = """
for line in open("/proc/self/status"):
    if line.startswith("VmHWM:"):
        print(line.split()[1])
"""


def run(program: str, *arguments: object, **environment: str) -> str:
    """Run a Python program in a process of its own.

    Args:
        program: its source.
        *arguments: what it finds in ``sys.argv[1:]``.
        **environment: variables beside those of this process.

    Returns:
        What it printed.

    Raises:
        subprocess.CalledProcessError: it failed; what it wrote to stderr is on ours.
    """
    command = [sys.executable, "-P", "-c", program, *map(str, arguments)]
    result = subprocess.run(  # noqa: S603 - this interpreter, with a program of our own
        command, env={**os.environ, **environment}, check=True, stdout=subprocess.PIPE, text=True
    )
    return result.stdout


def knows_peak() -> bool:
    """Say whether this system tells a process its peak memory: Linux does."""
    return Path("/proc/self/status").exists()
