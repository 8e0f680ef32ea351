"""Whether roots are AWS's, as far as this version can tell: a download's, and an entry's whenever it is read again.

The table of known roots grows with each version, and ``known_roots_only`` may be switched on at any time. So what was
believed when it was stored is judged once more when it is to be used.
"""

from __future__ import annotations

import binascii
import re
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

# What ``Bundle.to_pem`` writes, and nothing else: OpenSSL would also load CRLs, certificates under other labels, and
# what it finds behind the dashes of a comment.
_CERTIFICATE = rb"(?:# (?!.*-----)[ -~]*\n)?" + BEGIN_CERTIFICATE + rb"\n([A-Za-z0-9+/=\n]+)" + END_CERTIFICATE + rb"\n"

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
    """Take the SHA-256 of each certificate in some PEM; of none, unless all of it is certificates."""
    from hashlib import sha256

    certificate, found, position = re.compile(_CERTIFICATE), set(), 0
    try:
        while block := certificate.match(content, position):
            der = binascii.a2b_base64(block[1].replace(b"\n", b""), strict_mode=True)
            found.add(sha256(der).hexdigest())
            position = block.end()
    except binascii.Error:
        return set()
    return found if position == len(content) else set()


def _allow_new_root(root: Root, *, known_only: bool) -> None:
    """Take note of a root that this version does not list, or refuse it."""
    if known_only:
        raise BundleError(
            f"the root {root.name!r} (SHA-256 {root.fingerprint}) is new to this version, and known_roots_only is "
            "set: upgrade rds-tls, or compare the fingerprint with AWS's and set RDS_TLS_CA_BUNDLE"
        )
    log.info("a root that this version does not list yet: %s, SHA-256 %s", root.name, root.fingerprint)
