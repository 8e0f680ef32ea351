"""Downloaded roots on disk: published at once or not at all, checked whenever they are read, locked by name.

An entry is one file, ``<name>.pem``, that libpq and OpenSSL may open at any moment::

    # rds_tls cache 1
    # sha256: <of everything after this line>
    # url: https://...
    # etag: "..."
    # last-modified: ...
    # fetched-at: <POSIX seconds>
    -----BEGIN CERTIFICATE-----

Both skip text outside the PEM blocks. So the facts about the content cannot be torn from it, and one check covers both.
The check finds accidents; that nobody else can write the files is what makes them trustworthy.
"""

from __future__ import annotations

import os
import re
import stat
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, NamedTuple

from rds_tls import log

if TYPE_CHECKING:
    from collections.abc import Iterator

    from filelock import FileLock

VERSION = b"# rds_tls cache 1\n"
ROOT = 0

# Larger than any download may be (1 MiB) with its header: what is larger was not published here.
MAX_FILE_BYTES = 1_114_112

# A publish takes milliseconds. A temporary file this much older (s) than a new one belongs to a killed process.
LEFTOVER_AGE = 600

# Compiling these costs 0.1 ms and more each, so they wait for the first file.
_NAME = r"[a-z0-9][a-z0-9-]*"

# A value is printable ASCII on one line. An ETag is whatever the server likes, so it must not become a certificate:
# OpenSSL reads PEM in pieces of 254 bytes and takes each for a line of its own (LINESIZE in crypto/pem/pem_lib.c),
# and GnuTLS looks for the dashes anywhere. Hence no long values, and no "-----" in them.
_VALUE = r"(?!.*-----)[!-~](?:[ -~]{0,198}[!-~])?"

_VERSION = rb"# rds_tls cache [0-9]+\n"
_SHA256 = rb"# sha256: ([0-9a-f]{64})\n"
_FACTS = (
    rf"# url: (?P<url>{_VALUE})\n"
    rf"# etag: (?P<etag>(?:{_VALUE})?)\n"
    rf"# last-modified: (?P<last_modified>(?:{_VALUE})?)\n"
    r"# fetched-at: (?P<fetched_at>[0-9]{1,12}\.[0-9]{3})\n".encode()
)

# O_NONBLOCK: opening a FIFO would wait for its writer. Windows has neither flag, and no need of them.
_READ_FLAGS = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)

_reported: dict[tuple[str, str], object] = {}


class Entry(NamedTuple):
    """What the cache holds under a name.

    Attributes:
        path: the PEM file, at a path that stays the same; replaced whole, never removed.
        content: the PEM as it was published.
        url: where it came from.
        etag: the ETag that the server sent with it, if one that fits on a line.
        last_modified: the Last-Modified that the server sent with it, likewise.
        fetched_at: when it was fetched, in POSIX seconds (UTC), to the millisecond.
        digest: SHA-256 of the content, in hex.
    """

    path: str
    content: bytes
    url: str
    etag: str | None
    last_modified: str | None
    fetched_at: float
    digest: str


class _FaultError(OSError):
    """Why a path is not trusted, or not usable."""

    def __init__(self, path: str, fault: str) -> None:
        super().__init__(f"the cache cannot use {path!r}: {fault}")
        self.path = path
        self.fault = fault

    @classmethod
    def of(cls, path: str, error: OSError | ValueError) -> _FaultError:
        """Put what the system says about a path into our words, unless it is in them already."""
        if isinstance(error, _FaultError):
            return error
        return cls(path, (error.strerror if isinstance(error, OSError) else None) or str(error))


class _OtherVersionError(_FaultError):
    """The file was written by another release: no cause for alarm."""


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
            return str(_FaultError.of(self.directory, error))
        return None

    def read(self, name: str) -> Entry | None:
        """Read an entry. The directory need not be writable, and may be root's.

        Args:
            name: what the entry was published as.

        Returns:
            The entry; None when there is none, or none that can be trusted, which is logged once.
        """
        path = self.directory
        try:
            _check_directory(path)
            path = self._path(name)
            return _parse(path, _read_private(path))
        except FileNotFoundError:
            pass
        except (OSError, ValueError) as error:
            _report(_FaultError.of(path, error))
        return None

    def publish(
        self,
        name: str,
        content: bytes,
        *,
        url: str,
        etag: str | None,
        last_modified: str | None,
        fetched_at: float,
    ) -> Entry:
        """Put an entry in place of the one before it, which stays if this fails.

        Args:
            name: lower-case letters, digits and dashes, as in a region's name.
            content: PEM, checked by the caller.
            url: where it came from, without user and password; at most 200 characters of printable ASCII.
            etag: the server's ETag. One that does not fit on a line is forgotten, which costs a download later.
            last_modified: the server's Last-Modified, likewise.
            fetched_at: when it was fetched, in POSIX seconds (UTC).

        Returns:
            The entry as it will be read.

        Raises:
            OSError: the disk will not take it, the directory is not to be trusted, or the name, the URL, the time
                or the size cannot be stored.
        """
        path = self._path(name)
        if fault := self.prepare():
            raise PermissionError(fault)
        data = _render(content, url, _fitting(etag), _fitting(last_modified), fetched_at)
        try:
            entry = _parse(path, data)  # what could not be read back is not written
        except _FaultError as error:
            raise OSError(f"{error} (URL {url!r}, time {fetched_at!r}, {len(content)} bytes)") from error
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
            _report(_FaultError.of(self.directory, error))
            return None
        return lock

    def _make_usable(self) -> None:
        _make_private(self.directory)
        _check_directory(self.directory)
        if not os.access(self.directory, os.W_OK | os.X_OK, effective_ids=os.access in os.supports_effective_ids):
            raise _FaultError(self.directory, "it is read-only")

    def _path(self, name: str) -> str:
        path = os.path.join(self.directory, f"{name}.pem")
        if not re.fullmatch(_NAME, name):
            raise _FaultError(path, f"an entry's name has lower-case letters, digits and dashes, unlike {name!r}")
        return path


