"""The documents: every block is run or type-checked, every link leads somewhere, and every page is built alike."""

import argparse
import ast
import asyncio
import builtins
import inspect
import os
import re
import shlex
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

import rds_tls
from rds_tls import cli, settings
from rds_tls.diagnosis.causes import CAUSES
from tests.docs import prelude
from tests.docs.pages import DOCUMENTS, PAGES, PROGRAMS, Block, Page
from tests.docs.stage import Stage, open_stage
from tests.support import ROOT

# Pages of another kind -> why.
NO_TASK = {
    "docs/attacks.md": "a table that the tests write",
    "docs/troubleshooting.md": "all of it is about what fails",
}
TASKS = [page for page in PAGES if page.name not in NO_TASK]
FIRST = [page.blocks[0] for page in TASKS if page.blocks and page.blocks[0].language == "python"]
OPENS_WITHIN = 15

# What needs no server, no network and no credentials.
SERVERLESS = {
    "__version__",
    "ca_path",
    "mysql_kwargs",
    "parse_endpoint",
    "postgres_env",
    "postgres_kwargs",
    "postgres_uri",
    "Settings",
    "settings",
    "ssl_context",
    "explain",
    "Kind",
    "Trust",
}
HARMLESS = {"ca", "endpoint", "bundle"}

# What mypy need not see: a page shows one name with two drivers, and not every driver has types.
MYPY = """
[mypy]
disable_error_code = assignment, no-redef, import-untyped, import-not-found, var-annotated, no-untyped-def, type-arg
follow_imports = silent
check_untyped_defs = True
python_version = 3.11
[mypy-rds_tls.*]
[mypy-django.*,sqlalchemy.*,psycopg.*,psycopg_pool.*,psycopg2.*,asyncpg.*,pg8000.*,pymysql.*,MySQLdb.*,mysql.*]
follow_imports = skip
[mypy-asyncmy.*,aiomysql.*,dbutils.*,botocore.*,boto3.*,flask.*,pandas.*,alembic.*,cryptography.*,requests.*]
follow_imports = skip
"""


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Servers that every endpoint of the documents leads to."""
    with open_stage(tmp_path_factory.mktemp("stage")) as made:
        yield made


def run(block: Block, environment: dict[str, str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a block as printed, in a folder of its own."""
    program = [sys.executable, "-P", str(ROOT / "tests" / "docs" / "run_block.py"), block.page, str(block.line)]
    variables = {name: value for name, value in os.environ.items() if name != "RDS_TLS_OFFLINE"} | environment
    return subprocess.run(program, env=variables, cwd=folder, capture_output=True, text=True, timeout=60, check=False)


def needs_server(block: Block) -> bool:
    """Say whether a block connects, so that a server has to see it."""
    return re.search(r"connect\w*\(|engine|Pool\(|_pool\(", block.text) is not None and "DATABASES" not in block.text


