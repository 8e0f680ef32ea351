"""The servers that the tests share: one of each kind, started when a test first needs it."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

import rds_tls
from rds_tls import settings
from rds_tls.roots import background, lookup
from rds_tls.roots.cache import fault, kept
from rds_tls.roots.truststore import validation
from tests.support.local_rds import Authority, KeyType, MariaDbServer, PostgresServer
from tests.typing.adapters import ASYNC_ADAPTERS, SYNC_ADAPTERS

# What is on this machine, and no network: for tests that mean the snapshot.
OFFLINE = rds_tls.Settings(offline=True)

REGION = "eu-west-1"
SIBLING = "eu-west-2"


@pytest.fixture(autouse=True)
def _own_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no test see this user's caches and settings, nor what another test left in this process."""
    for variable in list(os.environ):
        if variable.startswith(("RDS_TLS_", "AWS_", "PG")):
            monkeypatch.delenv(variable)
    monkeypatch.setenv("RDS_TLS_OFFLINE", "1")
    for variable in ("HOME", "XDG_CACHE_HOME", "TMPDIR"):
        folder = tmp_path / f"own-{variable.lower()}"
        folder.mkdir()
        monkeypatch.setenv(variable, str(folder))
    settings.process_settings.cache_clear()
    lookup._remembered.clear()
    validation._objection.cache_clear()
    fault._reported.clear()
    for adapter in (*SYNC_ADAPTERS.values(), *ASYNC_ADAPTERS.values()):
        for remembered in vars(adapter).values():
            getattr(remembered, "cache_clear", lambda: None)()
    background.SCHEDULE.forget()
    monkeypatch.setattr(background, "_HEAD_START", 0.0)
    kept.KEPT.clear()


class Pki:
    """A region's certificate authority, and its sibling region's, for one key type."""

    def __init__(self, key_type: KeyType, folder: Path) -> None:
        self.authority = Authority(REGION, key_type)
        self.settings = self._settings(self.authority, folder / f"{key_type.name}-{REGION}.pem")
        sibling = Authority(SIBLING, key_type)
        self.sibling_settings = self._settings(sibling, folder / f"{key_type.name}-{SIBLING}.pem")

    @staticmethod
    def _settings(authority: Authority, path: Path) -> rds_tls.Settings:
        path.write_bytes(authority.root_pem)
        return rds_tls.Settings(ca_file=path)


@pytest.fixture(scope="session")
def pkis(tmp_path_factory: pytest.TempPathFactory) -> dict[KeyType, Pki]:
    """One test PKI for each key type that RDS offers."""
    folder = tmp_path_factory.mktemp("roots")
    return {key_type: Pki(key_type, folder) for key_type in KeyType}


@pytest.fixture(params=list(KeyType), ids=lambda key_type: key_type.name.lower())
def pki(request: pytest.FixtureRequest, pkis: dict[KeyType, Pki]) -> Pki:
    """Each test PKI in turn."""
    return pkis[request.param]


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL server; a test that presents a certificate presents it itself."""
    with PostgresServer() as server:
        yield server


@pytest.fixture(scope="session")
def mariadb() -> Iterator[MariaDbServer]:
    """A MariaDB server with TLS on."""
    with MariaDbServer() as server:
        yield server


@pytest.fixture(scope="session")
def mariadb_without_tls() -> Iterator[MariaDbServer]:
    """A MariaDB server that has no certificate and offers no TLS."""
    with MariaDbServer(tls="off") as server:
        yield server


@pytest.fixture(scope="session")
def mariadb_with_tls_1_1() -> Iterator[MariaDbServer]:
    """A MariaDB server that speaks TLS 1.1 and nothing newer."""
    with MariaDbServer(tls="1.1") as server:
        yield server
