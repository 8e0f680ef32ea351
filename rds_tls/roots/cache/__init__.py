"""Where downloaded bundles are kept: the first directory that can be trusted and written, else in memory."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from rds_tls import log
from rds_tls.roots.cache.kept import KEPT
from rds_tls.settings import on_lambda, without_login

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TypeAlias

    from rds_tls.endpoint import RootSet
    from rds_tls.roots.cache.disk import Cache
    from rds_tls.roots.cache.entry import Entry
    from rds_tls.roots.cache.memory import MemoryCache
    from rds_tls.settings import Settings

    Storage: TypeAlias = Cache | MemoryCache

_APPLICATION = "rds-tls"


def entry_name(roots: RootSet, settings: Settings) -> str:
    """Name the entry of a set of roots.

    What is downloaded from a mirror, past a CA of the caller's own, or with known roots alone goes under a name of its
    own: libpq opens an entry's file whenever it likes, so it must hold only what this caller would have fetched.

    Args:
        roots: which roots.
        settings: the caller's choices of whom to believe.

    Returns:
        The name of the roots, and a part of a hash where the caller does not simply believe AWS.
    """
    mirror, ca_file = settings.truststore_url, settings.mirror_ca_file
    if mirror is None and ca_file is None and not settings.known_roots_only:
        return roots.name
    from hashlib import sha256

    choices = without_login(mirror or "").rstrip("/"), os.fsdecode(ca_file or ""), str(settings.known_roots_only)
    return f"{roots.name}-{sha256(chr(0).join(choices).encode('utf-8', 'surrogateescape')).hexdigest()[:16]}"


def newest(roots: RootSet, settings: Settings) -> Entry | None:
    """Find the newest entry of a set of roots, on disk or in memory.

    Args:
        roots: which roots.
        settings: the caller's choice of a directory, and of whom to believe.

    Returns:
        The entry that was fetched last; None when there is none that can be trusted, and that these settings would
        have fetched.
    """
    name = entry_name(roots, settings)
    found: list[Entry | None] = []
    # Most containers have no cache: a first call there need not load what would read one (1 ms).
    if existing := [directory for directory in directories(settings) if os.path.lexists(directory)]:
        from rds_tls.roots.cache.disk import Cache

        found += [Cache(directory).read(name) for directory in existing]
    # Nor what would hold an entry in memory, before it does.
    if KEPT:
        from rds_tls.roots.cache.memory import MEMORY

        found.append(MEMORY.read(name))
    counting = [entry for entry in found if entry and _leads_there(entry, roots, settings)]
    return max(
        (entry for entry in counting if _is_sound(entry, roots, settings)),
        key=lambda entry: entry.origin.fetched_at,
        default=None,
    )


def prefetched(roots: RootSet, settings: Settings) -> Entry | None:
    """Find what ``prefetch`` put into the directory that the caller names.

    Where it was downloaded from does not matter, since the caller's word for the directory is his word for what is in
    it: an image is built where there is a mirror, and runs where there is none. What is known of roots counts here too.

    Args:
        roots: which roots.
        settings: the caller's choice of the directory.

    Returns:
        The entry; None when no directory is named, or when there is none in it that can be trusted.
    """
    if settings.bundle_dir is None:
        return None
    from rds_tls.roots.cache.disk import Cache

    entry = Cache(os.fspath(settings.bundle_dir)).read(roots.name)
    return entry if entry and _is_sound(entry, roots, settings) else None


def _leads_there(entry: Entry, roots: RootSet, settings: Settings) -> bool:
    from rds_tls.roots.truststore.urls import leads_to

    if leads_to(settings, entry.origin.url, roots):
        return True
    _report(entry, f"it is from {entry.origin.url}, where these settings do not lead")
    return False


def _is_sound(entry: Entry, roots: RootSet, settings: Settings) -> bool:
    from rds_tls.roots.truststore.validation import objection

    fault = objection(entry.content, roots, known_only=settings.known_roots_only)
    if fault is None:
        return True
    _report(entry, fault)
    return False


def _report(entry: Entry, fault: str) -> None:
    from rds_tls.roots.cache.fault import FaultError, report

    report(FaultError(entry.path, fault))


def writable(settings: Settings) -> Storage:
    """Choose where the next entry goes, and create that directory if it is missing.

    Args:
        settings: the caller's choice of a directory.

    Returns:
        The first directory without a fault, or else the memory.
    """
    from rds_tls.roots.cache.disk import Cache

    for directory in directories(settings):
        cache = Cache(directory)
        fault = cache.prepare()
        if fault is None:
            return cache
        log.warning("%s; downloaded roots go elsewhere", fault)
    from rds_tls.roots.cache.memory import MEMORY

    return MEMORY


def directories(settings: Settings) -> list[str]:
    """List where the cache may live, as ``cache_directories`` does for this process."""
    return cache_directories(None if settings.cache_dir is None else os.fspath(settings.cache_dir), os.environ)


def cache_directories(cache_dir: str | None, environ: Mapping[str, str]) -> list[str]:
    """List where the cache may live; the first directory that has no fault is the one to use.

    Args:
        cache_dir: the caller's own choice, which excludes every other place.
        environ: the environment variables.

    Returns:
        Directories, best first: the user's cache directory (not on AWS Lambda, where only the temporary directory
        can be written), then one in the temporary directory that carries the user's number.
    """
    if cache_dir is not None:
        return [os.path.expanduser(cache_dir)]
    found = [] if on_lambda(environ) else [_user_cache(environ)]
    owner = f"-{os.geteuid()}" if hasattr(os, "geteuid") else ""  # on Windows each user has a temporary directory
    found.append(os.path.join(_temporary(environ), f"{_APPLICATION}{owner}"))
    return [directory for directory in found if os.path.isabs(directory)]


def _user_cache(environ: Mapping[str, str]) -> str:
    """Follow platformdirs' convention, without its import (18 ms) on the way to every process's first context."""
    home = environ.get("HOME") or os.path.expanduser("~")
    if sys.platform == "win32":
        local = environ.get("LOCALAPPDATA") or os.path.join(os.path.expanduser("~"), "AppData", "Local")
        return os.path.join(local, _APPLICATION, "Cache")
    # The XDG specification: a relative path is to be ignored.
    if os.path.isabs(base := environ.get("XDG_CACHE_HOME", "")):
        return os.path.join(base, _APPLICATION)
    return os.path.join(home, *(("Library", "Caches") if sys.platform == "darwin" else (".cache",)), _APPLICATION)


def _temporary(environ: Mapping[str, str]) -> str:
    """Look where tempfile.gettempdir() looks first, without its import (4 ms) and its trial writes."""
    return next((found for variable in ("TMPDIR", "TEMP", "TMP") if (found := environ.get(variable))), "/tmp")  # noqa: S108 - prepare() refuses what somebody else prepared there
