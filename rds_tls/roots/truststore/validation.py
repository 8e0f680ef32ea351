"""Whether roots are AWS's, as far as this version can tell: a download's, and an entry's whenever it is read again.

The table of known roots grows with each version, and ``known_roots_only`` may be switched on at any time. So what was
believed when it was stored is judged once more when it is to be used.
"""

from __future__ import annotations

import binascii
from functools import lru_cache
from typing import TYPE_CHECKING

from rds_tls import log
from rds_tls.errors import BundleError
from rds_tls.roots.channel import CHANNELS
from rds_tls.roots.known import RDS_ROOTS
from rds_tls.roots.pem import BEGIN_CERTIFICATE, END_CERTIFICATE

if TYPE_CHECKING:
    from rds_tls.endpoint import RootSet
    from rds_tls.roots.bundle import Bundle, Root

_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=\n"

# AWS has some forty regions; what is larger than this was made up.
_REMEMBERED = 128


def validate(content: bytes, roots: RootSet, *, known_only: bool) -> Bundle:
    """Keep one region's roots of a download, unless they contradict what is known of them.

    Args:
        content: a published bundle, of the region or global.
        roots: whose roots to keep.
        known_only: whether a root that this version does not list is refused.

    Returns:
        The bundle of the region's current roots, at least one.

    Raises:
        BundleError: there is none, or one has a known name and another key, or one is new and must not be.
    """
    from datetime import UTC, datetime

    from rds_tls.roots.bundle import parse_bundle

    bundle = parse_bundle(content, now=datetime.now(UTC)).only(roots.region or "", CHANNELS[roots.trust])
    known = _known(roots)
    for root in bundle.roots:
        fingerprint = known.get(root.ca_id or "")
        if fingerprint is None:
            _allow_new_root(root, known_only=known_only)
        elif fingerprint != root.fingerprint:
            raise BundleError(
                f"the root {root.name!r} has SHA-256 {root.fingerprint}, but AWS's has {fingerprint}: this is not "
                "AWS's bundle, and nothing of it is used. Find out who answers for the trust store."
            )
    return bundle


def objection(content: bytes, roots: RootSet, *, known_only: bool) -> str | None:
    """Say why roots that were stored once must not be trusted now.

    Those that this version lists are told by their fingerprints alone, without loading cryptography. Every other one
    is judged as in a download.

    Args:
        content: the PEM, as ``Bundle.to_pem`` wrote it.
        roots: whose roots it must hold.
        known_only: whether a root that this version does not list is refused.

    Returns:
        The reason; None when nothing speaks against them.
    """
    try:
        return _objection(content, roots, tuple(_known(roots).items()), known_only=known_only)
    except ImportError as error:
        return f"it holds a root that this version does not list, and what would read it cannot be loaded: {error}"


# The table is part of the question, so that no answer outlives what it was made from.
@lru_cache(maxsize=_REMEMBERED)
def _objection(content: bytes, roots: RootSet, known: tuple[tuple[str, str], ...], *, known_only: bool) -> str | None:
    found = _fingerprints(content)
    if not found:
        return "it holds something else than certificates in PEM"
    if found <= {fingerprint for _, fingerprint in known}:
        return None
    from rds_tls.roots.background import SCHEDULE

    try:
        with SCHEDULE.shielded():
            bundle = validate(content, roots, known_only=known_only)
    except BundleError as error:
        return str(error)
    if found != {root.fingerprint for root in bundle.roots}:
        return f"it holds certificates that are no current {roots}"
    return None


def _known(roots: RootSet) -> dict[str, str]:
    """Give the fingerprints that the table has for a region and channel, by CA id."""
    wanted = roots.region, CHANNELS[roots.trust]
    return {ca_id: known for (region, channel, ca_id), known in RDS_ROOTS.items() if (region, channel) == wanted}


def _fingerprints(content: bytes) -> set[str]:
    """Take the SHA-256 of each certificate in some PEM; of none, unless all of it is what ``Bundle.to_pem`` writes.

    OpenSSL would also load CRLs, certificates under other labels, and what it finds behind the dashes of a comment.
    """
    from hashlib import sha256

    *blocks, rest = content.split(END_CERTIFICATE + b"\n")
    found = set()
    for block in blocks:
        comment, _, body = block.partition(BEGIN_CERTIFICATE + b"\n")
        if not (_is_comment(comment) and body and body.translate(None, _BASE64) == b""):
            return set()
        try:
            found.add(sha256(binascii.a2b_base64(body.replace(b"\n", b""), strict_mode=True)).hexdigest())
        except binascii.Error:
            return set()
    return set() if rest else found


def _is_comment(line: bytes) -> bool:
    """Tell whether what stands before a certificate is one line of printable ASCII without dashes, or nothing."""
    text = line.removesuffix(b"\n").decode("ascii", "replace")
    is_line = line.startswith(b"# ") and line.endswith(b"\n") and text.isascii() and text.isprintable()
    return line == b"" or (is_line and "-----" not in text)


def _allow_new_root(root: Root, *, known_only: bool) -> None:
    """Take note of a root that this version does not list, or refuse it."""
    if known_only:
        raise BundleError(
            f"the root {root.name!r} (SHA-256 {root.fingerprint}) is new to this version, and known_roots_only is "
            "set: upgrade rds-tls, or compare the fingerprint with AWS's and set RDS_TLS_CA_BUNDLE"
        )
    log.info("a root that this version does not list yet: %s, SHA-256 %s", root.name, root.fingerprint)
