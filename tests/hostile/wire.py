"""A scripted peer: it accepts connections, plays its script on each, and keeps all that it was sent."""

import select
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import NoReturn

# Far longer than anything here takes: it turns a script that waits for ever into a failure.
SAFETY_SECONDS = 30


class GoneError(Exception):
    """The client has closed its side of the connection."""


class Wire:
    """One client's connection, seen from the hostile side.

    Attributes:
        outside: every byte that came over TCP, TLS records included.
        inside: every byte that came inside TLS, decrypted.
        recovered: what the peer made of the bytes with keys of its own, such as an RSA key it handed out.
    """

    def __init__(self, client: socket.socket) -> None:
        client.settimeout(SAFETY_SECONDS)
        self.outside = bytearray()
        self.inside = bytearray()
        self.recovered = bytearray()
        self._client = client
        self._unread = bytearray()
        self._tls: ssl.SSLObject | None = None
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()

    def read(self, count: int) -> bytes:
        """Read exactly so many bytes, from inside TLS once it has started; GoneError when the client closes first."""
        while len(self._unread) < count:
            self._receive()
        data = bytes(self._unread[:count])
        del self._unread[:count]
        return data

    def listen(self) -> NoReturn:
        """Say nothing and record what comes until the client closes, which is a GoneError."""
        while True:
            self._receive()

    def send(self, data: bytes) -> None:
        """Send bytes in one piece, inside TLS once it has started."""
        if self._tls:
            self._tls.write(data)
            data = self._outgoing.read()
        self._client.sendall(data)

    def hang_up(self) -> None:
        """End the own side; what the client still sends is recorded."""
        with suppress(OSError):  # the client may be gone already
            self._client.shutdown(socket.SHUT_WR)

    def stop(self) -> None:
        """Let the script see the end once it has read what has arrived."""
        with suppress(OSError):  # as above
            self._client.shutdown(socket.SHUT_RD)

    def start_tls(self, context: ssl.SSLContext) -> None:
        """Shake hands as the server; without success send the alert, hang up and raise SSLError."""
        tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._incoming.write(self._unread)
        self._unread.clear()
        while True:
            try:
                tls.do_handshake()
            except ssl.SSLWantReadError:
                self._client.sendall(self._outgoing.read())
                self._incoming.write(self._receive_outside())
            except ssl.SSLError:
                self._client.sendall(self._outgoing.read())
                self.hang_up()
                raise
            else:
                break
        self._client.sendall(self._outgoing.read())
        self._tls = tls
        self._decrypt()

    def relay(self, upstream: socket.socket) -> None:
        """Pass bytes on in both directions until either side closes."""
        while True:
            ready, _, _ = select.select([self._client, upstream], [], [], SAFETY_SECONDS)
            if not ready:
                raise TimeoutError("neither the client nor the real server says anything")
            if self._client in ready:
                upstream.sendall(self._receive_outside())
            if upstream in ready:
                data = upstream.recv(65536)
                if not data:
                    return
                self._client.sendall(data)

    def _receive(self) -> None:
        data = self._receive_outside()
        if self._tls:
            self._incoming.write(data)
            self._decrypt()
        else:
            self._unread += data

    def _receive_outside(self) -> bytes:
        data = self._client.recv(65536)
        if not data:
            raise GoneError
        self.outside += data
        return data

    def _decrypt(self) -> None:
        assert self._tls is not None  # the callers have started it
        with suppress(ssl.SSLWantReadError):
            while data := self._tls.read(65536):
                self.inside += data
                self._unread += data


Script = Callable[[Wire], None]


class Peer:
    """A server on loopback that plays one script on every connection.

    Attributes:
        address: where it listens.
        wires: the connections so far; complete once the peer has stopped.
    """

    def __init__(self, script: Script) -> None:
        self.wires: list[Wire] = []
        self._script = script
        self._threads: list[threading.Thread] = []
        self._failures: list[BaseException] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address: tuple[str, int] = self._listener.getsockname()
        self._stopping = False

    def accept(self) -> None:
        """Serve each client in a thread of its own until the peer stops."""
        while True:
            client, _ = self._listener.accept()
            if self._stopping:
                client.close()
                return
            wire = Wire(client)
            self.wires.append(wire)
            thread = threading.Thread(target=self._play, args=(wire, client))
            self._threads.append(thread)
            thread.start()

    def stop(self) -> None:
        """Wait until every byte that clients have sent is recorded; raise what a script raised."""
        for wire in self.wires:
            wire.stop()
        for thread in self._threads:
            thread.join()
        if self._failures:
            raise self._failures[0]

    def wake(self) -> None:
        """Let `accept` return."""
        self._stopping = True
        socket.create_connection(self.address).close()

    def close(self) -> None:
        """Close the listening socket."""
        self._listener.close()

    def _play(self, wire: Wire, client: socket.socket) -> None:
        with client:
            # A client that refuses says so by an alert, by closing, or by a reset: the record is what counts.
            try:
                with suppress(ssl.SSLError):
                    self._script(wire)
                wire.listen()
            except (GoneError, ConnectionError, ssl.SSLError):
                pass
            except BaseException as failure:  # noqa: BLE001 - raised again by stop(), in the test's thread
                self._failures.append(failure)


@contextmanager
def listening(script: Script) -> Iterator[Peer]:
    """Run a peer for the length of a ``with`` block; afterwards its record is complete."""
    peer = Peer(script)
    accepting = threading.Thread(target=peer.accept)
    accepting.start()
    try:
        yield peer
    finally:
        peer.wake()
        accepting.join()
        peer.close()
        peer.stop()
