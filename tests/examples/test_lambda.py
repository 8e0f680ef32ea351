"""The example for AWS Lambda, under AWS's own runtime client."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.conftest import Pki
from tests.support import ROOT, in_c
from tests.support.lambda_sandbox import Sandbox
from tests.support.local_rds import KeyType, PostgresServer

EXAMPLE = ROOT / "examples" / "lambda"

HOST = "orders.cluster-abc123def456.eu-west-1.rds.amazonaws.com"
OTHER = "other.cluster-abc123def456.eu-west-1.rds.amazonaws.com"

# The user of the IAM tests: Aurora asks AWS about the token, and this server asks nobody.
IAM_USER = "reader"
HOST_BASED_AUTHENTICATION = f"""\
hostssl all {IAM_USER} 127.0.0.1/32 trust
hostssl all all 127.0.0.1/32 scram-sha-256
"""

MISSING = in_c.missing("awslambdaric") or in_c.missing("psycopg") or in_c.missing("botocore")
needs_client = pytest.mark.skipif(bool(MISSING), reason=MISSING)

Start = Callable[..., Sandbox]


@pytest.fixture
def pki(pkis: dict[KeyType, Pki]) -> Pki:
    """The PKI with the fastest keys."""
    return pkis[KeyType.ECC384]


@pytest.fixture(scope="module")
def cluster() -> Iterator[PostgresServer]:
    """A server of this file's own, which may be restarted, and which lets one user in as Aurora does after a token."""
    with PostgresServer() as server:
        server._home.write("data/pg_hba.conf", HOST_BASED_AUTHENTICATION.encode())
        server.restart()
        yield server


@pytest.fixture
def start(pki: Pki, cluster: PostgresServer, tmp_path: Path) -> Iterator[Start]:
    """Start sandboxes of a function, whose endpoint leads to the server."""
    cluster.present(pki.authority.issue([HOST]))
    with ExitStack() as stack:

        def begin(handler: str = "lambda_watch.handler", host: str = HOST, **environ: str) -> Sandbox:
            folder = tmp_path / f"sandbox-{len(list(tmp_path.glob('sandbox-*')))}"
            folder.mkdir()
            variables = {
                **in_c.environment(),
                "PYTHONPATH": f"{ROOT}:{ROOT / 'tests' / 'examples'}",
                "RDS_TLS_CA_BUNDLE": str(pki.settings.ca_file),
                "DATABASE_HOST": f"{host}:{cluster.port}",
                "DATABASE_NAME": cluster.database,
                "DATABASE_USER": IAM_USER,
                **environ,
            }
            return stack.enter_context(Sandbox(handler, EXAMPLE, folder, variables))

        yield begin


@needs_client
def test_cold_start_connects_and_the_next_invocation_reuses(start: Start) -> None:
    """The first invocation connects over TLS, and the second finds that connection."""
    sandbox = start()
    first, second = sandbox.invoke(), sandbox.invoke()
    assert (first["user"], first["is_tls"]) == (IAM_USER, True)
    assert second["session"] == first["session"]
