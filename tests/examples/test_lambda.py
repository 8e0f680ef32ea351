"""The example for AWS Lambda, under AWS's own runtime client."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest

from rds_tls.diagnosis.causes import CAUSES
from tests.conftest import Pki
from tests.support import ROOT, in_c
from tests.support.lambda_sandbox import Sandbox
from tests.support.local_aws import LocalAws, Reply
from tests.support.local_https import LocalHttps
from tests.support.local_rds import Authority, KeyType, PostgresServer
from tests.support.trust_store import HOST as ROTATED
from tests.support.trust_store import REGION, TrustStore, environment

EXAMPLE = ROOT / "examples" / "lambda"

HOST = "orders.cluster-abc123def456.eu-west-1.rds.amazonaws.com"
OTHER = "other.cluster-abc123def456.eu-west-1.rds.amazonaws.com"

# The user of the IAM tests: Aurora asks AWS about the token, and this server asks nobody.
IAM_USER = "reader"
HOST_BASED_AUTHENTICATION = f"""\
hostssl all {IAM_USER} 127.0.0.1/32 trust
hostssl all all 127.0.0.1/32 scram-sha-256
"""

SECRET = "prod/orders"  # noqa: S105 - the name of one

MONTH = 30 * 86_400.0

BY_HAND = "lambda_by_hand.handler"

# What a cold start may load beside psycopg and botocore.
MOST_MODULES = 32

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
        login = {"host": server.host, "port": server.port, "user": server.user, "password": server.password}
        with psycopg.connect(**login, dbname=server.database) as connection:  # type: ignore[arg-type]
            connection.execute(f"CREATE ROLE {IAM_USER} LOGIN")
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


@needs_client
def test_nothing_but_the_server_is_called_and_nothing_is_written(start: Start) -> None:
    """A token is signed with no network, and a connection is made where the file system is read-only."""
    sandbox = start()
    sandbox.invoke()
    seen = sandbox.invoke("look")
    assert seen["written"] == []
    assert [call for call in seen["called"] if HOST not in call] == []
    assert seen["called"] != []  # the server's name is looked up, and that is seen


@needs_client
def test_shipped_roots_need_neither_network_nor_a_folder(start: Start) -> None:
    """Without any setting the roots of the endpoint's region are those of the package."""
    seen = start(RDS_TLS_CA_BUNDLE="").invoke("roots")
    assert Path(seen["path"]).is_relative_to(ROOT / "rds_tls")
    assert (seen["written"], seen["called"]) == ([], [])


@needs_client
def test_frozen_connection_is_replaced(start: Start, cluster: PostgresServer) -> None:
    """A sandbox whose server restarted while it was frozen answers over a new connection, with no error."""
    sandbox = start()
    before = sandbox.invoke()
    sandbox.freeze()
    cluster.restart()
    sandbox.thaw()
    after = sandbox.invoke()
    assert after["session"] != before["session"]
    assert after["is_tls"] is True
    assert sandbox.invoke()["session"] == after["session"]


@needs_client
def test_invocation_meets_a_frozen_connection(start: Start, cluster: PostgresServer) -> None:
    """The invocation that wakes the sandbox is handed out before it is awake, as on Lambda."""
    sandbox = start()
    before = sandbox.invoke()
    sandbox.freeze()
    cluster.restart()
    sandbox.hand_out()
    sandbox.thaw()
    assert sandbox.answer().body["session"] != before["session"]


@needs_client
def test_silent_server_counts_as_dead_soon(start: Start) -> None:
    """The kernel gives a peer that acknowledges nothing two seconds, which leaves time to connect anew."""
    assert start().invoke()["dead_after"] == 2000


@needs_client
def test_no_thread_of_ours_runs(start: Start, tmp_path: Path, cluster: PostgresServer) -> None:
    """Roots that are due for a look for newer ones serve on: a thread would be frozen in the midst of it."""
    authority = Authority(REGION, KeyType.ECC384)
    cluster.present(authority.issue([ROTATED]))
    with LocalHttps(tmp_path) as https:
        store = TrustStore(https, tmp_path / "cache")
        store.publish(REGION, authority.root_pem)
        store.put(REGION, authority.root_pem, time.time() - MONTH)
        variables = {name: value for name, value in environment(store).items() if name.startswith("RDS_TLS_")}
        answer = start(host=ROTATED, **variables | {"RDS_TLS_CA_BUNDLE": ""}).invoke()
        assert answer["is_tls"] is True
        assert answer["threads"] == ["MainThread"]
        assert store.asked == []


