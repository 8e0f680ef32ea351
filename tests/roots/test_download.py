"""Downloads from a real HTTPS server on loopback, on good days and on bad ones."""

import math
import re
import socket
import threading
import time
import tracemalloc
from base64 import b64encode
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import requests

import rds_tls
from rds_tls.errors import DownloadError, TrustError
from rds_tls.roots.origin import NOTHING_KNOWN, Origin, Validators
from rds_tls.roots.truststore.download import Download, _session, download
from rds_tls.roots.truststore.limits import Limits
from rds_tls.settings import Settings
from tests.support.local_https import Answer, Endless, LocalHttps, Proxy, drip, raw, reply
from tests.support.programs import run

PEM = b"-----BEGIN CERTIFICATE-----\n"
PROXY_VARIABLES = ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy")
CA_VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
# What SECURITY.md promises, as a number of its own.
ONE_MIB = 1_048_576
# Long enough for the slowest machine to give up by itself, short enough to wait for.
SHORT = 0.5


@pytest.fixture
def server(https: LocalHttps) -> LocalHttps:
    """The server with nothing scripted and nothing counted yet."""
    https.answers.clear()
    https.seen.clear()
    https.connections = 0
    return https


@pytest.fixture
def settings(server: LocalHttps) -> Settings:
    """Settings that trust the server."""
    return Settings(mirror_ca_file=server.ca_file)


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget the proxies and CA files of whoever runs the tests."""
    for name in (*PROXY_VARIABLES, *CA_VARIABLES):
        monkeypatch.delenv(name, raising=False)


def workers_left() -> list[threading.Thread]:
    """Return the worker threads that do not end by themselves, granting each 5 s."""
    workers = [thread for thread in threading.enumerate() if thread.name == "rds-tls-download"]
    for worker in workers:
        worker.join(5)
    return [worker for worker in workers if worker.is_alive()]


@pytest.fixture(autouse=True)
def _no_worker_is_left() -> Iterator[None]:
    """Fail a test that leaves a worker thread behind."""
    yield
    assert workers_left() == []


def failure(url: str, settings: Settings, validators: Validators = NOTHING_KNOWN) -> DownloadError:
    """Return the error that a download must end with."""
    with pytest.raises(DownloadError) as caught:
        download(url, settings, validators)
    return caught.value


def test_file_arrives_with_its_validators(server: LocalHttps, settings: Settings) -> None:
    """A download returns the bytes, and the validators for the next one."""
    url = server.url("/roots.pem", reply(body=PEM, ETag='"v1"', Last_Modified="Mon, 23 Nov 2026 12:00:00 GMT"))
    before = time.time()
    found = download(url, settings)
    assert found == Download(
        PEM, Origin(url, Validators('"v1"', "Mon, 23 Nov 2026 12:00:00 GMT"), found.origin.fetched_at)
    )
    assert before <= found.origin.fetched_at <= time.time()


def test_request_names_its_version_and_wants_no_compression(server: LocalHttps, settings: Settings) -> None:
    """The server learns the version of rds_tls, and is asked for the file as it is."""
    download(server.url("/roots.pem", reply(body=PEM)), settings)
    headers = server.seen[0].headers
    assert (f"rds-tls/{rds_tls.__version__}", "identity") == (headers["User-Agent"], headers["Accept-Encoding"])


def test_file_without_validators(server: LocalHttps, settings: Settings) -> None:
    """A server that sends no validators gets an unconditional request the next time."""
    url = server.url("/roots.pem", reply(body=PEM))
    validators = download(url, settings).origin.validators
    download(url, settings, validators)
    assert Validators(None, None) == validators
    assert {"If-None-Match", "If-Modified-Since"}.isdisjoint(server.seen[1].headers)


def test_unchanged_file_has_no_content(server: LocalHttps, settings: Settings) -> None:
    """A 304 returns None and keeps each validator that it does not replace."""
    sent = Validators('"v1"', "Mon, 23 Nov 2026 12:00:00 GMT")
    url = server.url("/roots.pem", reply(304, length=None, ETag='"v2"'))
    found = download(url, settings, sent)
    assert found == Download(None, Origin(url, sent._replace(etag='"v2"'), found.origin.fetched_at))
    headers = server.seen[0].headers
    assert sent == (headers["If-None-Match"], headers["If-Modified-Since"])


def test_unasked_304_is_refused(server: LocalHttps, settings: Settings) -> None:
    """A 304 to a request without validators would leave the caller with nothing."""
    error = failure(server.url("/roots.pem", reply(304, length=None)), settings)
    assert error.cause == "the server answered with status 304"


def test_largest_file_is_taken(server: LocalHttps, settings: Settings) -> None:
    """A file of exactly the limit arrives whole."""
    content = download(server.url("/roots.pem", reply(body=bytes(ONE_MIB))), settings).content
    assert content is not None
    assert len(content) == ONE_MIB


@pytest.mark.parametrize("status", [403, 404])
def test_missing_file_is_told_from_other_failures(server: LocalHttps, settings: Settings, status: int) -> None:
    """403 and 404 mean that there is no such file, and are asked only once."""
    error = failure(server.url("/roots.pem", reply(status)), settings)
    assert (f"the server answered with status {status}", True) == (error.cause, error.missing)
    assert len(server.seen) == 1


@pytest.mark.parametrize("status", [204, 206, 400, 401, 410])
def test_other_status_is_final(server: LocalHttps, settings: Settings, status: int) -> None:
    """A status that promises no whole file, and nothing better later, is an error at once."""
    error = failure(server.url("/roots.pem", reply(status, PEM)), settings)
    assert (f"the server answered with status {status}", False) == (error.cause, error.missing)
    assert len(server.seen) == 1


@pytest.mark.parametrize("status", [429, 500, 503])
def test_passing_trouble_is_tried_again(server: LocalHttps, settings: Settings, status: int) -> None:
    """After a 429 or a 5xx the file is asked for again, whatever Retry-After says."""
    url = server.url("/roots.pem", reply(status, Retry_After="3600"), reply(body=PEM))
    assert download(url, settings).content == PEM
    assert len(server.seen) == 2


def test_lasting_trouble_is_tried_three_times(server: LocalHttps, settings: Settings) -> None:
    """A server that answers 500 for ever is asked three times."""
    error = failure(server.url("/roots.pem", reply(500)), settings)
    assert (error.cause, error.missing) == ("the server answered with status 500", False)
    assert len(server.seen) == 3


def test_no_pause_passes_the_deadline(server: LocalHttps, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pause that would pass the total timeout ends the download with the failure before it."""
    monkeypatch.setattr("rds_tls.roots.truststore.download._PAUSES", (3600.0, 3600.0))
    error = failure(server.url("/roots.pem", reply(500)), settings)
    assert len(server.seen) == 1
    assert error.cause == "the server answered with status 500"


