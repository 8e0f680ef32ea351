"""PyMySQL: pure Python, so it takes the SSLContext itself."""

from __future__ import annotations

from functools import cache
from io import BufferedReader
from socket import SO_KEEPALIVE, SOL_SOCKET
from typing import TYPE_CHECKING, Any

from rds_tls.context.dial import Deadline, dial
from rds_tls.context.sealed import is_verified
from rds_tls.drivers import _mysql, close_unverified
from rds_tls.drivers._peer import peer
from rds_tls.errors import DriverNotInstalledError
from rds_tls.extras import require

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from socket import socket
    from types import ModuleType

    import pymysql

    from rds_tls.drivers import Target

_EXTRA = "mysql"

# What is left of the time for connecting is rounded down to this, in seconds, so that the socket is told of it once and
# not anew before each of a login's steps.
_STEP = 0.25
DATABASE = "database"
NEEDS_ADDRESSES = False
NO_TUNNEL = ""
NO_ARGUMENTS = ""

# PyMySQL before 1.2 logs in unencrypted when a server hides its TLS flag, SSLContext or not (seen on the wire).
_FIRST_SAFE = (1, 2)

# Beside the new names these lose without a word, or win over a token that was signed.
_OLD_NAMES = {
    "db": "it is PyMySQL's old name for database=; pass that",
    "passwd": "it is PyMySQL's old name for password=; pass that",
}

RESERVED = {
    **_mysql.RESERVED,
    "defer_connect": "the connection is made and verified before it is returned; leave it out",
    "named_pipe": "a named pipe carries no TLS; leave it out",
    **_OLD_NAMES,
}


def known() -> frozenset[str]:
    """Name each option that the installed PyMySQL takes: the parameters of its connection."""
    return frozenset(_parameters(_driver()))


def kwargs(target: Target) -> dict[str, Any]:
    """Give PyMySQL's arguments for a verified connection.

    Every option that decides about TLS or where to dial is among them: what a URL or a settings file says there is
    overridden, and other MySQL drivers, which know fewer names, refuse the whole.

    Args:
        target: what to connect to, and what to trust there.

    Returns:
        Keyword arguments for ``pymysql.connect``, a pool or an ORM.

    Raises:
        DriverNotInstalledError: PyMySQL is not installed, or is older than 1.2.
    """
    host, port, context = peer(target)
    return _settled(_driver()) | {"host": host, "port": port, "ssl": context, "ssl_disabled": False}


@cache
def _settled(driver: ModuleType) -> dict[str, Any]:
    return _mysql.settled(_parameters(driver), RESERVED, _OLD_NAMES)


def _parameters(driver: ModuleType) -> dict[str, Any]:
    """List PyMySQL's options with their defaults: each is a keyword of its connection, and has one."""
    parameters: dict[str, Any] = driver.connections.Connection.__init__.__kwdefaults__
    return parameters


def check(options: Mapping[str, Any]) -> None:
    """Refuse a password that PyMySQL cannot send.

    Raises:
        OptionError: the password has characters outside Latin-1.
    """
    _mysql.check_password(options, "PyMySQL")


def bounds(seconds: float) -> dict[str, Any]:
    """Give PyMySQL's argument that bounds dialling; its own connection counts it for each address, and no further."""
    return {"connect_timeout": seconds}


def connect(options: Mapping[str, Any], target: Target, seconds: float | None) -> pymysql.Connection[Any]:
    """Connect with PyMySQL; its exceptions pass through."""
    within = {} if seconds is None else bounds(seconds)
    connection: Any = _connection_class(_driver())(**options, **within)
    connection.again = target.again
    made: pymysql.Connection[Any] = connection
    return made


