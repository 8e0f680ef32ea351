"""What asyncmy and aiomysql do alike: a login that is guarded and ends in time, the check afterwards, versions."""

import asyncio
import gc
import ssl
import sys
import threading
from collections.abc import Callable, Coroutine
from typing import Any

import aiomysql
import asyncmy
import pytest
import uvloop

import rds_tls
from rds_tls.connect import iam
from rds_tls.connect.plan import make_plan
from rds_tls.connect.request import Request
from rds_tls.context.tunnel import tunnel_context
from rds_tls.drivers import MYSQL, Target, async_adapter
from tests.conftest import OFFLINE, Pki
from tests.hostile import mysql as hostile
from tests.hostile.evidence import Protocol, bytes_leaked
from tests.hostile.stage import EMPTY_STAGE, GOOD, HOST, OTHER, Authorities, Stage, server_context
from tests.hostile.wire import GoneError, Wire, listening
from tests.support.blackhole import blackhole
from tests.support.leaks import CANARY, locals_of_ours
from tests.support.local_rds import KeyType, MariaDbServer

DRIVERS: dict[str, Any] = {"asyncmy": asyncmy, "aiomysql": aiomysql}
LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}

Loop = Callable[[], asyncio.AbstractEventLoop]

every_driver = pytest.mark.parametrize("driver", DRIVERS)
every_loop = pytest.mark.parametrize("loop", LOOPS.values(), ids=LOOPS)

# Longer than anything here takes: it turns a wait for ever into a failure.
SAFETY_SECONDS = 30


@pytest.fixture
def pki(pkis: dict[KeyType, Pki]) -> Pki:
    """The PKI with the fastest keys: key types make no difference here."""
    return pkis[KeyType.ECC384]


@pytest.fixture
def server(mariadb: MariaDbServer, pki: Pki) -> MariaDbServer:
    """MariaDB with a certificate for the endpoint."""
    mariadb.present(pki.authority.issue([HOST]))
    return mariadb


def run(loop: Loop, main: Coroutine[Any, Any, Any]) -> Any:  # noqa: ANN401 - whatever main gives
    """Run in an event loop; what is left open then, pytest calls a failure once it is collected."""
    with asyncio.Runner(loop_factory=loop) as runner:
        result = runner.run(main)
    gc.collect()
    return result


def arguments(server: MariaDbServer, settings: rds_tls.Settings) -> dict[str, Any]:
    """Give what each driver is given."""
    return {
        "user": server.user,
        "password": server.password,
        "via": (server.host, server.port),
        "settings": settings,
    }


async def aconnect(driver: str, **options: Any) -> Any:  # noqa: ANN401 - either driver's connection
    """Connect to the endpoint with a driver."""
    connect: Any = rds_tls.aconnect_mysql
    return await connect(HOST, driver=driver, **options)


def target_of(server: MariaDbServer, settings: rds_tls.Settings) -> Target:
    """Say what is to be verified."""
    request = Request(HOST, via=(server.host, server.port), settings=settings)
    return make_plan(async_adapter(MYSQL, "asyncmy"), 3306, request, {}).target


def carrier(connection: Any) -> Any:  # noqa: ANN401 - either driver's connection
    """Give the transport of a connection."""
    return connection._writer.transport if isinstance(connection, aiomysql.Connection) else connection._transport


def end(connection: Any) -> None:  # noqa: ANN401 - as above
    """Close a connection at once: aiomysql leaves it to the loop to wait for the server's farewell."""
    carrier(connection).abort()
    connection.close()


async def query(connection: Any, text: str) -> Any:  # noqa: ANN401 - as above
    """Ask a question, and give the first row of the answer."""
    async with connection.cursor() as cursor:
        await cursor.execute(text)
        return await cursor.fetchone()


def in_the_greeting(_wire: Wire, _stage: Stage) -> None:
    """Send none."""


def in_the_handshake(wire: Wire, _stage: Stage) -> None:
    """Greet, and wait for the request for TLS and the first byte of the handshake."""
    wire.send(hostile._greeting(hostile.CAPABILITIES | hostile.CLIENT_SSL))
    hostile._read(wire)
    wire.read(1)


def in_the_login(wire: Wire, stage: Stage) -> None:
    """Greet, shake hands and wait for the login."""
    wire.send(hostile._greeting(hostile.CAPABILITIES | hostile.CLIENT_SSL))
    hostile._read(wire)
    wire.start_tls(stage.context)
    hostile._read(wire)


