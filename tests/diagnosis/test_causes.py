"""Every cause brought about for real, and called by its name: in the note, and by ``explain``."""

import asyncio
import socket
import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pg8000.dbapi
import psycopg
import pymysql
import pytest

import rds_tls
from rds_tls.diagnosis.evidence import Evidence, diagnosis_of
from rds_tls.diagnosis.probe import chain_of
from rds_tls.roots.lookup import anchors_for
from rds_tls.settings import Settings
from tests.conftest import OFFLINE, REGION, Pki
from tests.diagnosis.worlds import AmazonTrust, Company, NextGeneration, Weak
from tests.hostile.stage import GOOD, Authorities, server_context
from tests.hostile.wire import Wire, listening
from tests.support.blackhole import blackhole
from tests.support.local_rds import Authority, Credentials, KeyType, MySqlCompatibleServer, PostgresServer

ACCOUNT = "abc123def456"
ZONE = f"{REGION}.rds.amazonaws.com"
WRITER = f"orders.cluster-{ACCOUNT}.{ZONE}"
NAMES = [WRITER, f"orders-1.{ACCOUNT}.{ZONE}"]
IN_US = f"orders.cluster-{ACCOUNT}.us-east-1.rds.amazonaws.com"
IN_US_2 = f"orders.cluster-{ACCOUNT}.us-east-2.rds.amazonaws.com"
PREVIEW = f"orders.cluster-{ACCOUNT}.us-east-2.rds-preview.amazonaws.com"
PROXY = f"orders.proxy-{ACCOUNT}.{ZONE}"
PROXY_ENDPOINT = f"reports.endpoint.proxy-{ACCOUNT}.{ZONE}"
CUSTOM = f"reports.cluster-custom-{ACCOUNT}.{ZONE}"
GLOBAL = f"shop.global-{ACCOUNT}.global.rds.amazonaws.com"

ERRORS = (psycopg.OperationalError, pymysql.err.OperationalError, pg8000.dbapi.Error, ssl.SSLError)


@pytest.fixture(scope="module")
def pki(pkis: dict[KeyType, Pki]) -> Pki:
    """One test PKI: key types make no difference here."""
    return pkis[KeyType.ECC384]


def refusal(
    server: PostgresServer | MySqlCompatibleServer, host: str, settings: Settings, **options: Any
) -> rds_tls.Diagnosis:
    """Connect where it must fail, and give what note and explain both say."""
    connect: Any = rds_tls.connect_postgres if isinstance(server, PostgresServer) else rds_tls.connect_mysql
    login = {"user": server.user, "password": server.password, "via": (server.host, server.port)}
    with pytest.raises(ERRORS) as caught:
        connect(host, settings=settings, **login, **options)
    return explained(caught.value)


def explained(error: BaseException) -> rds_tls.Diagnosis:
    """Give what explain says, which is what the one note says."""
    (note,) = error.__notes__
    diagnosis = rds_tls.explain(error)
    assert diagnosis is not None
    assert diagnosis.note() == note
    return diagnosis


class Case(NamedTuple):
    """A server, what was asked for, and what the diagnosis must say."""

    host: str
    present: Callable[[Pki], Credentials]
    says: tuple[str, ...]
    is_own_root: bool = False
    options: tuple[tuple[str, Any], ...] = ()


def of(authority: type[Authority], region: str = REGION) -> Authority:
    """Make an authority."""
    return authority(region, KeyType.ECC384)


