"""What to trust for an endpoint: the one place that knows which source of roots comes first.

Precedence: an explicit CA file (argument, then ``RDS_TLS_CA_BUNDLE``); a fresh entry of the cache; the newest of a
stale entry, a prefetched file and the snapshot in this package, served at once while a refresh runs; a download, when
nothing covers the region.
"""

from __future__ import annotations

import os
import time
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from rds_tls import log
from rds_tls.endpoint import RootSet, Trust, parse_endpoint, root_set
from rds_tls.errors import RdsTlsError, TrustError
from rds_tls.roots import cache as store
from rds_tls.roots import snapshot
from rds_tls.settings import CA_BUNDLE_VARIABLE, Settings, process_settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from rds_tls.roots.cache.disk import Entry

# How long an answer holds before every source is looked at again, in seconds; sooner when its file changes.
HOLD = 60.0
MAX_HELD = 256

# A clock that was set back by more than this, in seconds, makes an entry of the future stale.
CLOCK_TOLERANCE = 60.0


class Source(StrEnum):
    """Where a bundle of trust anchors came from."""

    CA_FILE = "CA file"
    CACHE = "cache"
    PREFETCHED = "prefetched directory"
    SNAPSHOT = "snapshot"


class TrustedBundle(NamedTuple):
    """The trust anchors for one endpoint, as a file that a driver may open at any moment.

    Attributes:
        path: a stable path to a PEM file that holds exactly these trust anchors.
        digest: SHA-256, in hex, that changes when the content does.
        source: where the anchors came from.
        roots: which roots were asked for.
        settings: the choices under which they were found.
        as_of: when they were fetched (POSIX seconds, UTC); None for a caller's own file.
        content: the PEM that was judged, for whoever can take it in place of the path, whose file may have been
            replaced since; None for the snapshot and a caller's own file, which are taken as they are.
    """

    path: str
    digest: str
    source: Source
    roots: RootSet
    settings: Settings
    as_of: float | None = None
    content: bytes | None = None

    def __repr__(self) -> str:
        return f"<TrustedBundle: {self}>"

    def __str__(self) -> str:
        dated = "" if self.as_of is None else time.strftime(" of %Y-%m-%d", time.gmtime(self.as_of))
        whose = "roots" if self.source is Source.CA_FILE else self.roots
        return f"{whose} from the {self.source.value}{dated} ({self.path})"

    @property
    def identity(self) -> tuple[str, str]:
        """What is trusted, whoever asks and however it was found: the path and the digest of what is there."""
        return self.path, self.digest

    @property
    def is_fresh(self) -> bool:
        """Whether the anchors are younger than ``Settings.max_age``."""
        return self.as_of is None or -CLOCK_TOLERANCE <= time.time() - self.as_of < self.settings.max_age

    @property
    def may_be_renewed(self) -> bool:
        """Whether newer anchors may be looked for on the network."""
        return not (self.settings.offline or self.source is Source.CA_FILE or self.roots.trust is Trust.AMAZON)


