"""From the bytes of a CA bundle to its roots: parse, validate, identify, filter.

Nothing here reads a disk, a network or a clock. A published bundle may hold expired roots, intermediates or
something unreadable beside the roots: each is left out and accounted for, and none of them loses the rest.
"""

from __future__ import annotations

import binascii
import hashlib
import re
import ssl
from collections import Counter
from enum import Enum
from itertools import zip_longest
from typing import TYPE_CHECKING, NamedTuple

from cryptography import x509
from cryptography.exceptions import InternalError, InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7
from cryptography.x509.oid import NameOID

from rds_tls.errors import BundleError
from rds_tls.roots.ca_names import RDS_NAME, ca_id_of
from rds_tls.roots.channel import Channel
from rds_tls.roots.pem import MAX_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

# All that cryptography raises for a certificate that it cannot parse, now or when a field is first read. KeyError is
# for a name in an unknown string type; InternalError is OpenSSL's, as where a FIPS provider is configured that the
# OpenSSL in cryptography's wheel cannot load. It also warns of oddities that none of AWS's RDS roots has, such as a
# serial number of 0, and the program may have made errors of warnings. They are not silenced here: that would change
# the filters of the whole process (warnings.catch_warnings), while its other threads do the same.
UNPARSABLE = (
    Warning,
    InternalError,
    KeyError,
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)

_PEM_BOUNDARY = re.compile(rb"^[ \t]*-----(BEGIN|END)([^\n]*)", re.MULTILINE)


class Reason(Enum):
    """Why a certificate of a bundle is no trust anchor."""

    UNREADABLE = "unreadable"
    DUPLICATE = "duplicate"
    NOT_A_CA = "not a CA"
    INTERMEDIATE = "intermediate"
    BAD_SIGNATURE = "badly signed"
    EXPIRED = "expired"
    NOT_YET_VALID = "not yet valid"


class Root(NamedTuple):
    """A self-signed CA certificate: a trust anchor.

    Attributes:
        name: the subject's common name.
        region: the AWS region in the name; None for a root that is not RDS's own.
        channel: the RDS environment in the name; GA where the name says nothing.
        ca_id: RDS's identifier of the CA, as in "rds-ca-rsa2048-g1"; None where the name says nothing.
        fingerprint: SHA-256 of the DER, in lower-case hex.
        not_before: start of validity, UTC.
        not_after: end of validity, UTC.
        der: the certificate itself.
    """

    name: str
    region: str | None
    channel: Channel
    ca_id: str | None
    fingerprint: str
    not_before: datetime
    not_after: datetime
    der: bytes


class Dropped(NamedTuple):
    """A certificate that is left out of a bundle, and why."""

    name: str
    reason: Reason
    detail: str


class Bundle(NamedTuple):
    """The trust anchors of a CA bundle, in the order of the file, and what was left out of it."""

    roots: tuple[Root, ...]
    dropped: tuple[Dropped, ...]

    @property
    def digest(self) -> str:
        """SHA-256, in hex, over the roots' fingerprints; their order does not matter."""
        return hashlib.sha256("\n".join(sorted(root.fingerprint for root in self.roots)).encode()).hexdigest()

    def only(self, region: str, channel: Channel = Channel.GA) -> Bundle:
        """Keep one region's roots.

        Args:
            region: an AWS region, as in "us-east-1".
            channel: the RDS environment; Beta and Preview roots never mix with the others.

        Returns:
            A bundle of the matching roots, with the same ``dropped``.

        Raises:
            BundleError: no root matches.
        """
        roots = tuple(root for root in self.roots if (root.region, root.channel) == (region, channel))
        if not roots:
            regions = sorted({root.region for root in self.roots if root.region and root.channel is channel})
            raise BundleError(
                f"the bundle has no {channel.value} root for region {region!r}, "
                f"only for: {', '.join(regions) or 'no region at all'}. Use the bundle of that region."
            )
        return self._replace(roots=roots)

    def to_pem(self) -> bytes:
        """Write the roots as PEM, each below a comment line that says what it is."""
        return "".join(_comment(root) + ssl.DER_cert_to_PEM_cert(root.der) for root in self.roots).encode()


