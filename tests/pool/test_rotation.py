"""Every pool, opened before a rotation: it goes on by one download, each new connection with a secret of its own."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import asyncpg
import psycopg_pool
import pytest
from dbutils.pooled_db import PooledDB
from sqlalchemy.pool import QueuePool

import rds_tls
from tests.support.local_https import LocalHttps
from tests.support.local_rds import Authority, KeyType, PostgresServer
from tests.support.local_rds.kinds import MYSQL_SERVERS, POSTGRES_SERVERS, Server
from tests.support.matrix import on_each_server
from tests.support.trust_store import OF_REGION, REGION, TrustStore

HOST = f"orders.cluster-abc123def456.{REGION}.rds.amazonaws.com"
SECONDS = 60

Arguments = dict[str, Any]


class Pool(NamedTuple):
    """A pool that a program keeps: it can be asked a question, and told to drop what it holds."""

    ask: Callable[[], object]
    drop: Callable[[], None]
    close: Callable[[], None]


def psycopg_pooled(arguments: Arguments) -> Pool:
    """psycopg_pool, by our connection_class."""
    pool = psycopg_pool.ConnectionPool(
        connection_class=rds_tls.PostgresConnection, kwargs={"host": HOST, **arguments}, min_size=1, open=True
    )

    def ask() -> object:
        with pool.connection(SECONDS) as connection:
            return connection.execute("SELECT 1").fetchone()

    def drop() -> None:
        with pool.connection(SECONDS) as connection:
            connection.close()

    return Pool(ask, drop, pool.close)


def psycopg_pooled_async(arguments: Arguments) -> Pool:
    """psycopg_pool's asyncio twin."""
    runner = asyncio.Runner()

    async def opened() -> Any:  # noqa: ANN401 - a pool
        pool = psycopg_pool.AsyncConnectionPool(
            connection_class=rds_tls.AsyncPostgresConnection,
            kwargs={"host": HOST, **arguments},
            min_size=1,
            open=False,
        )
        await pool.open()
        return pool

    pool = runner.run(opened())

    async def ask() -> object:
        async with pool.connection(SECONDS) as connection:
            return await (await connection.execute("SELECT 1")).fetchone()

    async def drop() -> None:
        async with pool.connection(SECONDS) as connection:
            await connection.close()

    def close() -> None:
        runner.run(pool.close())
        runner.close()

    return Pool(lambda: runner.run(ask()), lambda: runner.run(drop()), close)


def transports(*connections: Any) -> list[asyncio.Transport]:
    """Give what aiomysql's own close leaves to the loop, which ends here, to wait for the server's farewell."""
    return [connection._writer.transport for connection in connections if hasattr(connection, "_writer")]


class Loop:
    """An event loop of one's own, for a pool that lives in one."""

    def __init__(self) -> None:
        self._runner = asyncio.Runner()

    def pool(self, opened: Awaitable[Any], ask: Callable[[Any], Any]) -> Pool:
        """Open a pool of which a connection can be acquired.

        Args:
            opened: what opens it.
            ask: asks a connection of it.
        """

        async def within(use: Callable[[Any], Any]) -> object:
            async with pool.acquire() as connection:
                return await use(connection)

        async def drop(connection: Any) -> None:  # noqa: ANN401 - the driver's
            left_open = transports(connection)
            closing = connection.close()
            if closing is not None:
                await closing
            for transport in left_open:
                transport.abort()

        async def wait() -> Any:  # noqa: ANN401 - a pool
            return await opened

        async def close() -> None:
            left_open = transports(*getattr(pool, "_free", ()))
            closing = pool.close()
            await (pool.wait_closed() if closing is None else closing)
            for transport in left_open:
                transport.abort()

        def end() -> None:
            self._runner.run(close())
            self._runner.close()

        pool = self._runner.run(wait())

        def dropped() -> None:
            self._runner.run(within(drop))

        return Pool(lambda: self._runner.run(within(ask)), dropped, end)


