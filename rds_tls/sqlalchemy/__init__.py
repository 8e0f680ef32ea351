"""SQLAlchemy: every connection of an engine's pool is asked of rds_tls, whatever the engine's URL says about TLS.

::

    engine = rds_tls.sqlalchemy.create_engine("postgresql+psycopg://app@db.cluster-....amazonaws.com/shop", iam=True)

An engine that another package makes is secured by ``secure(engine)``, and one of which only the URL can be set by
``?plugin=rds_tls`` in it, with ``rds_tls_iam=true`` and the like beside it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy
from sqlalchemy import event
from sqlalchemy.engine import URL, Engine  # noqa: TC002 - typing.get_type_hints looks them up here

from rds_tls.connect import attempt
from rds_tls.connect.request import CONNECT_TIMEOUT, Address, Password, Request
from rds_tls.connect.url import is_satisfied
from rds_tls.drivers import MYSQL, POSTGRES
from rds_tls.drivers import Engine as Database
from rds_tls.errors import OptionError
from rds_tls.settings import Settings  # noqa: TC001 - as above

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.ext.asyncio import AsyncEngine
else:
    AsyncEngine = Any  # an import of its own, which a synchronous program need not pay


class _Dialect(NamedTuple):
    """A dialect of SQLAlchemy's: the engine it speaks to, and the ``driver=`` by which rds_tls knows its driver."""

    database: Database
    driver: str


# By SQLAlchemy's own names for drivers ("dialect+driver").
_DIALECTS = {
    "psycopg": _Dialect(POSTGRES, "psycopg"),
    "psycopg_async": _Dialect(POSTGRES, "psycopg"),
    "psycopg2": _Dialect(POSTGRES, "psycopg2"),
    "asyncpg": _Dialect(POSTGRES, "asyncpg"),
    "pg8000": _Dialect(POSTGRES, "pg8000"),
    "pymysql": _Dialect(MYSQL, "pymysql"),
    "mysqldb": _Dialect(MYSQL, "mysqlclient"),
    "mysqlconnector": _Dialect(MYSQL, "mysql-connector"),
    "aiomysql": _Dialect(MYSQL, "aiomysql"),
    "asyncmy": _Dialect(MYSQL, "asyncmy"),
}

# What dialects call the parts of a URL: SQLAlchemy's create_connect_args, which translates names for each driver.
_DATABASE_NAMES = ("dbname", "database", "db")


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
    """
    from sqlalchemy.ext.asyncio import create_async_engine as create

    ours, others = _split(options)
    engine = create(url, **others)
    secure(engine.sync_engine, **ours)
    return engine


def _split(options: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Tell the options of ``secure`` from SQLAlchemy's."""
    ours = {name: value for name, value in options.items() if name in secure.__annotations__}
    return ours, {name: value for name, value in options.items() if name not in ours}


def secure(
    engine: Engine,
    *,
    iam: bool = False,
    password: Password | None = None,
    secret: str | None = None,
    via: Address | None = None,
    expect: str | None = None,
    region: str | None = None,
    connect_timeout: float | None = CONNECT_TIMEOUT,
    settings: Settings | None = None,
) -> Engine:
    """Let every new connection of an engine be one of ours: verified, with a fresh secret and the newest roots.

    Options in the URL that ask for TLS are satisfied, those that ask for less are refused, and so are options about TLS
    in ``connect_args``.

    Args:
        engine: the engine; of an ``AsyncEngine`` its ``sync_engine``, or itself. Its user, host, port and database are
            those of its URL.
        iam: log in with a token, as with ``rds_tls.connect_postgres``; it is signed for each new connection.
        password: in place of one in the URL; a function is called for each new connection.
        secret: in place of user and password in the URL.
        via: dial this, and verify the endpoint.
        expect: follow the URL's host as an alias to what this names.
        region: the AWS region, for an endpoint whose name has none.
        connect_timeout: for each new connection, in seconds.
        settings: where trust anchors come from.

    Returns:
        The same engine.

    Raises:
        OptionError: the URL has an option that asks for less than verified TLS, or a driver without an adapter.
    """
    engine = getattr(engine, "sync_engine", engine)
    dialect = _DIALECTS.get(engine.dialect.driver)
    if dialect is None or engine.dialect.name not in {"postgresql", "mysql", "mariadb"}:
        raise OptionError(
            f"rds_tls knows no dialect {engine.dialect.name}+{engine.dialect.driver}: use one of {', '.join(_DIALECTS)}"
        )
    clean = _without_tls(engine)
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

    def request(arguments: dict[str, Any]) -> tuple[Request, dict[str, Any]]:
        clean(arguments)
        return _request(asked, arguments)

    if engine.dialect.is_async:

        async def connect_async(*_: object, **arguments: Any) -> Any:  # noqa: ANN401 - the driver's
            return await attempt.aconnect(dialect.database, dialect.driver, *request(arguments))

        @event.listens_for(engine, "do_connect")
        def set_creator(_dialect: object, _record: object, _cargs: object, cparams: dict[str, Any]) -> None:
            cparams["async_creator_fn"] = connect_async

    else:

        @event.listens_for(engine, "do_connect")
        def connect(_dialect: object, _record: object, _cargs: object, cparams: dict[str, Any]) -> Any:  # noqa: ANN401 - as above
            return attempt.connect(dialect.database, dialect.driver, *request(dict(cparams)))

    return engine


def _without_tls(engine: Engine) -> Callable[[dict[str, Any]], None]:
    """Make what takes out of a driver's arguments that which the URL's options about TLS have put there.

    Raises:
        OptionError: one of them asks for less than verified TLS.
    """
    url = engine.url
    names = [name for name, value in url.query.items() if is_satisfied(name, value if isinstance(value, str) else "")]
    _, with_them = engine.dialect.create_connect_args(url)
    _, without = engine.dialect.create_connect_args(url.difference_update_query(names))
    added = {name: value for name, value in with_them.items() if without.get(name) != value}

    def clean(arguments: dict[str, Any]) -> None:
        for name, value in added.items():
            if arguments.get(name) == value:  # and not what connect_args say
                del arguments[name]
                arguments |= {name: without[name]} if name in without else {}

    return clean


def _request(asked: Request, arguments: dict[str, Any]) -> tuple[Request, dict[str, Any]]:
    """Take the parts of the URL out of a driver's arguments; what is left is passed on, where the driver knows it."""
    databases = [arguments.pop(name) for name in _DATABASE_NAMES if arguments.get(name)]
    password = arguments.pop("password", arguments.pop("passwd", None)) or None
    if password is not None and asked.password is not None:
        raise OptionError("the engine's URL has a password, and password= gives another: leave one out")
    return asked._replace(
        host=arguments.pop("host", None),
        port=_port(arguments.pop("port", None)),
        user=arguments.pop("user", arguments.pop("username", None)) or None,
        password=asked.password if password is None else password,
        database=databases[0] if databases else None,
    ), arguments


def _port(port: object) -> int | None:
    return None if port in {None, ""} else int(str(port))
