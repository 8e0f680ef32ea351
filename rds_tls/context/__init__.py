"""The SSLContext of an endpoint or a region: one for all who trust the same anchors."""

import ssl
from collections.abc import Callable

from rds_tls.context.sealed import SealedContext
from rds_tls.roots.anchors import Anchors
from rds_tls.roots.lookup import anchors_for
from rds_tls.settings import Settings

# AWS has some forty regions, and a program may have a CA file for each: room for all of them, and a bound.
_MAX_CONTEXTS = 128


def ssl_context(
    host: str | None = None, *, region: str | None = None, settings: Settings | None = None
) -> ssl.SSLContext:
    """Give the sealed SSLContext for an endpoint, or for a region's RDS endpoints.

    It verifies the name that the driver passes as ``server_hostname``, and refuses to connect without one: pass drivers
    the endpoint itself as host. mysqlclient takes no SSLContext: see ``SealedContext``.

    Args:
        host: the endpoint.
        region: the AWS region, in place of a host or for an endpoint whose name has none.
        settings: where trust anchors come from; those of the environment unless given.

    Returns:
        The context that every caller with the same trust anchors shares.

    Raises:
        EndpointError, OptionError, TrustError: as for ``connect_postgres``.
    """
    return shared_context(anchors_for(host, region, settings))


# One context for the path and the digest of trust anchors, and for the name where it is a tunnel's.
_contexts: dict[tuple[str, ...], SealedContext] = {}


def shared_context(anchors: Anchors) -> SealedContext:
    """Give the one context for trust anchors; the driver passes the name to verify.

    Args:
        anchors: the trust anchors; the context holds them and no others.

    Returns:
        A sealed context, as ``SealedContext`` makes it.

    Raises:
        TrustError: OpenSSL cannot load the anchors' file.
    """
    return remembered(anchors.identity, lambda: SealedContext(anchors))


def remembered(key: tuple[str, ...], make: Callable[[], SealedContext]) -> SealedContext:
    """Give the context of a key, and make it first if need be: threads that make it at the same time get one."""
    found = _contexts.get(key)
    if found is None:
        if len(_contexts) >= _MAX_CONTEXTS:
            _contexts.clear()
        found = _contexts.setdefault(key, make())
    return found
