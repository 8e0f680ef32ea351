"""What every benchmark stands on: the tests' own servers, files of roots, and a clean environment."""

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import rds_tls
from benchmarks.resolver import answer_loopback
from rds_tls.roots.bundle import parse_bundle
from rds_tls.roots.cache.disk import Cache
from rds_tls.roots.known import GA
from rds_tls.roots.origin import NOTHING_KNOWN, Origin
from rds_tls.roots.snapshot import DIRECTORY
from tests.support.local_rds import Authority, KeyType, MySqlCompatibleServer, PostgresServer
from tests.support.local_rds.kinds import MYSQL_SERVERS
from tests.support.trust_store import HOST, REGION

# A region that ships.
NEIGHBOUR = "eu-west-1"
SHIPPED_HOST = f"orders.cluster-abc123def456.{NEIGHBOUR}.rds.amazonaws.com"

# The environment of a program that has no prefetched roots, but those that ship: most programs.
NOT_PREFETCHED = {"RDS_TLS_BUNDLE_DIR": ""}

# Where the packages benchmarks and tests are.
ROOT = str(Path(__file__).parent.parent)


class Stage(NamedTuple):
    """The local servers and files.

    Attributes:
        folder: a temporary directory.
        postgres: a PostgreSQL server that presents a chain for ``HOST`` and ``SHIPPED_HOST``.
        mysql: a MySQL server that presents the same; MariaDB where that is installed, and MySQL where that alone is.
        root_pem: the root that signs the chain.
        regional: the path of a PEM file with that root and two more, as AWS publishes for a region.
        shipping: a directory with a copy of rds_tls that ships the regional file for ``SHIPPED_HOST``, and that lists
            the roots in it, as every published root is listed.
        worldwide: the path of a PEM file with 108 roots, as AWS's global bundle has.
    """

    folder: Path
    postgres: PostgresServer
    mysql: MySqlCompatibleServer
    root_pem: bytes
    regional: str
    shipping: str
    worldwide: str


@contextmanager
def set_stage() -> Iterator[Stage]:
    """Start both servers, and give rds_tls the region's roots as an image or a Lambda layer does: prefetched."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        postgres, mysql = stack.enter_context(PostgresServer()), stack.enter_context(MYSQL_SERVERS[0]())
        authorities = [Authority(REGION, key_type) for key_type in KeyType]
        authority = authorities[0]
        credentials = authority.issue([SHIPPED_HOST, HOST])
        postgres.present(credentials)
        mysql.present(credentials)
        regional, worldwide = folder / "regional.pem", folder / "worldwide.pem"
        regional.write_bytes(b"".join(each.root_pem for each in authorities))
        worldwide.write_bytes(regional.read_bytes() + _rest_of_the_world())
        _prefetch(folder / "image", regional.read_bytes())
        _ship(folder / "shipping", regional.read_bytes())
        _set_environment(folder)
        yield Stage(
            folder, postgres, mysql, authority.root_pem, str(regional), str(folder / "shipping"), str(worldwide)
        )


def _prefetch(directory: Path, regional: bytes) -> None:
    """Put the region's file where ``rds_tls.prefetch`` would."""
    Cache(str(directory)).publish(REGION, regional, Origin("https://localhost/", NOTHING_KNOWN, time.time()))


def _ship(directory: Path, regional: bytes) -> None:
    """Copy the package, and let the copy ship the test's roots and list them: how most programs find theirs."""
    package = Path(rds_tls.__file__).parent
    shutil.copytree(package, directory / package.name, ignore=shutil.ignore_patterns("__pycache__"))
    roots = directory / package.name / "roots"
    Path(roots, "snapshot", f"{NEIGHBOUR}.pem").write_bytes(regional)
    bundle = parse_bundle(regional, now=datetime.now(UTC))
    rows = {(REGION, GA, root.ca_id): root.fingerprint for root in bundle.roots}
    with Path(roots, "known.py").open("a", encoding="utf-8") as table:
        table.write(f"\nRDS_ROOTS |= {rows!r}\n")


def _rest_of_the_world() -> bytes:
    """Collect the roots of 35 other regions: with the region's own 108, as many as AWS's global bundle has."""
    others = [file for file in sorted(Path(DIRECTORY).glob("*-*.pem")) if file.stem != NEIGHBOUR]
    return b"".join(file.read_bytes() for file in others[:35])


def _set_environment(folder: Path) -> None:
    """Keep this user's settings out, the network too, and let every name lead to loopback.

    Bytecode goes to a directory of our own: no module is compiled in a measured process, whatever was edited just now.
    """
    for variable in list(os.environ):
        if variable.startswith(("RDS_TLS_", "AWS_", "PG", "PYTHON")):
            del os.environ[variable]
    os.environ |= {
        "PYTHONPYCACHEPREFIX": str(folder / "bytecode"),
        "PYTHONPATH": ROOT,
        "RDS_TLS_OFFLINE": "1",
        "RDS_TLS_BUNDLE_DIR": str(folder / "image"),
        "RDS_TLS_CACHE_DIR": str(folder / "cache"),
    }
    answer_loopback()
