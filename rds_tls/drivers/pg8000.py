"""pg8000: pure Python, so it takes the SSLContext itself."""

from __future__ import annotations

import inspect
from contextlib import suppress
from functools import cache
from socket import SO_KEEPALIVE, SOL_SOCKET
from typing import TYPE_CHECKING, Any, NoReturn

from rds_tls.context.dial import Deadline, dial
from rds_tls.context.sealed import is_verified
from rds_tls.drivers import _postgres, close_unverified
from rds_tls.drivers._peer import peer
from rds_tls.errors import OptionError
from rds_tls.extras import require

if TYPE_CHECKING:
    import io
    from collections.abc import Callable, Mapping
    from socket import socket
    from ssl import SSLSocket
    from types import ModuleType

    import pg8000.dbapi

    from rds_tls.context.sealed import SealedContext
    from rds_tls.drivers import Target

_EXTRA = "pg8000"
DATABASE = "database"
NEEDS_ADDRESSES = False
NO_TUNNEL = ""
NO_ARGUMENTS = ""

# To one before, pip gives a scramp with which it cannot log in by SCRAM, RDS's default from PostgreSQL 14 on.
_FIRST = (1, 31, 6)

# What pg8000 says of a server that answers its request for TLS with anything but S (core.py, _make_socket): a no, an
# error, or nothing at all.
_VAGUE = "Server refuses SSL"
# And where the connection ended later (the same file, _flush and _read).
_ENDED = "network error"

RESERVED = {
    **_postgres.RESERVED,
    "sock": "to dial another address use via=(address, port)",
    "unix_sock": "a Unix-domain socket carries no TLS; leave it out",
}

# AuthenticationSASL (PostgreSQL documentation, "Message Formats").
_SASL = (10).to_bytes(4, "big")


def known() -> frozenset[str]:
    """Name each option that the installed pg8000 takes."""
    return frozenset(inspect.signature(_driver().connect).parameters)


def kwargs(target: Target) -> dict[str, Any]:
    """Give pg8000's arguments for a verified connection.

    Args:
        target: what to connect to, and what to trust there.

    Returns:
        Keyword arguments for ``pg8000.dbapi.connect``, ``pg8000.native.Connection`` or the older ``pg8000.connect``,
        which SQLAlchemy calls. That one knows no ``sock``, so there is none among them: no URL can bring a socket.

    Raises:
        DriverNotInstalledError: pg8000 is not installed, or too old.
    """
    _driver()
    host, port, context = peer(target)
    return {"host": host, "port": port, "ssl_context": context, "unix_sock": None}


def bounds(_seconds: float) -> NoReturn:
    """Refuse: pg8000's only timeout stays on its socket, and would cut each query that takes longer.

    Raises:
        OptionError: always.
    """
    raise OptionError(
        "connect_timeout= cannot be among pg8000's arguments, since its timeout goes on to cut queries short: call "
        "rds_tls.connect_postgres, which ends it with connecting, or pass pg8000 a timeout= of your own"
    )


check = _postgres.check


def connect(options: Mapping[str, Any], _target: Target, seconds: float | None) -> pg8000.dbapi.Connection:
    """Connect with pg8000; its exceptions pass through."""
    driver = _driver()
    deadline = Deadline(seconds)
    sock: socket | None = None
    context = _InTime(options["ssl_context"], deadline)
    try:
        sock = _dialled(driver, (options["host"], options["port"]), deadline, options.get("source_address"))
        if options.get("tcp_keepalive", True):
            sock.setsockopt(SOL_SOCKET, SO_KEEPALIVE, 1)
        connection: pg8000.dbapi.Connection = _connection_class(driver)(
            deadline, **{**options, "sock": sock, "ssl_context": context}
        )
    except BaseException:
        for each in (sock, context.wrapped):
            if each is not None:
                each.close()
        raise
    finally:
        del options  # a traceback may show locals
    connection._usock.settimeout(None)  # noqa: SLF001 - as in verify
    return connection


def _dialled(
    driver: Any,  # noqa: ANN401 - a module
    address: tuple[str, int],
    deadline: Deadline,
    source: tuple[str, int] | None,
) -> socket:
    """Dial within the time, over all addresses; pg8000's own connect counts it for each anew."""
    try:
        sock = dial(*address, deadline, source)
        sock.settimeout(deadline.left())
    except OSError as error:  # as pg8000 words it
        host, port = address
        raise driver.InterfaceError(f"Can't create a connection to host {host} and port {port}: {error}") from error
    return sock


class _InTime:
    """What pg8000 is given for a context: the context, whose handshake ends in time, and so does the wait after it.

    Attributes:
        wrapped: the socket, once TLS carries it.
    """

    wrapped: SSLSocket | None = None

    def __init__(self, context: SealedContext, deadline: Deadline) -> None:
        self._context = context
        self._deadline = deadline

    def wrap_socket(self, sock: socket, server_hostname: str) -> SSLSocket:
        """Shake hands as the context does."""
        sock.settimeout(self._deadline.left())
        self.wrapped = self._context.wrap_socket(sock, server_hostname=server_hostname)
        self.wrapped.settimeout(self._deadline.left())
        return self.wrapped


@cache
def _connection_class(driver: Any) -> Callable[..., pg8000.dbapi.Connection]:  # noqa: ANN401 - a module
    """Give pg8000's connection, each step of whose login ends in time."""

    class Connection(driver.Connection):  # type: ignore[misc]
        # Pools and ORMs find the driver by the module of its connection's class.
        __module__ = driver.__name__

        def __init__(self, deadline: Deadline, **options: Any) -> None:
            self._deadline = deadline
            try:
                super().__init__(**options)
            except BaseException:
                _let_go(getattr(self, "_usock", None), getattr(self, "_sock", None))
                raise
            finally:
                del options  # a traceback may show locals

        def close(self) -> None:
            sock, file = self._usock, self._sock
            try:
                super().close()
            finally:
                _let_go(sock, file)

        def handle_AUTHENTICATION_REQUEST(self, data: bytes, context: object) -> None:  # noqa: N802 - pg8000's own name
            self._usock.settimeout(self._deadline.left())
            if data[:4] == _SASL and self.password is None:  # as pg8000 says of other requests; at this one it fails
                raise driver.InterfaceError("server requesting SASL authentication, but no password was provided")
            super().handle_AUTHENTICATION_REQUEST(data, context)

    return Connection


def _let_go(sock: SSLSocket | None, file: io.BufferedRWPair | None) -> None:
    """Close the file by which pg8000 reads and writes: what has that, an error's traceback too, has the socket open."""
    if sock is not None and file is not None:
        sock.settimeout(0)  # what was not sent by now is not waited for
        with suppress(OSError):
            file.close()


def verify(connection: pg8000.dbapi.Connection, target: Target, _options: Mapping[str, Any]) -> None:
    """Raise unless the socket is TLS 1.2 or later and verified the endpoint's name.

    Raises:
        UnverifiedConnectionError: it is not so; the connection has been closed.
    """
    # pg8000 has no public way to its socket; the range of versions in pyproject.toml is tested for this one.
    if not is_verified(connection._usock, target.host, target.anchors.identity):  # noqa: SLF001
        close_unverified(connection.close, "pg8000", target.host)


def explain(error: Exception, target: Target) -> str:
    """Give the text that says why pg8000 did not connect; as ``_postgres.explain``."""
    return _postgres.explain(error, target, vague=_VAGUE, ended=_ENDED)


@cache
def _driver() -> ModuleType:
    driver = require("pg8000.dbapi", _EXTRA)
    _postgres.check_version(driver.__version__, _FIRST, _EXTRA)
    return driver
