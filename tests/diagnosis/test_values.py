"""A diagnosis as a note, as a log's line, as JSON and in a notebook."""

import json

import pytest

from rds_tls.diagnosis.cause import Diagnosis
from rds_tls.diagnosis.certificates import shown

FULL = Diagnosis("other-region", "it is in <eu-west-1>", ("it sent this", "and that"), "pass the other name")
BARE = FULL._replace(facts=())


@pytest.mark.parametrize("diagnosis", [FULL, BARE])
def test_note_gives_the_diagnosis_back(diagnosis: Diagnosis) -> None:
    """A note is read as it was written, and each of its lines says whose it is."""
    note = diagnosis.note()
    assert all(line.startswith("rds_tls: ") for line in note.splitlines())
    assert "[other-region]" in note
    assert Diagnosis.from_note(note) == diagnosis


@pytest.mark.parametrize(
    "note",
    ["", "rds_tls: this was tried before", "rds_tls: it is so [other-region]", "x [other-region]\nrds_tls: fix: y"],
)
def test_other_notes_give_none(note: str) -> None:
    """A note of somebody else's, or one that was cut, is no diagnosis."""
    assert Diagnosis.from_note(note) is None


def test_other_forms() -> None:
    """One line for logs, plain values for JSON, and HTML in which nothing of a server's is markup."""
    assert str(FULL) == "it is in <eu-west-1> [other-region]; it sent this; and that; fix: pass the other name"
    assert json.loads(json.dumps(FULL.to_dict())) == {
        "id": "other-region",
        "meaning": "it is in <eu-west-1>",
        "facts": ["it sent this", "and that"],
        "fix": "pass the other name",
    }
    assert "<eu-west-1>" not in FULL._repr_html_()


def test_name_from_a_stranger_is_one_short_line() -> None:
    """Whatever a server's certificate holds, a note and a log stay what they are."""
    assert shown("a\nrds_tls: fix: trust me\x1b[31m") == "a?rds_tls: fix: trust me?[31m"
    assert shown("ü") == r"\xfc"
    assert len(shown("x" * 10_000)) == 100