def asyncpg_pooled(arguments: Arguments) -> Pool:
    """Asyncpg's pool, by the coroutine function that it connects by."""

    async def connect(*_: object, loop: object, **options: Any) -> Any:  # noqa: ANN401 - an asyncpg.Connection
        del loop
        return await rds_tls.aconnect_postgres(HOST, driver="asyncpg", **arguments, **options)

    async def opened() -> Any:  # noqa: ANN401 - a pool
        return await asyncpg.create_pool(connect=connect, min_size=1)

    return Loop().pool(opened(), lambda connection: connection.fetchrow("SELECT 1"))


def aiomysql_pooled(arguments: Arguments) -> Pool:
    """Aiomysql's pool, which has no hook."""
    arguments["database"] = arguments.pop("dbname")

    async def ask(connection: Any) -> object:  # noqa: ANN401 - an aiomysql.Connection
        async with connection.cursor() as cursor:
            await cursor.execute("SELECT 1")
            return await cursor.fetchone()

    return Loop().pool(rds_tls.aiomysql_pool(HOST, **arguments), ask)


def queue_pooled(connect: Callable[[], Any]) -> Pool:
    """SQLAlchemy's QueuePool, by a creator."""
    pool = QueuePool(connect, pool_size=1)

    def ask() -> object:
        connection = pool.connect()
        cursor = connection.cursor()
        cursor.execute("SELECT 1")
        row = cursor.fetchone()
        connection.close()
        return row

    return Pool(ask, lambda: pool.connect().invalidate(), pool.dispose)


def db_utils(connect: Callable[[], Any]) -> Pool:
    """DBUtils' PooledDB, which asks the connection's class for its driver."""
    pool = PooledDB(connect, mincached=1, maxcached=1)

    def ask() -> object:
        with pool.connection() as connection, connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            return cursor.fetchone()

    def drop() -> None:
        pool.connection()._con._con.close()

    return Pool(ask, drop, pool.close)


def postgres(arguments: Arguments, driver: Any = "psycopg") -> Callable[[], Any]:  # noqa: ANN401 - one of the Literal
    """Give a function of no arguments that connects to PostgreSQL."""
    return lambda: rds_tls.connect_postgres(HOST, driver=driver, **arguments)


def mysql(arguments: Arguments, driver: Any = "pymysql") -> Callable[[], Any]:  # noqa: ANN401 - as above
    """Give a function of no arguments that connects to MySQL."""
    arguments["database"] = arguments.pop("dbname")
    return lambda: rds_tls.connect_mysql(HOST, driver=driver, **arguments)


POOLS: dict[str, tuple[tuple[type[Server], ...], Callable[[Arguments], Pool]]] = {
    "psycopg_pool": (POSTGRES_SERVERS, psycopg_pooled),
    "psycopg_pool, asyncio": (POSTGRES_SERVERS, psycopg_pooled_async),
    "asyncpg": (POSTGRES_SERVERS, asyncpg_pooled),
    "aiomysql": (MYSQL_SERVERS, aiomysql_pooled),
    "QueuePool, psycopg2": (POSTGRES_SERVERS, lambda arguments: queue_pooled(postgres(arguments, "psycopg2"))),
    "QueuePool, pg8000": (POSTGRES_SERVERS, lambda arguments: queue_pooled(postgres(arguments, "pg8000"))),
    "QueuePool, mysql-connector": (MYSQL_SERVERS, lambda arguments: queue_pooled(mysql(arguments, "mysql-connector"))),
    "QueuePool, psycopg": (POSTGRES_SERVERS, lambda arguments: queue_pooled(postgres(arguments))),
    "QueuePool, PyMySQL": (MYSQL_SERVERS, lambda arguments: queue_pooled(mysql(arguments))),
    "DBUtils, psycopg": (POSTGRES_SERVERS, lambda arguments: db_utils(postgres(arguments))),
    "DBUtils, PyMySQL": (MYSQL_SERVERS, lambda arguments: db_utils(mysql(arguments))),
}