CASES = {
    "other-region": Case(
        IN_US, lambda pki: pki.authority.issue([IN_US]), ("is in eu-west-1", "the name says us-east-1", "ecc384-g1")
    ),
    "other-partition": Case(
        WRITER, lambda _: of(Authority, "cn-north-1").issue(NAMES), ("is in cn-north-1", "another partition")
    ),
    "writer-moved": Case(
        GLOBAL,
        lambda pki: pki.authority.issue([GLOBAL]),
        ("is in eu-west-1", "region='us-east-1' was given", "pass region='eu-west-1'"),
        options=(("region", "us-east-1"),),
    ),
    "preview": Case(IN_US_2, lambda _: of(Authority, "Preview us-east-2").issue([IN_US_2]), ("RDS's Preview environ",)),
    "database-for-proxy": Case(PROXY, lambda pki: pki.authority.issue([PROXY]), ("a database server answers",)),
    "proxy-for-database": Case(WRITER, lambda _: of(AmazonTrust).issue(NAMES), ("Amazon ECDSA 256 M03",)),
    "intercepted": Case(WRITER, lambda _: of(Company).issue(NAMES), ("signed by 'Corp Inspection CA 3'",)),
    "impostor": Case(WRITER, lambda pki: pki.authority.issue(NAMES), ("'Amazon RDS eu-west-1 Root CA ECC384 G1'",)),
    "missing-intermediate": Case(
        WRITER,
        lambda pki: pki.authority.issue(NAMES, with_intermediate=False),
        ("it lacks the certificate of 'Amazon RDS eu-west-1 Subordinate CA ECC384 G1.A.1'",),
        is_own_root=True,
    ),
    "old-roots": Case(WRITER, lambda _: of(NextGeneration).issue(NAMES), ("'Amazon RDS eu-west-1 Root CA ECC384 G2'",)),
    "self-signed": Case(WRITER, lambda pki: pki.authority.self_signed(NAMES), ("no RDS server has",)),
    "other-name": Case(
        IN_US, lambda pki: pki.authority.issue(NAMES), (f"is not for {IN_US}", f"for {WRITER}, "), is_own_root=True
    ),
    "custom-endpoint": Case(
        CUSTOM, lambda pki: pki.authority.issue(NAMES), ("newer than the certificate", WRITER), is_own_root=True
    ),
    "proxy-endpoint": Case(
        PROXY_ENDPOINT, lambda pki: pki.authority.issue([PROXY]), ("for its default endpoint", PROXY), is_own_root=True
    ),
    "malformed": Case(
        WRITER,
        lambda pki: pki.authority.issue(NAMES, with_issuer_key=False),
        ("OpenSSL says: ", "Authority Key Identifier"),
        is_own_root=True,
        options=(("driver", "pg8000"),),  # libpq does not ask for it
    ),
}


@pytest.mark.parametrize(("cause", "case"), CASES.items(), ids=CASES)
def test_certificate_has_its_cause(cause: str, case: Case, postgres: PostgresServer, pki: Pki) -> None:
    """What the server sent, and what was asked for, tell the causes apart that OpenSSL has one text for."""
    postgres.present(case.present(pki))
    settings = pki.settings if case.is_own_root else OFFLINE
    diagnosis = refusal(postgres, case.host, settings, **dict(case.options))
    assert diagnosis.id == cause
    assert [words for words in case.says if words not in diagnosis.note()] == []
    assert any(fact.startswith("the server sent a certificate for ") for fact in diagnosis.facts)
    assert any(fact.startswith("it was issued by ") for fact in diagnosis.facts)


@pytest.mark.parametrize("cause", ["other-region", "intercepted", "custom-endpoint"])
def test_mysql_has_the_same_causes(cause: str, mysql: MySqlCompatibleServer, pki: Pki) -> None:
    """The look at a MySQL server sees as much."""
    case = CASES[cause]
    mysql.present(case.present(pki))
    diagnosis = refusal(mysql, case.host, pki.settings if case.is_own_root else OFFLINE)
    assert diagnosis.id == cause
    assert [words for words in case.says if words not in diagnosis.note()] == []


def test_chain_that_verifies_again_accuses_nobody(postgres: PostgresServer, pki: Pki) -> None:
    """Where libpq says no more than that a chain failed, and the next look finds it good, that is all that is said."""
    postgres.present(pki.authority.issue(NAMES))
    address = (postgres.host, postgres.port)
    anchors = anchors_for(WRITER, None, pki.settings)
    evidence = Evidence(rds_tls.parse_endpoint(WRITER), anchors, chain_of(address, "postgresql", WRITER))
    assert len(evidence.chain) == 2
    assert diagnosis_of("unverified", evidence).id == "unverified"


def test_custom_endpoint_of_another_account(postgres: PostgresServer, pki: Pki) -> None:
    """A certificate of somebody else's cluster is not explained away as an old one of one's own."""
    postgres.present(pki.authority.issue([name.replace(ACCOUNT, "zyx987wvu654") for name in NAMES]))
    assert refusal(postgres, CUSTOM, pki.settings).id == "other-name"


def test_preview_name_and_ordinary_server(postgres: PostgresServer) -> None:
    """The reverse of a Preview server under an ordinary name."""
    postgres.present(of(Authority, "us-east-2").issue([PREVIEW]))
    diagnosis = refusal(postgres, PREVIEW, OFFLINE)
    assert diagnosis.id == "preview"
    assert "RDS's ordinary environment" in diagnosis.meaning


