"""Leftovers beside the arguments for psycopg2, asyncpg and pg8000: environment, home directory, a URL's options.

What they say about TLS or about where to dial never counts: the right server is reached all the same, or the option is
refused, and a hostile server gets nothing.
"""

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from asyncpg import connect_utils
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from rds_tls.drivers import asyncpg, psycopg2
from tests.conftest import SIBLING, Pki
from tests.drivers.test_leftovers import ENVIRONMENTS, login_of
from tests.hostile import postgres as hostile
from tests.hostile.drivers import Login
from tests.hostile.evidence import PASSWORD, USER, Protocol, bytes_leaked
from tests.hostile.leftovers import PSYCOPG_LEFTOVERS, write_files
from tests.hostile.stage import HOST, SIBLING_REGION, Authorities, Stage, server_context
from tests.hostile.wire import listening
from tests.support.local_rds import Authority, KeyType, PostgresServer
from tests.support.rows import ROWS, TLS_IN_POSTGRESQL, Row

OURS = {row.driver: row for row in ROWS if row.driver in {"psycopg2", "asyncpg", "pg8000"}}

DSN = "dsn=postgresql%3A%2F%2F127.0.0.9%3A1%2Fother%3Fsslmode%3Ddisable"

# {files} stands for the folder of `write_files`. What the driver has no such option for, it refuses.
URLS: dict[str, tuple[str, ...]] = {
    "psycopg2": (*PSYCOPG_LEFTOVERS, "dsn=sslmode%3Ddisable+hostaddr%3D127.0.0.9"),
    "asyncpg": (
        "ssl=disable",
        "ssl=require",
        "sslmode=disable",
        "direct_tls=true",
        "host=127.0.0.9",
        DSN,
        f"{DSN}%26service%3Dhostile",
        f"{DSN}%26sslnegotiation%3Ddirect",
        f"{DSN}%26sslrootcert%3D{{files}}%2Fforeign.pem",
        "service=hostile&servicefile={files}/services",
    ),
    "pg8000": (
        "ssl_context=false",
        "ssl_context=",
        "sock=x",
        "unix_sock={files}/none.socket",
        "host=127.0.0.9",
        "sslmode=disable",
    ),
}
# What these do not know.
REFUSED = {
    ("asyncpg", "sslmode=disable"),
    ("pg8000", "sock=x"),
    ("pg8000", "sslmode=disable"),
}

Ask = Callable[[Login], object]


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
    services = folder / "services"
    if "sslkeylogfile" not in psycopg2.known():  # a libpq that does not know a name refuses the whole file
        services.write_text(
            "".join(line for line in services.read_text().splitlines(keepends=True) if "keylog" not in line)
        )
    monkeypatch.setenv("PGSERVICEFILE", str(services))
    return folder


def by_helper(row: Row) -> Ask:
    """Ask over a connection of rds_tls's whether TLS carries it."""
    return lambda login: row.has_tls(row.connect_and_ask(HOST, row.question, **login.arguments()))


def by_arguments(row: Row) -> Ask:
    """Ask the same over a connection of the driver's own."""
    return lambda login: row.has_tls(row.ask_by_arguments(row.arguments(HOST, **login.arguments()), row.question))


def by_engine(row: Row, leftover: str) -> Ask:
    """Ask the same over SQLAlchemy, with a URL that says something else than the arguments."""

    def ask(login: Login) -> object:
        options = row.arguments(HOST, **login.arguments())
        question = sqlalchemy.text(TLS_IN_POSTGRESQL)
        url = f"postgresql+{row.driver}://other:other@127.0.0.9:1/other?{leftover.format(files=login.files)}"
        settings: dict[str, Any] = {"connect_args": options, "poolclass": NullPool}

        async def awaited() -> object:
            async with create_async_engine(url, **settings).connect() as connection:
                return (await connection.execute(question)).scalar()

        if row.is_async:
            return asyncio.run(awaited())
        with sqlalchemy.create_engine(url, **settings).connect() as connection:
            return connection.execute(question).scalar()

    return ask


WAYS = {f"{name}-{by.__name__}": (row, by(row)) for name, row in OURS.items() for by in (by_helper, by_arguments)}


@pytest.mark.parametrize(("row", "ask"), WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("variables", ENVIRONMENTS, ids="-".join)
def test_environment_does_not_count(
    postgres: PostgresServer,
    pki: Pki,
    foreign: Authority,
    files: Path,
    monkeypatch: pytest.MonkeyPatch,
    variables: dict[str, str],
    row: Row,
    ask: Ask,
) -> None:
    """Whatever the environment says about TLS or where to dial, a service file too, the arguments decide."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value.format(files=files))
    login = login_of(postgres, pki, files)
    assert ask(login) is True
    assert not (files / "keys.log").exists()
    assert_refused(ask, row.errors, login, foreign)


@pytest.mark.parametrize(("row", "ask"), WAYS.values(), ids=WAYS)
def test_home_directory_does_not_count(
    postgres: PostgresServer,
    pki: Pki,
    foreign: Authority,
    files: Path,
    monkeypatch: pytest.MonkeyPatch,
    row: Row,
    ask: Ask,
) -> None:
    """What is looked for in ~/.postgresql is not looked at: roots, revocations that bring roots, a certificate."""
    folder = files / ".postgresql"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(files))
    for name in ("root.crt", "root.crl", "postgresql.crt", "postgresql.key"):
        shutil.copy(files / "foreign-and-revocations.pem", folder / name)
    login = login_of(postgres, pki, files)
    assert ask(login) is True
    assert_refused(ask, row.errors, login, foreign)


@pytest.mark.parametrize(
    ("driver", "leftover"), [(driver, leftover) for driver, leftovers in URLS.items() for leftover in leftovers]
)
def test_url_does_not_count(
    postgres: PostgresServer, pki: Pki, foreign: Authority, files: Path, driver: str, leftover: str
) -> None:
    """An engine whose URL asks for less than the arguments beside it reaches its server, by TLS, and no other."""
    row = OURS[driver]
    ask = by_engine(row, leftover)
    login = login_of(postgres, pki, files)
    errors = (*row.errors, SQLAlchemyError, TypeError)
    if is_refused(driver, leftover):
        with pytest.raises(errors):
            ask(login)
    else:
        assert ask(login) is True
    assert not (files / "keys.log").exists()
    assert_refused(ask, errors, login, foreign)


def is_refused(driver: str, leftover: str) -> bool:
    """Say whether the installed driver has no such option."""
    if driver == "psycopg2":
        return leftover.partition("=")[0] not in psycopg2.known()
    # An older asyncpg takes what it does not know in a DSN for a setting, which the server then refuses.
    is_new = ("service" in leftover and "service" not in asyncpg.known()) or (
        "sslnegotiation" in leftover and not hasattr(connect_utils, "SSLNegotiation")
    )
    return (driver, leftover) in REFUSED or is_new


def assert_refused(ask: Ask, errors: tuple[type[Exception], ...], login: Login, foreign: Authority) -> None:
    """See a server that hides TLS, and one under another root, refused without a byte of the login."""
    context = server_context(SIBLING_REGION, Authorities(foreign, foreign))
    for script in (hostile.play(hostile.refuse), hostile.play(hostile.accept)):
        with (
            listening(lambda wire, script=script: script(wire, Stage(context, ("", 0)))) as peer,  # type: ignore[misc]
            pytest.raises(errors),
        ):
            ask(login._replace(address=peer.address, user=USER, password=PASSWORD))
        assert {bytes_leaked(wire, Protocol.POSTGRESQL) for wire in peer.wires} <= {0}
