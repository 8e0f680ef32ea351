"""One context for all who trust the same anchors."""

from collections.abc import Callable

from rds_tls.context.sealed import SealedContext
from rds_tls.roots.anchors import Anchors

# AWS has some forty regions, and a program may have a CA file for each: room for all of them, and a bound.
_MAX_CONTEXTS = 128

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
