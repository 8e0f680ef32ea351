"""The sealed context: what it holds, and that nobody can weaken it."""

import _ssl
import hashlib
import socket
import ssl
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import rds_tls
from rds_tls.context import shared
from rds_tls.context.sealed import SealedContext
from rds_tls.context.shared import shared_context
from rds_tls.context.tunnel import TunnelContext, tunnel_context
from rds_tls.endpoint import RootSet
from rds_tls.roots import snapshot
from rds_tls.roots.anchors import Anchors, Source
from tests.conftest import OFFLINE
from tests.support.leaks import CANARY

HOST = "db.cluster-abc123def456.eu-west-1.rds.amazonaws.com"
PREVIEW = "db.abc123def456.us-east-2.rds-preview.amazonaws.com"


@pytest.fixture
def context() -> ssl.SSLContext:
    """The shared context of one region, from the snapshot."""
    return rds_tls.ssl_context(region="eu-west-1", settings=OFFLINE)


def test_settings_of_the_context(context: ssl.SSLContext) -> None:
    """Chain and name are verified, TLS 1.2 is the floor, strict RFC 5280 holds on every Python."""
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname is True
    assert context.hostname_checks_common_name is False
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert context.verify_flags & ssl.VERIFY_X509_STRICT
    assert not context.verify_flags & ssl.VERIFY_X509_PARTIAL_CHAIN
    assert not context.options & (ssl.OP_NO_TLSv1_2 | ssl.OP_NO_TLSv1_3)


def test_context_is_shared(context: ssl.SSLContext) -> None:
    """Every host of a region gets the same object; another region gets another."""
    settings = OFFLINE
    assert rds_tls.ssl_context(HOST, settings=settings) is context
    assert rds_tls.ssl_context("x." + HOST.partition(".")[2], settings=settings) is context
    assert rds_tls.ssl_context(region="eu-west-2", settings=settings) is not context


def test_anchors_alone_tell_contexts_apart() -> None:
    """Callers whose settings differ, and who trust the same file, share one context."""
    contexts = {
        id(rds_tls.ssl_context(HOST, settings=OFFLINE._replace(total_timeout=seconds))) for seconds in (1.0, 9.0, 10.0)
    }
    assert len(contexts) == 1


def test_threads_get_one_context(tmp_path: Path) -> None:
    """Threads that ask for a context that nobody has made yet all get the same one."""
    path = tmp_path / "roots.pem"
    path.write_bytes(Path(rds_tls.ca_path(region="eu-west-1", settings=OFFLINE)).read_bytes())
    anchors = anchors_at(path)
    together = threading.Barrier(64)

    def ask(_: int) -> tuple[int, int]:
        together.wait()
        return id(shared_context(anchors)), id(tunnel_context(anchors, HOST))

    with ThreadPoolExecutor(64) as pool:
        assert len(set(pool.map(ask, range(64)))) == 1


def test_contexts_are_bounded(tmp_path: Path) -> None:
    """A program that makes up CA files for ever does not fill its memory with contexts."""
    content = Path(rds_tls.ca_path(region="eu-west-1", settings=OFFLINE)).read_bytes()
    for number in range(shared._MAX_CONTEXTS + 10):
        path = tmp_path / f"{number}.pem"
        path.write_bytes(content)
        shared_context(anchors_at(path))
    assert len(shared._contexts) <= shared._MAX_CONTEXTS


def test_repeating_a_value_is_allowed(context: ssl.SSLContext) -> None:
    """Drivers that set what is already so, to be sure, are not stopped."""
    context.check_hostname = True
    context.verify_mode = ssl.CERT_REQUIRED
    context.minimum_version = ssl.TLSVersion.TLSv1_2


def anchors_at(path: Path) -> Anchors:
    """Describe a file as a caller's own."""
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return Anchors(str(path), digest, Source.CA_FILE, RootSet(rds_tls.Trust.RDS, "eu-west-1"), OFFLINE)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("-----BEGIN CERTIFICATE-----\nbm8=\n-----END CERTIFICATE-----\n", "cannot load the trust anchors"),
        ("-----BEGIN CERTIFICATE-----\nMIIB", "cannot load the trust anchors"),
        ("", "cannot load the trust anchors"),
    ],
    ids=["no certificate inside", "truncated", "empty"],
)
@pytest.mark.parametrize(
    "build", [shared_context, lambda anchors: tunnel_context(anchors, HOST)], ids=["shared", "tunnel"]
)
def test_unloadable_file_is_refused(
    tmp_path: Path, content: str, reason: str, build: Callable[[Anchors], ssl.SSLContext]
) -> None:
    """A file that OpenSSL cannot load gives an error that names it, and never a half-filled context."""
    path = tmp_path / "roots.pem"
    path.write_text(content)
    with pytest.raises(rds_tls.TrustError, match=reason) as caught:
        build(anchors_at(path))
    assert str(path) in str(caught.value)


