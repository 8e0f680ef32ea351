"""What a server's certificates say about themselves. Nothing here is verified: anybody can write anything into one."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from rds_tls.roots.ca_names import RDS_NAME, ca_id_of

if TYPE_CHECKING:
    from collections.abc import Iterable


# How much of a name is shown, in characters, and how many names: a server may send any.
_SHOWN = 100
_SHOWN_NAMES = 4

# Names of the CAs below Amazon's roots: https://www.amazontrust.com/repository/
_AMAZON_NAME = re.compile(r"Amazon (?:RSA|ECDSA) [0-9]+ M[0-9]+|Amazon Root CA [0-9]|Amazon|Server CA [A-Z0-9]+")


class Certificate(NamedTuple):
    """A certificate that a server sent.

    Attributes:
        subject: its common name, or its whole subject.
        issuer: the same of who signed it.
        names: the DNS names that it is for.
        not_before: start of validity, UTC.
        not_after: end of validity, UTC.
        issuer_organization: the O of who signed it; empty where it has none.
        der: the certificate itself.
    """

    subject: str
    issuer: str
    names: tuple[str, ...]
    not_before: datetime
    not_after: datetime
    issuer_organization: str
    der: bytes

    def __repr__(self) -> str:
        return f"<Certificate: {shown(self.subject)}, by {shown(self.issuer)}>"

    @property
    def ca_id(self) -> str | None:
        """RDS's identifier of the CA that signed it, such as "rds-ca-rsa2048-g1"; None where the name says none."""
        return ca_id_of(self.issuer)

    @property
    def region(self) -> str | None:
        """The region in the name of the CA of RDS's that signed it."""
        match = RDS_NAME.fullmatch(self.issuer)
        return match and match["region"]

    @property
    def channel(self) -> str:
        """The RDS environment in the same name: ga, beta or preview."""
        match = RDS_NAME.fullmatch(self.issuer)
        return ((match and match["channel"]) or "ga").lower()

    @property
    def is_rds(self) -> bool:
        """Whether it is signed by a CA with a name of RDS's."""
        return RDS_NAME.fullmatch(self.issuer) is not None

    @property
    def is_amazon(self) -> bool:
        """Whether it is signed by a CA with a name of Amazon Trust Services'."""
        return self.issuer_organization == "Amazon" and _AMAZON_NAME.fullmatch(self.issuer) is not None

    def facts(self) -> tuple[str, ...]:
        """Say what the certificate is, in sentences that are safe to print."""
        names = ", ".join(map(shown, self.names[:_SHOWN_NAMES])) or f"no name but {shown(self.subject)}"
        more = f" and {len(self.names) - _SHOWN_NAMES} more" if len(self.names) > _SHOWN_NAMES else ""
        by = f"{shown(self.issuer)!r}{f' ({self.ca_id})' if self.ca_id else ''}"
        return (
            f"the server sent a certificate for {names}{more}",
            f"it was issued by {by}, valid {self.not_before:%Y-%m-%d} to {self.not_after:%Y-%m-%d}",
        )

    def to_dict(self) -> dict[str, Any]:
        """Give what it says, for JSON; dates in ISO 8601, UTC."""
        return {
            "subject": self.subject,
            "issuer": self.issuer,
            "names": list(self.names),
            "not_before": self.not_before.isoformat(),
            "not_after": self.not_after.isoformat(),
            "ca_id": self.ca_id,
            "region": self.region,
        }


def shown(text: str) -> str:
    """Give a name from a stranger as it may be printed: one line of ASCII, of a bounded length."""
    safe = text.encode("ascii", "backslashreplace").decode()
    return re.sub(r"[^ -~]", "?", safe)[:_SHOWN]


def read_chain(chain: Iterable[bytes]) -> tuple[Certificate, ...]:
    """Read the certificates that a server sent, the leaf first.

    Args:
        chain: the DER of each.

    Returns:
        Those before the first that cannot be read; none where cryptography cannot be loaded.
    """
    try:
        from rds_tls.roots.bundle import UNPARSABLE
    except ImportError:  # as in a Lambda layer that was built for another system
        return ()
    found = []
    try:
        for der in chain:
            found.append(_read(der))  # noqa: PERF401 - what was read before a bad one counts
    except UNPARSABLE:
        pass
    return tuple(found)


def _read(der: bytes) -> Certificate:
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    from rds_tls.roots.bundle import common_name

    certificate = x509.load_der_x509_certificate(der)
    try:
        alternatives = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        names = tuple(alternatives.get_values_for_type(x509.DNSName))
    except x509.ExtensionNotFound:
        names = ()
    organizations = certificate.issuer.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    return Certificate(
        subject=common_name(certificate.subject),
        issuer=common_name(certificate.issuer),
        names=names,
        not_before=certificate.not_valid_before_utc.astimezone(UTC),
        not_after=certificate.not_valid_after_utc.astimezone(UTC),
        issuer_organization=str(organizations[-1].value) if organizations else "",
        der=der,
    )
