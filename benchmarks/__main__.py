"""Measure, report, and compare with the goals: ``python -m benchmarks``."""

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks import (
    asyncio_connects,
    calls,
    cold,
    connects,
    django_connects,
    engine_connects,
    imports,
    instructions,
    load,
    machine,
    mysql_connector_connects,
    mysqlclient_connects,
    postgres_connects,
)
from benchmarks.goals import Verdict, judge
from benchmarks.measure import Table
from benchmarks.stage import set_stage

GROUPS = {
    "imports": imports,
    "cold": cold,
    "connects": connects,
    "calls": calls,
    "load": load,
    "instructions": instructions,
    "asyncio-connects": asyncio_connects,
    "postgres": postgres_connects,
    "engines": engine_connects,
    "mysql-connector": mysql_connector_connects,
    "mysqlclient": mysqlclient_connects,
    "django": django_connects,  # the last: it puts PyMySQL in the place of mysqlclient
}
RESULTS = Path(__file__).with_name("results.json")

# What part of all rounds --quick runs.
QUICK = 0.2


def main() -> None:
    """Run what the command line asks for."""
    options = parse_arguments()
    tables: list[Table] = []
    with set_stage() as stage:
        facts = machine.describe() | connects.server_versions(stage)
        print(*(f"{name:28} {value or 'not installed'}" for name, value in facts.items()), sep="\n")
        for group in options.groups or GROUPS:
            for table in GROUPS[group].measure(stage, QUICK if options.quick else 1.0):
                print(f"\n{table}", flush=True)
                tables.append(table)
    verdicts = judge(tables)
    print("\ngoals (quiet ratios: 10th percentiles compared)", *verdicts, sep="\n")
    RESULTS.write_text(json.dumps(as_json(facts, tables, verdicts), indent=2) + "\n")
    if options.check and not all(verdict.kept for verdict in verdicts):
        raise SystemExit(1)


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser("python -m benchmarks", description="Compare rds_tls with the drivers by hand.")
    parser.add_argument("groups", nargs="*", metavar="group", help=f"what to measure: {', '.join(GROUPS)}")
    parser.add_argument("--check", action="store_true", help="fail when a goal is missed")
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    options = parser.parse_args()
    if unknown := set(options.groups) - GROUPS.keys():
        parser.error(f"no such group: {', '.join(sorted(unknown))}")
    return options


def as_json(facts: Mapping[str, str | None], tables: Sequence[Table], verdicts: Sequence[Verdict]) -> dict[str, object]:
    """Give everything that is printed, for a program."""
    return {
        "machine": facts,
        "tables": [
            {"title": table.title, "unit": table.unit, "cases": table.summary(), "notes": table.notes}
            for table in tables
        ],
        "goals": [
            {
                **verdict.goal._asdict(),
                "measure": verdict.goal.measure.name,
                "found": verdict.found,
                "kept": verdict.kept,
            }
            for verdict in verdicts
        ],
    }


if __name__ == "__main__":
    main()
