"""The first connect of a process: everything from the start of the imports to the connection."""

import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from tempfile import TemporaryDirectory

from benchmarks.measure import Table, take_turns
from benchmarks.processes import run
from benchmarks.stage import NOT_PREFETCHED, ROOT, SHIPPED_HOST, Stage
from tests.support.local_https import LocalHttps
from tests.support.local_rds import MariaDbServer, PostgresServer
from tests.support.trust_store import HOST, REGION, TrustStore

POSTGRES = "First connect of a process, PostgreSQL"
MYSQL = "First connect of a process, MySQL"
NETWORK = "First connect while roots are refreshed"

SHIPPED = "rds_tls, shipped roots"
PREFETCHED = "rds_tls, prefetched roots"
PSYCOPG = "psycopg, regional file"
PYMYSQL = "PyMySQL, regional context by hand"
THERE = "trust store answers"
BLACKHOLED = "trust store never answers"
OFFLINE = "no refresh"

Server = PostgresServer | MariaDbServer

# The time is the process's own. Its resolver answers loopback, hence socket is there already, as in Lambda's runtime.
FRAME = """
import sys, time
from benchmarks.resolver import answer_loopback
answer_loopback()
host, port, user, password, database, roots = sys.argv[1:]
port = int(port)
start = time.perf_counter()
{body}
print((time.perf_counter() - start) * 1000)
connection.close()
"""

BY_HAND = {
    POSTGRES: """
import psycopg
connection = psycopg.connect(
    host=host, port=port, user=user, password=password, dbname=database, sslmode="verify-full", sslrootcert=roots
)
""",
    MYSQL: """
import ssl
import pymysql
context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
context.load_verify_locations(roots)
connection = pymysql.connect(host=host, port=port, user=user, password=password, database=database, ssl=context)
""",
}

OURS = {
    POSTGRES: """
import rds_tls
connection = rds_tls.connect_postgres(host, port=port, user=user, password=password, dbname=database)
""",
    MYSQL: """
import rds_tls
connection = rds_tls.connect_mysql(host, port=port, user=user, password=password, database=database)
""",
}

BASELINES = {POSTGRES: PSYCOPG, MYSQL: PYMYSQL}


def measure(stage: Stage, effort: float) -> Iterator[Table]:
    """Measure first connects.

    Args:
        stage: the servers and files.
        effort: what part of all rounds to run.

    Yields:
        A table for each engine, and one for a trust store that is out of reach.
    """
    servers: dict[str, Server] = {POSTGRES: stage.postgres, MYSQL: stage.mysql}
    shipped = {"PYTHONPATH": os.pathsep.join([stage.shipping, ROOT]), **NOT_PREFETCHED}
    for title, server in servers.items():
        cases = {
            BASELINES[title]: partial(_first_connect, BY_HAND[title], stage, server, HOST),
            SHIPPED: partial(_first_connect, OURS[title], stage, server, SHIPPED_HOST, **shipped),
            PREFETCHED: partial(_first_connect, OURS[title], stage, server, HOST),
        }
        yield take_turns(title, "ms", cases, round(60 * effort))
    with _trust_stores(stage) as trust_stores:
        cases = {name: partial(_stale_connect, stage, variables) for name, variables in trust_stores.items()}
        yield take_turns(NETWORK, "ms", cases, round(30 * effort))


def _first_connect(body: str, stage: Stage, server: Server, host: str, **environment: str) -> float:
    arguments = (host, server.port, server.user, server.password, server.database, stage.regional)
    return float(run(FRAME.format(body=body), *arguments, **environment))


def _stale_connect(stage: Stage, variables: dict[str, str]) -> float:
    """Connect with roots that are due for a refresh, and no cache yet, so that every process refreshes."""
    with TemporaryDirectory() as cache:
        environment = {"RDS_TLS_MAX_AGE": "0", "RDS_TLS_CACHE_DIR": cache, **variables}
        return _first_connect(OURS[POSTGRES], stage, stage.postgres, HOST, **environment)


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
