"""A rotated root, for the tests of healing: the server's chain ends in one that only the newest bundle has."""

import socketserver
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

import rds_tls
from tests.roots.conftest import Step, Thread
from tests.support.local_https import LocalHttps
from tests.support.local_rds import Authority, KeyType
from tests.support.local_rds.kinds import Server
from tests.support.trust_store import HOST, REGION, TrustStore


@pytest.fixture(scope="module")
def old() -> Authority:
    """The region's authority until yesterday."""
    return Authority(REGION, KeyType.ECC384)


@pytest.fixture(scope="module")
def new() -> Authority:
    """The region's authority from today on; its root has the old one's name and another key."""
    return Authority(REGION, KeyType.ECC384)


@pytest.fixture
def store(
    https: LocalHttps, tmp_path: Path, old: Authority, new: Authority, wait_for_refresh: Step
) -> Iterator[TrustStore]:
    """A trust store with the new root, and a cache that is fresh and has the old one alone."""
    store = TrustStore(https, tmp_path / "cache")
    store.publish(REGION, old.root_pem + new.root_pem)
    store.put(REGION, old.root_pem, time.time(), etag='"old"')
    yield store
    wait_for_refresh()  # what looks for newer roots in the background would be seen by the next test


def login(server: Server, settings: rds_tls.Settings) -> dict[str, Any]:
    """Give what every helper is given."""
    via = (server.host, server.port)
    return {"user": server.user, "password": server.password, "via": via, "settings": settings}


@pytest.fixture
def wait_for_healing(refresh_thread: Thread, wait_for_refresh: Step) -> Step:
    """Let the background thread end, which must be there."""

    def wait() -> None:
        assert refresh_thread() is not None
        wait_for_refresh()

    return wait


@pytest.fixture
def tls_server(new: Authority, tmp_path: Path) -> Iterator[int]:
    """A server that shakes hands as an endpoint with the new root, and says goodbye; its port."""
    credentials = new.issue([HOST])
    pair = tmp_path / "server.pem"
    pair.write_bytes(credentials.chain_pem + credentials.key_pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair)

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with suppress(OSError):
                context.wrap_socket(self.request, server_side=True).close()

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()
