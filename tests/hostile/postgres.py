"""Hostile PostgreSQL servers (PostgreSQL documentation, "Message Formats" and "SSL Session Encryption").

Whatever a client does after the attack, it is asked for its password in clear text.
"""

import socket
import struct
from collections.abc import Callable

from tests.hostile.stage import INJECTED, Stage
from tests.hostile.wire import SAFETY_SECONDS, Wire

SSL_REQUEST = struct.pack("!II", 8, 80877103)
GSS_REQUEST = struct.pack("!II", 8, 80877104)

Answer = Callable[[Wire, Stage], None]


def _message(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!I", 4 + len(body)) + body


ASK_FOR_PASSWORD = _message(b"R", struct.pack("!I", 3))  # AuthenticationCleartextPassword
ERROR = _message(b"E", b"SFATAL\0VFATAL\0C28000\0M" + INJECTED + b"\0\0")
# AuthenticationOk and ReadyForQuery: a client that takes them believes that it has logged in.
LOGGED_IN = _message(b"R", struct.pack("!I", 0)) + _message(b"Z", b"I")


def play(answer: Answer, *, to_gss: bytes = b"N") -> Answer:
    """Make a script that gives this answer to each SSLRequest, and asks for the password after a StartupMessage."""

    def script(wire: Wire, stage: Stage) -> None:
        while True:
            request = wire.read(8)
            if request == SSL_REQUEST:
                answer(wire, stage)
            elif request == GSS_REQUEST:
                wire.send(to_gss)
            else:
                (length,) = struct.unpack("!I", request[:4])
                wire.read(length - len(request))
                return _ask_for_password(wire)

    return script


def _ask_for_password(wire: Wire) -> None:
    wire.send(ASK_FOR_PASSWORD)
    _, length = struct.unpack("!cI", wire.read(5))
    wire.read(length - 4)
    wire.hang_up()


def refuse(wire: Wire, _: Stage) -> None:
    """Answer N: no TLS here, go on in clear text."""
    wire.send(b"N")


def fail(wire: Wire, _: Stage) -> None:
    """Answer E: an error, as servers older than TLS give."""
    wire.send(ERROR)
    wire.hang_up()


def close(wire: Wire, _: Stage) -> None:
    """Close the connection."""
    wire.hang_up()


def stall(wire: Wire, _: Stage) -> None:
    """Answer nothing."""
    wire.listen()


def stall_handshake(wire: Wire, _: Stage) -> None:
    """Answer S, and nothing to the ClientHello."""
    wire.send(b"S")
    wire.listen()


def answer_in_clear(wire: Wire, _: Stage) -> None:
    """Answer S, and ask for the password in place of a ServerHello."""
    wire.send(b"S")
    wire.read(1)
    wire.send(ASK_FOR_PASSWORD)
    wire.listen()


def accept(wire: Wire, stage: Stage) -> None:
    """Answer S, and shake hands with the certificate of the attack."""
    wire.send(b"S")
    wire.start_tls(stage.context)


def inject(data: bytes) -> Answer:
    """Answer S with more bytes in the same segment, and shake hands with the certificate of the attack."""

    def answer(wire: Wire, stage: Stage) -> None:
        wire.send(b"S" + data)
        wire.start_tls(stage.context)

    return answer


def inject_and_relay(data: bytes) -> Answer:
    """Sit between the client and the real server, and put bytes behind its S."""

    def script(wire: Wire, stage: Stage) -> None:
        with socket.create_connection(stage.upstream, SAFETY_SECONDS) as upstream:
            upstream.sendall(wire.read(len(SSL_REQUEST)))
            wire.send(upstream.recv(1) + data)
            wire.relay(upstream)

    return script