def parse_bundle(data: bytes, *, now: datetime) -> Bundle:
    """Read a PEM or PKCS#7 bundle and keep its roots: self-signed CA certificates that are valid.

    Whose roots they are is not verified: anybody can make one with any name. Compare the fingerprints, or
    fetch the bundle over verified HTTPS. One unreadable certificate in a PEM file is dropped; a PKCS#7
    structure is read whole or not at all.

    Args:
        data: the file's content, up to 1 MiB (``MAX_BYTES``).
        now: the moment at which the roots must be valid; with a time zone.

    Returns:
        The roots, at least one, and an account of everything that was left out.

    Raises:
        BundleError: the data is no bundle, is cut short, holds a private key, or holds no usable root; or
            ``now`` has no time zone.
    """
    bundle = take_stock(data, now=now)
    if not bundle.roots:
        raise BundleError(_nothing_left(bundle.dropped))
    return bundle


def take_stock(data: bytes, *, now: datetime) -> Bundle:
    """Read a bundle as ``parse_bundle`` does, where one that holds no usable root is an answer too."""
    if now.utcoffset() is None:
        raise BundleError(f"now={now.isoformat()} has no time zone: pass datetime.now(tz=UTC)")
    roots: dict[str, Root] = {}
    dropped: list[Dropped] = []
    for position, certificate in enumerate(_certificates(data), start=1):
        found = _examine(certificate, f"certificate {position}", now)
        if isinstance(found, Dropped):
            dropped.append(found)
        elif found.fingerprint in roots:
            dropped.append(Dropped(found.name, Reason.DUPLICATE, "is in the bundle more than once"))
        else:
            roots[found.fingerprint] = found
    return Bundle(tuple(roots.values()), tuple(dropped))


def _certificates(data: bytes) -> Iterator[x509.Certificate | str]:
    """Yield each certificate of a bundle, or why one is unreadable."""
    if not data.strip():
        raise BundleError("the bundle is empty: fetch it again")
    if len(data) > MAX_BYTES:
        raise BundleError(f"the bundle is larger than {MAX_BYTES} bytes: name a file of CA certificates only")
    text = data.removeprefix(b"\xef\xbb\xbf").replace(b"\r", b"\n")
    blocks = list(_pem_blocks(text))
    if blocks:
        for label, body in blocks:
            yield from _block_certificates(label, body)
        return
    try:
        yield from pkcs7.load_der_pkcs7_certificates(data)
    except UNPARSABLE as error:
        raise BundleError(
            f"the bundle is neither PEM nor PKCS#7 ({error}): give a file with BEGIN CERTIFICATE lines"
        ) from error


