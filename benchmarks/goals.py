"""What the project promises about speed, one row for each promise, and whether a run kept it."""

from collections.abc import Iterable, Mapping
from enum import Enum
from typing import NamedTuple

from benchmarks import (
    asyncio_connects,
    calls,
    cold,
    connects,
    django_connects,
    engine_connects,
    imports,
    mysql_connector_connects,
    mysqlclient_connects,
    postgres_connects,
)
from benchmarks.machine import AWS_WRAPPER, GOOGLE_CONNECTOR
from benchmarks.measure import Table


class Measure(Enum):
    """What of a case is held against its limit, and how a report names it."""

    QUIET_RATIO = "x"
    MORE_IN_THE_MEDIAN = "more than"
    QUIET = "at most"


class Goal(NamedTuple):
    """One promise.

    Attributes:
        number: of the promise, as in the README.
        table: the title of the table that the case is in.
        case: the case that must keep it.
        measure: what of it counts.
        limit: the most that is allowed: a ratio, or in the table's unit.
        baseline: the case that it is compared with; none for a limit by itself.
    """

    number: int
    table: str
    case: str
    measure: Measure
    limit: float
    baseline: str = ""

    def found(self, table: Table) -> float:
        """Give what a run found."""
        if self.measure is Measure.QUIET_RATIO:
            return table.quiet(self.case) / table.quiet(self.baseline)
        if self.measure is Measure.MORE_IN_THE_MEDIAN:
            return table.median(self.case) - table.median(self.baseline)
        return table.quiet(self.case)


_RATIO, _MORE, _QUIET = Measure.QUIET_RATIO, Measure.MORE_IN_THE_MEDIAN, Measure.QUIET

