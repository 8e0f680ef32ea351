"""A region's published bundle, downloaded, validated and stored: once for everybody who wants it just then."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from rds_tls import log
from rds_tls.errors import DownloadError, TrustError
from rds_tls.roots import cache
from rds_tls.roots.background import SCHEDULE
from rds_tls.roots.cache.memory import MEMORY
from rds_tls.roots.truststore.download import download
from rds_tls.roots.truststore.urls import published_urls
from rds_tls.roots.truststore.validation import validate

if TYPE_CHECKING:
    from rds_tls.endpoint import RootSet
    from rds_tls.roots.cache.entry import Entry
    from rds_tls.roots.origin import Origin
    from rds_tls.settings import Settings


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
    storage, name = cache.writable(settings), cache.entry_name(roots, settings)
    with storage.locked(name, settings.total_timeout) as locked:
        current = cache.newest(roots, settings)
        if current is not None and current != previous:
            return current
        if not locked:
            raise TrustError(
                f"another process has kept the lock of the {roots} in {storage.directory} for "
                f"{settings.total_timeout:g} s: end it, or set RDS_TLS_CACHE_DIR to a directory of your own"
            )
        content, origin = fetch(roots, settings, deadline, None if unconditional else current)
        return _store(storage, name, content, origin)


def fetch(roots: RootSet, settings: Settings, deadline: float, current: Entry | None = None) -> tuple[bytes, Origin]:
    """Download a bundle and validate it; a server that says "not modified" confirms what is there.

    Args:
        roots: which bundle.
        settings: as for ``renew``.
        deadline: when every download must be done, by ``time.monotonic`` (seconds).
        current: the stored entry, to ask only whether it has changed.

    Returns:
        The PEM of the region's roots, and where they came from.

    Raises:
        DownloadError, BundleError, TrustError: as for ``renew``.
    """
    *earlier, last = published_urls(roots, settings)
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
) -> tuple[bytes, Origin]:
    remaining = round(deadline - time.monotonic(), 3)
    if remaining <= 0:
        raise DownloadError(url, f"nothing is left for it of {settings.total_timeout:g} seconds")
    limited = settings._replace(total_timeout=remaining)
    if current is None or current.origin.url != url:
        answer = download(url, limited)
    else:
        answer = download(url, limited, current.origin.validators)
        if answer.content is None:
            return current.content, answer.origin
    with SCHEDULE.shielded():
        bundle = validate(answer.content or b"", roots, known_only=settings.known_roots_only)
        return bundle.to_pem(), answer.origin


def _store(storage: cache.Storage, name: str, content: bytes, origin: Origin) -> Entry:
    try:
        entry = storage.publish(name, content, origin)
    except OSError as error:
        log.warning("%s cannot be stored in %s: %s; it is kept in memory", name, storage.directory, error)
        entry = MEMORY.publish(name, content, origin)
    log.info("%s downloaded from %s, SHA-256 %s", name, origin.url, entry.digest)
    return entry