@pytest.fixture(scope="module")
def https(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalHttps]:
    """One HTTPS server for the trust store."""
    with LocalHttps(tmp_path_factory.mktemp("https")) as server:
        yield server


@on_each_server("pool_row", POOLS, lambda pool_row: pool_row[0])
def test_pool_outlives_a_rotation(
    pool_row: tuple[object, Callable[[Arguments], Pool]], server: Server, https: LocalHttps, tmp_path: Path
) -> None:
    """Opened under the old root and the old password, it connects under the new ones, by one download."""
    _, make = pool_row
    old, new = Authority(REGION, KeyType.ECC384), Authority(REGION, KeyType.ECC384)
    store = TrustStore(https, tmp_path / "cache")
    store.publish(REGION, old.root_pem + new.root_pem)
    store.put(REGION, old.root_pem, time.time())
    server.present(old.issue([HOST]))
    asked = []

    def password() -> str:
        asked.append(server)
        return server.password

    pool = make(
        {
            "user": server.user,
            "password": password,
            "dbname": server.database,
            "via": (server.host, server.port),
            "settings": store.settings,
        }
    )
    try:
        assert pool.ask()
        before = len(asked)
        assert store.asked == []
        server.present(new.issue([HOST]))
        for _ in range(2):
            pool.drop()
            assert pool.ask()
        assert store.asked == [OF_REGION]
        assert len(asked) >= before + 2
    finally:
        pool.close()


@pytest.mark.parametrize("arguments", [{"conninfo": "host=x dbname=y"}, {"conninfo": "postgresql://x", "host": HOST}])
def test_conninfo_that_is_no_url_is_refused(arguments: dict[str, Any]) -> None:
    """A keyword string may hold TLS options, and beside a URL another host means two."""
    with pytest.raises(rds_tls.OptionError, match="pass a database URL, or leave conninfo out"):
        rds_tls.PostgresConnection.connect(**arguments)
    with pytest.raises(rds_tls.OptionError, match="pass a database URL, or leave conninfo out"):
        asyncio.run(rds_tls.AsyncPostgresConnection.connect(**arguments))


def test_conninfo_may_be_a_url(https: LocalHttps, tmp_path: Path, postgres: PostgresServer) -> None:
    """DATABASE_URL is what most programs hand to their pool."""
    authority = Authority(REGION, KeyType.ECC384)
    store = TrustStore(https, tmp_path / "cache")
    store.put(REGION, authority.root_pem, time.time())
    postgres.present(authority.issue([HOST]))
    with psycopg_pool.ConnectionPool(
        f"postgresql://{postgres.user}:{postgres.password}@{HOST}/{postgres.database}",
        connection_class=rds_tls.PostgresConnection,
        kwargs={"via": (postgres.host, postgres.port), "settings": store.settings},
        min_size=1,
        open=True,
    ) as pool:
        pool.wait(SECONDS)
        with pool.connection(SECONDS) as connection:
            assert connection.info.host == HOST


def test_port_may_be_a_text(https: LocalHttps, tmp_path: Path, postgres: PostgresServer) -> None:
    """So psycopg takes it, and so AWS's Advanced Python Wrapper gives it to what connects; another text is no port."""
    arguments: Arguments = {"host": HOST, "user": postgres.user, "password": postgres.password}
    arguments |= {"dbname": postgres.database, "via": (postgres.host, postgres.port)}
    authority = Authority(REGION, KeyType.ECC384)
    store = TrustStore(https, tmp_path / "cache")
    store.put(REGION, authority.root_pem, time.time())
    postgres.present(authority.issue([HOST]))
    arguments["settings"] = store.settings
    with rds_tls.PostgresConnection.connect(port="6432", **arguments) as connection:
        assert connection.info.host == HOST
    with pytest.raises(rds_tls.OptionError, match="port=<str> is no TCP port"):
        rds_tls.PostgresConnection.connect(port="6432 sslmode=disable", **arguments)
