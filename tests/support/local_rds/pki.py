"""A certificate authority with the profile of RDS's own: root, intermediate, leaf.

The root follows the published ones; the intermediate and the leaf follow those that real servers send. Strict
verification (RFC 5280, ``VERIFY_X509_STRICT``) depends on these details, so a looser test PKI would prove nothing.
"""

import ssl
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from enum import Enum
from functools import cached_property
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

# The attributes around the common name, in the order of real certificates; None stands for the common name.
AUTHORITY_SUBJECT = (
    (NameOID.COUNTRY_NAME, "US"),
    (NameOID.ORGANIZATION_NAME, "Amazon Web Services, Inc."),
    (NameOID.ORGANIZATIONAL_UNIT_NAME, "Amazon RDS"),
    (NameOID.STATE_OR_PROVINCE_NAME, "WA"),
    (NameOID.COMMON_NAME, None),
    (NameOID.LOCALITY_NAME, "Seattle"),
)
LEAF_SUBJECT = (
    (NameOID.COMMON_NAME, None),
    (NameOID.ORGANIZATIONAL_UNIT_NAME, "RDS"),
    (NameOID.ORGANIZATION_NAME, "Amazon.com"),
    (NameOID.LOCALITY_NAME, "Seattle"),
    (NameOID.STATE_OR_PROVINCE_NAME, "Washington"),
    (NameOID.COUNTRY_NAME, "US"),
)

# The published roots of eu-west-1 start on this day.
ROOT_START = datetime(2021, 5, 20, tzinfo=UTC)
YEAR = timedelta(days=365)

Extensions = Iterable[tuple[x509.ExtensionType, bool]]


class KeyType(Enum):
    """The three certificate authorities that RDS offers in a region, by the key they use."""

    RSA2048 = "RSA2048"
    RSA4096 = "RSA4096"
    ECC384 = "ECC384"

    @property
    def digest(self) -> hashes.SHA256 | hashes.SHA384:
        """The hash of every signature under this kind of root."""
        return hashes.SHA256() if self is KeyType.RSA2048 else hashes.SHA384()

    @property
    def root_years(self) -> int:
        """How long a root of this kind is valid, in years."""
        return 40 if self is KeyType.RSA2048 else 100

    def new_key(self) -> PrivateKey:
        """Make a private key; RSA 4096 takes up to seconds."""
        if self is KeyType.ECC384:
            return ec.generate_private_key(ec.SECP384R1())
        return rsa.generate_private_key(65537, 2048 if self is KeyType.RSA2048 else 4096)


class Credentials(NamedTuple):
    """What a server is given.

    Attributes:
        chain_pem: the certificates that it sends, leaf first.
        key_pem: the leaf's private key.
        leaf_der: the leaf.
        above_pem: those that it sends above the leaf, and the root: for a server that verifies its own leaf.
    """

    chain_pem: bytes
    key_pem: bytes
    leaf_der: bytes
    above_pem: bytes