STALLS = [in_the_greeting, in_the_handshake, in_the_login]
every_stall = pytest.mark.parametrize("stall", STALLS, ids=lambda stall: stall.__name__)


class Staller:
    """A server that stalls at some point.

    Attributes:
        reached: set when the client has come to that point.
        left: set when the client has closed its side.
    """

    def __init__(self, stall: Callable[[Wire, Stage], None], pki: Pki) -> None:
        self.reached, self.left = threading.Event(), threading.Event()
        self._stall = stall
        self._stage = Stage(server_context(GOOD, Authorities(pki.authority, pki.authority)), ("", 0))

    def __call__(self, wire: Wire) -> None:
        """Play it."""
        self._stall(wire, self._stage)
        self.reached.set()
        try:
            wire.listen()
        except (GoneError, ConnectionError):
            self.left.set()


@every_driver
@every_loop
@every_stall
def test_connect_timeout_ends_every_stall(
    driver: str, loop: Loop, stall: Callable[[Wire, Stage], None], pki: Pki
) -> None:
    """The drivers' own timeout ends with TCP; ours ends whatever a server leaves undone, as the driver's own error."""
    staller = Staller(stall, pki)

    async def connect(via: tuple[str, int]) -> Any:  # noqa: ANN401 - the driver's error
        with pytest.raises(DRIVERS[driver].OperationalError) as caught:
            await aconnect(driver, user="app", via=via, settings=pki.settings, connect_timeout=0.5)
        return caught.value

    with listening(staller) as peer:
        error = run(loop, connect(peer.address))
        assert staller.left.wait(SAFETY_SECONDS)
    assert type(error) is DRIVERS[driver].OperationalError
    assert error.args == (2003, "Can't connect to MySQL server on '127.0.0.1' (timed out)")
    assert not hasattr(error, "__notes__")


@every_driver
def test_connect_timeout_ends_in_a_blackhole(driver: str, pki: Pki) -> None:
    """An address that takes no connection and refuses none ends in time too."""

    async def connect(via: tuple[str, int]) -> None:
        with pytest.raises(DRIVERS[driver].OperationalError, match=r"server on '127\.0\.0\.1'"):
            await aconnect(driver, user="app", via=via, settings=pki.settings, connect_timeout=0.2)

    with blackhole() as via:
        run(asyncio.new_event_loop, asyncio.wait_for(connect(via), SAFETY_SECONDS))


@every_driver
@every_loop
@every_stall
def test_cancelled_connect_leaves_nothing_open(
    driver: str, loop: Loop, stall: Callable[[Wire, Stage], None], pki: Pki
) -> None:
    """Wherever a task is cancelled that connects, its socket is closed, and the error is the cancellation."""
    staller = Staller(stall, pki)

    async def cancel(via: tuple[str, int]) -> None:
        connecting = asyncio.create_task(aconnect(driver, user="app", via=via, settings=pki.settings))
        assert await asyncio.to_thread(staller.reached.wait, SAFETY_SECONDS)
        connecting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await connecting

    with listening(staller) as peer:
        run(loop, cancel(peer.address))
        assert staller.left.wait(SAFETY_SECONDS)


@every_driver
def test_timeout_of_the_callers_is_a_timeout(driver: str, pki: Pki) -> None:
    """A program's own asyncio.timeout around a connect gives what it gives around everything else."""
    staller = Staller(in_the_handshake, pki)

    async def connect(via: tuple[str, int]) -> None:
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(None) as limit:
            reached = loop.run_in_executor(None, staller.reached.wait, SAFETY_SECONDS)
            reached.add_done_callback(lambda _: limit.reschedule(loop.time()))
            await aconnect(driver, user="app", via=via, settings=pki.settings)

    with listening(staller) as peer:
        with pytest.raises(TimeoutError):
            run(asyncio.new_event_loop, connect(peer.address))
        assert staller.left.wait(SAFETY_SECONDS)


@every_driver
def test_timeout_ends_with_connecting(driver: str, server: MariaDbServer, pki: Pki) -> None:
    """A query may take longer than connecting: nothing of the bound stays behind."""

    async def ask() -> None:
        connection = await aconnect(driver, connect_timeout=1, **arguments(server, pki.settings))
        assert await query(connection, "SELECT SLEEP(1.2)") == (0,)
        end(connection)

    run(asyncio.new_event_loop, ask())


