"""Where downloaded bundles are kept: the first directory that can be trusted and written, else in memory."""

import os
import sys

from rds_tls import log

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from rds_tls.cache import Cache, Entry
    from rds_tls.memory import MemoryCache
    from rds_tls.settings import Settings

    Place = Cache | MemoryCache

APPLICATION = "rds-tls"


def newest(name: str, settings: "Settings") -> "Entry | None":
    """Find the newest entry of a name, on disk or in memory.

    Args:
        name: what it was published as.
        settings: the caller's choice of a directory.

    Returns:
        The entry that was fetched last; None when there is none that can be trusted.
    """
    found: list[Entry | None] = []
    # Most containers have no cache: a first call there need not load what would read one (1 ms).
    if existing := [directory for directory in _directories(settings) if os.path.lexists(directory)]:
        from rds_tls.cache import Cache

        found += [Cache(directory).read(name) for directory in existing]
    # Nor what would hold an entry in memory, before it does.
    if "rds_tls.memory" in sys.modules:
        from rds_tls.memory import MEMORY

        found.append(MEMORY.read(name))
    return max((entry for entry in found if entry), key=lambda entry: entry.fetched_at, default=None)


def writable(settings: "Settings") -> "Place":
    """Choose where the next entry goes.

    Args:
        settings: the caller's choice of a directory.

    Returns:
        The first directory without a fault, which is created if it is missing, or else the memory.
    """
    from rds_tls.cache import Cache

    for directory in _directories(settings):
        cache = Cache(directory)
        fault = cache.fault()
        if fault is None:
            return cache
        log.warning("%s; downloaded roots go elsewhere", fault)
    from rds_tls.memory import MEMORY

    return MEMORY


def _directories(settings: "Settings") -> list[str]:
    return candidates(None if settings.cache_dir is None else os.fspath(settings.cache_dir), os.environ)


def candidates(cache_dir: str | None, environ: "Mapping[str, str]") -> list[str]:
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
    found = [] if "AWS_LAMBDA_FUNCTION_NAME" in environ else [_user_cache(environ)]
    owner = f"-{os.geteuid()}" if hasattr(os, "geteuid") else ""  # on Windows each user has a temporary directory
    found.append(os.path.join(_temporary(environ), f"{APPLICATION}{owner}"))
    return [directory for directory in found if os.path.isabs(directory)]


def _user_cache(environ: "Mapping[str, str]") -> str:
    """Follow platformdirs' convention, without its import (18 ms) on the way to every process's first context."""
    home = environ.get("HOME") or os.path.expanduser("~")
    if sys.platform == "win32":
        local = environ.get("LOCALAPPDATA") or os.path.join(os.path.expanduser("~"), "AppData", "Local")
        return os.path.join(local, APPLICATION, "Cache")
    # The XDG specification: a relative path is to be ignored.
    if os.path.isabs(base := environ.get("XDG_CACHE_HOME", "")):
        return os.path.join(base, APPLICATION)
    return os.path.join(home, *(("Library", "Caches") if sys.platform == "darwin" else (".cache",)), APPLICATION)


def _temporary(environ: "Mapping[str, str]") -> str:
    """Look where tempfile.gettempdir() looks first, without its import (4 ms) and its trial writes."""
    return next((found for variable in ("TMPDIR", "TEMP", "TMP") if (found := environ.get(variable))), "/tmp")  # noqa: S108 - fault() refuses what somebody else prepared there
