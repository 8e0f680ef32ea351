"""What a client gave away, read off the record of its connections."""

import base64
import hashlib
import struct
from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from urllib.parse import quote

from tests.hostile.stage import HOST, SALT
from tests.hostile.wire import Wire

# Canaries: long enough that no other byte string holds them by chance.
USER = "canary-user-6f1d0c"
PASSWORD = "canary-password-9b27e4/+ =&'"  # noqa: S105 - a canary
# As an IAM token is built, and as long as with a role's session token.
TOKEN = (
    f"{HOST}:3306/?Action=connect&DBUser={USER}&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Expires=900"
    "&X-Amz-Signature=canary-signature-0c55&X-Amz-Security-Token=canary-session-token-"
).ljust(800, "x")


class Protocol(Enum):
    """The protocols that a peer can speak."""

    POSTGRESQL = "PostgreSQL"
    MYSQL = "MySQL"


def _base64(secret: bytes) -> Iterable[bytes]:
    # A secret in the middle of other bytes starts at any of three offsets; the groups at its ends depend on those.
    for offset in range(3):
        yield base64.b64encode(bytes(offset) + secret)[4:-4]


def _scramble(digest: Callable[[bytes], bytes], secret: bytes, *, salt_first: bool) -> bytes:
    once = digest(secret)
    twice = digest(once)
    mask = digest(SALT + twice if salt_first else twice + SALT)
    return bytes(left ^ right for left, right in zip(once, mask, strict=True))


# How a secret may look on the wire. The last three are MySQL's: sha2_password.cc, password.c, sha2_password_common.cc.
ENCODINGS: Mapping[str, Callable[[bytes], Iterable[bytes]]] = {
    "as it is": lambda secret: [secret],
    "backwards": lambda secret: [secret[::-1]],
    "hexadecimal": lambda secret: [secret.hex().encode(), secret.hex().upper().encode()],
    "base64": _base64,
    "per cent": lambda secret: [quote(secret, safe="").encode()],
    "UTF-16": lambda secret: [secret.decode().encode("utf-16-le")],
    "XOR with the salt": lambda secret: [bytes(byte ^ SALT[i % len(SALT)] for i, byte in enumerate(secret))],
    "mysql_native_password": lambda secret: [
        _scramble(lambda data: hashlib.sha1(data, usedforsecurity=False).digest(), secret, salt_first=True)
    ],
    "caching_sha2_password": lambda secret: [
        _scramble(lambda data: hashlib.sha256(data).digest(), secret, salt_first=False)
    ],
}


def secrets_in(data: bytes, secrets: Mapping[str, str]) -> frozenset[str]:
    """Name the secrets that the data holds, in any of `ENCODINGS`."""
    return frozenset(
        name
        for name, secret in secrets.items()
        if any(form in data for encode in ENCODINGS.values() for form in encode(secret.encode()))
    )


def secrets_read(wire: Wire, secrets: Mapping[str, str]) -> frozenset[str]:
    """Name the secrets that a hostile peer could read off a connection."""
    return secrets_in(bytes(wire.outside), secrets) | secrets_in(bytes(wire.inside + wire.recovered), secrets)


def bytes_leaked(wire: Wire, protocol: Protocol) -> int:
    """Count the bytes that a hostile peer could read, besides the request for TLS and the TLS handshake.

    No hostile peer has a certificate that the client may accept, so whatever came inside its TLS counts in full.
    """
    rest = _after_tls_request(bytes(wire.outside), protocol)
    return len(_after_tls_records(rest)) + len(wire.inside)


def asked_for_tls(wire: Wire, protocol: Protocol) -> bool:
    """Say whether the client's first bytes are its protocol's request for TLS."""
    return len(_after_tls_request(bytes(wire.outside), protocol)) < len(wire.outside)


def _after_tls_request(data: bytes, protocol: Protocol) -> bytes:
    in_postgresql = struct.pack("!II", 8, 80877103)  # SSLRequest; by it rds_tls asks a MySQL server that was silent too
    if protocol is Protocol.POSTGRESQL or data == in_postgresql:
        return data.removeprefix(in_postgresql)
    # SSLRequest: 32 bytes, packet 1; capabilities with CLIENT_SSL, largest packet, character set, 23 bytes of nothing.
    # To a server that is no MySQL (capability 1 is not set) MariaDB's library writes capabilities of MariaDB's own into
    # the last four (MariaDB Connector/C, my_auth.c, send_client_reply_packet).
    is_request = data[:4] == b"\x20\0\0\x01" and data[5:6] and data[5] & 0x08 and data[13:32] == bytes(19)
    is_request = is_request and (data[32:36] == bytes(4) or not data[4] & 0x01)
    return data[36:] if is_request else data


def _after_tls_records(data: bytes) -> bytes:
    """Skip TLS records (RFC 8446, 5.1): change of cipher, alert, handshake and, encrypted, application data."""
    while len(data) >= 5 and data[0] in range(20, 24) and data[1] == 3:
        end = 5 + int.from_bytes(data[3:5], "big")
        if len(data) < end:
            break
        data = data[end:]
    return data
