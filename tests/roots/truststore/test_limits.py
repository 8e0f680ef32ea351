"""No part of an answer may be endless: neither a server's nor a proxy's."""

import tracemalloc

import pytest

from rds_tls.errors import DownloadError
from rds_tls.roots.truststore.download import download
from rds_tls.settings import Settings
from tests.roots.truststore.conftest import ONE_MIB, PEM, failure
from tests.support.local_https import Endless, LocalHttps, Proxy, raw, reply

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
