"""Every published region with no network: its roots are in the package, and they decide about real servers.

What AWS's own keys sign cannot be made here. So its roots are shown to refuse a foreign authority, and where a test
must connect, an authority of its own stands in the file of the region's roots.
"""

import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pymysql
import pytest

import rds_tls
from rds_tls.roots import snapshot
from rds_tls.roots.known import GA, RDS_ROOTS
from tests.conftest import OFFLINE
from tests.support.known_regions import PUBLISHED, REGIONS
from tests.support.local_rds import Authority, KeyType, MySqlCompatibleServer, PostgresServer

EVERY_REGION = [region for partition in PUBLISHED for region in REGIONS[partition]]

# Partitions whose endpoints have region and service in either order, each with both orders of each region.
TAILS = {
    "us-gov-west-1": ("us-gov-west-1.rds.amazonaws.com", "rds.us-gov-west-1.amazonaws.com"),
    "us-gov-east-1": ("us-gov-east-1.rds.amazonaws.com", "rds.us-gov-east-1.amazonaws.com"),
    "cn-north-1": ("rds.cn-north-1.amazonaws.com.cn", "cn-north-1.rds.amazonaws.com.cn"),
    "cn-northwest-1": ("rds.cn-northwest-1.amazonaws.com.cn", "cn-northwest-1.rds.amazonaws.com.cn"),
}
ENDPOINTS = [(f"orders.cluster-abc123def456.{tail}", region) for region, tails in TAILS.items() for tail in tails]

every_endpoint = pytest.mark.parametrize(("host", "region"), ENDPOINTS)


@pytest.mark.parametrize("region", EVERY_REGION)
def test_context_of_every_published_region(region: str) -> None:
    """The context of each region that AWS publishes roots for holds its three GA roots and no other."""
    anchors = rds_tls.ssl_context(region=region, settings=OFFLINE).get_ca_certs(binary_form=True)
    published = {
        fingerprint for (place, channel, _), fingerprint in RDS_ROOTS.items() if (place, channel) == (region, GA)
    }
    assert len(anchors) == 3
    assert {hashlib.sha256(anchor).hexdigest() for anchor in anchors} == published


@every_endpoint
def test_roots_of_both_name_layouts(host: str, region: str) -> None:
    """An endpoint of GovCloud or China has its region's shipped roots, whichever of its two names is used."""
    path = rds_tls.ca_path(host, settings=OFFLINE)
    assert path == str(Path(snapshot.DIRECTORY, f"{region}.pem"))
    assert rds_tls.ssl_context(host, settings=OFFLINE) is rds_tls.ssl_context(region=region, settings=OFFLINE)


def connect_postgres(host: str, server: PostgresServer) -> object:
    """Connect to PostgreSQL and give what the server says about TLS."""
    login: dict[str, Any] = {"user": server.user, "password": server.password, "dbname": server.database}
    with rds_tls.connect_postgres(host, via=("127.0.0.1", server.port), settings=OFFLINE, **login) as connection:
        row = connection.execute("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()").fetchone()
    return row and row[0]


def connect_mysql(host: str, server: MySqlCompatibleServer) -> bool:
    """Connect to MySQL and say whether the server sees TLS."""
    login: dict[str, Any] = {"user": server.user, "password": server.password, "database": server.database}
    with (
        rds_tls.connect_mysql(host, via=("127.0.0.1", server.port), settings=OFFLINE, **login) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute("SHOW STATUS LIKE 'Ssl_cipher'")
        row = cursor.fetchone()
    return bool(row and row[1])


@every_endpoint
def test_foreign_authority_is_refused(
    host: str, region: str, postgres: PostgresServer, mysql: MySqlCompatibleServer
) -> None:
    """The shipped roots refuse an authority that uses their names, with a note that says which roots were trusted."""
    credentials = Authority(region, KeyType.ECC384).issue([host])
    postgres.present(credentials)
    mysql.present(credentials)
    with pytest.raises(psycopg.OperationalError, match="certificate verify failed") as from_postgres:
        connect_postgres(host, postgres)
    with pytest.raises(pymysql.err.OperationalError, match="certificate verify failed") as from_mysql:
        connect_mysql(host, mysql)
    for caught in (from_postgres, from_mysql):
        assert f"{region} RDS roots from the snapshot of " in caught.value.__notes__[0]


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the snapshot's directory that the library reads in place of the real one."""
    directory = tmp_path / "snapshot"
    shutil.copytree(snapshot.DIRECTORY, directory)
    monkeypatch.setattr(snapshot, "DIRECTORY", str(directory))
    snapshot._manifest.cache_clear()
    yield directory
    snapshot._manifest.cache_clear()


@every_endpoint
def test_first_connect_needs_no_network(
    host: str, region: str, postgres: PostgresServer, mysql: MySqlCompatibleServer, installed: Path
) -> None:
    """A server whose chain ends in a root of the region's shipped file is connected to, offline, at the first call."""
    authority = Authority(region, KeyType.ECC384)
    (installed / f"{region}.pem").write_bytes(authority.root_pem)
    credentials = authority.issue([host])
    postgres.present(credentials)
    mysql.present(credentials)
    assert connect_postgres(host, postgres) is True
    assert connect_mysql(host, mysql) is True
