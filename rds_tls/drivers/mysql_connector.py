"""mysql-connector-python, in pure Python: a connection of its own class, on a sealed context in place of its own."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from rds_tls.context.dial import Deadline, dial
from rds_tls.context.sealed import is_verified
from rds_tls.drivers import _mysql_connector, close_unverified

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import ModuleType

    from mysql.connector.connection import MySQLConnection

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
    """Name each option that the installed driver's connection takes."""
    return frozenset(_driver().constants.DEFAULT_CONFIGURATION)


def connect(options: Mapping[str, Any], target: Target, seconds: float | None) -> MySQLConnection:
    """Connect with mysql-connector-python; its exceptions pass through."""
    connection: MySQLConnection = _connection_class(_driver())(target, seconds, options)
    del options  # a traceback may show locals
    connection.connect()
    return connection


class _Waiting:
    """A socket while its connection is being made: whatever waits on it, waits no longer than the deadline."""

    def __init__(self, sock: Any, deadline: Deadline) -> None:  # noqa: ANN401 - plain or TLS
        self.sock = sock
        self._deadline = deadline

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - the socket's own
        return getattr(self.sock, name)

    def recv_into(self, *arguments: Any) -> int:
        self.sock.settimeout(self._deadline.left())
        count: int = self.sock.recv_into(*arguments)
        return count

    def sendall(self, data: bytes) -> None:
        self.sock.settimeout(self._deadline.left())
        self.sock.sendall(data)


@cache
def _connection_class(driver: ModuleType) -> Any:  # noqa: ANN401 - a class, whose constructor is not the driver's
    """Give the driver's connection with what it lacks.

    A server that hides TLS is refused before the login, whoever speaks before TLS is, and the trust anchors are ours
    alone: the driver's own context trusts the system's CAs too, and takes 40 ms to make. ``seconds`` bounds dialling
    over all addresses, TLS, login and the session's first commands together, of a reconnect too, and nothing later.

    A reconnect, as by ``ping(reconnect=True)``, asks for roots and password anew.
    """

    class Connection(driver.connection.MySQLConnection):  # type: ignore[name-defined,misc]
        # Pools and ORMs find the driver by the module of its connection's class.
        __module__ = driver.connection.__name__

        def __init__(self, target: Target, seconds: float | None, options: Mapping[str, Any]) -> None:
            super().__init__()
            self._target = target
            self._seconds = seconds
            self._deadline = Deadline(seconds)
            self._first = dict(options)
            self._context: SealedContext = self._first.pop("ssl")

        def connect(self, **options: Any) -> None:
            self._deadline = Deadline(self._seconds)
            try:
                with _mysql_connector.unlogged():
                    super().connect(**self._due(), **options)
            except BaseException:
                if self._socket:
                    self._socket.close_connection()
                raise
            self._socket.settle()

        def _due(self) -> Mapping[str, Any]:
            """Give what it was made with, which the driver keeps; for a reconnect ask for what may be another by now.

            It is in no local of what waits for the server, which a traceback may show.
            """
            first, self._first = self._first, {}
            if not first and self._target.again is not None:
                now = self._target.again()
                self._host, self._port, self._context = now["host"], now["port"], now["ssl"]
                self._user, self._password = now["user"], now.get("password", "")
            return first

        def _get_connection(self) -> Any:  # noqa: ANN401 - the class below
            return _socket_class(driver)(self._host, self._port, self._context, self._target.host, self._deadline)

        def _do_handshake(self) -> None:
            super()._do_handshake()
            _mysql_connector.refuse_without_tls(self)

    return Connection


@cache
def _socket_class(driver: ModuleType) -> Any:  # noqa: ANN401 - as above
    """Give the driver's socket as ours: it dials by ``dial``, shakes hands on our context, and waits in time."""

    class Socket(driver.network.MySQLTCPSocket):  # type: ignore[name-defined,misc]
        def __init__(self, host: str, port: int, context: SealedContext, name: str, deadline: Deadline) -> None:
            super().__init__(host=host, port=port)
            self._context = context
            self._name = name
            self._deadline = deadline

        def open_connection(self) -> None:
            try:
                sock = dial(self.server_host, self.server_port, self._deadline)
            except OSError as error:
                raise _mysql_connector.dialling_failed(self.server_host, self.server_port, error) from error
            self.sock = _Waiting(sock, self._deadline)

        def build_ssl_context(self, *_arguments: object, **_options: object) -> None:
            """Make none: ``switch_to_ssl`` has ours."""

        def switch_to_ssl(self, *_arguments: object, **_options: object) -> None:
            plain = self.sock.sock
            try:
                plain.settimeout(self._deadline.left())
                sock = self._context.wrap_socket(plain, server_hostname=self._name)
            except OSError as error:
                raise _mysql_connector.tls_failed(self.address, error) from error
            self.sock = _Waiting(sock, self._deadline)

        def settle(self) -> None:
            """End what counts for connecting alone."""
            self.sock = self.sock.sock
            self.sock.settimeout(None)

    return Socket


def verify(connection: MySQLConnection, target: Target, _options: Mapping[str, Any]) -> None:
    """Raise unless the socket is TLS 1.2 or later and verified the endpoint's name.

    Raises:
        UnverifiedConnectionError: it is not so; the connection has been closed.
    """
    sock = getattr(connection._socket, "sock", None)  # noqa: SLF001 - no public name leads to the socket
    if not is_verified(sock, target.host, target.anchors.identity):
        close_unverified(connection.shutdown, "mysql-connector", target.host)


@cache
def _driver() -> ModuleType:
    return _mysql_connector.require_driver()
