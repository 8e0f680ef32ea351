"""A canary in place of the password: it must not appear in anything that a program may print, log or send on."""

import logging
from collections.abc import Iterator
from pprint import pformat
from typing import Any

import pytest

import rds_tls
from rds_tls.connect.aws import session
from rds_tls.connect.plan import make_plan
from rds_tls.connect.request import Request
from rds_tls.drivers import MYSQL, POSTGRES, sync_adapter
from tests.conftest import OFFLINE, Pki
from tests.support.leaks import CANARY, assert_clean, locals_of_ours
from tests.support.local_https import Answer, LocalHttps, raw, reply
from tests.support.local_rds import KeyType
from tests.support.local_rds.kinds import Server
from tests.support.matrix import every_row
from tests.support.rows import ROWS, Row

HOST = "orders.cluster-abc123def456.eu-west-1.rds.amazonaws.com"


@pytest.fixture(autouse=True)
def _log_everything(caplog: pytest.LogCaptureFixture) -> None:
    """Listen to every logger at DEBUG, as a program that looks for a fault does."""
    caplog.set_level(logging.DEBUG)


MISTAKES: dict[str, dict[str, Any]] = {
    "bad host": {"host": f"postgresql://app:{CANARY}@{HOST}.evil.example/db"},
    "another login in a url": {"host": f"postgresql://root:{CANARY}@{HOST}/db"},
    "tls option in a url": {"host": f"postgresql://app:{CANARY}@{HOST}/db?sslmode=disable"},
    "raw slash in a url": {"host": f"postgresql://app:x/{CANARY}@{HOST}/db"},
    "tls option": {"sslmode": "require", "ssl_disabled": True},
    "bad port": {"port": 0},
    "bad via": {"via": "127.0.0.1"},
    "login in via": {"via": (f"app:{CANARY}\u20ac@{'x' * 70}", 5432)},
    "token beside it": {"iam": True},
    "unexpected alias": {"expect": "*.cluster-zzzzzzzzzzzz.eu-west-1.rds.amazonaws.com"},
    "login in an alias url": {"host": f"postgresql://app:{CANARY}@{HOST}/db", "expect": f"x{HOST}"},
    "login before an alias": {"host": f"app:{CANARY}@db.example", "expect": HOST},
    "login in an alias url elsewhere": {"host": f"postgresql://app:{CANARY}@127.0.0.1", "expect": HOST},
    "login in expect": {"expect": f"postgresql://app:{CANARY}@{HOST}"},
    "no roots": {"host": "x.abc123def456.eu-north-9.rds.amazonaws.com"},
    "no region": {"region": "us-east-1"},
}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES)
def test_mistakes_do_not_show_it(row: Row, mistake: dict[str, Any], caplog: pytest.LogCaptureFixture) -> None:
    """An error of ours names the mistake and not the password beside it."""
    if row.dials_in_c and "via" in mistake:
        pytest.skip("it takes no via=: the row gives a port in its place")
    arguments = {"host": HOST, "user": "app", "password": CANARY, "settings": OFFLINE, **mistake}
    with pytest.raises(rds_tls.RdsTlsError) as caught:
        row.connect_and_ask(arguments.pop("host"), row.question, **arguments)
    assert_clean(caught.value, caplog)


@every_row
@pytest.mark.parametrize("case", ["wrong password", "wrong name", "foreign root"])
def test_refusals_do_not_show_it(
    server: Server, row: Row, case: str, pkis: dict[KeyType, Pki], caplog: pytest.LogCaptureFixture
) -> None:
    """A driver's error, with our note, does not hold it either."""
    pki = pkis[KeyType.ECC384]
    server.present(pki.authority.issue([f"x{HOST}" if case == "wrong name" else HOST]))
    settings = OFFLINE if case == "foreign root" else pki.settings
    via = (server.host, server.port)
    with pytest.raises(row.errors) as caught:
        row.connect_and_ask(HOST, row.question, user=server.user, password=CANARY, via=via, settings=settings)
    assert_clean(caught.value, caplog)


def test_reprs_do_not_show_it() -> None:
    """What is decided before a driver dials may end up in somebody's trace; its repr is safe."""
    request = Request(HOST, settings=OFFLINE, user="app", password=CANARY)
    for engine, driver in ((POSTGRES, "psycopg"), (MYSQL, "pymysql")):
        plan = make_plan(sync_adapter(engine, driver), engine, request, {})
        assert plan.options["password"] == CANARY
        for value in (request, plan, plan.target, plan.target.anchors):
            assert CANARY not in f"{value!r} {value}"
    assert CANARY not in repr(Request(f"postgresql://app:{CANARY}@{HOST}/db"))


def test_password_of_another_type_is_in_no_local_of_what_refuses_it() -> None:
    """Bytes in the place of a password are refused, and where that is done no local holds them."""
    password: Any = CANARY.encode()
    with pytest.raises(rds_tls.OptionError, match="gives a bytes, not a str") as caught:
        rds_tls.postgres_kwargs(HOST, password=lambda: password, settings=OFFLINE)
    assert [name for name, text in locals_of_ours(caught.value).items() if CANARY in text] == []


