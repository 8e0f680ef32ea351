"""Downloads from a real HTTPS server on loopback: what an answer may be, and which is asked for again."""

import time

import pytest

import rds_tls
from rds_tls.errors import TrustError
from rds_tls.roots.origin import Origin, Validators
from rds_tls.roots.truststore.download import Download, download
from rds_tls.settings import Settings
from tests.roots.truststore.conftest import ONE_MIB, PEM, failure
from tests.support.local_https import Answer, LocalHttps, drip, raw, reply


def test_file_arrives_with_its_validators(server: LocalHttps, settings: Settings) -> None:
    """A download returns the bytes, and the validators for the next one."""
    url = server.url("/roots.pem", reply(body=PEM, ETag='"v1"', Last_Modified="Mon, 23 Nov 2026 12:00:00 GMT"))
    before = time.time()
    found = download(url, settings)
    origin = Origin(url, Validators('"v1"', "Mon, 23 Nov 2026 12:00:00 GMT"), found.origin.fetched_at)
    assert found == Download(PEM, origin, found.date)
    assert before <= found.origin.fetched_at <= time.time()


@pytest.mark.parametrize(
    ("date", "expected"),
    [("Mon, 23 Nov 2026 12:00:00 GMT", 1_795_435_200.0), ("yesterday", None), ("", None)],
)
def test_servers_clock_is_read(date: str, expected: float | None, server: LocalHttps, settings: Settings) -> None:
    """The Date header is a moment, and one that says none is none."""
    answer = raw(b"HTTP/1.0 200 OK\r\nDate: %b\r\nContent-Length: 3\r\n\r\nPEM" % date.encode())
    assert download(server.url("/roots.pem", answer), settings).date == expected


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
    assert found == Download(None, Origin(url, sent._replace(etag='"v2"'), found.origin.fetched_at), found.date)
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


def test_error_says_what_to_do(server: LocalHttps, settings: Settings) -> None:
    """The error is a TrustError that names the URL, the cause and the ways out of a closed network."""
    url = server.url("/roots.pem", reply(404))
    error = failure(url, settings)
    assert isinstance(error, TrustError)
    assert str(error).startswith(f"cannot download {url}: the server answered with status 404. ")
    for way_out in ("HTTPS_PROXY", "RDS_TLS_TRUSTSTORE_URL", "RDS_TLS_CA_BUNDLE", "rds_tls.prefetch()"):
        assert way_out in str(error)
