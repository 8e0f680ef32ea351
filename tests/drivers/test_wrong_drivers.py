"""The wrong driver: what is made for psycopg or PyMySQL, and a context, given to every other driver people have.

Each pair ends verified or refused: here against real servers, against hostile ones in tests/test_attacks.py.
"""

import socket
from pathlib import Path
from typing import Any

import pytest

import rds_tls
from tests.conftest import Pki
from tests.drivers.test_leftovers import login_of
from tests.hostile.arena import KINDS
from tests.hostile.drivers import Login
from tests.hostile.others import MAY_VERIFY, OTHERS, PAIRS, VERIFIES, is_missing
from tests.hostile.stage import HOST, OTHER
from tests.support.local_rds import PostgresServer
from tests.support.local_rds.kinds import Server
from tests.support.matrix import on_each_server

SECONDS = 30

Pair = tuple[str, str]

every_pair = on_each_server(
    "pair", {"-".join(pair): pair for pair in PAIRS}, lambda pair: KINDS[OTHERS[pair[0]].protocol]
)


@pytest.fixture(autouse=True)
def _loopback_resolver(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every name lead to 127.0.0.1."""
    resolve = socket.getaddrinfo

    def to_loopback(_host: object, *args: Any, **options: Any) -> Any:  # noqa: ANN401 - getaddrinfo's own
        return resolve("127.0.0.1", *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", to_loopback)


def connects(pair: Pair, login: Login) -> bool:
    """Say whether a driver connects with what it is given."""
    if is_missing(pair[0]):
        pytest.skip(f"{pair[0]} is not installed, or cannot be built here")
    try:
        PAIRS[pair].connect(login)
    except Exception:  # noqa: BLE001 - each driver has its own ways to refuse
        return False
    return True


@every_pair
def test_right_server_is_verified_or_not_reached(server: Server, pki: Pki, tmp_path: Path, pair: Pair) -> None:
    """Where the server is the endpoint's, those that verify with what they are given connect, and no others."""
    connected = connects(pair, login_of(server, pki, tmp_path))
    assert connected is (pair in VERIFIES) or pair in MAY_VERIFY


@every_pair
def test_other_name_is_refused(server: Server, pki: Pki, tmp_path: Path, pair: Pair) -> None:
    """A real server with another cluster's certificate is refused by every pair."""
    login = login_of(server, pki, tmp_path)
    server.present(pki.authority.issue([OTHER]))
    assert not connects(pair, login)


@every_pair
def test_other_root_is_refused(server: Server, pki: Pki, tmp_path: Path, pair: Pair) -> None:
    """A real server under another region's root is refused by every pair."""
    login = login_of(server, pki, tmp_path)
    assert not connects(pair, login._replace(settings=pki.sibling_settings))


def test_pool_of_psycopgs_takes_the_arguments(postgres: PostgresServer, pki: Pki, tmp_path: Path) -> None:
    """psycopg_pool, which passes psycopg's arguments on, verifies with them."""
    pool_module = pytest.importorskip("psycopg_pool")
    login = login_of(postgres, pki, tmp_path)
    arguments = rds_tls.postgres_kwargs(HOST, **login.postgres())
    with pool_module.ConnectionPool(kwargs=arguments, min_size=1, open=True) as pool:
        pool.wait(SECONDS)
        with pool.connection() as connection:
            assert connection.pgconn.ssl_in_use
