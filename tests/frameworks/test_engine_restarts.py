"""A server that is restarted while engines use it, as in a failover: each loses what is in use, and no more."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from tests.conftest import Pki
from tests.frameworks.engines import NAMED, Kind, Setup
from tests.support.local_rds.kinds import MYSQL_SERVERS, POSTGRES_SERVERS, Server

QUESTION = sqlalchemy.text("SELECT 1")
# How many connections of a pool are in use when the server ends, how many are idle, and how many requests come then.
IN_USE, IDLE, REQUESTS = 2, 3, 8

SYNCHRONOUS = [kind for kind in NAMED.values() if not (kind.is_async or kind.dials_in_c)]
AWAITED = [kind for kind in NAMED.values() if kind.is_async]

on_each_server = pytest.mark.parametrize(
    "server_kind", [*POSTGRES_SERVERS, *MYSQL_SERVERS], ids=lambda server_kind: server_kind.title
)


def engine_of(kind: Kind, server: Server, pki: Pki, *, pre_ping: bool) -> Engine:
    """Make an engine as the documentation advises, or without the advice."""
    options = {"pool_size": IN_USE + IDLE, "max_overflow": REQUESTS, "pool_pre_ping": pre_ping}
    return Setup.of(kind, kind.url(server), options=options, by="create", **kind.where(server, pki.settings)).engine()


def of_server(kinds: list[Kind], server: Server) -> list[Kind]:
    """Give those kinds that speak to a server."""
    return [kind for kind in kinds if type(server) in kind.servers]


class Program:
    """What uses an engine: some connections are at work, and the others wait in the pool."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        held = [engine.connect() for _ in range(IN_USE + IDLE)]
        for connection in held:
            connection.execute(QUESTION)
        self.in_use, idle = held[:IN_USE], held[IN_USE:]
        for connection in idle:
            connection.close()

    def ask(self, *_: object) -> bool:
        """Serve one request; False where it is lost."""
        with self.engine.connect() as connection:
            return _is_answered(connection)

    def lost(self) -> int:
        """Count what is lost of the requests that come, all at the same time, and of what is at work."""
        with ThreadPoolExecutor(REQUESTS) as pool:
            return [*pool.map(self.ask, range(REQUESTS)), *map(_is_answered, self.in_use)].count(False)

    def close(self) -> None:
        """Give all up."""
        for connection in self.in_use:
            connection.invalidate()  # SQLAlchemy knows not each driver's words for a lost connection
            connection.close()
        self.engine.dispose()


def _is_answered(connection: Connection) -> bool:
    try:
        return connection.execute(QUESTION).scalar() == 1
    except (DBAPIError, OSError):  # of pg8000's reads SQLAlchemy gets the operating system's own error
        return False


@on_each_server
def test_restart_takes_what_is_in_use_and_no_more(server: Server, pki: Pki) -> None:
    """With pool_pre_ping the connections that waited are replaced before anybody gets them."""
    kinds = of_server(SYNCHRONOUS, server)
    programs = [Program(engine_of(kind, server, pki, pre_ping=True)) for kind in kinds]
    server._home.restart()
    try:
        assert {kind.name: program.lost() for kind, program in zip(kinds, programs, strict=True)} == {
            kind.name: IN_USE for kind in kinds
        }
        assert [program.ask() for program in programs] == [True] * len(kinds)
    finally:
        for program in programs:
            program.close()


async def _is_answered_async(connection: AsyncConnection) -> bool:
    try:
        return (await connection.execute(QUESTION)).scalar() == 1
    except (DBAPIError, OSError):  # of pg8000's reads SQLAlchemy gets the operating system's own error
        return False


async def use_async(engine: AsyncEngine, restarted: asyncio.Barrier) -> int:
    """Do what a program does, in a loop, and count what it loses."""

    async def ask() -> bool:
        async with engine.connect() as connection:
            return await _is_answered_async(connection)

    held = [await engine.connect() for _ in range(IN_USE + IDLE)]
    for connection in held:
        await connection.execute(QUESTION)
    for connection in held[IN_USE:]:
        await connection.close()
    await restarted.wait()
    await restarted.wait()
    answers = await asyncio.gather(*(ask() for _ in range(REQUESTS)))
    answers += [await _is_answered_async(connection) for connection in held[:IN_USE]]
    for connection in held[:IN_USE]:
        await connection.invalidate()
        await connection.close()
    await engine.dispose()
    return answers.count(False)


@on_each_server
def test_restart_takes_what_is_in_use_in_an_event_loop(server: Server, pki: Pki) -> None:
    """The same with drivers of asyncio."""
    kinds = of_server(AWAITED, server)

    async def main() -> list[int]:
        restarted = asyncio.Barrier(len(kinds) + 1)
        engines = [AsyncEngine(engine_of(kind, server, pki, pre_ping=True)) for kind in kinds]
        using = [asyncio.create_task(use_async(engine, restarted)) for engine in engines]
        await restarted.wait()
        await asyncio.to_thread(server._home.restart)
        await restarted.wait()
        return await asyncio.gather(*using)

    assert asyncio.run(main()) == [IN_USE] * len(kinds)


@on_each_server
def test_without_the_advice_more_is_lost(server: Server, pki: Pki) -> None:
    """What waited in the pool is handed out dead: so the advice is one, and the test above would see it fail."""
    (kind, *_) = of_server(SYNCHRONOUS, server)
    program = Program(engine_of(kind, server, pki, pre_ping=False))
    server._home.restart()
    try:
        assert program.lost() > IN_USE
    finally:
        program.close()
