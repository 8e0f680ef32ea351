"""The pool that aiomysql has, made to ask rds_tls: its sizes, its failures, and a version that connects otherwise."""

import asyncio
from types import FunctionType
from typing import Any

import aiomysql
import pytest

import rds_tls
from rds_tls.pool import aiomysql as pool_module
from tests.conftest import OFFLINE, Pki
from tests.support.local_rds import KeyType
from tests.support.local_rds.mysql_compatible import MySqlCompatibleServer

HOST = "orders.cluster-abc123def456.eu-west-1.rds.amazonaws.com"


def test_pool_has_the_sizes_that_were_asked_for(mysql: MySqlCompatibleServer, pkis: dict[KeyType, Pki]) -> None:
    """So many are opened at once, and no more than so many; each is guarded and verified."""
    pki = pkis[KeyType.ECC384]
    mysql.present(pki.authority.issue([HOST]))
    login: dict[str, Any] = {"user": mysql.user, "password": mysql.password, "via": (mysql.host, mysql.port)}

    async def use() -> None:
        async with await rds_tls.aiomysql_pool(HOST, minsize=2, maxsize=3, settings=pki.settings, **login) as pool:
            assert isinstance(pool, aiomysql.Pool)
            assert (pool.size, pool.minsize, pool.maxsize) == (2, 2, 3)
            async with pool.acquire() as connection, connection.cursor() as cursor:
                await cursor.execute("SHOW STATUS LIKE 'Ssl_cipher'")
                assert (await cursor.fetchone())[1]

    asyncio.run(use())


def test_pool_that_cannot_open_leaves_nothing_open(mysql: MySqlCompatibleServer, pkis: dict[KeyType, Pki]) -> None:
    """A server that is refused is the caller's error, with its note, and no connection is left."""
    pki = pkis[KeyType.ECC384]
    mysql.present(pki.authority.issue([f"other-{HOST}"]))
    login: dict[str, Any] = {"user": mysql.user, "password": mysql.password, "via": (mysql.host, mysql.port)}
    with pytest.raises(aiomysql.OperationalError) as caught:
        asyncio.run(rds_tls.aiomysql_pool(HOST, minsize=2, settings=pki.settings, **login))
    assert caught.value.__notes__[0].startswith("rds_tls: the server's certificate is not for")


def test_pool_that_connects_otherwise_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A later aiomysql that calls something else would connect past us: it is not used."""

    async def fill(_pool: object, _override: object) -> None:
        """Connect in a way of its own."""

    monkeypatch.setattr(aiomysql.pool.Pool, "_fill_free_pool", fill)
    with pytest.raises(rds_tls.DriverNotInstalledError, match="connects in a way that rds_tls does not know"):
        asyncio.run(rds_tls.aiomysql_pool(HOST, user="app", settings=OFFLINE))


def test_pools_own_module_is_left_as_it_is() -> None:
    """Another pool of the same program connects as it did."""

    async def connect(**_: object) -> None:
        """Stand for a connect of ours."""

    own = aiomysql.pool.Pool._fill_free_pool
    made = pool_module._connecting_by(own, connect)
    assert isinstance(made, FunctionType)
    assert made.__globals__["connect"] is connect
    assert own.__globals__["connect"] is aiomysql.connection.connect
