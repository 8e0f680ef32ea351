"""Each program in examples/ does what it says, and is refused by a server that has another name."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from tests.conftest import Pki
from tests.examples.table import EXAMPLES, FOLDER, HOSTS, Example
from tests.support import ROOT, in_c
from tests.support.django_site import HOST, OTHER
from tests.support.local_rds.kinds import Server
from tests.support.matrix import on_each_server

# Longer than anything takes: it turns a process that waits for ever into a failure.
SAFETY_SECONDS = 60

# What has programs of its own, and tests elsewhere.
OTHERS = {"demo.py", "__init__.py", "README.md", "lambda"}

Run = Callable[..., "subprocess.Popen[str]"]

every_example = on_each_server("example", EXAMPLES, lambda example: example.servers)


@pytest.fixture
def start(
    request: pytest.FixtureRequest, example: Example, server: Server, pki: Pki, environ: dict[str, str]
) -> Iterator[Run]:
    """Give what starts an example's process, which is ended in the end."""
    if reason := in_c.missing(example.needs or "rds_tls"):
        pytest.skip(reason)
    if example.fixture:
        request.getfixturevalue(example.fixture)
    told = {
        "at": f"{HOST}:{server.port}",
        "port": str(server.port),
        "user": server.user,
        "password": server.password,
        "database": server.database,
        "file": example.path.name,
    }
    variables = {"DB_HOST": "{at}", "DB_USER": "{user}", "DB_PASSWORD": "{password}", "DB_NAME": "{database}"}
    variables |= example.environ
    own = {name: value.format(**told) for name, value in variables.items()}
    resolving = os.pathsep.join((str(Path(__file__).with_name("resolving")), str(ROOT)))
    whole = os.environ | environ | in_c.environment(*HOSTS) | own
    whole |= {
        "PYTHONPATH": resolving,
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "RDS_TLS_CA_BUNDLE": str(pki.settings.ca_file),
    }
    started: list[subprocess.Popen[str]] = []

    def run(arguments: tuple[str, ...], stderr: int = subprocess.PIPE) -> "subprocess.Popen[str]":
        command = [sys.executable, *(each.format(**told) for each in arguments)]
        folder = example.path.parent
        process = subprocess.Popen(command, cwd=folder, env=whole, stdout=subprocess.PIPE, stderr=stderr, text=True)
        started.append(process)
        return process

    yield run
    for process in started:
        process.terminate()
        process.communicate(timeout=SAFETY_SECONDS)


def runs_of(example: Example) -> tuple[tuple[str, ...], ...]:
    """Give the arguments of each run of Python's."""
    return example.runs or (("{file}",),)


def lines_of(process: "subprocess.Popen[str]") -> Iterator[str]:
    """Give what a process prints, line by line; the pipe stays open, as a server ends where it cannot write its log."""
    assert process.stdout is not None  # it is a pipe
    return iter(process.stdout)


def page_of(process: "subprocess.Popen[str]", before: str) -> str:
    """Wait until a process says where it serves, and give that address."""
    printed = []
    for line in lines_of(process):
        printed.append(line)
        if found := re.search(rf"{before}(http://[0-9.:]+)", line):
            return found[1]
    raise AssertionError("".join(printed))


@every_example
def test_example_does_what_it_says(example: Example, server: Server, pki: Pki, start: Run) -> None:
    """Over a verified connection it prints, or serves, what is promised, and complains of nothing."""
    server.present(pki.authority.issue(example.names))
    if example.address:
        (only,) = runs_of(example)
        address = page_of(start(only, subprocess.STDOUT), example.address)
        with urlopen(address, timeout=SAFETY_SECONDS) as answer:  # noqa: S310 - loopback
            output = answer.read().decode().strip()
    else:
        for arguments in runs_of(example):
            process = start(arguments)
            output, errors = process.communicate(timeout=SAFETY_SECONDS)
            assert process.returncode == 0, errors
            assert "rds_tls" not in errors
    assert re.search(example.output, output), output
    if example.cleans_up:
        assert start(example.cleans_up).wait(SAFETY_SECONDS) == 0


@every_example
def test_example_is_refused_by_another_name(example: Example, server: Server, pki: Pki, start: Run) -> None:
    """From a server that has another name it gets nothing, says why, and tells nobody the password."""
    server.present(pki.authority.issue([OTHER]))
    process = start(runs_of(example)[0], subprocess.STDOUT)
    lines = lines_of(process)
    printed = []
    if example.address or example.tries_on:  # which do not end, or not soon
        for line in lines:
            printed.append(line)
            if found := re.search(rf"{example.address}(http://[0-9.:]+)", line) if example.address else None:
                with pytest.raises(HTTPError, match="500") as answer:
                    urlopen(found[1], timeout=SAFETY_SECONDS)  # noqa: S310 - loopback
                answer.value.close()
            if "[other-name]" in line:
                break
        process.terminate()
    printed += lines
    output = "".join(printed)
    assert process.wait(SAFETY_SECONDS) != 0
    assert "the server's certificate is not for" in output
    assert "[other-name]" in output
    assert server.password not in output
    assert not re.search(example.output, output)


@on_each_server(
    "example",
    {"certificate_expiry_check": EXAMPLES["certificate_expiry_check"]},
    lambda example: example.servers,
)
def test_certificates_that_end_soon_fail_the_check(example: Example, server: Server, pki: Pki, start: Run) -> None:
    """A year's certificate is too short for two years, and a host that nobody answers for is named beside it."""
    server.present(pki.authority.issue(example.names))
    process = start((*runs_of(example)[0][:1], "--days", "730", "{at}", "db.example"))
    output, _ = process.communicate(timeout=SAFETY_SECONDS)
    assert process.returncode == 1
    assert re.fullmatch(rf"FAIL  {HOST}:\d+  36\d days left\nFAIL  db\.example  .+\n", output), output


def test_nothing_in_examples_goes_unrun() -> None:
    """Every file and folder in examples/ is run by the test above, or by tests of its own."""
    found = {each.name for each in FOLDER.iterdir() if each.name != "__pycache__"}
    assert found - OTHERS == {each.path.relative_to(FOLDER).parts[0] for each in EXAMPLES.values()}


def test_readme_lists_every_example() -> None:
    """Each has its line, and none is listed that is not there."""
    listed = re.findall(r"^\| \[[^]]+\]\(([^)/]+)", (FOLDER / "README.md").read_text("utf-8"), re.MULTILINE)
    found = {each.name for each in FOLDER.iterdir() if each.name not in {"README.md", "__init__.py", "__pycache__"}}
    assert set(listed) == found


def test_notebook_is_one_without_outputs() -> None:
    """What is stored is a notebook of format 4 whose cells nobody has run, so that it shows nobody's data."""
    notebook = json.loads((FOLDER / "notebook.ipynb").read_text("utf-8"))
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    assert [(cell["outputs"], cell["execution_count"]) for cell in cells] == [([], None)] * len(cells)
    assert len({cell["id"] for cell in notebook["cells"]}) == len(notebook["cells"])  # which 4.5 asks for
