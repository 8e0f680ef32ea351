"""What to trust for an endpoint: the one place that knows which source of roots comes first.

Precedence: an explicit CA file (argument, then ``RDS_TLS_CA_BUNDLE``); a fresh entry of the cache; the newest of a
stale entry, a prefetched file and the snapshot in this package, served at once while a refresh runs; a download, when
nothing covers the region.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from rds_tls import log
from rds_tls.endpoint import RootSet, Trust, parse_endpoint, root_set
from rds_tls.errors import RdsTlsError, TrustError
from rds_tls.roots import cache, snapshot
from rds_tls.roots.anchors import Anchors, Source
from rds_tls.roots.identity import identity_of
from rds_tls.settings import CA_BUNDLE_VARIABLE, Settings, on_lambda, process_settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from rds_tls.roots.cache.entry import Entry

# How long an answer holds before every source is looked at again, in seconds; sooner when its file changes.
_HOLD = 60.0
_MAX_REMEMBERED = 256

# Each answer with what must still be so for it to hold: what its file was, and until when (``time.monotonic``).
_remembered: dict[tuple[RootSet, Settings], tuple[Anchors, tuple[int, ...], float]] = {}


def ca_path(host: str | None = None, *, region: str | None = None, settings: Settings | None = None) -> str:
    """Give the path of the PEM file of trust anchors, for a driver's ``sslrootcert`` or ``ssl_ca``.

    The file alone verifies nothing: the driver must be told to verify chain and name too.

    Args:
        host: the endpoint.
        region: the AWS region, in place of a host or for an endpoint whose name has none.
        settings: where trust anchors come from; those of the environment unless given.

    Returns:
        An absolute path that stays valid while the program runs; where no directory can be written for downloaded
        roots it is a descriptor's, and a program that closes every descriptor asks for it again.

    Raises:
        EndpointError: the host is no endpoint of RDS, Aurora or DocumentDB.
        OptionError: host and region do not say whose roots are meant, or contradict each other.
        TrustError: no anchors can be had, or the caller's own CA file cannot be one.
    """
    return anchors_for(host, region, settings).path


def anchors_for(host: str | None, region: str | None, settings: Settings | None) -> Anchors:
    """Find the trust anchors as ``ca_path`` does."""
    endpoint = None if host is None else parse_endpoint(host)
    return obtain_anchors(root_set(endpoint, region), process_settings() if settings is None else settings)


def obtain_anchors(roots: RootSet, settings: Settings) -> Anchors:
    """Find the trust anchors for an endpoint.

    Args:
        roots: which roots sign its certificate.
        settings: the caller's choices; an explicit CA file wins over everything else.

    Returns:
        The anchors. They are never mixed with the system's, nor with another partition's.

    Raises:
        DownloadError: no source covers the region, and its bundle cannot be downloaded.
        TrustError: no anchors can be had, or the explicit CA file cannot be one.
    """
    if settings.ca_file is not None:
        from rds_tls.roots.ca_file import checked_digest  # only who has a file of his own pays for it

        digest = checked_digest(os.fspath(settings.ca_file))
        return Anchors(os.path.abspath(settings.ca_file), digest, Source.CA_FILE, roots, settings)
    answer = find_remembered(roots, settings)
    if answer is not None:
        return answer
    found, previous = find(roots, settings)
    if found is None:
        found = _downloaded(roots, settings)
    elif not found.is_fresh:
        in_background("refresh", found, lambda: remember(renewed(roots, settings, previous)))
    return remember(found)


def find_remembered(roots: RootSet, settings: Settings) -> Anchors | None:
    """Find the answer that still holds, of those that were given: no file is read, and nobody is asked.

    Args:
        roots: which roots.
        settings: the caller's choices.

    Returns:
        What ``obtain_anchors`` would give; None where it has to look for it, or to read the caller's own file.
    """
    answer = _remembered.get((roots, settings))
    if answer is None:
        return None
    anchors, file, until = answer
    return anchors if time.monotonic() < until and _identity(anchors.path) == file else None


def find(roots: RootSet, settings: Settings) -> tuple[Anchors | None, Entry | None]:
    """Choose among everything on disk, and say which entry of the cache was there to choose from.

    Args:
        roots: which roots.
        settings: the caller's choices.

    Returns:
        A fresh entry of the cache, else whatever is newest; and the entry, fresh or not.
    """
    if roots.trust is Trust.AMAZON:
        return _shipped(roots, settings), None
    entry = cache.newest(roots, settings)
    cached = entry and _from_entry(entry, Source.CACHE, roots, settings)
    if cached is not None and cached.is_fresh:
        return cached, entry
    file = cache.prefetched(roots, settings)
    prefetched = file and _from_entry(file, Source.PREFETCHED, roots, settings)
    found = [anchors for anchors in (cached, prefetched, _shipped(roots, settings)) if anchors is not None]
    return max(found, key=lambda anchors: anchors.as_of or 0.0, default=None), entry


def _from_entry(entry: Entry, source: Source, roots: RootSet, settings: Settings) -> Anchors:
    return Anchors(entry.path, entry.digest, source, roots, settings, entry.origin.fetched_at, entry.content)


def _shipped(roots: RootSet, settings: Settings) -> Anchors | None:
    try:
        shipped = snapshot.find(roots)
    except TrustError as error:
        log.info("the snapshot is left out: %s", error)
        return None
    if shipped is None:
        return None
    return Anchors(shipped.path, shipped.digest, Source.SNAPSHOT, roots, settings, shipped.fetched_at)


def _downloaded(roots: RootSet, settings: Settings) -> Anchors:
    """Fetch what no source on disk covers; the caller waits, since there is nothing else."""
    if settings.offline or roots.trust is Trust.AMAZON:
        snapshot.find(roots)  # where the shipped roots cannot be read, that is the reason
    if settings.offline:
        raise TrustError(
            f"no {roots} are at hand, and RDS_TLS_OFFLINE or Settings(offline=True) forbids the download: call "
            f"rds_tls.prefetch({roots.region!r}, directory=...) where there is a network and set RDS_TLS_BUNDLE_DIR to "
            f"that directory, or set {CA_BUNDLE_VARIABLE} to a PEM file of them"
        )
    from rds_tls.roots.background import SCHEDULE  # threading, which no fresh roots need

    try:
        SCHEDULE.raise_again((roots, settings))
        return renewed(roots, settings, None)
    except RdsTlsError as error:
        SCHEDULE.remember((roots, settings), error)
        snapshot.find(roots)  # as above
        raise


def renewed(roots: RootSet, settings: Settings, previous: Entry | None, *, unconditional: bool = False) -> Anchors:
    """Get newer anchors from the network, as ``renewal.renew`` does.

    Args:
        roots: which roots.
        settings: the caller's choices.
        previous: the entry of the cache that there was.
        unconditional: fetch the content even if the server would say that it has not changed.

    Returns:
        The anchors, now in the cache.

    Raises:
        DownloadError, BundleError, TrustError: as for ``renewal.renew``.
    """
    from rds_tls.roots.background import SCHEDULE  # as above

    try:
        with SCHEDULE.shielded():  # the import loads cryptography's Rust, which an exit must not cut off
            from rds_tls.roots import renewal  # requests: 100 ms that only a download needs

        entry = renewal.renew(roots, settings, previous, unconditional=unconditional)
    except ImportError as error:  # as in a Lambda layer that was built for another system
        raise TrustError(
            f"the {roots} cannot be downloaded, since what is needed for it cannot be loaded: {error}. "
            "Install requests and cryptography for this system, or set RDS_TLS_CA_BUNDLE to a PEM file of the roots."
        ) from error
    SCHEDULE.forgive((roots, settings))
    return _from_entry(entry, Source.CACHE, roots, settings)


def in_background(purpose: str, anchors: Anchors, work: Callable[[], object]) -> None:
    """Let a thread look for newer roots; AWS Lambda freezes a process between calls, in the middle of anything.

    Args:
        purpose: why; what is not due again for the same purpose and roots is not begun.
        anchors: those that are in use meanwhile.
        work: what to do; its errors are logged.
    """
    if not anchors.may_be_renewed or on_lambda():
        return
    from rds_tls.roots.background import SCHEDULE  # as above

    def quietly() -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - nobody is above a thread; what ends it would go to stderr
            log.warning("the %s could not be refreshed: %s", anchors, in_words(error))

    SCHEDULE.in_background((purpose, anchors.roots), quietly)


def remember(anchors: Anchors) -> Anchors:
    """Let an answer stand for ``_HOLD``, and give it back."""
    if len(_remembered) >= _MAX_REMEMBERED:
        _remembered.clear()
    file = _identity(anchors.path)
    if file is not None:
        log.debug("trusting the %s, SHA-256 %s", anchors, anchors.digest)
        _remembered[anchors.roots, anchors.settings] = anchors, file, time.monotonic() + _HOLD
    return anchors


def remembered_as(identity: tuple[str, str]) -> list[Anchors]:
    """List the anchors of an identity that were given out, one for each set of roots and settings."""
    return [answer[0] for answer in list(_remembered.values()) if answer[0].identity == identity]


def in_words(error: BaseException) -> str:
    """Describe an error in a message: ours explain themselves, any other one needs its class."""
    return str(error) if isinstance(error, RdsTlsError) else f"{type(error).__name__}: {error}"


def _identity(path: str) -> tuple[int, ...] | None:
    try:
        return identity_of(os.stat(path))
    except OSError:
        return None
