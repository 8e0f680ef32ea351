"""Certificates outside their time, and whether this machine's clock is to blame."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from rds_tls.diagnosis.certificates import shown
from rds_tls.errors import DownloadError, RdsTlsError

if TYPE_CHECKING:
    from rds_tls.diagnosis.certificates import Certificate
    from rds_tls.roots.anchors import Anchors

# What the way of an answer may take, and what no certificate's time depends on, in seconds.
_TOLERANCE = 60.0


def outside_its_time(chain: tuple[Certificate, ...]) -> str:
    """Say which certificate of a chain has ended or is yet to begin, and what this machine takes for the time.

    Returns:
        A sentence; empty where each is inside its time.
    """
    now = datetime.fromtimestamp(time.time(), UTC)
    clock = f"this machine's clock says {now:%Y-%m-%d %H:%M} UTC"
    for each in chain:
        if each.not_after < now:
            return f"{shown(each.subject)!r} ended {_span(now - each.not_after)} ago; {clock}"
        if each.not_before > now:
            return f"{shown(each.subject)!r} begins in {_span(each.not_before - now)}; {clock}"
    return ""


def ask_for_time(anchors: Anchors, seconds: float) -> str:
    """Compare this machine's clock with the trust store's; this downloads a bundle.

    Args:
        anchors: whose trust store is asked; none is where the caller has forbidden downloads.
        seconds: how long that may take.

    Returns:
        What came of it, a sentence; empty where nobody may be asked.
    """
    if anchors.settings.offline:
        return ""
    from rds_tls.roots.truststore.clock import seconds_ahead

    try:
        ahead = seconds_ahead(anchors.roots, anchors.settings, seconds)
    except DownloadError as error:
        return f"the trust store could not be asked for the time: {error.cause}"
    except RdsTlsError:  # nobody publishes one
        return ""
    if abs(ahead) < _TOLERANCE:
        return "by the trust store's Date header this machine's clock is right"
    by = _span(timedelta(seconds=abs(ahead)))
    return f"by the trust store's Date header this machine's clock is {by} {'ahead' if ahead > 0 else 'behind'}"


def _span(span: timedelta) -> str:
    """Give a span of time in days; in hours or minutes where that says more."""
    minutes = span // timedelta(minutes=1)
    hours = minutes // 60
    if hours >= 2 * 24:
        return f"{hours // 24} days"
    return f"{hours} hours" if hours >= 2 else f"{minutes} minutes"  # noqa: PLR2004 - "1 hours" would be none
