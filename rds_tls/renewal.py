"""A region's published bundle, downloaded, validated and stored: once for everybody who wants it just then."""

import os
import time
from datetime import UTC, datetime

from rds_tls import known_roots, log, regions, store
from rds_tls.bundle import Bundle, Channel, parse_bundle
from rds_tls.cache import Cache
from rds_tls.download import Download, Validators, download
from rds_tls.endpoint import RootSet, Trust
from rds_tls.errors import BundleError, DownloadError, OptionError, SettingsError, TrustError
from rds_tls.memory import MEMORY
from rds_tls.refresh import SCHEDULE
from rds_tls.settings import process_settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from rds_tls.bundle import Root
    from rds_tls.cache import Entry
    from rds_tls.settings import Settings

_CHANNELS = {Trust.RDS: Channel.GA, Trust.RDS_PREVIEW: Channel.PREVIEW}

# What waiting for another process's lock leaves of the total timeout may be nothing; this much a download gets (s).
_SHORTEST_DOWNLOAD = 1.0


def renew(roots: "RootSet", settings: "Settings", seen: "Entry | None", *, unconditional: bool = False) -> "Entry":
    """Get a newer bundle, from the network or from whoever was faster, and store it.

    Args:
        roots: which bundle; never ``Trust.AMAZON``, whose roots ship with the package.
        settings: timeouts (seconds), the mirror, the cache directory, and whether roots must be known ones.
        seen: the entry that the caller has; another one found under the lock is as good as a download.
        unconditional: fetch the content even if the server would say that it has not changed.

    Returns:
        The stored entry; where no disk takes it, one that lives as long as this process.

    Raises:
        DownloadError: it cannot be downloaded.
        BundleError: what came is no bundle of this region, or contradicts a known root.
        TrustError: nobody publishes one, or another process keeps the lock.
    """
    deadline = time.monotonic() + settings.total_timeout
    place = store.writable(settings)
    with place.locked(roots.name, settings.total_timeout) as locked:
        current = store.newest(roots.name, settings)
        if current is not None and current != seen:
            return current
        if not locked:
            raise TrustError(
                f"another process has kept the lock of the {roots} in {place.directory} for {settings.total_timeout:g} "
                "s: end it, or set RDS_TLS_CACHE_DIR to a directory of your own"
            )
        rest = settings._replace(total_timeout=max(deadline - time.monotonic(), _SHORTEST_DOWNLOAD))
        answer, content = fetch(roots, rest, None if unconditional else current)
        return _store(place, roots.name, answer, content)


def fetch(roots: "RootSet", settings: "Settings", current: "Entry | None" = None) -> tuple[Download, bytes]:
    """Download a bundle and validate it; a server that says "not modified" confirms what is there.

    Args:
        roots: which bundle.
        settings: as for ``renew``.
        current: the stored entry, to ask only whether it has changed.

    Returns:
        The answer, and the PEM of the region's roots.

    Raises:
        DownloadError, BundleError, TrustError: as for ``renew``.
    """
    *earlier, last = urls(roots, settings)
    for url in earlier:
        try:
            return _fetch_from(url, roots, settings, current)
        except DownloadError as error:
            if not error.missing:
                raise
            log.info("there is no bundle for %s alone: %s", roots.region, error)
    return _fetch_from(last, roots, settings, current)


def urls(roots: "RootSet", settings: "Settings") -> list[str]:
    """List where a bundle is published: the region's file, then the global one, which has Preview roots too.

    Raises:
        TrustError: AWS publishes none for the partition, and the settings name no mirror.
    """
    partition = regions.partition_of(roots.region or "")
    base = settings.truststore_url or (partition and partition.truststore)
    if not base:
        raise TrustError(
            f"AWS publishes no trust store with {roots}: set RDS_TLS_CA_BUNDLE to a PEM file of them, or "
            "RDS_TLS_TRUSTSTORE_URL to a mirror"
        )
    base = base.rstrip("/")
    of_all = f"{base}/global/global-bundle.{settings.bundle_format}"
    of_region = f"{base}/{roots.region}/{roots.region}-bundle.{settings.bundle_format}"
    return [of_region, of_all] if roots.trust is Trust.RDS else [of_all]


