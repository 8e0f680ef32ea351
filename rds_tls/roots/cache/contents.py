"""What the cache holds, for whoever wants to see it or to be rid of it."""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from rds_tls.endpoint.partitions import partition_of
from rds_tls.endpoint.values import RootSet, Trust
from rds_tls.roots import cache
from rds_tls.roots.anchors import is_young
from rds_tls.roots.cache.disk import Cache
from rds_tls.roots.cache.entry import MAX_FILE_BYTES, parse
from rds_tls.roots.cache.fault import FaultError
from rds_tls.roots.cache.private import check_directory, read_private
from rds_tls.roots.pem import BEGIN_CERTIFICATE

if TYPE_CHECKING:
    from rds_tls.settings import Settings

# An entry's name: the region, whether it is of Preview roots, and whom these are believed from (``cache.entry_name``).
_NAME = r"([a-z0-9-]+?)(-preview)?(?:-[0-9a-f]{16})?"


class Listed(NamedTuple):
    """An entry of the cache.

    Attributes:
        path: its file.
        region: the AWS region.
        size: of the file, in bytes.
        fetched_at: when its roots were fetched (POSIX seconds); None where it cannot be used.
        roots: how many roots it has.
        is_fresh: whether it is younger than ``Settings.max_age``.
        is_found: whether it is what these settings find, rather than others, as with a mirror.
        fault: why it cannot be used; empty where it can.
    """

    path: str
    region: str
    size: int
    fetched_at: float | None = None
    roots: int = 0
    is_fresh: bool = False
    is_found: bool = False
    fault: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Give what a JSON document can hold; the time in ISO 8601."""
        at = self.fetched_at
        return self._asdict() | {"fetched_at": None if at is None else datetime.fromtimestamp(at, UTC).isoformat()}


class Place(NamedTuple):
    """A directory where the cache may live.

    Attributes:
        directory: its path.
        fault: why no download can go there; None where it can.
        entries: what is there, by name; none where it is not to be trusted.
    """

    directory: str
    fault: str | None
    entries: list[Listed]

    def to_dict(self) -> dict[str, Any]:
        """Give what a JSON document can hold."""
        return self._asdict() | {"entries": [entry.to_dict() for entry in self.entries]}


def places(settings: Settings) -> list[Place]:
    """List where the cache may live, and what is there; nothing is created.

    Args:
        settings: the caller's choice of a directory, of whom to believe, and of the age.

    Returns:
        The directories, best first: a download goes to the first that has no fault, or into memory.
    """
    storages = [Cache(directory) for directory in cache.directories(settings)]
    return [Place(storage.directory, storage.fault(), _listed(storage, settings)) for storage in storages]


def clear(settings: Settings) -> tuple[list[str], list[str]]:
    """Remove every entry from where the cache may live, and nothing that rds_tls did not write.

    A program that was told the path of one cannot connect any more before it asks again; none goes unverified.

    Args:
        settings: the caller's choice of a directory, and how long to wait for a lock.

    Returns:
        The paths of what was removed, and why anything else of ours is still there.
    """
    removed: list[str] = []
    faults: list[str] = []
    for storage in map(Cache, cache.directories(settings)):
        for name in _names(storage, faults):
            try:
                removed.append(storage.remove(name, settings.total_timeout))
            except OSError as error:
                faults.append(str(FaultError.of(f"{storage.directory}{os.sep}{name}.pem", error)))
    return removed, faults


def _names(storage: Cache, faults: list[str]) -> list[str]:
    try:
        return storage.names()
    except FileNotFoundError:
        return []
    except (OSError, ValueError) as error:
        faults.append(str(FaultError.of(storage.directory, error)))
        return []


def _listed(storage: Cache, settings: Settings) -> list[Listed]:
    return [_described(storage, name, settings) for name in _names(storage, [])]


def _described(storage: Cache, name: str, settings: Settings) -> Listed:
    path = os.path.join(storage.directory, f"{name}.pem")
    roots = _roots(name)
    listed = Listed(path, roots.region or name, 0)
    try:
        check_directory(storage.directory)
        data = read_private(path, MAX_FILE_BYTES + 1)
        entry = parse(path, data)
    except OSError as error:
        return listed._replace(fault=FaultError.of(path, error).fault)
    found = cache.newest(roots, settings) if partition_of(roots.region or "") else None
    return listed._replace(
        size=len(data),
        fetched_at=entry.origin.fetched_at,
        roots=entry.content.count(BEGIN_CERTIFICATE),
        is_fresh=is_young(entry.origin.fetched_at, settings),
        is_found=found is not None and found.path == path,
    )


def _roots(name: str) -> RootSet:
    """Read an entry's name."""
    read = re.fullmatch(_NAME, name)
    if read is None:
        return RootSet(Trust.RDS, name)
    return RootSet(Trust.RDS_PREVIEW if read[2] else Trust.RDS, read[1])
