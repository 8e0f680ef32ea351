"""A second handshake with a PostgreSQL server: what a driver keeps back about a refusal, Python's TLS says."""

from __future__ import annotations

import socket
import ssl
from typing import TYPE_CHECKING

from rds_tls.context.shared import shared_context
from rds_tls.errors import RdsTlsError

if TYPE_CHECKING:
    from rds_tls.drivers import Target

# What a client sends to ask for TLS (PostgreSQL documentation, "Message Formats": SSLRequest).
_SSL_REQUEST = (8).to_bytes(4, "big") + (80877103).to_bytes(4, "big")

# How long each step may take; only a refused connection waits for it.
_SECONDS = 5.0


# How libpq words what an answer means (fe-connect.c, PQconnectPoll), for drivers that have one text for all of them.
_NO_TLS = "server does not support SSL"
_INJECTED = "received unencrypted data after SSL response"


def certificate_verdict(target: Target) -> str | None:
    """Dial the server, ask for TLS and shake hands; nothing else is sent.

    Args:
        target: what a driver was to connect to.

    Returns:
        Why OpenSSL refuses the server's certificate; None where it does not, or where no handshake comes about:
        whoever answers now may say anything, or nothing, and a context may not be had, or not be used.
    """
    try:
        with _dialled(target) as plain:
            plain.recv(1)
            shared_context(target.anchors).wrap_socket(plain, server_hostname=target.host).close()
    except ssl.SSLCertVerificationError as verdict:
        return str(verdict)
    except (OSError, RdsTlsError):
        return None
    return None


def answer_verdict(target: Target) -> str | None:
    """Dial the server and ask for TLS; nothing else is sent.

    Args:
        target: what a driver was to connect to.

    Returns:
        What the answer means, in libpq's words, where it is a no, or a yes with bytes behind it; else None.
    """
    try:
        with _dialled(target) as plain:
            answer = plain.recv(2)
    except OSError:
        return None
    if answer[:1] == b"S" and answer != b"S":
        return _INJECTED
    return _NO_TLS if answer == b"N" else None


def _dialled(target: Target) -> socket.socket:
    plain = socket.create_connection(target.via or (target.host, target.port), _SECONDS)
    try:
        plain.sendall(_SSL_REQUEST)
    except BaseException:
        plain.close()
        raise
    return plain
