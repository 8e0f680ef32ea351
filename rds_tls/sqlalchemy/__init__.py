"""SQLAlchemy: every connection of an engine's pool is asked of rds_tls, whatever the engine's URL says about TLS.

::

    engine = rds_tls.sqlalchemy.create_engine("postgresql+psycopg://app@db.cluster-....amazonaws.com/shop", iam=True)

An engine that another package makes is secured by ``secure(engine)``, and one of which only the URL can be set by
``?plugin=rds_tls`` in it, with ``rds_tls_iam=true`` and the like beside it.

After a failover the connections that a pool holds are dead. With ``pool_pre_ping=True``, an option of SQLAlchemy's,
each is tried before it is handed out, and replaced: a program then loses what it was doing on those in use, and no
more. With ``pool_recycle=3600``, in seconds, each is given up in time, so that all of a pool's move to where a
cluster's name leads now. A token counts when a connection is made, so ``iam=True`` needs neither.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import sqlalchemy
from sqlalchemy.engine import URL, Engine

from rds_tls.connect.request import CONNECT_TIMEOUT, Address, Password, Request
from rds_tls.errors import OptionError
from rds_tls.settings import Settings  # noqa: TC001 - typing.get_type_hints looks it up here
from rds_tls.sqlalchemy.connections import hand_out_ours

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine
else:
    AsyncEngine = Any  # an import of its own, which a synchronous program need not pay

AnyEngine = TypeVar("AnyEngine", Engine, AsyncEngine)


def create_engine(url: str | URL, **options: Any) -> Engine:
    """Make an engine as ``sqlalchemy.create_engine`` does, and ``secure`` it.

    Args:
        url: the database URL; its host is the endpoint, or an alias of one.
        **options: those of ``secure``, and SQLAlchemy's.

    Returns:
        The engine.

    Raises:
        OptionError: as for ``secure``.
    """
    ours, others = _split(options)
    return secure(sqlalchemy.create_engine(url, **others), **ours)


def create_async_engine(url: str | URL, **options: Any) -> AsyncEngine:
    """Make an engine as ``sqlalchemy.ext.asyncio.create_async_engine`` does, and ``secure`` it.

    Args:
        url: as for ``create_engine``.
        **options: those of ``secure``, and SQLAlchemy's.

    Returns:
        The engine.

    Raises:
        OptionError: as for ``secure``.
    """
    from sqlalchemy.ext.asyncio import create_async_engine as create

    ours, others = _split(options)
    return secure(create(url, **others), **ours)


def _split(options: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Tell the options of ``secure`` from SQLAlchemy's."""
    names = secure.__kwdefaults__ or {}
    ours = {name: value for name, value in options.items() if name in names}
    return ours, {name: value for name, value in options.items() if name not in names}


def secure(
    engine: AnyEngine,
    *,
    iam: bool = False,
    password: Password | None = None,
    secret: str | None = None,
    via: Address | None = None,
    expect: str | None = None,
    region: str | None = None,
    connect_timeout: float | None = CONNECT_TIMEOUT,
    settings: Settings | None = None,
) -> AnyEngine:
    """Let every new connection of an engine be one of ours: verified, with a fresh secret and the newest roots.

    Options in the URL that ask for TLS are satisfied, those that ask for less are refused, and so are options about TLS
    in ``connect_args``. Connections that the engine holds already are given up. What changes a connection's arguments,
    as listeners of ``do_connect`` do, goes on doing so; what connects in the place of the engine is refused.

    Args:
        engine: the engine. Its user, host, port and database are those of its URL.
        iam: log in with a token, as with ``rds_tls.connect_postgres``; it is signed for each new connection.
        password: in place of one in the URL; a function is called for each new connection, in a thread where the engine
            is an ``AsyncEngine``.
        secret: in place of user and password in the URL.
        via: dial this, and verify the endpoint.
        expect: follow the URL's host as an alias to what this names.
        region: the AWS region, for an endpoint whose name has none.
        connect_timeout: for each new connection, in seconds; or that of the URL or of ``connect_args``.
        settings: where trust anchors come from.

    Returns:
        The same engine. When it connects it raises what ``rds_tls.connect_postgres`` does, where the driver's own
        exceptions are wrapped by SQLAlchemy: what rds_tls has noted is on their ``orig``.

    Raises:
        OptionError: the URL has an option that asks for less than verified TLS, or that contradicts an argument; the
            driver has no adapter; the engine has a ``creator=`` of its own, or is secured already.
        DriverNotInstalledError: SQLAlchemy is older than 2.0.
    """
    asked = Request(
        None,
        iam=iam,
        password=password,
        secret=secret,
        via=via,
        expect=expect,
        region=region,
        connect_timeout=connect_timeout,
        settings=settings,
    )
    synchronous: object = getattr(engine, "sync_engine", engine)
    if not isinstance(synchronous, Engine):
        raise OptionError(f"secure() takes an Engine or an AsyncEngine of SQLAlchemy's, not a {type(engine).__name__}")
    hand_out_ours(synchronous, asked)
    return engine
