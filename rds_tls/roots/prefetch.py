"""The bundles of regions, downloaded now: as when an image or a Lambda layer is built."""

from __future__ import annotations

import os
import time

from rds_tls.endpoint import RootSet, Trust
from rds_tls.endpoint.partitions import partition_of
from rds_tls.errors import OptionError, SettingsError
from rds_tls.roots import cache
from rds_tls.roots.cache.disk import Cache
from rds_tls.roots.renewal import fetch, renew
from rds_tls.settings import Settings, process_settings


def prefetch(
    *region_names: str, directory: str | os.PathLike[str] | None = None, settings: Settings | None = None
) -> list[str]:
    """Download the bundles of regions now, as when an image or a Lambda layer is built.

    Args:
        *region_names: AWS regions, as in "us-gov-west-1".
        directory: where to put them, readable by every user; point ``RDS_TLS_BUNDLE_DIR`` (or
            ``Settings(bundle_dir=...)``) at it at run time. The user's cache directory unless given.
        settings: timeouts (seconds), mirror and the like; those of the environment unless given.

    Returns:
        The paths of the PEM files, in the order of the regions.

    Raises:
        OptionError: no region is named, or one is not the name of an AWS region.
        SettingsError: the directory cannot be used.
        DownloadError: a bundle cannot be downloaded.
        BundleError: what came is no bundle of the region, or contradicts a known root.
        TrustError: AWS publishes none for the partition.
    """
    settings = process_settings() if settings is None else settings
    if not region_names:
        raise OptionError("no region is named: pass at least one, as in prefetch('us-east-1')")
    for region in region_names:
        if partition_of(region) is None:
            raise OptionError(f"{region!r} is not the name of an AWS region: check its spelling")
    if settings.offline:
        raise OptionError("prefetch() is there to download, which RDS_TLS_OFFLINE or Settings(offline=True) forbids")
    wanted = [RootSet(Trust.RDS, region) for region in region_names]
    if directory is None:
        return [renew(roots, settings, cache.newest(roots, settings)).path for roots in wanted]
    return [_fetch_into(os.fspath(directory), roots, settings) for roots in wanted]


def _fetch_into(directory: str, roots: RootSet, settings: Settings) -> str:
    made = not os.path.isdir(directory)
    storage = Cache(directory)
    content, origin = fetch(roots, settings, time.monotonic() + settings.total_timeout)
    try:
        path = storage.publish(roots.name, content, origin).path
        # The image's build and the program in it are seldom the same user; nothing in here is secret.
        os.chmod(path, 0o644)
        if made:
            os.chmod(storage.directory, 0o755)  # noqa: S103 - as above
    except OSError as error:
        raise SettingsError(f"prefetch() cannot use directory={directory!r}: {error}") from error
    return path