@needs_client
def test_secret_logs_in(start: Start, cluster: PostgresServer) -> None:
    """User and password come from Secrets Manager, once for all connections of a sandbox."""
    login = {"username": cluster.user, "password": cluster.password}
    with LocalAws() as aws:
        aws.reply = Reply(200, json.dumps({"Name": SECRET, "SecretString": json.dumps(login)}))
        sandbox = start(DATABASE_SECRET=SECRET, DATABASE_USER="", AWS_ENDPOINT_URL=aws.url)
        first = sandbox.invoke()
        cluster.restart()
        second = sandbox.invoke()
        assert first["user"] == second["user"] == cluster.user
        assert first["session"] != second["session"]
        assert len(aws.asked) == 1


def warnings_in_text(log: str) -> list[str]:
    """List the warnings in a log of Lambda's text format."""
    return [line for line in log.splitlines() if line.startswith("[WARNING]\t")]


def warnings_in_json(log: str) -> list[str]:
    """List the warnings of rds_tls in a log of Lambda's JSON format."""
    records = [json.loads(line) for line in log.splitlines()]
    return [each["message"] for each in records if (each["level"], each.get("logger")) == ("WARNING", "rds_tls")]


@needs_client
@pytest.mark.parametrize(("form", "warnings"), [("Text", warnings_in_text), ("JSON", warnings_in_json)])
def test_refusal_shows_cause_and_fix(
    form: str, warnings: Callable[[str], list[str]], start: Start, cluster: PostgresServer, pki: Pki
) -> None:
    """Where another server answers, the error that is posted and the log say so, each time that it happens."""
    cluster.present(pki.authority.issue([OTHER]))
    sandbox = start(AWS_LAMBDA_LOG_FORMAT=form)
    for count in (1, 2):
        error = sandbox.fail()
        told = warnings(sandbox.log())
        assert len(told) == count
        assert error["errorType"] == "ConnectionError"
        for text in (error["errorMessage"], told[-1]):
            assert "[other-name]" in text
            assert f"the server sent a certificate for {OTHER}" in text
            assert f"fix: {CAUSES['other-name'].fix}" in text
    cluster.present(pki.authority.issue([HOST]))
    assert sandbox.invoke()["is_tls"] is True


@needs_client
@pytest.mark.parametrize(("level", "count"), [("WARN", 1), ("ERROR", 0)])
def test_log_level_decides_about_the_warning(
    level: str, count: int, start: Start, cluster: PostgresServer, pki: Pki
) -> None:
    """Above WARN the function's own log level drops it, as docs/lambda.md says; the example's error still says all."""
    cluster.present(pki.authority.issue([OTHER]))
    sandbox = start(AWS_LAMBDA_LOG_FORMAT="JSON", AWS_LAMBDA_LOG_LEVEL=level)
    assert "[other-name]" in sandbox.fail()["errorMessage"]
    assert len(warnings_in_json(sandbox.log())) == count


@needs_client
def test_refusal_shows_without_the_examples_own_help(start: Start, cluster: PostgresServer, pki: Pki) -> None:
    """A handler that lets the driver's error pass has cause and fix in its log all the same, by the warning."""
    cluster.present(pki.authority.issue([OTHER]))
    sandbox = start("lambda_plain.handler")
    error = sandbox.fail()
    assert "[other-name]" not in error["errorMessage"]
    (warning,) = warnings_in_text(sandbox.log())
    assert "[other-name]" in warning
    assert f"fix: {CAUSES['other-name'].fix}" in warning


@needs_client
def test_cold_start_loads_little(start: Start) -> None:
    """Beside what the same by hand loads, a cold start loads a few dozen files of ours, and nothing of others'."""
    ours, by_hand = (set(start(handler).invoke()["modules"]) for handler in ("lambda_watch.handler", BY_HAND))
    beyond = ours - by_hand - {"handler", "lambda_watch"}
    # pkgutil lists botocore's loggers, so that none of them writes down a token.
    assert {name for name in beyond if not name.startswith("rds_tls")} == {"pkgutil"}
    assert len(beyond) <= MOST_MODULES
    assert {"cryptography", "requests", "filelock", "rds_tls.diagnosis"}.isdisjoint(ours)


@needs_client
def test_snapshot_holds_no_connection(start: Start) -> None:
    """With SnapStart the connection is made after the snapshot, by the hook, and the first invocation finds it."""
    answer = start("lambda_snapstart.handler", AWS_LAMBDA_INITIALIZATION_TYPE="snap-start").invoke()
    assert answer["at_snapshot"] == 0
    assert answer["session"] == answer["after_restore"]
