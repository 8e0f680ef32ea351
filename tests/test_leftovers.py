"""Leftovers: what a URL, the environment or a file says about TLS beside the arguments of rds_tls never counts.

Each is given to a real SQLAlchemy engine, or to the process, beside the arguments; then a server with the endpoint's
certificate must be reached, one under another root must be refused, and one that hides TLS must read nothing.
"""

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
import pytest
import sqlalchemy
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

import rds_tls
from tests.conftest import SIBLING, Pki
from tests.hostile import mysql, postgres
from tests.hostile.evidence import PASSWORD, USER, Protocol, bytes_leaked, secrets_read
from tests.hostile.stage import HOST, SIBLING_REGION, Authorities, Stage, server_context
from tests.hostile.wire import Wire, listening
from tests.local_rds import Authority, KeyType, MariaDbServer, PostgresServer

POSTGRESQL, MYSQL = Protocol.POSTGRESQL, Protocol.MYSQL
SECRETS = {"user": USER, "password": PASSWORD}
ROOT = Path(__file__).parent.parent

TLS_ASKED = {
    POSTGRESQL: "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()",
    MYSQL: "SHOW STATUS LIKE 'Ssl_cipher'",
}
HIDES_TLS = {POSTGRESQL: postgres.play(postgres.refuse), MYSQL: mysql.hide_tls(mysql.clear_password)}
TAKES_ANYBODY = {POSTGRESQL: postgres.play(postgres.accept), MYSQL: mysql.accept}

# The folder of `files` stands for {files}. libpq takes `true` for no value of these, SQLAlchemy hands on a text.
PYMYSQL_LEFTOVERS = [
    "ssl_disabled=true",
    "ssl_disabled=false",
    "ssl_verify_cert=false",
    "ssl_verify_cert=true&ssl_ca={files}/foreign.pem",
    "ssl_verify_identity=false",
    "ssl_verify_identity=true&ssl_verify_cert=true&ssl_ca={files}/foreign.pem",
    "ssl_ca={files}/foreign.pem",
    "ssl_cert={files}/none.pem&ssl_key={files}/none.pem",
    "unix_socket={files}/none.socket",
    "read_default_file={files}/my.cnf",
    "read_default_file={files}/my.cnf&read_default_group=mysqld",
    "read_default_group=client",
    "named_pipe=true",
    "defer_connect=true",
    "passwd=other&db=other",
]
PSYCOPG_LEFTOVERS = [
    "sslmode=disable",
    "sslmode=require&sslrootcert=",
    "sslmode=verify-ca",
    "sslrootcert={files}/foreign.pem",
    "sslrootcert=system",
    "sslcrl={files}/foreign-and-revocations.pem",
    "sslcrldir={files}/revocations",
    "sslcert={files}/foreign.pem&sslkey={files}/foreign.pem",
    "sslcertmode=require",
    "sslpassword=x",
    "sslsni=0",
    "sslcompression=1",
    "sslnegotiation=direct",
    "sslkeylogfile={files}/keys.log",
    "ssl_min_protocol_version=TLSv1",
    "ssl_max_protocol_version=TLSv1.1&ssl_min_protocol_version=TLSv1",
    "gssencmode=prefer",
    "requirepeer=nobody",
    "host=127.0.0.9&port=1",
    "hostaddr=127.0.0.9",
    "conninfo=sslmode%3Ddisable+hostaddr%3D127.0.0.9+sslcrl%3D{files}/foreign-and-revocations.pem",
    "service=hostile",
]
# The same for libpq by the environment (PostgreSQL documentation, "libpq: Environment Variables").
ENVIRONMENTS: list[dict[str, str]] = [
    {"PGSSLMODE": "disable"},
    {"PGREQUIRESSL": "0"},
    {"PGSSLROOTCERT": "{files}/foreign.pem"},
    {"PGSSLCRL": "{files}/foreign-and-revocations.pem"},
    {"PGSSLCRLDIR": "{files}/revocations"},
    {"PGSSLCERT": "{files}/foreign.pem", "PGSSLKEY": "{files}/foreign.pem"},
    {"PGSSLCERTMODE": "require"},
    {"PGSSLSNI": "0", "PGSSLCOMPRESSION": "1"},
    {"PGSSLNEGOTIATION": "direct"},
    {"PGSSLMINPROTOCOLVERSION": "TLSv1", "PGSSLMAXPROTOCOLVERSION": "TLSv1.1"},
    {"PGGSSENCMODE": "prefer"},
    {"PGREQUIREPEER": "nobody"},
    {"PGHOST": "127.0.0.9", "PGHOSTADDR": "127.0.0.9", "PGPORT": "1"},
    {"PGSERVICE": "hostile"},
]
SERVICES = """\
[hostile]
host=127.0.0.9
hostaddr=127.0.0.9
sslmode=disable
gssencmode=prefer
requirepeer=nobody
sslrootcert={files}/foreign.pem
sslcrl={files}/foreign-and-revocations.pem
sslcert={files}/foreign.pem
ssl_max_protocol_version=TLSv1.1
"""
# Read by libpq 18 alone; an older one refuses a service file with a name that it does not know.
KEY_LOG = "sslkeylogfile={files}/keys.log\n"