@every_driver
@every_loop
def test_refused_login_leaves_nothing_open(driver: str, loop: Loop, server: MariaDbServer, pki: Pki) -> None:
    """What fails behind the handshake closes the connection at once too: a wrong password, and SQL to begin with."""

    async def refuse(**options: Any) -> None:
        login = arguments(server, pki.settings) | options
        with pytest.raises(DRIVERS[driver].MySQLError) as caught:
            await aconnect(driver, **login)
        assert not hasattr(caught.value, "__notes__")

    run(loop, refuse(password="wrong"))  # noqa: S106 - a wrong one, on purpose
    run(loop, refuse(init_command="nonsense"))


@every_driver
@every_loop
def test_refusal_waits_for_no_farewell(driver: str, loop: Loop, pki: Pki) -> None:
    """A server that refuses the login, or what follows it, and then says nothing keeps no socket open."""

    def refuse(wire: Wire, stage: Stage) -> None:
        in_the_login(wire, stage)
        wire.send(hostile._packet(hostile.FIRST_INSIDE, hostile.ERROR))

    def refuse_sql(wire: Wire, stage: Stage) -> None:
        in_the_login(wire, stage)
        wire.send(hostile._packet(hostile.FIRST_INSIDE, hostile.OK))
        hostile._read(wire)
        wire.send(hostile._packet(1, hostile.ERROR))

    async def connect(staller: Staller, via: tuple[str, int]) -> None:
        with pytest.raises(DRIVERS[driver].MySQLError, match="injected"):
            await aconnect(driver, user="app", via=via, settings=pki.settings, sql_mode="'ANSI'")
        assert await asyncio.to_thread(staller.left.wait, SAFETY_SECONDS)

    for script in (refuse, refuse_sql):
        staller = Staller(script, pki)
        with listening(staller) as peer:
            run(loop, asyncio.wait_for(connect(staller, peer.address), SAFETY_SECONDS / 2))


@every_driver
@every_loop
def test_lost_connection_is_made_again_as_the_first(driver: str, loop: Loop, server: MariaDbServer, pki: Pki) -> None:
    """What ping() connects anew goes through the tunnel, is verified, and says nothing where TLS is hidden."""

    async def reconnect(hiding: tuple[str, int]) -> None:
        connection: Any = await aconnect(driver, **arguments(server, pki.settings))
        assert type(connection).__module__ == f"{driver}.connection"
        end(connection)
        await connection.ping()
        async_adapter(MYSQL, driver).verify(connection, target_of(server, pki.settings), {})
        end(connection)
        connection._host, connection._port = hiding
        with pytest.raises(DRIVERS[driver].OperationalError, match="SSL is required but the server doesn't support it"):
            await connection.ping()

    with listening(lambda wire: hostile.hide_tls(hostile.clear_password)(wire, EMPTY_STAGE)) as peer:
        run(loop, reconnect(peer.address))
    assert {bytes_leaked(wire, Protocol.MYSQL) for wire in peer.wires} == {0}


def own_context(settings: rds_tls.Settings, _target: Target) -> ssl.SSLContext:
    """Give a context of somebody else's, with the same roots."""
    context = ssl.create_default_context(cafile=settings.ca_file)
    context.check_hostname = False
    return context


UNVERIFIED: dict[str, Callable[[rds_tls.Settings, Target], ssl.SSLContext | None]] = {
    "plain": lambda _settings, _target: None,
    "own context": own_context,
    "other name": lambda _settings, target: tunnel_context(target.anchors, OTHER),
}


@every_driver
@every_loop
@pytest.mark.parametrize("context", UNVERIFIED.values(), ids=UNVERIFIED)
def test_unverified_connection_is_closed(
    driver: str,
    loop: Loop,
    server: MariaDbServer,
    pki: Pki,
    context: Callable[[rds_tls.Settings, Target], ssl.SSLContext | None],
) -> None:
    """A connection without TLS, with somebody else's context, or of another name does not pass the check."""
    server.present(pki.authority.issue([HOST, OTHER]))
    target = target_of(server, pki.settings)
    adapter = async_adapter(MYSQL, driver)

    async def connect() -> None:
        options = {"host": server.host, "port": server.port, "user": server.user, "password": server.password}
        connection = await DRIVERS[driver].connect(**options, ssl=context(pki.settings, target))
        transport = carrier(connection)
        with pytest.raises(rds_tls.UnverifiedConnectionError, match=f"{driver} returned a connection to {HOST} "):
            adapter.verify(connection, target, {})
        assert transport.is_closing()
        with pytest.raises(rds_tls.UnverifiedConnectionError):  # nor does one that is closed
            adapter.verify(connection, target, {})

    run(loop, connect())