def test_name_of_a_tunnel_wins_over_the_dialled_one() -> None:
    """A context for a tunnel sends and verifies its own name, whatever name it is given."""
    anchors = anchors_at(Path(rds_tls.ca_path(region="eu-west-1", settings=OFFLINE)))
    context = tunnel_context(anchors, HOST)
    tls = context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname="127.0.0.1")
    assert tls.server_hostname == HOST
    assert tls.context is context
    assert tunnel_context(anchors, HOST) is context
    assert tunnel_context(anchors, f"x{HOST}") is not context


def shipped_on(name: str) -> str:
    """Give the day on which a file of the snapshot was fetched."""
    shipped = snapshot.find(RootSet(rds_tls.Trust.RDS, name))
    assert shipped is not None
    return time.strftime("%Y-%m-%d", time.gmtime(shipped.fetched_at))


def test_repr_says_what_is_trusted(context: ssl.SSLContext, tmp_path: Path) -> None:
    """Somebody who prints a context sees whose roots it has, how many, from where and of which day."""
    day = shipped_on("eu-west-1")
    assert repr(context) == f"<SealedContext: eu-west-1 RDS roots from the snapshot of {day}, 3 certificates>"
    proxy = rds_tls.ssl_context("px.proxy-abc123def456.eu-west-1.rds.amazonaws.com", settings=OFFLINE)
    assert repr(proxy).startswith("<SealedContext: Amazon Trust Services roots from the snapshot of ")
    assert repr(proxy).endswith(f", {len(proxy.get_ca_certs())} certificates>")
    path = tmp_path / "my (own) roots.pem"
    path.write_text(ssl.DER_cert_to_PEM_cert(context.get_ca_certs(binary_form=True)[0]))
    assert repr(shared_context(anchors_at(path))) == "<SealedContext: roots from the CA file, 1 certificate>"
    tunnel = tunnel_context(anchors_at(path), HOST)
    assert repr(tunnel) == f"<TunnelContext: roots from the CA file, 1 certificate, for {HOST} alone>"


def test_repr_has_nothing_of_the_settings() -> None:
    """A context is shared by callers with different settings, so what it shows is none of theirs."""
    mirror = OFFLINE.replace(
        truststore_url=f"https://user:{CANARY}@mirror.example", cache_dir="/var/cache/of-one-caller"
    )
    shown = repr(rds_tls.ssl_context(region="eu-central-1", settings=mirror))
    assert shown == repr(rds_tls.ssl_context(region="eu-central-1", settings=OFFLINE))
    assert CANARY not in shown
    assert "/" not in shown


def test_half_made_context_can_be_shown() -> None:
    """A crash reporter that prints what failed to be made gets an answer."""
    for kind in (SealedContext, TunnelContext):
        half = _ssl._SSLContext.__new__(kind, ssl.PROTOCOL_TLS_CLIENT)
        assert repr(half).startswith(f"<{kind.__name__}: no trust anchors, 0 certificates")


def test_public_tunnel_context_verifies_its_host() -> None:
    """With tunnel=True the context is the one for that endpoint, whatever name a driver passes."""
    context = rds_tls.ssl_context(HOST.upper(), tunnel=True, settings=OFFLINE)
    assert isinstance(context, TunnelContext)
    assert context.host == HOST
    assert context is rds_tls.ssl_context(f"{HOST}:5432", tunnel=True, settings=OFFLINE)
    assert context is not rds_tls.ssl_context(HOST, settings=OFFLINE)
    tls = context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname="127.0.0.1")
    assert tls.server_hostname == HOST


def test_tunnel_without_a_host_is_refused() -> None:
    """A region has no name to verify."""
    with pytest.raises(rds_tls.OptionError, match="pass that as host"):
        rds_tls.ssl_context(region="eu-west-1", tunnel=True, settings=OFFLINE)


def test_wrapped_socket_sends_at_once(context: ssl.SSLContext) -> None:
    """Small packets are not held back: pg8000 would wait 40 ms for it in each login."""
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as plain:
        assert not plain.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        with context.wrap_socket(plain, do_handshake_on_connect=False, server_hostname=HOST) as tls:
            assert tls.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_socket_that_is_no_tcp_socket_is_wrapped_too(context: ssl.SSLContext) -> None:
    """A tunnel may end in a socket of another kind, which has no such option."""
    left, right = socket.socketpair()
    with left, right, context.wrap_socket(left, do_handshake_on_connect=False, server_hostname=HOST) as tls:
        assert tls.server_hostname == HOST
