"""What tests of roots in memory do in processes of their own: ``python memory.py TASK ARGUMENTS``."""

import fcntl
import os
import resource
import sys
import threading
import warnings
from pathlib import Path

import rds_tls
from rds_tls.roots.cache.memory import MEMORY
from rds_tls.roots.origin import NOTHING_KNOWN, Origin

ORIGIN = Origin("https://truststore.example", NOTHING_KNOWN, 1.5)


def descriptor_of(path: str) -> int:
    """Give the number in a path below /proc/self/fd."""
    return int(path.rpartition("/")[2])


def daemon(region: str, upload: str) -> None:
    """Get roots, close every descriptor as daemons do when they begin, and open an upload under the roots' number."""
    before = rds_tls.ca_path(region=region)
    number = descriptor_of(before)
    os.closerange(3, number + 1)
    os.dup2(os.open(upload, os.O_RDONLY), number)
    assert Path(before).read_bytes() == Path(upload).read_bytes(), "the upload is where the roots were"
    after = rds_tls.ca_path(region=region)
    context = rds_tls.ssl_context(region=region)
    sys.stdout.write(f"{Path(after).read_text()}{context.get_ca_certs()}\n")


def fork(region: str) -> None:
    """Get roots, and read them in a child, which has the same descriptors."""
    path = rds_tls.ca_path(region=region)
    child = os.fork()
    if child == 0:
        os._exit(0 if rds_tls.ca_path(region=region) == path and b"BEGIN" in Path(path).read_bytes() else 1)
    _, status = os.waitpid(child, 0)
    sys.exit(os.waitstatus_to_exitcode(status))


def fork_beside_holder() -> None:
    """Fork while another thread holds the memory's lock, as during a download, and take the lock in the child."""
    warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 and later warn of fork() beside threads
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with MEMORY.locked("any", 1):
            held.set()
            done.wait()

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait()
    child = os.fork()
    if child == 0:
        with MEMORY.locked("any", 1) as locked:
            os._exit(0 if locked else 1)
    _, status = os.waitpid(child, 0)
    done.set()
    thread.join()
    sys.exit(os.waitstatus_to_exitcode(status))


def few_descriptors() -> None:
    """Keep entries under a low limit: one while the numbers at its top are free, one when all are taken."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, hard))
    first = descriptor_of(MEMORY.publish("first", b"first", ORIGIN).path)
    try:
        while True:
            fcntl.fcntl(0, fcntl.F_DUPFD_CLOEXEC, 56)
    except OSError:
        second = MEMORY.publish("second", b"second", ORIGIN).path
    sys.stdout.write(f"{first} {descriptor_of(second)} {Path(second).read_text()}\n")


TASKS = {task.__name__: task for task in (daemon, fork, fork_beside_holder, few_descriptors)}

if __name__ == "__main__":
    TASKS[sys.argv[1]](*sys.argv[2:])
