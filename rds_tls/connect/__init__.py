"""From a host name to a verified connection, in one call.

Everything here verifies the server's chain against the region's RDS roots, and its name against the endpoint.
No argument weakens that, and a driver option that would is refused.
"""

from rds_tls.connect.plan import Request, make_plan
from rds_tls.drivers import MYSQL, POSTGRES, async_adapter, sync_adapter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    import psycopg
    import pymysql

    from rds_tls.connect.plan import Address, Password, Plan
    from rds_tls.drivers import SyncAdapter
    from rds_tls.settings import Settings


def connect_postgres(
    host: str,
    *,
    user: str,
    password: "Password | None" = None,
    dbname: str | None = None,
    port: int | None = None,
    via: "Address | None" = None,
    expect: str | None = None,
    iam: bool = False,
    region: str | None = None,
    settings: "Settings | None" = None,
    **driver_options: "Any",
) -> "psycopg.Connection[Any]":
    """Connect to Aurora or RDS PostgreSQL with psycopg over verified TLS.

    Args:
        host: the endpoint, also as ``host:port`` or as a URL without user, database and options.
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
        **driver_options: passed to ``psycopg.connect``; TLS options, and names that it does not
            know, are refused.

    Returns:
        The connection: TLS 1.2 or later, chain and name verified.

    Raises:
        EndpointError: the host is not an RDS endpoint, or an alias of none that is expected.
        OptionError: an argument contradicts verified TLS or another argument.
        TrustError: no trust anchors can be had.
        IamError: no token can be signed.
        DriverNotInstalledError: psycopg is missing.
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
    plan = make_plan(POSTGRES, "psycopg", request, driver_options)
    connection: psycopg.Connection[Any] = _connect(sync_adapter(POSTGRES, "psycopg"), plan)
    return connection


async def aconnect_postgres(
    host: str,
    *,
    user: str,
    password: "Password | None" = None,
    dbname: str | None = None,
    port: int | None = None,
    via: "Address | None" = None,
    expect: str | None = None,
    iam: bool = False,
    region: str | None = None,
    settings: "Settings | None" = None,
    **driver_options: "Any",
) -> "psycopg.AsyncConnection[Any]":
    """Connect as ``connect_postgres`` does, with ``psycopg.AsyncConnection``.

    Files are read and names are resolved in a thread: the event loop never waits for them.
    """
    import asyncio  # 20 ms that only this function needs

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
    plan = await asyncio.to_thread(make_plan, POSTGRES, "psycopg", request, driver_options)
    adapter = async_adapter(POSTGRES, "psycopg")
    while True:
        try:
            connection: psycopg.AsyncConnection[Any] = await adapter.aconnect(plan.options)
        except Exception as error:
            better = await asyncio.to_thread(plan.after, error)
            if better is None:
                raise
            plan = better
        else:
            plan.adapter.verify(connection, plan.target, plan.options)
            return connection


def connect_mysql(
    host: str,
    *,
    user: str,
    password: "Password | None" = None,
    database: str | None = None,
    port: int | None = None,
    via: "Address | None" = None,
    expect: str | None = None,
    iam: bool = False,
    region: str | None = None,
    settings: "Settings | None" = None,
    **driver_options: "Any",
) -> "pymysql.Connection[Any]":
    """Connect to Aurora or RDS MySQL (or MariaDB) with PyMySQL over verified TLS.

    Args:
        host: the endpoint, also as ``host:port`` or as a URL without user, database and options.
        user: the database user.
        password: the password, or a function that gives it, called for each new connection.
        database: the default database.
        port: the TCP port; the one in ``host``, else 3306.
        via: dial this (name or IP address, port), such as a tunnel's, and verify the endpoint there.
        expect: follow ``host`` as an alias, by DNS, to the endpoint that this names: an endpoint, or ``*`` and the rest
            of one. That endpoint is what is verified.
        iam: log in with a token that is signed for this connection, in place of a password.
        region: the AWS region, for an endpoint whose name has none (a Global Database writer).
        settings: where trust anchors come from; those of the environment unless given.
        **driver_options: passed to ``pymysql.connect``; TLS options, and names that it does not
            know, are refused.

    Returns:
        The connection: TLS 1.2 or later, chain and name verified.

    Raises:
        EndpointError: the host is not an RDS endpoint, or an alias of none that is expected.
        OptionError: an argument contradicts verified TLS or another argument.
        TrustError: no trust anchors can be had.
        IamError: no token can be signed.
        DriverNotInstalledError: PyMySQL is missing or older than 1.2.
        pymysql.Error: what PyMySQL raises, with a note when TLS is the cause.
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
    plan = make_plan(MYSQL, "pymysql", request, driver_options)
    connection: pymysql.Connection[Any] = _connect(sync_adapter(MYSQL, "pymysql"), plan)
    return connection