# Each answer with what must still be so for it to hold: what its file was, and until when (``time.monotonic``).
_held: dict[tuple[RootSet, Settings], tuple[TrustedBundle, tuple[int, ...], float]] = {}


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
        EndpointError, OptionError, TrustError: as for ``connect_postgres``.
    """
    return bundle_for(host, region, settings).path


def bundle_for(host: str | None, region: str | None, settings: Settings | None) -> TrustedBundle:
    """Find the trust anchors as ``ca_path`` does."""
    endpoint = None if host is None else parse_endpoint(host)
    return trusted_bundle(root_set(endpoint, region), process_settings() if settings is None else settings)


def trusted_bundle(roots: RootSet, settings: Settings) -> TrustedBundle:
    """Find the trust anchors for an endpoint.

    Args:
        roots: which roots sign its certificate.
        settings: the caller's choices; an explicit CA file wins over everything else.

    Returns:
        The bundle. Its roots are never mixed with the system's, nor with another partition's.

    Raises:
        DownloadError: no source covers the region, and its bundle cannot be downloaded.
        TrustError: no anchors can be had, or the explicit CA file cannot be one.
    """
    if settings.ca_file is not None:
        from rds_tls.roots.ca_file import checked_digest

        digest = checked_digest(os.fspath(settings.ca_file))
        return TrustedBundle(os.path.abspath(settings.ca_file), digest, Source.CA_FILE, roots, settings)
    held = _held.get((roots, settings))
    if held is not None:
        bundle, file, until = held
        if time.monotonic() < until and _identity(bundle.path) == file:
            return bundle
    found, seen = look(roots, settings)
    if found is None:
        found = _downloaded(roots, settings)
    elif not found.is_fresh:
        in_background("refresh", found, lambda: hold(renewed(roots, settings, seen)))
    return hold(found)


def look(roots: RootSet, settings: Settings) -> tuple[TrustedBundle | None, Entry | None]:
    """Choose among everything on disk, and say which entry of the cache was there to choose from.

    Args:
        roots: which roots.
        settings: the caller's choices.

    Returns:
        A fresh entry of the cache, else whatever is newest; and the entry, fresh or not.
    """
    if roots.trust is Trust.AMAZON:
        return _shipped(roots, settings), None
    entry = store.newest(roots, settings)
    cached = entry and _from_entry(entry, Source.CACHE, roots, settings)
    if cached is not None and cached.is_fresh:
        return cached, entry
    file = store.prefetched(roots, settings)
    prefetched = file and _from_entry(file, Source.PREFETCHED, roots, settings)
    found = [bundle for bundle in (cached, prefetched, _shipped(roots, settings)) if bundle is not None]
    return max(found, key=lambda bundle: bundle.as_of or 0.0, default=None), entry


def _from_entry(entry: Entry, source: Source, roots: RootSet, settings: Settings) -> TrustedBundle:
    return TrustedBundle(entry.path, entry.digest, source, roots, settings, entry.fetched_at, entry.content)


def _shipped(roots: RootSet, settings: Settings) -> TrustedBundle | None:
    try:
        shipped = snapshot.find(roots)
    except TrustError as error:
        log.info("the snapshot is left out: %s", error)
        return None
    if shipped is None:
        return None
    return TrustedBundle(shipped.path, shipped.digest, Source.SNAPSHOT, roots, settings, shipped.fetched_at)


def _downloaded(roots: RootSet, settings: Settings) -> TrustedBundle:
    """Fetch what no source on disk covers; the caller waits, since there is nothing else."""
    if settings.offline or roots.trust is Trust.AMAZON:
        snapshot.find(roots)  # where the shipped roots cannot be read, that is the reason
    if settings.offline:
        raise TrustError(
            f"no {roots} are at hand, and RDS_TLS_OFFLINE or Settings(offline=True) forbids the download: call "
            f"rds_tls.prefetch({roots.region!r}, directory=...) where there is a network and set RDS_TLS_BUNDLE_DIR to "
            f"that directory, or set {CA_BUNDLE_VARIABLE} to a PEM file of them"
        )
    from rds_tls.roots.background import SCHEDULE

    try:
        SCHEDULE.raise_again((roots, settings))
        return renewed(roots, settings, None)
    except RdsTlsError as error:
        SCHEDULE.remember((roots, settings), error)
        snapshot.find(roots)  # as above
        raise


def renewed(roots: RootSet, settings: Settings, seen: Entry | None, *, unconditional: bool = False) -> TrustedBundle:
    """Get newer anchors from the network, as ``renewal.renew`` does.

    Args:
        roots: which roots.
        settings: the caller's choices.
        seen: the entry of the cache that there was.
        unconditional: fetch the content even if the server would say that it has not changed.

    Returns:
        The anchors, now in the cache.

    Raises:
        DownloadError, BundleError, TrustError: as for ``renewal.renew``.
    """
    from rds_tls.roots.background import SCHEDULE

    try:
        with SCHEDULE.uncut():
            from rds_tls.roots import renewal  # requests: 100 ms that only a download needs

        entry = renewal.renew(roots, settings, seen, unconditional=unconditional)
    except ImportError as error:  # as in a Lambda layer that was built for another system
        raise TrustError(
            f"the {roots} cannot be downloaded, since what is needed for it cannot be loaded: {error}. "
            "Install requests and cryptography for this system, or set RDS_TLS_CA_BUNDLE to a PEM file of the roots."
        ) from error
    SCHEDULE.forgive((roots, settings))
    return _from_entry(entry, Source.CACHE, roots, settings)


def in_background(purpose: str, bundle: TrustedBundle, work: Callable[[], object]) -> None:
    """Let a thread look for newer roots; AWS Lambda freezes a process between calls, in the middle of anything.

    Args:
        purpose: why; what is not due again for the same purpose and roots is not begun.
        bundle: the anchors that are in use meanwhile.
        work: what to do; its errors are logged.
    """
    if not bundle.may_be_renewed or "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
        return
    from rds_tls.roots.background import SCHEDULE

    def quietly() -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - nobody is above a thread; what ends it would go to stderr
            log.warning("the %s could not be refreshed: %s", bundle, in_words(error))

    SCHEDULE.in_background((purpose, bundle.roots), quietly)


def hold(bundle: TrustedBundle) -> TrustedBundle:
    """Let an answer stand for ``HOLD``, and give it back."""
    if len(_held) >= MAX_HELD:
        _held.clear()
    file = _identity(bundle.path)
    if file is not None:
        log.debug("trusting the %s, SHA-256 %s", bundle, bundle.digest)
        _held[bundle.roots, bundle.settings] = bundle, file, time.monotonic() + HOLD
    return bundle


def held_as(identity: tuple[str, str]) -> list[TrustedBundle]:
    """List the bundles of an identity that were given out, one for each set of roots and settings."""
    return [answer[0] for answer in list(_held.values()) if answer[0].identity == identity]


def in_words(error: BaseException) -> str:
    """Describe an error in a message: ours explain themselves, any other one needs its class."""
    return str(error) if isinstance(error, RdsTlsError) else f"{type(error).__name__}: {error}"


def _identity(path: str) -> tuple[int, ...] | None:
    """Tell a file from any that takes its place."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size
