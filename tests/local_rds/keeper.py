"""End the servers of a run and remove its folder when the run ends, however it ends: a program, not to be imported.

The run tells it by a pipe which process groups are its servers, and keeps the other end open for as long as it lives.
Nothing can keep that end from closing with the process, SIGKILL neither. (Linux alone can signal a child whose parent
has died, and clears that wish where a child changes its user.)

It prints the folder that it has made, in which the run puts all its files.
"""

import os
import shutil
import signal
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

STOP_SECONDS = 10
POLL_SECONDS = 0.05


def main() -> None:
    """Make the folder, listen until the run has ended, and clear up."""
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
