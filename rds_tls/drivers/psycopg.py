"""psycopg 3 (sync and async): libpq reads a file of trust anchors and verifies by itself."""

from __future__ import annotations

import inspect
import os
import socket
import ssl
from functools import cache
from typing import TYPE_CHECKING, Any

from rds_tls.drivers import _libpq, close_unverified, reserved
from rds_tls.errors import OptionError, RdsTlsError
from rds_tls.extras import require

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import ModuleType

    import psycopg

    from rds_tls.drivers import Target

_EXTRA = "postgres"
DATABASE = "dbname"
NEEDS_ADDRESSES = True  # libpq's hostaddr takes no name
NO_TUNNEL = ""
NO_ARGUMENTS = ""

# What a client sends to ask for TLS (PostgreSQL documentation, "Message Formats": SSLRequest).
_SSL_REQUEST = (8).to_bytes(4, "big") + (80877103).to_bytes(4, "big")

# How long each step of a second handshake may take; only a refused connection waits for it.
_EXPLAIN_SECONDS = 5.0

# Not named ssl..., but they decide where the bytes go or whether TLS carries them.
RESERVED = {
    "conninfo": "pass its parts as arguments; a connection string may hold TLS options of its own",
    "gssencmode": "GSS encryption would take the place of TLS; leave it out",
    "host": "the host is the first argument, and it is the name that is verified",
    "hostaddr": "to dial another address use via=(address, port)",
    "requirepeer": "it is for Unix-domain sockets, which carry no TLS; leave it out",
    "requiressl": "rds_tls always asks for verify-full; leave it out",
    "service": "a service file may hold TLS options of its own; pass what it holds as arguments",
}


# No file can be there, whoever asks: a device is no directory. libpq takes the ENOTDIR for "no such file".
_NO_FILE = f"{os.devnull}/none"

# What each reserved parameter is set to where libpq's default is not what is meant. Sources: PostgreSQL documentation,
# "libpq: Parameter Key Words"; fe-secure-openssl.c, initialize_SSL, of 15 to 18.
_MEANT = {
    "gssencmode": "disable",
    "ssl_min_protocol_version": "TLSv1.2",
    # RDS asks for no client certificate, and before 16 an unreadable ~/.postgresql ends the connection.
    "sslcert": _NO_FILE,
    "sslcertmode": "disable",
    # libpq trusts the CA certificates that it finds in a file of revocations, its default ~/.postgresql/root.crl too.
    "sslcrl": _NO_FILE,
    "sslmode": "verify-full",
}


def known() -> frozenset[str]:
    """Name each option that the installed psycopg and its libpq take."""
    return _known(_driver())


@cache
def _known(driver: ModuleType) -> frozenset[str]:
    return frozenset({*_defaults(driver), *inspect.signature(driver.connect).parameters} - {"kwargs"})


@cache
def _defaults(driver: ModuleType) -> dict[str, str]:
    """List libpq's parameters with the values that it was built with; an empty one stands for none."""
    return {option.keyword.decode(): (option.compiled or b"").decode() for option in driver.pq.Conninfo.get_defaults()}


@cache
def _settled(driver: ModuleType) -> dict[str, str]:
    """Give each reserved parameter of this libpq a value, so that no URL, environment or service file gives another.

    There is none for ``service``: an empty name is looked up too. What a service file sets does not count beside these.
    """
    defaults = {name: value for name, value in _defaults(driver).items() if reserved(name, RESERVED)}
    del defaults["service"]
    return {name: _MEANT.get(name, value) for name, value in defaults.items()}


def kwargs(target: Target) -> dict[str, Any]:
    """Give libpq's arguments for a verify-full connection.

    Args:
        target: what to connect to, and what to trust there.

    Returns:
        Keyword arguments for ``psycopg.connect``, ``psycopg.AsyncConnection.connect`` or a pool's ``kwargs``.

    Raises:
        DriverNotInstalledError: psycopg is not installed, or finds no libpq.
    """
    options: dict[str, Any] = {**_verified(target), "port": target.port}
    if target.via is not None:
        name, options["port"] = target.via
        addresses = target.via_addresses or (name,)  # libpq refuses a name that nobody resolved; empty means a socket
        # libpq pairs the two lists: it dials an address and verifies the host beside it.
        options["hostaddr"] = ",".join(addresses)
        options["host"] = ",".join([target.host] * len(addresses))
    return options


def _verified(target: Target) -> dict[str, str]:
    """Give all that libpq is told about TLS, and the name to verify."""
    return _settled(_driver()) | {"host": target.host, "sslrootcert": target.anchors.path}


