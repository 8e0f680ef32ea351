"""The trust anchors of one endpoint: a file that a driver may open at any moment, and where it came from."""

import time
from enum import StrEnum
from typing import NamedTuple

from rds_tls.endpoint import RootSet, Trust
from rds_tls.settings import Settings

# A clock that was set back by more than this, in seconds, makes anchors of the future stale.
_CLOCK_TOLERANCE = 60.0


class Source(StrEnum):
    """Where trust anchors came from."""

    CA_FILE = "CA file"
    CACHE = "cache"
    PREFETCHED = "prefetched directory"
    SNAPSHOT = "snapshot"


def is_young(as_of: float, settings: Settings) -> bool:
    """Say whether what was fetched at some moment (POSIX seconds) is younger than ``Settings.max_age``."""
    return -_CLOCK_TOLERANCE <= time.time() - as_of < settings.max_age


# A NamedTuple compiles annotations that are text, and the compiler takes 1 ms to begin with. So where a first context
# makes one, the module does without "from __future__ import annotations".
class Anchors(NamedTuple):
    """The trust anchors of one endpoint (RFC 5280), as a file.

    Attributes:
        path: a stable path to a PEM file that holds exactly these trust anchors.
        digest: SHA-256, in hex, that changes when the content does.
        source: where the anchors came from.
        roots: which roots were asked for.
        settings: the choices under which they were found.
        as_of: when they were fetched (POSIX seconds, UTC); None for a caller's own file.
        content: the PEM that was judged, for whoever can take it in place of the path, whose file may have been
            replaced since; None for the snapshot and a caller's own file, which are taken as they are.
    """

    path: str
    digest: str
    source: Source
    roots: RootSet
    settings: Settings
    as_of: float | None = None
    content: bytes | None = None

    def __repr__(self) -> str:
        return f"<Anchors: {self}>"

    def __str__(self) -> str:
        dated = "" if self.as_of is None else time.strftime(" of %Y-%m-%d", time.gmtime(self.as_of))
        whose = "roots" if self.source is Source.CA_FILE else self.roots
        return f"{whose} from the {self.source.value}{dated} ({self.path})"

    @property
    def identity(self) -> tuple[str, str]:
        """What is trusted, whoever asks and however it was found: the path and the digest of what is there."""
        return self.path, self.digest

    def pem(self) -> bytes:
        """Give the PEM: what was judged, where that is at hand, else what the file holds now.

        Raises:
            OSError: the file cannot be read.
        """
        if self.content is not None:
            return self.content
        with open(self.path, "rb") as file:
            return file.read()

    @property
    def is_fresh(self) -> bool:
        """Whether the anchors are younger than ``Settings.max_age``."""
        return self.as_of is None or is_young(self.as_of, self.settings)

    @property
    def may_be_renewed(self) -> bool:
        """Whether newer anchors may be looked for on the network."""
        return not (self.settings.offline or self.source is Source.CA_FILE or self.roots.trust is Trust.AMAZON)
