"""An HTTPS server on loopback that answers by script and counts, and a CONNECT proxy that records.

Both keep each client in a thread of its own, and leave none behind.
"""

import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple, Self

from tests.local_rds import Authority, KeyType

HOST = "localhost"
DRIP_SECONDS = 0.02
# Ten seconds of it: twice what a test grants an abandoned client, and an end to a test that would hang.
DRIP_BYTES = 500


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


def drip(beginning: bytes) -> Answer:
    """Begin an answer, then go on byte by byte while the client listens."""

    def answer(handler: Handler) -> None:
        handler.wfile.write(beginning)
        for _ in range(DRIP_BYTES):
            if handler.server.stopping.wait(DRIP_SECONDS):
                return
            handler.wfile.write(b"x")

    return answer


class LocalHttps(ThreadingHTTPServer):
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
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02})

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
        # A client that does not trust the certificate hangs up; what is left is no request.
        with suppress(OSError), self._context.wrap_socket(request, server_side=True) as connection:
            super().finish_request(connection, client_address)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        self.shutdown()
        self._thread.join()
        self.server_close()


class Proxy(ThreadingHTTPServer):
    """A CONNECT proxy, used as a context manager.

    Args:
        refusal: the status to refuse every tunnel with; None lets them through.

    Attributes:
        tunnels: the ``host:port`` of every tunnel that was asked for.
        credentials: the Proxy-Authorization header that came with each of them.
    """

    daemon_threads = False

    def __init__(self, refusal: int | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _ProxyHandler)
        self.refusal = refusal
        self.tunnels: list[str] = []
        self.credentials: list[str | None] = []
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02})

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()


class _ProxyHandler(BaseHTTPRequestHandler):
    server: Proxy

    def do_CONNECT(self) -> None:
        """Record a tunnel; refuse it, or carry its bytes both ways until one side ends."""
        self.server.tunnels.append(self.path)
        self.server.credentials.append(self.headers["Proxy-Authorization"])
        if self.server.refusal:
            self.send_response(self.server.refusal)
            self.end_headers()
            return
        host, _, port = self.path.rpartition(":")
        with socket.create_connection((host, int(port))) as target:
            self.send_response(200)
            self.end_headers()
            back = threading.Thread(target=_carry, args=(target, self.connection))
            back.start()
            _carry(self.connection, target)
            back.join()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class names it
        """Keep quiet: the tests look at ``tunnels``."""


def _carry(source: socket.socket, sink: socket.socket) -> None:
    """Copy bytes until one side ends, then end both."""
    with suppress(OSError):
        while data := source.recv(65_536):
            sink.sendall(data)
    for end in (source, sink):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
