"""One handshake in an interpreter of a test's choice: ``python -m tests.context.handshake_worker WHO CA_FILE PORT``.

It prints the TLS version that was agreed on, or why OpenSSL refused. Any Python runs it, with no package installed.
"""

import socket
import ssl
import sys

import rds_tls

HOST = "orders.cluster-abc123def456.eu-west-1.rds.amazonaws.com"

TIMEOUT = 30.0  # seconds


def sealed(ca_file: str) -> ssl.SSLContext:
    """Give the context under test."""
    return rds_tls.ssl_context(HOST, settings=rds_tls.Settings(ca_file=ca_file))


def careless(ca_file: str) -> ssl.SSLContext:
    """Give a context that takes any protocol and any anchor, to show that the server and OpenSSL would."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.load_verify_locations(ca_file)
    return context


CONTEXTS = {"sealed": sealed, "careless": careless}


def shake_hands(context: ssl.SSLContext, port: int) -> str | None:
    """Shake hands with a server on loopback and say what came of it."""
    with socket.create_connection(("127.0.0.1", port), TIMEOUT) as plain:
        try:
            with context.wrap_socket(plain, server_hostname=HOST) as tls:
                return tls.version()
        except ssl.SSLError as error:
            return error.reason


if __name__ == "__main__":
    who, ca_file, port = sys.argv[1:]
    sys.stdout.write(f"{shake_hands(CONTEXTS[who](ca_file), int(port))}\n")
