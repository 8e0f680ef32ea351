"""PyMySQL: pure Python, so it takes the SSLContext itself."""

from functools import cache
from io import BufferedReader

from rds_tls.context import shared_context
from rds_tls.errors import DriverNotInstalledError, UnverifiedConnectionError
from rds_tls.extras import require
from rds_tls.sealed import is_verified

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from socket import socket
    from types import ModuleType
    from typing import Any

    import pymysql

    from rds_tls.drivers import Target

EXTRA = "mysql"

# PyMySQL before 1.2 logs in unencrypted when a server hides its TLS flag, SSLContext or not (seen on the wire).
_FIRST_SAFE = (1, 2)

_OPTION_FILE = "an option file may name another host, a socket or TLS options; pass what it holds as arguments"

# Not named ssl..., but they decide where the bytes go or whether TLS carries them.
RESERVED = {
    "defer_connect": "the connection is made and verified before it is returned; leave it out",
    "host": "the host is the first argument, and it is the name that is verified",
    "named_pipe": "a named pipe carries no TLS; leave it out",
    "read_default_file": _OPTION_FILE,
    "read_default_group": _OPTION_FILE,
    "unix_socket": "a Unix-domain socket carries no TLS; leave it out",
}


def kwargs(target: "Target") -> "dict[str, Any]":
    """Give PyMySQL's arguments for a verified connection.

    Args:
        target: what to connect to, and what to trust there.

    Returns:
        Keyword arguments for ``pymysql.connect``, a pool or an ORM.

    Raises:
        DriverNotInstalledError: PyMySQL is not installed, or is older than 1.2.
    """
    _driver()
    if target.via is None:
        return {"host": target.host, "port": target.port, "ssl": shared_context(target.bundle)}
    from rds_tls.pinned import pinned_context

    address, port = target.via
    # PyMySQL verifies the name it dials. A context that pins the endpoint's name holds for reconnects too, which a
    # socket handed to connect() would not: those dial by themselves.
    return {"host": address, "port": port, "ssl": pinned_context(target.bundle, target.host)}


def connect(options: "Mapping[str, Any]") -> "pymysql.Connection[Any]":
    """Connect with PyMySQL; its exceptions pass through."""
    connection: pymysql.Connection[Any] = _connection_class(_driver())(**options)
    return connection


@cache
def _connection_class(driver: "ModuleType") -> "type[pymysql.Connection[Any]]":
    """Give PyMySQL's connection with two guards more.

    Whoever speaks out of turn before TLS is refused: PyMySQL itself reads on behind the greeting and drops what a man
    in the middle puts there, which is safe as long as it does. And ``connect_timeout`` bounds each wait of the
    login, where PyMySQL's own ends with the TCP connection and leaves a server that stalls for ever.
    """

    class Connection(driver.connections.Connection):  # type: ignore[name-defined,misc]
        _read_timeout: float | None
        _write_timeout: float | None
        _rfile: BufferedReader

        def connect(self, sock: "socket | None" = None) -> None:
            own = self._read_timeout, self._write_timeout
            self._read_timeout = self._read_timeout or self.connect_timeout
            self._write_timeout = self._write_timeout or self.connect_timeout
            try:
                super().connect(sock)
            finally:
                self._read_timeout, self._write_timeout = own

        def _get_server_information(self) -> None:
            # A reader that takes in no more than it is asked for: what follows the greeting is left for TLS to refuse.
            self._rfile = BufferedReader(self._rfile.detach(), buffer_size=1)
            super()._get_server_information()

    return Connection


def verify(connection: "pymysql.Connection[Any]", target: "Target") -> None:
    """Raise unless the socket is TLS 1.2 or later and verified the endpoint's name.

    Raises:
        UnverifiedConnectionError: it is not so; the connection has been closed.
    """
    # PyMySQL has no public way to its socket; the range of versions in pyproject.toml is tested for this one.
    sock = connection._sock  # type: ignore[attr-defined]  # noqa: SLF001
    if is_verified(sock, target.host, target.bundle.identity):
        return
    connection.close()
    raise UnverifiedConnectionError(
        f"PyMySQL returned a connection to {target.host} without verified TLS; it was closed. "
        "Please report this, with the version of PyMySQL."
    )


def reason(error: Exception, _target: "Target") -> str:
    """Give the text that says why PyMySQL did not connect: its own, which holds OpenSSL's."""
    return str(error)


@cache
def _driver() -> "ModuleType":
    driver = require("pymysql", EXTRA)
    if driver.VERSION[:2] < _FIRST_SAFE:
        raise DriverNotInstalledError(
            f"PyMySQL {driver.VERSION_STRING} sends the password unencrypted to a server that hides TLS: "
            f"pip install --upgrade 'rds-tls[{EXTRA}]'"
        )
    return driver
