"""Every driver, as the tests use it: a row of this table is what each matrix runs.

A row knows how to ask a question over a connection of its driver's, and what the driver raises. All else is the same
for every driver, and stands in the tests.
"""

import asyncio
import socket
import traceback
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from importlib import import_module
from importlib.util import find_spec
from typing import Any, NamedTuple

import aiomysql
import asyncmy
import asyncpg
import mysql.connector
import pg8000.dbapi
import psycopg
import psycopg2
import psycopg2.extensions
import pymysql
import pytest

import rds_tls
from rds_tls.drivers import MYSQL, POSTGRES, Engine, async_adapter, sync_adapter
from tests.support import in_c
from tests.support.local_rds.kinds import MYSQL_SERVERS, POSTGRES_SERVERS, Server

# What the server says about the connection that asks.
TLS_IN_POSTGRESQL = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
TLS_IN_MYSQL = "SHOW STATUS LIKE 'Ssl_cipher'"

Answer = tuple[Any, ...] | None


class Row(NamedTuple):
    """One driver.

    Attributes:
        driver: the ``driver=`` of rds_tls's functions.
        engine: the database engine that it speaks to.
        ask: sends one query over a connection of the driver's, closes the connection, and gives the first row of the
            answer; a coroutine function for a driver that is awaited.
        errors: what the driver raises when it refuses, besides what rds_tls raises.
        by_arguments: the driver's own connect, given what ``*_kwargs`` gives; None where arguments alone are refused.
        is_async: whether the driver is awaited.
        by_context: whether an SSLContext of rds_tls's verifies, and not a C library.
        drops_injection: whether bytes from before TLS are dropped without a word by ``by_arguments``.
        stall_arguments: what ``by_arguments`` needs besides ``connect_timeout`` to end with a server that stalls, for a
            number of seconds.
        options: what is always passed on to the driver.
        own_bound: the driver's own option that bounds connecting, where ``*_kwargs`` take none because it does not end
            with that.
        tells_injection: whether the driver's own text tells bytes from before TLS from other answers to its request.
        dials_in_c: how a driver is imported that resolves in C the name that it verifies: it is run by ``in_c``, where
            that leads to loopback, and ``via`` gives the port alone.
        repeats_injection: whether an error from before TLS passes for the server's.
        variant: what tells two rows of one driver apart.
    """

    driver: str
    engine: Engine
    ask: Callable[[Any, str], Any]
    errors: tuple[type[Exception], ...]
    by_arguments: Callable[..., Any] | None
    is_async: bool = False
    by_context: bool = True
    drops_injection: bool = False
    stall_arguments: tuple[str, ...] = ()
    options: tuple[tuple[str, Any], ...] = ()
    variant: str = ""
    own_bound: str = ""
    tells_injection: bool = True
    dials_in_c: str = ""
    repeats_injection: bool = False

    @property
    def name(self) -> str:
        """What a report calls the row."""
        return f"{self.driver}{' (asyncio)' * self.is_async}{self.variant and f' ({self.variant})'}"

    @property
    def is_postgres(self) -> bool:
        """Whether the driver speaks to PostgreSQL."""
        return self.engine is POSTGRES

    @property
    def servers(self) -> tuple[type[Server], ...]:
        """The kinds of server that it speaks to, of those that this machine has."""
        return POSTGRES_SERVERS if self.is_postgres else MYSQL_SERVERS

    @property
    def question(self) -> str:
        """Ask the server whether TLS carries the connection."""
        return TLS_IN_POSTGRESQL if self.is_postgres else TLS_IN_MYSQL

    @property
    def missing(self) -> str:
        """Why the driver cannot be run here; empty where it can."""
        return in_c.missing(self.dials_in_c) if self.dials_in_c else ""

    @property
    def adapter(self) -> Any:  # noqa: ANN401 - of either kind
        """The adapter as rds_tls finds it."""
        find: Any = async_adapter if self.is_async else sync_adapter
        with self._elsewhere():
            return find(self.engine, self.driver)

    def connect_and_ask(self, host: str, question: str, *, database: str | None = None, **arguments: Any) -> Answer:
        """Ask a question over a connection that rds_tls makes."""
        connect = getattr(rds_tls, f"{'a' * self.is_async}connect_{'postgres' if self.is_postgres else 'mysql'}")
        arguments |= {"driver": self.driver, **dict(self.options), **self._named(database)}
        with self._elsewhere():
            return self._answer(lambda: connect(host, **self.dialled(**arguments)), question)

    def arguments(self, host: str, *, database: str | None = None, **arguments: Any) -> dict[str, Any]:
        """Give what rds_tls gives for the driver's own connect."""
        give: Any = rds_tls.postgres_kwargs if self.is_postgres else rds_tls.mysql_kwargs
        arguments = self.dialled(**arguments) | dict(self.options) | self._named(database)
        options: dict[str, Any] = give(host, self.driver, **arguments)
        return options

    def ask_by_arguments(self, arguments: dict[str, Any], question: str) -> Answer:
        """Ask a question over a connection that the driver makes of its arguments alone."""
        own = self.by_arguments
        assert own is not None
        return self._answer(lambda: own(**arguments), question)

    def connected(self, connect: Callable[[], Any], use: Callable[[Any], None]) -> None:
        """Use a connection, or what is awaited for it, where it was made: in an event loop for an asyncio driver."""

        async def awaited() -> None:
            use(await connect())

        if self.is_async:
            asyncio.run(awaited())
        else:
            use(connect())

    def has_tls(self, answer: Answer) -> bool:
        """Say whether the answer to ``question`` is that TLS carries the connection."""
        return bool(answer and answer[-1])

    def _elsewhere(self) -> AbstractContextManager[object]:
        return in_c.Elsewhere(self.engine.drivers[self.driver], self.dials_in_c) if self.dials_in_c else nullcontext()

    def dialled(self, **arguments: Any) -> dict[str, Any]:
        """Give the port in place of a tunnel, where the endpoint's own name leads there; skip what cannot be run."""
        if self.missing:
            pytest.skip(self.missing)
        if not self.dials_in_c or "via" not in arguments:
            return arguments
        return {name: value for name, value in arguments.items() if name != "via"} | {"port": arguments["via"][1]}

    def _named(self, database: str | None) -> dict[str, Any]:
        return {} if database is None else {"dbname" if self.is_postgres else "database": database}

    def _answer(self, connect: Callable[[], Any], question: str) -> Answer:
        async def awaited() -> Answer:
            answer: Answer = await self.ask(await connect(), question)
            return answer

        answer: Answer = asyncio.run(awaited()) if self.is_async else self.ask(connect(), question)
        return answer


