"""What connects in the place of a secured engine is refused, and what changes its arguments goes on doing so."""

import asyncio
import pickle
from collections.abc import Callable
from typing import Any

import psycopg
import psycopg_pool
import pymysql
import pytest
import sqlalchemy
from sqlalchemy import event
from sqlalchemy.engine import URL, Engine
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import (
    AssertionPool,
    AsyncAdaptedQueuePool,
    NullPool,
    Pool,
    QueuePool,
    SingletonThreadPool,
    StaticPool,
)

import rds_tls
from tests.conftest import OFFLINE, Pki
from tests.frameworks.conftest import Keep
from tests.frameworks.engines import ERRORS, HOST, KINDS, NAMED, Kind, Setup
from tests.support.leaks import CANARY, assert_clean, locals_of_ours
from tests.support.local_rds import PostgresServer
from tests.support.local_rds.kinds import Server
from tests.support.matrix import on_each_server

# One that is synchronous, and one of asyncio, for each database; what is tested here does not differ by driver.
SAMPLE = ("postgresql+psycopg", "postgresql+asyncpg, asyncio", "mysql+pymysql", "mysql+asyncmy, asyncio")
every_sample = on_each_server("kind", {name: NAMED[name] for name in SAMPLE}, lambda kind: kind.servers)
each_kind = pytest.mark.parametrize("kind", KINDS, ids=NAMED)

OWN_WAY = "has a creator= or a pool= of its own"


def bare(kind: Kind) -> URL:
    """Give a URL with which nothing is ever dialled."""
    return URL.create(kind.scheme, "app", CANARY, HOST, database="shop")


def never() -> Any:  # noqa: ANN401 - what a creator gives
    """Stand for somebody's creator, which must not be called."""
    raise AssertionError


@each_kind
def test_creator_is_refused(kind: Kind) -> None:
    """It is told from what SQLAlchemy itself would call, and never called."""
    for name in ["creator", *["async_creator"] * kind.is_async]:
        engine = kind.make(bare(kind), **{name: never})
        with pytest.raises(rds_tls.OptionError, match=OWN_WAY):
            rds_tls.sqlalchemy.secure(engine)


@each_kind
def test_creator_beside_the_plugin_is_refused(kind: Kind) -> None:
    """By the URL alone too."""
    with pytest.raises(rds_tls.OptionError, match=OWN_WAY):
        kind.make(bare(kind).update_query_dict({"plugin": "rds_tls"}), creator=never)


def test_pool_that_connects_by_itself_is_refused() -> None:
    """A pool of the program's, and psycopg's own behind one of SQLAlchemy's."""
    inner = psycopg_pool.ConnectionPool(min_size=0, max_size=1, open=False)
    ways: tuple[dict[str, Any], ...] = ({"pool": QueuePool(never)}, {"creator": inner.getconn, "poolclass": NullPool})
    for options in ways:
        engine = sqlalchemy.create_engine("postgresql+psycopg://", **options)
        with pytest.raises(rds_tls.OptionError, match=OWN_WAY):
            rds_tls.sqlalchemy.secure(engine)


def test_pool_of_another_engine_is_refused(postgres: PostgresServer, pki: Pki, engines: Keep) -> None:
    """Its connections are made by the other engine: they are closed before anybody asks them something."""
    postgres.present(pki.authority.issue([HOST]))
    kind = NAMED["postgresql+psycopg"]
    url = kind.url(postgres)._replace(host=postgres.host, port=postgres.port)
    other = engines(sqlalchemy.create_engine(url))
    made: list[Any] = []
    event.listen(other, "connect", lambda connection, _: made.append(connection))
    engine = sqlalchemy.create_engine(kind.url(postgres), pool=other.pool)
    rds_tls.sqlalchemy.secure(engine, **kind.where(postgres, pki.settings))
    engines(engine)
    with pytest.raises(rds_tls.UnverifiedConnectionError, match="not made by rds_tls"):
        engine.connect()
    assert made == []


Connect = Callable[[Server], Any]


def _psycopg(server: Server) -> Any:  # noqa: ANN401 - a connection
    return psycopg.connect(
        host=server.host, port=server.port, user=server.user, password=server.password, dbname=server.database
    )


def _pymysql(server: Server) -> Any:  # noqa: ANN401 - a connection
    return pymysql.connect(
        host=server.host, port=server.port, user=server.user, password=server.password, database=server.database
    )


