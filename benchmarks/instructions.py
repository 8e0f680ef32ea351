"""Instructions executed, as valgrind counts them: alike on a machine that does other work too.

They tell a change that makes something cheaper from luck. They are no times: a system call counts as one instruction,
and code that is not in the CPU's caches takes longer than code that is.
"""

from collections.abc import Iterator, Mapping
from functools import partial

from benchmarks import calls, imports
from benchmarks.measure import Case, Table
from benchmarks.processes import count_instructions, counts_instructions, run
from benchmarks.stage import NOT_PREFETCHED, SHIPPED_HOST, Stage

PROCESS = "Instructions of a process"
WARM = "Instructions of a warm call"

MYSQL = "rds_tls.mysql_kwargs"
POSTGRES = "rds_tls.postgres_kwargs"

# By name of the case; the host and the path of its roots are the arguments.
PROGRAMS = {
    **{name: imports.PROGRAMS[name] for name in (imports.SSL, imports.PACKAGE, imports.BY_HAND, imports.WITH_CONTEXT)},
    "PyMySQL + a context by hand": f"import pymysql; {imports.PROGRAMS[imports.BY_HAND]}",
    MYSQL: "import rds_tls, sys; rds_tls.mysql_kwargs(sys.argv[1])",
    "psycopg": "import psycopg",
    POSTGRES: "import rds_tls, sys; rds_tls.postgres_kwargs(sys.argv[1])",
}

# By name of the case; what benchmarks/programs/repeat.py calls each.
CALLS = {
    calls.CONTEXT: "ssl_context",
    calls.REPEATED: "parse_endpoint",
    calls.NEW: "parse_new_endpoint",
    calls.POSTGRES_KWARGS: "postgres_kwargs",
    MYSQL: "mysql_kwargs",
}

# What so many more calls cost is the difference between two processes.
FEW, MANY = 100, 1100


def measure(stage: Stage, _effort: float) -> Iterator[Table]:
    """Count instructions.

    Args:
        stage: the files of roots.

    Yields:
        A table of processes and one of calls; an empty one where valgrind is not installed.
    """
    if not counts_instructions():
        yield Table(PROCESS, "millions", {}, ("not counted: valgrind is not installed",))
        return
    processes = {name: partial(_millions, program, SHIPPED_HOST, stage.regional) for name, program in PROGRAMS.items()}
    yield _counted(PROCESS, "millions", processes)
    yield _counted(WARM, "thousands", {name: _thousands(call) for name, call in CALLS.items()})


def _counted(title: str, unit: str, cases: Mapping[str, Case]) -> Table:
    # Once, and entered twice: a second count is the same to the last instruction, and a table has a spread.
    return Table(title, unit, {name: [case()] * 2 for name, case in cases.items()})


def _millions(program: str, *arguments: object) -> float:
    run(program, *arguments, **NOT_PREFETCHED)  # bytecode that was never compiled is compiled now
    return count_instructions(program, *arguments, **NOT_PREFETCHED) / 1e6


def _thousands(call: str) -> Case:
    def of_a_call() -> float:
        few, many = (_millions("repeat.py", call, SHIPPED_HOST, number) for number in (FEW, MANY))
        return (many - few) / (MANY - FEW) * 1e3

    return of_a_call
