"""Calls that dial nothing: a context for an endpoint, and parsing an endpoint's name."""

import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import count
from pathlib import Path

import rds_tls
from benchmarks.measure import Case, Table, take_turns
from benchmarks.processes import knows_peak, run
from benchmarks.stage import NOT_PREFETCHED, Stage
from rds_tls.roots.snapshot import DIRECTORY
from tests.support.trust_store import HOST

WARM = "Warm call"
COLD = "First context of a region"
MEMORY = "Peak memory of a process that parses"

CONTEXT = "ssl_context(host)"
REPEATED = "parse_endpoint, the same name"
NEW = "parse_endpoint, a new name"
POSTGRES_KWARGS = "postgres_kwargs(host)"
MYSQL_KWARGS = "mysql_kwargs(host)"

OURS = "rds_tls.ssl_context(host)"
BY_HAND = "SSLContext, load_verify_locations"

FEW = "10,000 names"
MANY = "1,000,000 names"

# One call is shorter than the clock is exact.
CALLS = 1000


def measure(_stage: Stage, effort: float) -> Iterator[Table]:
    """Measure calls.

    Args:
        effort: what part of all rounds to run.

    Yields:
        A table of warm calls, one of first contexts, and one of memory where the system tells.
    """
    new_names = (f"db{number}.cluster-abc123def456.eu-west-1.rds.amazonaws.com" for number in count())
    calls: dict[str, Callable[[], object]] = {
        CONTEXT: lambda: rds_tls.ssl_context(HOST),
        REPEATED: lambda: rds_tls.parse_endpoint(HOST),
        NEW: lambda: rds_tls.parse_endpoint(next(new_names)),
        POSTGRES_KWARGS: lambda: rds_tls.postgres_kwargs(HOST, user="app", password="secret"),  # noqa: S106 - no real one
        MYSQL_KWARGS: lambda: rds_tls.mysql_kwargs(HOST, user="app", password="secret"),  # noqa: S106 - as above
    }
    yield take_turns(WARM, "us", {name: _looped(call) for name, call in calls.items()}, round(100 * effort))
    yield _first_contexts(max(round(8 * effort), 1))
    if knows_peak():
        numbers = {FEW: 10_000, MANY: 1_000_000}
        cases = {name: partial(_peak, number) for name, number in numbers.items()}
        yield take_turns(MEMORY, "KiB", cases, 2)


def _looped(call: Callable[[], object]) -> Case:
    def one_of_many() -> float:
        start = time.perf_counter()
        for _ in range(CALLS):
            call()
        return (time.perf_counter() - start) / CALLS * 1e6

    return one_of_many


def _first_contexts(processes: int) -> Table:
    # China's names have another suffix than the program's.
    regions = [file.stem for file in Path(DIRECTORY).glob("*-[0-9].pem") if not file.stem.startswith("cn-")]
    values: dict[str, list[float]] = {BY_HAND: [], OURS: []}
    for _ in range(processes):
        # The roots must come from the package, not from the stage's directory.
        for line in run("first_contexts.py", DIRECTORY, *regions, **NOT_PREFETCHED).splitlines():
            for times, text in zip(values.values(), line.split(), strict=True):
                times.append(float(text))
    return Table(COLD, "us", values)


def _peak(names: int) -> float:
    return float(run("parse_names.py", names))
