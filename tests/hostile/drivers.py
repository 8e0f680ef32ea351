"""The drivers under attack, and drivers set up as many programs do today, which the attacks must succeed on.

A driver is a row, and a function of a few lines that connects.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
import pymysql

import rds_tls
from tests.hostile.attacks import DISABLED, PLAIN, PREFER, UNVERIFIED
from tests.hostile.evidence import Protocol
from tests.hostile.stage import HOST
from tests.support.local_rds.pki import unverified_context

TLS_IN_POSTGRESQL = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
TLS_IN_MYSQL = "SHOW STATUS LIKE 'Ssl_cipher'"


class Login(NamedTuple):
    """What a driver is given.

    Attributes:
        address: where the peer listens.
        user: who logs in.
        password: the user's password.
        database: the database.
        settings: whom to trust.
        files: the folder of the files that leftovers name.
        seconds: how long to wait.
    """

    address: tuple[str, int]
    user: str
    password: str
    database: str
    settings: rds_tls.Settings
    files: Path
    seconds: int

    def postgres(self) -> dict[str, Any]:
        """Give the arguments for rds_tls's PostgreSQL functions."""
        return self._common() | {"dbname": self.database, "connect_timeout": self.seconds}

    def mysql(self) -> dict[str, Any]:
        """Give the arguments for rds_tls's MySQL functions."""
        return self._common() | {"database": self.database, "connect_timeout": self.seconds}

    def _common(self) -> dict[str, Any]:
        return {"user": self.user, "password": self.password, "via": self.address, "settings": self.settings}


class Driver(NamedTuple):
    """One way to connect.

    Attributes:
        name: the driver, for the report.
        protocol: the protocol it speaks.
        connect: connects, asks the server whether TLS carries the connection, and closes.
        error: what a refusal raises.
        by_context: whether an SSLContext of rds_tls's verifies, and not libpq.
        drops_injection: whether bytes from before TLS are dropped without a word, and not refused.
    """

    name: str
    protocol: Protocol
    connect: Callable[[Login], object]
    error: tuple[type[Exception], ...]
    by_context: bool = False
    drops_injection: bool = False


def _ask_postgres(connection: "psycopg.Connection[Any]") -> object:
    with connection:
        row = connection.execute(TLS_IN_POSTGRESQL).fetchone()
    return row and row[0]


async def _ask_postgres_async(connection: "psycopg.AsyncConnection[Any]") -> object:
    async with connection:
        row = await (await connection.execute(TLS_IN_POSTGRESQL)).fetchone()
    return row and row[0]


def _ask_mysql(connection: "pymysql.Connection[Any]") -> object:
    with connection, connection.cursor() as cursor:
        cursor.execute(TLS_IN_MYSQL)
        row = cursor.fetchone()
    return bool(row and row[1])


def _connect_postgres(login: Login) -> object:
    return _ask_postgres(rds_tls.connect_postgres(HOST, **login.postgres()))


def _aconnect_postgres(login: Login) -> object:
    async def connect() -> object:
        return await _ask_postgres_async(await rds_tls.aconnect_postgres(HOST, **login.postgres()))

    return asyncio.run(connect())


def _psycopg_by_kwargs(login: Login) -> object:
    return _ask_postgres(psycopg.connect(**rds_tls.postgres_kwargs(HOST, **login.postgres())))


def _psycopg_async_by_kwargs(login: Login) -> object:
    async def connect() -> object:
        options = rds_tls.postgres_kwargs(HOST, **login.postgres())
        return await _ask_postgres_async(await psycopg.AsyncConnection.connect(**options))

    return asyncio.run(connect())


def _connect_mysql(login: Login) -> object:
    return _ask_mysql(rds_tls.connect_mysql(HOST, **login.mysql()))


def _pymysql_by_kwargs(login: Login) -> object:
    # PyMySQL's own connect_timeout covers TCP alone: the greeting and the handshake end by these two.
    arguments = login.mysql() | {"read_timeout": login.seconds, "write_timeout": login.seconds}
    return _ask_mysql(pymysql.connect(**rds_tls.mysql_kwargs(HOST, **arguments)))


POSTGRESQL, MYSQL = Protocol.POSTGRESQL, Protocol.MYSQL
PSYCOPG_ERRORS = (psycopg.Error, rds_tls.RdsTlsError)
PYMYSQL_ERRORS = (pymysql.MySQLError, rds_tls.RdsTlsError)

DRIVERS = (
    Driver("connect_postgres", POSTGRESQL, _connect_postgres, PSYCOPG_ERRORS),
    Driver("aconnect_postgres", POSTGRESQL, _aconnect_postgres, PSYCOPG_ERRORS),
    Driver("postgres_kwargs, psycopg.connect", POSTGRESQL, _psycopg_by_kwargs, PSYCOPG_ERRORS),
    Driver("postgres_kwargs, psycopg.AsyncConnection.connect", POSTGRESQL, _psycopg_async_by_kwargs, PSYCOPG_ERRORS),
    Driver("connect_mysql", MYSQL, _connect_mysql, PYMYSQL_ERRORS, by_context=True),
    Driver(
        "mysql_kwargs, pymysql.connect",
        MYSQL,
        _pymysql_by_kwargs,
        PYMYSQL_ERRORS,
        by_context=True,
        drops_injection=True,
    ),
)


def _prefer(login: Login) -> object:
    address, port = login.address
    return _ask_postgres(
        psycopg.connect(
            host=HOST,
            hostaddr=address,
            port=port,
            user=login.user,
            password=login.password,
            sslmode="prefer",
            gssencmode="prefer",  # libpq's default too, but for psycopg's own wheels from 3.3 on
            connect_timeout=login.seconds,
        )
    )


def _pymysql(login: Login, **options: Any) -> object:
    host, port = login.address
    options |= {"host": host, "port": port, "read_timeout": login.seconds}
    return _ask_mysql(pymysql.connect(user=login.user, password=login.password, **options))


def _disabled(login: Login) -> object:
    return _pymysql(login, ssl_disabled=True)


def _unverified(login: Login) -> object:
    return _pymysql(login, ssl=unverified_context())


CARELESS = (
    Driver(PREFER, POSTGRESQL, _prefer, PSYCOPG_ERRORS),
    Driver(PLAIN, MYSQL, _pymysql, PYMYSQL_ERRORS),
    Driver(DISABLED, MYSQL, _disabled, PYMYSQL_ERRORS),
    Driver(UNVERIFIED, MYSQL, _unverified, PYMYSQL_ERRORS),
)
