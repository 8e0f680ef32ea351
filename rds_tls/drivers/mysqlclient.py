"""mysqlclient (MySQLdb): MariaDB's or MySQL's library in C reads a file of trust anchors and verifies by itself."""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING, Any

from rds_tls.drivers import _in_c, close_unverified
from rds_tls.errors import DriverNotInstalledError, OptionError, UnverifiedConnectionError
from rds_tls.extras import require

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import ModuleType

    from MySQLdb.connections import Connection

    from rds_tls.drivers import Target

_EXTRA = "mysqlclient"
DATABASE = "database"
NEEDS_ADDRESSES = False
NO_TUNNEL = (
    "its library in C verifies the name that it dials. Let the endpoint's name lead to a tunnel on this machine, as a "
    "line in /etc/hosts does; with iam=True on the endpoint's own port, for which the token is signed"
)
NO_ARGUMENTS = (
    "its library in C takes what a man in the middle sends before TLS for answers of the server's, and only a look at "
    "the new connection finds that. Call connect_mysql(host, driver='mysqlclient') for each connection: SQLAlchemy's "
    "creator= and most pools take a function that does"
)

# With MariaDB's library mysqlclient before 2.2 knows no ssl_mode, and verifies no name (its HISTORY.rst, 2.2.0).
_FIRST_SAFE = (2, 2)

_OPTION_FILE = "an option file may turn verification off; pass what it holds as arguments"

# Not named ssl..., but they decide where the bytes go or whether TLS carries them.
RESERVED = {
    "host": "the host is the first argument, and it is the name that is verified",
    "named_pipe": "a named pipe carries no TLS; leave it out",
    "read_default_file": _OPTION_FILE,
    "read_default_group": _OPTION_FILE,
    "unix_socket": "a Unix-domain socket carries no TLS; leave it out",
    # Beside the new names these win without a word, over a token that was signed too.
    "db": "it is mysqlclient's old name for database=; pass that",
    "passwd": "it is mysqlclient's old name for password=; pass that",
}

# A name that the installed version does not know it refuses by itself. Sources: _mysql.c, kwlist; connections.py.
_KNOWN = frozenset(
    """
    host user password database port unix_socket conv connect_timeout compress named_pipe init_command
    read_default_file read_default_group client_flag ssl ssl_mode local_infile read_timeout write_timeout charset
    auth_plugin server_public_key_path local_infile_dir
    passwd db cursorclass collation use_unicode sql_mode binary_prefix executemany_fallback multi_statements autocommit
    """.split()  # noqa: SIM905 - forty quoted names would hide the list
)

# What RFC 9325, 4.2, recommends for TLS 1.2, and what no older version has: mysqlclient has no option for a version.
# TLS 1.3's own ciphers stay beside these (MariaDB Connector/C, openssl.c; MySQL documentation, "--ssl-cipher").
_CIPHERS = (
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384"
)
# OpenSSL, ssl_stat.c: what it calls TLS's alert 40, handshake_failure, up to 3.1 with "sslv3" before it.
_NO_COMMON_CIPHER = "alert handshake failure"
# No greeting came; or no connection, within our time or at all: of that MariaDB's library gives a number alone, which
# is EINPROGRESS for a dial that was refused.
_NO_GREETING = "reading initial communication packet"
_SILENT = (_NO_GREETING, "Can't connect to ")


def known() -> frozenset[str]:
    """Name each option that mysqlclient takes: it has no signature that lists them."""
    return _KNOWN


def kwargs(target: Target) -> dict[str, Any]:
    """Give mysqlclient's arguments for a verified connection.

    They are for ``connect`` alone: see ``NO_ARGUMENTS``.

    Args:
        target: what to connect to, and what to trust there.

    Returns:
        Keyword arguments. mysqlclient reads no option file but one that is named, so nothing is said about those.

    Raises:
        DriverNotInstalledError: mysqlclient is not installed, or is older than 2.2.
    """
    _driver()
    return {
        "host": target.host,
        "port": target.port,
        "ssl": {"ca": target.anchors.path, "cipher": _CIPHERS},
        "ssl_mode": "VERIFY_IDENTITY",
    }


def check(options: Mapping[str, Any]) -> None:
    """Refuse a text that mysqlclient cannot give to C: its own UnicodeEncodeError would hold it.

    Raises:
        OptionError: a text ends early, or has half a surrogate pair.
    """
    for name, value in options.items():
        if isinstance(value, str) and not _in_c.is_sendable(value):
            raise OptionError(
                f"{name}= has a NUL, or half a surrogate pair, which mysqlclient cannot send: leave it out"
            )


def bounds(seconds: float) -> dict[str, Any]:
    """Give mysqlclient's argument that bounds connecting, in whole seconds.

    MariaDB's library counts it for the first address, for the greeting and for each wait of the TLS handshake anew, and
    not for the login: ``connect`` bounds the whole.
    """
    return {"connect_timeout": _in_c.whole(seconds)}