@cache
def _connection_class(driver: ModuleType) -> Any:  # noqa: ANN401 - a class made of PyMySQL's
    """Give PyMySQL's connection with two guards more.

    Whoever speaks out of turn before TLS is refused: PyMySQL itself reads on behind the greeting and drops what a man
    in the middle puts there, which is safe as long as it does. And ``connect_timeout`` bounds dialling and login
    together, of a reconnect too, where PyMySQL's own counts for each address anew, ends with the TCP connection and
    leaves a server that stalls for ever.

    A reconnect, as by ``ping(reconnect=True)``, asks for roots and password anew.
    """

    class Connection(driver.connections.Connection):  # type: ignore[name-defined,misc]
        # Pools and ORMs find the driver by the module of its connection's class.
        __module__ = driver.connections.__name__

        again: Callable[[], Mapping[str, Any]] | None = None
        _deadline = Deadline(None)
        _read_timeout: float | None
        _write_timeout: float | None
        _rfile: BufferedReader

        def connect(self, sock: socket | None = None) -> None:
            if self.again is not None:
                now = self.again()
                self.host, self.port, self.ctx = now["host"], now["port"], now["ssl"]
                self.user, self.password = now["user"], now.get("password", "").encode("latin1")
            own = self._read_timeout, self._write_timeout
            self._deadline = Deadline(self.connect_timeout)
            try:
                super().connect(self._dialled() if sock is None else sock)
            finally:
                self._deadline = Deadline(None)
                self._read_timeout, self._write_timeout = own

        def _dialled(self) -> socket:
            try:
                sock = dial(self.host, self.port, self._deadline, self.bind_address and (self.bind_address, 0))
            except OSError as error:  # as PyMySQL words it
                raise driver.err.OperationalError(
                    driver.constants.CR.CR_CONN_HOST_ERROR, f"Can't connect to MySQL server on {self.host!r} ({error})"
                ) from error
            sock.setsockopt(SOL_SOCKET, SO_KEEPALIVE, 1)
            self.host_info = f"socket {self.host}:{self.port}"
            return sock

        def _bound(self) -> None:
            """Let the next wait of a login end in time."""
            left = self._deadline.left()
            if left is not None:
                left = max(min(left, _STEP), left - left % _STEP)
                self._read_timeout = min(left, self._read_timeout or left)
                self._write_timeout = min(left, self._write_timeout or left)

        def _read_packet(self, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - PyMySQL's own
            self._bound()
            return super()._read_packet(*arguments, **options)

        def _write_bytes(self, data: bytes) -> None:
            self._bound()
            super()._write_bytes(data)

        def _get_server_information(self) -> None:
            # A reader that takes in no more than it is asked for: what follows the greeting is left for TLS to refuse.
            self._rfile = BufferedReader(self._rfile.detach(), buffer_size=1)
            super()._get_server_information()

    return Connection


def verify(connection: pymysql.Connection[Any], target: Target, _options: Mapping[str, Any]) -> None:
    """Raise unless the socket is TLS 1.2 or later and verified the endpoint's name.

    Raises:
        UnverifiedConnectionError: it is not so; the connection has been closed.
    """
    # PyMySQL has no public way to its socket; the range of versions in pyproject.toml is tested for this one.
    sock = connection._sock  # type: ignore[attr-defined]  # noqa: SLF001
    if not is_verified(sock, target.host, target.anchors.identity):
        close_unverified(connection.close, "PyMySQL", target.host)


def explain(error: Exception, target: Target) -> str:
    """Give the text that says why PyMySQL did not connect: its own, which holds OpenSSL's; as ``explain_mysql``."""
    from rds_tls.drivers._second_look import explain_mysql  # only a failure pays for it

    return explain_mysql(str(error), target, ("during query (timed out)",))


@cache
def _driver() -> ModuleType:
    driver = require("pymysql", _EXTRA)
    if driver.VERSION[:2] < _FIRST_SAFE:
        raise DriverNotInstalledError(
            f"PyMySQL {driver.VERSION_STRING} sends the password unencrypted to a server that hides TLS: "
            f"pip install --upgrade 'rds-tls[{_EXTRA}]'"
        )
    return driver