def test_broken_connection_is_tried_again(server: LocalHttps, settings: Settings) -> None:
    """A connection that ends in the middle of a body is an error of that attempt only."""
    url = server.url("/roots.pem", reply(body=PEM, length=100), reply(body=PEM))
    assert download(url, settings).content == PEM


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        (reply(body=PEM, length=2 * len(PEM)), "the answer is shorter than its Content-Length"),
        (reply(body=b""), "the file is empty"),
        (reply(body=b"", length=None), "the file is empty"),
        (reply(body=bytes(2 * ONE_MIB)), f"the file is larger than {ONE_MIB} bytes"),
        (reply(body=bytes(2 * ONE_MIB), length=None), f"the file is larger than {ONE_MIB} bytes"),
        (reply(body=bytes(ONE_MIB + 1), length=None), f"the file is larger than {ONE_MIB} bytes"),
        (drip(f"HTTP/1.0 200 OK\r\nContent-Length: {ONE_MIB + 1}\r\n\r\n".encode()), "the file is larger than"),
        (reply(body=PEM, Content_Encoding="gzip"), "the answer is compressed, which was not asked for"),
        (raw(b"220 smtp.example ESMTP\r\n"), "the answer is not HTTP"),
        (lambda _: None, "the connection broke"),
    ],
    ids=[
        "half",
        "empty",
        "empty, unannounced",
        "2 MiB",
        "2 MiB, unannounced",
        "a byte more, unannounced",
        "announced as larger, never sent",
        "compressed",
        "not HTTP",
        "hung up",
    ],
)
def test_bad_answer_is_refused(server: LocalHttps, settings: Settings, answer: Answer, cause: str) -> None:
    """An answer that cannot be a whole file of a bundle's size is an error that says why."""
    error = failure(server.url("/roots.pem", answer), settings)
    assert error.cause.startswith(cause)
    assert not error.missing


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("absolute", [True, False])
def test_redirect_on_the_same_server_is_followed(
    server: LocalHttps, settings: Settings, status: int, *, absolute: bool
) -> None:
    """A redirect to the same host and port leads to the file; the URL stays the one asked for."""
    target = server.url("/new.pem", reply(body=PEM))
    url = server.url("/old.pem", reply(status, Location=target if absolute else "/new.pem"))
    found = download(url, settings)
    assert (url, PEM) == (found.origin.url, found.content)


