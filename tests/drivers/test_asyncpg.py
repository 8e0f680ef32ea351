"""asyncpg: its options, what it says about refusals, and that nothing of a failed connect stays behind."""

import asyncio
import inspect
import sys
import threading
from pathlib import Path
from typing import Any

import asyncpg
import pytest

import rds_tls
from rds_tls.connect.plan import make_plan
from rds_tls.connect.request import Request
from rds_tls.context.tunnel import tunnel_context
from rds_tls.diagnosis.cause import Diagnosis
from rds_tls.drivers import POSTGRES, Target, async_adapter, reserved
from rds_tls.drivers import asyncpg as adapter
from rds_tls.roots.lookup import anchors_for
from tests.conftest import OFFLINE, Pki
from tests.hostile import postgres as hostile
from tests.hostile.postgres import Answer
from tests.hostile.stage import EMPTY_STAGE, GOOD, Authorities, Stage, server_context
from tests.hostile.wire import GoneError, Wire, listening
from tests.support.local_rds import PostgresServer
from tests.support.local_rds.pki import unverified_context

CANARY = "c4n4ry-p4ssw0rd"
NOWHERE = ("127.0.0.1", 1)  # what a call that should be refused would dial
HOST = "orders.cluster-abc123def456.eu-west-1.rds.amazonaws.com"
OTHER = "other.cluster-abc123def456.eu-west-1.rds.amazonaws.com"

# What a caller may pass on: none of these decides where the bytes go or whether TLS carries them. A name that a new
# version of asyncpg adds is neither here nor reserved, and the test below asks for a decision.
HARMLESS = set(
    """
    user password database port passfile statement_cache_size max_cached_statement_lifetime
    max_cacheable_statement_size command_timeout connection_class record_class server_settings target_session_attrs
    krbsrvname gsslib
    """.split()  # noqa: SIM905 - a list of words
)
OPTIONS = set(inspect.signature(asyncpg.connect).parameters)


@pytest.fixture
def server(postgres: PostgresServer, pki: Pki) -> PostgresServer:
    """PostgreSQL with a certificate for the endpoint."""
    postgres.present(pki.authority.issue([HOST]))
    return postgres


def login(server: PostgresServer, pki: Pki) -> dict[str, Any]:
    """Give what a connection to the server needs."""
    via = (server.host, server.port)
    return {"user": server.user, "password": server.password, "dbname": server.database} | {
        "via": via,
        "settings": pki.settings,
    }


def connect(**options: Any) -> object:
    """Connect with the helper where that is to fail."""
    return asyncio.run(rds_tls.aconnect_postgres(HOST, driver="asyncpg", **{"user": "app", **options}))


def give(**options: Any) -> dict[str, Any]:
    """Give the arguments alone."""
    return rds_tls.postgres_kwargs(HOST, "asyncpg", **options)


def test_every_option_is_decided() -> None:
    """Each option that this asyncpg knows is reserved or listed as harmless, never both."""
    refused = {name for name in OPTIONS if reserved(name, adapter.RESERVED)}
    assert OPTIONS - refused == OPTIONS & HARMLESS
    assert refused >= {"ssl", "direct_tls", "dsn", "host", "loop", "timeout"}


@pytest.mark.parametrize(
    "name",
    [*sorted({name for name in OPTIONS if reserved(name, adapter.RESERVED)} - {"host"}), "ssl_of_the_future"],
)
@pytest.mark.parametrize("call", [connect, give])
def test_conflicting_option_is_refused(name: str, call: Any) -> None:  # noqa: ANN401 - two signatures
    """An option that could weaken TLS or lead elsewhere raises before anything is dialled."""
    with pytest.raises(rds_tls.OptionError, match=f"driver option '{name}' cannot be passed: "):
        call(via=NOWHERE, **{name: "x"})


def test_arguments_are_ours_alone() -> None:
    """The arguments are the endpoint, the region's sealed context, and that TLS is asked for."""
    options = give(user="app", password="x", dbname="shop", port=6000, connect_timeout=3)  # noqa: S106 - no password
    context = rds_tls.ssl_context(HOST)
    assert options == {
        "host": HOST,
        "port": 6000,
        "ssl": context,
        "direct_tls": False,
        "user": "app",
        "password": "x",
        "database": "shop",
        "timeout": 3,
    }
    assert options["ssl"] is context


@pytest.mark.parametrize("via", [("/var/run/postgresql", 5432), ("run/postgresql", 5432)])
@pytest.mark.parametrize("call", [connect, give])
def test_path_is_no_tunnel(via: tuple[str, int], call: Any) -> None:  # noqa: ANN401 - two signatures
    """A path is a Unix-domain socket to asyncpg, which logs in there without TLS, whatever context it is given."""
    with pytest.raises(rds_tls.OptionError, match="via=<tuple> is no address"):
        call(via=via)


