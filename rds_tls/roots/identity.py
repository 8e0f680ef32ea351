"""What a file is, without reading it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import os


def identity_of(status: os.stat_result) -> tuple[int, ...]:
    """Tell a file from any that takes its place, and from itself once it is written to.

    The time of the last change is there as well, since every program can set the time of the last modification.
    """
    return status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size, status.st_ctime_ns
