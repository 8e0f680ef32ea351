"""Python programs in processes of their own, for what happens once in a process."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

# What a program ends with that is weighed: it prints its peak memory, in KiB.
PRINT_PEAK = "from benchmarks.programs.peak import print_peak; print_peak()"

_PROGRAMS = Path(__file__).with_name("programs")


def run(program: str, *arguments: object, **environment: str) -> str:
    """Run a Python program in a process of its own.

    Args:
        program: the name of a file in ``benchmarks/programs``, or one line of source.
        *arguments: what it finds in ``sys.argv[1:]``.
        **environment: variables beside those of this process.

    Returns:
        What it printed.

    Raises:
        subprocess.CalledProcessError: it failed; what it wrote to stderr is on ours.
    """
    return _run([], program, arguments, environment, stderr=None).stdout


def count_instructions(program: str, *arguments: object, **environment: str) -> int:
    """Run a Python program in a process of its own under valgrind, which is some fifty times slower.

    Args:
        program: as for ``run``.
        *arguments: as for ``run``.
        **environment: as for ``run``.

    Returns:
        How many instructions it executed, from the interpreter's start to its end.

    Raises:
        subprocess.CalledProcessError: it failed.
    """
    tool = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]
    # Which string has which hash decides where dictionaries collide.
    result = _run(tool, program, arguments, {"PYTHONHASHSEED": "0", **environment}, stderr=subprocess.PIPE)
    (count,) = re.findall(r"Collected : (\d+)", result.stderr)
    return int(count)


def counts_instructions() -> bool:
    """Say whether ``count_instructions`` has what it needs: valgrind."""
    return shutil.which("valgrind") is not None


def _run(
    tool: list[str], program: str, arguments: tuple[object, ...], environment: dict[str, str], *, stderr: int | None
) -> subprocess.CompletedProcess[str]:
    what = [str(_PROGRAMS / program)] if program.endswith(".py") else ["-c", program]
    command = [*tool, sys.executable, "-P", *what, *map(str, arguments)]
    return subprocess.run(  # noqa: S603 - this interpreter, with a program of our own
        command, env={**os.environ, **environment}, check=True, stdout=subprocess.PIPE, stderr=stderr, text=True
    )


def knows_peak() -> bool:
    """Say whether this system tells a process its peak memory: Linux does."""
    return Path("/proc/self/status").exists()
