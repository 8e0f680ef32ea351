"""SQLAlchemy: every row of the drivers' table holds through an engine too, by one line or by the URL alone."""

import asyncio
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import sqlalchemy
from sqlalchemy.engine import URL, Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

import rds_tls
from tests.conftest import Pki
from tests.hostile import mysql as hostile_mysql
from tests.hostile import postgres as hostile_postgres
from tests.hostile.evidence import Protocol, bytes_leaked
from tests.hostile.stage import EMPTY_STAGE
from tests.hostile.wire import listening
from tests.support.leaks import CANARY, assert_clean
from tests.support.local_https import LocalHttps
from tests.support.local_rds import Authority, KeyType, PostgresServer
from tests.support.local_rds.kinds import MYSQL_SERVERS, POSTGRES_SERVERS, Server
from tests.support.matrix import on_each_server
from tests.support.rows import TLS_IN_MYSQL, TLS_IN_POSTGRESQL
from tests.support.trust_store import OF_REGION, REGION, TrustStore

HOST = "orders.cluster-abc123def456.eu-west-1.rds.amazonaws.com"
OTHER = "other.cluster-abc123def456.eu-west-1.rds.amazonaws.com"
ROTATED = f"orders.cluster-abc123def456.{REGION}.rds.amazonaws.com"


class Kind(NamedTuple):
    """A dialect with its driver, as a URL begins with it."""

    scheme: str
    is_async: bool = False

    @property
    def is_postgres(self) -> bool:
        """Whether it speaks to PostgreSQL."""
        return self.scheme.startswith("postgresql")

    @property
    def servers(self) -> tuple[type[Server], ...]:
        """The kinds of server that it speaks to."""
        return POSTGRES_SERVERS if self.is_postgres else MYSQL_SERVERS

    def url(self, server: Server, host: str = HOST, **query: str) -> URL:
        """Give a URL for a server."""
        return URL.create(self.scheme, server.user, server.password, host, database=server.database, query=query)

    def ask(self, engine: Engine) -> bool:
        """Ask whether TLS carries a connection of the engine's."""
        question = sqlalchemy.text(TLS_IN_POSTGRESQL if self.is_postgres else TLS_IN_MYSQL)

        async def ask() -> Any:  # noqa: ANN401 - a row's last column
            async with AsyncEngine(engine).connect() as connection:
                row = (await connection.execute(question)).one()
            await AsyncEngine(engine).dispose()
            return row[-1]

        if self.is_async:
            return bool(asyncio.run(ask()))
        with engine.connect() as connection:
            return bool(connection.execute(question).one()[-1])

    def make(self, url: str | URL, **options: Any) -> Engine:
        """Make an engine without rds_tls."""
        if self.is_async:
            return create_async_engine(url, **options).sync_engine
        return sqlalchemy.create_engine(url, **options)


KINDS = (
    Kind("postgresql+psycopg"),
    Kind("postgresql+psycopg", is_async=True),
    Kind("postgresql+psycopg2"),
    Kind("postgresql+asyncpg", is_async=True),
    Kind("postgresql+pg8000"),
    Kind("mysql+pymysql"),
    Kind("mysql+mysqlconnector"),
    Kind("mysql+aiomysql", is_async=True),
    Kind("mysql+asyncmy", is_async=True),
)

NAMED = {kind.scheme + ", asyncio" * kind.is_async: kind for kind in KINDS}
every_kind = on_each_server("kind", NAMED, lambda kind: kind.servers)


@pytest.fixture
def pki(pkis: dict[KeyType, Pki]) -> Pki:
    """The PKI with the fastest keys."""
    return pkis[KeyType.ECC384]


@pytest.fixture
def server(server: Server, pki: Pki) -> Server:
    """A server that the dialect speaks to, with a certificate for the endpoint."""
    server.present(pki.authority.issue([HOST]))
    return server


@pytest.fixture
def engines() -> Iterator[Callable[[Engine], Engine]]:
    """Dispose of engines in the end."""
    made: list[Engine] = []

    def keep(engine: Engine) -> Engine:
        made.append(engine)
        return engine

    yield keep
    for engine in made:
        engine.dispose()


