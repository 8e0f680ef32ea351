"""A caller's own CA file, taken as it is: OpenSSL itself refuses what is expired or no CA in it."""

import hashlib

from rds_tls.errors import TrustError
from rds_tls.roots.pem import BEGIN_CERTIFICATE, MAX_BYTES
from rds_tls.settings import CA_BUNDLE_VARIABLE


def checked_digest(path: str) -> str:
    """Read a CA file, and see whether it can be one.

    Args:
        path: its path.

    Returns:
        SHA-256 of its bytes, in hex.

    Raises:
        TrustError: it cannot be read, is too large, holds a private key, or holds no PEM certificate.
    """
    origin = f"the CA file {path!r} (Settings.ca_file or {CA_BUNDLE_VARIABLE})"
    try:
        with open(path, "rb") as file:
            content = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise TrustError(f"{origin} cannot be read: {reason}. Name a readable PEM file.") from error
    if fault := _fault(content):
        raise TrustError(f"{origin} {fault}")
    return hashlib.sha256(content).hexdigest()


def _fault(content: bytes) -> str | None:
    """Say what makes these bytes no CA file, if anything does."""
    if len(content) > MAX_BYTES:
        return f"is larger than {MAX_BYTES} bytes: name a file of CA certificates only."
    if b"PRIVATE KEY-----" in content:
        return "holds a private key, which no CA file should: remove it from the file."
    if BEGIN_CERTIFICATE not in content:
        return "holds no PEM certificate: convert it first, as with 'openssl pkcs7 -inform DER -print_certs'."
    return None
