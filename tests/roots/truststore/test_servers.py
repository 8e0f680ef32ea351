"""Which server a file may come from: one with a trusted certificate, over https://, and no other by a redirect."""

import math
import re
from pathlib import Path

import pytest
import requests

from rds_tls.roots.truststore.download import _session, download
from rds_tls.roots.truststore.limits import Limits
from rds_tls.settings import Settings
from tests.roots.truststore.conftest import ONE_MIB, PEM, failure
from tests.support.local_https import LocalHttps, drip, reply


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