def _ask_psycopg(connection: "psycopg.Connection[Any]", question: str) -> Answer:
    with connection:
        answer: Answer = connection.execute(question).fetchone()
    return answer


async def _ask_psycopg_async(connection: "psycopg.AsyncConnection[Any]", question: str) -> Answer:
    async with connection:
        answer: Answer = await (await connection.execute(question)).fetchone()
    return answer


def _ask_pymysql(connection: "pymysql.Connection[Any]", question: str) -> Answer:
    with connection, connection.cursor() as cursor:
        cursor.execute(question)
        answer: Answer = cursor.fetchone()
    return answer


async def _ask_asyncmy(connection: asyncmy.Connection, question: str) -> Answer:
    transport = connection._transport  # type: ignore[attr-defined]
    async with connection, connection.cursor() as cursor:
        await cursor.execute(question)
        answer: Answer = await cursor.fetchone()
    transport.abort()  # asyncmy's own connection leaves it to the loop, which ends here, to wait for TLS to end
    return answer


async def _connect_asyncmy(**arguments: Any) -> asyncmy.Connection:
    """Connect by arguments alone: asyncmy itself ends no handshake that stalls."""
    async with asyncio.timeout(arguments.get("connect_timeout")):
        return await asyncmy.connect(**arguments)


async def _ask_aiomysql(connection: aiomysql.Connection, question: str) -> Answer:
    transport = connection._writer.transport
    try:
        async with connection.cursor() as cursor:
            await cursor.execute(question)
            answer: Answer = await cursor.fetchone()
    finally:
        connection.close()
        transport.abort()  # aiomysql itself leaves it to the loop, which ends here, to wait for the server's farewell
    return answer


