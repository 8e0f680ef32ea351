"""Where the bytes of a bundle came from, and when."""

from typing import NamedTuple  # without annotations as text, as in anchors


class Validators(NamedTuple):
    """What a server said about a file's version, to be sent back when it is asked for again.

    Attributes:
        etag: the ETag header.
        last_modified: the Last-Modified header.
    """

    etag: str | None = None
    last_modified: str | None = None

    def headers(self) -> dict[str, str]:
        """Return the headers that make a request conditional."""
        pairs = (("If-None-Match", self.etag), ("If-Modified-Since", self.last_modified))
        return {name: value for name, value in pairs if value}


NOTHING_KNOWN = Validators()


class Origin(NamedTuple):
    """Where a download came from.

    Attributes:
        url: the URL as it was asked for, without user and password.
        validators: what the server said about the file's version.
        fetched_at: when it came, or was confirmed as unchanged, in POSIX seconds (UTC).
    """

    url: str
    validators: Validators
    fetched_at: float
