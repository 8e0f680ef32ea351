"""A region's published bundle, downloaded, validated and stored: once for everybody who wants it just then."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from rds_tls import log
from rds_tls.endpoint import RootSet, Trust
from rds_tls.endpoint import partitions as regions
from rds_tls.errors import DownloadError, OptionError, SettingsError, TrustError
from rds_tls.roots import cache as store
from rds_tls.roots.background import SCHEDULE
from rds_tls.roots.cache.disk import Cache
from rds_tls.roots.cache.memory import MEMORY
from rds_tls.roots.truststore import urls as truststore
from rds_tls.roots.truststore.download import Download, Validators, download
from rds_tls.roots.truststore.validation import validated
from rds_tls.settings import Settings, process_settings

if TYPE_CHECKING:
    from typing import Any

    from rds_tls.roots.cache.disk import Entry


def renew(roots: RootSet, settings: Settings, previous: Entry | None, *, unconditional: bool = False) -> Entry:
    """Get a newer bundle, from the network or from whoever was faster, and store it.

    Args:
        roots: which bundle; never ``Trust.AMAZON``, whose roots ship with the package.
        settings: timeouts (seconds), the mirror, the cache directory, and whether roots must be known ones. Waiting
            for another process and every download together take ``total_timeout`` at most.
        previous: the entry that the caller has; another one found under the lock is as good as a download.
        unconditional: fetch the content even if the server would say that it has not changed.

    Returns:
        The stored entry; where no disk takes it, one that lives as long as this process.

    Raises:
        DownloadError: it cannot be downloaded.
        BundleError: what came is no bundle of this region, or contradicts a known root.
        TrustError: nobody publishes one, or another process keeps the lock.
    """
    deadline = time.monotonic() + settings.total_timeout
    place, name = store.writable(settings), store.entry_name(roots, settings)
    with place.locked(name, settings.total_timeout) as locked:
        current = store.newest(roots, settings)
        if current is not None and current != previous:
            return current
        if not locked:
            raise TrustError(
                f"another process has kept the lock of the {roots} in {place.directory} for {settings.total_timeout:g} "
                "s: end it, or set RDS_TLS_CACHE_DIR to a directory of your own"
            )
        answer, content = fetch(roots, settings, deadline, None if unconditional else current)
        return _store(place, name, answer, content)


def fetch(roots: RootSet, settings: Settings, deadline: float, current: Entry | None = None) -> tuple[Download, bytes]:
    """Download a bundle and validate it; a server that says "not modified" confirms what is there.

    Args:
        roots: which bundle.
        settings: as for ``renew``.
        deadline: when every download must be done, by ``time.monotonic`` (seconds).
        current: the stored entry, to ask only whether it has changed.

    Returns:
        The answer, and the PEM of the region's roots.

    Raises:
        DownloadError, BundleError, TrustError: as for ``renew``.
    """
    *earlier, last = truststore.urls(roots, settings)
    for url in earlier:
        try:
            return _fetch_from(url, roots, settings, deadline, current)
        except DownloadError as error:
            if not error.missing:
                raise
            log.info("there is no bundle for %s alone: %s", roots.region, error)
    return _fetch_from(last, roots, settings, deadline, current)


def _fetch_from(
    url: str, roots: RootSet, settings: Settings, deadline: float, current: Entry | None
) -> tuple[Download, bytes]:
    rest = round(deadline - time.monotonic(), 3)
    if rest <= 0:
        raise DownloadError(url, f"nothing is left for it of {settings.total_timeout:g} seconds")
    limited = settings._replace(total_timeout=rest)
    if current is None or current.url != url:
        answer = download(url, limited)
    else:
        answer = download(url, limited, Validators(current.etag, current.last_modified))
        if answer.content is None:
            return answer, current.content
    with SCHEDULE.uncut():
        bundle = validated(answer.content or b"", roots, known_only=settings.known_roots_only)
        return answer, bundle.to_pem()


def _store(place: store.Place, name: str, answer: Download, content: bytes) -> Entry:
    try:
        entry = place.publish(name, content, **_facts(answer))
    except OSError as error:
        log.warning("%s cannot be stored in %s: %s; it is kept in memory", name, place.directory, error)
        entry = MEMORY.publish(name, content, **_facts(answer))
    log.info("%s downloaded from %s, SHA-256 %s", name, entry.url, entry.digest)
    return entry


def _facts(answer: Download) -> dict[str, Any]:
    return {
        "url": answer.url,
        "etag": answer.validators.etag,
        "last_modified": answer.validators.last_modified,
        "fetched_at": time.time(),
    }


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
        if regions.partition_of(region) is None:
            raise OptionError(f"{region!r} is not the name of an AWS region: check its spelling")
    if settings.offline:
        raise OptionError("prefetch() is there to download, which RDS_TLS_OFFLINE or Settings(offline=True) forbids")
    wanted = [RootSet(Trust.RDS, region) for region in region_names]
    if directory is None:
        return [renew(roots, settings, store.newest(roots, settings)).path for roots in wanted]
    return [_fetch_into(os.fspath(directory), roots, settings) for roots in wanted]


def _fetch_into(directory: str, roots: RootSet, settings: Settings) -> str:
    made = not os.path.isdir(directory)
    cache = Cache(directory)
    answer, content = fetch(roots, settings, time.monotonic() + settings.total_timeout)
    try:
        path = cache.publish(roots.name, content, **_facts(answer)).path
        # The image's build and the program in it are seldom the same user; nothing in here is secret.
        os.chmod(path, 0o644)
        if made:
            os.chmod(cache.directory, 0o755)  # noqa: S103 - as above
    except OSError as error:
        raise SettingsError(f"prefetch() cannot use directory={directory!r}: {error}") from error
    return path
