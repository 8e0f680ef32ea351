"""The beginning of a connection, up to TLS and no further: both engines' requests for it, and a handshake.

Nobody is logged in here, and no name of a user is sent: what answers is looked at, and left.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import socket
    import ssl

    from rds_tls.context.dial import Deadline

Protocol = Literal["postgresql", "mysql"]

# What a client sends to ask for TLS (PostgreSQL documentation, "Message Formats": SSLRequest).
_SSL_REQUEST = (8).to_bytes(4, "big") + (80877103).to_bytes(4, "big")

# MySQL internals, "Protocol::SSLRequest": CLIENT_PROTOCOL_41, CLIENT_SSL, CLIENT_SECURE_CONNECTION and
# CLIENT_PLUGIN_AUTH; the largest packet, utf8mb4, and 23 bytes of nothing. It is the packet after the greeting.
_CLIENT_SSL = 0x800
_MYSQL_REQUEST = (
    (32).to_bytes(3, "little")
    + b"\x01"
    + (0x200 | _CLIENT_SSL | 0x8000 | 0x80000).to_bytes(4, "little")
    + (1 << 24).to_bytes(4, "little")
    + bytes([45])
    + bytes(23)
)

# The first byte of what a MySQL server says first: its greeting's protocol version, or an error's mark.
_GREETING, _ERROR = 10, 0xFF

# MySQL internals, "Protocol::HandshakeV10": what stands between the NUL behind the server's version and its
# capabilities, whose first two bytes have CLIENT_SSL: thread id, salt, filler.
_BEFORE_CAPABILITIES = 4 + 8 + 1

# MySQL internals, "MySQL Packets": a length of three bytes and a number stand before each.
_HEADER = 4

# No greeting is as long, in bytes: what says that it is, is none.
_LONGEST_GREETING = 4096


class Answer(Enum):
    """What comes of asking for TLS."""

    YES = "TLS"
    NO = "no TLS"
    MORE = "TLS, and bytes before it that are not protected"
    ERROR = "an error"
    POSTGRESQL = "PostgreSQL, where MySQL was asked for"
    MYSQL = "MySQL, where PostgreSQL was asked for"
    OTHER = "neither PostgreSQL nor MySQL"
    END = "the end of the connection"


def ask_for_tls(plain: socket.socket, protocol: Protocol, deadline: Deadline) -> Answer:
    """Ask a database server for TLS, as its clients do.

    Args:
        plain: the TCP connection; nothing has been read from it. After YES its TLS handshake is what comes next.
        protocol: which of the two to speak.
        deadline: until when to wait for the answer.

    Returns:
        What the server answers.

    Raises:
        TimeoutError: there is no answer in time; of MySQL, which speaks first, none may ever come.
        OSError: the connection is broken.
    """
    if protocol == "postgresql":
        return _ask_postgresql(plain, deadline)
    return _ask_mysql(plain, deadline)


def shake_hands(plain: socket.socket, context: ssl.SSLContext, host: str, deadline: Deadline) -> ssl.SSLSocket:
    """Shake hands on a connection whose server has agreed to TLS; nothing is sent inside it.

    Args:
        plain: the TCP connection, which belongs to what is returned.
        context: what is trusted decides this, and nothing here.
        host: the name to verify.
        deadline: until when.

    Raises:
        ssl.SSLCertVerificationError: the context does not trust the server.
        OSError: there is no TLS to be had: ``ssl.SSLError``, and TimeoutError, are ones.
        RdsTlsError: the context cannot be used, as ``SealedContext.wrap_socket`` says.
    """
    plain.settimeout(deadline.left())
    return context.wrap_socket(plain, server_hostname=host)


def _ask_postgresql(plain: socket.socket, deadline: Deadline) -> Answer:
    plain.settimeout(deadline.left())
    plain.sendall(_SSL_REQUEST)
    answer = plain.recv(5)
    if _is_mysql(answer):
        return Answer.MYSQL
    if answer[:1] == b"S" and answer[:4] != b"SSH-":
        return Answer.YES if answer == b"S" else Answer.MORE
    if answer[:1] == b"E":
        return Answer.ERROR
    return {b"N": Answer.NO, b"": Answer.END}.get(answer, Answer.OTHER)


def _is_mysql(first: bytes) -> bool:
    """Say whether bytes are the beginning of MySQL's first packet: its length, the number 0, and what it is.

    An error of PostgreSQL's own may have a length that looks like the mark of MySQL's.
    """
    return first[3:4] == b"\0" and (first[4:5] == bytes([_GREETING]) or (first[4:5] == b"\xff" and first[:1] != b"E"))


def _ask_mysql(plain: socket.socket, deadline: Deadline) -> Answer:
    data = b""
    while len(data) < _HEADER + _length(data):
        plain.settimeout(deadline.left())
        more = plain.recv(_LONGEST_GREETING)
        data += more
        if not more:
            return Answer.OTHER if data else Answer.END
        if len(data) > _HEADER and not _is_mysql(data):
            return Answer.OTHER
    end = _HEADER + _length(data)
    greeting, rest = data[_HEADER:end], data[end:]
    if greeting[0] == _ERROR:
        return Answer.ERROR
    if not _offers_tls(greeting):
        return Answer.NO
    if rest:
        return Answer.MORE
    plain.sendall(_MYSQL_REQUEST)
    return Answer.YES


def _length(data: bytes) -> int:
    """Give the length that a packet says it has, of its body; one at least, so that its first byte is waited for."""
    return min(max(1, int.from_bytes(data[:3], "little")), _LONGEST_GREETING)


def _offers_tls(greeting: bytes) -> bool:
    capabilities = greeting.find(b"\0", 1) + 1 + _BEFORE_CAPABILITIES
    return bool(int.from_bytes(greeting[capabilities : capabilities + 2], "little") & _CLIENT_SSL)
