"""A secret in AWS Secrets Manager in place of user and password, from a local server that speaks the API."""

import json
import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

import rds_tls
from rds_tls.connect import secret as secrets_manager
from tests.conftest import OFFLINE, Pki
from tests.support.leaks import CANARY, assert_clean, locals_of_ours
from tests.support.local_aws import Reply
from tests.support.local_rds import KeyType
from tests.support.local_rds.kinds import Server
from tests.support.matrix import every_row
from tests.support.rows import Row
from tests.support.secret_store import NAME, SecretStore, secret_store

HOST = "orders.cluster-abc123def456.eu-west-1.rds.amazonaws.com"
PROXY = "px.proxy-abc123def456.eu-west-1.rds.amazonaws.com"
ARN = "arn:aws:secretsmanager:us-east-2:123456789012:secret:rds!cluster-0f-AbCdEf"

# As RDS writes it for a managed master user, and as the console and the rotation templates do.
MANAGED = {"username": "app", "password": CANARY}
TEMPLATE = MANAGED | {"engine": "mysql", "host": f"writer-{HOST}", "port": 6000, "dbname": "shop"}


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[SecretStore]:
    """An account in which nothing was fetched yet."""
    with secret_store(monkeypatch) as kept:
        yield kept


@pytest.fixture
def pki(pkis: dict[KeyType, Pki]) -> Pki:
    """The PKI with the fastest keys."""
    return pkis[KeyType.ECC384]


@pytest.fixture
def server(server: Server, pki: Pki) -> Server:
    """A server that the driver speaks to, with a certificate for the endpoint."""
    server.present(pki.authority.issue([HOST]))
    return server


def where(server: Server, pki: Pki) -> dict[str, Any]:
    """Give what every driver is given besides the secret."""
    return {"via": (server.host, server.port), "settings": pki.settings, "secret": NAME, "database": server.database}


@every_row
def test_secret_logs_in_and_is_kept(row: Row, server: Server, pki: Pki, store: SecretStore) -> None:
    """The secret's user and password log in; the next connections use what was fetched."""
    store.keep({"username": server.user, "password": server.password})
    for _ in range(3):
        assert row.has_tls(row.connect_and_ask(HOST, row.question, **where(server, pki)))
    assert store.fetched == 1


