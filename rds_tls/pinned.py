"""A sealed context that verifies one name, whatever address a driver dials: for tunnels."""

import ssl
from functools import lru_cache

from rds_tls.context import MAX_CONTEXTS, SealedContext, build

TYPE_CHECKING = False
if TYPE_CHECKING:
    from socket import socket

    from rds_tls.trust import TrustedBundle


class PinnedContext(SealedContext):
    """A sealed context that verifies one name, whatever name the driver dialled.

    This is what lets a connection through a tunnel to 127.0.0.1 verify the database endpoint: most drivers
    verify the name they dial and have no option for another.
    """

    pinned_name: str | None = None

    # Both signatures are the base class's own, so that a driver may pass anything by position.
    def wrap_socket(
        self,
        sock: "socket",
        server_side: bool = False,  # noqa: FBT001, FBT002
        do_handshake_on_connect: bool = True,  # noqa: FBT001, FBT002
        suppress_ragged_eofs: bool = True,  # noqa: FBT001, FBT002
        server_hostname: "str | bytes | None" = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLSocket:
        """Wrap as ``ssl.SSLContext.wrap_socket`` does, with the pinned name in place of the driver's."""
        del server_hostname
        return super().wrap_socket(
            sock, server_side, do_handshake_on_connect, suppress_ragged_eofs, self.pinned_name, session
        )

    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,  # noqa: FBT001, FBT002
        server_hostname: "str | bytes | None" = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLObject:
        """Wrap as ``ssl.SSLContext.wrap_bio`` does, with the pinned name in place of the driver's."""
        del server_hostname
        return super().wrap_bio(incoming, outgoing, server_side, self.pinned_name, session)


@lru_cache(maxsize=MAX_CONTEXTS)
def pinned_context(bundle: "TrustedBundle", name: str) -> SealedContext:
    """Give the context that verifies ``name`` whatever address the driver dials.

    Args:
        bundle: the trust anchors.
        name: the endpoint's host name, which the server's certificate must carry.

    Returns:
        A sealed context, as from ``shared_context``.

    Raises:
        TrustError: OpenSSL cannot load the bundle's file.
    """
    context = PinnedContext(ssl.PROTOCOL_TLS_CLIENT)
    context.pinned_name = name
    return build(context, bundle)