def check(options: Mapping[str, Any]) -> None:
    """Refuse a value that libpq would not read as it was given.

    psycopg writes one connection string of all values. A NUL ends it, and where C takes bytes outside ASCII for blanks
    (macOS: 0x85 and 0xA0), a letter such as an a with a grave accent ends its value, and what follows is an option.

    Raises:
        OptionError: a value is not read back as it was given.
    """
    parameters = _defaults(_driver())
    for name, value in options.items():
        text = str(value)
        is_plain = text.isascii() and text.isprintable()
        if not is_plain and name in parameters and _read_back(name, text) != {name: text}:
            raise OptionError(f"{name}= has a character that libpq takes for the end of the value: leave it out")


def _read_back(name: str, text: str) -> dict[str, str] | None:
    """Give what libpq reads where psycopg writes one option."""
    driver = _driver()
    try:
        written = driver.conninfo.make_conninfo(**{name: text})
        options = driver.pq.Conninfo.parse(written.encode())
        return {option.keyword.decode(): option.val.decode() for option in options if option.val is not None}
    except (driver.Error, UnicodeError):
        return None


bounds = _libpq.bounds


def connect(options: Mapping[str, Any], target: Target, seconds: float | None) -> psycopg.Connection[Any]:
    """Connect with psycopg; its exceptions pass through, without the password that psycopg leaves on them."""
    driver = _driver()
    if seconds is not None:
        addresses = [] if target.via else _libpq.addresses_of(target.host)
        options = _libpq.within(options, addresses, seconds)
    try:
        connection: psycopg.Connection[Any] = driver.connect(**options)
    except driver.Error as error:
        _forget_secrets(error)
        raise
    return connection


async def aconnect(options: Mapping[str, Any], target: Target, seconds: float | None) -> psycopg.AsyncConnection[Any]:
    """Connect with psycopg's asyncio twin; as ``connect``."""
    driver = _driver()
    if seconds is not None:
        addresses = [] if target.via else await _addresses_of(target.host)
        options = _libpq.within(options, addresses, seconds)
    try:
        connection: psycopg.AsyncConnection[Any] = await driver.AsyncConnection.connect(**options)
    except driver.Error as error:
        _forget_secrets(error)
        raise
    return connection


async def _addresses_of(host: str) -> list[str]:
    """Ask the resolver as ``_libpq.addresses_of`` does, in a thread."""
    import asyncio  # only an event loop asks, and has it

    return await asyncio.to_thread(_libpq.addresses_of, host)


def _forget_secrets(error: psycopg.Error) -> None:
    """Take the failed connection off an error: it lists every parameter, and libpq's own object cannot be changed."""
    error._pgconn = None  # noqa: SLF001 - the property ``pgconn`` reads this, in every psycopg that pyproject.toml allows


def verify(
    connection: psycopg.Connection[Any] | psycopg.AsyncConnection[Any], target: Target, options: Mapping[str, Any]
) -> None:
    """Raise unless libpq says that TLS carries the connection, and that it was told all that we told it.

    libpq keeps the TLS version to itself, through psycopg at least: what it was told to accept stands for it.

    Raises:
        UnverifiedConnectionError: it is not so; the connection has been closed.
    """
    libpq = connection.pgconn
    told = {option.keyword.decode(): os.fsdecode(option.val or b"") for option in libpq.info}
    # The address is the resolver's word, but for a tunnel's, which was resolved before the options were made.
    wanted = _verified(target) | {"port": str(options["port"]), "hostaddr": told["hostaddr"]}
    dialled = target.via is None or told["hostaddr"] in options["hostaddr"].split(",")
    if libpq.ssl_in_use and dialled and wanted.items() <= told.items():
        return
    close_unverified(libpq.finish, "psycopg", target.host)


def explain(error: Exception, target: Target) -> str:
    """Give the text that says why psycopg did not connect, and dial the server once more where libpq keeps that back.

    libpq says that a chain did not verify, but not why. Python's TLS does, so in that case it shakes hands with the
    server again, and sends nothing else.

    Args:
        error: what psycopg raised.
        target: what it was to connect to.

    Returns:
        OpenSSL's reason where libpq keeps it to itself, else the error's own text.
    """
    text = str(error)
    if "certificate verify failed" not in text:
        return text
    from rds_tls.context.shared import shared_context  # libpq has its own: a connection that is made loads none of ours

    try:
        with socket.create_connection(target.via or (target.host, target.port), _EXPLAIN_SECONDS) as plain:
            plain.sendall(_SSL_REQUEST)
            plain.recv(1)
            shared_context(target.anchors).wrap_socket(plain, server_hostname=target.host).close()
    except ssl.SSLCertVerificationError as verdict:
        return str(verdict)
    except (OSError, RdsTlsError):
        return text  # whoever answers now may say anything, or nothing; and a context may not be had, or not be used
    return text


@cache
def _driver() -> Any:  # noqa: ANN401 - a module
    return require("psycopg", _EXTRA)
