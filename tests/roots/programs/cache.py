"""What the cache's tests do in processes of their own: ``python cache.py TASK DIRECTORY``.

A task prints a line when it is ready and goes on when it is sent one; the end of its input ends it.
"""

import os
import signal
import sys
import threading
from pathlib import Path

from rds_tls.roots.cache.disk import Cache
from rds_tls.roots.cache.entry import Entry
from rds_tls.roots.origin import Origin, Validators

NAME = "eu-west-1"
URL = "https://truststore.pki.rds.amazonaws.com/eu-west-1/eu-west-1-bundle.pem"
ROUNDS = 20

# Two contents of different lengths, so that a mixture of both is neither.
CONTENTS = (b"one\n" * 1000, b"another\n" * 3000)


def publish(cache: Cache, content: bytes, etag: str | None = '"abc"', fetched_at: float = 1.5) -> Entry:
    """Publish a content with facts that do not matter."""
    last_modified = "Tue, 03 Nov 2026 10:00:00 GMT"
    return cache.publish(NAME, content, Origin(URL, Validators(etag, last_modified), fetched_at))


def enter_and_leave(cache: Cache, rounds: int = ROUNDS) -> None:
    """Enter a room that holds one at a time, again and again; raise FileExistsError when somebody else is in it."""
    room = Path(cache.directory, "room")
    for _ in range(rounds):
        with cache.locked(NAME, 60) as held:
            assert held
            room.touch(exist_ok=False)
            room.unlink()


def say(line: object) -> None:
    """Tell the test something."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def hold(cache: Cache) -> None:
    """Take the lock and keep it until told otherwise."""
    with cache.locked(NAME, 60) as held:
        say(held)
        sys.stdin.readline()


def nurse(cache: Cache) -> None:
    """Keep one child that publishes for ever; when it is killed, start the next at the test's word."""
    publish(cache, CONTENTS[0])  # loads the modules once for all children
    parent = os.getpid()
    for _ in sys.stdin:
        child = os.fork()
        if child == 0:
            while os.getppid() == parent:
                for content in CONTENTS:
                    publish(cache, content)
            os._exit(0)
        say(child)
        os.waitpid(child, 0)


def fork_beside_holder(cache: Cache) -> None:
    """Fork while another thread holds the lock, and release it at a word; the test ends the child."""
    held, release = threading.Event(), threading.Event()

    def hold_in_thread() -> None:
        with cache.locked(NAME, 60):
            held.set()
            release.wait()

    thread = threading.Thread(target=hold_in_thread)
    thread.start()
    held.wait()
    child = os.fork()
    if child == 0:
        signal.pause()
    say(child)
    sys.stdin.readline()
    release.set()
    thread.join()
    say("released")


def publish_beyond_limit(cache: Cache) -> None:
    """Publish where no file may grow past 4 KiB, as on a disk that fills up."""
    import resource  # noqa: PLC0415 - Windows has none

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
    try:
        publish(cache, CONTENTS[1])
    except OSError as error:
        say(type(error).__name__)


TASKS = {task.__name__: task for task in (enter_and_leave, hold, nurse, fork_beside_holder, publish_beyond_limit)}

if __name__ == "__main__":
    TASKS[sys.argv[1]](Cache(sys.argv[2]))
