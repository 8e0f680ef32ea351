"""Roots for programs that read no PEM: Windows takes PKCS#7, and Java a PKCS#12 that says what it may trust."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, pkcs7, pkcs12

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rds_tls.roots.bundle import Root

# What keytool and every Java program expect of a trust store, which holds nothing secret (JSSE Reference Guide,
# "Customizing the Default Keystores and Truststores").
JAVA_PASSWORD = "changeit"  # noqa: S105 - nobody's secret


def to_pkcs7(roots: Iterable[Root]) -> bytes:
    """Write roots as PKCS#7 in DER, as AWS's own .p7b files are."""
    return pkcs7.serialize_certificates(list(map(_certificate, roots)), Encoding.DER)


def to_java_truststore(roots: Iterable[Root]) -> bytes:
    """Write roots as a PKCS#12 trust store under ``JAVA_PASSWORD``.

    Java overlooks a certificate in a PKCS#12 that has no attribute of its own, trustedKeyUsage: ordinary PKCS#12 files
    lead it to "the trustAnchors parameter must be non-empty" (OpenJDK, PKCS12KeyStore.java).
    """
    entries = [pkcs12.PKCS12Certificate(_certificate(root), root.name.encode()) for root in roots]
    return pkcs12.serialize_java_truststore(entries, BestAvailableEncryption(JAVA_PASSWORD.encode()))


def _certificate(root: Root) -> x509.Certificate:
    return x509.load_der_x509_certificate(root.der)
