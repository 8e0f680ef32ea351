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

import re
from typing import NamedTuple  # without annotations as text, as in anchors

from rds_tls.roots.cache.fault import FaultError, OtherVersionError
from rds_tls.roots.origin import Origin, Validators
from rds_tls.roots.pem import MAX_BYTES

_VERSION_LINE = b"# rds_tls cache 1\n"

# Larger than any download may be (1 MiB) with its header: what is larger was not published here.
MAX_FILE_BYTES = MAX_BYTES + 65_536

_NAME = re.compile(r"[a-z0-9][a-z0-9-]*")

# A value is printable ASCII on one line. An ETag is whatever the server likes, so it must not become a certificate:
# OpenSSL reads PEM in pieces of 254 bytes and takes each for a line of its own (LINESIZE in crypto/pem/pem_lib.c),
# and GnuTLS looks for the dashes anywhere. Hence no long values, and no "-----" in them.
_VALUE = r"(?!.*-----)[!-~](?:[ -~]{0,198}[!-~])?"

_VERSION = re.compile(rb"# rds_tls cache [0-9]+\n")
_SHA256 = re.compile(rb"# sha256: ([0-9a-f]{64})\n")
_FACTS = re.compile(
    (
        rf"# url: (?P<url>{_VALUE})\n"
        rf"# etag: (?P<etag>(?:{_VALUE})?)\n"
        rf"# last-modified: (?P<last_modified>(?:{_VALUE})?)\n"
        r"# fetched-at: (?P<fetched_at>[0-9]{1,12}\.[0-9]{3})\n"
    ).encode()
)


class Entry(NamedTuple):
    """What the cache holds under a name.

    Attributes:
        path: the PEM file, at a path that stays the same; replaced whole, never removed.
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
    return _VERSION_LINE + f"# sha256: {_sha256(checked)}\n".encode() + checked


def parse(path: str, data: bytes) -> Entry:
    """Take the bytes of a file apart, or say what is wrong with them."""
    version = _VERSION.match(data)
    if version and version[0] != _VERSION_LINE:
        raise OtherVersionError(path, "another version of rds_tls wrote it")
    sha256 = version and _SHA256.match(data, version.end())
    if not sha256 or sha256[1].decode() != _sha256(data[sha256.end() :]):
        raise FaultError(path, "it is torn or was edited")
    facts = _FACTS.match(data, sha256.end())
    if not facts or len(data) > MAX_FILE_BYTES:
        raise FaultError(path, "it does not follow the format")
    content = data[facts.end() :]
    url, etag, last_modified, fetched_at = (value.decode() for value in facts.groups())
    origin = Origin(url, Validators(etag or None, last_modified or None), float(fetched_at))
    return Entry(path, content, origin, _sha256(content))


def _fitting(value: str | None) -> str:
    return value if value is not None and re.fullmatch(_VALUE, value) else ""


def _sha256(data: bytes) -> str:
    import hashlib  # loads OpenSSL's, for which a cache without an entry need not wait

    return hashlib.sha256(data).hexdigest()


def is_name(name: str) -> bool:
    """Tell whether an entry may have this name, which becomes a file's."""
    return _NAME.fullmatch(name) is not None
