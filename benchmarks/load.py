"""Many connects at once: threads that share one context, and an event loop."""

import asyncio
import ssl
import sys
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import psycopg
import pymysql

import rds_tls
from benchmarks.connects import mysql_login, postgres_login, regional_context, verified
from benchmarks.measure import Case, Table, take_turns
from benchmarks.stage import Stage

IN_THREADS = "64 threads, MySQL, each connect"
IN_A_LOOP = "Event loop, PostgreSQL, each connect"

OURS = "rds_tls"
PYMYSQL = "PyMySQL, one regional context"
PSYCOPG = "psycopg, regional file"

THREADS = 64
CONNECTS_OF_A_THREAD = 200
CONNECTS_OF_THE_LOOP = 1000
# The whole load is dealt out in turns, so that both sides meet the same machine.
TURNS = 10
# Connections that the event loop opens at once; the server takes 100.
AT_ONCE = 32

SAMPLE_SECONDS = 0.005

Connect = Callable[[], Any]
AsyncConnect = Callable[[], Awaitable[Any]]


def measure(stage: Stage, effort: float) -> Iterator[Table]:
    """Measure both kinds of load.

    Args:
        stage: the servers and files.
        effort: what part of all turns to run.

    Yields:
        A table for each.
    """
    turns = max(round(TURNS * effort), 2)
    login = mysql_login(stage)
    context = regional_context(ssl.SSLContext, stage)
    ours = partial(rds_tls.connect_mysql, **login)
    threads: dict[str, Connect] = {PYMYSQL: partial(pymysql.connect, **login, ssl=context), OURS: ours}
    table = take_turns(IN_THREADS, "ms", {name: _in_threads(each) for name, each in threads.items()}, turns)
    yield table._replace(notes=(_where_time_goes(ours),))
    loop: dict[str, AsyncConnect] = {
        PSYCOPG: partial(psycopg.AsyncConnection.connect, **verified(stage)),
        OURS: partial(rds_tls.aconnect_postgres, **postgres_login(stage)),
    }
    yield take_turns(IN_A_LOOP, "ms", {name: _in_loop(each) for name, each in loop.items()}, turns)


def _in_threads(connect: Connect) -> Case:
    """Let every thread do its share of a turn; give the time per connect, in milliseconds."""
    share = CONNECTS_OF_A_THREAD // TURNS

    def work(_number: int) -> None:
        for _ in range(share):
            connect().close()

    def turn() -> float:
        with ThreadPoolExecutor(THREADS) as pool:
            start = time.perf_counter()
            for _ in pool.map(work, range(THREADS)):
                pass
            return (time.perf_counter() - start) / (THREADS * share) * 1000

    return turn


def _in_loop(connect: AsyncConnect) -> Case:
    """Let one event loop do a turn; give the time per connect, in milliseconds."""
    share = CONNECTS_OF_THE_LOOP // TURNS

    async def work(gate: asyncio.Semaphore) -> None:
        async with gate:
            await (await connect()).close()

    async def everything() -> None:
        gate = asyncio.Semaphore(AT_ONCE)
        await asyncio.gather(*(work(gate) for _ in range(share)))

    def turn() -> float:
        start = time.perf_counter()
        asyncio.run(everything())
        return (time.perf_counter() - start) / share * 1000

    return turn


def _where_time_goes(connect: Connect) -> str:
    """Sample what the threads of a turn stand in: running, or waiting for a lock, the server or the interpreter.

    A lock that is waited for shows as the code that takes it. So the share of rds_tls bounds its lock contention.
    """
    samples: Counter[str] = Counter()
    done = threading.Event()
    sampler = threading.Thread(target=_sample, args=(samples, done))
    sampler.start()
    _in_threads(connect)()
    done.set()
    sampler.join()
    ours = samples.pop("rds_tls", 0)
    total = ours + samples.total()
    others = ", ".join(f"{module} {count / total:.1%}" for module, count in samples.most_common(5))
    return f"where the threads of rds_tls stood in {total} samples: rds_tls itself {ours / total:.1%}, {others}"


def _sample(samples: Counter[str], done: threading.Event) -> None:
    while not done.wait(SAMPLE_SECONDS):
        workers = {thread.ident for thread in threading.enumerate() if thread.name.startswith("ThreadPoolExecutor")}
        for ident, frame in sys._current_frames().items():  # noqa: SLF001 - the documented way to see other threads
            if ident in workers:
                samples[frame.f_globals["__name__"].partition(".")[0]] += 1