@every_row
def test_rotated_secret_is_fetched_anew(
    row: Row, server: Server, pki: Pki, store: SecretStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the server refuses the password that was kept, the newer one is fetched, and the call succeeds."""
    monkeypatch.setattr(secrets_manager, "_BELIEVED", 0.0)
    store.keep({"username": server.user, "password": CANARY})
    rds_tls_give = rds_tls.postgres_kwargs if row.is_postgres else rds_tls.mysql_kwargs
    assert rds_tls_give(HOST, secret=NAME, settings=OFFLINE)["password"] == CANARY
    store.keep({"username": server.user, "password": server.password})
    for _ in range(2):
        assert row.has_tls(row.connect_and_ask(HOST, row.question, **where(server, pki)))
    assert store.fetched == 2


@every_row
def test_refused_secret_that_is_the_newest_is_the_drivers_error(
    row: Row, server: Server, pki: Pki, store: SecretStore, caplog: pytest.LogCaptureFixture
) -> None:
    """A wrong password stays an error of the driver's, and a pool's many attempts ask for it once."""
    caplog.set_level(logging.DEBUG)
    store.keep({"username": server.user, "password": CANARY})
    for _ in range(2):
        with pytest.raises(row.errors) as caught:
            row.connect_and_ask(HOST, row.question, **where(server, pki))
        assert_clean(caught.value, caplog)
    assert store.fetched == 1


@every_row
def test_secret_that_is_gone_meanwhile_leaves_the_drivers_error(
    row: Row,
    server: Server,
    pki: Pki,
    store: SecretStore,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Where the look for a newer one fails, that is a warning, and the error is the driver's."""
    monkeypatch.setattr(secrets_manager, "_BELIEVED", 0.0)
    store.keep({"username": server.user, "password": CANARY})
    give = rds_tls.postgres_kwargs if row.is_postgres else rds_tls.mysql_kwargs
    give(HOST, secret=NAME, settings=OFFLINE)
    store.aws.reply = Reply(400, json.dumps({"__type": "AccessDeniedException", "Message": "no"}))
    with caplog.at_level(logging.WARNING, "rds_tls"), pytest.raises(row.errors):
        row.connect_and_ask(HOST, row.question, **where(server, pki))
    assert [record.getMessage().partition(":")[0] for record in caplog.records] == [
        f"no second attempt at {HOST} with a newer secret"
    ]


def test_kept_for_an_hour(store: SecretStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """After that it is fetched again, refused or not."""
    assert secrets_manager._KEPT == 3600
    store.keep(MANAGED)
    for _ in range(2):
        assert secrets_manager.find(NAME, "eu-west-1").password == CANARY
    assert store.fetched == 1
    monkeypatch.setattr(secrets_manager, "_KEPT", 0.0)
    secrets_manager.find(NAME, "eu-west-1")
    assert store.fetched == 2


def test_many_threads_fetch_once(store: SecretStore) -> None:
    """A pool that opens twenty connections asks for one secret."""
    store.keep(MANAGED)
    with ThreadPoolExecutor(20) as pool:
        found = list(pool.map(lambda _: secrets_manager.find(NAME, "eu-west-1"), range(20)))
    assert {each.user for each in found} == {"app"}
    assert store.fetched == 1


def mysql(host: str | None = HOST, **arguments: Any) -> dict[str, Any]:
    """Give PyMySQL's arguments."""
    return rds_tls.mysql_kwargs(host, settings=OFFLINE, **{"secret": NAME, **arguments})


def test_call_wins_over_what_the_secret_says(store: SecretStore) -> None:
    """Host, port and database of the secret count where the call gives none, and never against it."""
    store.keep(TEMPLATE)
    options = mysql(f"{HOST}:7000", database="other")
    assert (options["host"], options["port"], options["database"]) == (HOST, 7000, "other")
    options = mysql()
    assert (options["host"], options["port"], options["database"]) == (HOST, 6000, "shop")
    options = mysql(None, region="eu-west-1")
    assert (options["host"], options["port"]) == (f"writer-{HOST}", 6000)


def test_port_of_the_database_is_not_the_proxys(store: SecretStore) -> None:
    """RDS Proxy listens at the engine's own port, whatever the database behind it does."""
    store.keep(TEMPLATE)
    assert "port" not in mysql(PROXY)


def test_host_may_come_from_the_secret_alone(store: SecretStore) -> None:
    """A managed secret has no host: then the call must."""
    store.keep(MANAGED)
    with pytest.raises(rds_tls.SecretError, match="has no 'host': pass the endpoint"):
        mysql(None, region="eu-west-1")
    with pytest.raises(rds_tls.OptionError, match="there is no host: pass the endpoint"):
        rds_tls.mysql_kwargs(settings=OFFLINE)


@pytest.mark.parametrize(
    ("name", "arguments", "region"),
    [
        (NAME, {}, "eu-west-1"),
        (ARN, {}, "us-east-2"),
        (NAME, {"host": "g.global-abc123def456.global.rds.amazonaws.com", "region": "ap-south-1"}, "ap-south-1"),
    ],
)
def test_region_is_the_arns_or_the_endpoints(
    store: SecretStore, name: str, arguments: dict[str, Any], region: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A secret is asked for where it is."""
    asked = []
    fetch = secrets_manager._fetched

    def record(name: str, region: str | None) -> str | None:
        asked.append((name, region))
        return fetch(name, region)

    monkeypatch.setattr(secrets_manager, "_fetched", record)
    store.keep(MANAGED)
    mysql(**{"secret": name, **arguments})
    assert asked == [(name, region)]


@pytest.mark.parametrize("beside", [{"user": "app"}, {"password": "x"}, {"iam": True}, {"password": lambda: "x"}])
def test_another_login_beside_it_is_refused(store: SecretStore, beside: dict[str, Any]) -> None:
    """Of two logins none is chosen without a word, and nothing is fetched."""
    with pytest.raises(rds_tls.OptionError, match="leave user=, password= and iam= out"):
        mysql(**beside)
    with pytest.raises(rds_tls.OptionError, match="leave user=, password= and iam= out, in a URL too"):
        mysql(f"mysql://app:x@{HOST}")
    assert store.fetched == 0


@pytest.mark.parametrize("name", ["", 5, b"x"])
def test_name_that_is_none_is_refused(store: SecretStore, name: object) -> None:
    """A secret is named by a text."""
    with pytest.raises(rds_tls.OptionError, match="secret= is the name or the ARN of a secret"):
        mysql(secret=name)
    assert store.fetched == 0


NO_SECRETS: dict[str, object] = {
    "no JSON": f"app:{CANARY}",
    "broken JSON": f'{{"username": "app", "password": "{CANARY}',
    "a list": ["app", CANARY],
    "no user": {"password": CANARY},
    "no password": {"username": CANARY},
    "a number": {"username": "app", "password": 5, "x": CANARY},
    "an empty password": {"username": "app", "password": "", "x": CANARY},
}


@pytest.mark.parametrize("value", NO_SECRETS.values(), ids=NO_SECRETS)
def test_what_rds_does_not_write_is_refused(
    store: SecretStore, value: object, caplog: pytest.LogCaptureFixture
) -> None:
    """The message says what to store, and nothing shows what is stored."""
    caplog.set_level(logging.DEBUG)
    store.keep(value)
    with pytest.raises(rds_tls.SecretError, match="store JSON with texts for 'username' and 'password'") as caught:
        mysql()
    assert_clean(caught.value, caplog)
    assert [name for name, text in locals_of_ours(caught.value).items() if CANARY in text] == []


def test_binary_secret_is_refused(store: SecretStore) -> None:
    """A secret of bytes alone has no JSON."""
    store.aws.reply = Reply(200, json.dumps({"Name": NAME, "SecretBinary": "AAAA"}))
    with pytest.raises(rds_tls.SecretError, match="store JSON with texts"):
        mysql()


TROUBLES: dict[str, tuple[Callable[[SecretStore], None], str]] = {
    "denied": (
        lambda store: setattr(
            store.aws, "reply", Reply(400, json.dumps({"__type": "AccessDeniedException", "Message": "not allowed to"}))
        ),
        r"the secret 'prod/orders' cannot be fetched from AWS Secrets Manager: .*not allowed to",
    ),
    "hung up": (lambda store: setattr(store.aws, "reply", Reply(0)), "cannot be fetched from AWS Secrets Manager"),
}


@pytest.mark.parametrize(("trouble", "message"), TROUBLES.values(), ids=TROUBLES)
def test_trouble_with_aws_is_a_secret_error(
    store: SecretStore, trouble: Callable[[SecretStore], None], message: str
) -> None:
    """The message names the secret and the cause, and the cause is botocore's own."""
    trouble(store)
    with pytest.raises(rds_tls.SecretError, match=message) as caught:
        mysql()
    assert isinstance(caught.value.__cause__, ClientError) == ("allowed" in message)


def test_answer_is_not_logged(store: SecretStore, caplog: pytest.LogCaptureFixture) -> None:
    """Botocore writes answers down at DEBUG; not this one."""
    caplog.set_level(logging.DEBUG)
    store.keep(MANAGED)
    assert mysql()["password"] == CANARY
    assert CANARY not in caplog.text
    assert CANARY not in repr(secrets_manager._secrets)


def test_missing_botocore_says_what_to_install(store: SecretStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """The extra is [iam]."""
    monkeypatch.setitem(__import__("sys").modules, "botocore.session", None)
    with pytest.raises(rds_tls.DriverNotInstalledError, match=r"pip install 'rds-tls\[iam\]'"):
        mysql()
    assert store.fetched == 0
