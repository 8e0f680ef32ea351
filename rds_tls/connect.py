"""From a host name to a verified connection, in one call.

Everything here verifies the server's chain against the region's RDS roots, and its name against the endpoint.
No argument weakens that, and a driver option that would is refused.
"""

from importlib import import_module
from typing import NamedTuple

from rds_tls import regions
from rds_tls.context import shared_context
from rds_tls.diagnosis import diagnose
from rds_tls.drivers import Target, refuse_reserved
from rds_tls.endpoint import Endpoint, Trust, parse_endpoint, url_extras
from rds_tls.errors import OptionError
from rds_tls.settings import Settings
from rds_tls.trust import trusted_bundle

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping
    from types import ModuleType
    from typing import Any, TypeVar

    import psycopg
    import pymysql

    from rds_tls.trust import TrustedBundle

    Address = tuple[str, int]
    Value = TypeVar("Value", int, str)

_MAX_PORT = 65_535


class _Engine(NamedTuple):
    """A database engine: its port unless one is given, and the drivers that have an adapter."""

    name: str
    port: int
    drivers: tuple[str, ...]


_POSTGRES = _Engine("Aurora PostgreSQL", 5432, ("psycopg",))
_MYSQL = _Engine("Aurora MySQL", 3306, ("pymysql",))


class _Plan(NamedTuple):
    """Everything that is decided before a driver dials."""

    adapter: "ModuleType"
    target: Target
    options: "dict[str, Any]"


def connect_postgres(
    host: str,
    *,
    user: str,
    password: str | None = None,
    dbname: str | None = None,
    port: int | None = None,
    via: "Address | None" = None,
    region: str | None = None,
    settings: Settings | None = None,
    **driver_options: "Any",
) -> "psycopg.Connection[Any]":
    """Connect to Aurora or RDS PostgreSQL with psycopg over verified TLS.

    Args:
        host: the endpoint, also as ``host:port`` or as a URL without user, database and options.
        user: the database user.
        password: the password; without one libpq looks in ``PGPASSWORD`` and ``~/.pgpass``.
        dbname: the database; libpq takes the user's name without one.
        port: the TCP port; the one in ``host``, else 5432.
        via: dial this (name or IP address, port), such as a tunnel's, and verify the endpoint there.
        region: the AWS region, for an endpoint whose name has none (a Global Database writer).
        settings: where trust anchors come from; ``Settings.from_env()`` unless given.
        **driver_options: passed to ``psycopg.connect``; TLS options are refused.

    Returns:
        The connection: TLS 1.2 or later, chain and name verified.

    Raises:
        EndpointError: the host is not an RDS endpoint.
        OptionError: an argument contradicts verified TLS or another argument.
        TrustError: no trust anchors can be had.
        DriverNotInstalledError: psycopg is missing.
        psycopg.Error: what psycopg raises, with a note when TLS is the cause.
    """
    login = {"user": user, "password": password, "dbname": dbname}
    plan = _plan(_POSTGRES, "psycopg", host, port, via, region, settings, login, driver_options)
    connection: psycopg.Connection[Any] = _connect(plan)
    return connection


async def aconnect_postgres(
    host: str,
    *,
    user: str,
    password: str | None = None,
    dbname: str | None = None,
    port: int | None = None,
    via: "Address | None" = None,
    region: str | None = None,
    settings: Settings | None = None,
    **driver_options: "Any",
) -> "psycopg.AsyncConnection[Any]":
    """Connect as ``connect_postgres`` does, with ``psycopg.AsyncConnection``.

    Files are read and names are resolved in a thread: the event loop never waits for them.
    """
    import asyncio  # 20 ms that only this function needs

    login = {"user": user, "password": password, "dbname": dbname}
    plan = await asyncio.to_thread(
        _plan, _POSTGRES, "psycopg", host, port, via, region, settings, login, driver_options
    )
    try:
        connection: psycopg.AsyncConnection[Any] = await plan.adapter.aconnect(plan.options)
    except Exception as error:
        await asyncio.to_thread(_explain, error, plan)
        raise
    plan.adapter.verify(connection, plan.target)
    return connection


