"""One entry of the cache, and the file that it is in.

An entry is one file, ``<name>.pem``, that libpq and OpenSSL may open at any moment::

    # rds_tls cache 1
    # sha256: <of everything after this line>
    # url: https://...
    # etag: "..."
    # last-modified: ...
    # fetched-at: <POSIX seconds>
    -----BEGIN CERTIFICATE-----

Both skip text outside the PEM blocks. So the facts about the content cannot be torn from it, and one check covers both.
The check finds accidents; that nobody else can write the files is what makes them trustworthy.
"""

from typing import NamedTuple  # without annotations as text, as in anchors

from rds_tls.roots.cache.fault import FaultError, OtherVersionError
from rds_tls.roots.origin import Origin, Validators
from rds_tls.roots.pem import MAX_BYTES

# No patterns here: compiling them took longer than all the rest of reading an entry.
_VERSION = b"# rds_tls cache "
_THIS_VERSION = _VERSION + b"1"
BEGINNING = len(_VERSION)
_FACTS = (b"# url: ", b"# etag: ", b"# last-modified: ", b"# fetched-at: ")

# Larger than any download may be (1 MiB) with its header: what is larger was not published here.
MAX_FILE_BYTES = MAX_BYTES + 65_536

_MAX_VALUE = 200

# POSIX seconds, with three digits behind the point.
_MAX_SECONDS_DIGITS = 12
_FRACTION_DIGITS = 3

_NAME_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-")


class Entry(NamedTuple):
    """What the cache holds under a name.

    Attributes:
        path: the PEM file, at a path that stays the same; replaced whole, and removed where a user clears
            the cache.
        content: the PEM as it was published.
        origin: where it came from and when, to the millisecond; a validator that does not fit on a line is left out.
        digest: SHA-256 of the content, in hex.
    """

    path: str
    content: bytes
    origin: Origin
    digest: str


def render(content: bytes, origin: Origin) -> bytes:
    """Write an entry's file. A validator that does not fit on a line is left out, which costs a download later."""
    url, (etag, last_modified), fetched_at = origin
    facts = (
        f"# url: {url}\n# etag: {_fitting(etag)}\n"
        f"# last-modified: {_fitting(last_modified)}\n# fetched-at: {fetched_at:.3f}\n"
    )
    checked = facts.encode("utf-8", "backslashreplace") + content
    return _THIS_VERSION + f"\n# sha256: {_sha256(checked)}\n".encode() + checked


def is_entry(data: bytes) -> bool:
    """Tell whether a file that begins so was made here, by whatever version of this package."""
    return data.startswith(_VERSION)


def parse(path: str, data: bytes) -> Entry:
    """Take the bytes of a file apart, or say what is wrong with them."""
    version, _, rest = data.partition(b"\n")
    if version != _THIS_VERSION and version.startswith(_VERSION) and version.removeprefix(_VERSION).isdigit():
        raise OtherVersionError(path, "another version of rds_tls wrote it")
    sha256, _, checked = rest.partition(b"\n")
    if version != _THIS_VERSION or sha256 != f"# sha256: {_sha256(checked)}".encode():
        raise FaultError(path, "it is torn or was edited")
    *lines, content = checked.split(b"\n", len(_FACTS))
    origin = _origin(lines)
    if origin is None or len(data) > MAX_FILE_BYTES:
        raise FaultError(path, "it does not follow the format")
    return Entry(path, content, origin, _sha256(content))


def _origin(lines: list[bytes]) -> Origin | None:
    """Read where an entry came from; None where the lines are not exactly what ``render`` writes."""
    if len(lines) != len(_FACTS) or not all(map(bytes.startswith, lines, _FACTS)):
        return None
    values = [line.removeprefix(fact).decode("ascii", "replace") for line, fact in zip(lines, _FACTS, strict=True)]
    url, etag, last_modified, fetched_at = values
    if not (url and all(map(_is_value, values)) and _is_time(fetched_at)):
        return None
    return Origin(url, Validators(etag or None, last_modified or None), float(fetched_at))


def _is_value(text: str) -> bool:
    """Tell whether a text is printable ASCII that fits on a line, or empty.

    An ETag is whatever the server likes, so it must not become a certificate: OpenSSL reads PEM in pieces of 254 bytes
    and takes each for a line of its own (LINESIZE in crypto/pem/pem_lib.c), and GnuTLS looks for the dashes anywhere.
    Hence no long values, and no "-----" in them.
    """
    is_plain = text.isascii() and text.isprintable() and text == text.strip()
    return is_plain and len(text) <= _MAX_VALUE and "-----" not in text


def _is_time(text: str) -> bool:
    seconds, _, fraction = text.partition(".")
    digits = seconds.isdecimal() and fraction.isdecimal()
    return digits and len(seconds) <= _MAX_SECONDS_DIGITS and len(fraction) == _FRACTION_DIGITS


def _fitting(value: str | None) -> str:
    return value if value is not None and _is_value(value) else ""


def _sha256(data: bytes) -> str:
    import hashlib  # loads OpenSSL's, for which a cache without an entry need not wait

    return hashlib.sha256(data).hexdigest()


def is_name(name: str) -> bool:
    """Tell whether an entry may have this name, which becomes a file's."""
    return name != "" and not name.startswith("-") and _NAME_CHARACTERS.issuperset(name)