def _pem_blocks(text: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield the label and the body of each PEM block; half a file is no bundle, so every block must end."""
    boundaries = list(_PEM_BOUNDARY.finditer(text))
    for begin, end in zip_longest(boundaries[::2], boundaries[1::2]):
        label = begin[2].strip()
        if begin[1] != b"BEGIN" or end is None or (end[1], end[2].strip()) != (b"END", label):
            line = text.count(b"\n", 0, begin.start()) + 1
            raise BundleError(f"the PEM block near line {line} lacks its BEGIN or its END: fetch the bundle again")
        yield label.removesuffix(b"-----").decode("ascii", "replace").strip(), text[begin.end() : end.start()]


def _block_certificates(label: str, body: bytes) -> Iterator[x509.Certificate | str]:
    """Yield the certificates of one PEM block, or why it is unreadable."""
    if "PRIVATE KEY" in label:
        raise BundleError("the bundle holds a private key: take it out, CA files are made to be passed around")
    try:
        der = binascii.a2b_base64(b"".join(body.split()), strict_mode=True)
        if label == "CERTIFICATE":
            yield x509.load_der_x509_certificate(der)
        elif label == "PKCS7":
            yield from pkcs7.load_der_pkcs7_certificates(der)
        else:
            yield f"a block of {label!r}, where CERTIFICATE or PKCS7 belongs"
    except UNPARSABLE as error:
        yield str(error)


def _examine(certificate: x509.Certificate | str, place: str, now: datetime) -> Root | Dropped:
    """Decide about one certificate; cryptography parses some fields only when they are read, so late."""
    if isinstance(certificate, str):
        return Dropped(place, Reason.UNREADABLE, certificate)
    try:
        root = _describe(certificate)
        objection = _objection(certificate, now)
    except UNPARSABLE as error:
        return Dropped(place, Reason.UNREADABLE, str(error))
    return Dropped(root.name, *objection) if objection else root


def _describe(certificate: x509.Certificate) -> Root:
    """Collect what a certificate says about itself."""
    name = common_name(certificate.subject)
    match = RDS_NAME.fullmatch(name)
    return Root(
        name=name,
        region=match["region"] if match else None,
        channel=Channel((match["channel"] or "ga").lower()) if match else Channel.GA,
        ca_id=ca_id_of(name),
        fingerprint=certificate.fingerprint(hashes.SHA256()).hex(),
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        der=certificate.public_bytes(Encoding.DER),
    )


def common_name(name: x509.Name) -> str:
    """Give the most specific common name, or the whole name where it has none."""
    common_names = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(common_names[-1].value) if common_names else name.rfc4514_string()


def _objection(certificate: x509.Certificate, now: datetime) -> tuple[Reason, str] | None:
    """Say why a certificate is no trust anchor at a moment, if it is none."""
    if not _is_ca(certificate):
        return Reason.NOT_A_CA, "its extensions do not allow it to sign certificates"
    if certificate.issuer != certificate.subject:
        return Reason.INTERMEDIATE, f"is issued by {common_name(certificate.issuer)!r}"
    try:
        certificate.verify_directly_issued_by(certificate)
    except (InvalidSignature, *UNPARSABLE) as error:
        return Reason.BAD_SIGNATURE, f"its own key does not verify it: {str(error) or type(error).__name__}"
    if certificate.not_valid_after_utc < now:
        return Reason.EXPIRED, f"ended on {certificate.not_valid_after_utc.date()}"
    if certificate.not_valid_before_utc > now:
        return Reason.NOT_YET_VALID, f"begins on {certificate.not_valid_before_utc.date()}"
    return None


def _is_ca(certificate: x509.Certificate) -> bool:
    """Tell whether the extensions let a certificate sign others: RFC 5280, 4.2.1.9 and 4.2.1.3."""
    try:
        may_be_ca = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False
    try:
        return may_be_ca and certificate.extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign
    except x509.ExtensionNotFound:  # without it a key may be used for anything
        return may_be_ca


def _nothing_left(dropped: tuple[Dropped, ...]) -> str:
    """Explain a bundle in which no root survives."""
    counts = Counter(entry.reason.value for entry in dropped)
    account = ", ".join(f"{count} {reason}" for reason, count in counts.items()) or "no certificate at all"
    first = f"; the first, {dropped[0].name!r}, {dropped[0].detail}" if dropped else ""
    return f"the bundle holds no usable root: {account}{first}. Use a current bundle of root CAs."


def _comment(root: Root) -> str:
    """Head a PEM block with a line in which no name, however odd, can pass for PEM.

    OpenSSL reads lines in pieces of 254 bytes, so the line is short; 64 characters is X.520's own limit.
    """
    name = re.sub(r"[^ -~]|-----", "?", root.name)[:64]
    return f"# {name}; {root.ca_id or 'no CA id'}; SHA-256 {root.fingerprint}; until {root.not_after.date()}\n"
