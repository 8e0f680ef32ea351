"""Downloaded roots where no directory can be written: they live as long as this process."""

import os
from contextlib import contextmanager
from hashlib import sha256
from threading import Lock

from rds_tls.cache import Entry
from rds_tls.errors import TrustError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any


class MemoryCache:
    """Stands in for a directory where none can be written: entries live in files without a name.

    libpq and OpenSSL read files only, so this needs Linux, whose /proc gives an anonymous file a path.
    """

    directory = "memory"

    def __init__(self) -> None:
        self.forget_locks()
        self._entries: dict[str, Entry] = {}

    def forget_locks(self) -> None:
        """Begin with a free lock: in a child of fork() another thread's would stay locked for ever."""
        self._lock = Lock()

    @contextmanager
    def locked(self, _name: str, timeout: float) -> "Iterator[bool]":
        """Keep every other thread of this process out; as ``Cache.locked``."""
        locked = self._lock.acquire(timeout=timeout)
        try:
            yield locked
        finally:
            if locked:
                self._lock.release()

    def read(self, name: str) -> Entry | None:
        """Give the entry of that name, if there is one; as ``Cache.read``."""
        return self._entries.get(name)

    def publish(self, name: str, content: bytes, **facts: "Any") -> Entry:
        """Keep an entry as long as this process lives; as ``Cache.publish``.

        Raises:
            TrustError: this system has no anonymous files.
        """
        if not hasattr(os, "memfd_create"):
            raise TrustError(
                "no directory can be written for the downloaded roots: set RDS_TLS_CACHE_DIR to one that can"
            )
        descriptor = os.memfd_create(f"rds-tls-{name}")
        with open(os.dup(descriptor), "wb") as file:
            file.write(content)
        path = f"/proc/self/fd/{descriptor}"
        # An earlier file stays open: a driver may be about to read it.
        self._entries[name] = Entry(path=path, content=content, digest=sha256(content).hexdigest(), **facts)
        return self._entries[name]


MEMORY = MemoryCache()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=MEMORY.forget_locks)
