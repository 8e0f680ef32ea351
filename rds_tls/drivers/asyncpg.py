"""asyncpg: it speaks the protocol itself in an event loop, and takes the SSLContext."""

from __future__ import annotations

import inspect
from functools import cache
from typing import TYPE_CHECKING, Any

from rds_tls.context.sealed import is_verified
from rds_tls.drivers import _postgres, close_unverified
from rds_tls.drivers._peer import peer
from rds_tls.extras import require

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import ModuleType

    import asyncpg

    from rds_tls.drivers import Target

_EXTRA = "asyncpg"
DATABASE = "database"
NEEDS_ADDRESSES = False
NO_TUNNEL = ""
NO_ARGUMENTS = ""

# From here on create_pool() takes the coroutine that gives each connection fresh arguments. Older ones verify as well:
# seen with 0.27.
_FIRST = (0, 30)

# What asyncpg says of a server that answers its request for TLS with anything but S alone: a no, or a yes with bytes of
# a man in the middle's behind it (connect_utils.py, TLSUpgradeProto).
_VAGUE = "rejected SSL upgrade"
# And of one that ends the connection instead (the same class).
_ENDED = "unexpected connection_lost() call"

_SERVICE = "a service file may name another host; pass what it holds as arguments"

RESERVED = {
    **_postgres.RESERVED,
    "direct_tls": "TLS without asking for it first is for PostgreSQL 17 and later; leave it out",
    "dsn": "pass its parts as arguments; a connection string may hold TLS options of its own",
    "loop": "the connection belongs to the event loop that is running; leave it out",
    "service": _SERVICE,
    "servicefile": _SERVICE,
}


def known() -> frozenset[str]:
    """Name each option that the installed asyncpg takes."""
    return frozenset(inspect.signature(_driver().connect).parameters)


def kwargs(target: Target) -> dict[str, Any]:
    """Give asyncpg's arguments for a verified connection.

    A context as ``ssl`` counts before all that a DSN, a service file, the environment and ``~/.postgresql`` say about
    TLS, and ``direct_tls`` before ``PGSSLNEGOTIATION``.

    Args:
        target: what to connect to, and what to trust there.

    Returns:
        Keyword arguments for ``asyncpg.connect`` or ``asyncpg.create_pool``.

    Raises:
        DriverNotInstalledError: asyncpg is not installed, or too old.
    """
    _driver()
    host, port, context = peer(target)
    return {"host": host, "port": port, "ssl": context, "direct_tls": False}


def bounds(seconds: float) -> dict[str, Any]:
    """Give asyncpg's argument that bounds connecting as a whole, over all addresses; it is off afterwards."""
    return {"timeout": seconds}


check = _postgres.check


async def aconnect(options: Mapping[str, Any], _target: Target, seconds: float | None) -> asyncpg.Connection[Any]:
    """Connect with asyncpg; its exceptions pass through, and leave no socket open."""
    within = {} if seconds is None else bounds(seconds)
    try:
        return await _driver().connect(**options, **within)
    except BaseException as error:
        _abort(error)
        raise
    finally:
        del options  # a traceback may show locals


def _abort(error: BaseException) -> None:
    """Abort the transport of a connection that did not come about.

    asyncpg closes it politely, and over TLS an event loop then waits up to 30 seconds for a server that stalls to close
    its side too. Nobody has that transport but the frames that the error came through.
    """
    from traceback import walk_tb  # only a failure needs it

    link: BaseException | None = error
    while link is not None:  # a timeout is raised from the cancellation that it is
        for frame, _ in walk_tb(link.__traceback__):
            for value in frame.f_locals.values():
                if hasattr(value, "get_extra_info") and hasattr(value, "abort"):  # uvloop's are no asyncio.Transport
                    value.abort()
        link = link.__cause__


def verify(connection: asyncpg.Connection[Any], target: Target, _options: Mapping[str, Any]) -> None:
    """Raise unless the transport is TLS 1.2 or later and verified the endpoint's name.

    Raises:
        UnverifiedConnectionError: it is not so; the connection has been closed.
    """
    # asyncpg has no public way to its transport; the range of versions in pyproject.toml is tested for this one.
    transport = connection._transport  # noqa: SLF001
    if not is_verified(transport.get_extra_info("ssl_object"), target.host, target.anchors.identity):
        close_unverified(connection.terminate, "asyncpg", target.host)


def explain(error: Exception, target: Target) -> str:
    """Give the text that says why asyncpg did not connect; as ``_postgres.explain``."""
    return _postgres.explain(error, target, vague=_VAGUE, ended=_ENDED)


@cache
def _driver() -> ModuleType:
    driver = require("asyncpg", _EXTRA)
    _postgres.check_version(driver.__version__, _FIRST, _EXTRA)
    return driver
