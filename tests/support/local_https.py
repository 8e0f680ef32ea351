"""An HTTPS server on loopback that answers by script and counts, and a CONNECT proxy that records.

Both keep each client in a thread of its own, and leave none behind.
"""

import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import SimpleQueue
from select import select
from typing import Any, NamedTuple

from tests.support.local_rds import Authority, KeyType
from tests.support.serving import Served

HOST = "localhost"
DRIP_SECONDS = 0.02
# Ten seconds of it: twice what a test grants an abandoned client, and an end to a test that would hang.
DRIP_BYTES = 500
# More than any client should take of one answer, and little enough for one that takes it all.
ENDLESS_BYTES = 128 * 1_048_576


class Seen(NamedTuple):
    """A request that the server got."""

    path: str
    headers: Mapping[str, str]


class Handler(BaseHTTPRequestHandler):
    """Answers each request by the script of its path, and closes the connection after it (HTTP/1.0)."""

    server: "LocalHttps"

    def do_GET(self) -> None:
        """Record the request and give the path's next answer; the last one is given for ever."""
        self.server.seen.append(Seen(self.path, dict(self.headers.items())))
        answers = self.server.answers[self.path]
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        # A client that has seen enough hangs up.
        with suppress(OSError):
            answer(self)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class names it
        """Keep quiet: the tests look at ``seen``."""


Answer = Callable[[Handler], None]


def reply(status: int = 200, body: bytes = b"", *, length: int | None = -1, **headers: str) -> Answer:
    """Answer with a status, headers and a body.

    Args:
        status: the HTTP status.
        body: what is sent, all of it.
        length: the Content-Length header; the truth by default, None for no such header.
        headers: more headers, with ``_`` for ``-``.
    """

    def answer(handler: Handler) -> None:
        handler.send_response(status)
        if length is not None:
            handler.send_header("Content-Length", str(len(body) if length < 0 else length))
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def raw(content: bytes) -> Answer:
    """Answer with these bytes and no others."""

    def answer(handler: Handler) -> None:
        handler.wfile.write(content)

    return answer


def drip(beginning: bytes) -> Answer:
    """Begin an answer, then go on byte by byte while the client listens."""

    def answer(handler: Handler) -> None:
        handler.wfile.write(beginning)
        for _ in range(DRIP_BYTES):
            if handler.server.stopping.wait(DRIP_SECONDS):
                return
            handler.wfile.write(b"x")

    return answer


class Endless:
    """An answer, of a server or a proxy, that begins in one way and repeats another while the client listens.

    Attributes:
        sent: gives, once the client has hung up, how many bytes were sent.
    """

    def __init__(self, beginning: bytes, repeated: bytes) -> None:
        self._beginning = beginning
        self._block = repeated * (65_536 // len(repeated))
        self.sent: SimpleQueue[int] = SimpleQueue()

    def __call__(self, handler: BaseHTTPRequestHandler) -> None:
        """Answer a request."""
        sent = 0
        try:
            handler.wfile.write(self._beginning)
            while sent < ENDLESS_BYTES:
                handler.wfile.write(self._block)
                sent += len(self._block)
        finally:
            self.sent.put(sent)


class LocalHttps(Served, ThreadingHTTPServer):
    """An HTTPS server for ``localhost``; use it as a context manager.

    Args:
        folder: where its certificate files go.

    Attributes:
        ca_file: the PEM file of the root that its certificate leads to.
        answers: by path, the answers still to be given.
        seen: the requests so far.
        connections: how many TCP connections were accepted.
        stopping: set when the server is about to end.
    """

    daemon_threads = False

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        authority = Authority("local", KeyType.ECC384)
        credentials = authority.issue([HOST])
        self.ca_file = folder / "ca.pem"
        self.ca_file.write_bytes(authority.root_pem)
        pair = folder / "server.pem"
        pair.write_bytes(credentials.chain_pem + credentials.key_pem)
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(pair)
        self.answers: dict[str, list[Answer]] = {}
        self.seen: list[Seen] = []
        self.connections = 0
        self.stopping = threading.Event()

    def url(self, path: str, *answers: Answer) -> str:
        """Set the answers that a path gives, one after the other, and return its URL."""
        self.answers[path] = list(answers)
        return f"https://{HOST}:{self.server_port}{path}"

    def get_request(self) -> tuple[socket.socket, Any]:
        """Count connections."""
        self.connections += 1
        return super().get_request()

    def finish_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401  as the base class has it
        """Start TLS in the client's own thread, so that nobody waits for a slow handshake."""
        self.finish_tls(request, partial(super().finish_request, client_address=client_address))

    def finish_tls(self, request: socket.socket, finish: Callable[[Any], None]) -> None:
        """Start TLS with a client, and finish its request."""
        # A client that does not trust the certificate hangs up; what is left is no request.
        with suppress(OSError), self._context.wrap_socket(request, server_side=True) as connection:
            finish(connection)

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        super().__exit__()


class Proxy(Served, ThreadingHTTPServer):
    """A CONNECT proxy, used as a context manager.

    Args:
        refusal: the status to refuse every tunnel with, or an answer to give to it; None lets them through.
        tls: the server whose certificate it speaks TLS with; None for a proxy in clear.

    Attributes:
        tunnels: the ``host:port`` of every tunnel that was asked for.
        credentials: the Proxy-Authorization header that came with each of them.
        url: what a client names it by.
    """

    daemon_threads = False

    def __init__(self, refusal: "int | Endless | None" = None, tls: LocalHttps | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _ProxyHandler)
        self.refusal = refusal
        self._tls = tls
        self.tunnels: list[str] = []
        self.credentials: list[str | None] = []
        self.url = f"https://{HOST}:{self.server_port}" if tls else f"http://127.0.0.1:{self.server_port}"

    def finish_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401  as the base class has it
        """Start TLS where it is wanted."""
        if self._tls is None:
            super().finish_request(request, client_address)
        else:
            self._tls.finish_tls(request, partial(super().finish_request, client_address=client_address))


class _ProxyHandler(BaseHTTPRequestHandler):
    server: Proxy

    def do_CONNECT(self) -> None:
        """Record a tunnel; refuse it, or carry its bytes both ways until one side ends."""
        self.server.tunnels.append(self.path)
        self.server.credentials.append(self.headers["Proxy-Authorization"])
        if isinstance(self.server.refusal, Endless):
            with suppress(OSError):
                self.server.refusal(self)
            return
        if self.server.refusal:
            self.send_response(self.server.refusal)
            self.end_headers()
            return
        host, _, port = self.path.rpartition(":")
        with socket.create_connection((host, int(port))) as target:
            self.send_response(200)
            self.end_headers()
            _carry(self.connection, target)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class names it
        """Keep quiet: the tests look at ``tunnels``."""


def _carry(client: socket.socket, target: socket.socket) -> None:
    """Copy bytes both ways until one side ends; in one thread, since two must not use one TLS connection."""
    other = {client: target, target: client}
    with suppress(OSError):
        while True:
            waiting = isinstance(client, ssl.SSLSocket) and client.pending()
            for source in [client] if waiting else select([client, target], [], [])[0]:
                data = source.recv(65_536)
                if not data:
                    return
                other[source].sendall(data)
