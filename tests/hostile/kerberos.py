"""A Kerberos ticket that no realm has issued, so that libpq would try GSS encryption where it may.

libpq sends a GSSENCRequest only when the user has a ticket (fe-connect.c, pg_GSS_have_cred_cache).
"""

import struct
import time
from pathlib import Path

_REALM = b"EXAMPLE.TEST"
_AES256 = 18  # RFC 3962
_DAY = 86_400


def _counted(data: bytes) -> bytes:
    return struct.pack("!I", len(data)) + data


def _principal(*parts: bytes) -> bytes:
    return struct.pack("!II", 1, len(parts)) + _counted(_REALM) + b"".join(map(_counted, parts))


def write_ticket(path: Path) -> str:
    """Write a credential cache (MIT Kerberos documentation, "Credential cache file format", version 4).

    Args:
        path: where to write it.

    Returns:
        The value for KRB5CCNAME.
    """
    user, now = _principal(b"canary"), int(time.time())
    ticket = (
        user
        + _principal(b"krbtgt", _REALM)
        + struct.pack("!H", _AES256)
        + _counted(bytes(32))
        + struct.pack("!IIII", now, now, now + _DAY, now + _DAY)
        + bytes(1 + 4 + 4 + 4)  # no session key, flags, addresses or authorization data
        + _counted(b"not a ticket")
        + _counted(b"")
    )
    path.write_bytes(struct.pack("!HH", 0x0504, 0) + user + ticket)
    return f"FILE:{path}"
