"""From a cause that many failures share to the one that it is: by the name that was asked for and what the server sent.

What a server sends is not verified, so it decides about words alone, and never about a connection.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from rds_tls.diagnosis.causes import CAUSES
from rds_tls.diagnosis.certificates import shown
from rds_tls.diagnosis.clock import outside_its_time
from rds_tls.diagnosis.of_certificates import ISSUERS
from rds_tls.diagnosis.texts import openssls_words
from rds_tls.endpoint import Endpoint, Kind, Trust
from rds_tls.endpoint.partitions import partition_of
from rds_tls.roots.anchors import Source

if TYPE_CHECKING:
    from rds_tls.diagnosis.cause import Diagnosis
    from rds_tls.diagnosis.certificates import Certificate
    from rds_tls.roots.anchors import Anchors
    from rds_tls.roots.bundle import Root

# What a look at the server's certificates may say more about.
_ABOUT_ISSUERS = frozenset({"unknown-root", "unverified", "self-signed"})
ABOUT_TIME = frozenset({"expired", "not-yet-valid"})
ABOUT_CERTIFICATES = _ABOUT_ISSUERS | ABOUT_TIME | {"other-name", "malformed", "weak-key", "revocation"}

# Causes that are about what is trusted, and whose own words do not say what that is.
_WITHOUT_ANCHORS = frozenset(cause.id for cause in ISSUERS if "{anchors}" not in cause.meaning)


class Evidence(NamedTuple):
    """What is known of a failure besides the driver's words.

    Attributes:
        endpoint: what was to be connected to.
        anchors: what was trusted.
        chain: what the server sent to somebody who asked again, leaf first; empty where nobody did, or it sent none.
        reason: OpenSSL's own words, or the driver's.
        trouble: why newer roots could not be had, where somebody looked for them in vain.
        time: what the trust store says of this machine's clock, a sentence; empty where nobody asked.
    """

    endpoint: Endpoint
    anchors: Anchors
    chain: tuple[Certificate, ...] = ()
    reason: str = ""
    trouble: str = ""
    time: str = ""


def diagnosis_of(cause: str, evidence: Evidence) -> Diagnosis:
    """Find the cause behind the one that the words say, and fill in what was seen.

    Args:
        cause: the id that the words lead to.
        evidence: all else that is known.
    """
    found = _sharper(cause, evidence)
    return CAUSES[found].diagnosis(_names(evidence), _facts(found, evidence))


def _sharper(cause: str, evidence: Evidence) -> str:
    if cause == "other-name":
        return _about_name(evidence)
    if not evidence.chain:
        return cause
    if cause == "self-signed" and len(evidence.chain) == 1:
        return cause
    return _about_issuer(cause, evidence) if cause in _ABOUT_ISSUERS else cause


def _about_name(evidence: Evidence) -> str:
    """Tell a custom endpoint and a proxy's further endpoint, which certificates lack, from a server that is another."""
    endpoint = evidence.endpoint
    if endpoint.kind is Kind.PROXY_ENDPOINT:
        return "proxy-endpoint"
    if endpoint.kind is Kind.CUSTOM and evidence.chain and _is_of_account(evidence.chain[0], endpoint):
        return "custom-endpoint"
    return "other-name"


def _is_of_account(leaf: Certificate, endpoint: Endpoint) -> bool:
    """Say whether one of a certificate's names is a cluster's with the account's hash and the region of an endpoint."""
    account, _, zone = endpoint.host.partition(".")[2].partition(".")
    prefix = f"cluster-{account.rpartition('-')[2]}.{zone}"
    return any(name.partition(".")[2] == prefix for name in leaf.names)


def _about_issuer(cause: str, evidence: Evidence) -> str:
    """Tell the ways apart in which a chain ends in no anchor."""
    leaf, roots = evidence.chain[0], evidence.anchors.roots
    if leaf.is_rds:
        return "database-for-proxy" if roots.trust is Trust.AMAZON else _about_rds(leaf, cause, evidence)
    if leaf.is_amazon:
        return cause if roots.trust is Trust.AMAZON else "proxy-for-database"
    is_alone = leaf.issuer == leaf.subject and len(evidence.chain) == 1
    return "self-signed" if is_alone else "intercepted"


def _about_rds(leaf: Certificate, cause: str, evidence: Evidence) -> str:
    """Judge a chain of one of RDS's CAs, by the environment and the region in its name."""
    roots = evidence.anchors.roots
    if leaf.channel != ("preview" if roots.trust is Trust.RDS_PREVIEW else "ga"):
        return "preview"
    if leaf.region is not None and leaf.region != roots.region:
        return _other_region(leaf.region, evidence)
    return _same_region(cause, evidence)


def _other_region(region: str, evidence: Evidence) -> str:
    if evidence.endpoint.kind is Kind.GLOBAL_WRITER:
        return "writer-moved"
    theirs = partition_of(region)
    if theirs is not None and theirs.name != evidence.endpoint.partition:
        return "other-partition"
    return "other-region"


def _same_region(cause: str, evidence: Evidence) -> str:
    """Judge a chain of the right region: it lacks a link, or its root is not at hand, or only seems so."""
    last = evidence.chain[-1]
    if " Subordinate CA " in last.issuer:
        return "missing-intermediate"
    at_hand = roots_at_hand(evidence.anchors)
    if at_hand is None or cause == "unverified":  # it may well have verified, when it was looked at again
        return cause
    if last.issuer in at_hand:
        return "impostor"
    is_own_choice = evidence.anchors.source is Source.CA_FILE or evidence.anchors.settings.offline
    return "old-roots" if is_own_choice else "newer-root"


def roots_at_hand(anchors: Anchors) -> dict[str, Root] | None:
    """Give the trust anchors by their names; None where they cannot be read."""
    from rds_tls.errors import BundleError
    from rds_tls.roots.bundle import parse_bundle

    try:
        return {root.name: root for root in parse_bundle(anchors.pem(), now=datetime.now(UTC)).roots}
    except (OSError, BundleError):
        return None


def _names(evidence: Evidence) -> dict[str, str]:
    """Give what the templates of causes are about."""
    names = {
        "host": evidence.endpoint.host,
        "anchors": str(evidence.anchors),
        "region": evidence.anchors.roots.region or "",
        "rule": evidence.reason,
    }
    if evidence.chain:
        leaf, last = evidence.chain[0], evidence.chain[-1]
        names |= {
            "issuer": repr(shown(leaf.issuer)),
            "root": repr(shown(last.issuer)),
            "server_region": leaf.region or "",
            "server_channel": {"ga": "ordinary"}.get(leaf.channel, leaf.channel.capitalize()),
        }
    return names


def _facts(cause: str, evidence: Evidence) -> tuple[str, ...]:
    """Say what was seen: what the server sent, and what about it decides."""
    if not evidence.chain:
        return ()
    facts = evidence.chain[0].facts()
    if cause in _WITHOUT_ANCHORS:
        facts += (f"trusted are the {evidence.anchors}",)
    if cause in ABOUT_TIME:
        return facts + tuple(filter(None, (outside_its_time(evidence.chain), evidence.time)))
    if cause in {"malformed", "weak-key", "revocation"} and evidence.reason:
        return (*facts, f"OpenSSL says: {shown(openssls_words(evidence.reason))}")
    if cause == "newer-root" and evidence.trouble:
        return (*facts, f"a newer bundle was looked for: {evidence.trouble}")
    return facts
