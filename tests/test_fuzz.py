"""What tools/fuzz.py looks for, in the seeds and in a short run of mutated ones.

A long run is ``python -m tools.fuzz TARGET``; what it finds is a file among the seeds, and so a test here.
"""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rds_tls import endpoint
from rds_tls.endpoint import grammar, hosttext
from rds_tls.roots import bundle, snapshot
from rds_tls.roots.cache import entry
from tools.fuzz import SEEDS, TARGETS

INPUTS = {target: [path.read_bytes() for path in sorted((SEEDS / target).iterdir())] for target in TARGETS}
EVERY_SEED = [(target, path) for target in TARGETS for path in sorted((SEEDS / target).iterdir())]

# What a search with a loop in a loop takes hours for: a MiB of what the formats use to begin, end and part things.
LONGEST = 1_048_576
SEPARATORS = (
    b" ",
    b"\n",
    b".",
    b":",
    b"@",
    b"/",
    b"://",
    b"\t",
    b"\x30\x80",
    b"# a: b\n",
    b"-----BEGIN CERTIFICATE-----\n",
)

# Each guard of a parser, what it is without it, and the target whose seeds show the difference.
GUARDS: dict[str, tuple[str, object, str, object]] = {
    "what an error shows": ("endpoint", hosttext, "_SHOWABLE", r"(?s).*"),
    "ASCII alone": ("endpoint", hosttext, "_text", str.strip),
    "letters of host names": ("endpoint", grammar, "_is_label", bool),
    "Amazon's roots for Amazon's kinds": ("endpoint", grammar, "_AMAZON_KINDS", frozenset()),
    "every rule for a root": ("pem", bundle, "_objection", lambda *_arguments: None),
    "a root is a CA": ("pem", bundle, "_is_ca", lambda _certificate: True),
    "every rule for a root in PKCS#7": ("pkcs7", bundle, "_objection", lambda *_arguments: None),
    "no PEM in a comment": ("pem", bundle, "_comment", lambda root: f"-----BEGIN {root.name}-----\n"),
    "file names without a path": ("manifest", snapshot, "_is_file_name", bool),
    "a time that ends": ("manifest", snapshot, "_MAX_DIGITS", LONGEST),
    "no PEM in a header": ("cache", entry, "_is_value", str.isprintable),
    "a time that is a number": ("cache", entry, "_is_time", bool),
}


@pytest.mark.parametrize(("target", "path"), EVERY_SEED, ids=lambda part: part.name if isinstance(part, Path) else part)
def test_seed_keeps_every_promise(target: str, path: Path) -> None:
    """A seed, or what a long run once found, breaks no promise."""
    TARGETS[target](path.read_bytes())


@pytest.mark.parametrize("target", TARGETS)
def test_seeds_are_accepted_and_refused(target: str) -> None:
    """The seeds of each parser lead to both of its ends, so the promises about both are put to the test."""
    assert {TARGETS[target](data) for data in INPUTS[target]} == {True, False}


@st.composite
def mutations(draw: st.DrawFn, target: str) -> bytes:
    """A seed with some stretches replaced by other bytes, or by a stretch of another seed."""
    data, other = draw(st.sampled_from(INPUTS[target])), draw(st.sampled_from(INPUTS[target]))
    for _ in range(draw(st.integers(1, 3))):
        start, source = draw(st.integers(0, len(data))), draw(st.integers(0, len(other)))
        put = draw(st.one_of(st.binary(max_size=4), st.just(other[source : source + draw(st.integers(1, 80))])))
        data = data[:start] + put + data[start + draw(st.integers(0, 8)) :]
    return data


@pytest.mark.parametrize("target", TARGETS)
def test_mutated_seeds_keep_every_promise(target: str) -> None:
    """Neither a damaged seed nor any other bytes break a promise."""

    @given(st.one_of(mutations(target), st.binary(max_size=200)))
    @settings(derandomize=True, database=None, deadline=None, max_examples=600)
    def run(data: bytes) -> None:
        TARGETS[target](data)

    run()


@pytest.mark.parametrize("separator", SEPARATORS)
@pytest.mark.parametrize("target", TARGETS)
def test_long_input_is_read_once(target: str, separator: bytes) -> None:
    """The longest file that is read at all, filled with what parts a format, is refused without going over it again."""
    assert not TARGETS[target](separator * (LONGEST // len(separator)))


@pytest.mark.parametrize(("target", "place", "name", "without"), GUARDS.values(), ids=GUARDS)
def test_missing_guard_is_noticed(
    target: str, place: object, name: str, without: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a guard of the parser taken away, some seed breaks a promise: the seeds reach it and the check sees it."""
    monkeypatch.setattr(place, name, without)
    monkeypatch.setattr(endpoint, "parse_name", grammar.parse_name.__wrapped__)  # nothing wrong is remembered
    assert any(breaks_a_promise(TARGETS[target], data) for data in INPUTS[target])


def breaks_a_promise(check: Callable[[bytes], bool], data: bytes) -> bool:
    """Tell whether a check fails, or lets an exception out that no parser may raise."""
    try:
        check(data)
    except Exception:  # noqa: BLE001 - any at all is a broken promise
        return True
    return False
