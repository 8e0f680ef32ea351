"""A login reaches whom it is for, a mirror or a proxy of the environment's, and shows nowhere."""

from base64 import b64encode
from pathlib import Path

import pytest

from rds_tls.roots.truststore.download import download
from rds_tls.settings import Settings
from tests.roots.truststore.conftest import PEM, failure
from tests.support.local_https import LocalHttps, Proxy, reply


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