BY_HAND: dict[str, Connect] = {"postgresql+psycopg": _psycopg, "mysql+pymysql": _pymysql}


@on_each_server("kind", {name: NAMED[name] for name in BY_HAND}, lambda kind: kind.servers)
@pytest.mark.parametrize("when", ["before", "after"])
def test_listener_that_connects_is_refused(kind: Kind, when: str, server: Server, pki: Pki, engines: Keep) -> None:
    """Registered before or after: its connection is closed before anybody asks it something."""
    engine = engines(sqlalchemy.create_engine(kind.url(server)))
    made: list[Any] = []

    def connect(*_: object) -> Any:  # noqa: ANN401 - a connection
        made.append(BY_HAND[kind.name](server))
        return made[-1]

    if when == "before":
        event.listen(engine, "do_connect", connect)
    rds_tls.sqlalchemy.secure(engine, **kind.where(server, pki.settings))
    if when == "after":
        event.listen(engine, "do_connect", connect)
    asked: list[object] = []
    event.listen(engine, "connect", lambda *_: asked.append(engine))
    with pytest.raises(rds_tls.UnverifiedConnectionError, match="such as a listener of do_connect"):
        engine.connect()
    assert asked == []
    (connection,) = made
    with pytest.raises((psycopg.OperationalError, pymysql.InterfaceError)):
        connection.cursor().execute("SELECT 1")


@every_sample
@pytest.mark.parametrize("when", ["before", "after"])
def test_listener_may_bring_the_password(kind: Kind, when: str, server: Server, pki: Pki) -> None:
    """As SQLAlchemy's documentation shows it for tokens: it counts, registered before or after."""
    engine = kind.make(kind.url(server)._replace(password=None))

    def bring(_dialect: object, _record: object, _cargs: object, cparams: dict[str, Any]) -> None:
        cparams["password"] = server.password

    if when == "before":
        event.listen(engine, "do_connect", bring)
    rds_tls.sqlalchemy.secure(engine, **kind.where(server, pki.settings))
    if when == "after":
        event.listen(engine, "do_connect", bring)
    assert kind.ask(engine)


@each_kind
@pytest.mark.parametrize("name", ["sslmode", "ssl", "ssl_disabled", "async_creator_fn"])
def test_listener_that_weakens_is_refused(kind: Kind, name: str) -> None:
    """Nothing is dialled with what it says about TLS, nor by what it says should connect."""
    engine = rds_tls.sqlalchemy.secure(kind.make(bare(kind)), settings=OFFLINE)
    event.listen(engine, "do_connect", lambda _dialect, _record, _cargs, cparams: cparams.update({name: "disable"}))
    with pytest.raises(rds_tls.OptionError) as caught:
        kind.ask(engine)
    assert CANARY not in str(locals_of_ours(caught.value))


def test_listener_that_appends_a_dsn_is_refused() -> None:
    """An argument without a name would be the driver's connection string."""
    engine = rds_tls.sqlalchemy.create_engine(bare(NAMED["postgresql+psycopg"]), settings=OFFLINE)
    event.listen(engine, "do_connect", lambda _dialect, _record, cargs, _cparams: cargs.append("sslmode=disable"))
    with pytest.raises(rds_tls.OptionError, match="arguments without a name"):
        engine.connect()


@each_kind
@pytest.mark.parametrize("by", ["secure", "create", "url"])
def test_engine_is_secured_once(kind: Kind, by: str) -> None:
    """A second time might mean other settings, of which one would win without a word."""
    query = {"plugin": "rds_tls"} if by == "url" else {}
    engine = Setup.of(kind, bare(kind).set(query=query), by=by).engine()
    with pytest.raises(rds_tls.OptionError, match="secured already: leave one out of"):
        rds_tls.sqlalchemy.secure(engine)


@every_sample
def test_connections_from_before_are_given_up(kind: Kind, server: Server, pki: Pki) -> None:
    """What the engine held was made without us, and is not handed out again."""
    url = kind.url(server).set(host=server.host, port=server.port)
    handed_out: list[Any] = []

    async def hand_out(engine: AsyncEngine) -> None:
        async with engine.connect() as connection:
            handed_out.append((await connection.get_raw_connection()).driver_connection)

    async def main() -> None:
        engine = create_async_engine(url)
        await hand_out(engine)
        rds_tls.sqlalchemy.secure(engine, **kind.where(server, pki.settings))
        with pytest.raises(rds_tls.EndpointError):  # a loopback address: the next connection is asked of us
            await hand_out(engine)
        await AsyncEngine(engine.sync_engine).dispose()
        closed = handed_out[0].close()
        if closed is not None:
            await closed

    if kind.is_async:
        asyncio.run(main())
        return
    engine = sqlalchemy.create_engine(url)
    engine.connect().close()
    rds_tls.sqlalchemy.secure(engine, **kind.where(server, pki.settings))
    with pytest.raises(rds_tls.EndpointError):
        engine.connect()