Keep = Callable[[Engine], Engine]


def where(server: Server, settings: rds_tls.Settings) -> dict[str, Any]:
    """Give what secure is given."""
    return {"via": (server.host, server.port), "settings": settings}


@every_kind
def test_secured_engine_verifies(kind: Kind, server: Server, pki: Pki, engines: Keep) -> None:
    """The right name connects over TLS, another name and another root are refused with a note."""
    secure = rds_tls.sqlalchemy.secure
    assert kind.ask(engines(secure(kind.make(kind.url(server)), **where(server, pki.settings))))
    for host, settings in ((OTHER, pki.settings), (HOST, pki.sibling_settings)):
        engine = engines(secure(kind.make(kind.url(server, host)), **where(server, settings)))
        with pytest.raises(Exception) as caught:  # noqa: PT011 - each driver has its own, and SQLAlchemy wraps some
            kind.ask(engine)
        error = caught.value.orig if isinstance(caught.value, DBAPIError) else caught.value
        assert [note.partition(":")[0] for note in getattr(error, "__notes__", [])] == ["rds_tls"]


@every_kind
def test_engine_outlives_a_rotation(kind: Kind, server: Server, tmp_path: Path, engines: Keep) -> None:
    """Made under the old root and the old password, it connects under the new ones, by one download."""
    old, new = Authority(REGION, KeyType.ECC384), Authority(REGION, KeyType.ECC384)
    server.present(old.issue([ROTATED]))
    asked = []

    def password() -> str:
        asked.append(kind)
        return server.password

    with LocalHttps(tmp_path) as https:
        store = TrustStore(https, tmp_path / "cache")
        store.publish(REGION, old.root_pem + new.root_pem)
        store.put(REGION, old.root_pem, time.time())
        make = rds_tls.sqlalchemy.create_engine
        if kind.is_async:
            make = lambda *a, **k: rds_tls.sqlalchemy.create_async_engine(*a, **k).sync_engine  # noqa: E731
        url = kind.url(server, ROTATED)._replace(password=None)
        engine = engines(make(url, password=password, **where(server, store.settings)))
        assert kind.ask(engine)
        server.present(new.issue([ROTATED]))
        for _ in range(2):
            engine.dispose()
            assert kind.ask(engine)
        assert store.asked == [OF_REGION]
        assert len(asked) >= 3


HIDES_TLS = hostile_mysql.hide_tls(hostile_mysql.clear_password)


@pytest.mark.parametrize("kind", NAMED.values(), ids=NAMED)
def test_server_without_tls_gets_nothing(kind: Kind, pki: Pki, engines: Keep, postgres: PostgresServer) -> None:
    """One that hides TLS, or answers the request for it with no, reads nothing of the login."""
    protocol = Protocol.POSTGRESQL if kind.is_postgres else Protocol.MYSQL
    script: Any = hostile_postgres.play(hostile_postgres.refuse) if kind.is_postgres else HIDES_TLS
    with listening(lambda wire: script(wire, EMPTY_STAGE)) as peer:
        url = kind.url(postgres)._replace(username="canary-user-6f1d0c", password=CANARY)
        engine = engines(kind.make(url))
        rds_tls.sqlalchemy.secure(engine, via=peer.address, settings=pki.settings)
        with pytest.raises(Exception):  # noqa: B017, PT011 - as above
            kind.ask(engine)
    assert [bytes_leaked(wire, protocol) for wire in peer.wires] == [0] * len(peer.wires)


LEFTOVERS = {
    "sslmode": "disable",
    "ssl": "false",
    "ssl_disabled": "true",
    "ssl_ca": "/ca.pem",
    "sslrootcert": "/ca.pem",
}