def connect_mysql(
    host: str,
    *,
    user: str,
    password: str | None = None,
    database: str | None = None,
    port: int | None = None,
    via: "Address | None" = None,
    region: str | None = None,
    settings: Settings | None = None,
    **driver_options: "Any",
) -> "pymysql.Connection[Any]":
    """Connect to Aurora or RDS MySQL (or MariaDB) with PyMySQL over verified TLS.

    Args:
        host: the endpoint, also as ``host:port`` or as a URL without user, database and options.
        user: the database user.
        password: the password.
        database: the default database.
        port: the TCP port; the one in ``host``, else 3306.
        via: dial this (name or IP address, port), such as a tunnel's, and verify the endpoint there.
        region: the AWS region, for an endpoint whose name has none (a Global Database writer).
        settings: where trust anchors come from; ``Settings.from_env()`` unless given.
        **driver_options: passed to ``pymysql.connect``; TLS options are refused.

    Returns:
        The connection: TLS 1.2 or later, chain and name verified.

    Raises:
        EndpointError: the host is not an RDS endpoint.
        OptionError: an argument contradicts verified TLS or another argument.
        TrustError: no trust anchors can be had.
        DriverNotInstalledError: PyMySQL is missing or older than 1.2.
        pymysql.Error: what PyMySQL raises, with a note when TLS is the cause.
    """
    login = {"user": user, "password": password, "database": database}
    plan = _plan(_MYSQL, "pymysql", host, port, via, region, settings, login, driver_options)
    connection: pymysql.Connection[Any] = _connect(plan)
    return connection


def postgres_kwargs(
    host: str,
    driver: str = "psycopg",
    *,
    port: int | None = None,
    via: "Address | None" = None,
    region: str | None = None,
    settings: Settings | None = None,
    **driver_options: "Any",
) -> "dict[str, Any]":
    """Give the arguments for a PostgreSQL driver's own connect, pool or ORM.

    Args:
        host: the endpoint, as for ``connect_postgres``.
        driver: "psycopg", for ``psycopg.connect``, ``psycopg.AsyncConnection.connect`` and psycopg_pool.
        port: the TCP port; the one in ``host``, else 5432.
        via: dial this (name or IP address, port) and verify the endpoint there.
        region: the AWS region, for an endpoint whose name has none.
        settings: where trust anchors come from; ``Settings.from_env()`` unless given.
        **driver_options: user, password, dbname and the like, returned with the rest; TLS options are refused.

    Returns:
        Keyword arguments. With them the driver verifies; whether it did is then for the driver to say.

    Raises:
        EndpointError, OptionError, TrustError, DriverNotInstalledError: as for ``connect_postgres``.
    """
    return _plan(_POSTGRES, driver, host, port, via, region, settings, {}, driver_options).options


def mysql_kwargs(
    host: str,
    driver: str = "pymysql",
    *,
    port: int | None = None,
    via: "Address | None" = None,
    region: str | None = None,
    settings: Settings | None = None,
    **driver_options: "Any",
) -> "dict[str, Any]":
    """Give the arguments for a MySQL driver's own connect, pool or ORM.

    Args:
        host: the endpoint, as for ``connect_mysql``.
        driver: "pymysql", for ``pymysql.connect`` and what is built on it.
        port: the TCP port; the one in ``host``, else 3306.
        via: dial this (name or IP address, port) and verify the endpoint there.
        region: the AWS region, for an endpoint whose name has none.
        settings: where trust anchors come from; ``Settings.from_env()`` unless given.
        **driver_options: user, password, database and the like, returned with the rest; TLS options are refused.

    Returns:
        Keyword arguments. With them the driver verifies; whether it did is then for the driver to say.

    Raises:
        EndpointError, OptionError, TrustError, DriverNotInstalledError: as for ``connect_mysql``.
    """
    return _plan(_MYSQL, driver, host, port, via, region, settings, {}, driver_options).options


def ssl_context(
    host: str | None = None, *, region: str | None = None, settings: Settings | None = None
) -> "ssl.SSLContext":
    """Give the sealed SSLContext for an endpoint, or for a region's RDS endpoints.

    It verifies the name that the driver passes as ``server_hostname``: pass drivers the endpoint itself as host.

    Args:
        host: the endpoint.
        region: the AWS region, in place of a host or for an endpoint whose name has none.
        settings: where trust anchors come from; ``Settings.from_env()`` unless given.

    Returns:
        The context that every caller with the same trust anchors shares.

    Raises:
        EndpointError, OptionError, TrustError: as for ``connect_postgres``.
    """
    return shared_context(_bundle(_endpoint(host), region, settings))


