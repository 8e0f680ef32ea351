"""A further connect by the other PostgreSQL drivers: rds_tls, and each driver in the ways that people use it."""

import asyncio
import ssl
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import asyncpg
import pg8000.dbapi
import psycopg2

import rds_tls
from benchmarks.connects import postgres_login, regional_context, verified
from benchmarks.measure import Case, Table, take_turns
from benchmarks.stage import Stage

PSYCOPG2 = "Connect, psycopg2"
ASYNCPG = "Connect, asyncpg"
PG8000 = "Connect, pg8000"
PG8000_CPU = "Connect, pg8000, processor time"

OURS = "rds_tls"
BY_HAND = "verified by hand: regional file, or one regional context"
WORLDWIDE = "verified by hand, global bundle each time"
UNVERIFIED = "encrypted but unverified"

Connect = Callable[[], Any]


def measure(stage: Stage, effort: float) -> Iterator[Table]:
    """Measure connects; closing is not part of the time.

    Args:
        stage: the servers and files.
        effort: what part of all rounds to run.

    Yields:
        A table for each driver.
    """
    yield take_turns(PSYCOPG2, "ms", _timed(psycopg2_cases(stage)), round(500 * effort))
    cases = pg8000_cases(stage)
    yield take_turns(PG8000, "ms", _timed(cases), round(100 * effort))
    yield take_turns(PG8000_CPU, "ms", _timed(cases, time.process_time), round(100 * effort))
    with asyncio.Runner() as runner:
        yield take_turns(ASYNCPG, "ms", _timed_in_a_loop(runner, asyncpg_cases(stage)), round(500 * effort))


def psycopg2_cases(stage: Stage) -> dict[str, Connect]:
    """Give what connects with psycopg2, by name; the bare driver with the region's file is the baseline."""
    login = postgres_login(stage)
    regional = verified(stage) | {"hostaddr": stage.postgres.host}  # C asks another resolver than the stage's
    worldwide = {**regional, "sslrootcert": stage.worldwide}
    return {
        BY_HAND: lambda: psycopg2.connect(**regional),
        OURS: lambda: rds_tls.connect_postgres(driver="psycopg2", **login),
        WORLDWIDE: lambda: psycopg2.connect(**worldwide),
        UNVERIFIED: lambda: psycopg2.connect(**{**regional, "sslmode": "require", "sslrootcert": None}),
    }


def pg8000_cases(stage: Stage) -> dict[str, Connect]:
    """Give what connects with pg8000, by name; the bare driver with one context for all connects is the baseline."""
    login = postgres_login(stage)
    own = _own(login)
    context = regional_context(ssl.SSLContext, stage)
    return {
        BY_HAND: lambda: pg8000.dbapi.connect(**own, ssl_context=context),
        OURS: lambda: rds_tls.connect_postgres(driver="pg8000", **login),
        WORLDWIDE: lambda: pg8000.dbapi.connect(**own, ssl_context=ssl.create_default_context(cafile=stage.worldwide)),
        UNVERIFIED: lambda: pg8000.dbapi.connect(**own),
    }


def asyncpg_cases(stage: Stage) -> dict[str, Connect]:
    """Give what connects with asyncpg, by name, as for pg8000."""
    login = postgres_login(stage)
    own = _own(login)
    context = regional_context(ssl.SSLContext, stage)
    return {
        BY_HAND: lambda: asyncpg.connect(**own, ssl=context),
        OURS: lambda: rds_tls.aconnect_postgres(driver="asyncpg", **login),
        WORLDWIDE: lambda: asyncpg.connect(**own, ssl=ssl.create_default_context(cafile=stage.worldwide)),
        UNVERIFIED: lambda: asyncpg.connect(**own, ssl="require"),
    }


def _own(login: dict[str, Any]) -> dict[str, Any]:
    """Give a login as the drivers in Python name its parts."""
    return {"database" if name == "dbname" else name: value for name, value in login.items()}


def _timed(cases: dict[str, Connect], clock: Callable[[], float] = time.perf_counter) -> dict[str, Case]:
    return {name: partial(_one_connect, connect, clock) for name, connect in cases.items()}


def _one_connect(connect: Connect, clock: Callable[[], float]) -> float:
    start = clock()
    connection = connect()
    taken = clock() - start
    connection.close()
    return taken * 1000


def _timed_in_a_loop(runner: asyncio.Runner, cases: dict[str, Connect]) -> dict[str, Case]:
    return {name: partial(_one_connect_in_a_loop, runner, connect) for name, connect in cases.items()}


def _one_connect_in_a_loop(runner: asyncio.Runner, connect: Connect) -> float:
    async def one() -> float:
        start = time.perf_counter()
        connection = await connect()
        taken = time.perf_counter() - start
        await connection.close()
        return taken * 1000

    return runner.run(one())