def connect(options: Mapping[str, Any], target: Target, seconds: float | None) -> Connection:
    """Connect with mysqlclient; its exceptions pass through.

    Raises:
        UnverifiedConnectionError: TLS does not carry the connection, or an answer is not that to the question.
    """
    driver = _driver()
    kind = _connection_class(driver)
    if seconds is None:
        return kind(**options)
    made: list[Any] = []

    def attempt() -> Connection:
        return kind(**options, **bounds(seconds / _in_c.count_addresses(target.host)), made=made)

    def end() -> None:
        for connection in made:
            _in_c.cut(connection.descriptor(), target.port)

    try:
        return _in_c.within(seconds, attempt, end)
    except TimeoutError:
        error = driver.constants.CR.CONN_HOST_ERROR, f"Can't connect to MySQL server on {target.host!r} (timed out)"
    raise driver.OperationalError(*error)


@cache
def _connection_class(driver: ModuleType) -> type[Connection]:
    """Give mysqlclient's connection with a look at what the server answers, before anybody uses it.

    MariaDB's library takes what a man in the middle puts behind the greeting for the login's answer: from there each
    answer would belong to the query before it. A question that nobody can foresee finds that.
    """

    class Connection(driver.connections.Connection):  # type: ignore[name-defined,misc]
        # Pools and ORMs find the driver by the module of its connection's class.
        __module__ = driver.connections.__name__

        _descriptor: int | None = None
        _verified: tuple[object, ...] = ()

        def __init__(self, *, made: list[object] | None = None, **options: Any) -> None:
            if made is not None:
                made.append(self)
            super().__init__(**options)
            _look(driver, self, options["host"])
            self._verified = _identity(options)

        def descriptor(self) -> int:
            """Give the descriptor of the socket, also while another thread waits on it; -1 where there is none."""
            try:
                return self.fileno() if self._descriptor is None else self._descriptor
            except driver.Error:
                return -1

        def set_character_set(self, charset: str, collation: str | None = None) -> None:
            # The first that mysqlclient does with a connection, which it locks from here on while it waits.
            self._descriptor = self.fileno()
            super().set_character_set(charset, collation)

    return Connection


def _look(driver: ModuleType, connection: Any, host: str) -> None:  # noqa: ANN401 - its stubs are untyped in part
    """Raise unless the library says that TLS carries the connection, and the server answers what it is asked."""
    # The library takes the flag away where the server has no TLS, and begins TLS where it is left.
    if not connection.client_flag & driver.constants.CLIENT.SSL:
        close_unverified(connection.close, "mysqlclient", host)
    nonce = os.urandom(16).hex()
    if _rows(driver, connection, f"SELECT '{nonce}'") != ((nonce.encode(),),):
        connection.close()
        raise UnverifiedConnectionError(
            f"the server at {host} seems to answer what was not asked: mysqlclient took bytes from before TLS for its "
            "answer, as a man in the middle sends them; the connection was closed"
        )


def _rows(driver: ModuleType, connection: Any, query: str) -> tuple[tuple[Any, ...], ...]:  # noqa: ANN401 - as above
    """Ask the server, past the caller's cursor and conversions: the values are bytes, or None."""
    lower = driver._mysql  # noqa: SLF001 - what both are made on, and public as a module
    lower.connection.query(connection, query.encode())
    if not connection.field_count():
        return ()
    rows: tuple[tuple[Any, ...], ...] = lower.result(connection, 0, {}).fetch_row(0)
    return rows


def _identity(options: Mapping[str, Any]) -> tuple[object, ...]:
    """Give the arguments that decide who is verified."""
    return options["host"], options["port"], options["ssl"], options["ssl_mode"]


def verify(connection: Connection, target: Target, options: Mapping[str, Any]) -> None:
    """Raise unless the connection is one that ``connect`` made and looked at, for this endpoint and these anchors.

    Raises:
        UnverifiedConnectionError: it is not so; the connection has been closed.
    """
    wanted = _identity({**options, **kwargs(target)})
    if getattr(connection, "_verified", ()) != wanted:
        close_unverified(connection.close, "mysqlclient", target.host)


def explain(error: Exception, target: Target) -> str:
    """Give the text that says why mysqlclient did not connect: its own, which holds OpenSSL's; as ``explain_mysql``.

    A server that has none of the ciphers of TLS 1.2, nor TLS 1.3, can say no more to it than that the handshake failed.
    To Python's TLS, which offers more of them, it says what it lacks.
    """
    from rds_tls.drivers._second_look import explain_mysql, tls_verdict  # only a failure pays for it

    text = str(error)
    if _NO_COMMON_CIPHER in text:
        return tls_verdict(target, "mysql") or f"{text}: unsupported protocol"
    return explain_mysql(text, target, _SILENT, (_NO_GREETING,))


@cache
def _driver() -> Any:  # noqa: ANN401 - a module
    driver = require("MySQLdb", _EXTRA)
    if driver.version_info[:2] < _FIRST_SAFE:
        version = ".".join(map(str, driver.version_info[:3]))
        raise DriverNotInstalledError(
            f"mysqlclient {version} verifies no server's name with MariaDB's library: "
            f"pip install --upgrade 'rds-tls[{_EXTRA}]'"
        )
    for module in ("connections", "constants.CLIENT", "constants.CR"):
        require(f"MySQLdb.{module}", _EXTRA)
    return driver
