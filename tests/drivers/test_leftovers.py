"""Leftovers: what a URL, the environment or a file says about TLS beside the arguments of rds_tls never counts.

A good server must be reached all the same; what hostile ones get is in tests/drivers/test_attacks.py for URLs, and here
for the environment, which libpq reads.
"""

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
import sqlalchemy
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

import rds_tls
from tests.conftest import OFFLINE, SIBLING, Pki
from tests.hostile import postgres as hostile
from tests.hostile.arena import KINDS
from tests.hostile.drivers import Driver, Login
from tests.hostile.evidence import PASSWORD, USER, Protocol, bytes_leaked, secrets_read
from tests.hostile.leftovers import ENGINES, is_known, write_files
from tests.hostile.stage import EMPTY_STAGE, HOST, SIBLING_REGION, Authorities, Stage, server_context
from tests.hostile.wire import listening
from tests.support import ROOT
from tests.support.local_rds import Authority, KeyType, PostgresServer
from tests.support.local_rds.kinds import Server
from tests.support.matrix import on_each_server
from tests.support.rows import TLS_IN_POSTGRESQL

SECONDS = 30

# PostgreSQL documentation, "libpq: Environment Variables"; {files} as in `leftovers`.
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


@pytest.fixture(scope="module")
def foreign() -> Authority:
    """Another region's authority, which the leftovers ask to trust."""
    return Authority(SIBLING, KeyType.ECC384)


@pytest.fixture
def files(tmp_path: Path, foreign: Authority, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The files that leftovers name, the service file at hand."""
    folder = tmp_path / "leftovers"
    folder.mkdir()
    write_files(folder, foreign)
    monkeypatch.setenv("PGSERVICEFILE", str(folder / "services"))
    return folder


def login_of(server: Server, pki: Pki, files: Path) -> Login:
    """Give a login to a server that has the endpoint's certificate."""
    server.present(pki.authority.issue([HOST]))
    address = (server.host, server.port)
    return Login(address, server.user, server.password, server.database, pki.settings, files, SECONDS)


@on_each_server("engine", {engine.name: engine for engine in ENGINES}, lambda engine: KINDS[engine.protocol])
def test_url_does_not_keep_an_engine_from_its_server(server: Server, pki: Pki, files: Path, engine: Driver) -> None:
    """Whatever an engine's URL says about TLS or where to dial, the arguments beside it lead to the server, by TLS."""
    if not is_known(engine):
        pytest.skip("this libpq does not know the option, and refuses it")
    assert engine.connect(login_of(server, pki, files)) is True
    assert not (files / "keys.log").exists()


@pytest.mark.parametrize(("password", "database"), [("x", "orders\0"), ("x\0", "orders")], ids=["database", "password"])
def test_nul_in_a_url_is_not_ours_to_close(password: str, database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What an engine's URL says up to a NUL is all that libpq reads: a documented limit, noticed here if it ends."""
    script = hostile.play(hostile.refuse)
    with listening(lambda wire: script(wire, EMPTY_STAGE)) as peer:
        options = rds_tls.postgres_kwargs(HOST, via=peer.address, settings=OFFLINE)
        for variable, value in (("PGHOSTADDR", peer.address[0]), ("PGPORT", str(peer.address[1])), ("PGUSER", USER)):
            monkeypatch.setenv(variable, value)
        # Before 2.1 SQLAlchemy decodes no database in the text of a URL.
        url = sqlalchemy.URL.create("postgresql+psycopg", USER, password, database=database)
        engine = sqlalchemy.create_engine(url, connect_args=options, poolclass=NullPool)
        with pytest.raises(SQLAlchemyError):
            engine.connect()
    (wire,) = peer.wires
    assert secrets_read(wire, {"user": USER}) == {"user"}
    for argument in ("user", "password", "dbname"):
        with pytest.raises(rds_tls.OptionError, match=argument):
            rds_tls.postgres_kwargs(HOST, **{argument: "x\0"})  # type: ignore[arg-type]


def by_helper(login: Login) -> object:
    """Ask over connect_postgres whether TLS carries the connection."""
    with rds_tls.connect_postgres(HOST, **login.postgres()) as connection:
        row = connection.execute(TLS_IN_POSTGRESQL).fetchone()
    return row and row[0]


def by_async_helper(login: Login) -> object:
    """Ask the same over aconnect_postgres."""

    async def ask() -> object:
        async with await rds_tls.aconnect_postgres(HOST, **login.postgres()) as connection:
            row = await (await connection.execute(TLS_IN_POSTGRESQL)).fetchone()
        return row and row[0]

    return asyncio.run(ask())


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
    for name, value in variables.items():
        monkeypatch.setenv(name, value.format(files=files))
    login = login_of(postgres, pki, files)
    assert connect(login) is True
    assert not (files / "keys.log").exists()
    assert_refused(connect, login, foreign)


def assert_refused(connect: Callable[[Login], object], login: Login, foreign: Authority) -> None:
    """See a server that hides TLS, and one under another root, refused without a byte of the login."""
    context = server_context(SIBLING_REGION, Authorities(foreign, foreign))
    for script in (hostile.play(hostile.refuse), hostile.play(hostile.accept)):
        with (
            listening(lambda wire, script=script: script(wire, Stage(context, ("", 0)))) as peer,  # type: ignore[misc]
            pytest.raises(psycopg.OperationalError),
        ):
            connect(login._replace(address=peer.address, user=USER, password=PASSWORD))
        assert {bytes_leaked(wire, Protocol.POSTGRESQL) for wire in peer.wires} == {0}


@pytest.mark.parametrize("connect", [by_helper, by_async_helper], ids=["sync", "async"])
def test_home_directory_does_not_count(
    postgres: PostgresServer,
    pki: Pki,
    foreign: Authority,
    files: Path,
    monkeypatch: pytest.MonkeyPatch,
    connect: Callable[[Login], object],
) -> None:
    """What libpq looks for in ~/.postgresql is not looked at: roots, revocations that bring roots, a certificate."""
    folder = files / ".postgresql"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(files))
    for name in ("root.crt", "root.crl", "postgresql.crt", "postgresql.key"):
        shutil.copy(files / "foreign-and-revocations.pem", folder / name)
    login = login_of(postgres, pki, files)
    assert connect(login) is True
    assert_refused(connect, login, foreign)


def test_environment_may_say_the_rest(postgres: PostgresServer, pki: Pki, monkeypatch: pytest.MonkeyPatch) -> None:
    """What decides nothing about TLS still comes from the environment: the login, session settings, a name."""
    postgres.present(pki.authority.issue([HOST]))
    monkeypatch.setenv("PGPASSWORD", postgres.password)
    monkeypatch.setenv("PGDATABASE", postgres.database)
    monkeypatch.setenv("PGAPPNAME", "shop")
    monkeypatch.setenv("PGPASSFILE", "/\udce9")  # a byte that is no UTF-8, among what the check afterwards reads
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
        [sys.executable, "-m", "tests.drivers.unreadable_home", *arguments],
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
