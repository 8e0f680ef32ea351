"""A further connect of a SQLAlchemy engine: secured by rds_tls, and the same engine set up right by hand."""

import asyncio
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import sqlalchemy
from sqlalchemy.engine import URL, Engine
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

import rds_tls
from benchmarks.connects import regional_context
from benchmarks.measure import Case, Table, take_turns
from benchmarks.stage import Stage
from tests.support.trust_store import HOST

PSYCOPG = "Engine's connect, psycopg"
PYMYSQL = "Engine's connect, PyMySQL"
ASYNCPG = "Engine's connect, asyncpg"
ASYNCMY = "Engine's connect, asyncmy"

BY_HAND = "connect_args by hand"
OURS = "rds_tls"
UNVERIFIED = "encrypted but unverified"


def measure(stage: Stage, effort: float) -> Iterator[Table]:
    """Measure connects of engines that keep no connection; closing is not part of the time.

    Args:
        stage: the servers and files.
        effort: what part of all rounds to run.

    Yields:
        A table for each driver.
    """
    rounds = round(500 * effort)
    context = {"ssl": regional_context(ssl.SSLContext, stage)}
    regional = {"sslmode": "verify-full", "sslrootcert": stage.regional}
    for title, scheme, by_hand, unverified in (
        (PSYCOPG, "postgresql+psycopg", regional, {"sslmode": "require"}),
        (PYMYSQL, "mysql+pymysql", context, {"ssl": _unverified()}),
    ):
        yield take_turns(title, "ms", _timed(_engines(stage, scheme, by_hand, unverified)), rounds)
    with asyncio.Runner() as runner:
        for title, scheme, unverified in (
            (ASYNCPG, "postgresql+asyncpg", {"ssl": "require"}),
            (ASYNCMY, "mysql+asyncmy", {"ssl": _unverified()}),
        ):
            engines = _engines(stage, scheme, context, unverified, make=_make_async)
            yield take_turns(title, "ms", _timed_in(runner, engines), rounds)


def _make(url: URL, **options: Any) -> Engine:
    return sqlalchemy.create_engine(url, poolclass=NullPool, **options)


def _make_async(url: URL, **options: Any) -> Engine:
    return create_async_engine(url, poolclass=NullPool, **options).sync_engine


def _engines(
    stage: Stage,
    scheme: str,
    by_hand: Mapping[str, Any],
    unverified: Mapping[str, Any],
    *,
    make: Callable[..., Engine] = _make,
) -> dict[str, Engine]:
    server = stage.postgres if scheme.startswith("postgresql") else stage.mysql
    url = URL.create(scheme, server.user, server.password, HOST, server.port, server.database)
    return {
        BY_HAND: make(url, connect_args=by_hand),
        OURS: rds_tls.sqlalchemy.secure(make(url)),
        UNVERIFIED: make(url, connect_args=unverified),
    }


def _unverified() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _timed(engines: Mapping[str, Engine]) -> dict[str, Case]:
    return {name: partial(_one_connect, engine) for name, engine in engines.items()}


def _one_connect(engine: Engine) -> float:
    start = time.perf_counter()
    connection = engine.connect()
    taken = time.perf_counter() - start
    connection.close()
    return taken * 1000


def _timed_in(runner: asyncio.Runner, engines: Mapping[str, Engine]) -> dict[str, Case]:
    return {name: partial(_one_connect_in, runner, AsyncEngine(engine)) for name, engine in engines.items()}


def _one_connect_in(runner: asyncio.Runner, engine: AsyncEngine) -> float:
    async def one() -> float:
        start = time.perf_counter()
        connection = await engine.connect()
        taken = time.perf_counter() - start
        await connection.close()
        return taken * 1000

    return runner.run(one())
