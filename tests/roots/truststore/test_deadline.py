"""A download ends in time, whoever is silent: the resolver, the host, the server or a proxy."""

import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from rds_tls.settings import Settings
from tests.roots.truststore.conftest import SHORT, failure, workers_left
from tests.support.local_https import LocalHttps, Proxy, drip, reply
from tests.support.programs import run


def test_no_pause_passes_the_deadline(server: LocalHttps, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pause that would pass the total timeout ends the download with the failure before it."""
    monkeypatch.setattr("rds_tls.roots.truststore.download._PAUSES", (3600.0, 3600.0))
    error = failure(server.url("/roots.pem", reply(500)), settings)
    assert len(server.seen) == 1
    assert error.cause == "the server answered with status 500"


def test_refused_connection_says_so(settings: Settings) -> None:
    """A port where nobody listens is an error of its own."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        assert failure(f"https://127.0.0.1:{port}/", settings).cause == "the connection was refused"


def test_unknown_host_is_an_error_of_dns(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that does not resolve is looked up three times, and the error says DNS."""
    lookups = []

    def resolver(host: str, *_: object, **__: object) -> list[Any]:
        lookups.append(host)
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", resolver)
    error = failure("https://truststore.invalid/roots.pem", settings)
    assert "DNS" in error.cause
    assert "Name or service not known" in error.cause
    assert lookups == ["truststore.invalid"] * 3


@pytest.fixture
def released() -> Iterator[threading.Event]:
    """An event that is set at the end of the test, whatever happens."""
    event = threading.Event()
    yield event
    event.set()


def test_resolver_that_never_answers(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, released: threading.Event
) -> None:
    """The total timeout holds although nothing can interrupt a name lookup."""

    def resolver(*_: object, **__: object) -> list[Any]:
        released.wait(5)
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", resolver)
    error = failure("https://truststore.invalid/roots.pem", settings._replace(total_timeout=SHORT))
    assert (error.cause, error.missing) == (f"no answer in time ({SHORT} s)", False)


def fill_backlog(listener: socket.socket, stack: ExitStack) -> None:
    """Connect until the listener's queue is full, so that later connections are never answered."""
    listener.listen(0)
    for _ in range(8):
        client = stack.enter_context(socket.socket())
        client.settimeout(0)
        client.connect_ex(listener.getsockname())


def accept_nothing(listener: socket.socket, _: ExitStack) -> None:
    """Let the system take connections that nobody will ever read from."""
    listener.listen(8)


@pytest.fixture(params=[fill_backlog, accept_nothing])
def black_hole(request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of a host that never answers, before TCP or before TLS."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        request.param(listener, stack)
        yield f"https://127.0.0.1:{listener.getsockname()[1]}/roots.pem"


def test_black_hole_is_given_up_by_the_time_to_connect(settings: Settings, black_hole: str) -> None:
    """Each of three attempts ends by itself, long before the total timeout, whose own error names its seconds."""
    error = failure(black_hole, settings._replace(connect_timeout=0.2, total_timeout=60))
    assert (error.cause, error.missing) == ("no answer in time", False)


def test_black_hole_is_given_up_by_the_total_timeout(settings: Settings, black_hole: str) -> None:
    """A longer time to connect holds neither the caller nor the worker, while the host goes on being silent."""
    error = failure(black_hole, settings._replace(connect_timeout=60, total_timeout=SHORT))
    assert (error.cause.removesuffix(f" ({SHORT} s)"), error.missing) == ("no answer in time", False)
    assert workers_left() == []


def test_exit_does_not_wait_for_a_dead_resolver() -> None:
    """A program whose download was given up ends, although the worker still waits for an answer from DNS."""
    assert run("roots/programs/dead_resolver.py") == "no answer in time (0.1 s)\n"


@pytest.mark.parametrize(
    "beginning",
    [b"", b"HTTP/1.0 ", b"HTTP/1.0 200 OK\r\nX-Slow: ", b"HTTP/1.0 200 OK\r\nContent-Length: 100000\r\n\r\n"],
    ids=["before the status", "status", "header", "body"],
)
def test_dripping_answer_ends_in_time(server: LocalHttps, settings: Settings, beginning: bytes) -> None:
    """An answer that comes byte by byte is given up, and the abandoned worker hangs up by itself."""
    url = server.url("/roots.pem", drip(beginning))
    error = failure(url, settings._replace(total_timeout=SHORT))
    assert error.cause.startswith("no answer in time")
    # The server still drips: nothing but the deadline ends the worker.
    assert (workers_left(), server.stopping.is_set()) == ([], False)


def test_drip_through_a_proxy_ends_in_time(
    server: LocalHttps, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The deadline holds inside a tunnel."""
    with Proxy() as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.server_port}")
        url = server.url("/roots.pem", drip(b"HTTP/1.0 200 OK\r\n\r\n"))
        error = failure(url, settings._replace(total_timeout=SHORT))
        assert workers_left() == []
    assert error.cause.startswith("no answer in time")
