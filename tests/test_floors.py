"""The house rule: imports run strictly downwards, and rooms on one floor never import each other."""

import ast
from pathlib import Path

import pytest

import rds_tls

PACKAGE = Path(rds_tls.__file__).parent

# The floor plan of the design; a new room is added here on purpose, with its floor.
FLOORS = {
    "_version": 0,
    "errors": 0,
    "log": 0,
    "known_roots": 0,
    "records": 0,
    "genuine": 1,
    "regions": 1,
    "settings": 1,
    "limits": 1,
    "bundle": 1,
    "diagnosis": 1,
    "extras": 1,
    "refresh": 1,
    "ca_file": 2,
    "endpoint": 2,
    "download": 2,
    "cache": 2,
    "alias": 3,
    "iam": 3,
    "snapshot": 3,
    "kept": 3,
    "memory": 4,
    "truststore": 3,
    "validation": 3,
    "store": 5,
    "renewal": 6,
    "trust": 7,
    "healing": 8,
    "sealed": 9,
    "context": 10,
    "pinned": 11,
    "drivers": 12,
    "plan": 13,
    "connect": 14,
    "__init__": 15,
}


def room_of(path: Path) -> str:
    """Name the room that a file belongs to: a module, or the package directly below rds_tls."""
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def rooms_imported(source: str) -> set[str]:
    """List the rooms that a source text imports anywhere in it, below TYPE_CHECKING too."""
    rooms: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            rooms |= {alias.name.split(".")[1] for alias in node.names if alias.name.startswith("rds_tls.")}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide the floor"
            parts = (node.module or "").split(".")
            if parts[0] == "rds_tls":
                rooms |= {parts[1]} if len(parts) > 1 else {alias.name for alias in node.names}
    return rooms


SOURCES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_run_downwards(path: Path) -> None:
    """A file imports only rooms on lower floors, besides its own room."""
    room = room_of(path)
    above = {
        other: FLOORS[other]
        for other in rooms_imported(path.read_text("utf-8")) - {room}
        if FLOORS[other] >= FLOORS[room]
    }
    assert above == {}


def test_every_room_has_a_floor() -> None:
    """A room that is not in the plan, or a plan without its room, is noticed."""
    assert {room_of(path) for path in SOURCES} == set(FLOORS)


def test_reader_sees_every_form_of_import() -> None:
    """The import reader finds plain, from, nested and type-checking imports."""
    source = (
        "import rds_tls.trust\n"
        "from rds_tls import regions\n"
        "if TYPE_CHECKING:\n    from rds_tls.context import shared_context\n"
        "def late():\n    from rds_tls.drivers.psycopg import kwargs\n"
    )
    assert rooms_imported(source) == {"trust", "regions", "context", "drivers"}