GOALS = (
    # 1. Importing costs nothing that counts, in milliseconds.
    Goal(1, imports.TIME, imports.PACKAGE, _MORE, 3.0, imports.SSL),
    # 2. The first connect of a process costs little more than the driver's own, whatever the network does.
    Goal(2, cold.POSTGRES, cold.SHIPPED, _RATIO, 1.03, cold.PSYCOPG),
    Goal(2, cold.POSTGRES, cold.PREFETCHED, _RATIO, 1.03, cold.PSYCOPG),
    Goal(2, cold.MYSQL, cold.SHIPPED, _RATIO, 1.10, cold.PYMYSQL),
    Goal(2, cold.MYSQL, cold.PREFETCHED, _RATIO, 1.10, cold.PYMYSQL),
    Goal(2, cold.NETWORK, cold.BLACKHOLED, _RATIO, 1.05, cold.THERE),
    # 3. So does every further one, and much less than with the global bundle.
    Goal(3, connects.POSTGRES, connects.OURS, _RATIO, 1.02, connects.PSYCOPG),
    Goal(3, connects.POSTGRES, connects.OURS, _RATIO, 0.65, connects.PSYCOPG_WORLDWIDE),
    Goal(3, connects.MYSQL, connects.OURS, _RATIO, 1.03, connects.PYMYSQL),
    Goal(3, connects.MYSQL, connects.OURS_BY_CA_FILE, _RATIO, 1.03, connects.PYMYSQL),
    Goal(3, connects.MYSQL, connects.OURS, _RATIO, 0.2, connects.PYMYSQL_WORLDWIDE),
    Goal(3, asyncio_connects.ASYNCMY, asyncio_connects.OURS, _RATIO, 1.05, asyncio_connects.BY_HAND),
    Goal(3, asyncio_connects.AIOMYSQL, asyncio_connects.OURS, _RATIO, 1.05, asyncio_connects.BY_HAND),
    Goal(
        3,
        mysql_connector_connects.PURE,
        mysql_connector_connects.OURS,
        _RATIO,
        0.15,
        mysql_connector_connects.BY_HAND,
    ),
    Goal(3, mysqlclient_connects.TITLE, mysqlclient_connects.OURS, _RATIO, 1.02, mysqlclient_connects.BY_HAND),
    # 4. A context, or a driver's arguments, are there at once, in microseconds; a region's first context costs what
    # OpenSSL takes for it.
    Goal(4, calls.WARM, calls.CONTEXT, _QUIET, 5.0),
    Goal(4, calls.WARM, calls.POSTGRES_KWARGS, _QUIET, 8.0),
    Goal(4, calls.WARM, calls.MYSQL_KWARGS, _QUIET, 8.0),
    Goal(4, calls.COLD, calls.OURS, _RATIO, 1.15, calls.BY_HAND),
    # 5. Parsing a name, in microseconds; a million of them leave nothing behind, in KiB.
    Goal(5, calls.WARM, calls.REPEATED, _QUIET, 4.0),
    Goal(5, calls.WARM, calls.NEW, _QUIET, 15.0),
    Goal(5, calls.MEMORY, calls.MANY, _MORE, 256.0, calls.FEW),
    # 6. Memory of driver, context and first connect, in KiB, over the same by hand.
    Goal(6, cold.POSTGRES_MEMORY, cold.SHIPPED, _MORE, 1024.0, cold.PSYCOPG),
    Goal(6, cold.MYSQL_MEMORY, cold.SHIPPED, _MORE, 1024.0, cold.PYMYSQL),
    # 7. The peers cost more.
    Goal(7, imports.PEERS, imports.WITH_DRIVERS, _RATIO, 1.0, AWS_WRAPPER),
    Goal(7, imports.PEERS, imports.WITH_DRIVERS, _RATIO, 1.0, GOOGLE_CONNECTOR),
    Goal(7, connects.POSTGRES, connects.OURS, _RATIO, 1.0, connects.WRAPPER),
    # 3 again, for the other drivers; where one waits 40 ms for an acknowledgement that nobody needs, it is faster.
    Goal(3, postgres_connects.PSYCOPG2, postgres_connects.OURS, _RATIO, 1.02, postgres_connects.BY_HAND),
    Goal(3, postgres_connects.ASYNCPG, postgres_connects.OURS, _RATIO, 1.02, postgres_connects.BY_HAND),
    Goal(3, postgres_connects.PG8000, postgres_connects.OURS, _RATIO, 0.25, postgres_connects.BY_HAND),
    # And through Django, with the queries that it begins a connection with.
    Goal(3, django_connects.POSTGRES, django_connects.OURS, _RATIO, 1.03, django_connects.BY_HAND),
    Goal(3, django_connects.MYSQL, django_connects.OURS, _RATIO, 1.03, django_connects.BY_HAND),
    # 3 through a framework: the engine that is secured, against the same engine set up right by hand.
    Goal(3, engine_connects.PSYCOPG, engine_connects.OURS, _RATIO, 1.03, engine_connects.BY_HAND),
    Goal(3, engine_connects.PYMYSQL, engine_connects.OURS, _RATIO, 1.03, engine_connects.BY_HAND),
    Goal(3, engine_connects.ASYNCPG, engine_connects.OURS, _RATIO, 1.03, engine_connects.BY_HAND),
    Goal(3, engine_connects.ASYNCMY, engine_connects.OURS, _RATIO, 1.03, engine_connects.BY_HAND),
)


class Verdict(NamedTuple):
    """A promise, what a run found, and whether that keeps it."""

    goal: Goal
    unit: str
    found: float

    @property
    def kept(self) -> bool:
        """Whether the limit was not passed."""
        return self.found <= self.goal.limit

    def __str__(self) -> str:
        goal = self.goal
        unit = "x" if goal.measure is Measure.QUIET_RATIO else self.unit
        against = f" {goal.measure.value} [{goal.baseline}]" if goal.baseline else ""
        word = "kept" if self.kept else "MISSED"
        return f"{goal.number} {word:7}{self.found:9.3f} of {goal.limit:g} {unit}  {goal.table}: {goal.case}{against}"


def judge(tables: Iterable[Table]) -> list[Verdict]:
    """Hold what was measured against every promise about it.

    Args:
        tables: what was measured; a promise about anything else, such as a peer that is not installed, is left out.

    Returns:
        The verdicts, in the order of the promises.
    """
    by_title: Mapping[str, Table] = {table.title: table for table in tables}
    return [
        Verdict(goal, table.unit, goal.found(table))
        for goal in GOALS
        if (table := by_title.get(goal.table)) and {goal.case, goal.baseline or goal.case} <= table.values.keys()
    ]
