"""From the name of a MySQL endpoint to a verified connection, in one call.

Everything here verifies the server's chain against the region's roots, and its name against the endpoint. No argument
weakens that, and a driver option that would is refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, overload

from rds_tls.connect import attempt
from rds_tls.connect.plan import arguments_of
from rds_tls.connect.request import Address, Password, Request
from rds_tls.drivers import MYSQL, AsyncMysqlDriver, MysqlDriver
from rds_tls.settings import Settings  # noqa: TC001 - as above

if TYPE_CHECKING:
    import aiomysql
    import asyncmy.connection
    import MySQLdb.connections
    import pymysql
    from mysql.connector.abstracts import MySQLConnectionAbstract
    from mysql.connector.aio.abstracts import MySQLConnectionAbstract as AsyncMySQLConnectionAbstract


@overload
def connect_mysql(
    host: str | None = ...,
    *,
    driver: Literal["pymysql"] = ...,
    user: str | None = ...,
    password: Password | None = ...,
    database: str | None = ...,
    port: int | None = ...,
    via: Address | None = ...,
    expect: str | None = ...,
    iam: bool = ...,
    secret: str | None = ...,
    region: str | None = ...,
    connect_timeout: float | None = ...,
    settings: Settings | None = ...,
    **driver_options: Any,
) -> pymysql.Connection[Any]: ...
@overload
def connect_mysql(
    host: str | None = ...,
    *,
    driver: Literal["mysqlclient"],
    user: str | None = ...,
    password: Password | None = ...,
    database: str | None = ...,
    port: int | None = ...,
    via: Address | None = ...,
    expect: str | None = ...,
    iam: bool = ...,
    secret: str | None = ...,
    region: str | None = ...,
    connect_timeout: float | None = ...,
    settings: Settings | None = ...,
    **driver_options: Any,
) -> MySQLdb.connections.Connection: ...
@overload
def connect_mysql(
    host: str | None = ...,
    *,
    driver: Literal["mysql-connector"],
    user: str | None = ...,
    password: Password | None = ...,
    database: str | None = ...,
    port: int | None = ...,
    via: Address | None = ...,
    expect: str | None = ...,
    iam: bool = ...,
    secret: str | None = ...,
    region: str | None = ...,
    connect_timeout: float | None = ...,
    settings: Settings | None = ...,
    **driver_options: Any,
) -> MySQLConnectionAbstract: ...
def connect_mysql(
    host: str | None = None,
    *,
    driver: MysqlDriver = "pymysql",
    user: str | None = None,
    password: Password | None = None,
    database: str | None = None,
    port: int | None = None,
    via: Address | None = None,
    expect: str | None = None,
    iam: bool = False,
    secret: str | None = None,
    region: str | None = None,
    connect_timeout: float | None = 10.0,
    settings: Settings | None = None,
    **driver_options: Any,
) -> Any:
    """Connect to Aurora or RDS MySQL (or MariaDB) over verified TLS.

    The arguments and what is raised are those of ``rds_tls.connect_postgres``, but that ``driver`` is "pymysql",
    "mysqlclient" or "mysql-connector", ``database`` is the default database, whatever the driver calls it, and ``port``
    is 3306 where nothing says another. Without ``password`` there is none. What the driver raises is an error of its
    own, such as ``pymysql.Error``.
    """
    request = Request(
        host=host,
        port=port,
        via=via,
        expect=expect,
        region=region,
        settings=settings,
        iam=iam,
        secret=secret,
        user=user,
        password=password,
        database=database,
        connect_timeout=connect_timeout,
    )
    return attempt.connect(MYSQL, driver, request, driver_options)


@overload
async def aconnect_mysql(
    host: str | None = ...,
    *,
    driver: Literal["asyncmy"] = ...,
    user: str | None = ...,
    password: Password | None = ...,
    database: str | None = ...,
    port: int | None = ...,
    via: Address | None = ...,
    expect: str | None = ...,
    iam: bool = ...,
    secret: str | None = ...,
    region: str | None = ...,
    connect_timeout: float | None = ...,
    settings: Settings | None = ...,
    **driver_options: Any,
) -> asyncmy.connection.Connection: ...
@overload
async def aconnect_mysql(
    host: str | None = ...,
    *,
    driver: Literal["aiomysql"],
    user: str | None = ...,
    password: Password | None = ...,
    database: str | None = ...,
    port: int | None = ...,
    via: Address | None = ...,
    expect: str | None = ...,
    iam: bool = ...,
    secret: str | None = ...,
    region: str | None = ...,
    connect_timeout: float | None = ...,
    settings: Settings | None = ...,
    **driver_options: Any,
) -> aiomysql.Connection: ...
@overload
async def aconnect_mysql(
    host: str | None = ...,
    *,
    driver: Literal["mysql-connector"],
    user: str | None = ...,
    password: Password | None = ...,
    database: str | None = ...,
    port: int | None = ...,
    via: Address | None = ...,
    expect: str | None = ...,
    iam: bool = ...,
    secret: str | None = ...,
    region: str | None = ...,
    connect_timeout: float | None = ...,
    settings: Settings | None = ...,
    **driver_options: Any,
) -> AsyncMySQLConnectionAbstract: ...
async def aconnect_mysql(
    host: str | None = None,
    *,
    driver: AsyncMysqlDriver = "asyncmy",
    user: str | None = None,
    password: Password | None = None,
    database: str | None = None,
    port: int | None = None,
    via: Address | None = None,
    expect: str | None = None,
    iam: bool = False,
    secret: str | None = None,
    region: str | None = None,
    connect_timeout: float | None = 10.0,
    settings: Settings | None = None,
    **driver_options: Any,
) -> Any:
    """Connect as ``connect_mysql`` does, in the running event loop, with "asyncmy", "aiomysql" or "mysql-connector".

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
        secret=secret,
        user=user,
        password=password,
        database=database,
        connect_timeout=connect_timeout,
    )
    return await attempt.aconnect(MYSQL, driver, request, driver_options)


def mysql_kwargs(
    host: str | None = None,
    driver: MysqlDriver | AsyncMysqlDriver = "pymysql",
    *,
    user: str | None = None,
    password: Password | None = None,
    database: str | None = None,
    port: int | None = None,
    via: Address | None = None,
    expect: str | None = None,
    iam: bool = False,
    secret: str | None = None,
    region: str | None = None,
    connect_timeout: float | None = None,
    settings: Settings | None = None,
    **driver_options: Any,
) -> dict[str, Any]:
    """Give the arguments for a MySQL driver's own connect, pool or ORM.

    The arguments are those of ``connect_mysql``, with the differences that ``rds_tls.postgres_kwargs`` has. For
    "pymysql" they go to ``pymysql.connect`` and what is built on it.

    Returns:
        Keyword arguments, as from ``rds_tls.postgres_kwargs``.
    """
    request = Request(
        host=host,
        port=port,
        via=via,
        expect=expect,
        region=region,
        settings=settings,
        iam=iam,
        secret=secret,
        user=user,
        password=password,
        database=database,
        connect_timeout=connect_timeout,
    )
    return arguments_of(MYSQL, driver, request, driver_options)
