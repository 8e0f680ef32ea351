"""What the tests of background work do in processes of their own: ``python background.py TASK ARGUMENTS``."""

import atexit
import os
import sys
import threading
import warnings

import rds_tls
from rds_tls.roots import background
from rds_tls.roots.background import SCHEDULE


def fork_during_refresh(region: str) -> None:
    """Fork while a refresh waits for its server: the child must find every lock free, and no thread."""
    warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 and later warn of fork() beside threads
    rds_tls.ssl_context(region=region)
    thread = SCHEDULE._thread
    assert thread is not None
    assert thread.is_alive()
    child = os.fork()
    if child == 0:
        assert SCHEDULE._thread is None
        assert len(rds_tls.ssl_context(region=region).get_ca_certs()) == 1
        with SCHEDULE.lock_for("anything"):
            os._exit(0)
    _, status = os.waitpid(child, 0)
    sys.exit(os.waitstatus_to_exitcode(status))


def begin_at_exit(region: str) -> None:
    """Use stale roots for the first time as the last act: no thread may begin then."""

    def last_act() -> None:
        rds_tls.ssl_context(region=region)
        assert SCHEDULE._thread is None

    atexit.register(last_act)


def leave_during_refresh(region: str) -> None:
    """Begin a refresh, and end when told to."""
    background._HEAD_START = 0.0
    rds_tls.ssl_context(region=region)
    sys.stdin.readline()
    thread = SCHEDULE._thread
    assert thread is not None
    assert thread.is_alive()


def leave_at_work() -> None:
    """End while the background thread is at work that must not be cut off, after which it waits for ever."""
    background._HEAD_START = 0.0
    begun = threading.Event()

    def work() -> None:
        with SCHEDULE.shielded():
            begun.set()
            for _ in range(2_000_000):
                pass
            sys.stdout.write("done\n")
            sys.stdout.flush()
        threading.Event().wait()  # as for a server that never answers

    SCHEDULE.in_background("any", work)
    begun.wait()


def leave_before_work() -> None:
    """Let the background thread come back from the network after the exit has begun."""
    background._HEAD_START = 0.0
    asking, answered = threading.Event(), threading.Event()

    def work() -> None:
        asking.set()
        answered.wait()
        with SCHEDULE.shielded():
            sys.stdout.write("begun\n")
            sys.stdout.flush()

    SCHEDULE.in_background("any", work)
    asking.wait()
    SCHEDULE.close()
    answered.set()
    thread = SCHEDULE._thread
    assert thread is not None
    thread.join(0.2)


TASKS = {
    task.__name__: task
    for task in (fork_during_refresh, begin_at_exit, leave_during_refresh, leave_at_work, leave_before_work)
}

if __name__ == "__main__":
    TASKS[sys.argv[1]](*sys.argv[2:])
