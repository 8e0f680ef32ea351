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


def certificate_verdict(target: Target) -> str | None:
    """Dial the server, ask for TLS and shake hands; nothing else is sent.

    Args:
        target: what a driver was to connect to.

    Returns:
        Why OpenSSL refuses the server's certificate; None where it does not, or where no handshake comes about:
        whoever answers now may say anything, or nothing, and a context may not be had, or not be used.
    """
    try:
        with socket.create_connection(target.via or (target.host, target.port), _SECONDS) as plain:
            plain.sendall(_SSL_REQUEST)
            plain.recv(1)
            shared_context(target.anchors).wrap_socket(plain, server_hostname=target.host).close()
    except ssl.SSLCertVerificationError as verdict:
        return str(verdict)
    except (OSError, RdsTlsError):
        return None
    return None