@every_driver
def test_helper_checks_what_it_returns(
    driver: str, server: MariaDbServer, pki: Pki, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Should the arguments ever fail to name the endpoint, the helper returns nothing."""
    adapter = async_adapter(MYSQL, driver)
    kwargs = adapter.kwargs
    server.present(pki.authority.issue([HOST, OTHER]))
    monkeypatch.setattr(adapter, "kwargs", lambda target: kwargs(target._replace(host=OTHER)))
    with pytest.raises(rds_tls.UnverifiedConnectionError):
        run(
            asyncio.new_event_loop,
            aconnect(driver, **arguments(server, pki.settings)),
        )


@every_driver
def test_token_is_in_no_local_of_ours(driver: str, pki: Pki, monkeypatch: pytest.MonkeyPatch) -> None:
    """A crash reporter that shows the locals of a refused connect finds no token that is still good."""
    monkeypatch.setattr(iam, "token", lambda *_: CANARY)

    async def connect(via: tuple[str, int]) -> Any:  # noqa: ANN401 - the driver's error
        with pytest.raises(DRIVERS[driver].OperationalError) as caught:
            await aconnect(driver, user="app", iam=True, via=via, settings=pki.settings)
        return caught.value

    with listening(lambda wire: hostile.hide_tls(hostile.clear_password)(wire, EMPTY_STAGE)) as peer:
        error = run(asyncio.new_event_loop, connect(peer.address))
    seen = locals_of_ours(error)
    assert "aconnect.seconds" in seen
    assert [name for name, text in seen.items() if CANARY in text] == []


@every_driver
def test_password_that_cannot_be_sent_is_refused(driver: str) -> None:
    """A password outside Latin-1 is refused, and not shown as the driver's own UnicodeEncodeError would show it."""
    connect = aconnect(driver, user="app", password=f"{CANARY}\u20ac", settings=OFFLINE)
    with pytest.raises(rds_tls.OptionError, match=f"outside Latin-1, and {driver} sends no other") as caught:
        asyncio.run(connect)
    assert CANARY not in str(caught.value)


@every_driver
def test_missing_driver_says_what_to_install(driver: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without its driver a call raises an ImportError that holds the command to run."""
    monkeypatch.setitem(sys.modules, driver, None)
    with pytest.raises(rds_tls.DriverNotInstalledError, match=rf"pip install 'rds-tls\[{driver}\]'"):
        asyncio.run(aconnect(driver, user="app", settings=OFFLINE))


NEWEST_REFUSED = [("asyncmy", "0.2.13"), ("aiomysql", "0.2.0")]
NO_VERSIONS = [(driver, version) for driver in DRIVERS for version in ("0.0.0.dev0", "unknown", "")]

VERSION_NAMES = {"asyncmy": "asyncmy.version.__VERSION__", "aiomysql": "aiomysql.__version__"}


@pytest.mark.parametrize(("driver", "version"), [*NEWEST_REFUSED, *NO_VERSIONS])
def test_old_driver_is_refused(driver: str, version: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A driver older than any that is known to be safe, or of a version that nobody knows, is refused."""
    monkeypatch.setattr(VERSION_NAMES[driver], version)
    with pytest.raises(rds_tls.DriverNotInstalledError, match=rf"pip install --upgrade 'rds-tls\[{driver}\]'"):
        asyncio.run(aconnect(driver, user="app", settings=OFFLINE))


def test_asyncmy_is_the_default(server: MariaDbServer, pki: Pki) -> None:
    """Without driver= the connection is asyncmy's."""

    async def connect() -> None:
        connection = await rds_tls.aconnect_mysql(HOST, **arguments(server, pki.settings))
        assert isinstance(connection, asyncmy.Connection)
        end(connection)

    run(asyncio.new_event_loop, connect())
