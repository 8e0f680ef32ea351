"""The look that believes nothing: where it is made, what it sees, and that it says nothing."""

import ast
import ssl
from pathlib import Path

import pytest

import rds_tls
from rds_tls.context.handshake import Answer
from rds_tls.diagnosis.certificates import read_chain
from rds_tls.diagnosis.probe import chain_of, look
from tests.conftest import Pki
from tests.diagnosis.test_causes import accept
from tests.hostile.stage import GOOD, HOST, OLD_TLS, Authorities, server_context
from tests.hostile.wire import listening
from tests.support.local_rds import Authority, KeyType, MySqlCompatibleServer, PostgresServer

PACKAGE = Path(rds_tls.__file__).parent
NAMES = [HOST, "orders-1.abc123def456.eu-west-1.rds.amazonaws.com"]

# Every name in ssl.py by which a context is made that verifies less than all.
WEAK = {"CERT_NONE", "CERT_OPTIONAL", "_create_unverified_context", "_create_stdlib_context"}


def names_in(path: Path) -> set[str]:
    """List the names and attributes that a file uses."""
    nodes = list(ast.walk(ast.parse(path.read_text("utf-8"))))
    return {node.attr for node in nodes if isinstance(node, ast.Attribute)} | {
        node.id for node in nodes if isinstance(node, ast.Name)
    }


def test_nothing_else_makes_a_context_that_verifies_nothing() -> None:
    """One file of the package says what no other may: no certificate needed, no name compared."""
    found = {str(path.relative_to(PACKAGE)): names_in(path) for path in PACKAGE.rglob("*.py")}
    assert {path for path, names in found.items() if names & WEAK} == {"diagnosis/probe.py"}
    makers = {path for path, names in found.items() if "PROTOCOL_TLS_CLIENT" in names or "PROTOCOL_TLS" in names}
    assert makers == {"context/sealed.py", "diagnosis/probe.py", "roots/truststore/download.py"}
    off = {
        str(path.relative_to(PACKAGE))
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Constant)
        and node.value.value is False
        and any(isinstance(target, ast.Attribute) and target.attr == "check_hostname" for target in node.targets)
    }
    assert off == {"diagnosis/probe.py"}
    assert {path for path, names in found.items() if "_blind_context" in names} == {"diagnosis/probe.py"}


def test_postgresqls_whole_chain_is_seen(postgres: PostgresServer, pki: Pki) -> None:
    """Leaf and intermediate, as the server sends them, whoever signed them."""
    credentials = pki.authority.issue(NAMES)
    postgres.present(credentials)
    sight = look((postgres.host, postgres.port), "postgresql", HOST)
    assert (sight.answer, sight.tls, sight.error) == (Answer.YES, "TLSv1.3", None)
    leaf, intermediate = sight.chain
    assert leaf.der == credentials.leaf_der
    assert leaf.names == tuple(NAMES)
    assert leaf.region == "eu-west-1"
    assert leaf.issuer == intermediate.subject
    assert intermediate.issuer.startswith("Amazon RDS eu-west-1 Root CA ")


def test_mysqls_whole_chain_is_seen(mysql: MySqlCompatibleServer, pki: Pki) -> None:
    """The same of each kind of MySQL server."""
    credentials = pki.authority.issue(NAMES)
    mysql.present(credentials)
    leaf, intermediate = chain_of((mysql.host, mysql.port), "mysql", HOST)
    assert leaf.der == credentials.leaf_der
    assert leaf.issuer == intermediate.subject


@pytest.fixture
def authorities(pkis: dict[KeyType, Pki]) -> Authorities:
    """Authorities for a scripted server."""
    return Authorities(pkis[KeyType.ECC384].authority, Authority("eu-west-2", KeyType.ECC384))


def test_look_says_nothing_inside_tls(authorities: Authorities) -> None:
    """Nothing goes to whom nobody has verified."""
    with listening(accept(server_context(GOOD, authorities))) as peer:
        assert len(chain_of(peer.address, "postgresql", HOST)) == 2
    (wire,) = peer.wires
    assert bytes(wire.inside) == b""


def test_look_speaks_no_old_tls(authorities: Authorities) -> None:
    """It sees what a verified connection could have: TLS 1.2 or later."""
    with listening(accept(server_context(OLD_TLS, authorities))) as peer:
        sight = look(peer.address, "postgresql", HOST)
    assert (sight.answer, sight.chain) == (Answer.YES, ())
    assert isinstance(sight.error, ssl.SSLError)


def test_look_at_nobody_sees_nothing() -> None:
    """Where nobody listens, no chain is seen, and no error hides the driver's."""
    assert chain_of(("127.0.0.1", 1), "postgresql", HOST) == ()


def test_certificate_that_cannot_be_read_ends_the_chain(pki: Pki) -> None:
    """What came before it counts."""
    leaf = pki.authority.issue(NAMES).leaf_der
    (read,) = read_chain([leaf, b"no DER", leaf])
    assert read.der == leaf