def test_body_of_a_redirect_is_not_read(server: LocalHttps, settings: Settings) -> None:
    """A redirect whose body never ends is followed at once."""
    server.url("/new.pem", reply(body=PEM))
    url = server.url("/old.pem", drip(b"HTTP/1.0 302 Found\r\nLocation: /new.pem\r\n\r\n"))
    assert download(url, settings).content == PEM


@pytest.mark.parametrize(
    "target",
    [
        "http://localhost:{port}/new.pem",
        "https://127.0.0.1:{port}/new.pem",
        "https://localhost:{other_port}/new.pem",
        "//127.0.0.1:{port}/new.pem",
        "https://localhost:{port}@127.0.0.1:{port}/new.pem",
        "https://localhost.:{port}/new.pem",
        "https://localhost/new.pem",
        "file:///etc/passwd",
    ],
)
def test_redirect_elsewhere_is_refused(server: LocalHttps, settings: Settings, tmp_path: Path, target: str) -> None:
    """A redirect to another scheme, host or port is not followed, and that place never hears of it."""
    with LocalHttps(tmp_path) as other:
        server.url("/new.pem", reply(body=PEM))
        location = target.format(port=server.server_port, other_port=other.server_port)
        error = failure(server.url("/old.pem", reply(302, Location=location)), settings)
        assert (server.connections, other.connections) == (1, 0)
    assert re.fullmatch(r"it redirects to '.+', which is another server", error.cause)


def test_three_redirects_are_enough(server: LocalHttps, settings: Settings) -> None:
    """Three redirects are followed, a fourth is not."""
    for number in range(4):
        server.url(f"/{number}", reply(302, Location=f"/{number + 1}"))
    server.url("/4", reply(body=PEM))
    assert download(server.url("/1", reply(302, Location="/2")), settings).content == PEM
    assert failure(server.url("/0", reply(302, Location="/1")), settings).cause == "it redirects more than 3 times"


@pytest.mark.parametrize("url", ["http://localhost:{port}/roots.pem", "ftp://localhost:{port}/roots.pem", "roots.pem"])
def test_only_https_is_fetched(server: LocalHttps, settings: Settings, url: str) -> None:
    """A URL that is not https:// is refused before any connection."""
    assert failure(url.format(port=server.server_port), settings).cause == "only https:// URLs are fetched"
    assert server.connections == 0


def test_session_speaks_https_alone(server: LocalHttps) -> None:
    """Nothing below the check of the URL could send a request in plain text either."""
    with _session(Limits(math.inf, ONE_MIB)) as session, pytest.raises(requests.exceptions.InvalidSchema):
        session.get(f"http://localhost:{server.server_port}/")
    assert server.connections == 0


@pytest.mark.parametrize("url", ["https://", "https://[::1/roots.pem", "https://localhost:x/"])
def test_malformed_url_is_refused(settings: Settings, url: str) -> None:
    """A URL that cannot be parsed is a DownloadError like every other failure."""
    assert failure(url, settings).cause == "the URL, or that of the proxy, is malformed"


