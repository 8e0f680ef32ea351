"""asyncmy: asyncio and Cython; it takes the SSLContext itself, and starts TLS whatever the server says."""

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

    import asyncmy.connection

    from rds_tls.drivers import Target

_EXTRA = "asyncmy"
DATABASE = "database"
NEEDS_ADDRESSES = False
NO_TUNNEL = ""
NO_ARGUMENTS = ""

# The first with sock=, which the other MySQL drivers do not know.
_OLDEST = (0, 2, 14)
_OLDER = "drivers that log in unencrypted take its arguments for their own"

# These decide about the login alone, but beside ours they lose without a word, or win over a token that was signed.
_LOGINS = {
    "db": "it is asyncmy's old name for database=; pass that",
    "password_creator": "it would win over password= and iam=True; pass the function as password=",
}

# What it says where a server left amid the handshake: asyncio's ConnectionResetError has no text.
_REASONLESS = "' ()"

RESERVED = {
    **_mysql.RESERVED,
    "sock": "TLS would start on it at once, as no MySQL server does; to dial another address use via=(address, port)",
    **_LOGINS,
}


def known() -> frozenset[str]:
    """Name each option that the installed asyncmy takes: the parameters of its connection."""
    return frozenset(_parameters(_driver()))


def kwargs(target: Target) -> dict[str, Any]:
    """Give asyncmy's arguments for a verified connection.

    Every option that decides about TLS or where to dial is among them: what a URL or a settings file says there is
    overridden, and other MySQL drivers, which know fewer names, refuse the whole.

    Args:
        target: what to connect to, and what to trust there.

    Returns:
        Keyword arguments for ``asyncmy.connect``, ``asyncmy.create_pool`` or an ORM.

    Raises:
        DriverNotInstalledError: asyncmy is not installed, or is too old.
    """
    host, port, context = peer(target)
    return _settled(_driver()) | {"host": host, "port": port, "ssl": context}


@cache
def _settled(driver: ModuleType) -> dict[str, Any]:
    return _mysql.settled(_parameters(driver), RESERVED, _LOGINS)


@cache
def _parameters(driver: ModuleType) -> dict[str, Any]:
    """List asyncmy's options with their defaults."""
    return _mysql.parameters(driver.connection.Connection)


def check(options: Mapping[str, Any]) -> None:
    """Refuse a password that asyncmy cannot send.

    Raises:
        OptionError: the password has characters outside Latin-1.
    """
    _mysql.check_password(options, "asyncmy")


def bounds(seconds: float) -> dict[str, Any]:
    """Give asyncmy's argument that bounds dialling; its own connection counts it no further."""
    return {"connect_timeout": seconds}


async def aconnect(options: Mapping[str, Any], target: Target, seconds: float | None) -> asyncmy.connection.Connection:
    """Connect with asyncmy; its exceptions pass through."""
    within = {} if seconds is None else bounds(seconds)
    connection: Any = _connection_class(_driver())(**options, **within)
    del options  # a traceback may show locals
    await connection.connect()
    connection.again = target.again
    made: asyncmy.connection.Connection = connection
    return made


@cache
def _connection_class(driver: ModuleType) -> type[asyncmy.connection.Connection]:
    """Give asyncmy's connection with a guarded login; by itself it sends none, but hangs in a stalled handshake."""

    class Connection(GuardedLogin, driver.connection.Connection):  # type: ignore[name-defined,misc]
        # Pools and ORMs find the driver by the module of its connection's class.
        __module__ = driver.connection.__name__
        _error = driver.errors.OperationalError
        _connect_timeout: float | None

        def _carrier(self) -> asyncio.Transport | None:
            return self._transport  # type: ignore[no-any-return]

        def _renew(self, options: Mapping[str, Any]) -> None:
            self._host, self._port, self._ssl_context = options["host"], options["port"], options["ssl"]
            self._user, self._password = options["user"], options.get("password", "").encode("latin1")

        def _has_unread(self) -> bool:
            return self._proto.pos < self._proto.length  # type: ignore[no-any-return]

        async def connect(self) -> None:
            seconds, self._connect_timeout = self._connect_timeout, None  # one bound for all of it
            try:
                await self._in_time(super().connect, self._host, seconds)
            finally:
                self._connect_timeout = seconds

    return Connection


def verify(connection: asyncmy.connection.Connection, target: Target, _options: Mapping[str, Any]) -> None:
    """Raise unless the transport is TLS 1.2 or later and verified the endpoint's name.

    Raises:
        UnverifiedConnectionError: it is not so; the connection has been closed.
    """
    # asyncmy has no public way to its transport; the range of versions in pyproject.toml is tested for this one.
    transport = connection._transport  # type: ignore[attr-defined]  # noqa: SLF001
    check_transport(connection, transport, "asyncmy", target)


def explain(error: Exception, target: Target) -> str:
    """Give the text that says why asyncmy did not connect: its own, which holds OpenSSL's; as ``explain_mysql``."""
    from rds_tls.drivers._second_look import explain_mysql  # only a failure pays for it

    return explain_mysql(str(error), target, ("(timed out)",), (_REASONLESS,))


@cache
def _driver() -> ModuleType:
    driver = require("asyncmy", _EXTRA)
    check_version(require("asyncmy.version", _EXTRA).__VERSION__, _OLDEST, _EXTRA, _OLDER)
    return driver
