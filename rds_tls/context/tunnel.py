"""A sealed context that verifies one name, whatever address a driver dials: for tunnels."""

from typing import Self

from rds_tls.context.sealed import SealedContext
from rds_tls.context.shared import remembered
from rds_tls.genuine import GenuineContext
from rds_tls.roots.anchors import Anchors


class TunnelContext(SealedContext):
    """A sealed context that verifies one name, whatever name the driver dialled.

    This is what lets a connection through a tunnel to 127.0.0.1 verify the database endpoint: most drivers
    verify the name they dial and have no option for another.

    Attributes:
        host: the name that is verified.
    """

    host: str

    def __new__(cls, anchors: Anchors, host: str) -> Self:
        """Make a context for a name; otherwise as ``SealedContext``."""
        context = super().__new__(cls, anchors)
        GenuineContext.__setattr__(context, "host", host)
        return context

    def __repr__(self) -> str:
        # Without a name it is half made, and a crash reporter shows it.
        return f"{super().__repr__()[:-1]}, for {getattr(self, 'host', 'no name')} alone>"

    def _verified_name(self, server_hostname: str | bytes | None, session: object) -> str | bytes:
        """Give the endpoint in place of the driver's."""
        del server_hostname
        return super()._verified_name(self.host, session)


def tunnel_context(anchors: Anchors, host: str) -> SealedContext:
    """Give the context that verifies ``host`` whatever address the driver dials.

    Args:
        anchors: the trust anchors.
        host: the endpoint's name, which the server's certificate must carry.

    Returns:
        A sealed context, as from ``shared_context``.

    Raises:
        TrustError: OpenSSL cannot load the anchors' file.
    """
    return remembered((*anchors.identity, host), lambda: TunnelContext(anchors, host))