def test_unknown_authority_is_refused(server: LocalHttps) -> None:
    """A server whose certificate leads to no public root gets no request, and only one handshake."""
    error = failure(server.url("/roots.pem", reply(body=PEM)), Settings())
    assert error.cause.startswith("the server's certificate is not trusted")
    assert "mirror_ca_file" in error.cause
    assert (server.seen, server.connections) == ([], 1)


def test_certificate_of_another_name_is_refused(server: LocalHttps, settings: Settings) -> None:
    """A trusted certificate for another host is not enough."""
    url = server.url("/roots.pem", reply(body=PEM)).replace("localhost", "127.0.0.1")
    assert "IP address mismatch" in failure(url, settings).cause
    assert server.seen == []


def test_requests_ca_bundle_is_trusted(server: LocalHttps, monkeypatch: pytest.MonkeyPatch) -> None:
    """REQUESTS_CA_BUNDLE names the CA of a mirror as it does for every program that uses requests."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(server.ca_file))
    assert download(server.url("/roots.pem", reply(body=PEM)), Settings()).content == PEM


def test_mirror_ca_file_wins_over_the_environment(
    server: LocalHttps, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The CA file of the settings is the one that counts, in both directions."""
    url = server.url("/roots.pem", reply(body=PEM))
    other = LocalHttps(tmp_path)
    other.server_close()
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(other.ca_file))
    assert download(url, settings).content == PEM
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(server.ca_file))
    error = failure(url, Settings(mirror_ca_file=other.ca_file))
    assert error.cause.startswith("the server's certificate is not trusted")


def test_missing_ca_file_is_named(server: LocalHttps, tmp_path: Path) -> None:
    """A mirror_ca_file that does not exist is named, and nothing is connected to."""
    error = failure(server.url("/roots.pem", reply(body=PEM)), Settings(mirror_ca_file=tmp_path / "none.pem"))
    assert str(tmp_path / "none.pem") in error.cause
    assert server.connections == 0


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


