"""The two values of a diagnosis: a cause as the table has it, and what it means for one failure."""

from __future__ import annotations

import html
import re
from typing import Any, NamedTuple, Self

_MARK = "rds_tls: "
_FIX = f"{_MARK}fix: "

# The first line of a note: what it means, and the cause's id.
_FIRST_LINE = re.compile(rf"{_MARK}(?P<meaning>.+) \[(?P<id>[a-z]+(?:-[a-z]+)*)\]")


class Cause(NamedTuple):
    """A row of the table of causes.

    Attributes:
        id: what runbooks and tests call it; it stays, whatever the words become.
        meaning: what the server, the network or the client did: a template over ``host``, ``anchors``, and what its
            evidence brings.
        fix: what to do about it; a template over the same.
        evidence: by what it is known.
    """

    id: str
    meaning: str
    fix: str
    evidence: str

    def diagnosis(self, names: dict[str, str], facts: tuple[str, ...] = ()) -> Diagnosis:
        """Fill the templates.

        Args:
            names: what they are about.
            facts: what was seen, a sentence each.
        """
        return Diagnosis(self.id, self.meaning.format(**names), facts, self.fix.format(**names))


class Diagnosis(NamedTuple):
    """Why a connection failed.

    Attributes:
        id: the cause's stable id, such as "other-region".
        meaning: what that means.
        facts: what was seen of the server, a sentence each; none where nobody looked.
        fix: what to do about it.
    """

    id: str
    meaning: str
    facts: tuple[str, ...]
    fix: str

    def __str__(self) -> str:
        return "; ".join((f"{self.meaning} [{self.id}]", *self.facts, f"fix: {self.fix}"))

    def note(self) -> str:
        """Give the lines for ``BaseException.add_note``: the meaning with the id, each fact, the fix."""
        return "\n".join(
            (f"{_MARK}{self.meaning} [{self.id}]", *(_MARK + fact for fact in self.facts), _FIX + self.fix)
        )

    @classmethod
    def from_note(cls, note: str) -> Self | None:
        """Read what ``note`` wrote; None where the note is not one of these."""
        first, *facts = note.splitlines() or [""]
        found = _FIRST_LINE.fullmatch(first)
        if found is None or not facts or not facts[-1].startswith(_FIX):
            return None
        fix = facts.pop().removeprefix(_FIX)
        return cls(found["id"], found["meaning"], tuple(fact.removeprefix(_MARK) for fact in facts), fix)

    def to_dict(self) -> dict[str, Any]:
        """Give the fields by their names, for JSON."""
        return {**self._asdict(), "facts": list(self.facts)}

    def _repr_html_(self) -> str:
        """Show it in a notebook."""
        facts = "".join(f"<li>{html.escape(fact)}</li>" for fact in self.facts)
        return (
            f"<p><b>{html.escape(self.id)}</b>: {html.escape(self.meaning)}</p><ul>{facts}</ul>"
            f"<p><b>fix</b>: {html.escape(self.fix)}</p>"
        )
