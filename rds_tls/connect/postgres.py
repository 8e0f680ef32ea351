"""From the name of a PostgreSQL endpoint to a verified connection, in one call.

Everything here verifies the server's chain against the region's roots, and its name against the endpoint. No argument
weakens that, and a driver option that would is refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, overload

from rds_tls.connect import attempt
from rds_tls.connect.plan import arguments_of
from rds_tls.connect.request import Address, Password, Request
from rds_tls.drivers import POSTGRES, AsyncPostgresDriver, PostgresDriver
from rds_tls.settings import Settings  # noqa: TC001 - as above

if TYPE_CHECKING:
    import asyncpg
    import pg8000.dbapi
    import psycopg
    import psycopg2.extensions


@overload
def connect_postgres(
    host: str | None = ...,
    *,
    driver: Literal["psycopg"] = ...,
    user: str | None = ...,
    password: Password | None = ...,
    dbname: str | None = ...,
    port: int | None = ...,
    via: Address | None = ...,
    expect: str | None = ...,
    iam: bool = ...,
    secret: str | None = ...,
    region: str | None = ...,
    connect_timeout: float | None = ...,
    settings: Settings | None = ...,
    **driver_options: Any,
) -> psycopg.Connection[Any]: ...
@overload
def connect_postgres(
    host: str | None = ...,
    *,
    driver: Literal["psycopg2"],
    user: str | None = ...,
    password: Password | None = ...,
    dbname: str | None = ...,
    port: int | None = ...,
    via: Address | None = ...,
    expect: str | None = ...,
    iam: bool = ...,
    secret: str | None = ...,
    region: str | None = ...,
    connect_timeout: float | None = ...,
    settings: Settings | None = ...,
    **driver_options: Any,
) -> psycopg2.extensions.connection: ...
@overload
def connect_postgres(
    host: str | None = ...,
    *,
    driver: Literal["pg8000"],
    user: str | None = ...,
    password: Password | None = ...,
    dbname: str | None = ...,
    port: int | None = ...,
    via: Address | None = ...,
    expect: str | None = ...,
    iam: bool = ...,
    secret: str | None = ...,
    region: str | None = ...,
    connect_timeout: float | None = ...,
    settings: Settings | None = ...,
    **driver_options: Any,
) -> pg8000.dbapi.Connection: ...
def connect_postgres(
    host: str | None = None,
    *,
    driver: PostgresDriver = "psycopg",
    user: str | None = None,
    password: Password | None = None,
    dbname: str | None = None,
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
    """Connect to Aurora or RDS PostgreSQL over verified TLS.

    Args:
        host: the endpoint, also as ``host:port``, or a whole database URL: ``postgresql://user:password@host/database``,
            also in SQLAlchemy's and JDBC's forms. Options in it that ask for TLS are satisfied, those that would weaken
            it, and those that are not known to be harmless, are refused.
        driver: "psycopg", "psycopg2" or "pg8000".
        user: the database user, unless a URL or ``secret`` names one.
        password: the password, or a function that gives it, called for each new connection; without one libpq and
            asyncpg look in ``PGPASSWORD`` and ``~/.pgpass``, and pg8000 nowhere.
        dbname: the database, whatever the driver calls it; PostgreSQL takes the user's name without one.
        port: the TCP port; the one in ``host``, else 5432.
        via: dial this (name or IP address, port), such as a tunnel's, and verify the endpoint there.
        expect: follow ``host`` as an alias, by DNS, to the endpoint that this names: an endpoint, or ``*`` and the rest
            of one. That endpoint is what is verified.
        iam: log in with a token that is signed for this connection, in place of a password.
        secret: the name or ARN of a secret in AWS Secrets Manager, as RDS keeps one, in place of user and password. It
            is kept for an hour, and fetched anew when the server refuses it. Its host, port and database count where
            the call gives none.
        region: the AWS region, for an endpoint whose name has none (a Global Database writer).
        connect_timeout: how many seconds dialling, TLS and login may take together, over all addresses; it ends with
            the login. None leaves it to the driver. libpq waits for whole seconds, two at least.
        settings: where trust anchors come from; those of the environment unless given.
        **driver_options: passed to the driver's connect; TLS options, and names that it does not
            know, are refused.

    Returns:
        The driver's connection: TLS 1.2 or later, chain and name verified.

    Raises:
        EndpointError: the host is not an RDS endpoint, or an alias of none that is expected.
        OptionError: an argument contradicts verified TLS or another argument.
        TrustError: no trust anchors can be had.
        IamError: no token can be signed.
        SecretError: the secret cannot be had.
        DriverNotInstalledError: the driver is missing, or older than the first that is safe.
        Exception: what the driver raises, such as ``psycopg.Error``, with a note when TLS is the cause.
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
        database=dbname,
        connect_timeout=connect_timeout,
    )
    return attempt.connect(POSTGRES, driver, request, driver_options)


