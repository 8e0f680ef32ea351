"""An event loop and its threads: a plan is made in a thread where something in it may block, and in none otherwise."""

import asyncio
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import rds_tls
from rds_tls.connect import iam
from rds_tls.roots import lookup
from tests.conftest import Pki
from tests.support.local_https import LocalHttps
from tests.support.local_rds import Authority, KeyType, PostgresServer
from tests.support.trust_store import HOST, REGION, TrustStore


class CountingExecutor(ThreadPoolExecutor):
    """An event loop's threads, which count what they are given.

    Attributes:
        given: how much that was.
    """

    given = 0

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Do it in a thread, and count it."""
        self.given += 1
        return super().submit(fn, *args, **kwargs)


@pytest.fixture(scope="module")
def https(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalHttps]:
    """One HTTPS server for the trust store, which nobody here asks."""
    with LocalHttps(tmp_path_factory.mktemp("https")) as server:
        yield server


@pytest.fixture
def store(https: LocalHttps, tmp_path: Path, postgres: PostgresServer) -> TrustStore:
    """A trust store whose root is in the cache, and a PostgreSQL server whose certificate is under it."""
    authority = Authority(REGION, KeyType.ECC384)
    store = TrustStore(https, tmp_path / "cache")
    store.put(REGION, authority.root_pem, time.time())
    postgres.present(authority.issue([HOST]))
    return store


def threads_used(server: PostgresServer, settings: rds_tls.Settings, *, times: int = 1, **options: Any) -> list[int]:
    """Connect some times in one loop, whether or not it can be done, and give what went to its threads each time."""
    login: dict[str, Any] = {"user": server.user, "password": server.password, "dbname": server.database}
    login |= {"via": (server.host, server.port), "settings": settings}

    async def connect() -> list[int]:
        executor, counts = CountingExecutor(), []
        asyncio.get_running_loop().set_default_executor(executor)
        for _ in range(times):
            before = executor.given
            connection = await rds_tls.aconnect_postgres(HOST, **login | options)
            counts.append(executor.given - before)
            await connection.close()
        return counts

    return asyncio.run(connect())


def test_plan_needs_no_thread_once_the_roots_are_held(postgres: PostgresServer, store: TrustStore) -> None:
    """The first connection looks for its roots in a thread; those after it need none."""
    assert threads_used(postgres, store.settings, times=3) == [1, 0, 0]


def test_roots_that_no_longer_hold_are_looked_for_in_a_thread(
    postgres: PostgresServer, store: TrustStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An answer that is too old to hold is no reason to read files in the event loop."""
    monkeypatch.setattr(lookup, "_HOLD", 0.0)
    assert threads_used(postgres, store.settings, times=2) == [1, 1]


@pytest.mark.parametrize(
    "options",
    [lambda server: {"via": ("localhost", server.port)}, lambda server: {"password": lambda: server.password}],
    ids=["name to resolve", "password function"],
)
def test_what_may_block_is_done_in_a_thread(
    postgres: PostgresServer, store: TrustStore, options: Callable[[PostgresServer], dict[str, Any]]
) -> None:
    """A name has to be resolved, and a caller's function may take its time, however well the roots are known."""
    rds_tls.ca_path(HOST, settings=store.settings)
    assert threads_used(postgres, store.settings, **options(postgres)) == [1]


def test_alias_is_followed_in_a_thread(postgres: PostgresServer, store: TrustStore) -> None:
    """What expect= asks is for a thread, though an endpoint that matches it asks no DNS."""
    rds_tls.ca_path(HOST, settings=store.settings)
    assert threads_used(postgres, store.settings, expect=HOST) == [1]


def test_token_is_signed_in_a_thread(
    postgres: PostgresServer, store: TrustStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Credentials may be read from a file, or asked for over the network."""
    signed: list[str] = []

    def sign(_endpoint: object, _port: int, user: str, _region: str) -> str:
        signed.append(user)
        return postgres.password

    monkeypatch.setattr(iam, "token", sign)
    rds_tls.ca_path(HOST, settings=store.settings)
    assert threads_used(postgres, store.settings, password=None, iam=True) == [1]
    assert signed == [postgres.user]


def test_own_ca_file_is_read_in_a_thread(postgres: PostgresServer, pkis: dict[KeyType, Pki]) -> None:
    """A file of the caller's own may lie on a disk that takes its time."""
    pki = pkis[KeyType.ECC384]
    postgres.present(pki.authority.issue([HOST]))
    assert threads_used(postgres, pki.settings, region=REGION) == [1]
