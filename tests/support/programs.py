"""Python programs of the tests, run in processes of their own: each is a file below tests/."""

import subprocess
import sys

from tests.support import ROOT


def command(program: str, *arguments: object, isolated: bool = False) -> list[str]:
    """Give the command that runs a program.

    Args:
        program: its file's path below tests/.
        *arguments: what it finds in ``sys.argv[1:]``.
        isolated: whether Python heeds no variable of its own and no packages of the user's, so that it loads the same
            modules everywhere.
    """
    return [sys.executable, "-I" if isolated else "-P", str(ROOT / "tests" / program), *map(str, arguments)]


def run(program: str, *arguments: object, environ: dict[str, str] | None = None, isolated: bool = False) -> str:
    """Run a program, which has to succeed within a minute and to complain of nothing.

    Args:
        program: as for ``command``.
        *arguments: as for ``command``.
        environ: its environment variables; those of this process unless given.
        isolated: as for ``command``.

    Returns:
        What it printed.
    """
    result = subprocess.run(
        command(program, *arguments, isolated=isolated),
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (result.returncode, result.stderr) == (0, "")
    return result.stdout


def modules_after(statement: str) -> set[str]:
    """List the modules that a statement loads in a fresh, isolated interpreter."""
    bare, loaded = (
        subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True).stdout.split()
        for code in (_REPORT, f"{statement}\n{_REPORT}")
    )
    return {*loaded} - {*bare}


_REPORT = "import sys; print(*sys.modules)"
