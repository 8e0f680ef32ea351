"""The table of drivers in docs/drivers.md: what each of them is held to, read off the tests that hold it."""

import re
import tomllib
from collections.abc import Callable
from typing import Any, NamedTuple

from tests.connect import test_handshakes as handshakes
from tests.drivers import test_every_driver as alike
from tests.hostile.arena import MEETINGS
from tests.support import ROOT
from tests.support.rows import ROWS, Row

Test = Callable[..., None]


class Column(NamedTuple):
    """What a driver is held to.

    Attributes:
        head: the column's head.
        cells: what stands there for a row that one of these tests is run with.
    """

    head: str
    cells: dict[str, Test]


COLUMNS = (
    Column("right name", {"connects": handshakes.test_right_name_passes}),
    Column("another name", {"refused": handshakes.test_wrong_name_is_refused}),
    Column("another region's root", {"refused": handshakes.test_sibling_region_is_refused}),
    Column("a foreign CA", {"refused": handshakes.test_real_roots_refuse_a_foreign_authority}),
    Column(
        "tunnel (`via=`)",
        {
            "verified": alike.test_tunnel_may_have_a_name,
            "refused, with what to do": alike.test_tunnel_is_refused_where_it_would_be_verified,
        },
    ),
    Column("alias (`expect=`)", {"verified": alike.test_alias_is_followed}),
    Column("IAM token", {"inside TLS": alike.test_token_is_sent_inside_tls}),
    Column("password function", {"each time": alike.test_password_function_is_asked_for_each_connection}),
    Column("rotated root", {"one download": alike.test_rotated_root_heals}),
    Column("note", {"cause and fix": handshakes.test_bad_leaf_is_refused}),
    Column(
        "looked at after connecting",
        {
            "TLS, name, roots": alike.test_connection_that_is_not_what_was_asked_for_is_closed,
        },
    ),
)

# The extra of each driver, and the package that it installs.
EXTRAS = {"psycopg": ("postgres", "psycopg"), "pymysql": ("mysql", "PyMySQL")}


def rows_of(test: Test) -> set[str]:
    """Name the rows that a test is run with."""
    names = set()
    for mark in getattr(test, "pytestmark", []):
        if mark.name == "parametrize":
            for case in mark.args[1]:
                first: Any = case[0] if isinstance(case, tuple) and not isinstance(case, Row | handshakes.Way) else case
                row = getattr(first, "row", first)
                if isinstance(row, Row):
                    names.add(row.name)
    return names


def oldest(row: Row) -> str:
    """Give a driver's oldest version, which the session ``minimums`` runs all tests with."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    extra, _ = EXTRAS.get(row.driver, (row.driver, ""))
    (version,) = re.findall(r">=(.+)", extras[extra][0])
    return str(version)


def attacks(row: Row) -> str:
    """Say how many attacks a driver meets: of all of them it is shown elsewhere that nothing leaks."""
    met = sum(driver.name == row.name for _, driver in MEETINGS)
    return f"{met}, 0 bytes leaked" if met else ""


def table() -> str:
    """Write the table; a row of the drivers' that is not held to something leaves its cell empty."""
    tested = {column.head: {cell: rows_of(test) for cell, test in column.cells.items()} for column in COLUMNS}
    head = ("Driver", "from version", "attacks", *tested)
    lines = [head, ("---",) * len(head)]
    for row in ROWS:
        cells = [" ".join(cell for cell, names in column.items() if row.name in names) for column in tested.values()]
        lines.append((f"[{row.name}](#{row.driver})", oldest(row), attacks(row), *cells))
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