def ca_path(host: str | None = None, *, region: str | None = None, settings: Settings | None = None) -> str:
    """Give the path of the PEM file of trust anchors, for a driver's ``sslrootcert`` or ``ssl_ca``.

    The file alone verifies nothing: the driver must be told to verify chain and name too.

    Args:
        host: the endpoint.
        region: the AWS region, in place of a host or for an endpoint whose name has none.
        settings: where trust anchors come from; ``Settings.from_env()`` unless given.

    Returns:
        An absolute path that stays valid while the program runs.

    Raises:
        EndpointError, OptionError, TrustError: as for ``connect_postgres``.
    """
    return _bundle(_endpoint(host), region, settings).path


def _connect(plan: _Plan) -> "Any":  # noqa: ANN401 - the driver's connection
    try:
        connection = plan.adapter.connect(plan.options)
    except Exception as error:
        _explain(error, plan)
        raise
    plan.adapter.verify(connection, plan.target)
    return connection


def _explain(error: Exception, plan: _Plan) -> None:
    """Add the cause and the fix to a driver's error, when TLS is the cause."""
    diagnosis = diagnose(plan.adapter.reason(error, plan.target))
    if diagnosis is not None:
        error.add_note(diagnosis.note(plan.target.host, str(plan.target.bundle)))


def _plan(
    engine: _Engine,
    driver: str,
    host: str,
    port: int | None,
    via: "Address | None",
    region: str | None,
    settings: Settings | None,
    login: "Mapping[str, str | None]",
    driver_options: "Mapping[str, Any]",
) -> _Plan:
    if driver not in engine.drivers:
        raise OptionError(f"{engine.name} has no driver {driver!r} here: use one of {', '.join(engine.drivers)}")
    adapter = import_module(f"rds_tls.drivers.{driver}")
    refuse_reserved(adapter, driver_options)
    if url_extras(host):
        raise OptionError(
            "the host is a URL with more than a host and a port in it: pass user=, password=, the database "
            "and driver options as arguments, since nothing is read from the URL"
        )
    endpoint = parse_endpoint(host)
    port = _agreed("port", endpoint.port, port)
    target = Target(
        host=endpoint.host,
        port=engine.port if port is None else _checked_port(port, f"port={port!r}"),
        bundle=_bundle(endpoint, region, settings),
        via=_checked_via(via),
    )
    given = {name: value for name, value in login.items() if value is not None}
    return _Plan(adapter, target, {**adapter.kwargs(target), **given, **driver_options})


def _endpoint(host: str | None) -> Endpoint | None:
    return None if host is None else parse_endpoint(host)


def _bundle(endpoint: Endpoint | None, region: str | None, settings: Settings | None) -> "TrustedBundle":
    if region is not None and regions.partition_of(region) is None:
        raise OptionError(f"region={region!r} is not the name of an AWS region: check its spelling")
    trust = Trust.RDS
    if endpoint is not None:
        trust, region = endpoint.trust, _agreed("region", endpoint.region, region)
    elif region is None:
        raise OptionError("neither a host nor a region is given: pass the endpoint, or region='us-east-1'")
    return trusted_bundle(trust, region, Settings.from_env() if settings is None else settings)


def _agreed(name: str, in_host: "Value | None", argument: "Value | None") -> "Value | None":
    """Take what the host says or what the argument says, and refuse two that differ."""
    if in_host is not None and argument is not None and in_host != argument:
        raise OptionError(f"the host says {name} {in_host!r}, the argument {name}={argument!r}: leave one out")
    return in_host if argument is None else argument


def _checked_port(port: int, origin: str) -> int:
    if not (isinstance(port, int) and 0 < port <= _MAX_PORT):
        raise OptionError(f"{origin} is no TCP port: give an integer from 1 to {_MAX_PORT}")
    return port


def _checked_via(via: "Address | None") -> "Address | None":
    match via:
        case None:
            return None
        case (str() as address, int() as port) if address:
            return address, _checked_port(port, f"the port of via={via!r}")
        case _:
            raise OptionError(f"via={via!r} is no address: give a pair, as in via=('127.0.0.1', 15432)")