def _fetch_from(url: str, roots: "RootSet", settings: "Settings", current: "Entry | None") -> tuple[Download, bytes]:
    if current is None or current.url != url:
        answer = download(url, settings)
    else:
        answer = download(url, settings, Validators(current.etag, current.last_modified))
        if answer.content is None:
            return answer, current.content
    with SCHEDULE.uncut():
        return answer, validated(answer.content or b"", roots, settings).to_pem()


def validated(content: bytes, roots: "RootSet", settings: "Settings") -> Bundle:
    """Keep one region's roots, unless they contradict what is known of them.

    Args:
        content: a published bundle, of the region or global.
        roots: whose roots to keep.
        settings: whether roots must be known ones.

    Returns:
        The bundle of the region's current roots, at least one.

    Raises:
        BundleError: there is none, or one has a known name and another key, or one is new and must not be.
    """
    channel = _CHANNELS[roots.trust]
    bundle = parse_bundle(content, now=datetime.now(UTC)).only(roots.region or "", channel)
    for root in bundle.roots:
        known = known_roots.RDS_ROOTS.get((roots.region or "", channel.value, root.ca_id or ""))
        if known is None:
            _meet(root, settings)
        elif known != root.fingerprint:
            raise BundleError(
                f"the root {root.name!r} has SHA-256 {root.fingerprint}, but AWS's has {known}: this is not AWS's "
                "bundle, and nothing of it is used. Find out who answers for the trust store."
            )
    return bundle


def _meet(root: "Root", settings: "Settings") -> None:
    """Take note of a root that this version does not list."""
    if settings.known_roots_only:
        raise BundleError(
            f"the root {root.name!r} (SHA-256 {root.fingerprint}) is new to this version, and known_roots_only is "
            "set: upgrade rds-tls, or compare the fingerprint with AWS's and set RDS_TLS_CA_BUNDLE"
        )
    log.info("a root that this version does not list yet: %s, SHA-256 %s", root.name, root.fingerprint)


def _store(place: "store.Place", name: str, answer: Download, content: bytes) -> "Entry":
    try:
        entry = place.publish(name, content, **_facts(answer))
    except OSError as error:
        log.warning("%s cannot be stored in %s: %s; it is kept in memory", name, place.directory, error)
        entry = MEMORY.publish(name, content, **_facts(answer))
    log.info("%s downloaded from %s, SHA-256 %s", name, entry.url, entry.digest)
    return entry


def _facts(answer: Download) -> "dict[str, Any]":
    return {
        "url": answer.url,
        "etag": answer.validators.etag,
        "last_modified": answer.validators.last_modified,
        "fetched_at": time.time(),
    }


def prefetch(
    *region_names: str, directory: "str | os.PathLike[str] | None" = None, settings: "Settings | None" = None
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
        return [renew(roots, settings, store.newest(roots.name, settings)).path for roots in wanted]
    return [_fetch_into(os.fspath(directory), roots, settings) for roots in wanted]


def _fetch_into(directory: str, roots: "RootSet", settings: "Settings") -> str:
    made = not os.path.isdir(directory)
    cache = Cache(directory)
    answer, content = fetch(roots, settings)
    try:
        path = cache.publish(roots.name, content, **_facts(answer)).path
        # The image's build and the program in it are seldom the same user; nothing in here is secret.
        os.chmod(path, 0o644)
        if made:
            os.chmod(cache.directory, 0o755)  # noqa: S103 - as above
    except OSError as error:
        raise SettingsError(f"prefetch() cannot use directory={directory!r}: {error}") from error
    return path
