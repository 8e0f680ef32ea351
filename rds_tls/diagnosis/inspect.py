"""What is in a CA bundle: each root, what is left out and why, and which current roots of AWS's it lacks."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from rds_tls.roots.bundle import take_stock
from rds_tls.roots.ca_names import RDS_NAME
from rds_tls.roots.channel import Channel
from rds_tls.roots.known import AMAZON_ROOTS, RDS_ROOTS

if TYPE_CHECKING:
    from rds_tls.roots.bundle import Bundle, Dropped, Root

_PUBLISHED = frozenset(RDS_ROOTS.values()) | frozenset(AMAZON_ROOTS.values())


class Missing(NamedTuple):
    """A root that AWS has published for a region of the bundle's, and that the bundle lacks."""

    region: str
    ca_id: str


class Inspection(NamedTuple):
    """What a CA bundle holds.

    Attributes:
        roots: its trust anchors, in the order of the file.
        dropped: what is no trust anchor, and why.
        missing: the published roots that it lacks of the regions that it is for.
    """

    roots: tuple[Root, ...]
    dropped: tuple[Dropped, ...]
    missing: tuple[Missing, ...]

    @property
    def published(self) -> int:
        """How many of the roots AWS is known to have published."""
        return sum(map(is_published, self.roots))

    @property
    def ok(self) -> bool:
        """Whether all of it is good for connecting: published roots alone, and no region that is there in part."""
        return bool(self.roots) and not self.dropped and not self.missing and self.published == len(self.roots)

    def only(self, region: str) -> Inspection:
        """Keep what is of one region; what is left out has none."""
        roots = tuple(root for root in self.roots if root.region == region)
        missing = tuple(each for each in self.missing if each.region == region)
        return self._replace(roots=roots, missing=missing or _lacking({region}, roots))

    def to_dict(self) -> dict[str, Any]:
        """Give it as plain values, for JSON: dates in ISO 8601, UTC, and fingerprints in lower-case hex."""
        return {
            "ok": self.ok,
            "roots": [_described(root) for root in self.roots],
            "dropped": [each._asdict() | {"reason": each.reason.value} for each in self.dropped],
            "missing": [each._asdict() for each in self.missing],
        }


def inspect_bundle(data: bytes) -> Inspection:
    """Look into a bundle, at this moment.

    Args:
        data: the content of a PEM or PKCS#7 file, up to 1 MiB.

    Raises:
        BundleError: the data is no bundle, is cut short, or holds a private key. One without a usable root is none of
            these: old bundles are what is inspected.
    """
    bundle = take_stock(data, now=datetime.now(UTC))
    return Inspection(bundle.roots, bundle.dropped, _lacking(_regions(bundle), bundle.roots))


def is_published(root: Root) -> bool:
    """Say whether AWS is known to have published a root: by its fingerprint, since anybody can take its name."""
    return root.fingerprint in _PUBLISHED


def key_of(root: Root) -> str:
    """Name a root's key, such as "RSA 2048" or "EC P-384"."""
    key = x509.load_der_x509_certificate(root.der).public_key()
    if isinstance(key, rsa.RSAPublicKey):
        return f"RSA {key.key_size}"
    if isinstance(key, ec.EllipticCurvePublicKey):
        return f"EC P-{key.curve.key_size}" if key.curve.name.startswith("secp") else f"EC {key.curve.name}"
    return type(key).__name__.removesuffix("PublicKey")


def _regions(bundle: Bundle) -> set[str]:
    """Find the regions that a bundle is meant for; the name of a root that has expired says one too."""
    names = [root.name for root in bundle.roots] + [each.name for each in bundle.dropped]
    found = filter(None, map(RDS_NAME.fullmatch, names))
    return {name["region"] for name in found if name["region"] and not name["channel"]}


def _lacking(regions: set[str], roots: tuple[Root, ...]) -> tuple[Missing, ...]:
    there = {root.fingerprint for root in roots}
    return tuple(
        Missing(region, ca_id)
        for (region, channel, ca_id), fingerprint in RDS_ROOTS.items()
        if region in regions and channel == Channel.GA.value and fingerprint not in there
    )


def _described(root: Root) -> dict[str, Any]:
    return {
        "name": root.name,
        "region": root.region,
        "channel": root.channel.value,
        "ca_id": root.ca_id,
        "key": key_of(root),
        "sha256": root.fingerprint,
        "not_before": root.not_before.isoformat(),
        "not_after": root.not_after.isoformat(),
        "published": is_published(root),
    }
