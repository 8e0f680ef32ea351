"""The pages by task say what the code does: options, causes, commands and the keys of JSON."""

import inspect
import json
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

import rds_tls
from rds_tls import cli
from rds_tls.diagnosis.causes import CAUSES
from rds_tls.sqlalchemy.arguments import _KINDS, PREFIX
from rds_tls.sqlalchemy.plugin import _READ
from tests.support import ROOT

PAGES = {
    name: (ROOT / "docs" / f"{name}.md").read_text()
    for name in ("sqlalchemy", "iam", "tunnels-and-aliases", "command-line", "migrating")
}
each_page = pytest.mark.parametrize("text", PAGES.values(), ids=PAGES)

HOST = "shop.cluster-abc123def456.eu-west-1.rds.amazonaws.com"

# Within so many lines a page shows what to run.
OPENING = 15


def rows(page: str, heading: str) -> list[list[str]]:
    """Give the cells of the table below a heading, without its head."""
    section = PAGES[page].partition(f"## {heading}\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def keys(value: Any) -> Any:  # noqa: ANN401 - what JSON can hold
    """Give the keys of JSON, nested as they are; of a list those of its first value."""
    if isinstance(value, dict):
        return {name: keys(each) for name, each in value.items()}
    return [keys(each) for each in value[:1]] if isinstance(value, list) else None


def shown(words: str) -> Any:  # noqa: ANN401 - as above
    """Give the JSON that the page shows below a line with certain words."""
    return json.loads(PAGES["command-line"].partition(words)[2].partition("```json\n")[2].partition("```")[0])


@each_page
def test_page_opens_with_what_runs_and_ends_with_what_fails(text: str) -> None:
    """A reader with a task finds both without scrolling for them."""
    assert "```" in "\n".join(text.splitlines()[:OPENING])
    assert re.findall("^## .*", text, re.MULTILINE)[-1] == "## When it fails"


@each_page
def test_causes_are_known(text: str) -> None:
    """Each id that a page links is in the table of causes."""
    linked = set(re.findall(r"troubleshooting\.md#([\w-]+)", text))
    assert linked
    assert linked <= set(CAUSES)


@each_page
def test_links_lead_somewhere(text: str) -> None:
    """To a heading of a page that is there; the page of causes is written beside these."""
    for name, anchor in re.findall(r"\]\(([\w./-]*?\.md)?(?:#([\w-]+))?\)", text):
        if name == "troubleshooting.md":
            continue
        target = (ROOT / "docs" / name).resolve().read_text() if name else text
        headings = re.findall(r"^#+ (.*)", target, re.MULTILINE)
        slugs = {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}
        assert not anchor or anchor in slugs, (name, anchor)


@each_page
def test_commands_exist(text: str) -> None:
    """Each word after `rds-tls` in code is a command."""
    code = re.findall(r"(?:^|[`(\"])rds-tls ([a-z]+)", text, re.MULTILINE)
    assert set(code) <= set(cli._COMMANDS)


def test_every_command_is_described() -> None:
    """The table names each, in code that can be copied."""
    named = {re.findall("rds-tls ([a-z]+)", cells[0])[0] for cells in rows("command-line", "The command rds-tls")}
    assert named == set(cli._COMMANDS)


def test_options_of_sqlalchemy_are_those_of_the_code() -> None:
    """The arguments of secure() in its order, and the URL's spelling of those that have one."""
    table = [[cell.strip("`") for cell in cells[:2]] for cells in rows("sqlalchemy", "Options")]
    named = [name for name, parameter in inspect.signature(rds_tls.sqlalchemy.secure).parameters.items()]
    assert [name for name, _ in table] == named[1:]
    assert {in_url.partition("=")[0] for _, in_url in table if in_url} == {f"{PREFIX}{name}" for name in _READ}


def test_dialects_of_sqlalchemy_are_those_of_the_code() -> None:
    """Each with the driver's name elsewhere."""
    table = {(cells[0].strip("`").partition("+")[2], cells[2].strip("`")) for cells in rows("sqlalchemy", "Dialects")}
    assert table == {(name.removesuffix("_async"), kind.driver) for name, kind in _KINDS.items()}


@pytest.mark.parametrize(
    "arguments",
    [["endpoint", "--json", HOST], ["inspect", "--json", "eu-west-1"], ["bundle", "eu-west-1", "--json", "-o", "FILE"]],
    ids=lambda arguments: arguments[0],
)
def test_json_has_the_keys_that_are_shown(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the page shows is what is printed."""
    assert cli.main([word.replace("FILE", str(tmp_path / "roots.p12")) for word in arguments]) == 0
    printed = json.loads(capsys.readouterr().out)
    words = "endpoint --json" if arguments[0] == "endpoint" else " ".join(["rds-tls", *arguments[:3]]).replace(HOST, "")
    assert keys(shown(words)) == keys(printed)


def test_json_of_reports_has_the_keys_that_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """Doctor's as it is printed of a name that is none, and probe's as the report has it."""
    assert cli.main(["doctor", "--json", "--timeout", "0.1", "localhost:1"]) == 1
    assert keys(shown("`rds-tls doctor --json HOST`;")) == keys(json.loads(capsys.readouterr().out))
    assert list(shown("`rds-tls probe --json HOST`;")) == list(rds_tls.ProbeReport(HOST, "mysql", "", ()).to_dict())


def test_ca_prints_a_path(capsys: pytest.CaptureFixture[str]) -> None:
    """And nothing else, so that it can stand in $(...)."""
    assert cli.main(["ca", "eu-west-1"]) == 0
    assert Path(capsys.readouterr().out.removesuffix("\n")).is_file()


def test_shown_commands_end_as_said() -> None:
    """Code blocks are closed: what follows one that is not would be shown as code."""
    for text in PAGES.values():
        fences = re.findall(r"^ *```(\w*)$", text, re.MULTILINE)
        assert len(fences) % 2 == 0
        assert all(not closing for _, closing in list(pairwise(fences))[::2])
