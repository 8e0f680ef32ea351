"""What to trust for an endpoint: the one place that knows which source of roots comes first.

Precedence: an explicit CA file (argument, then ``RDS_TLS_CA_BUNDLE``), then the snapshot in this package.
"""

import os
from enum import Enum
from typing import NamedTuple

from rds_tls import regions, snapshot
from rds_tls.endpoint import Trust
from rds_tls.errors import TrustError
from rds_tls.settings import CA_BUNDLE_VARIABLE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rds_tls.settings import Settings

# The same bound as for a published bundle (165 KB in 2026): larger is a mistake, not a CA file.
MAX_CA_FILE_BYTES = 1_048_576

OWN_FILE_FIX = f"give a PEM file of its roots: {CA_BUNDLE_VARIABLE}=/path/roots.pem or Settings(ca_file=...)"


class Source(Enum):
    """Where a bundle of trust anchors came from."""

    CA_FILE = "CA file"
    SNAPSHOT = "snapshot"


class TrustedBundle(NamedTuple):
    """The trust anchors for one endpoint, as a file that a driver may open at any moment.

    Attributes:
        path: a stable path to a PEM file that holds exactly these trust anchors.
        digest: SHA-256, in hex, that changes when the content does.
        source: where the anchors came from.
        whose: whose roots they are, in words.
        as_of: the UTC date (ISO) that the snapshot was taken; None for a caller's own file.
    """

    path: str
    digest: str
    source: Source
    whose: str
    as_of: str | None = None

    def __str__(self) -> str:
        dated = f" of {self.as_of}" if self.as_of else ""
        return f"{self.whose} from the {self.source.value}{dated} ({self.path})"


def trusted_bundle(trust: Trust, region: str | None, settings: "Settings") -> TrustedBundle:
    """Find the trust anchors for a kind of trust in a region.

    Args:
        trust: whose roots sign the server's certificate.
        region: the AWS region; not needed for ``Trust.AMAZON``, whose five roots serve every region.
        settings: the caller's choices; an explicit CA file wins over everything else.

    Returns:
        The bundle. Its roots are never mixed with the system's, nor with another partition's.

    Raises:
        TrustError: no anchors can be had, or the explicit CA file cannot be one.
    """
    if settings.ca_file is not None:
        return _explicit(os.fspath(settings.ca_file))
    shipped = snapshot.find(trust, region)
    if shipped is None:
        raise TrustError(_nothing_covers(trust, region))
    return TrustedBundle(shipped.path, shipped.digest, Source.SNAPSHOT, _whose(trust, region), as_of=shipped.date)


def _explicit(path: str) -> TrustedBundle:
    """Take a caller's CA file as it is: OpenSSL itself refuses what is expired or no CA in it."""
    import hashlib  # 5 ms that only this path needs

    origin = f"the CA file {path!r} (Settings.ca_file or {CA_BUNDLE_VARIABLE})"
    try:
        with open(path, "rb") as file:
            content = file.read(MAX_CA_FILE_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise TrustError(f"{origin} cannot be read: {reason}. Name a readable PEM file.") from error
    if fault := _fault(content):
        raise TrustError(f"{origin} {fault}")
    digest = hashlib.sha256(content).hexdigest()
    return TrustedBundle(os.path.abspath(path), digest, Source.CA_FILE, "roots")


def _whose(trust: Trust, region: str | None) -> str:
    if trust is Trust.AMAZON:
        return "Amazon Trust Services roots"
    return f"{region} {'Preview ' if trust is Trust.RDS_PREVIEW else ''}RDS roots"


def _fault(content: bytes) -> str | None:
    """Say what makes these bytes no CA file, if anything does."""
    if len(content) > MAX_CA_FILE_BYTES:
        return f"is larger than {MAX_CA_FILE_BYTES} bytes: name a file of CA certificates only."
    if b"PRIVATE KEY-----" in content:
        return "holds a private key, which no CA file should: remove it from the file."
    if b"-----BEGIN CERTIFICATE-----" not in content:
        return "holds no PEM certificate: convert it first, as with 'openssl pkcs7 -inform DER -print_certs'."
    return None


def _nothing_covers(trust: Trust, region: str | None) -> str:
    """Explain why no source has roots, and what to do about it."""
    if region is None:
        return "this endpoint's name has no region in it: pass region= with the region its writer is in"
    partition = regions.partition_of(region)
    if partition is None or partition.truststore is None:
        return f"AWS publishes no RDS trust store for {region}: {OWN_FILE_FIX}"
    url = f"{partition.truststore}/{region}/{region}-bundle.pem"
    return f"no {_whose(trust, region)} ship with rds_tls: download {url} and {OWN_FILE_FIX}"
