"""From a host name to a verified connection, in one call.

Everything here verifies the server's chain against the region's RDS roots, and its name against the endpoint.
No argument weakens that, and a driver option that would is refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rds_tls.connect import attempt
from rds_tls.connect.plan import make_plan
from rds_tls.connect.request import Address, Password, Request
from rds_tls.drivers import MYSQL, POSTGRES, AsyncPostgresDriver, MysqlDriver, PostgresDriver
from rds_tls.settings import Settings  # noqa: TC001 - typing.get_type_hints looks it up here

if TYPE_CHECKING:
    import psycopg
    import pymysql

    _PostgresConnection = psycopg.Connection[Any]
    _AsyncPostgresConnection = psycopg.AsyncConnection[Any]
    _MysqlConnection = pymysql.Connection[Any]
else:
    # What typing.get_type_hints finds, whether or not a driver is installed.
    _PostgresConnection = _AsyncPostgresConnection = _MysqlConnection = Any


def connect_postgres(
    host: str,
    *,
    driver: PostgresDriver = "psycopg",
    user: str,
    password: Password | None = None,
    dbname: str | None = None,
    port: int | None = None,
    via: Address | None = None,
    expect: str | None = None,
    iam: bool = False,
    region: str | None = None,
    settings: Settings | None = None,
    **driver_options: Any,
) -> _PostgresConnection:
    """Connect to Aurora or RDS PostgreSQL over verified TLS.

    Args:
        host: the endpoint, also as ``host:port`` or as a URL without user, database and options.
        driver: "psycopg".
        user: the database user.
        password: the password, or a function that gives it, called for each new connection; without one libpq looks in
            ``PGPASSWORD`` and ``~/.pgpass``.
        dbname: the database; libpq takes the user's name without one.
        port: the TCP port; the one in ``host``, else 5432.
        via: dial this (name or IP address, port), such as a tunnel's, and verify the endpoint there.
        expect: follow ``host`` as an alias, by DNS, to the endpoint that this names: an endpoint, or ``*`` and the rest
            of one. That endpoint is what is verified.
        iam: log in with a token that is signed for this connection, in place of a password.
        region: the AWS region, for an endpoint whose name has none (a Global Database writer).
        settings: where trust anchors come from; those of the environment unless given.
        **driver_options: passed to the driver's connect; TLS options, and names that it does not
            know, are refused.

    Returns:
        The connection: TLS 1.2 or later, chain and name verified.

    Raises:
        EndpointError: the host is not an RDS endpoint, or an alias of none that is expected.
        OptionError: an argument contradicts verified TLS or another argument.
        TrustError: no trust anchors can be had.
        IamError: no token can be signed.
        DriverNotInstalledError: the driver is missing, or older than the first that is safe.
        psycopg.Error: what psycopg raises, with a note when TLS is the cause.
    """
    request = Request(
        host=host,
        port=port,
        via=via,
        expect=expect,
        region=region,
        settings=settings,
        iam=iam,
        user=user,
        password=password,
        database=dbname,
    )
    connection: _PostgresConnection = attempt.connect(POSTGRES, driver, request, driver_options)
    return connection


async def aconnect_postgres(
    host: str,
    *,
    driver: AsyncPostgresDriver = "psycopg",
    user: str,
    password: Password | None = None,
    dbname: str | None = None,
    port: int | None = None,
    via: Address | None = None,
    expect: str | None = None,
    iam: bool = False,
    region: str | None = None,
    settings: Settings | None = None,
    **driver_options: Any,
) -> _AsyncPostgresConnection:
    """Connect as ``connect_postgres`` does, in the running event loop, to get ``psycopg.AsyncConnection``.

    Files are read and names are resolved in a thread: the event loop never waits for them.
    """
    request = Request(
        host=host,
        port=port,
        via=via,
        expect=expect,
        region=region,
        settings=settings,
        iam=iam,
        user=user,
        password=password,
        database=dbname,
    )
    connection: _AsyncPostgresConnection = await attempt.aconnect(POSTGRES, driver, request, driver_options)
    return connection


def connect_mysql(
    host: str,
    *,
    driver: MysqlDriver = "pymysql",
    user: str,
    password: Password | None = None,
    database: str | None = None,
    port: int | None = None,
    via: Address | None = None,
    expect: str | None = None,
    iam: bool = False,
    region: str | None = None,
    settings: Settings | None = None,
    **driver_options: Any,
) -> _MysqlConnection:
    """Connect to Aurora or RDS MySQL (or MariaDB) over verified TLS.

    The arguments are those of ``connect_postgres``, but that ``driver`` is "pymysql", ``database`` is the default
    database, and ``port`` is 3306 where nothing says another. Without ``password`` there is none. What the driver
    raises is a ``pymysql.Error``.
    """
    request = Request(
        host=host,
        port=port,
        via=via,
        expect=expect,
        region=region,
        settings=settings,
        iam=iam,
        user=user,
        password=password,
        database=database,
    )
    connection: _MysqlConnection = attempt.connect(MYSQL, driver, request, driver_options)
    return connection


def postgres_kwargs(
    host: str,
    driver: PostgresDriver | AsyncPostgresDriver = "psycopg",
    *,
    user: str | None = None,
    password: Password | None = None,
    dbname: str | None = None,
    port: int | None = None,
    via: Address | None = None,
    expect: str | None = None,
    iam: bool = False,
    region: str | None = None,
    settings: Settings | None = None,
    **driver_options: Any,
) -> dict[str, Any]:
    """Give the arguments for a PostgreSQL driver's own connect, pool or ORM.

    The arguments and what is raised are those of ``connect_postgres``, but that ``user`` may be left out, a function in
    ``password`` is called once by this call, and ``iam`` signs a token that is good for 15 minutes: call this again for
    each connection, not once for a pool. For "psycopg" they go to ``psycopg.connect``,
    ``psycopg.AsyncConnection.connect`` and psycopg_pool.

    Returns:
        Keyword arguments, ``driver_options`` among them. With them the driver verifies; whether it did is then for the
        driver to say.
    """
    request = Request(
        host=host,
        port=port,
        via=via,
        expect=expect,
        region=region,
        settings=settings,
        iam=iam,
        user=user,
        password=password,
        database=dbname,
    )
    return make_plan(POSTGRES, driver, request, driver_options).options


def mysql_kwargs(
    host: str,
    driver: MysqlDriver = "pymysql",
    *,
    user: str | None = None,
    password: Password | None = None,
    database: str | None = None,
    port: int | None = None,
    via: Address | None = None,
    expect: str | None = None,
    iam: bool = False,
    region: str | None = None,
    settings: Settings | None = None,
    **driver_options: Any,
) -> dict[str, Any]:
    """Give the arguments for a MySQL driver's own connect, pool or ORM.

    The arguments are those of ``connect_mysql``, with the differences that ``postgres_kwargs`` has. For "pymysql" they
    go to ``pymysql.connect`` and what is built on it.

    Returns:
        Keyword arguments, as from ``postgres_kwargs``.
    """
    request = Request(
        host=host,
        port=port,
        via=via,
        expect=expect,
        region=region,
        settings=settings,
        iam=iam,
        user=user,
        password=password,
        database=database,
    )
    return make_plan(MYSQL, driver, request, driver_options).options