@pytest.mark.parametrize("block", FIRST, ids=str)
def test_first_block_runs_as_printed(block: Block, stage: Stage, tmp_path: Path) -> None:
    """The block that a page opens with gets to its end, and to a server where it connects."""
    before = stage.clients()
    with stage.tunnels_of(block):
        done = run(block, stage.variables_of(block), tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    if needs_server(block) and "via=" not in block.text:
        assert stage.clients() != before


@pytest.mark.parametrize("engine", ["postgres", "mysql"])
def test_stage_is_verified(engine: str, stage: Stage, tmp_path: Path) -> None:
    """On the stage a block that trusts another root of the same name is refused: what runs there verifies."""
    block = next(block for block in PROGRAMS if f"connect_{engine}(" in block.text and block in FIRST)
    variables = stage.variables_of(block) | {"RDS_TLS_CA_BUNDLE": str(stage.foreign)}
    done = run(block, variables, tmp_path)
    assert done.returncode == 1
    assert "[impostor]" in done.stderr


def test_blocks_that_need_no_server_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A block that asks neither a server nor a network is run, with the names that its page has made before."""
    monkeypatch.chdir(tmp_path)
    ran = [block for block in PROGRAMS if block not in FIRST and is_complete(block)]
    for block in ran:
        code = compile(block.code(), str(block), "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        left = eval(code, given_names())  # noqa: S307 - a page of ours
        if inspect.iscoroutine(left):
            asyncio.run(left)
    assert ran, "no block of the documents was run"


def given_names() -> dict[str, Any]:
    """Give the names that a block may use without making them."""
    return {name: getattr(prelude, name) for name in prelude.__all__}


# What asks a server, a network or AWS, or is too much of a program for a test to run.
_ASKS = re.compile(r"connect\w*\(|create_pool\(|execute\(|iam=True|secret=")


def is_complete(block: Block) -> bool:
    """Say whether a block can run without a server: it asks nobody, and every name and module in it is there."""
    own, nodes = block.asked_of_package(), [*ast.walk(block.tree())]
    imports = [node for node in nodes if isinstance(node, ast.Import | ast.ImportFrom)]
    imported = {alias.asname or alias.name.partition(".")[0] for node in imports for alias in node.names}
    modules = {alias.name for node in imports if isinstance(node, ast.Import) for alias in node.names}
    made = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    used = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    return (
        set() < own <= SERVERLESS
        and not _ASKS.search(block.text)
        and used <= made | imported | {*given_names(), *vars(builtins)}
        and all(find_spec(module.partition(".")[0]) for module in modules)
    )


# What a reader of a page who misspells sees: by this the type checker shows that it looks.
MISTAKES = "rds_tls.connect_postgress(host)\nrds_tls.ca_path(host, regoin='x')\n"


@pytest.fixture(scope="module")
def complaints(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """What mypy says of each block, and of two mistakes."""
    pytest.importorskip("mypy", reason="mypy is not installed")
    folder = tmp_path_factory.mktemp("blocks")
    texts = {f"block_{number}.py": as_module(block) for number, block in enumerate(PROGRAMS)} | {
        "mistakes.py": MISTAKES
    }
    for name, text in texts.items():
        (folder / name).write_text(f"from tests.docs.prelude import *\n{text}")
    (folder / "mypy.ini").write_text(MYPY)
    command = [sys.executable, "-m", "mypy", "--config-file", "mypy.ini", "--cache-dir", "cache", *texts]
    variables = os.environ | {"MYPYPATH": str(ROOT)}
    found = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, check=False)
    said: dict[str, list[str]] = {name: [] for name in texts}
    for name, text in re.findall(r"^(\w+\.py):\d+: error: (.*)$", found.stdout, re.MULTILINE):
        said[name].append(text)
    return said


def as_module(block: Block) -> str:
    """Give a block's program as a module, in which ``await`` stands in a function."""
    text = block.text
    plain = compile("", "", "exec").co_flags
    flags = compile(block.code(), str(block), "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT).co_flags
    return text if flags == plain else f"async def _block() -> None:\n{textwrap.indent(text, '    ')}"


def test_blocks_pass_a_type_checker(complaints: dict[str, list[str]]) -> None:
    """Names and arguments of rds_tls in a block are those that there are."""
    mistakes = [
        f"{block}: {text}"
        for number, block in enumerate(PROGRAMS)
        for text in complaints[f"block_{number}.py"]
        # What a page's reader has: an engine, a pool, functions of a program.
        if not re.fullmatch(r'Name "\w+" is not defined.*', text)
    ]
    assert mistakes == []


def test_type_checker_sees_mistakes(complaints: dict[str, list[str]]) -> None:
    """A misspelt name and an argument that there is not are seen, in the way in which blocks are checked."""
    name, argument = complaints["mistakes.py"]
    assert "connect_postgress" in name
    assert "regoin" in argument


# How a shell's block may be marked; without a mark, or as a session, it has output too.
SHELL = {"sh": "", "console": r"\$ ", "": r"(?:\$ )?(?=rds-tls |eval )"}


# What a reader puts a name of his own for.
PLACEHOLDER = re.compile(r"\b(?:HOST|REGION|FILE)\b")


def command_lines() -> list[tuple[str, list[str]]]:
    """List the calls of ``rds-tls`` in shell blocks: where each stands, and its arguments."""
    found = []
    for block in (block for page in DOCUMENTS for block in page.blocks if block.language in SHELL):
        lines = block.text.replace("\\\n", " ").splitlines()
        commands = [line for line in lines if re.match(SHELL[block.language], line)]
        calls = [call for line in commands for call in re.findall(r"\brds-tls (?!\[)([^|;&)#]*)", line)]
        found += [(str(block), shlex.split(call.partition(">")[0])) for call in calls]
    return found


@pytest.mark.parametrize(("place", "arguments"), command_lines())
def test_commands_are_understood(
    place: str, arguments: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A command line of a page has a command and arguments that there are, and is run where that harms nobody."""
    assert arguments, place
    command, *rest = arguments
    if command.startswith("-"):
        return
    assert command in cli._COMMANDS, place
    parser = argparse.ArgumentParser()
    import_module(f"rds_tls.cli.{command}").add_arguments(parser)
    parser.parse_args(rest)
    if command in HARMLESS and not PLACEHOLDER.search(" ".join(rest)):
        monkeypatch.chdir(tmp_path)
        assert cli.main(arguments) in {cli.GOOD, cli.FINDING}


@pytest.mark.parametrize("page", DOCUMENTS, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Page) -> None:
    """Every link of a document leads to a file, and to a heading in it whose anchor is the same everywhere."""
    lost = []
    known = {document.name: document for document in DOCUMENTS}
    for link in page.links:
        path, _, anchor = link.partition("#")
        target = os.path.normpath(page.path.parent / path) if path else str(page.path)
        name = Path(target).relative_to(ROOT).as_posix()
        is_there = Path(target).exists() and (not anchor or name not in known or anchor in known[name].anchors)
        lost += [] if is_there else [link]
    assert lost == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_causes_that_pages_name_are_those_that_there_are(page: Page) -> None:
    """A link to a cause in troubleshooting.md names one of the table's."""
    named = {link.partition("#")[2] for link in page.links if link.startswith("troubleshooting.md#")}
    assert {anchor for anchor in named if not anchor.startswith("seen-")} <= {*CAUSES, "what-you-see"}


@pytest.mark.parametrize("page", TASKS, ids=lambda page: page.name)
def test_page_is_built_as_the_others(page: Page) -> None:
    """A page opens with a block and ends with what to do when it fails."""
    assert page.blocks, "it has no block"
    assert page.blocks[0].line <= OPENS_WITHIN
    assert page.blocks[0].language in {"python", *SHELL}
    sections = re.findall(r"^## (.+)$", page.prose, re.MULTILINE)
    assert sections[-1] == "When it fails"


@pytest.mark.parametrize("block", PROGRAMS, ids=str)
def test_blocks_compile(block: Block) -> None:
    """Every block of Python is Python."""
    assert block.tree().body


def test_every_page_is_in_the_navigation() -> None:
    """A reader of the site finds every page, and no page that is not there."""
    listed = re.findall(r"^ +- (?:[\w ]+: )?([\w/-]+\.md)$", (ROOT / "mkdocs.yml").read_text("utf-8"), re.MULTILINE)
    assert {f"docs/{name}" for name in listed if "/" not in name} == {page.name for page in PAGES}


def test_api_page_has_every_public_name() -> None:
    """docs/api.md shows the docstring of every public name, once."""
    shown = re.findall(r"^::: rds_tls\.(\w+)$", (ROOT / "docs" / "api.md").read_text("utf-8"), re.MULTILINE)
    assert sorted(shown) == sorted(rds_tls.__all__)


def test_settings_page_has_every_setting() -> None:
    """The table of docs/settings.md is what the code has: fields, variables and defaults."""
    rows = re.findall(
        r"^\| `(\w+)` \| `(RDS_TLS_\w+)` \| ([^|]*?) \|", (ROOT / "docs/settings.md").read_text("utf-8"), re.MULTILINE
    )
    assert [(field, variable) for field, variable, _ in rows] == [
        (name, rule.variable) for name, rule in settings._RULES.items()
    ]
    defaults = rds_tls.Settings._field_defaults
    assert {field: said(default) for field, _, default in rows} == {
        name: "10" if name == "total_timeout" else plainly(value) for name, value in defaults.items()
    }


def said(default: str) -> str:
    """Give the value of a table's cell: what stands in front of a remark."""
    return re.split(r"[;,:(]", default.replace("`", ""))[0].strip()


def plainly(value: object) -> str:
    """Write a default as the table does."""
    if isinstance(value, float):
        return f"{value:g}"
    return {"None": "none", "False": "no"}.get(str(value), str(value))
