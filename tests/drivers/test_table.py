"""docs/drivers.md: its table is what the tests hold each driver to, and no cell of it is empty."""

import os
import re

from tests.drivers.table import COLUMNS, rows_of, table
from tests.support import ROOT
from tests.support.rows import ROWS

DOCUMENT = ROOT / "docs" / "drivers.md"
# Read before any test runs: the tests themselves see no RDS_TLS_ variables of this machine's.
WRITE = "RDS_TLS_WRITE_DOCS" in os.environ

BEGIN, END = "<!-- The table is written by tests/drivers/test_table.py -->\n", "<!-- The table ends -->\n"


def test_table_is_current() -> None:
    """What the page says of each driver is what is tested."""
    before, _, rest = DOCUMENT.read_text("utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    current = f"{before}{BEGIN}\n{table()}\n{END}{after}"
    if WRITE:
        DOCUMENT.write_text(current, encoding="utf-8")
    assert DOCUMENT.read_text("utf-8") == current, "run it once with RDS_TLS_WRITE_DOCS=1"


def test_no_cell_is_empty() -> None:
    """Every driver is held to everything."""
    assert [line for line in table().splitlines() if re.search(r"\|\s*\|", line)] == []


def test_rows_are_read_off_the_tests() -> None:
    """A column whose test is run with no row would be empty for each of them."""
    assert {name for column in COLUMNS for test in column.cells.values() for name in rows_of(test)} == {
        row.name for row in ROWS
    }


def test_every_driver_has_a_section() -> None:
    """The table links to each driver's three lines, and so does README's."""
    sections = re.findall(r"^## (\S+)$", DOCUMENT.read_text("utf-8"), re.MULTILINE)
    assert {row.driver for row in ROWS} <= {*sections}
    links = re.findall(r"docs/drivers\.md#([\w-]+)", (ROOT / "README.md").read_text("utf-8"))
    assert {row.driver for row in ROWS} <= {*links} <= {*map(str.lower, sections)}
