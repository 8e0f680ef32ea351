"""docs/troubleshooting.md: its texts are what drivers say, and its words those of the table of causes."""

import argparse
import os
import re
import shlex
from collections.abc import Iterator
from importlib import import_module

import pytest

from rds_tls.diagnosis.causes import CAUSES, LOGIN_REFUSED
from rds_tls.diagnosis.of_certificates import ISSUERS
from tests.conftest import Pki, Servers
from tests.diagnosis.failures import CASES, Failure, World, collect
from tests.diagnosis.troubleshooting import ELSEWHERE, Group, Text, groups, index, normal, texts, words
from tests.hostile.stage import INJECTED
from tests.support import ROOT
from tests.support.local_rds import KeyType, PostgresServer
from tests.support.rows import ROWS

DOCUMENT = ROOT / "docs" / "troubleshooting.md"
# Read before any test runs: the tests themselves see no RDS_TLS_ variables of this machine's.
WRITE = "RDS_TLS_WRITE_DOCS" in os.environ

BEGIN = "<!-- The texts are written by tests/diagnosis/test_troubleshooting.py -->\n"
END = "<!-- The texts end -->\n"
# In each cause's section, between these: the words of the table of causes.
SECTION = re.compile(r"(?ms)^## (?P<id>[a-z-]+)\n\n(?:<!-- From the table -->\n.*?<!-- By hand -->\n)?")

_failures: list[Failure] = []


@pytest.fixture
def failures(
    postgres: PostgresServer, servers: Servers, pkis: dict[KeyType, Pki], tmp_path_factory: pytest.TempPathFactory
) -> list[Failure]:
    """What every driver says of every cause; brought about once."""
    if not _failures:
        world = World(postgres, servers, pkis[KeyType.ECC384], tmp_path_factory.mktemp("world"))
        _failures.extend(collect(world))
    return _failures


def page() -> str:
    """Read the page."""
    return DOCUMENT.read_text("utf-8")


def headings() -> list[str]:
    """List the texts on the page."""
    return re.findall(r"^### `(.*)`$", page(), re.MULTILINE)


def sections() -> list[str]:
    """List the causes that have a section."""
    return [name for name in re.findall(r"^## (.*)$", page(), re.MULTILINE) if re.fullmatch("[a-z-]+", name)]


def written(found: list[Group]) -> str:
    """Give the page as it has to be."""
    before, _, rest = page().partition(BEGIN)
    _, _, after = rest.partition(END)

    def section(match: re.Match[str]) -> str:
        cause = match["id"]
        return f"## {cause}\n\n<!-- From the table -->\n{words(cause, found)}<!-- By hand -->\n"

    return f"{before}{BEGIN}\n{index(found)}\n{END}{SECTION.sub(section, after)}"


def told(failure: Failure) -> tuple[str | None, ...]:
    """Give the ids in note, log, explain and diagnose."""
    return failure.noted, failure.logged, failure.explained, failure.diagnosed


def to_be_told(failure: Failure) -> tuple[str | None, ...]:
    """Give what they have to be: where the driver is alone, or TLS has no part in it, explain alone says something."""
    cause = failure.cause
    if INJECTED.decode() in failure.text:  # an older libpq repeats what the server says, which may be anything
        return None, None, None, cause
    if failure.is_alone or cause == LOGIN_REFUSED:
        return None, None, cause, None
    return cause, cause, cause, cause


def test_every_cause_is_found_everywhere(failures: list[Failure]) -> None:
    """Note, log, explain and diagnose have one id for a failure, whatever the driver; a refused login is no TLS's."""
    wrong = {
        each.name: (told(each), to_be_told(each), each.text) for each in failures if told(each) != to_be_told(each)
    }
    assert wrong == {}


# What a driver's text may lead to where nobody has looked at the server, besides the cause itself and nothing.
OF_CHAINS = {"unknown-root", "unverified"}
VAGUER = {
    **dict.fromkeys((cause.id for cause in ISSUERS), OF_CHAINS),
    "self-signed": {"unverified"},
    "expired": {"unverified"},
    "not-yet-valid": {"unverified"},
    "malformed": {"unverified"},
    "weak-key": {"unverified"},
    "custom-endpoint": {"other-name"},
    "proxy-endpoint": {"other-name"},
    "other-engine": {"no-answer"},
    "old-tls": {"no-common-cipher"},
}


def test_text_alone_misleads_nobody(failures: list[Failure]) -> None:
    """What explain makes of an error without a note is the cause, a wider one, or nothing."""
    wrong = {
        each.name: (each.bare, each.text)
        for each in failures
        if each.bare not in {None, each.cause, *VAGUER.get(each.cause, ())}
    }
    assert wrong == {}


