"""psycopg 3 (sync and async): libpq reads a file of trust anchors and verifies by itself."""

import socket
import ssl
from functools import cache

from rds_tls.context import shared_context
from rds_tls.errors import UnverifiedConnectionError
from rds_tls.extras import require

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    import psycopg

    from rds_tls.drivers import Target

EXTRA = "postgres"

# libpq learned sslcertmode in 16 (its release notes); older ones reject the name.
_FIRST_WITH_SSLCERTMODE = 160_000

# What a client sends to ask for TLS (PostgreSQL documentation, "Message Formats": SSLRequest).
_SSL_REQUEST = (8).to_bytes(4, "big") + (80877103).to_bytes(4, "big")

# How long each step of a second handshake may take; only a refused connection waits for it.
_REASON_SECONDS = 5.0

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


def kwargs(target: "Target") -> "dict[str, Any]":
    """Give libpq's arguments for a verify-full connection.

    Source of the parameters: PostgreSQL documentation, "libpq: Parameter Key Words".

    Args:
        target: what to connect to, and what to trust there.

    Returns:
        Keyword arguments for ``psycopg.connect``, ``psycopg.AsyncConnection.connect`` or a pool's ``kwargs``.

    Raises:
        DriverNotInstalledError: psycopg is not installed, or finds no libpq.
        OSError: the name in ``target.via`` does not resolve.
    """
    options: dict[str, Any] = {
        "host": target.host,
        "port": target.port,
        "sslmode": "verify-full",
        "sslrootcert": target.bundle.path,
        "ssl_min_protocol_version": "TLSv1.2",
        "gssencmode": "disable",
    }
    if _driver().pq.version() >= _FIRST_WITH_SSLCERTMODE:
        # An unreadable ~/.postgresql breaks TLS in containers; RDS asks for no client certificate.
        options["sslcertmode"] = "disable"
    if target.via is not None:
        name, options["port"] = target.via
        addresses = _addresses(name)
        # libpq pairs the two lists: it dials an address and verifies the host beside it.
        options["hostaddr"] = ",".join(addresses)
        options["host"] = ",".join([target.host] * len(addresses))
    return options


def _addresses(name: str) -> list[str]:
    """Resolve a tunnel's name, since hostaddr takes IP addresses only; each once, in the resolver's order."""
    found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def connect(options: "Mapping[str, Any]") -> "psycopg.Connection[Any]":
    """Connect with psycopg; its exceptions pass through, without the password that psycopg leaves on them."""
    driver = _driver()
    try:
        connection: psycopg.Connection[Any] = driver.connect(**options)
    except driver.Error as error:
        _forget_password(error)
        raise
    return connection


async def aconnect(options: "Mapping[str, Any]") -> "psycopg.AsyncConnection[Any]":
    """Connect with psycopg's asyncio twin; as ``connect``."""
    driver = _driver()
    try:
        connection: psycopg.AsyncConnection[Any] = await driver.AsyncConnection.connect(**options)
    except driver.Error as error:
        _forget_password(error)
        raise
    return connection


def _forget_password(error: "psycopg.Error") -> None:
    """Take the password off an error: ``Error.pgconn`` lists every parameter of the connection that failed."""
    failed: Any = error.pgconn
    if failed is not None:
        failed.password = b""
        failed.info = [option._replace(val=None) if option.keyword == b"password" else option for option in failed.info]


def verify(connection: "psycopg.Connection[Any] | psycopg.AsyncConnection[Any]", target: "Target") -> None:
    """Raise unless libpq says that TLS carries the connection, and what it verified.

    libpq keeps the TLS version to itself, through psycopg at least: what it was told to accept stands for it.

    Raises:
        UnverifiedConnectionError: it is not so; the connection has been closed.
    """
    libpq = connection.pgconn
    told = {option.keyword: option.val for option in libpq.info}
    if (
        libpq.ssl_in_use
        and libpq.host == target.host.encode()
        and told[b"sslmode"] == b"verify-full"
        and told[b"ssl_min_protocol_version"] in {b"TLSv1.2", b"TLSv1.3"}
    ):
        return
    libpq.finish()
    raise UnverifiedConnectionError(
        f"psycopg returned a connection to {target.host} without verified TLS; it was closed. "
        "Please report this, with the versions of psycopg and libpq."
    )


def reason(error: Exception, target: "Target") -> str:
    """Give the text that says why psycopg did not connect.

    libpq says that a chain did not verify, but not why. Python's TLS does, so in that case it shakes hands with the
    server once more, and sends nothing else.

    Args:
        error: what psycopg raised.
        target: what it was to connect to.

    Returns:
        OpenSSL's reason where libpq keeps it to itself, else the error's own text.
    """
    text = str(error)
    if "certificate verify failed" not in text:
        return text
    try:
        with socket.create_connection(target.via or (target.host, target.port), _REASON_SECONDS) as plain:
            plain.sendall(_SSL_REQUEST)
            plain.recv(1)
            shared_context(target.bundle).wrap_socket(plain, server_hostname=target.host).close()
    except ssl.SSLCertVerificationError as verdict:
        return str(verdict)
    except OSError:
        return text  # whoever answers now may say anything, or nothing
    return text


@cache
def _driver() -> "Any":  # noqa: ANN401 - a module
    return require("psycopg", EXTRA)
