"""mysql-connector-python's asyncio connection, on a sealed context in place of its own."""

from __future__ import annotations

import inspect
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from rds_tls.context.sealed import is_verified
from rds_tls.drivers import _mysql_connector, close_unverified

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import ModuleType

    from mysql.connector.aio.connection import MySQLConnection

    from rds_tls.context.sealed import SealedContext
    from rds_tls.drivers import Target

DATABASE = _mysql_connector.DATABASE
NEEDS_ADDRESSES = _mysql_connector.NEEDS_ADDRESSES
NO_TUNNEL = _mysql_connector.NO_TUNNEL
NO_ARGUMENTS = _mysql_connector.NO_ARGUMENTS
RESERVED = _mysql_connector.RESERVED

kwargs = _mysql_connector.kwargs
bounds = _mysql_connector.bounds
check = _mysql_connector.check
explain = _mysql_connector.explain


def known() -> frozenset[str]:
    """Name each option that the installed driver's connection takes: the parameters of its class."""
    return frozenset(inspect.signature(_driver().aio.MySQLConnection).parameters)


async def aconnect(options: Mapping[str, Any], target: Target, seconds: float | None) -> MySQLConnection:
    """Connect with mysql-connector-python in the running event loop; its exceptions pass through."""
    connection: MySQLConnection = _connection_class(_driver())(target, seconds, options)
    del options  # a traceback may show locals
    await connection.connect()
    vars(connection)["_again"] = target.again
    return connection


@cache
def _connection_class(driver: ModuleType) -> Any:  # noqa: ANN401 - a class, whose constructor is not the driver's
    """Give the driver's asyncio connection with what it lacks.

    As in ``mysql_connector``, and more: by itself it verifies no name, cannot be given a file of CAs alone, and takes
    what was received before TLS for the server's own. A reconnect asks for roots and password anew, in a thread.
    """
    import asyncio  # only an event loop asks, and has it

    class Connection(driver.aio.MySQLConnection):  # type: ignore[name-defined,misc]
        # Pools and ORMs find the driver by the module of its connection's class.
        __module__ = driver.aio.MySQLConnection.__module__

        _socket: Any

        def __init__(self, target: Target, seconds: float | None, options: Mapping[str, Any]) -> None:
            super().__init__(**{name: value for name, value in options.items() if name != "ssl"})
            self._context: SealedContext = options["ssl"]
            self._name = target.host
            self._seconds = seconds
            self._again: Callable[[], Mapping[str, Any]] | None = None  # not before the first connection is there

        async def connect(self) -> None:
            if self._again is not None:
                _renew(self, await asyncio.to_thread(self._again))
            try:
                with _mysql_connector.unlogged():
                    async with asyncio.timeout(self._seconds):
                        await self._connect()
            except BaseException as error:
                _abort(self._socket)
                self._socket = None
                if isinstance(error, TimeoutError):
                    raise _mysql_connector.dialling_failed(self._host, self._port, error) from error
                raise

        async def _connect(self) -> None:
            try:
                await super().connect()
            except driver.errors.Error as error:
                # Cancelled while it waits, the driver raises an error of its own: reading in 9.2, writing in 26.10 too.
                if isinstance(error.__cause__, asyncio.CancelledError):
                    raise error.__cause__ from None
                raise

        async def _do_handshake(self) -> None:
            self._socket.build_ssl_context = _no_context
            self._socket.switch_to_ssl = partial(_start_tls, self._socket, self._context, self._name)
            await super()._do_handshake()
            _mysql_connector.refuse_without_tls(self)

    return Connection


def _renew(connection: Any, now: Mapping[str, Any]) -> None:  # noqa: ANN401 - a class made of the driver's
    """Give a connection the arguments of this moment, for a reconnect."""
    connection._host, connection._port, connection._context = now["host"], now["port"], now["ssl"]  # noqa: SLF001
    connection._user, connection._password = now["user"], now.get("password", "")  # noqa: SLF001


def _abort(socket: Any) -> None:  # noqa: ANN401 - the driver's own
    """Close a socket at once, whatever it was doing."""
    if socket is not None and socket._writer is not None:  # noqa: SLF001 - no public name
        socket._writer.transport.abort()  # noqa: SLF001


def _no_context(*_arguments: object, **_options: object) -> None:
    """Make none: ``_start_tls`` has ours."""


async def _start_tls(socket: Any, context: SealedContext, name: str, _of_the_drivers: None) -> None:  # noqa: ANN401 - the driver's own
    """Shake hands on our context, for the endpoint's name, in place of the socket's ``switch_to_ssl``."""
    reader, writer = socket._reader, socket._writer  # noqa: SLF001 - no public names
    try:
        await writer.start_tls(context, server_hostname=name)
    except OSError as error:
        raise _mysql_connector.tls_failed(socket.address, error) from error
    # Inside TLS the server says nothing before the login, so what there is to read by now came before TLS.
    if reader._buffer:  # noqa: SLF001 - no public name tells without waiting
        raise _mysql_connector.tls_failed(socket.address, "received unencrypted data after SSL request")


def verify(connection: MySQLConnection, target: Target, _options: Mapping[str, Any]) -> None:
    """Raise unless the transport is TLS 1.2 or later and verified the endpoint's name.

    Raises:
        UnverifiedConnectionError: it is not so; the connection has been closed.
    """
    socket: Any = connection._socket  # noqa: SLF001 - no public name leads to the transport
    tls = socket._writer.transport.get_extra_info("ssl_object")  # noqa: SLF001
    if not is_verified(tls, target.host, target.anchors.identity):
        close_unverified(partial(_abort, socket), "mysql-connector", target.host)


@cache
def _driver() -> ModuleType:
    driver = _mysql_connector.require_driver("mysql.connector.aio", "mysql.connector.utils")
    # The first connection asks for the platform's name, by running lsb_release perhaps: in an event loop all would wait
    # for that.
    driver.utils.get_platform()
    return driver
