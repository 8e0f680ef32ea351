"""What a driver that takes an SSLContext dials, and the context that verifies the endpoint there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rds_tls.context.shared import shared_context

if TYPE_CHECKING:
    from rds_tls.context.sealed import SealedContext
    from rds_tls.drivers import Target


def peer(target: Target) -> tuple[str, int, SealedContext]:
    """Give the name or address to dial, the port, and the context.

    Such drivers verify the name that they dial. A context for the endpoint's name alone holds for whatever they dial by
    themselves later too, to reconnect or to cancel a query.

    Args:
        target: what to connect to, and what to trust there.

    Raises:
        TrustError: OpenSSL cannot load the anchors' file.
    """
    if target.via is None:
        return target.host, target.port, shared_context(target.anchors)
    from rds_tls.context.tunnel import tunnel_context  # only a tunnel pays for it

    return *target.via, tunnel_context(target.anchors, target.host)