def test_proxy_of_the_environment_is_used(
    server: LocalHttps, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """HTTPS_PROXY carries the connection, still verified, and gets its own credentials."""
    with Proxy() as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://user:secret@127.0.0.1:{proxy.server_port}")
        assert download(server.url("/roots.pem", reply(body=PEM)), settings).content == PEM
        untrusted = failure(server.url("/roots.pem", reply(body=PEM)), Settings())
    assert [f"localhost:{server.server_port}"] * 2 == proxy.tunnels
    assert proxy.credentials[0] == "Basic dXNlcjpzZWNyZXQ="
    assert untrusted.cause.startswith("the server's certificate is not trusted")


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


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

# What never ends, of which no client may take more than the limit.
ENDLESS = {
    "status line": (b"HTTP/1.1 200 ", b"x"),
    "header": (b"HTTP/1.1 200 OK\r\nX-Long: ", b"x"),
    "headers": (b"HTTP/1.1 200 OK\r\n", b"X-Many: x\r\n"),
    "answers before the answer": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "headers of an answer before it": (b"HTTP/1.1 100 Continue\r\n", b"X-Many: x\r\n"),
    "chunk size": (CHUNKED, b"0"),
    "chunk extension": (CHUNKED + b"5;", b"x"),
    "tiny chunks": (CHUNKED, b"1\r\nx\r\n"),
    "large chunk": (CHUNKED + b"ffffffff\r\n", b"x"),
    "trailer": (CHUNKED + b"1\r\nx\r\n0\r\nX-Long: ", b"x"),
    "trailers": (CHUNKED + b"1\r\nx\r\n0\r\n", b"X-Many: x\r\n"),
    "body": (b"HTTP/1.0 200 OK\r\n\r\n", b"x"),
    "gzip": (b"HTTP/1.0 200 OK\r\nContent-Encoding: gzip\r\n\r\n", b"x"),
    "refusal": (b"HTTP/1.0 404 Not Found\r\n\r\n", b"x"),
}
# What the client may hold in memory; what may be sent until it hangs up, with the buffers of every socket on the way.
HELD_BYTES = 16 * 1_048_576
SENT_BYTES = 64 * 1_048_576
TOO_LARGE = "the answer is larger than 1114112 bytes, headers and all"


def take(url: str, settings: Settings, endless: Endless) -> DownloadError:
    """Download what never ends, and see that the client took little of it."""
    patient = settings._replace(total_timeout=120.0)  # what is at stake here is bytes, however slow the machine
    tracemalloc.start()
    try:
        error = failure(url, patient)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert endless.sent.get(timeout=30) < SENT_BYTES
    assert peak < HELD_BYTES
    return error


@pytest.mark.parametrize(("beginning", "repeated"), ENDLESS.values(), ids=ENDLESS)
def test_no_part_of_an_answer_may_be_endless(
    server: LocalHttps, settings: Settings, beginning: bytes, repeated: bytes
) -> None:
    """Wherever an answer goes on for ever, the client hangs up after the limit, and keeps no more than that."""
    endless = Endless(beginning, repeated)
    take(server.url("/roots.pem", endless), settings, endless)


@pytest.mark.parametrize("part", ["tiny chunks", "trailers"])
def test_limit_is_named(server: LocalHttps, settings: Settings, part: str) -> None:
    """What http.client and urllib3 would take without end is counted, and the error says so."""
    endless = Endless(*ENDLESS[part])
    error = take(server.url("/roots.pem", endless), settings, endless)
    assert error.cause == TOO_LARGE
    assert not error.missing


@pytest.mark.parametrize("tls", [False, True], ids=["in clear", "TLS"])
@pytest.mark.parametrize("part", ["status line", "header", "headers", "answers before the answer"])
def test_no_part_of_a_proxys_answer_may_be_endless(
    server: LocalHttps, settings: Settings, monkeypatch: pytest.MonkeyPatch, part: str, *, tls: bool
) -> None:
    """What a proxy says to CONNECT, in clear before the server's TLS, is counted as well."""
    endless = Endless(*ENDLESS[part])
    with Proxy(endless, server if tls else None) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        take(server.url("/roots.pem", reply(body=PEM)), settings, endless)
    assert server.seen == []


@pytest.mark.parametrize("tls", [False, True], ids=["in clear", "TLS"])
def test_answer_through_a_proxy_is_counted(
    server: LocalHttps, settings: Settings, monkeypatch: pytest.MonkeyPatch, *, tls: bool
) -> None:
    """A tunnel, TLS inside TLS too, carries a file, and no more of an endless one than the limit."""
    endless = Endless(*ENDLESS["tiny chunks"])
    with Proxy(tls=server if tls else None) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        assert download(server.url("/roots.pem", reply(body=PEM)), settings).content == PEM
        error = take(server.url("/roots.pem", endless), settings, endless)
    assert error.cause == TOO_LARGE


def test_largest_file_may_come_in_chunks(server: LocalHttps, settings: Settings) -> None:
    """The sizes of chunks of 4 KiB, and some headers, fit in beside a file of the limit."""
    chunk = b"1000\r\n" + bytes(4096) + b"\r\n"
    answer = CHUNKED[:-2] + b"X-Much: %b\r\n\r\n" % (b"x" * 8192) + chunk * (ONE_MIB // 4096) + b"0\r\n\r\n"
    url = server.url("/roots.pem", raw(answer))
    assert download(url, settings).content == bytes(ONE_MIB)


def test_proxy_that_refuses_is_named(server: LocalHttps, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy that lets nobody through is told from a failing server, once, and without its password."""
    with Proxy(refusal=407) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://user:secret@127.0.0.1:{proxy.server_port}")
        error = failure(server.url("/roots.pem", reply(body=PEM)), settings)
    assert error.cause.startswith("at the proxy of the environment (HTTPS_PROXY): ")
    assert "407" in error.cause
    assert "secret" not in str(error)
    assert (server.seen, len(proxy.tunnels)) == ([], 1)


@pytest.mark.parametrize("proxy", ["http://user:secret@127.0.0.1:1", "http://user:secret@[", "socks9://user:secret@x"])
def test_useless_proxy_keeps_its_password(
    server: LocalHttps, settings: Settings, monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    """A proxy that cannot be used is an error whose printed traceback does not hold its password."""
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    error = failure(server.url("/roots.pem", reply(body=PEM)), settings)
    assert "proxy" in error.cause
    assert "secret" not in str(error)
    assert (error.__cause__, error.__context__) == (None, None)
    assert server.seen == []


def with_login(settings: Settings, login: str) -> Settings:
    """Name a mirror whose URL has a login in it; where it is does not matter here."""
    return settings._replace(truststore_url=f"https://{login}@mirror.example")


def test_password_of_a_mirror_stays_out(server: LocalHttps, settings: Settings) -> None:
    """User and password of a mirror reach the server, and neither the result nor an error."""
    url = server.url("/roots.pem", reply(body=PEM), reply(404))
    secret = with_login(settings, "user:secret")
    assert url == download(url, secret).origin.url
    assert server.seen[0].headers["Authorization"] == "Basic dXNlcjpzZWNyZXQ="
    error = failure(url, secret)
    assert url == error.url
    assert "secret" not in str(error)


@pytest.fixture
def netrc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the user a ~/.netrc with a login for this host and for every other."""
    login = "login somebody password netrc-secret"
    (tmp_path / "netrc").write_text(f"machine localhost {login}\nmachine 127.0.0.1 {login}\ndefault {login}\n")
    (tmp_path / "netrc").chmod(0o600)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))


@pytest.mark.usefixtures("netrc")
@pytest.mark.parametrize("through_proxy", [False, True])
def test_login_of_netrc_goes_nowhere(
    server: LocalHttps, settings: Settings, monkeypatch: pytest.MonkeyPatch, *, through_proxy: bool
) -> None:
    """A login that is not the mirror's is sent neither to the server, first and redirected, nor to a proxy."""
    server.url("/new.pem", reply(body=PEM))
    url = server.url("/old.pem", reply(302, Location="/new.pem"))
    with Proxy() as proxy:
        if through_proxy:
            monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        assert download(url, settings).content == PEM
    assert set(proxy.credentials) == ({None} if through_proxy else set())
    assert ["Authorization" in seen.headers for seen in server.seen] == [False, False]


@pytest.mark.usefixtures("netrc")
@pytest.mark.parametrize("absolute", [True, False])
def test_login_of_the_url_goes_along_on_the_same_server(
    server: LocalHttps, settings: Settings, *, absolute: bool
) -> None:
    """The mirror's own login is sent to what it redirects to as well, and a login in the answer is not."""
    target = server.url("/new.pem", reply(body=PEM)).replace("https://", "https://other:login@")
    url = server.url("/old.pem", reply(302, Location=target if absolute else "/new.pem"))
    assert download(url, with_login(settings, "user:secret")).content == PEM
    assert [seen.headers["Authorization"] for seen in server.seen] == ["Basic dXNlcjpzZWNyZXQ="] * 2


@pytest.mark.parametrize(
    ("login", "sent"),
    [
        ("user:p%40s%2Fs%3A", b"user:p@s/s:"),
        ("user", b"user:"),
        (":token", b":token"),
        ("user:gr\u00fc\u00dfe-\u20ac", "user:gr\u00fc\u00dfe-\u20ac".encode()),
    ],
    ids=ascii,
)
def test_login_is_sent_as_it_is_written(server: LocalHttps, settings: Settings, login: str, sent: bytes) -> None:
    """Percent-decoded bytes make the header, so that no character of a password is an error that repeats it."""
    url = server.url("/roots.pem", reply(body=PEM))
    assert url == download(url, with_login(settings, login)).origin.url
    assert server.seen[0].headers["Authorization"] == f"Basic {b64encode(sent).decode()}"


def test_error_says_what_to_do(server: LocalHttps, settings: Settings) -> None:
    """The error is a TrustError that names the URL, the cause and the ways out of a closed network."""
    url = server.url("/roots.pem", reply(404))
    error = failure(url, settings)
    assert isinstance(error, TrustError)
    assert str(error).startswith(f"cannot download {url}: the server answered with status 404. ")
    for way_out in ("HTTPS_PROXY", "RDS_TLS_TRUSTSTORE_URL", "RDS_TLS_CA_BUNDLE", "rds_tls.prefetch()"):
        assert way_out in str(error)
