"""Downloaded roots where no directory can be written: they live as long as this process."""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from hashlib import sha256
from threading import Lock
from typing import TYPE_CHECKING

from rds_tls import log
from rds_tls.errors import TrustError
from rds_tls.roots.cache.entry import Entry
from rds_tls.roots.cache.kept import KEPT
from rds_tls.roots.identity import identity_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rds_tls.roots.origin import Origin

# The least number for the descriptors of files in memory, where the limit of this process allows it. A daemon that
# closes every descriptor opens its own files from 3 on: so high up, none of them takes the place of the roots. The
# kernel keeps a table up to the highest one, so it is not higher: this one has 32 KiB.
_HIGH = 4_096


class MemoryCache:
    """Stands in for a directory where none can be written: entries live in files without a name.

    libpq and OpenSSL read files only, so this needs Linux, whose /proc gives an anonymous file a path.
    """

    directory = "memory"

    def __init__(self) -> None:
        self.forget_locks()

    def forget_locks(self) -> None:
        """Begin with a free lock: in a child of fork() another thread's would stay locked for ever."""
        self._lock = Lock()

    @contextmanager
    def locked(self, _name: str, timeout: float) -> Iterator[bool]:
        """Keep every other thread of this process out; as ``Cache.locked``."""
        locked = self._lock.acquire(timeout=timeout)
        try:
            yield locked
        finally:
            if locked:
                self._lock.release()

    def read(self, name: str) -> Entry | None:
        """Give the entry of that name, if there is one; as ``Cache.read``.

        A descriptor may be closed by the program, and its number go to another file: an entry whose path leads to
        anything but the file that was put there gets a new one.
        """
        found = KEPT.get(name)
        if found is None:
            return None
        entry, file = found
        with suppress(OSError):
            if identity_of(os.stat(entry.path)) == file:
                return entry
        log.warning("somebody closed the file of %s in memory (%s); here is another one", name, entry.path)
        return self._keep(name, entry)

    def publish(self, name: str, content: bytes, origin: Origin) -> Entry:
        """Keep an entry as long as this process lives; as ``Cache.publish``.

        Raises:
            TrustError: this system has no anonymous files.
        """
        return self._keep(name, Entry("", content, origin, sha256(content).hexdigest()))

    def _keep(self, name: str, entry: Entry) -> Entry:
        """Give an entry a file. The one that it had stays open: a driver may be about to read it."""
        try:
            path = _anonymous_file(f"rds-tls-{name}", entry.content)
            file = identity_of(os.stat(path))
        except OSError as error:
            raise TrustError(
                f"no directory can be written for the downloaded roots, nor a file be kept in memory ({error}): set "
                "RDS_TLS_CACHE_DIR to a directory that can"
            ) from error
        entry = entry._replace(path=path)
        KEPT[name] = entry, file
        return entry


def _anonymous_file(name: str, content: bytes) -> str:
    """Write a file without a name that nobody can change afterwards, and give its path."""
    if not hasattr(os, "memfd_create"):
        raise OSError("this system has no files without a name")
    import fcntl

    seals = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE
    with open(os.memfd_create(name, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING), "wb") as file:
        file.write(content)
        file.flush()
        fcntl.fcntl(file, fcntl.F_ADD_SEALS, seals)
        return f"/proc/self/fd/{_duplicate_high_up(file.fileno())}"


def _duplicate_high_up(descriptor: int) -> int:
    """Give a file another descriptor, with a high number if there is one to be had."""
    import fcntl
    import resource

    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    high = _HIGH if limit == resource.RLIM_INFINITY else min(_HIGH, limit - limit // 8)
    try:
        return fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, high)
    except OSError:  # every number up there is taken
        return os.dup(descriptor)


MEMORY = MemoryCache()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=MEMORY.forget_locks)