def _ask_psycopg2(connection: "psycopg2.extensions.connection", question: str) -> Answer:
    try:
        with connection.cursor() as cursor:
            cursor.execute(question)
            answer: Answer = cursor.fetchone()
    finally:
        connection.close()
    return answer


async def _ask_asyncpg(connection: "asyncpg.Connection[Any]", question: str) -> Answer:
    try:
        row = await connection.fetchrow(question)
    finally:
        await connection.close()
    return row and tuple(row)


def _connect_pg8000(**arguments: Any) -> "pg8000.dbapi.Connection":
    """Connect with pg8000 alone, and close the socket that it leaves open when it has waited for long enough."""
    try:
        return pg8000.dbapi.connect(**arguments)
    except OSError as error:
        for frame, _ in traceback.walk_tb(error.__traceback__):
            left_open = frame.f_locals.get("sock")
            if isinstance(left_open, socket.socket):
                left_open.close()
        raise


def _ask_pg8000(connection: "pg8000.dbapi.Connection", question: str) -> Answer:
    with connection:
        cursor = connection.cursor()
        cursor.execute(question)
        row = cursor.fetchone()
    return row and tuple(row)


def _ask_mysql_connector(connection: Any, question: str) -> Answer:  # noqa: ANN401 - the driver has no types here
    with connection, connection.cursor() as cursor:
        cursor.execute(question)
        answer: Answer = cursor.fetchone()
    return answer


async def _ask_mysql_connector_aio(connection: Any, question: str) -> Answer:  # noqa: ANN401 - as above
    async with connection, await connection.cursor() as cursor:
        await cursor.execute(question)
        answer: Answer = await cursor.fetchone()
    return answer


def _errors_of(module: str) -> tuple[type[Exception], ...]:
    """Give what a driver raises; where it is missing, its rows are skipped."""
    return (import_module(module).MySQLError if find_spec(module) else ImportError,)


def _ask_far(connection: in_c.Far, question: str) -> Answer:
    return connection.ask(question)


ROWS = (
    Row("psycopg", POSTGRES, _ask_psycopg, (psycopg.Error,), psycopg.connect, by_context=False),
    Row(
        "psycopg",
        POSTGRES,
        _ask_psycopg_async,
        (psycopg.Error,),
        psycopg.AsyncConnection.connect,
        is_async=True,
        by_context=False,
    ),
    # PyMySQL's own connect_timeout ends with TCP: the greeting and the handshake end by the other two.
    Row(
        "pymysql",
        MYSQL,
        _ask_pymysql,
        (pymysql.MySQLError,),
        pymysql.connect,
        drops_injection=True,
        stall_arguments=("read_timeout", "write_timeout"),
    ),
    Row(
        "asyncmy",
        MYSQL,
        _ask_asyncmy,
        (asyncmy.errors.MySQLError, TimeoutError),
        _connect_asyncmy,
        is_async=True,
        drops_injection=True,
    ),
    # aiomysql's arguments alone are refused: it logs in where a server hides TLS.
    Row("aiomysql", MYSQL, _ask_aiomysql, (aiomysql.MySQLError,), None, is_async=True),
    Row("psycopg2", POSTGRES, _ask_psycopg2, (psycopg2.Error,), psycopg2.connect, by_context=False),
    Row(
        "asyncpg",
        POSTGRES,
        _ask_asyncpg,
        (asyncpg.PostgresError, asyncpg.InterfaceError, OSError),  # TLS errors come as ssl's own, timeouts as Python's
        asyncpg.connect,
        is_async=True,
        tells_injection=False,
    ),
    Row(
        "pg8000",
        POSTGRES,
        _ask_pg8000,
        (pg8000.dbapi.Error, OSError),  # as above
        _connect_pg8000,
        own_bound="timeout",
    ),
    Row("mysql-connector", MYSQL, _ask_mysql_connector, (mysql.connector.Error,), None),
    Row("mysql-connector", MYSQL, _ask_mysql_connector_aio, (mysql.connector.Error,), None, is_async=True),
    Row(
        "mysqlclient",
        MYSQL,
        _ask_far,
        _errors_of("MySQLdb"),
        None,
        by_context=False,
        dials_in_c="MySQLdb",
        repeats_injection=True,
    ),
)
