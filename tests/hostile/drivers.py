"""The drivers under attack, and drivers set up as many programs do today, which the attacks must succeed on.

Those under attack are the rows of ``tests.support.rows``.
"""

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
from tests.support.rows import ROWS, TLS_IN_MYSQL, TLS_IN_POSTGRESQL, Row


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

    def arguments(self) -> dict[str, Any]:
        """Give the arguments for a row of the drivers' table."""
        return self._common() | {"database": self.database}

    def postgres(self) -> dict[str, Any]:
        """Give the arguments for rds_tls's PostgreSQL functions."""
        return self._common() | {"dbname": self.database, "connect_timeout": self.seconds}

    def mysql(self) -> dict[str, Any]:
        """Give the arguments for rds_tls's MySQL functions."""
        return self.arguments() | {"connect_timeout": self.seconds}

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
        tells_injection: whether the driver's own text tells such bytes from other answers to its request for TLS.
        repeats_injection: whether an error from before TLS passes for the server's.
        missing: why the driver cannot be run here.
    """

    name: str
    protocol: Protocol
    connect: Callable[[Login], object]
    error: tuple[type[Exception], ...]
    by_context: bool = False
    drops_injection: bool = False
    tells_injection: bool = True
    repeats_injection: bool = False
    missing: str = ""


def _row(row: Row) -> list[Driver]:
    """Attack a driver as rds_tls connects it, and as it connects by the arguments alone."""
    protocol = Protocol.POSTGRESQL if row.is_postgres else Protocol.MYSQL
    errors = (*row.errors, rds_tls.RdsTlsError)

    def connect(login: Login) -> object:
        answer = row.connect_and_ask(HOST, row.question, **login.arguments(), connect_timeout=login.seconds)
        return row.has_tls(answer)

    def by_arguments(login: Login) -> object:
        stalls: dict[str, Any] = dict.fromkeys(row.stall_arguments, login.seconds)
        if row.own_bound:
            arguments = row.arguments(HOST, **login.arguments()) | {row.own_bound: login.seconds}
        else:
            arguments = row.arguments(HOST, **login.arguments(), connect_timeout=login.seconds, **stalls)
        return row.has_tls(row.ask_by_arguments(arguments, row.question))

    helper = Driver(
        row.name,
        protocol,
        connect,
        errors,
        by_context=row.by_context,
        tells_injection=row.tells_injection,
        repeats_injection=row.repeats_injection,
        missing=row.missing,
    )
    if row.by_arguments is None:
        return [helper]
    own = Driver(
        f"{row.name}, by arguments",
        protocol,
        by_arguments,
        errors,
        by_context=row.by_context,
        drops_injection=row.drops_injection,
        tells_injection=row.tells_injection,
        repeats_injection=row.repeats_injection,
        missing=row.missing,
    )
    return [helper, own]


POSTGRESQL, MYSQL = Protocol.POSTGRESQL, Protocol.MYSQL
PSYCOPG_ERRORS = (psycopg.Error, rds_tls.RdsTlsError)
PYMYSQL_ERRORS = (pymysql.MySQLError, rds_tls.RdsTlsError)

DRIVERS = tuple(driver for row in ROWS for driver in _row(row))


def _ask_postgres(connection: "psycopg.Connection[Any]") -> object:
    with connection:
        row = connection.execute(TLS_IN_POSTGRESQL).fetchone()
    return row and row[0]


def _ask_mysql(connection: "pymysql.Connection[Any]") -> object:
    with connection, connection.cursor() as cursor:
        cursor.execute(TLS_IN_MYSQL)
        row = cursor.fetchone()
    return bool(row and row[1])


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