@pytest.fixture
def pki(pkis: dict[KeyType, Pki]) -> Pki:
    """The PKI with the fastest keys."""
    return pkis[KeyType.ECC384]


@pytest.fixture(scope="module")
def foreign() -> Authority:
    """Another region's authority, which the leftovers ask to trust."""
    return Authority(SIBLING, KeyType.ECC384)


@pytest.fixture
def files(tmp_path: Path, foreign: Authority) -> Path:
    """The files that leftovers name."""
    folder = tmp_path / "leftovers"
    folder.mkdir()
    (folder / "revocations").mkdir()
    (folder / "foreign.pem").write_bytes(foreign.root_pem)
    (folder / "foreign-and-revocations.pem").write_bytes(foreign.root_pem + revocations(foreign))
    (folder / "my.cnf").write_text(f"[client]\nsocket={folder}/none.socket\nssl-ca={folder}/foreign.pem\n")
    key_log = KEY_LOG if psycopg.pq.version() >= 180_000 else ""
    (folder / "services").write_text((SERVICES + key_log).format(files=folder))
    return folder


def revocations(authority: Authority) -> bytes:
    """Issue the empty lists without which libpq, given a file of them, refuses every chain."""
    now = datetime.now(UTC)
    pairs = ((authority._root, authority._root_key), (authority._intermediate, authority._intermediate_key))
    return b"".join(
        x509.CertificateRevocationListBuilder(issuer.subject, now, now + timedelta(days=1))
        .sign(key, authority._key_type.digest)
        .public_bytes(Encoding.PEM)
        for issuer, key in pairs
    )


class Login(NamedTuple):
    """Where to connect, and as whom."""

    address: tuple[str, int]
    user: str
    password: str
    database: str
    settings: rds_tls.Settings

    def arguments(self) -> dict[str, Any]:
        """Give what both kwargs functions take."""
        return {"user": self.user, "password": self.password, "via": self.address, "settings": self.settings}


def by_engine(protocol: Protocol, query: str, login: Login) -> object:
    """Ask whether TLS carries a connection of SQLAlchemy's, with leftovers in its URL beside our arguments."""
    if protocol is POSTGRESQL:
        scheme, options = (
            "postgresql+psycopg",
            rds_tls.postgres_kwargs(HOST, dbname=login.database, **login.arguments()),
        )
    else:
        scheme, options = "mysql+pymysql", rds_tls.mysql_kwargs(HOST, database=login.database, **login.arguments())
    url = f"{scheme}://other:other@127.0.0.9:1/other?{query}"
    engine = sqlalchemy.create_engine(url, connect_args=options, poolclass=NullPool)
    with engine.connect() as connection:
        return connection.execute(sqlalchemy.text(TLS_ASKED[protocol])).one()[-1]


def by_helper(login: Login) -> object:
    """Ask the same over connect_postgres."""
    with rds_tls.connect_postgres(HOST, dbname=login.database, **login.arguments()) as connection:
        row = connection.execute(TLS_ASKED[POSTGRESQL]).fetchone()
    return row and row[0]


def by_async_helper(login: Login) -> object:
    """Ask the same over aconnect_postgres."""

    async def ask() -> object:
        async with await rds_tls.aconnect_postgres(HOST, dbname=login.database, **login.arguments()) as connection:
            row = await (await connection.execute(TLS_ASKED[POSTGRESQL])).fetchone()
        return row and row[0]

    return asyncio.run(ask())


def assert_verified(
    protocol: Protocol,
    server: PostgresServer | MariaDbServer,
    pki: Pki,
    foreign: Authority,
    connect: Callable[[Login], object],
) -> None:
    """A good server is reached by TLS, one under another root is refused, and neither it nor one without TLS reads."""
    server.present(pki.authority.issue([HOST]))
    login = Login((server.host, server.port), server.user, server.password, server.database, pki.settings)
    assert connect(login)
    context = server_context(SIBLING_REGION, Authorities(pki.authority, foreign))
    for script in (HIDES_TLS[protocol], TAKES_ANYBODY[protocol]):
        wires = refused_by(script, Stage(context, ("", 0)), connect, pki.settings)
        assert wires != []
        assert [bytes_leaked(wire, protocol) for wire in wires] == [0] * len(wires)
        assert [secrets_read(wire, SECRETS) for wire in wires] == [frozenset()] * len(wires)


