"""What time it is, by the trust store: for whoever finds a certificate outside its time, and doubts this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rds_tls.errors import DownloadError
from rds_tls.roots.truststore.download import download
from rds_tls.roots.truststore.urls import published_urls

if TYPE_CHECKING:
    from rds_tls.endpoint import RootSet
    from rds_tls.settings import Settings


def seconds_ahead(roots: RootSet, settings: Settings, seconds: float) -> float:
    """Ask the trust store for the time, and compare this machine's clock with it; this downloads a bundle.

    Args:
        roots: whose trust store is asked.
        settings: the mirror, if there is one, and how it is verified.
        seconds: how long that may take.

    Returns:
        By how many seconds this machine is ahead of the trust store's Date header; negative where it is behind.

    Raises:
        DownloadError: the trust store cannot be asked, or sends no date. Where the clock is far off, its own
            certificate seems to be outside its time.
        TrustError: nobody publishes a trust store for these roots.
    """
    url = published_urls(roots, settings)[0]
    answer = download(url, settings.replace(total_timeout=min(seconds, settings.total_timeout)))
    if answer.date is None:
        raise DownloadError(url, "the answer has no Date header")
    return answer.origin.fetched_at - answer.date
