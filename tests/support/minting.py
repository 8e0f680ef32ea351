"""Certificates made on the spot, good and bad in one respect each; EC keys, because they are quick to make."""

import datetime as dt
import hashlib
import re
import ssl
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

# The day that the tests live on: within the life of every shipped root.
NOW = dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC)

KEY = ec.generate_private_key(ec.SECP256R1())
OTHER_KEY = ec.generate_private_key(ec.SECP256R1())

CA = x509.BasicConstraints(ca=True, path_length=None)
NO_CA = x509.BasicConstraints(ca=False, path_length=None)
# basicConstraints with a value that is not even DER.
BROKEN_CONSTRAINTS = x509.UnrecognizedExtension(x509.BasicConstraints.oid, b"\xff")


def key_usage(*, key_cert_sign: bool) -> x509.KeyUsage:
    """A keyUsage extension that allows signing certificates, or does not."""
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=key_cert_sign,
        crl_sign=key_cert_sign,
        encipher_only=False,
        decipher_only=False,
    )


def common_name(name: str) -> x509.Name:
    """A distinguished name that is a common name only."""
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def mint(
    name: str = "Example Root CA",
    *,
    issuer: str | None = None,
    extensions: tuple[x509.ExtensionType, ...] = (CA,),
    signing_key: ec.EllipticCurvePrivateKey = KEY,
    begin: dt.datetime = NOW - dt.timedelta(days=1),
    end: dt.datetime = NOW + dt.timedelta(days=1),
) -> x509.Certificate:
    """Make a certificate for KEY: a good self-signed root, except for what the arguments say."""
    builder = x509.CertificateBuilder(
        issuer_name=common_name(issuer or name),
        subject_name=common_name(name),
        public_key=KEY.public_key(),
        serial_number=x509.random_serial_number(),
        not_valid_before=begin,
        not_valid_after=end,
    )
    for extension in extensions:
        builder = builder.add_extension(extension, critical=True)
    return builder.sign(signing_key, hashes.SHA256())


def pem(*certificates: x509.Certificate) -> bytes:
    """Write certificates as one PEM file."""
    return b"".join(certificate.public_bytes(Encoding.PEM) for certificate in certificates)


def fingerprints(path: str) -> list[str]:
    """SHA-256 of each certificate in a PEM file, found without rds_tls and without cryptography."""
    blocks = re.findall(
        r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", Path(path).read_text("ascii"), re.DOTALL
    )
    return [hashlib.sha256(ssl.PEM_cert_to_DER_cert(block)).hexdigest() for block in blocks]