@every_kind
@pytest.mark.parametrize(("name", "value"), LEFTOVERS.items())
def test_leftover_that_weakens_is_refused(
    kind: Kind, name: str, value: str, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    """The reason is said when the engine is made, before anything is dialled."""
    with pytest.raises(rds_tls.OptionError, match=f"the URL's option '{name}' cannot be taken") as caught:
        rds_tls.sqlalchemy.secure(kind.make(kind.url(server, **{name: value})))
    assert_clean(caught.value, caplog, server.password)


@every_kind
@pytest.mark.parametrize("name", ["sslmode", "ssl", "ssl_verify_identity"])
def test_leftover_that_asks_for_tls_is_satisfied(
    kind: Kind, name: str, server: Server, pki: Pki, engines: Keep
) -> None:
    """What a URL asks for beside what is done anyway reaches no driver."""
    value = {"sslmode": "require", "ssl": "true", "ssl_verify_identity": "true"}[name]
    engine = engines(kind.make(kind.url(server, **{name: value})))
    assert kind.ask(rds_tls.sqlalchemy.secure(engine, **where(server, pki.settings)))


@every_kind
def test_tls_in_connect_args_is_refused(kind: Kind, server: Server, pki: Pki, engines: Keep) -> None:
    """What the program itself says about TLS is no leftover: the reason is said when it connects."""
    engine = engines(kind.make(kind.url(server), connect_args={"ssl": {"ca": "/ca.pem"}}))
    rds_tls.sqlalchemy.secure(engine, **where(server, pki.settings))
    with pytest.raises(rds_tls.OptionError, match="'ssl' cannot be passed"):
        kind.ask(engine)


@every_kind
def test_url_alone_secures(
    kind: Kind, server: Server, pki: Pki, engines: Keep, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program whose only setting is a URL is verified by ``?plugin=rds_tls``."""
    monkeypatch.setenv("RDS_TLS_CA_BUNDLE", str(pki.settings.ca_file))
    query = {"plugin": "rds_tls", "rds_tls_via": f"{server.host}:{server.port}", "rds_tls_connect_timeout": "20"}
    text = kind.url(server, **query).render_as_string(hide_password=False)
    assert kind.ask(engines(kind.make(text)))
    with pytest.raises(Exception):  # noqa: B017, PT011 - as above
        kind.ask(engines(kind.make(kind.url(server, OTHER, **query))))


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("rds_tls_iamm", "true", "the plugin rds_tls has no option 'rds_tls_iamm': it has rds_tls_iam, "),
        ("rds_tls_password", CANARY, "the plugin rds_tls has no option 'rds_tls_password'"),
        ("rds_tls_iam", "maybe", "rds_tls_iam cannot be read: it is true or false"),
        ("rds_tls_via", "nowhere", "rds_tls_via cannot be read: it is address:port"),
        ("rds_tls_connect_timeout", "soon", "rds_tls_connect_timeout cannot be read: it is seconds"),
    ],
)
def test_option_of_the_plugin_is_read_or_refused(name: str, value: str, message: str) -> None:
    """A misspelt option is no option of the driver's, and none is guessed."""
    url = URL.create("postgresql+psycopg", "app", "pw", HOST, query={"plugin": "rds_tls", name: value})
    with pytest.raises(rds_tls.OptionError, match=message) as caught:
        sqlalchemy.create_engine(url)
    assert CANARY not in str(caught.value)


def test_two_passwords_are_refused(postgres: PostgresServer, engines: Keep) -> None:
    """One in the URL and one beside it: none is chosen without a word."""
    engine = engines(sqlalchemy.create_engine(f"postgresql+psycopg://app:{CANARY}@{HOST}/shop"))
    rds_tls.sqlalchemy.secure(engine, password="other", via=(postgres.host, postgres.port))  # noqa: S106 - no secret
    with pytest.raises(rds_tls.OptionError, match="leave one out") as caught:
        engine.connect()
    assert CANARY not in str(caught.value)


def test_dialect_without_an_adapter_is_refused() -> None:
    """SQLite has no TLS."""
    with pytest.raises(rds_tls.OptionError, match=r"knows no dialect sqlite\+pysqlite: use one of psycopg, "):
        rds_tls.sqlalchemy.secure(sqlalchemy.create_engine("sqlite://"))
