"""Downloaded roots on disk: published at once or not at all, checked whenever they are read, locked by name.

An entry is one file (``entry``) in a directory that nobody else can write (``private``).
"""

from __future__ import annotations

import os
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from rds_tls.roots.cache.entry import BEGINNING, MAX_FILE_BYTES, Entry, is_entry, is_name, parse, render
from rds_tls.roots.cache.fault import FaultError, report
from rds_tls.roots.cache.private import check_directory, check_place, make_private, read_private

if TYPE_CHECKING:
    from collections.abc import Iterator

    from filelock import FileLock

    from rds_tls.roots.origin import Origin

# A publish takes milliseconds. A temporary file this much older (s) than a new one belongs to a killed process.
_LEFTOVER_AGE = 600

_SUFFIX = ".pem"


class Cache:
    """A directory of entries that one user's processes share.

    Whether an entry is fresh, and whether its content is a good bundle, is the caller's to judge.

    Attributes:
        directory: the absolute path of the directory.
    """

    def __init__(self, directory: str) -> None:
        with suppress(OSError):  # there is no current directory: prepare() says so
            directory = os.path.abspath(directory)
        self.directory = directory

    def prepare(self) -> str | None:
        """Create the directory (mode 0700) if it is missing, and say why it cannot be trusted or written.

        Returns:
            The reason, or None when the cache is usable.
        """
        try:
            self._make_usable()
        except (OSError, ValueError) as error:  # ValueError: a path with a null byte
            return str(FaultError.of(self.directory, error))
        return None

    def fault(self) -> str | None:
        """Say what ``prepare`` would say; nothing is created."""
        try:
            check_place(self.directory)
            self._check_writable()
        except (OSError, ValueError) as error:
            return str(FaultError.of(self.directory, error))
        return None

    def names(self) -> list[str]:
        """List the entries' names, in order: those of files that were made here, whether or not they can be used.

        Raises:
            OSError: the directory is not there, or not to be trusted.
        """
        check_directory(self.directory)
        with os.scandir(self.directory) as found:
            stems = [file.name.removesuffix(_SUFFIX) for file in found if file.name.endswith(_SUFFIX)]
        return sorted(name for name in stems if is_name(name) and self._is_entry(name))

    def remove(self, name: str, timeout: float) -> str:
        """Remove an entry, and what killed processes left of it. The lock's file stays: somebody may wait for it.

        Args:
            name: what the entry was published as.
            timeout: how long to wait for its lock, in seconds.

        Returns:
            The path where it was.

        Raises:
            OSError: the lock cannot be had in that time, the file is none that was made here, or it cannot be removed.
        """
        path = self._path(name)
        self._make_usable()  # what stands in the way is said, and is no matter of the lock
        with self.locked(name, timeout) as locked:
            if not locked:
                raise FaultError(path, f"its lock cannot be had within {timeout:g} s; end the process that keeps it")
            if not self._is_entry(name):
                raise FaultError(path, "rds_tls did not write it")
            os.unlink(path)
            _sweep(self.directory, f"{name}{_SUFFIX}.", time.time() - _LEFTOVER_AGE)
        return path

    def _is_entry(self, name: str) -> bool:
        try:
            return is_entry(read_private(self._path(name), BEGINNING))
        except OSError:  # a link, a folder, somebody else's
            return False

    def read(self, name: str) -> Entry | None:
        """Read an entry. The directory need not be writable, and may be root's.

        Args:
            name: what the entry was published as.

        Returns:
            The entry; None when there is none, or none that can be trusted, which is logged once.
        """
        path = self.directory
        try:
            check_directory(path)
            path = self._path(name)
            return parse(path, read_private(path, MAX_FILE_BYTES + 1))
        except FileNotFoundError:
            pass
        except (OSError, ValueError) as error:
            report(FaultError.of(path, error))
        return None

    def publish(self, name: str, content: bytes, origin: Origin) -> Entry:
        """Put an entry in place of the one before it, which stays if this fails.

        Args:
            name: lower-case letters, digits and dashes, as in a region's name.
            content: PEM, checked by the caller.
            origin: where it came from and when; its URL is without user and password, at most 200 characters of
                printable ASCII. A validator that does not fit on a line is forgotten, which costs a download later.

        Returns:
            The entry as it will be read.

        Raises:
            OSError: the disk will not take it, the directory is not to be trusted, or the name, the URL, the time
                or the size cannot be stored.
        """
        path = self._path(name)
        if fault := self.prepare():
            raise PermissionError(fault)
        data = render(content, origin)
        try:
            entry = parse(path, data)  # what could not be read back is not written
        except FaultError as error:
            raise OSError(f"{error} (URL {origin.url!r}, time {origin.fetched_at!r}, {len(content)} bytes)") from error
        _replace(path, data)
        return entry

    @contextmanager
    def locked(self, name: str, timeout: float) -> Iterator[bool]:
        """Keep every other thread and process from the same name's lock. Not for nesting.

        Args:
            name: the entry that the caller means to publish; reading and publishing need no lock by themselves.
            timeout: how long to wait for the lock, in seconds.

        Yields:
            True with the lock; False when the time passed without it, or when this directory cannot hold one.
        """
        lock = self._acquire(name, timeout)
        try:
            yield lock is not None
        finally:
            if lock is not None:
                lock.release()

    def _acquire(self, name: str, timeout: float) -> FileLock | None:
        from filelock import FileLock, Timeout

        try:
            self._make_usable()
            lock = FileLock(f"{self._path(name)}.lock", mode=0o600)
            lock.acquire(timeout=max(timeout, 0.0))  # a negative one would wait for ever
        except Timeout:
            return None
        except (OSError, ValueError) as error:
            report(FaultError.of(self.directory, error))
            return None
        return lock

    def _make_usable(self) -> None:
        make_private(self.directory)
        check_directory(self.directory)
        self._check_writable()

    def _check_writable(self) -> None:
        """Refuse a directory that cannot be written, or made."""
        there = self.directory
        while not os.path.lexists(there):
            there = os.path.dirname(there)
        if not os.access(there, os.W_OK | os.X_OK, effective_ids=os.access in os.supports_effective_ids):
            what = "it" if there == self.directory else f"{there!r} above it"
            raise FaultError(self.directory, f"{what} is read-only")

    def _path(self, name: str) -> str:
        path = os.path.join(self.directory, f"{name}{_SUFFIX}")
        if not is_name(name):
            raise FaultError(path, f"an entry's name has lower-case letters, digits and dashes, unlike {name!r}")
        return path


def _replace(path: str, data: bytes) -> None:
    """Write a file beside the path, force it to the disk, and only then let it take the path."""
    import tempfile

    directory, name = os.path.split(path)
    descriptor, temporary = tempfile.mkstemp(dir=directory, prefix=f"{name}.", suffix=".tmp")  # mode 0600
    try:
        with open(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(descriptor)
            written_at = os.fstat(descriptor).st_mtime
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise
    _sync_directory(directory)
    _sweep(directory, f"{name}.", written_at - _LEFTOVER_AGE)


def _sync_directory(directory: str) -> None:
    """Force the new name to the disk where that is possible: not on Windows, nor on every network file system."""
    with suppress(OSError):
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _sweep(directory: str, prefix: str, before: float) -> None:
    """Remove an entry's temporary files that killed processes left; the file system's own clock says how old."""
    with suppress(OSError), os.scandir(directory) as found:
        for file in found:
            ours = file.name.startswith(prefix) and file.name.endswith(".tmp")
            if ours and file.stat(follow_symlinks=False).st_mtime < before:
                os.unlink(file.path)
