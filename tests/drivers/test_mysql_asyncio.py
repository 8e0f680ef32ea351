"""What asyncmy and aiomysql do alike while they connect: whatever stalls ends in time, and nothing stays open."""

import asyncio
import functools
import operator
import threading
from typing import Any

import pytest

from rds_tls.drivers import MYSQL, async_adapter
from tests.conftest import Pki
from tests.hostile import mysql as hostile
from tests.hostile.evidence import Protocol, bytes_leaked
from tests.hostile.stage import EMPTY_STAGE, HOST, Stage
from tests.hostile.wire import Wire, listening
from tests.support.blackhole import blackhole
from tests.support.local_rds.mysql_compatible import MySqlCompatibleServer
from tests.support.mysql_asyncio import (
    DRIVERS,
    Loop,
    Stall,
    Staller,
    aconnect,
    arguments,
    end,
    every_driver,
    every_loop,
    every_stall,
    in_the_handshake,
    in_the_login,
    query,
    run,
    target_of,
)

# Longer than anything here takes: it turns a wait for ever into a failure.
SAFETY_SECONDS = 30


@pytest.fixture
def server(mysql: MySqlCompatibleServer, pki: Pki) -> MySqlCompatibleServer:
    """MariaDB with a certificate for the endpoint."""
    mysql.present(pki.authority.issue([HOST]))
    return mysql


@every_driver
@every_loop
@every_stall
def test_connect_timeout_ends_every_stall(driver: str, loop: Loop, stall: Stall, pki: Pki) -> None:
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
    (note,) = error.__notes__
    assert "there was no answer" in note


@every_driver
def test_connect_timeout_ends_in_a_blackhole(driver: str, pki: Pki) -> None:
    """An address that takes no connection and refuses none ends in time too."""

    async def connect(via: tuple[str, int]) -> None:
        with pytest.raises(DRIVERS[driver].OperationalError, match=r"server on '127\.0\.0\.1' \(timed out\)"):
            await aconnect(driver, user="app", via=via, settings=pki.settings, connect_timeout=0.2)

    with blackhole() as via:
        run(asyncio.new_event_loop, asyncio.wait_for(connect(via), SAFETY_SECONDS))


@every_driver
@every_loop
@every_stall
def test_cancelled_connect_leaves_nothing_open(driver: str, loop: Loop, stall: Stall, pki: Pki) -> None:
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
def test_timeout_ends_with_connecting(driver: str, server: MySqlCompatibleServer, pki: Pki) -> None:
    """A query may take longer than connecting: nothing of the bound stays behind."""

    async def ask() -> None:
        connection = await aconnect(driver, connect_timeout=1, **arguments(server, pki.settings))
        assert await query(connection, "SELECT SLEEP(1.2)") == (0,)
        # It holds again for a connection that is lost and made anew.
        assert (connection._connect_timeout if driver == "asyncmy" else connection.connect_timeout) == 1
        end(connection)

    run(asyncio.new_event_loop, ask())


@every_driver
@every_loop
def test_refused_login_leaves_nothing_open(driver: str, loop: Loop, server: MySqlCompatibleServer, pki: Pki) -> None:
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
def test_lost_connection_is_made_again_as_the_first(
    driver: str, loop: Loop, server: MySqlCompatibleServer, pki: Pki
) -> None:
    """What ping() connects anew asks for the password, is verified, and says nothing where TLS is hidden."""
    asked: list[threading.Thread] = []

    def password() -> str:
        asked.append(threading.current_thread())
        return server.password

    async def reconnect(hiding: tuple[str, int]) -> None:
        connection: Any = await aconnect(driver, **arguments(server, pki.settings) | {"password": password})
        assert type(connection).__module__ == f"{driver}.connection"
        assert len(asked) == 1
        end(connection)
        connection._password = ""  # what was good for the first connection only, as a token is
        await connection.ping()
        assert len(asked) == 2
        assert threading.current_thread() not in asked  # which may take its time
        async_adapter(MYSQL, driver).verify(connection, target_of(server, pki.settings), {})
        end(connection)
        host, port = hiding
        connection.again = functools.partial(operator.or_, connection.again(), {"host": host, "port": port})
        with pytest.raises(DRIVERS[driver].OperationalError, match="SSL is required but the server doesn't support it"):
            await connection.ping()

    with listening(lambda wire: hostile.hide_tls(hostile.clear_password)(wire, EMPTY_STAGE)) as peer:
        run(loop, reconnect(peer.address))
    assert {bytes_leaked(wire, Protocol.MYSQL) for wire in peer.wires} == {0}