@pytest.mark.parametrize(
    "options",
    [
        {"user": f"{CANARY}\0"},
        {"password": f"{CANARY}\0x"},
        {"password": f"{CANARY}\ud800"},
        {"dbname": f"{CANARY}\0"},
        {"server_settings": {"application_name": f"{CANARY}\0"}},
        {"server_settings": {f"{CANARY}\0": "x"}},
    ],
)
@pytest.mark.parametrize("call", [connect, give])
def test_text_that_is_not_sent_as_it_is_is_refused(call: Any, options: dict[str, Any]) -> None:  # noqa: ANN401 - as above
    """A NUL would begin the next parameter of the login; half a surrogate pair would be shown by asyncpg's error."""
    with pytest.raises(rds_tls.OptionError, match="has a NUL or half a surrogate pair") as caught:
        call(via=NOWHERE, settings=OFFLINE, **options)
    assert CANARY not in f"{caught.value!r} {caught.value}"
    assert caught.value.__context__ is None


@pytest.mark.parametrize("version", ["0.29.0", "0.9", "0.29.0.dev1"])
@pytest.mark.parametrize("call", [connect, give])
def test_old_asyncpg_is_refused(monkeypatch: pytest.MonkeyPatch, version: str, call: Any) -> None:  # noqa: ANN401 - as above
    """An asyncpg from before the oldest that is tested is named, with what to install."""
    monkeypatch.setattr(asyncpg, "__version__", version)
    with pytest.raises(rds_tls.DriverNotInstalledError, match=rf"asyncpg {version} .*'rds-tls\[asyncpg\]'"):
        call(via=NOWHERE)


@pytest.mark.parametrize("call", [connect, give])
def test_missing_asyncpg_says_what_to_install(monkeypatch: pytest.MonkeyPatch, call: Any) -> None:  # noqa: ANN401 - as above
    """Without asyncpg a call raises an ImportError that holds the command to run."""
    monkeypatch.setitem(sys.modules, "asyncpg", None)
    with pytest.raises(rds_tls.DriverNotInstalledError, match=r"pip install 'rds-tls\[asyncpg\]'"):
        call(via=NOWHERE)


def test_pool_takes_the_arguments(server: PostgresServer, pki: Pki) -> None:
    """Each connection of asyncpg's own pool verifies with them."""

    async def ask() -> object:
        options = give(**login(server, pki))
        async with asyncpg.create_pool(min_size=2, max_size=2, **options) as pool, pool.acquire() as connection:
            return await connection.fetchval("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")

    assert asyncio.run(ask()) is True


def test_pool_takes_our_connections(server: PostgresServer, pki: Pki) -> None:
    """A pool whose connect= is rds_tls's gets a fresh secret, and newer roots, for each connection."""
    asked = []

    def password() -> str:
        asked.append(True)
        return server.password

    async def fresh(*_: Any, **__: Any) -> "asyncpg.Connection[Any]":
        options = {**login(server, pki), "password": password}
        return await rds_tls.aconnect_postgres(HOST, driver="asyncpg", **options)

    async def ask() -> object:
        async with asyncpg.create_pool(min_size=2, max_size=2, connect=fresh) as pool, pool.acquire() as connection:
            return await connection.fetchval("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")

    assert asyncio.run(ask()) is True
    assert len(asked) == 2


@pytest.mark.parametrize("wrong", ["plain", "own context", "other name"])
def test_connection_that_verified_something_else_is_closed(server: PostgresServer, pki: Pki, wrong: str) -> None:
    """A connection without TLS, with somebody else's context or for another name does not pass the check."""
    server.present(pki.authority.issue([OTHER]))
    plan = make_plan(async_adapter(POSTGRES, "asyncpg"), POSTGRES, Request(HOST, settings=pki.settings), {})
    contexts = {
        "plain": False,
        "own context": unverified_context(),
        "other name": tunnel_context(plan.target.anchors, OTHER),
    }

    async def check() -> None:
        connection = await asyncpg.connect(
            host=server.host,
            port=server.port,
            user=server.user,
            password=server.password,
            database=server.database,
            ssl=contexts[wrong],
        )
        with pytest.raises(rds_tls.UnverifiedConnectionError, match="without verified TLS; it was closed"):
            adapter.verify(connection, plan.target, plan.options)
        assert connection.is_closed()

    asyncio.run(check())


def test_helper_checks_what_it_returns(server: PostgresServer, pki: Pki, monkeypatch: pytest.MonkeyPatch) -> None:
    """Should the arguments ever fail to bring TLS about, the helper returns nothing."""
    plain = {"host": server.host, "port": server.port, "ssl": False}
    monkeypatch.setattr(adapter, "kwargs", lambda _: plain)
    with pytest.raises(rds_tls.UnverifiedConnectionError):
        connect(**login(server, pki))


# What a server says to a request for TLS, and what a note makes of it. asyncpg has one text for the first three.
ANSWERS: dict[str, tuple[Answer, str]] = {
    "no": (hostile.refuse, "no-tls"),
    "yes, and more": (hostile.inject(hostile.ERROR), "injected-bytes"),
    "nothing of the kind": (lambda wire, _: wire.send(b"HTTP/1.1 400 Bad Request"), "not-a-database"),
    "error": (hostile.fail, "hung-up"),
    "end": (hostile.close, "hung-up"),
}


