"""aiomysql: PyMySQL in asyncio. By itself it logs in unencrypted when a server hides its TLS flag."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from rds_tls.drivers import _mysql
from rds_tls.drivers._mysql_asyncio import GuardedLogin, check_transport, check_version
from rds_tls.drivers._peer import peer
from rds_tls.extras import require

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Mapping
    from types import ModuleType

    import aiomysql

    from rds_tls.drivers import Target

_EXTRA = "aiomysql"
DATABASE = "db"
NEEDS_ADDRESSES = False
NO_TUNNEL = ""
NO_ARGUMENTS = (
    "it sends user and password to a server that hides TLS, context or not: connect by "
    'await rds_tls.aconnect_mysql(host, driver="aiomysql", ...), which does not'
)

_OLDEST = (0, 3)
_OLDER = "a server may read any file of the client's, with local_infile=False too"

RESERVED = {
    **_mysql.RESERVED,
    "db": "it is aiomysql's name for database=; pass that",
    "loop": "the connection belongs to the event loop that runs; leave it out",
}


def known() -> frozenset[str]:
    """Name each option that the installed aiomysql takes: the parameters of its connection."""
    return frozenset(_parameters(_driver()))


def kwargs(target: Target) -> dict[str, Any]:
    """Give aiomysql's arguments for a connection that is verified where the server offers TLS.

    Args:
        target: what to connect to, and what to trust there.

    Returns:
        Keyword arguments for ``aconnect``, whose connection refuses a server that offers none.

    Raises:
        DriverNotInstalledError: aiomysql is not installed, or is too old.
    """
    host, port, context = peer(target)
    return _settled(_driver()) | {"host": host, "port": port, "ssl": context}


@cache
def _settled(driver: ModuleType) -> dict[str, Any]:
    return _mysql.settled(_parameters(driver), RESERVED, {DATABASE})


@cache
def _parameters(driver: ModuleType) -> dict[str, Any]:
    """List aiomysql's options with their defaults."""
    return _mysql.parameters(driver.Connection)


def check(options: Mapping[str, Any]) -> None:
    """Refuse a password that aiomysql cannot send.

    Raises:
        OptionError: the password has characters outside Latin-1.
    """
    _mysql.check_password(options, "aiomysql")


def bounds(seconds: float) -> dict[str, Any]:
    """Give aiomysql's argument that bounds dialling; its own connection counts it no further."""
    return {"connect_timeout": seconds}


async def aconnect(options: Mapping[str, Any], target: Target, seconds: float | None) -> aiomysql.Connection:
    """Connect with aiomysql; its exceptions pass through."""
    within = {} if seconds is None else bounds(seconds)
    connection = _connection_class(_driver())(**options, **within)
    del options  # a traceback may show locals
    await connection._connect()  # noqa: SLF001 - what aiomysql.connect() awaits, and ping() after a lost connection
    connection.again = target.again
    return connection


@cache
def _connection_class(driver: ModuleType) -> type[aiomysql.Connection]:
    """Give aiomysql's connection with a guarded login."""

    class Connection(GuardedLogin, driver.Connection):  # type: ignore[name-defined,misc]
        # Pools and ORMs find the driver by the module of its connection's class.
        __module__ = driver.Connection.__module__
        _error = driver.OperationalError
        connect_timeout: float | None
        _writer: Any = None  # aiomysql's destructor asks, wherever its constructor failed

        def _carrier(self) -> asyncio.Transport | None:
            return self._writer and self._writer.transport  # type: ignore[no-any-return]

        def _renew(self, options: Mapping[str, Any]) -> None:
            self._host, self._port, self._ssl_context = options["host"], options["port"], options["ssl"]
            self._user, self._password = options["user"], options.get("password", "")

        def _has_unread(self) -> bool:
            return bool(self._reader._buffer)  # noqa: SLF001 - asyncio's StreamReader has no public way to ask

        async def _connect(self) -> None:
            seconds, self.connect_timeout = self.connect_timeout, None  # one bound for all of it
            try:
                await self._in_time(super()._connect, self._host, seconds)
            finally:
                self.connect_timeout = seconds

    return Connection


def verify(connection: aiomysql.Connection, target: Target, _options: Mapping[str, Any]) -> None:
    """Raise unless the transport is TLS 1.2 or later and verified the endpoint's name.

    Raises:
        UnverifiedConnectionError: it is not so; the connection has been closed.
    """
    # aiomysql has no public way to its transport; the range of versions in pyproject.toml is tested for this one.
    writer = connection._writer  # noqa: SLF001
    check_transport(connection, writer and writer.transport, "aiomysql", target)


def explain(error: Exception, target: Target) -> str:
    """Give the text that says why aiomysql did not connect: OpenSSL's is in the cause alone; as ``explain_mysql``."""
    from rds_tls.drivers._second_look import explain_mysql  # only a failure pays for it

    cause = error.__cause__
    text = str(error) if cause is None or isinstance(cause, TimeoutError) else f"{error} ({cause})"
    return explain_mysql(text, target, ("(timed out)",), ("()",))


@cache
def _driver() -> ModuleType:
    driver = require("aiomysql", _EXTRA)
    check_version(driver.__version__, _OLDEST, _EXTRA, _OLDER)
    return driver