def postgres_kwargs(
    host: str,
    driver: str = "psycopg",
    *,
    user: str | None = None,
    password: "Password | None" = None,
    dbname: str | None = None,
    port: int | None = None,
    via: "Address | None" = None,
    expect: str | None = None,
    iam: bool = False,
    region: str | None = None,
    settings: "Settings | None" = None,
    **driver_options: "Any",
) -> "dict[str, Any]":
    """Give the arguments for a PostgreSQL driver's own connect, pool or ORM.

    Args:
        host: the endpoint, as for ``connect_postgres``.
        driver: "psycopg", for ``psycopg.connect``, ``psycopg.AsyncConnection.connect`` and psycopg_pool.
        user: the database user.
        password: the password, or a function that gives it, called once by this call.
        dbname: the database.
        port: the TCP port; the one in ``host``, else 5432.
        via: dial this (name or IP address, port) and verify the endpoint there.
        expect: follow ``host`` as an alias to the endpoint that this names.
        iam: sign a token, which is good for 15 minutes: call this again for each connection, not once for a pool.
        region: the AWS region, for an endpoint whose name has none.
        settings: where trust anchors come from; those of the environment unless given.
        **driver_options: returned with the rest; TLS options, and names that the driver does
            not know, are refused.

    Returns:
        Keyword arguments. With them the driver verifies; whether it did is then for the driver to say.

    Raises:
        EndpointError, OptionError, TrustError, DriverNotInstalledError, IamError: as for ``connect_postgres``.
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
    driver: str = "pymysql",
    *,
    user: str | None = None,
    password: "Password | None" = None,
    database: str | None = None,
    port: int | None = None,
    via: "Address | None" = None,
    expect: str | None = None,
    iam: bool = False,
    region: str | None = None,
    settings: "Settings | None" = None,
    **driver_options: "Any",
) -> "dict[str, Any]":
    """Give the arguments for a MySQL driver's own connect, pool or ORM.

    Args:
        host: the endpoint, as for ``connect_mysql``.
        driver: "pymysql", for ``pymysql.connect`` and what is built on it.
        user: the database user.
        password: the password, or a function that gives it, called once by this call.
        database: the database.
        port: the TCP port; the one in ``host``, else 3306.
        via: dial this (name or IP address, port) and verify the endpoint there.
        expect: follow ``host`` as an alias to the endpoint that this names.
        iam: sign a token, which is good for 15 minutes: call this again for each connection, not once for a pool.
        region: the AWS region, for an endpoint whose name has none.
        settings: where trust anchors come from; those of the environment unless given.
        **driver_options: returned with the rest; TLS options, and names that the driver does
            not know, are refused.

    Returns:
        Keyword arguments. With them the driver verifies; whether it did is then for the driver to say.

    Raises:
        EndpointError, OptionError, TrustError, DriverNotInstalledError, IamError: as for ``connect_mysql``.
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


def _connect(adapter: "SyncAdapter", plan: "Plan") -> "Any":  # noqa: ANN401 - the driver's connection
    while True:
        try:
            connection = adapter.connect(plan.options)
        except Exception as error:
            better = plan.after(error)
            if better is None:
                raise
            plan = better
        else:
            plan.adapter.verify(connection, plan.target, plan.options)
            return connection
