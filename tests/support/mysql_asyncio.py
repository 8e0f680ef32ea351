"""asyncmy and aiomysql, as the tests of what they do alike use them."""

import asyncio
import gc
import threading
from collections.abc import Callable, Coroutine
from typing import Any

import aiomysql
import asyncmy
import pytest
import uvloop

import rds_tls
from rds_tls.connect.plan import make_plan
from rds_tls.connect.request import Request
from rds_tls.drivers import MYSQL, Target, async_adapter
from tests.conftest import Pki
from tests.hostile import mysql as hostile
from tests.hostile.stage import GOOD, HOST, Authorities, Stage, server_context
from tests.hostile.wire import GoneError, Wire
from tests.support.local_rds.mysql_compatible import MySqlCompatibleServer

DRIVERS: dict[str, Any] = {"asyncmy": asyncmy, "aiomysql": aiomysql}
LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}

Loop = Callable[[], asyncio.AbstractEventLoop]
Stall = Callable[[Wire, Stage], None]

every_driver = pytest.mark.parametrize("driver", DRIVERS)
every_loop = pytest.mark.parametrize("loop", LOOPS.values(), ids=LOOPS)


def run(loop: Loop, main: Coroutine[Any, Any, Any]) -> Any:  # noqa: ANN401 - whatever main gives
    """Run in an event loop; what is left open then, pytest calls a failure once it is collected."""
    with asyncio.Runner(loop_factory=loop) as runner:
        result = runner.run(main)
    gc.collect()
    return result


def arguments(server: MySqlCompatibleServer, settings: rds_tls.Settings) -> dict[str, Any]:
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


def target_of(server: MySqlCompatibleServer, settings: rds_tls.Settings) -> Target:
    """Say what is to be verified."""
    request = Request(HOST, via=(server.host, server.port), settings=settings)
    return make_plan(async_adapter(MYSQL, "asyncmy"), MYSQL, request, {}).target


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

    def __init__(self, stall: Stall, pki: Pki) -> None:
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
