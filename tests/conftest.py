"""The servers that the tests share: one of each kind, started when a test first needs it."""

import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

import rds_tls
from rds_tls import settings
from rds_tls.diagnosis import tell
from rds_tls.roots import background, healing, lookup
from rds_tls.roots.cache import fault, kept
from rds_tls.roots.truststore import validation
from tests.support.local_rds import Authority, KeyType, MySqlCompatibleServer, PostgresServer
from tests.support.local_rds.kinds import MYSQL_SERVERS, Server
from tests.support.local_rds.mysql_compatible import Tls
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
    tell._told.clear()
    healing._troubles.clear()
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


class Servers:
    """The MySQL-compatible servers of the session, each started when it is first asked for.

    Args:
        stack: what stops them.
    """

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._started: dict[tuple[type[MySqlCompatibleServer], Tls], MySqlCompatibleServer] = {}

    def get(self, kind: type[MySqlCompatibleServer], tls: Tls = "on") -> MySqlCompatibleServer:
        """Give a server of a kind, and skip the test where the kind has no such TLS."""
        if tls not in kind.tls_options:
            pytest.skip(f"{kind.title} has no TLS {tls}")
        if (kind, tls) not in self._started:
            self._started[kind, tls] = self._stack.enter_context(kind(tls))
        return self._started[kind, tls]


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """Every MySQL-compatible server that a test may ask for."""
    with ExitStack() as stack:
        yield Servers(stack)


@pytest.fixture(params=MYSQL_SERVERS, ids=lambda kind: kind.title)
def mysql_kind(request: pytest.FixtureRequest) -> type[MySqlCompatibleServer]:
    """Each kind of MySQL-compatible server that is on this machine."""
    kind: type[MySqlCompatibleServer] = request.param
    return kind


@pytest.fixture
def mysql(servers: Servers, mysql_kind: type[MySqlCompatibleServer]) -> MySqlCompatibleServer:
    """A MySQL-compatible server of each kind, with TLS on."""
    return servers.get(mysql_kind)


@pytest.fixture
def mysql_without_tls(servers: Servers, mysql_kind: type[MySqlCompatibleServer]) -> MySqlCompatibleServer:
    """One that has no certificate and offers no TLS."""
    return servers.get(mysql_kind, "off")


@pytest.fixture
def mysql_with_tls_1_1(servers: Servers, mysql_kind: type[MySqlCompatibleServer]) -> MySqlCompatibleServer:
    """One that speaks TLS 1.1 and nothing newer."""
    return servers.get(mysql_kind, "1.1")


@pytest.fixture
def server(server_kind: type[Server], postgres: PostgresServer, servers: Servers) -> Server:
    """The server of the kind that `on_each_server` has chosen."""
    return postgres if issubclass(server_kind, PostgresServer) else servers.get(server_kind)