def test_newer_root_says_why_none_was_found(postgres: PostgresServer, tmp_path: Path) -> None:
    """Where the trust store cannot be reached, the note says so, and not the log alone."""
    postgres.present(of(NextGeneration).issue(NAMES))
    settings = Settings(truststore_url="https://127.0.0.1:1", cache_dir=tmp_path, total_timeout=1)
    diagnosis = refusal(postgres, WRITER, settings)
    assert diagnosis.id == "newer-root"
    assert "'Amazon RDS eu-west-1 Root CA ECC384 G2' is none of them" in diagnosis.meaning
    assert diagnosis.facts[-1].startswith("a newer bundle was looked for: cannot download https://127.0.0.1:1/")


@pytest.mark.parametrize(
    ("cause", "validity", "words"),
    [("expired", (-30, -4), "ended 4 days ago"), ("not-yet-valid", (3, 30), "begins in 2 days")],
)
def test_dates_and_this_clock_are_named(
    cause: str, validity: tuple[int, int], words: str, postgres: PostgresServer, pki: Pki
) -> None:
    """A certificate outside its time is named with its dates, beside what this machine takes for the time."""
    begin, end = (datetime.now(UTC) + timedelta(days=count, minutes=-5) for count in validity)
    postgres.present(pki.authority.issue(NAMES, not_before=begin, not_after=end))
    diagnosis = refusal(postgres, WRITER, pki.settings)
    assert diagnosis.id == cause
    assert words in diagnosis.facts[-1]
    assert f"this machine's clock says {datetime.now(UTC):%Y-%m-%d}" in diagnosis.facts[-1]


