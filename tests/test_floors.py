"""The house rule: imports run strictly downwards, rooms on one floor never import each other, and none in a circle."""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import rds_tls

PACKAGE = Path(rds_tls.__file__).parent

# The floor plan of the design; a new room is added here on purpose, with its floor.
FLOORS = {
    "_version": 1,
    "errors": 1,
    "log": 1,
    "genuine": 2,
    "settings": 2,
    "extras": 2,
    "endpoint": 2,
    "roots": 3,
    "context": 4,
    "diagnosis": 5,
    "drivers": 5,
    "connect": 6,
    "pool": 7,
    "sqlalchemy": 7,
    "django": 7,
    "cli": 7,
    "__pyinstaller": 7,
    "__init__": 8,
    "__main__": 8,
}


def room_of(path: Path) -> str:
    """Name the room that a file belongs to: a module, or the package directly below rds_tls."""
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def module_of(path: Path) -> str:
    """Name the module that a file is."""
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


SOURCES = sorted(PACKAGE.rglob("*.py"))
MODULES = {module_of(path): path for path in SOURCES}


def modules_imported(source: str) -> set[str]:
    """List the modules of ours that a source text imports anywhere in it, below TYPE_CHECKING too."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide the floor"
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name in MODULES else str(node.module) for name in names}
    return {name for name in found if name.partition(".")[0] == "rds_tls"}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_run_downwards(path: Path) -> None:
    """A file imports only rooms on lower floors, besides its own room."""
    room = room_of(path)
    rooms = {room_of(MODULES[name]) for name in modules_imported(path.read_text("utf-8"))}
    assert {other: FLOORS[other] for other in rooms - {room} if FLOORS[other] >= FLOORS[room]} == {}


def test_no_import_leads_in_a_circle() -> None:
    """Inside a package too, whoever is imported knows nothing of who imports it."""
    imports = {name: modules_imported(path.read_text("utf-8")) - {name} for name, path in MODULES.items()}
    del imports["rds_tls"]  # whose lazy names lead everywhere
    TopologicalSorter(imports).prepare()  # raises CycleError, which names the circle


def test_every_room_has_a_floor() -> None:
    """A room that is not in the plan, or a plan without its room, is noticed."""
    assert {room_of(path) for path in SOURCES} == set(FLOORS)


def test_reader_sees_every_form_of_import() -> None:
    """The import reader finds plain, from, nested and type-checking imports, of modules and of names in them."""
    source = (
        "import rds_tls.roots.lookup\n"
        "from rds_tls.endpoint import partitions\n"
        "if TYPE_CHECKING:\n    from rds_tls.context import shared_context\n"
        "def late():\n    from rds_tls.drivers.psycopg import kwargs\n"
        "import os\n"
    )
    assert modules_imported(source) == {
        "rds_tls.roots.lookup",
        "rds_tls.endpoint.partitions",
        "rds_tls.context",
        "rds_tls.drivers.psycopg",
    }