def refused_by(
    script: Callable[[Wire, Stage], None], stage: Stage, connect: Callable[[Login], object], settings: rds_tls.Settings
) -> list[Wire]:
    """Connect to a hostile server, which must fail, and give its record."""
    with (
        listening(lambda wire: script(wire, stage)) as peer,
        pytest.raises((SQLAlchemyError, psycopg.OperationalError)),
    ):
        connect(Login(peer.address, USER, PASSWORD, "orders", settings))
    return peer.wires


@pytest.mark.parametrize("leftover", PYMYSQL_LEFTOVERS)
def test_url_beside_mysql_kwargs_does_not_count(
    mariadb: MariaDbServer, pki: Pki, foreign: Authority, files: Path, leftover: str
) -> None:
    """Whatever an engine's URL says about PyMySQL's TLS or where it dials, the arguments beside it decide."""
    query = leftover.format(files=files)
    assert_verified(MYSQL, mariadb, pki, foreign, lambda login: by_engine(MYSQL, query, login))


@pytest.mark.parametrize("leftover", PSYCOPG_LEFTOVERS)
def test_url_beside_postgres_kwargs_does_not_count(
    postgres: PostgresServer,
    pki: Pki,
    foreign: Authority,
    files: Path,
    monkeypatch: pytest.MonkeyPatch,
    leftover: str,
) -> None:
    """Whatever an engine's URL says about libpq's TLS or where it dials, the arguments beside it decide."""
    monkeypatch.setenv("PGSERVICEFILE", str(files / "services"))
    if "conninfo" not in leftover and leftover.partition("=")[0] not in known_to_libpq():
        pytest.skip("this libpq does not know the parameter, and says so")
    query = leftover.format(files=files)
    assert_verified(POSTGRESQL, postgres, pki, foreign, lambda login: by_engine(POSTGRESQL, query, login))
    assert not (files / "keys.log").exists()


def known_to_libpq() -> set[str]:
    """Name the parameters of this libpq."""
    return {option.keyword.decode() for option in psycopg.pq.Conninfo.get_defaults()}


@pytest.mark.parametrize("connect", [by_helper, by_async_helper], ids=["sync", "async"])
@pytest.mark.parametrize("variables", ENVIRONMENTS, ids="-".join)
def test_environment_does_not_count(
    postgres: PostgresServer,
    pki: Pki,
    foreign: Authority,
    files: Path,
    monkeypatch: pytest.MonkeyPatch,
    variables: dict[str, str],
    connect: Callable[[Login], object],
) -> None:
    """Whatever the environment tells libpq about TLS or where to dial, a service file too, the arguments decide."""
    monkeypatch.setenv("PGSERVICEFILE", str(files / "services"))
    for name, value in variables.items():
        monkeypatch.setenv(name, value.format(files=files))
    assert_verified(POSTGRESQL, postgres, pki, foreign, connect)
    assert not (files / "keys.log").exists()


def test_environment_may_say_the_rest(postgres: PostgresServer, pki: Pki, monkeypatch: pytest.MonkeyPatch) -> None:
    """What decides nothing about TLS still comes from the environment: the login, session settings, a name."""
    postgres.present(pki.authority.issue([HOST]))
    monkeypatch.setenv("PGPASSWORD", postgres.password)
    monkeypatch.setenv("PGDATABASE", postgres.database)
    monkeypatch.setenv("PGAPPNAME", "shop")
    monkeypatch.setenv("PGOPTIONS", "-c statement_timeout=12345")
    via = (postgres.host, postgres.port)
    with rds_tls.connect_postgres(HOST, user=postgres.user, via=via, settings=pki.settings) as connection:
        row = connection.execute("SELECT current_setting('statement_timeout'), current_setting('application_name')")
        assert row.fetchone() == ("12345ms", "shop")


@pytest.mark.parametrize("implementation", ["python", "binary"])
def test_unreadable_home_does_not_count(postgres: PostgresServer, pki: Pki, implementation: str) -> None:
    """A process that may not look into the home directory that HOME names connects, with the system's libpq too."""
    postgres.present(pki.authority.issue([HOST]))
    assert pki.settings.ca_file is not None
    arguments = [HOST, str(postgres.port), postgres.user, postgres.database, str(pki.settings.ca_file)]
    # Not the test's own temporary directory, which is closed to others.
    environment = {name: value for name, value in os.environ.items() if name != "TMPDIR"}
    result = subprocess.run(
        [sys.executable, "-m", "tests.unreadable_home", *arguments],
        cwd=ROOT,
        env=environment | {"PSYCOPG_IMPL": implementation, "PGPASSWORD": postgres.password},
        capture_output=True,
        text=True,
        check=False,
    )
    if "no pq wrapper available" in result.stderr:
        pytest.skip(f"psycopg finds no libpq for PSYCOPG_IMPL={implementation} on this machine")
    assert result.stderr == ""
    assert result.stdout == "verified\n"
