"""End the servers of a run and remove its folder when the run ends, however it ends.

This file is the program that does so, and the class by which a run starts it and talks to it. The run tells it by a
pipe which process groups are its servers, and keeps its end open for as long as it lives. Nothing can keep that end
from closing with the process, SIGKILL neither. (Linux alone can signal a child whose parent has died, and clears that
wish where the child changes its user.)
"""

import atexit
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

STOP_SECONDS = 10
POLL_SECONDS = 0.05


class Keeper:
    """This file's program, which ends what this process has started, once this process is no more.

    Attributes:
        folder: where this process puts what the keeper is to remove.
    """

    def __init__(self) -> None:
        # In a session of its own, out of the reach of a terminal's Ctrl-C, and of a signal to this process's group.
        self._process = subprocess.Popen(
            [sys.executable, "-I", __file__, tempfile.gettempdir()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        atexit.register(self._close)
        assert self._process.stdout is not None  # it is a pipe
        with self._process.stdout as answer:
            folder = answer.readline().strip()
        if not folder:
            raise RuntimeError(f"{__file__} did not start; what it wrote to stderr says why")
        self.folder = Path(folder)

    def started(self, group: int) -> None:
        """Take note of a process group that has started."""
        self._tell(f"+{group}")

    def ended(self, group: int) -> None:
        """Take note of a process group that has ended, so that its number may be somebody else's."""
        self._tell(f"-{group}")

    @contextmanager
    def watching(self, group: int) -> Iterator[None]:
        """Take note of a process group for as long as a block runs."""
        self.started(group)
        try:
            yield
        finally:
            self.ended(group)

    def _tell(self, line: str) -> None:
        assert self._process.stdin is not None  # it is a pipe
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()

    def _close(self) -> None:
        with self._process:  # closes its pipe, and waits
            pass


@cache
def keeper() -> Keeper:
    """Start the keeper of this process, once."""
    return Keeper()


def main() -> None:
    """Make a folder and print its path, listen until the run has ended, and clear up."""
    folder = Path(tempfile.mkdtemp(prefix="rds-tls-", dir=sys.argv[1]))
    folder.chmod(0o711)  # servers that run as another user must get at their own folders in it
    sys.stdout.write(f"{folder}\n")
    sys.stdout.flush()
    groups = listen()
    # PostgreSQL shuts down at once and MariaDB in order, so that nothing is left in shared memory; others just end.
    groups = wait_for(send(signal.SIGQUIT, groups))
    wait_for(send(signal.SIGKILL, groups))
    remove(folder)


def listen() -> set[int]:
    """Read "+7" where the process group 7 has started and "-7" where it has ended; give what is left at the end."""
    groups: set[int] = set()
    for line in sys.stdin:
        (groups.add if line[0] == "+" else groups.discard)(int(line[1:]))
    return groups


def send(number: int, groups: set[int]) -> set[int]:
    """Send a signal to process groups, and give those that are still there."""
    alive = set()
    for group in groups:
        with suppress(ProcessLookupError, PermissionError):  # macOS refuses to signal what has ended but for its parent
            os.killpg(group, number)
            alive.add(group)
    return alive


def wait_for(groups: set[int]) -> set[int]:
    """Wait for process groups to end, and give those that do not in time."""
    deadline = time.monotonic() + STOP_SECONDS
    while groups and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
        groups = send(0, groups)
    return groups


def remove(folder: Path) -> None:
    """Remove the folder, into which what was killed a moment ago may still have put something."""
    for _ in range(100):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        time.sleep(POLL_SECONDS)
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
