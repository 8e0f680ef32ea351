"""A further connect by mysql-connector-python, pure and in an event loop: rds_tls, and its own ways."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import Any

import mysql.connector
import mysql.connector.aio

import rds_tls
from benchmarks.connects import mysql_login
from benchmarks.measure import Case, Table, take_turns
from benchmarks.stage import Stage

PURE = "Connect, mysql-connector"
AWAITED = "Connect, mysql-connector in asyncio"

BY_HAND = "regional file"
OURS = "rds_tls"
WORLDWIDE = "global bundle"
UNVERIFIED = "encrypted but unverified"

CANNOT_VERIFY = "by itself the driver's asyncio connection verifies no name"

# The driver makes a context for each connect, 50 ms: a run of the other drivers' length would take minutes.
_ROUNDS = 100


def measure(stage: Stage, effort: float) -> Iterator[Table]:
    """Measure connects; closing is not part of the time.

    Args:
        stage: the servers and files.
        effort: what part of all rounds to run.

    Yields:
        A table for each kind of connection.
    """
    rounds = round(_ROUNDS * effort)
    pure: dict[str, Case] = {name: partial(_one, connect) for name, connect in pure_cases(stage).items()}
    yield take_turns(PURE, "ms", pure, rounds)
    with asyncio.Runner() as runner:
        awaited: dict[str, Case] = {
            name: partial(_one_awaited, runner, connect) for name, connect in awaited_cases(stage).items()
        }
        yield take_turns(AWAITED, "ms", awaited, rounds, (CANNOT_VERIFY,))


def pure_cases(stage: Stage) -> dict[str, Callable[[], Any]]:
    """Give what connects in pure Python, by name; the driver's own arguments with the region's file are the baseline.

    Its C extension cannot be loaded beside Python's ssl on every machine, and is left out.
    """
    login = mysql_login(stage)
    own: dict[str, Any] = {**login, "use_pure": True}
    verified = own | {"ssl_verify_cert": True, "ssl_verify_identity": True}
    return {
        BY_HAND: lambda: mysql.connector.connect(**verified, ssl_ca=stage.regional),
        OURS: lambda: rds_tls.connect_mysql(**login, driver="mysql-connector"),
        WORLDWIDE: lambda: mysql.connector.connect(**verified, ssl_ca=stage.worldwide),
        UNVERIFIED: lambda: mysql.connector.connect(**own),
    }


def awaited_cases(stage: Stage) -> dict[str, Callable[[], Awaitable[Any]]]:
    """Give what is awaited, by name; what people write is the baseline, since by hand there is nothing better."""
    login = mysql_login(stage)
    return {
        UNVERIFIED: lambda: mysql.connector.aio.connect(**login),
        OURS: lambda: rds_tls.aconnect_mysql(**login, driver="mysql-connector"),
    }


def _one(connect: Callable[[], Any]) -> float:
    start = time.perf_counter()
    connection = connect()
    taken = time.perf_counter() - start
    connection.close()
    return taken * 1000


def _one_awaited(runner: asyncio.Runner, connect: Callable[[], Awaitable[Any]]) -> float:
    async def timed() -> float:
        start = time.perf_counter()
        connection = await connect()
        taken = time.perf_counter() - start
        await connection.close()
        return taken * 1000

    return runner.run(timed())
