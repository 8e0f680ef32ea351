"""psycopg 3 (sync and async): libpq reads a file of trust anchors and verifies by itself."""

from __future__ import annotations

import inspect
import os
from functools import cache
from typing import TYPE_CHECKING, Any

from rds_tls.drivers import _libpq, close_unverified
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

RESERVED = {
    **_libpq.RESERVED,
    "conninfo": "pass its parts as arguments; a connection string may hold TLS options of its own",
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
    return _libpq.settled(_defaults(driver))


def kwargs(target: Target) -> dict[str, Any]:
    """Give libpq's arguments for a verify-full connection.

    Args:
        target: what to connect to, and what to trust there.

    Returns:
        Keyword arguments for ``psycopg.connect``, ``psycopg.AsyncConnection.connect`` or a pool's ``kwargs``.

    Raises:
        DriverNotInstalledError: psycopg is not installed, or finds no libpq.
    """
    return _libpq.arguments(target, _settled(_driver()))


def check(options: Mapping[str, Any]) -> None:
    """Refuse a value that libpq would not read as psycopg was given it; raises as ``_libpq.check``."""
    _libpq.check(options, _defaults(_driver()), _read_back)


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
explain = _libpq.explain


def connect(options: Mapping[str, Any], target: Target, seconds: float | None) -> psycopg.Connection[Any]:
    """Connect with psycopg; its exceptions pass through, without the password that psycopg leaves on them."""
    driver = _driver()
    try:
        connection: psycopg.Connection[Any] = driver.connect(**_libpq.bounded(options, target, seconds))
    except driver.Error as error:
        _forget_secrets(error)
        raise
    finally:
        del options  # a traceback may show locals
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
    finally:
        del options  # a traceback may show locals
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
    wanted = _libpq.verified(target, _settled(_driver()))
    if libpq.ssl_in_use and _libpq.is_as_told(told, wanted, target, options):
        return
    close_unverified(libpq.finish, "psycopg", target.host)


@cache
def _driver() -> Any:  # noqa: ANN401 - a module
    driver = require("psycopg", _EXTRA)
    _libpq.check_version(driver.pq.version(), "psycopg", _EXTRA)
    return driver
