"""What tests of the keeper do in processes of their own: ``python -m tests.support.keeper_worker TASK ARGUMENTS``."""

import os
import signal
import sys

from tests.support import local_rds
from tests.support.local_rds import keeper
from tests.support.local_rds.process import Home


def say(*words: object) -> None:
    """Tell the test something."""
    sys.stdout.write(f"{' '.join(map(str, words))}\n")
    sys.stdout.flush()


def serve(server_class: str) -> None:
    """Start a server, say where its things are, and wait to be killed."""
    with getattr(local_rds, server_class)() as server:
        say(server.port, server._home.path)
        sys.stdin.read()


def prepare() -> None:
    """Run a program that prepares a server and never ends, say where, and wait to be killed."""
    home = Home("postgres")
    os.mkfifo(home.path / "alive")
    (home.path / "alive").chmod(0o666)
    say(home.path)
    home.run("sh", "-c", "exec tail -f /dev/null >alive")


def resist() -> None:
    """End by SIGKILL alone, and say when there."""
    signal.signal(signal.SIGQUIT, signal.SIG_IGN)
    say()
    signal.pause()


def keep(folder: str) -> None:
    """Be a keeper that waits less than others do."""
    keeper.STOP_SECONDS = 0.1  # type: ignore[assignment]
    sys.argv[1] = folder
    keeper.main()


TASKS = {task.__name__: task for task in (serve, prepare, resist, keep)}

if __name__ == "__main__":
    TASKS[sys.argv[1]](*sys.argv[2:])
