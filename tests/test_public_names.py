"""The public names: what editors and type checkers see of them, and what is there when a program runs."""

import ast
import inspect
import pydoc
import subprocess
import sys
from importlib import import_module
from itertools import takewhile
from pathlib import Path
from typing import Any, cast, get_type_hints

import pytest

import rds_tls
from tests.support import ROOT

STUB = ast.parse(Path(rds_tls.__file__).with_suffix(".pyi").read_text("utf-8"))
HOMES = {
    alias.name: str(node.module)
    for node in STUB.body
    if isinstance(node, ast.ImportFrom) and str(node.module).startswith("rds_tls.")
    for alias in node.names
}

# The modules that the stub shows as they are: each needs a framework.
ROOMS = {
    alias.name
    for node in STUB.body
    if isinstance(node, ast.ImportFrom) and node.module == "rds_tls"
    for alias in node.names
}

RUNTIME_HOMES: dict[str, str] = vars(rds_tls)["_HOMES"]


def stub_all() -> list[str]:
    """Read the names that the stub exports with a star."""
    (node,) = (node for node in STUB.body if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__")
    return cast("list[str]", ast.literal_eval(node.value))


def test_stub_and_module_have_the_same_names() -> None:
    """What a type checker finds is what the module has, the names of a star import too."""
    assert sorted(HOMES) == sorted(RUNTIME_HOMES)
    assert stub_all() == rds_tls.__all__
    assert set(RUNTIME_HOMES) - set(rds_tls.__all__) == {"__version__"}


def test_rooms_are_there_without_an_import_of_their_own() -> None:
    """``rds_tls.sqlalchemy`` is there where rds_tls is imported, as the stub says."""
    assert vars(rds_tls)["_ROOMS"] == ROOMS
    for name in ROOMS:
        assert getattr(rds_tls, name) is import_module(f"rds_tls.{name}")


@pytest.mark.parametrize("name", HOMES)
def test_stub_leads_to_the_same_home(name: str) -> None:
    """A name that the stub imports comes from the module that holds it when a program runs."""
    assert HOMES[name] == f"rds_tls.{RUNTIME_HOMES[name]}"
    assert getattr(rds_tls, name) is getattr(import_module(HOMES[name]), name)


# Enums, errors and classes that have no fields have nothing to be asked for.
PLAIN = {"AsyncPostgresConnection", "Kind", "PostgresConnection", "Trust"}
TYPED = sorted(set(rds_tls.__all__) - PLAIN - {name for name in HOMES if HOMES[name] == "rds_tls.errors"})


@pytest.mark.parametrize("name", TYPED)
def test_type_hints_can_be_read(name: str) -> None:
    """What pydantic, FastAPI and Sphinx ask a class or a function for is there when a program runs."""
    assert get_type_hints(getattr(rds_tls, name)) != {}


@pytest.mark.parametrize(
    ("name", "meant"),
    [("connect_postgre", "connect_postgres"), ("ssl_contxt", "ssl_context"), ("setings", "Settings"), ("Xyzzy", None)],
)
def test_unknown_name_says_which_may_be_meant(name: str, meant: str | None) -> None:
    """A misspelt name is an AttributeError with the nearest public one, and no other exception of Python's."""
    with pytest.raises(AttributeError) as caught:
        getattr(rds_tls, name)
    hint = "" if meant is None else f"; maybe {meant!r} is meant"
    assert str(caught.value) == f"module 'rds_tls' has no attribute {name!r}{hint}"
    assert not hasattr(rds_tls, name)


def test_unknown_name_is_explained_once() -> None:
    """Python's own traceback, which may guess as well, does not say it twice."""
    ran = subprocess.run(
        [sys.executable, "-c", "import rds_tls\nrds_tls.connect_postgre"], capture_output=True, text=True, check=False
    )
    assert ran.stderr.count("'connect_postgres'") == 1


def test_help_opens_with_a_connection() -> None:
    """What help() shows first is a program of ten lines at most, of public names, that compiles."""
    text = pydoc.plain(pydoc.render_doc(rds_tls))
    _, _, rest = inspect.cleandoc(rds_tls.__doc__ or "").partition("::\n\n")
    program = inspect.cleandoc("\n".join(takewhile(lambda line: line[:1] in {"", " "}, rest.splitlines())))
    used = {ast.unparse(node) for node in ast.walk(ast.parse(program)) if isinstance(node, ast.Attribute)}
    assert {name for name in used if name.startswith("rds_tls.")} == {"rds_tls.connect_postgres"}
    assert len(program.splitlines()) <= 10
    assert text.index("rds_tls.connect_postgres(") < text.index("CLASSES")


jedi = pytest.importorskip("jedi")


def script(code: str) -> Any:  # noqa: ANN401 - jedi has no types
    """Open a program in an editor that knows nothing but the sources."""
    return jedi.Script(code, project=jedi.Project(ROOT))


def test_editor_completes_every_public_name() -> None:
    """Completion offers all of them after the dot."""
    assert set(rds_tls.__all__) <= {found.name for found in script("import rds_tls\nrds_tls.").complete()}


@pytest.mark.parametrize("name", [name for name in rds_tls.__all__ if inspect.isfunction(getattr(rds_tls, name))])
def test_editor_shows_signature_and_help(name: str) -> None:
    """A function that is called has its parameters shown, and one asked about its first line."""
    function = getattr(rds_tls, name)
    parameters = list(inspect.signature(function).parameters)
    for signature in script(f"import rds_tls\nrds_tls.{name}(").get_signatures():  # one for each overload
        shown = [each.name for each in signature.params]
        # What is passed on to another function of ours is shown as that one's parameters.
        assert shown == parameters or (
            parameters[-1] == "arguments" and shown[: len(parameters) - 1] == parameters[:-1]
        )
    (found,) = script(f"import rds_tls\nrds_tls.{name}").help(2, 12)
    assert (inspect.getdoc(function) or "").splitlines()[0] in found.docstring()


def test_editor_knows_the_drivers_connection() -> None:
    """What connects gives the driver's own class to complete on."""
    code = "import rds_tls\nrds_tls.connect_postgres('x', user='y')."
    assert {"cursor", "execute", "pgconn"} <= {found.name for found in script(code).complete()}
