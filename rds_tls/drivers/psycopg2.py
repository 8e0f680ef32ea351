"""psycopg2: libpq reads a file of trust anchors and verifies by itself."""

from __future__ import annotations

import inspect
from functools import cache
from typing import TYPE_CHECKING, Any

from rds_tls.drivers import _libpq, close_unverified
from rds_tls.extras import require

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import ModuleType

    import psycopg2.extensions

    from rds_tls.drivers import Target

_EXTRA = "psycopg2"
DATABASE = "dbname"
NEEDS_ADDRESSES = True  # libpq's hostaddr takes no name
NO_TUNNEL = ""
NO_ARGUMENTS = ""

_AT_ONCE = "the connection is made and verified before it is returned; leave it out"

# What psycopg2 takes besides its named parameters and libpq's own, by way of **kwargs (its extensions.make_dsn).
_ALSO = {
    "async": _AT_ONCE,
    "async_": _AT_ONCE,
    "database": "it is another name for dbname=; pass that",
}

RESERVED = {
    **_libpq.RESERVED,
    **_ALSO,
    "dsn": "pass its parts as arguments; a connection string may hold TLS options of its own",
}

# Every parameter of libpq 13 to 18, since psycopg2 cannot list those of its own (PostgreSQL documentation, "libpq:
# Parameter Key Words"). A later one is refused until it stands here.
_PARAMETERS = tuple(
    """
    user password passfile channel_binding connect_timeout dbname host hostaddr port client_encoding options
    application_name fallback_application_name keepalives keepalives_idle keepalives_interval keepalives_count
    tcp_user_timeout service sslmode sslnegotiation sslcompression sslcert sslkey sslcertmode sslpassword sslrootcert
    sslcrl sslcrldir sslsni sslkeylogfile ssl_min_protocol_version ssl_max_protocol_version requirepeer require_auth
    min_protocol_version max_protocol_version gssencmode krbsrvname gsslib gssdelegation replication
    target_session_attrs load_balance_hosts scram_client_key scram_server_key oauth_issuer oauth_client_id
    oauth_client_secret oauth_scope
    """.split()  # noqa: SIM905 - fifty quoted names would hide the list
)

# What the reserved ones among them are built with where that is a value (fe-connect.c, PQconninfoOptions).
_BUILT_WITH = {"sslcompression": "0", "sslnegotiation": "postgres", "sslsni": "1"}

_TLS_VERSIONS = {"TLSv1.2", "TLSv1.3"}


def known() -> frozenset[str]:
    """Name each option that the installed psycopg2 and its libpq take."""
    return _known(_driver())


@cache
def _known(driver: ModuleType) -> frozenset[str]:
    return frozenset({*_defaults(driver), *inspect.signature(driver.connect).parameters, *_ALSO} - {"kwargs"})


@cache
def _defaults(driver: ModuleType) -> dict[str, str]:
    """List the parameters that this libpq knows, with the values that it was built with; an empty one is none."""
    return {name: _BUILT_WITH.get(name, "") for name in _PARAMETERS if _is_parameter(driver, name)}


def _is_parameter(driver: ModuleType, name: str) -> bool:
    try:
        driver.extensions.parse_dsn(f"{name}=x")
    except driver.ProgrammingError:
        return False
    return True


@cache
def _settled(driver: ModuleType) -> dict[str, str]:
    return _libpq.settled(_defaults(driver))


def kwargs(target: Target) -> dict[str, Any]:
    """Give libpq's arguments for a verify-full connection.

    Args:
        target: what to connect to, and what to trust there.

    Returns:
        Keyword arguments for ``psycopg2.connect`` or a pool of ``psycopg2.pool``.

    Raises:
        DriverNotInstalledError: psycopg2 is not installed, or its libpq is too old.
    """
    return _libpq.arguments(target, _settled(_driver()))


def check(options: Mapping[str, Any]) -> None:
    """Refuse a value that libpq would not read as psycopg2 was given it; raises as ``_libpq.check``."""
    _libpq.check(options, _defaults(_driver()), _read_back)


def _read_back(name: str, text: str) -> dict[str, str] | None:
    """Give what libpq reads where psycopg2 writes one option."""
    extensions = _driver().extensions
    try:
        read: dict[str, str] = extensions.parse_dsn(extensions.make_dsn(**{name: text}))
    except (_driver().Error, UnicodeError):
        return None
    return read


bounds = _libpq.bounds
explain = _libpq.explain


def connect(options: Mapping[str, Any], target: Target, seconds: float | None) -> psycopg2.extensions.connection:
    """Connect with psycopg2; its exceptions pass through."""
    try:
        connection: psycopg2.extensions.connection = _driver().connect(**_libpq.bounded(options, target, seconds))
    finally:
        del options  # a traceback may show locals
    return connection


def verify(connection: psycopg2.extensions.connection, target: Target, options: Mapping[str, Any]) -> None:
    """Raise unless libpq says that TLS 1.2 or later carries the connection, and that it was told all that we told it.

    Raises:
        UnverifiedConnectionError: it is not so; the connection has been closed.
    """
    wanted = _libpq.verified(target, _settled(_driver()))
    info = getattr(connection, "info", None)  # a connection_factory may give anything
    told = {**dict.fromkeys(wanted, ""), **(info.dsn_parameters if info else {})}  # without those that have no value
    is_tls = info and info.ssl_in_use and info.ssl_attribute("protocol") in _TLS_VERSIONS
    if not (is_tls and _libpq.is_as_told(told, wanted, target, options)):
        close_unverified(connection.close, "psycopg2", target.host)


@cache
def _driver() -> Any:  # noqa: ANN401 - a module
    driver = require("psycopg2", _EXTRA)
    _libpq.check_version(require("psycopg2.extensions", _EXTRA).libpq_version(), "psycopg2", _EXTRA)
    return driver