@overload
async def aconnect_postgres(
    host: str | None = ...,
    *,
    driver: Literal["psycopg"] = ...,
    user: str | None = ...,
    password: Password | None = ...,
    dbname: str | None = ...,
    port: int | None = ...,
    via: Address | None = ...,
    expect: str | None = ...,
    iam: bool = ...,
    secret: str | None = ...,
    region: str | None = ...,
    connect_timeout: float | None = ...,
    settings: Settings | None = ...,
    **driver_options: Any,
) -> psycopg.AsyncConnection[Any]: ...
@overload
async def aconnect_postgres(
    host: str | None = ...,
    *,
    driver: Literal["asyncpg"],
    user: str | None = ...,
    password: Password | None = ...,
    dbname: str | None = ...,
    port: int | None = ...,
    via: Address | None = ...,
    expect: str | None = ...,
    iam: bool = ...,
    secret: str | None = ...,
    region: str | None = ...,
    connect_timeout: float | None = ...,
    settings: Settings | None = ...,
    **driver_options: Any,
) -> asyncpg.Connection[Any]: ...
async def aconnect_postgres(
    host: str | None = None,
    *,
    driver: AsyncPostgresDriver = "psycopg",
    user: str | None = None,
    password: Password | None = None,
    dbname: str | None = None,
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
    """Connect as ``connect_postgres`` does, in the running event loop, with "psycopg" or "asyncpg".

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
        database=dbname,
        connect_timeout=connect_timeout,
    )
    return await attempt.aconnect(POSTGRES, driver, request, driver_options)


def postgres_kwargs(
    host: str | None = None,
    driver: PostgresDriver | AsyncPostgresDriver = "psycopg",
    *,
    user: str | None = None,
    password: Password | None = None,
    dbname: str | None = None,
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
    """Give the arguments for a PostgreSQL driver's own connect, pool or ORM.

    The arguments and what is raised are those of ``connect_postgres``, but that ``user`` may be left out, a function in
    ``password`` is called once by this call, and ``iam`` signs a token that is good for 15 minutes: call this again for
    each connection, not once for a pool. For "psycopg" they go to ``psycopg.connect``,
    ``psycopg.AsyncConnection.connect`` and psycopg_pool, for "psycopg2" to its connect and its pools, for "asyncpg" to
    ``asyncpg.connect`` and ``asyncpg.create_pool``, for "pg8000" to ``pg8000.dbapi.connect`` and
    ``pg8000.native.Connection``, without ``connect_timeout``: there it would cut queries short.

    Returns:
        Keyword arguments, ``driver_options`` among them. With them the driver verifies; whether it did is then for the
        driver to say. There is a port among them where one was given, by ``port``, ``host`` or ``via``, or signed for,
        and a timeout where ``connect_timeout`` is given: what the driver makes of it is its own.
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
        database=dbname,
        connect_timeout=connect_timeout,
    )
    return arguments_of(POSTGRES, driver, request, driver_options)
