"""A caller's own CA file, taken as it is: OpenSSL itself refuses what is expired or no CA in it."""

from __future__ import annotations

import os
import stat
import time

from rds_tls.errors import TrustError
from rds_tls.roots.identity import identity_of
from rds_tls.roots.pem import BEGIN_CERTIFICATE, MAX_BYTES
from rds_tls.settings import CA_BUNDLE_VARIABLE

# File systems keep times in steps, the coarsest (FAT) of two seconds: what was changed within one before it was read
# may be changed once more and look the same. Such a file is read again with each call, until it is older.
_STEP = 2_000_000_000

# A program that writes CA files for ever does not fill its memory with their digests.
_MAX_DIGESTS = 128

# SHA-256, in hex, of each file that was read and found good, by what the file was then.
_digests: dict[tuple[int, ...], str] = {}


def checked_digest(path: str) -> str:
    """See whether a CA file can be one, and read it unless it is one that was read before and has not changed.

    Args:
        path: its path.

    Returns:
        SHA-256 of its bytes, in hex.

    Raises:
        TrustError: it cannot be read, is too large, holds a private key, or holds no PEM certificate.
    """
    try:
        digest = _digests.get(identity_of(os.stat(path)))
        if digest is not None:
            return digest
        content, settled = _read(path)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise TrustError(f"{_named(path)} cannot be read: {reason}. Name a readable PEM file.") from error
    if fault := _fault(content):
        raise TrustError(f"{_named(path)} {fault}")
    return _remember(settled, content)


def _read(path: str) -> tuple[bytes, tuple[int, ...] | None]:
    """Read a file, and say what it is; None when it might change without being another one."""
    with open(path, "rb") as file:
        before = os.fstat(file.fileno())
        content = file.read(MAX_BYTES + 1)
        after = os.fstat(file.fileno())
    unchanged = stat.S_ISREG(before.st_mode) and identity_of(before) == identity_of(after)
    old = max(before.st_mtime_ns, before.st_ctime_ns) < time.time_ns() - _STEP
    return content, identity_of(before) if unchanged and old else None


def _remember(identity: tuple[int, ...] | None, content: bytes) -> str:
    """Give the digest of a good file, and keep it for the next call."""
    import hashlib  # loads OpenSSL's, which a first context for a shipped region can do without

    digest = hashlib.sha256(content).hexdigest()
    if identity is not None:
        if len(_digests) >= _MAX_DIGESTS:
            _digests.clear()
        _digests[identity] = digest
    return digest


def _named(path: str) -> str:
    return f"the CA file {path!r} (Settings.ca_file or {CA_BUNDLE_VARIABLE})"


def _fault(content: bytes) -> str | None:
    """Say what makes these bytes no CA file, if anything does."""
    if len(content) > MAX_BYTES:
        return f"is larger than {MAX_BYTES} bytes: name a file of CA certificates only."
    if b"PRIVATE KEY-----" in content:
        return "holds a private key, which no CA file should: remove it from the file."
    if BEGIN_CERTIFICATE not in content:
        return "holds no PEM certificate: convert it first, as with 'openssl pkcs7 -inform DER -print_certs'."
    return None
