"""Everything that an error shows, or that somebody who has it can find: where tests look for a canary."""

import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest

import rds_tls

PACKAGE = Path(rds_tls.__file__).parent
CANARY = "c4n4ry-p4ssw0rd"


def links(error: BaseException | None) -> Iterator[BaseException]:
    """Give an error and all that hang below it, whether a traceback would print them or not."""
    waiting, seen = [error], set[int]()
    for link in waiting:
        if link is not None and id(link) not in seen:
            seen.add(id(link))
            waiting += [link.__cause__, link.__context__]
            yield link


def texts(error: BaseException) -> Iterator[str]:
    """Give everything that an error and those below it show."""
    yield from traceback.format_exception(error)
    for link in links(error):
        yield from (str(link), repr(link), repr(link.args), repr(vars(link)), *getattr(link, "__notes__", []))


def locals_of_ours(error: BaseException) -> dict[str, str]:
    """Give the locals of this package's frames in an error and those below it, as a crash reporter shows them."""
    stacks = [
        traceback.StackSummary.extract(traceback.walk_tb(link.__traceback__), capture_locals=True)
        for link in links(error)
    ]
    found: dict[str, str] = {}
    for frame in (frame for stack in stacks for frame in stack if Path(frame.filename).is_relative_to(PACKAGE)):
        for name, text in (frame.locals or {}).items():
            # Functions of one name, such as connect, each add theirs.
            found[f"{frame.name}.{name}"] = found.get(f"{frame.name}.{name}", "") + text
    return found


def assert_clean(caught: BaseException, logs: pytest.LogCaptureFixture, canary: str = CANARY) -> None:
    """No text of the error, and no line of any log at DEBUG, holds the canary."""
    assert [text for text in texts(caught) if canary in text] == []
    assert canary not in logs.text