def _make_private(directory: str) -> None:
    """Create a directory and what is missing above it, for this user alone, and nothing where others have a say."""
    if not os.path.isabs(directory):
        raise OSError("it is relative, and there is no current directory")
    if not os.path.lexists(directory):
        _make_private(os.path.dirname(directory))
        _check_above(directory)
        with suppress(FileExistsError):  # another process was faster
            os.mkdir(directory, 0o700)


def _check_directory(directory: str) -> None:
    """Refuse a directory in which, or in whose place, somebody else may have put files."""
    status = os.lstat(directory)
    if stat.S_ISLNK(status.st_mode):
        raise _FaultError(directory, "it is a symbolic link; name the directory itself")
    if not stat.S_ISDIR(status.st_mode):
        raise _FaultError(directory, "it is not a directory")
    _check_owner(directory, status)
    _check_above(directory)


def _check_above(path: str) -> None:
    """Refuse a path in whose place somebody else may put another: whoever may rename any directory on the way to it."""
    above = os.path.dirname(path)
    if above == path or not hasattr(os, "geteuid"):
        return
    _check_above(above)
    status = os.lstat(above)
    if stat.S_ISLNK(status.st_mode):
        _check_link(path, above, status)
    # In root's own /tmp anybody may put something new; the sticky bit keeps the rest in its place.
    elif status.st_uid != ROOT or not status.st_mode & stat.S_ISVTX:
        _check_owner(path, status, above)


def _check_link(path: str, link: str, status: os.stat_result) -> None:
    """Refuse a link that somebody else may have made, or that leads through somebody else's directories."""
    if status.st_uid not in {os.geteuid(), ROOT}:
        raise _FaultError(path, f"{link!r} above it is a link of uid {status.st_uid}; name the directory behind it")
    _check_above(os.path.join(os.path.dirname(link), os.readlink(link), "what is in it"))


def _check_owner(path: str, status: os.stat_result, above: str | None = None) -> None:
    """Refuse what somebody else may have written: neither this user nor root, who builds images and Lambda layers.

    Args:
        path: what is to be used.
        status: whose owner and mode count.
        above: the directory that has them, where it is one on the way to the path.
    """
    if not hasattr(os, "geteuid"):
        return  # Windows has no such owner and mode; inherited permissions close a user's directories
    what = f"{above!r} above it" if above else "it"
    if status.st_uid not in {os.geteuid(), ROOT}:
        raise _FaultError(
            path, f"{what} belongs to uid {status.st_uid}, this process runs as {os.geteuid()}; use another"
        )
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise _FaultError(path, f"others can write {what} (mode {stat.S_IMODE(status.st_mode):04o}); chmod go-w")


def _read_private(path: str) -> bytes:
    """Read a regular file that nobody else can have written: the open file is checked, not its path."""
    descriptor = os.open(path, _READ_FLAGS)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise _FaultError(path, "it is not a regular file")
        _check_owner(path, status)
        with open(descriptor, "rb", closefd=False) as file:
            return file.read(MAX_FILE_BYTES + 1)
    finally:
        os.close(descriptor)


def _render(content: bytes, url: str, etag: str | None, last_modified: str | None, fetched_at: float) -> bytes:
    facts = (
        f"# url: {url}\n# etag: {etag or ''}\n# last-modified: {last_modified or ''}\n# fetched-at: {fetched_at:.3f}\n"
    )
    checked = facts.encode("utf-8", "backslashreplace") + content
    return VERSION + f"# sha256: {_sha256(checked)}\n".encode() + checked


def _parse(path: str, data: bytes) -> Entry:
    """Take the bytes of a file apart, or say what is wrong with them."""
    version = re.match(_VERSION, data)
    if version and version[0] != VERSION:
        raise _OtherVersionError(path, "another version of rds_tls wrote it")
    sha256 = version and re.compile(_SHA256).match(data, version.end())
    if not sha256 or sha256[1].decode() != _sha256(data[sha256.end() :]):
        raise _FaultError(path, "it is torn or was edited")
    facts = re.compile(_FACTS).match(data, sha256.end())
    if not facts or len(data) > MAX_FILE_BYTES:
        raise _FaultError(path, "it does not follow the format")
    content = data[facts.end() :]
    url, etag, last_modified, fetched_at = (value.decode() for value in facts.groups())
    return Entry(path, content, url, etag or None, last_modified or None, float(fetched_at), _sha256(content))


def _fitting(value: str | None) -> str | None:
    return value if value is not None and re.fullmatch(_VALUE, value) else None


def _sha256(data: bytes) -> str:
    import hashlib

    return hashlib.sha256(data).hexdigest()


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
    _sweep(directory, f"{name}.", written_at - LEFTOVER_AGE)


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


def report(path: str, fault: str) -> None:
    """Log, once, why something that is there is not used.

    Args:
        path: where it is.
        fault: what is wrong with it, and what to do.
    """
    _report(_FaultError(path, fault))


def _report(error: _FaultError) -> None:
    token = object()
    if _reported.setdefault((error.path, error.fault), token) is token:
        say = log.info if isinstance(error, _OtherVersionError) else log.warning
        say("%s", error)