@pytest.mark.skipif(WRITE, reason="the page is being written")
def test_every_text_is_on_the_page(failures: list[Failure]) -> None:
    """Whoever searches for what a driver says finds it; another version's text is to be added."""
    missing = {normal(each): f"{each.name} says {each.text!r}" for each in failures if normal(each) not in headings()}
    assert not missing, (
        "These texts are not on docs/troubleshooting.md. Where another version of a driver or of OpenSSL words "
        "differently what is there, add a row to VARIANTS of tests/diagnosis/troubleshooting.py, and where it says "
        "something else to ELSEWHERE, with the version; else run this file with RDS_TLS_WRITE_DOCS=1:\n"
        + "\n".join(f"{text}\n    ({where})" for text, where in missing.items())
    )


@pytest.mark.skipif(WRITE, reason="the page is being written")
def test_every_heading_is_said_by_a_driver(failures: list[Failure]) -> None:
    """No text stands there that nobody says."""
    if any(row.missing for row in ROWS):
        pytest.skip("not every driver is here: " + ", ".join(row.missing for row in ROWS if row.missing))
    said = {*map(normal, failures), *(each.text for each in ELSEWHERE)}
    assert [text for text in headings() if text not in said] == []
    assert len(headings()) == len(set(headings()))


def on_the_page() -> list[Text]:
    """Read the texts, who says them, and what they may mean."""
    found = []
    for group in page().split('<a id="seen-')[1:]:
        causes = re.findall(r"\(#([a-z-]+)\)", group.partition("**")[2].splitlines()[0])
        for text, drivers in re.findall(r"(?m)^### `(.*)`\n\n(.*)$", group):
            found.append(Text(text, tuple(drivers.split(", ")), tuple(causes)))
    return found


def test_page_is_current(failures: list[Failure]) -> None:
    """Who says a text, and which causes it may have, is what came of the connections."""
    current = texts(failures)
    if WRITE:
        DOCUMENT.write_text(written(groups(current)), encoding="utf-8")
    if any(row.missing for row in ROWS):
        pytest.skip("not every driver is here")
    assert sorted(on_the_page()) == sorted(current), "run it once with RDS_TLS_WRITE_DOCS=1"


def test_words_are_the_tables() -> None:
    """What is written of each cause is what the table of causes says of it."""
    assert page() == written(groups(on_the_page())), "run this file once with RDS_TLS_WRITE_DOCS=1"


def test_every_cause_has_a_section() -> None:
    """An id in a note leads to its section, whose words are the table's, with steps."""
    assert sorted(sections()) == sorted(CAUSES)
    for cause in CAUSES:
        _, _, section = page().partition(f"\n## {cause}\n")
        section = section.partition("\n## ")[0]
        assert words(cause, []).splitlines()[0] in section
        by_hand = section.partition("<!-- By hand -->\n")[2]
        assert "```" in by_hand, f"{cause} has no command"


def anchors(text: str) -> set[str]:
    """List what a page's links may lead to: its headings as GitHub names them, and its anchors."""
    found = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    slugs = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in found}
    return slugs | {*re.findall(r'<a id="([^"]+)">', text)}


def test_links_lead_somewhere() -> None:
    """Each link has its heading, here or on another page of this repository."""
    links = re.findall(r"\]\(([^)\s#]*)#?([^)\s]*)\)", page())
    assert len(links) > len(CAUSES)
    for file, anchor in links:
        target = DOCUMENT.parent / file if file else DOCUMENT
        assert target.is_file(), file
        assert not anchor or anchor in anchors(target.read_text("utf-8")), f"{file}#{anchor}"


def commands() -> Iterator[list[str]]:
    """Give the arguments of each rds-tls in a block of the page."""
    for block in re.findall(r"(?ms)^ *```\n(.*?)^ *```$", page()):
        for line in block.splitlines():
            if line.strip().startswith("rds-tls "):
                yield shlex.split(line, comments=True)[1:]


def test_commands_exist() -> None:
    """Each command on the page takes the arguments that stand there."""
    assert list(commands())
    for name, *arguments in commands():
        parser = argparse.ArgumentParser()
        import_module(f"rds_tls.cli.{name}").add_arguments(parser)
        parser.parse_args(arguments)


def test_cases_are_in_the_table() -> None:
    """A case brings about a cause that there is, and so does each text from elsewhere."""
    assert {case.cause for case in CASES} | {each.cause for each in ELSEWHERE} <= {*CAUSES}
    assert all(each.seen and each.drivers for each in ELSEWHERE)
