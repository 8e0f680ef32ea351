"""The SSLContext of an endpoint or a region: one for all who trust the same anchors."""

import ssl

from rds_tls.context.shared import shared_context
from rds_tls.endpoint import parse_endpoint
from rds_tls.errors import OptionError
from rds_tls.roots.lookup import anchors_for
from rds_tls.settings import Settings


def ssl_context(
    host: str | None = None, *, region: str | None = None, tunnel: bool = False, settings: Settings | None = None
) -> ssl.SSLContext:
    """Give the sealed SSLContext for an endpoint, or for a region's RDS endpoints.

    It verifies the name that the driver passes as ``server_hostname``, and refuses to connect without one: pass drivers
    the endpoint itself as host. mysqlclient takes no SSLContext: see ``SealedContext``.

    Args:
        host: the endpoint.
        region: the AWS region, in place of a host or for an endpoint whose name has none.
        tunnel: verify ``host`` whatever name or address the driver dials, such as a tunnel's. Such a context is for
            that one endpoint alone.
        settings: where trust anchors come from; those of the environment unless given.

    Returns:
        The context that every caller with the same trust anchors shares, and with ``tunnel`` the same host.

    Raises:
        EndpointError, OptionError, TrustError: as for ``connect_postgres``.
    """
    anchors = anchors_for(host, region, settings)
    if not tunnel:
        return shared_context(anchors)
    if host is None:
        raise OptionError("tunnel=True verifies one endpoint whatever is dialled: pass that as host")
    from rds_tls.context.tunnel import tunnel_context  # only a tunnel pays for it

    return tunnel_context(anchors, parse_endpoint(host).host)