def test_copies_of_an_engine_are_secured(postgres: PostgresServer, pki: Pki, engines: Keep) -> None:
    """By execution_options(), which shares pool and dialect, from a copy to its engine too."""
    postgres.present(pki.authority.issue([HOST]))
    kind = NAMED["postgresql+psycopg"]
    for secures_the_copy in (True, False):
        engine = engines(sqlalchemy.create_engine(kind.url(postgres)))
        copy = engine.execution_options(isolation_level="AUTOCOMMIT")
        rds_tls.sqlalchemy.secure(copy if secures_the_copy else engine, **kind.where(postgres, pki.settings))
        engine.update_execution_options(isolation_level="SERIALIZABLE")
        later = copy.execution_options(stream_results=True)
        assert [kind.ask(each) for each in (engine, copy, later)] == [True] * 3


POOLS: dict[type[Pool], bool] = {
    NullPool: False,
    QueuePool: False,
    StaticPool: False,
    AssertionPool: False,
    SingletonThreadPool: False,
    AsyncAdaptedQueuePool: True,
}


@pytest.mark.parametrize("pool", POOLS, ids=lambda pool: pool.__name__)
def test_every_pool_is_secured(pool: type[Pool], postgres: PostgresServer, pki: Pki) -> None:
    """Before a disposal and after it; another engine's trust is none of its."""
    postgres.present(pki.authority.issue([HOST]))
    kind = NAMED["postgresql+psycopg" + ", asyncio" * POOLS[pool]]
    setup = Setup.of(
        kind, kind.url(postgres), options={"poolclass": pool}, by="create", **kind.where(postgres, pki.settings)
    )
    with setup.kept() as ask:
        assert [ask(), ask()] == [True, True]
    foreign = {"options": {"poolclass": pool}, **kind.where(postgres, pki.sibling_settings)}
    with pytest.raises(ERRORS):
        Setup.of(kind, kind.url(postgres), **foreign).ask()


def test_async_engine_comes_back_as_it_was() -> None:
    """Whoever secures an AsyncEngine goes on with it."""
    engine = create_async_engine(bare(NAMED["postgresql+asyncpg, asyncio"]))
    assert rds_tls.sqlalchemy.secure(engine) is engine


@each_kind
def test_failed_connect_shows_no_password(kind: Kind, caplog: pytest.LogCaptureFixture) -> None:
    """Neither the text of what is raised nor the locals of our frames hold the URL's password."""
    caplog.set_level("DEBUG")
    where: dict[str, Any] = {} if kind.dials_in_c else {"via": ("127.0.0.1", 1)}
    with pytest.raises(ERRORS) as caught:
        Setup.of(kind, bare(kind).set(host="localhost"), settings=OFFLINE, **where).ask()
    assert_clean(caught.value, caplog)
    assert {name for name, text in locals_of_ours(caught.value).items() if CANARY in text} == set()


def test_engine_is_pickled_no_more_than_without_us() -> None:
    """An engine is made in each process: what cannot be pickled leaves no copy of a password behind."""
    engine: Engine = rds_tls.sqlalchemy.create_engine(bare(NAMED["postgresql+psycopg"]))
    with pytest.raises((TypeError, AttributeError, pickle.PicklingError)) as caught:
        pickle.dumps(engine)
    assert CANARY not in str(caught.value)


def test_old_sqlalchemy_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """1.4 has no such engines, and none of this has been tried with it."""
    engine = sqlalchemy.create_engine(bare(NAMED["postgresql+psycopg"]))
    monkeypatch.setattr(sqlalchemy, "__version__", "1.4.54")
    with pytest.raises(rds_tls.DriverNotInstalledError, match=r"SQLAlchemy 1\.4\.54 is older than 2\.0: pip install"):
        rds_tls.sqlalchemy.secure(engine)
