"""What the tests of connections share: servers with a certificate for the endpoint, and what leads there."""

import asyncio
from typing import Any

import pytest

import rds_tls
from rds_tls.drivers import Target
from rds_tls.endpoint import RootSet
from rds_tls.roots.anchors import Anchors
from rds_tls.roots.lookup import obtain_anchors
from rds_tls.settings import Settings
from tests.conftest import REGION, Pki
from tests.support.local_rds import KeyType, MySqlCompatibleServer, PostgresServer
from tests.support.local_rds.kinds import Server

HOST = "orders.cluster-abc123def456.eu-west-1.rds.amazonaws.com"

GLOBAL_WRITER = "orders.global-abc123def456.global.rds.amazonaws.com"


@pytest.fixture
def pki(pkis: dict[KeyType, Pki]) -> Pki:
    """The PKI with the fastest keys: key types make no difference here."""
    return pkis[KeyType.ECC384]


@pytest.fixture
def postgres(postgres: PostgresServer, pki: Pki) -> PostgresServer:
    """PostgreSQL with a certificate for the endpoint."""
    postgres.present(pki.authority.issue([HOST, GLOBAL_WRITER]))
    return postgres


@pytest.fixture
def mysql(mysql: MySqlCompatibleServer, pki: Pki) -> MySqlCompatibleServer:
    """MySQL, or what speaks like it, with a certificate for the endpoint."""
    mysql.present(pki.authority.issue([HOST, GLOBAL_WRITER]))
    return mysql


def target(server: Server, settings: Settings) -> Target:
    """Describe the connection that a check is to be made for."""
    return Target(HOST, server.port, target_anchors(settings), (server.host, server.port))


def target_anchors(settings: Settings) -> Anchors:
    """Find the trust anchors of the region."""
    return obtain_anchors(RootSet(rds_tls.Trust.RDS, REGION), settings)


def connect_async(*args: Any, **options: Any) -> Any:  # noqa: ANN401 - the driver's connection
    """Connect with the asyncio helper."""
    return asyncio.run(rds_tls.aconnect_postgres(*args, **options))
