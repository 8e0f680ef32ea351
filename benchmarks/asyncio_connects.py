"""A further connect in an event loop: rds_tls, and the MySQL drivers of asyncio in the ways that people use them."""

import asyncio
import ssl
import time
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import Any

import aiomysql
import asyncmy

import rds_tls
from benchmarks.connects import mysql_login, regional_context
from benchmarks.measure import Case, Table, take_turns
from benchmarks.stage import Stage

ASYNCMY = "Connect, asyncmy"
AIOMYSQL = "Connect, aiomysql"

BY_HAND = "one regional context"
OURS = "rds_tls"
WORLDWIDE = "global bundle"
UNVERIFIED = "encrypted but unverified"

Connect = Callable[[], Awaitable[Any]]


def measure(stage: Stage, effort: float) -> Iterator[Table]:
    """Measure connects; closing is not part of the time.

    Args:
        stage: the servers and files.
        effort: what part of all rounds to run.

    Yields:
        A table for each driver.
    """
    with asyncio.Runner() as runner:
        for title, cases in ((ASYNCMY, asyncmy_cases(stage)), (AIOMYSQL, aiomysql_cases(stage))):
            yield take_turns(title, "ms", _timed(runner, cases), round(500 * effort))


def asyncmy_cases(stage: Stage) -> dict[str, Connect]:
    """Give what connects with asyncmy, by name; the bare driver with one context for all connects is the baseline."""
    return _cases(stage, "asyncmy", asyncmy.connect, "database")


def aiomysql_cases(stage: Stage) -> dict[str, Connect]:
    """Give what connects with aiomysql, by name, as for asyncmy."""
    return _cases(stage, "aiomysql", aiomysql.connect, "db")


def _cases(stage: Stage, driver: str, connect: Callable[..., Awaitable[Any]], database: str) -> dict[str, Connect]:
    login = mysql_login(stage)
    own = {database if name == "database" else name: value for name, value in login.items()}
    ours: Any = rds_tls.aconnect_mysql
    context = regional_context(ssl.SSLContext, stage)
    return {
        BY_HAND: lambda: connect(**own, ssl=context),
        OURS: lambda: ours(**login, driver=driver),
        WORLDWIDE: lambda: connect(**own, ssl=ssl.create_default_context(cafile=stage.worldwide)),
        UNVERIFIED: lambda: connect(**own, ssl=_unverified()),
    }


def _unverified() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _timed(runner: asyncio.Runner, cases: dict[str, Connect]) -> dict[str, Case]:
    return {name: partial(_one_connect, runner, connect) for name, connect in cases.items()}


def _one_connect(runner: asyncio.Runner, connect: Connect) -> float:
    async def one() -> float:
        start = time.perf_counter()
        connection = await connect()
        taken = time.perf_counter() - start
        await connection.ensure_closed()
        return taken * 1000

    return runner.run(one())
