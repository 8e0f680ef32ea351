"""What the tests of frameworks share: the fastest keys, and a server with a certificate for the endpoint."""

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy.engine import Engine

from tests.conftest import Pki
from tests.frameworks.engines import HOST
from tests.support.local_https import LocalHttps
from tests.support.local_rds import KeyType
from tests.support.local_rds.kinds import Server

# Disposes of an engine in the end, and gives it back.
Keep = Callable[[Engine], Engine]


@pytest.fixture
def pki(pkis: dict[KeyType, Pki]) -> Pki:
    """The PKI with the fastest keys."""
    return pkis[KeyType.ECC384]


@pytest.fixture
def server(server: Server, pki: Pki) -> Server:
    """A server that the dialect speaks to, with a certificate for the endpoint."""
    server.present(pki.authority.issue([HOST]))
    return server


@pytest.fixture
def engines() -> Iterator[Keep]:
    """Dispose of synchronous engines in the end."""
    made: list[Engine] = []

    def keep(engine: Engine) -> Engine:
        made.append(engine)
        return engine

    yield keep
    for engine in made:
        engine.dispose()


@pytest.fixture(scope="module")
def https(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalHttps]:
    """One HTTPS server for the trust store."""
    with LocalHttps(tmp_path_factory.mktemp("https")) as server:
        yield server