@pytest.mark.parametrize(("answer", "cause"), ANSWERS.values(), ids=ANSWERS)
def test_second_look_tells_what_asyncpg_does_not(pki: Pki, answer: Answer, cause: str) -> None:
    """Each answer gets a note of its own."""
    script = hostile.play(answer)
    with listening(lambda wire: script(wire, EMPTY_STAGE)) as peer, pytest.raises(ConnectionError) as caught:
        connect(via=peer.address, settings=pki.settings)
    notes = getattr(caught.value, "__notes__", [])
    assert [found.id for found in map(Diagnosis.from_note, notes) if found] == [cause]


def test_second_look_at_nobody_says_nothing() -> None:
    """Where nobody answers any more, asyncpg's own text stands."""
    error = ConnectionError("rejected SSL upgrade")
    target = Target(HOST, 1, anchors_for(HOST, None, OFFLINE), NOWHERE)
    assert adapter.explain(error, target) == "rejected SSL upgrade"


def stall_login(wire: Wire, stage: Stage) -> None:
    """Shake hands, and answer nothing to the login."""
    wire.send(b"S")
    wire.start_tls(stage.context)
    wire.listen()


STALLS = {"request": hostile.stall, "handshake": hostile.stall_handshake, "login": stall_login}


@pytest.mark.parametrize("how", ["cancelled", "timed out"])
@pytest.mark.parametrize("stall", STALLS.values(), ids=STALLS)
def test_nothing_is_left_of_a_server_that_stalls(pki: Pki, stall: Answer, how: str) -> None:
    """The socket is closed at once when connecting ends early, whatever the server does, while the loop goes on."""
    context = server_context(GOOD, Authorities(pki.authority, pki.authority))
    script, stalled, gone = hostile.play(stall), threading.Event(), threading.Event()

    def play(wire: Wire) -> None:
        stalled.set()
        try:
            script(wire, Stage(context, ("", 0)))
        except (GoneError, ConnectionError):
            gone.set()
            raise

    async def give_up(via: tuple[str, int]) -> None:
        seconds = 0.5 if how == "timed out" else None
        task = asyncio.create_task(
            rds_tls.aconnect_postgres(
                HOST, driver="asyncpg", user="app", via=via, settings=pki.settings, connect_timeout=seconds
            )
        )
        await asyncio.to_thread(stalled.wait, 15)
        if how == "cancelled":
            task.cancel()
        with pytest.raises((asyncio.CancelledError, TimeoutError)):
            await task
        assert await asyncio.to_thread(gone.wait, 15)

    with listening(play) as peer:
        asyncio.run(give_up(peer.address))


def test_timeout_around_it_is_pythons(pki: Pki) -> None:
    """asyncio.timeout around connecting raises what it always raises."""
    script = hostile.play(hostile.stall_handshake)

    async def give_up(via: tuple[str, int]) -> None:
        async with asyncio.timeout(0.2):
            await rds_tls.aconnect_postgres(HOST, driver="asyncpg", user="app", via=via, settings=pki.settings)

    with listening(lambda wire: script(wire, EMPTY_STAGE)) as peer, pytest.raises(TimeoutError):
        asyncio.run(give_up(peer.address))


def test_queries_may_take_longer_than_connecting(server: PostgresServer, pki: Pki) -> None:
    """The bound ends with connecting; the caller's own for queries is kept."""

    async def ask(**options: Any) -> object:
        connection = await rds_tls.aconnect_postgres(
            HOST, driver="asyncpg", connect_timeout=2, **login(server, pki), **options
        )
        try:
            return await connection.fetchval("SELECT 1 FROM pg_sleep(2.2)")
        finally:
            await connection.close()

    assert asyncio.run(ask()) == 1
    with pytest.raises(TimeoutError):
        asyncio.run(ask(command_timeout=0.1))


def test_class_is_asyncpgs(server: PostgresServer, pki: Pki) -> None:
    """The connection is asyncpg's own, or of the class that the caller gives."""

    class Own(asyncpg.Connection):  # type: ignore[misc]
        """A caller's class."""

    async def classes() -> list[type]:
        found = []
        for own in (asyncpg.Connection, Own):
            options = login(server, pki) | {"connection_class": own}
            connection = await rds_tls.aconnect_postgres(HOST, driver="asyncpg", **options)
            found.append(type(connection))
            await connection.close()
        return found

    assert asyncio.run(classes()) == [asyncpg.Connection, Own]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home directory with a folder of libpq's."""
    folder = tmp_path / ".postgresql"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(tmp_path))
    return folder


def test_password_file_still_counts(server: PostgresServer, pki: Pki, home: Path) -> None:
    """Without a password asyncpg looks for one where it always does."""
    file = home.parent / ".pgpass"
    file.write_text(f"*:*:*:*:{server.password}\n")
    file.chmod(0o600)

    async def ask() -> object:
        options = login(server, pki) | {"password": None}
        connection = await rds_tls.aconnect_postgres(HOST, driver="asyncpg", **options)
        await connection.close()
        return True

    assert asyncio.run(ask()) is True