def test_weak_key(tmp_path: Path) -> None:
    """A key that OpenSSL's security level forbids is called that."""
    weak = of(Weak)
    (tmp_path / "root.pem").write_bytes(weak.root_pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    credentials = weak.issue(NAMES)
    (tmp_path / "leaf.pem").write_bytes(credentials.chain_pem + credentials.key_pem)
    context.load_cert_chain(tmp_path / "leaf.pem")
    assert hostile_refusal(accept(context), tmp_path / "root.pem").id == "weak-key"


def accept(context: ssl.SSLContext) -> Callable[[Wire], None]:
    """Make a PostgreSQL server that agrees to TLS."""

    def script(wire: Wire) -> None:
        wire.read(8)
        wire.send(b"S")
        wire.start_tls(context)

    return script


def hostile_refusal(script: Callable[[Wire], None], ca_file: Path, driver: Any = "pg8000") -> rds_tls.Diagnosis:  # noqa: ANN401 - a Literal
    """Connect to a scripted server, and give what note and explain both say."""
    settings = Settings(ca_file=ca_file)
    with listening(script) as peer, pytest.raises(Exception) as caught:  # noqa: PT011 - each driver has its own
        rds_tls.connect_postgres(WRITER, driver=driver, user="app", via=peer.address, settings=settings)
    return explained(caught.value)


@pytest.fixture
def root(pki: Pki) -> Path:
    """The file of the test PKI's root."""
    return Path(str(pki.settings.ca_file))


def test_no_common_cipher(pki: Pki, root: Path) -> None:
    """A server whose one cipher Python's TLS does not have."""
    context = server_context(GOOD, Authorities(pki.authority, pki.authority))
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("ECDHE-ECDSA-AES256-CCM")
    assert hostile_refusal(accept(context), root).id == "no-common-cipher"


def test_bytes_before_tls(pki: Pki, root: Path) -> None:
    """Somebody who speaks out of turn is called that."""
    del pki

    def script(wire: Wire) -> None:
        wire.read(8)
        wire.send(b"S and more")

    assert hostile_refusal(script, root).id == "injected-bytes"


@pytest.mark.parametrize("driver", ["psycopg", "psycopg2", "pg8000"])
def test_no_database_at_all(driver: str, root: Path) -> None:
    """A web server, say."""
    assert hostile_refusal(lambda wire: wire.send(b"HTTP/1.1 400 Bad Request"), root, driver).id == "not-a-database"


@pytest.mark.parametrize("driver", ["psycopg", "psycopg2", "pg8000"])
def test_mysql_behind_postgresqls_port(driver: Any, mysql: MySqlCompatibleServer) -> None:  # noqa: ANN401 - a Literal
    """Swapped ports are seen from PostgreSQL's side."""
    with pytest.raises(Exception) as caught:  # noqa: PT011 - each driver has its own
        rds_tls.connect_postgres(WRITER, driver=driver, user="app", via=(mysql.host, mysql.port), settings=OFFLINE)
    assert explained(caught.value).id == "other-engine"


@pytest.mark.parametrize("driver", ["pymysql", "mysql-connector", "aiomysql", "asyncmy"])
def test_postgresql_behind_mysqls_port(driver: Any, postgres: PostgresServer) -> None:  # noqa: ANN401 - a Literal
    """And from MySQL's, where the driver only says that nothing came."""
    options: dict[str, Any] = {"via": (postgres.host, postgres.port), "settings": OFFLINE, "connect_timeout": 0.3}

    def connect() -> object:
        if driver in {"aiomysql", "asyncmy"}:
            return asyncio.run(rds_tls.aconnect_mysql(WRITER, driver=driver, user="app", **options))
        return rds_tls.connect_mysql(WRITER, driver=driver, user="app", **options)

    with pytest.raises(Exception) as caught:  # noqa: PT011 - each driver has its own
        connect()
    assert explained(caught.value).id == "other-engine"


CONNECTS: list[Callable[..., object]] = [rds_tls.connect_postgres, rds_tls.connect_mysql]


@pytest.mark.parametrize("connect", CONNECTS)
def test_network_has_its_causes(connect: Callable[..., object], monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody there, no answer, no such name, no resolver."""
    with pytest.raises(ERRORS) as caught:
        connect(WRITER, user="app", via=("127.0.0.1", 1), settings=OFFLINE)
    assert explained(caught.value).id == "refused"
    with blackhole() as address, pytest.raises(ERRORS) as caught:
        connect(WRITER, user="app", via=address, settings=OFFLINE, connect_timeout=1)
    assert explained(caught.value).id == "no-answer"
    for number, words, cause in (
        (socket.EAI_NONAME, "Name or service not known", "name-not-found"),
        (socket.EAI_AGAIN, "Temporary failure in name resolution", "resolver-down"),
    ):

        def unknown(*_: object, number: int = number, words: str = words, **__: object) -> object:
            raise socket.gaierror(number, words)

        monkeypatch.setattr(socket, "getaddrinfo", unknown)
        with pytest.raises(ERRORS) as caught:
            connect(WRITER, user="app", settings=OFFLINE)
        assert explained(caught.value).id == cause


def test_refused_login_gets_no_note(postgres: PostgresServer, mysql: MySqlCompatibleServer, pki: Pki) -> None:
    """The server's own words stand alone; explain says that TLS has nothing to do with it."""
    servers: list[PostgresServer | MySqlCompatibleServer] = [postgres, mysql]
    for server, connect in zip(servers, CONNECTS, strict=True):
        server.present(pki.authority.issue(NAMES))
        with pytest.raises(ERRORS) as caught:
            connect(WRITER, user="app", password="wrong", via=(server.host, server.port), settings=pki.settings)  # noqa: S106
        assert not hasattr(caught.value, "__notes__")
        diagnosis = rds_tls.explain(caught.value, WRITER)
        assert diagnosis is not None
        assert diagnosis.id == "login-refused"
        assert WRITER in diagnosis.meaning


def test_unreadable_ca_file(postgres: PostgresServer, pki: Pki, tmp_path: Path) -> None:
    """A file of roots that is gone when libpq opens it."""
    file = tmp_path / "roots.pem"
    file.write_bytes(pki.authority.root_pem)
    via = (postgres.host, postgres.port)
    options = rds_tls.postgres_kwargs(WRITER, user="app", via=via, settings=Settings(ca_file=file))
    file.unlink()
    with pytest.raises(psycopg.OperationalError) as caught:
        psycopg.connect(**options)
    diagnosis = rds_tls.explain(caught.value, WRITER)
    assert diagnosis is not None
    assert diagnosis.id == "unreadable-ca-file"


OURS: dict[str, Callable[[], object]] = {
    "not-an-endpoint": lambda: rds_tls.parse_endpoint("orders.eu-west-1.rds.amazonaws.com"),
    "alias": lambda: rds_tls.parse_endpoint("db.corp.example"),
    "local-address": lambda: rds_tls.parse_endpoint("localhost"),
    "no-roots": lambda: rds_tls.ca_path(region="eu-north-9", settings=OFFLINE),
}


@pytest.mark.parametrize(("cause", "call"), [*OURS.items(), ("local-address", lambda: rds_tls.parse_endpoint("::1"))])
def test_errors_of_ours_have_causes_too(cause: str, call: Callable[[], object]) -> None:
    """Explain tells what to pass in place of a host that is none."""
    with pytest.raises(rds_tls.RdsTlsError) as caught:
        call()
    diagnosis = rds_tls.explain(caught.value)
    assert diagnosis is not None
    assert diagnosis.id == cause
