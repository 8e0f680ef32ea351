"""The first words of both engines: what a server answers to a request for TLS, and for how long it is waited for."""

import socket
import struct
from collections.abc import Callable

import pytest

from rds_tls.context.dial import Deadline
from rds_tls.context.handshake import Answer, Protocol, ask_for_tls, shake_hands
from tests.conftest import Pki
from tests.hostile import mysql as hostile_mysql
from tests.hostile.postgres import ERROR, SSL_REQUEST
from tests.hostile.stage import HOST
from tests.hostile.wire import SAFETY_SECONDS, Wire, listening
from tests.support.local_rds import MySqlCompatibleServer, PostgresServer
from tests.support.local_rds.pki import unverified_context

GREETING = hostile_mysql._greeting(hostile_mysql.CAPABILITIES | hostile_mysql.CLIENT_SSL)
WITHOUT_TLS = hostile_mysql._greeting(hostile_mysql.CAPABILITIES)
HOST_IS_BLOCKED = struct.pack("<I", 9) + b"\xff" + struct.pack("<H", 1129) + b"Host '"


def with_length(length: int, rest: bytes) -> bytes:
    """Begin a packet of MySQL's: a length may look like any of PostgreSQL's answers."""
    return length.to_bytes(3, "little") + rest


# What the server says, at once or to the request -> what that is.
TO_POSTGRESQL = {
    b"S": Answer.YES,
    b"N": Answer.NO,
    b"S\x16": Answer.MORE,
    b"": Answer.END,
    ERROR: Answer.ERROR,
    b"E\0\0\0\xffSFATAL\0": Answer.ERROR,
    GREETING: Answer.MYSQL,
    HOST_IS_BLOCKED: Answer.MYSQL,
    with_length(ord("S"), b"\0\x0a8.0"): Answer.MYSQL,
    with_length(ord("N"), b"\0\x0a8.0"): Answer.MYSQL,
    with_length(ord("E"), b"\0\x0a8.0"): Answer.MYSQL,
    b"HTTP/1.1 400 Bad Request": Answer.OTHER,
    b"SSH-2.0-OpenSSH_9.2": Answer.OTHER,
    b"No": Answer.OTHER,
}
TO_MYSQL = {
    GREETING: Answer.YES,
    GREETING + b"x": Answer.MORE,
    WITHOUT_TLS: Answer.NO,
    HOST_IS_BLOCKED: Answer.ERROR,
    b"": Answer.END,
    GREETING[:9]: Answer.OTHER,
    b"SSH-2.0-OpenSSH_9.2\r\n": Answer.OTHER,
    with_length(2**24 - 1, b"\0\x0a") + bytes(5000): Answer.NO,
    with_length(0, b"\0\x0a"): Answer.NO,
}


def answer_to(protocol: Protocol, script: Callable[[Wire], None]) -> Answer:
    """Ask a scripted server for TLS."""
    with listening(script) as peer, socket.create_connection(peer.address) as plain:
        return ask_for_tls(plain, protocol, Deadline(SAFETY_SECONDS))


@pytest.mark.parametrize(("said", "answer"), TO_POSTGRESQL.items(), ids=repr)
def test_answers_to_postgresql(said: bytes, answer: Answer) -> None:
    """What is said to PostgreSQL's request, by PostgreSQL or by others."""

    def script(wire: Wire) -> None:
        assert wire.read(8) == SSL_REQUEST
        if said:
            wire.send(said)
        wire.hang_up()

    assert answer_to("postgresql", script) is answer


@pytest.mark.parametrize(("said", "answer"), TO_MYSQL.items(), ids=lambda value: repr(value)[:40])
def test_answers_to_mysql(said: bytes, answer: Answer) -> None:
    """What is said first, by MySQL or by others; a greeting may come in pieces."""

    def script(wire: Wire) -> None:
        for piece in (said[:3], said[3:]):
            if piece:
                wire.send(piece)
        wire.hang_up()

    assert answer_to("mysql", script) is answer


@pytest.mark.parametrize("protocol", ["postgresql", "mysql"])
def test_silence_ends_in_time(protocol: Protocol) -> None:
    """A server that says nothing is waited for no longer than asked."""
    with listening(Wire.listen) as peer, socket.create_connection(peer.address) as plain, pytest.raises(TimeoutError):
        ask_for_tls(plain, protocol, Deadline(0.05))


def test_drip_ends_in_time() -> None:
    """Nor one that says a little at a time: one deadline holds for all of it."""
    looks = []

    class Passing(Deadline):
        def left(self) -> float:
            looks.append(self)
            if len(looks) > 3:
                raise TimeoutError("timed out")
            server.send(GREETING[len(looks) : len(looks) + 1])  # the next byte, when the last one has been read
            return SAFETY_SECONDS

    client, server = socket.socketpair()
    with client, server, pytest.raises(TimeoutError):
        ask_for_tls(client, "mysql", Passing(None))
    assert len(looks) == 4


def assert_shakes_hands(protocol: Protocol, address: tuple[str, int]) -> None:
    """Shake hands up to TLS 1.2 or later."""
    deadline = Deadline(SAFETY_SECONDS)
    with socket.create_connection(address) as plain:
        assert ask_for_tls(plain, protocol, deadline) is Answer.YES
        with shake_hands(plain, unverified_context(), HOST, deadline) as tls:
            assert tls.version() in {"TLSv1.2", "TLSv1.3"}


def test_postgresql_shakes_hands(postgres: PostgresServer, pki: Pki) -> None:
    """With a real server."""
    postgres.present(pki.authority.issue([HOST]))
    assert_shakes_hands("postgresql", (postgres.host, postgres.port))


def test_mysql_shakes_hands(mysql: MySqlCompatibleServer, pki: Pki) -> None:
    """With each kind."""
    mysql.present(pki.authority.issue([HOST]))
    assert_shakes_hands("mysql", (mysql.host, mysql.port))


@pytest.mark.parametrize("protocol", ["postgresql", "mysql"])
def test_nothing_but_the_request_is_sent(protocol: Protocol) -> None:
    """No name of a user, and nothing inside TLS: the server reads the request and a handshake."""

    def script(wire: Wire) -> None:
        if protocol == "mysql":
            wire.send(GREETING)
            assert wire.read(36)[3] == 1
        else:
            wire.read(8)
            wire.send(b"S")
        wire.read(1)
        wire.hang_up()

    deadline = Deadline(SAFETY_SECONDS)
    with listening(script) as peer, socket.create_connection(peer.address) as plain:
        assert ask_for_tls(plain, protocol, deadline) is Answer.YES
        with pytest.raises(OSError, match=r"EOF|reset"):
            shake_hands(plain, unverified_context(), HOST, deadline)
    (wire,) = peer.wires
    request = 36 if protocol == "mysql" else 8
    assert bytes(wire.outside)[request : request + 1] == b"\x16"  # a TLS record: handshake