class Authority:
    """One region's root and intermediate for one key type; keys are made when first needed, and kept.

    Args:
        region: the region's name, for the common names.
        key_type: the key of root, intermediate and leaf alike.

    Attributes:
        subject: the attributes of the names of its root and its intermediate.
        root_name: the common name of its root, over the region and the key.
        intermediate_name: the same of its intermediate.
    """

    subject: Sequence[tuple[x509.ObjectIdentifier, str | None]] = AUTHORITY_SUBJECT
    root_name = "Amazon RDS {region} Root CA {key} G1"
    intermediate_name = "Amazon RDS {region} Subordinate CA {key} G1.A.1"

    def __init__(self, region: str, key_type: KeyType) -> None:
        self._region = region
        self._key_type = key_type

    @property
    def root_pem(self) -> bytes:
        """The root certificate: the only trust anchor."""
        return self._root.public_bytes(Encoding.PEM)

    def issue(
        self,
        names: Sequence[str],
        *,
        not_before: datetime | None = None,
        not_after: datetime | None = None,
        with_san: bool = True,
        with_intermediate: bool = True,
        with_issuer_key: bool = True,
    ) -> Credentials:
        """Issue a server certificate as RDS does, or with one thing wrong.

        Args:
            names: the DNS names; the last one, the instance endpoint, becomes the common name (64 characters at most).
            not_before: start of validity; a day ago by default.
            not_after: end of validity; in a year by default, as for engines that rotate without a restart.
            with_san: False leaves the common name as the only name.
            with_intermediate: False makes the server send its leaf alone.
            with_issuer_key: False leaves out the authority key identifier, which RFC 5280 asks for.

        Returns:
            What the server presents.
        """
        leaf = self._sign(
            _subject(LEAF_SUBJECT, names[-1]),
            self._leaf_key,
            issuer=(self._intermediate.subject, self._intermediate_key),
            validity=_around_now(not_before, not_after),
            extensions=_leaf_extensions(names if with_san else ()),
            with_authority_key_identifier=with_issuer_key,
        )
        return self._credentials(leaf, [self._intermediate] if with_intermediate else [], self._root)

    def self_signed(self, names: Sequence[str]) -> Credentials:
        """Make a certificate for these names that vouches for itself, chained to nothing."""
        subject = _subject(LEAF_SUBJECT, names[-1])
        leaf = self._sign(
            subject,
            self._leaf_key,
            issuer=(subject, self._leaf_key),
            validity=_around_now(None, None),
            extensions=_leaf_extensions(names),
        )
        return self._credentials(leaf, [], leaf)

    @cached_property
    def _root_key(self) -> PrivateKey:
        return self._key_type.new_key()

    @cached_property
    def _intermediate_key(self) -> PrivateKey:
        return self._key_type.new_key()

    @cached_property
    def _leaf_key(self) -> PrivateKey:
        return self._key_type.new_key()

    def _own_subject(self, name: str) -> x509.Name:
        return _subject(self.subject, name.format(region=self._region, key=self._key_type.value))

    @cached_property
    def _root(self) -> x509.Certificate:
        subject = self._own_subject(self.root_name)
        return self._sign(
            subject,
            self._root_key,
            issuer=(subject, self._root_key),
            validity=(ROOT_START, ROOT_START + self._key_type.root_years * YEAR),
            extensions=_authority_extensions(path_length=None),
            with_authority_key_identifier=False,
        )

    @cached_property
    def _intermediate(self) -> x509.Certificate:
        start = datetime.now(UTC) - YEAR
        return self._sign(
            self._own_subject(self.intermediate_name),
            self._intermediate_key,
            issuer=(self._root.subject, self._root_key),
            validity=(start, start + 10 * YEAR),
            extensions=_authority_extensions(path_length=0),
        )

    def _sign(
        self,
        subject: x509.Name,
        key: PrivateKey,
        *,
        issuer: tuple[x509.Name, PrivateKey],
        validity: tuple[datetime, datetime],
        extensions: Extensions,
        with_authority_key_identifier: bool = True,
    ) -> x509.Certificate:
        issuer_name, issuer_key = issuer
        builder = x509.CertificateBuilder(
            issuer_name, subject, key.public_key(), x509.random_serial_number(), *validity
        )
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical)
        builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        if with_authority_key_identifier:
            issuer_id = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key())
            builder = builder.add_extension(issuer_id, critical=False)
        return builder.sign(issuer_key, self._key_type.digest)

    def _credentials(
        self, leaf: x509.Certificate, others: Sequence[x509.Certificate], root: x509.Certificate
    ) -> Credentials:
        key = self._leaf_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return Credentials(_pem(leaf, *others), key, leaf.public_bytes(Encoding.DER), _pem(*others, root))


def placeholder() -> Credentials:
    """Make the certificate of a server that has not been told what to present; nobody trusts it."""
    return Authority("local", KeyType.ECC384).self_signed(["localhost"])


def unverified_context() -> ssl.SSLContext:
    """Make a client context that takes any certificate and any TLS version: to see what a server does, never to trust.

    OpenSSL speaks TLS 1.1 at security level 0 alone.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.set_ciphers("ALL:@SECLEVEL=0")
    return context


def _pem(*certificates: x509.Certificate) -> bytes:
    return b"".join(certificate.public_bytes(Encoding.PEM) for certificate in certificates)


def _subject(attributes: Iterable[tuple[x509.ObjectIdentifier, str | None]], common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(oid, value or common_name) for oid, value in attributes])


def _around_now(not_before: datetime | None, not_after: datetime | None) -> tuple[datetime, datetime]:
    now = datetime.now(UTC)
    return not_before or now - timedelta(days=1), not_after or now + YEAR


def _authority_extensions(path_length: int | None) -> Extensions:
    yield x509.BasicConstraints(ca=True, path_length=path_length), True
    yield (
        x509.KeyUsage(
            digital_signature=True,
            key_cert_sign=True,
            crl_sign=True,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            encipher_only=False,
            decipher_only=False,
        ),
        True,
    )


def _leaf_extensions(names: Sequence[str]) -> Extensions:
    yield x509.BasicConstraints(ca=False, path_length=None), False
    if names:
        yield x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), False
