"""The first connect of a process: everything from the start of the imports to the connection."""

import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from tempfile import TemporaryDirectory

from benchmarks.measure import Case, Table, take_turns
from benchmarks.processes import knows_peak, run
from benchmarks.stage import NOT_PREFETCHED, ROOT, SHIPPED_HOST, Stage
from tests.support.local_https import LocalHttps
from tests.support.local_rds.kinds import Server
from tests.support.trust_store import HOST, REGION, TrustStore

POSTGRES = "First connect of a process, PostgreSQL"
POSTGRES_MEMORY = "Peak memory with a first connect, PostgreSQL"
MYSQL_MEMORY = "Peak memory with a first connect, MySQL"
MYSQL = "First connect of a process, MySQL"
NETWORK = "First connect while roots are refreshed"

SHIPPED = "rds_tls, shipped roots"
PREFETCHED = "rds_tls, prefetched roots"
PSYCOPG = "psycopg, regional file"
PYMYSQL = "PyMySQL, regional context by hand"
THERE = "trust store answers"
BLACKHOLED = "trust store never answers"
OFFLINE = "no refresh"

# What benchmarks/programs/first_connect.py calls each way.
BY_HAND = {POSTGRES: "psycopg_by_hand", MYSQL: "pymysql_by_hand"}
OURS = {POSTGRES: "ours_to_postgres", MYSQL: "ours_to_mysql"}

BASELINES = {POSTGRES: PSYCOPG, MYSQL: PYMYSQL}
MEMORY = {POSTGRES: POSTGRES_MEMORY, MYSQL: MYSQL_MEMORY}


def measure(stage: Stage, effort: float) -> Iterator[Table]:
    """Measure first connects.

    Args:
        stage: the servers and files.
        effort: what part of all rounds to run.

    Yields:
        A table of times for each engine, one of memory where the system tells, and one for a trust store that is out
        of reach.
    """
    servers: dict[str, Server] = {POSTGRES: stage.postgres, MYSQL: stage.mysql}
    for title, server in servers.items():
        yield take_turns(title, "ms", _cases(title, stage, server, "time"), round(60 * effort))
        if knows_peak():
            weighed = _cases(title, stage, server, "memory")
            yield take_turns(MEMORY[title], "KiB", weighed, round(20 * effort))
    with _trust_stores(stage) as trust_stores:
        cases = {name: partial(_stale_connect, stage, variables) for name, variables in trust_stores.items()}
        yield take_turns(NETWORK, "ms", cases, round(30 * effort))


def _cases(title: str, stage: Stage, server: Server, report: str) -> dict[str, Case]:
    # The copy lists the test's roots, as the package lists every published one: else they would be judged by parsing.
    listed = {"PYTHONPATH": os.pathsep.join([stage.shipping, ROOT])}
    ours = partial(_first_connect, report, OURS[title], stage, server)
    return {
        BASELINES[title]: partial(_first_connect, report, BY_HAND[title], stage, server, HOST),
        SHIPPED: partial(ours, SHIPPED_HOST, **listed, **NOT_PREFETCHED),
        PREFETCHED: partial(ours, HOST, **listed),
    }


def _first_connect(report: str, way: str, stage: Stage, server: Server, host: str, **environment: str) -> float:
    arguments = (host, server.port, server.user, server.password, server.database, stage.regional)
    return float(run("first_connect.py", way, report, *arguments, **environment))


def _stale_connect(stage: Stage, variables: dict[str, str]) -> float:
    """Connect with roots that are due for a refresh, and no cache yet, so that every process refreshes."""
    with TemporaryDirectory() as cache:
        listed = {"PYTHONPATH": os.pathsep.join([stage.shipping, ROOT])}
        environment = {"RDS_TLS_MAX_AGE": "0", "RDS_TLS_CACHE_DIR": cache, **listed, **variables}
        return _first_connect("time", OURS[POSTGRES], stage, stage.postgres, HOST, **environment)


@contextmanager
def _trust_stores(stage: Stage) -> Iterator[dict[str, dict[str, str]]]:
    """Run a trust store that answers and one that does not; give the environment that leads to each."""
    with ExitStack() as stack:
        store = TrustStore(stack.enter_context(LocalHttps(stage.folder)), stage.folder / "unused")
        store.publish(REGION, stage.root_pem)
        online = {"RDS_TLS_OFFLINE": "0", "RDS_TLS_TRUSTSTORE_CA_FILE": str(store.settings.mirror_ca_file)}
        yield {
            THERE: {**online, "RDS_TLS_TRUSTSTORE_URL": f"https://localhost:{store.server.server_port}"},
            BLACKHOLED: {**online, "RDS_TLS_TRUSTSTORE_URL": f"https://127.0.0.1:{_blackhole(stack)}"},
            OFFLINE: {},
        }


def _blackhole(stack: ExitStack) -> int:
    """Listen without ever accepting, behind a full queue: a further client's SYN is never answered. Gives the port."""
    listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
    for _ in range(8):
        client = stack.enter_context(socket.socket())
        client.setblocking(False)  # noqa: FBT003 - the method's only form
        client.connect_ex(listener.getsockname())
    port: int = listener.getsockname()[1]
    return port
