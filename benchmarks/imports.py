"""What an import costs a whole process: time from start to exit, and peak memory."""

import time
from collections.abc import Iterator

from benchmarks.machine import AWS_WRAPPER, GOOGLE_CONNECTOR, version
from benchmarks.measure import Case, Table, take_turns
from benchmarks.processes import PRINT_PEAK, knows_peak, run
from benchmarks.stage import NOT_PREFETCHED, SHIPPED_HOST, Stage

TIME = "Whole process that imports"
MEMORY = "Peak memory of a process"
PEERS = "Whole process that imports a peer"

SSL = "ssl"
PACKAGE = "rds_tls"
WITH_CONTEXT = "rds_tls + a context"
BY_HAND = "ssl + a context by hand"

CONNECTS = "rds_tls.connect_..."

# By name of the case; the host and the path of its roots are the arguments.
PROGRAMS = {
    SSL: "import ssl",
    PACKAGE: "import rds_tls",
    CONNECTS: "from rds_tls import connect_mysql, connect_postgres",
    BY_HAND: "import ssl, sys; ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(sys.argv[2])",
    WITH_CONTEXT: "import rds_tls, sys; rds_tls.ssl_context(sys.argv[1])",
}

DRIVERS = "psycopg, PyMySQL"
WITH_DRIVERS = "rds_tls, psycopg, PyMySQL"
WITHOUT_PEERS = {
    DRIVERS: "import psycopg, pymysql",
    WITH_DRIVERS: "import psycopg, pymysql; from rds_tls import connect_mysql, connect_postgres",
}

# By the distribution that must be installed.
PEER_PROGRAMS = {
    AWS_WRAPPER: "import aws_advanced_python_wrapper, psycopg",
    GOOGLE_CONNECTOR: "import google.cloud.sql.connector",
}


def measure(stage: Stage, effort: float) -> Iterator[Table]:
    """Measure imports.

    Args:
        stage: the servers and files.
        effort: what part of all rounds to run.

    Yields:
        A table of times, one of memory where the system tells, one of the peers that are installed.
    """
    arguments = (SHIPPED_HOST, stage.regional)
    timed = {name: _timed(program, *arguments) for name, program in PROGRAMS.items()}
    yield take_turns(TIME, "ms", {"nothing": _timed("pass"), **timed}, round(120 * effort))
    if knows_peak():
        weighed = {name: _weighed(program, *arguments) for name, program in PROGRAMS.items()}
        yield take_turns(MEMORY, "KiB", weighed, round(20 * effort))
    installed = {name: program for name, program in PEER_PROGRAMS.items() if version(name)}
    missing = tuple(f"not installed: {name}" for name in PEER_PROGRAMS if name not in installed)
    peers = {name: _timed(program) for name, program in (WITHOUT_PEERS | installed).items()}
    yield take_turns(PEERS, "ms", peers, round(25 * effort), missing)


def _timed(program: str, *arguments: str) -> Case:
    def whole_process() -> float:
        start = time.perf_counter()
        run(program, *arguments, **NOT_PREFETCHED)
        return (time.perf_counter() - start) * 1000

    return whole_process


def _weighed(program: str, *arguments: str) -> Case:
    return lambda: float(run(f"{program}\n{PRINT_PEAK}", *arguments, **NOT_PREFETCHED))
