"""Directories and files that nobody else can have written: neither in them, nor above them, nor through a link."""

from __future__ import annotations

import os
import stat
from contextlib import suppress

from rds_tls.roots.cache.fault import FaultError

_ROOT = 0

# O_NONBLOCK: opening a FIFO would wait for its writer. Windows has neither flag, and no need of them.
_READ_FLAGS = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


def make_private(directory: str) -> None:
    """Create a directory and what is missing above it, for this user alone, and nothing where others have a say."""
    if not os.path.isabs(directory):
        raise OSError("it is relative, and there is no current directory")
    if not os.path.lexists(directory):
        make_private(os.path.dirname(directory))
        _check_above(directory)
        with suppress(FileExistsError):  # another process was faster
            os.mkdir(directory, 0o700)


def check_place(directory: str) -> None:
    """Refuse a directory as ``check_directory`` does; one that is missing, where ``make_private`` would not make it."""
    if os.path.lexists(directory):
        check_directory(directory)
        return
    if not os.path.isabs(directory):
        raise OSError("it is relative, and there is no current directory")
    there = directory
    while not os.path.lexists(there):
        missing, there = there, os.path.dirname(there)
    _check_above(missing)
    if not os.path.isdir(there):
        raise FaultError(directory, f"{there!r} above it is not a directory")


def check_directory(directory: str) -> None:
    """Refuse a directory in which, or in whose place, somebody else may have put files."""
    status = os.lstat(directory)
    if stat.S_ISLNK(status.st_mode):
        raise FaultError(directory, "it is a symbolic link; name the directory itself")
    if not stat.S_ISDIR(status.st_mode):
        raise FaultError(directory, "it is not a directory")
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
    elif status.st_uid != _ROOT or not status.st_mode & stat.S_ISVTX:
        _check_owner(path, status, above)


def _check_link(path: str, link: str, status: os.stat_result) -> None:
    """Refuse a link that somebody else may have made, or that leads through somebody else's directories."""
    if status.st_uid not in {os.geteuid(), _ROOT}:
        raise FaultError(path, f"{link!r} above it is a link of uid {status.st_uid}; name the directory behind it")
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
    if status.st_uid not in {os.geteuid(), _ROOT}:
        raise FaultError(
            path, f"{what} belongs to uid {status.st_uid}, this process runs as {os.geteuid()}; use another"
        )
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise FaultError(path, f"others can write {what} (mode {stat.S_IMODE(status.st_mode):04o}); chmod go-w")


def read_private(path: str, limit: int) -> bytes:
    """Read a regular file that nobody else can have written: the open file is checked, not its path.

    Args:
        path: where it is.
        limit: how many bytes to read at most.
    """
    descriptor = os.open(path, _READ_FLAGS)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise FaultError(path, "it is not a regular file")
        _check_owner(path, status)
        with open(descriptor, "rb", closefd=False) as file:
            return file.read(limit)
    finally:
        os.close(descriptor)
