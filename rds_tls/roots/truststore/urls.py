"""Where a region's roots are published: in AWS's trust store of the partition, or in a mirror of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rds_tls.endpoint import Trust
from rds_tls.endpoint.partitions import partition_of
from rds_tls.errors import TrustError
from rds_tls.settings import without_login

if TYPE_CHECKING:
    from rds_tls.endpoint import RootSet
    from rds_tls.settings import Settings

# The same certificates in two encodings: which of them a caller asks for says nothing about whom he trusts.
_FORMATS = ("pem", "p7b")


def published_urls(roots: RootSet, settings: Settings) -> list[str]:
    """List where a bundle is published: the region's file, then the global one, which has Preview roots too.

    Args:
        roots: which bundle.
        settings: the mirror, if there is one, and the file format.

    Returns:
        The URLs, in the order in which they are to be asked, without the login of the mirror's.

    Raises:
        TrustError: AWS publishes none for the partition, and the settings name no mirror.
    """
    return _urls_below(_base(roots, settings), roots, settings.bundle_format)


def leads_to(settings: Settings, url: str, roots: RootSet) -> bool:
    """Say whether a download under these settings may come from a URL.

    Args:
        settings: the caller's choices.
        url: where something came from, without user and password.
        roots: which bundle it is.
    """
    try:
        base = _base(roots, settings)
    except TrustError:
        return False
    return any(url in _urls_below(base, roots, file_format) for file_format in _FORMATS)


def _base(roots: RootSet, settings: Settings) -> str:
    partition = partition_of(roots.region or "")
    base = settings.truststore_url or (partition and partition.truststore)
    if not base:
        raise TrustError(
            f"AWS publishes no trust store with {roots}: set RDS_TLS_CA_BUNDLE to a PEM file of them, or "
            "RDS_TLS_TRUSTSTORE_URL to a mirror"
        )
    return without_login(base)


def _urls_below(base: str, roots: RootSet, file_format: str) -> list[str]:
    base = base.rstrip("/")
    of_all = f"{base}/global/global-bundle.{file_format}"
    of_region = f"{base}/{roots.region}/{roots.region}-bundle.{file_format}"
    return [of_region, of_all] if roots.trust is Trust.RDS else [of_all]