@pytest.fixture(scope="module")
def mirror(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalHttps]:
    """A mirror of the trust store on loopback."""
    with LocalHttps(tmp_path_factory.mktemp("mirror")) as server:
        yield server


REGION_FILE = "/eu-west-1/eu-west-1-bundle.pem"
GLOBAL_FILE = "/global/global-bundle.pem"


def mirrored(mirror: LocalHttps, password: str = CANARY) -> rds_tls.Settings:
    """Give settings that name the mirror with a login."""
    url = mirror.url("", reply(404)).replace("https://", f"https://user:{password}@")
    return rds_tls.Settings(truststore_url=url, mirror_ca_file=mirror.ca_file, total_timeout=5)


MIRROR_TROUBLE = {
    "missing": [reply(404)],
    "broken": [reply(500)],
    "elsewhere": [reply(302, Location="https://elsewhere.example/x")],
    "not HTTP": [raw(b"220 smtp.example ESMTP\r\n")],
    "no bundle": [reply(body=b"-----BEGIN CERTIFICATE-----")],
}


@pytest.mark.parametrize("password", [CANARY, f"{CANARY}%E2%82%AC", f"\u20ac{CANARY}"], ids=ascii)
@pytest.mark.parametrize("answers", MIRROR_TROUBLE.values(), ids=MIRROR_TROUBLE)
def test_mirror_in_trouble_does_not_show_its_password(
    mirror: LocalHttps, answers: list[Answer], password: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither the error, nor a log, nor a local of ours shows the login of the mirror's URL."""
    for path in (REGION_FILE, GLOBAL_FILE):
        mirror.url(path, *answers)
    with pytest.raises(rds_tls.RdsTlsError) as caught:
        rds_tls.prefetch("eu-west-1", settings=mirrored(mirror, password))
    assert_clean(caught.value, caplog)
    seen = locals_of_ours(caught.value)
    if isinstance(caught.value, rds_tls.DownloadError):
        assert {"download.url", "download.settings", "download.request"} <= set(seen)
    assert [name for name, text in seen.items() if CANARY in text] == []


def test_mirror_behind_a_bad_proxy_does_not_show_its_password(
    mirror: LocalHttps, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A proxy's password that cannot be sent, or a proxy's URL that cannot be read, is shown nowhere either."""
    for proxy in (
        f"http://user:\u20ac{CANARY}@127.0.0.1:1",
        f"http://user:\udcff{CANARY}@127.0.0.1:1",
        f"http://u:{CANARY}@[",
    ):
        monkeypatch.setenv("HTTPS_PROXY", proxy)
        with pytest.raises(rds_tls.DownloadError) as caught:
            rds_tls.prefetch("eu-west-1", settings=mirrored(mirror))
        assert_clean(caught.value, caplog)


@pytest.mark.parametrize(
    "fields",
    [{"truststore_url": f"http://user:{CANARY}@mirror.example"}, {"total_timeout": f"postgresql://u:{CANARY}@x"}],
    ids=["URL", "other"],
)
def test_refused_settings_are_in_no_frame_of_ours(fields: dict[str, Any]) -> None:
    """What refuses a value holds it in no local: a crash reporter shows those, and the whole environment with one."""
    with pytest.raises(rds_tls.SettingsError) as by_argument:
        rds_tls.Settings(**fields)
    ((name, value),) = fields.items()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DATABASE_PASSWORD", CANARY)
        patch.setenv(f"RDS_TLS_{name.upper()}", value)
        with pytest.raises(rds_tls.SettingsError) as by_variable:
            rds_tls.Settings.from_env()
    for caught in (by_argument, by_variable):
        seen = locals_of_ours(caught.value)
        assert seen
        assert [name for name, text in seen.items() if CANARY in text] == []


def test_what_carries_settings_does_not_show_the_mirrors_password(mirror: LocalHttps) -> None:
    """The login of the mirror's URL is in no repr: of settings, roots, targets, requests, plans and downloads."""
    settings = mirrored(mirror)._replace(offline=True)
    request = Request(HOST, settings=settings, user="app")
    plan = make_plan(sync_adapter(POSTGRES, "psycopg"), POSTGRES, request, {})
    assert CANARY in str(settings.truststore_url)
    for value in (settings, [settings], {"settings": settings}, request, plan, plan.target, plan.target.anchors):
        assert CANARY not in f"{value!r} {value} {pformat(value)}"


def test_token_is_never_logged(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """Botocore writes down at DEBUG what it signs; not while it signs a token of ours, and as ever otherwise."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI")
    session.cache_clear()
    token = rds_tls.postgres_kwargs(HOST, user="app", iam=True, settings=OFFLINE)["password"]
    signature = token.partition("X-Amz-Signature=")[2]
    assert len(signature) == 64
    assert signature not in caplog.text
    assert "DBUser=app" not in caplog.text
    own = session().create_client("rds", region_name="eu-west-1").generate_db_auth_token(HOST, 5432, "app")
    assert own.partition("X-Amz-Signature=")[2] in caplog.text
    session.cache_clear()
