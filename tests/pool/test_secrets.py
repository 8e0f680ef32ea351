"""Pools that were opened before their secret was rotated: the next connection logs in with the new one."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from secrets import token_hex
from typing import Any

import psycopg
import pytest

from rds_tls.connect import secret as secrets_manager
from tests.pool.test_rotation import HOST, Arguments, Pool, asyncpg_pooled, psycopg_pooled, psycopg_pooled_async
from tests.support.local_https import LocalHttps
from tests.support.local_rds import Authority, KeyType, PostgresServer
from tests.support.secret_store import NAME, SecretStore, secret_store
from tests.support.trust_store import REGION, TrustStore

POOLS: dict[str, Callable[[Arguments], Pool]] = {
    "psycopg_pool": psycopg_pooled,
    "psycopg_pool, asyncio": psycopg_pooled_async,
    "asyncpg": asyncpg_pooled,
}


@pytest.fixture
def secrets(monkeypatch: pytest.MonkeyPatch) -> Iterator[SecretStore]:
    """An account in which nothing was fetched yet."""
    monkeypatch.setattr(secrets_manager, "_BELIEVED", 0.0)
    with secret_store(monkeypatch) as kept:
        yield kept


@pytest.mark.parametrize("make", POOLS.values(), ids=POOLS)
def test_pool_outlives_a_rotated_secret(
    make: Callable[[Arguments], Pool], postgres: PostgresServer, secrets: SecretStore, tmp_path: Path
) -> None:
    """RDS rotates the password of a managed user: one connection is refused, and nobody notices."""
    role = f"rotated_{token_hex(4)}"
    authority = Authority(REGION, KeyType.ECC384)
    postgres.present(authority.issue([HOST]))

    def rotate(statement: str) -> None:
        password = token_hex()
        login: dict[str, Any] = {"user": postgres.user, "password": postgres.password, "dbname": postgres.database}
        with psycopg.connect(host=postgres.host, port=postgres.port, **login) as connection:
            connection.execute(f"{statement} ROLE {role} LOGIN PASSWORD '{password}'")
        secrets.keep({"username": role, "password": password})

    rotate("CREATE")
    with LocalHttps(tmp_path) as https:
        store = TrustStore(https, tmp_path / "cache")
        store.put(REGION, authority.root_pem, time.time())
        pool = make(
            {
                "secret": NAME,
                "dbname": postgres.database,
                "via": (postgres.host, postgres.port),
                "settings": store.settings,
            }
        )
        try:
            assert pool.ask()
            assert secrets.fetched == 1
            rotate("ALTER")
            pool.drop()
            assert pool.ask()
            assert secrets.fetched == 2
        finally:
            pool.close()
