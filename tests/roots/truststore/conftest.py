"""What the tests of downloads share: a server with nothing scripted, and no thread left behind."""

import threading
from collections.abc import Iterator

import pytest

from rds_tls.errors import DownloadError
from rds_tls.roots.origin import NOTHING_KNOWN, Validators
from rds_tls.roots.truststore.download import download
from rds_tls.settings import Settings
from tests.support.local_https import LocalHttps

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
