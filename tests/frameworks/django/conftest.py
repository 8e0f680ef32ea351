"""What the tests of Django share: one project, and servers that present a certificate for its HOST."""

import pytest

from tests.conftest import Pki
from tests.support.django_site import HOST, Site
from tests.support.local_rds import KeyType
from tests.support.local_rds.kinds import Server


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """One project for all tests: what differs from one to the next is in the environment."""
    return Site(tmp_path_factory.mktemp("django"))


@pytest.fixture
def pki(pkis: dict[KeyType, Pki], monkeypatch: pytest.MonkeyPatch) -> Pki:
    """The PKI with the fastest keys, as the environment's own trust anchors."""
    pki = pkis[KeyType.ECC384]
    monkeypatch.setenv("RDS_TLS_CA_BUNDLE", str(pki.settings.ca_file))
    return pki


@pytest.fixture
def server(request: pytest.FixtureRequest, server: Server, pki: Pki) -> Server:
    """A server that the backend speaks to, with a certificate for the endpoint."""
    if request.getfixturevalue("backend").missing:
        pytest.skip(request.getfixturevalue("backend").missing)
    server.present(pki.authority.issue([HOST]))
    return server
