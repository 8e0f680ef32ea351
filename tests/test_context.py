"""The sealed context: what it holds, and that nobody can weaken it."""

import hashlib
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest

import rds_tls
from rds_tls.context import SealedContext, shared_context
from rds_tls.endpoint import RootSet
from rds_tls.pinned import pinned_context
from rds_tls.trust import Source, TrustedBundle
from tests.conftest import OFFLINE

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


WEAKENINGS: dict[str, Callable[[ssl.SSLContext], object]] = {
    "check_hostname": lambda context: setattr(context, "check_hostname", False),
    "verify_mode": lambda context: setattr(context, "verify_mode", ssl.CERT_NONE),
    "optional": lambda context: setattr(context, "verify_mode", ssl.CERT_OPTIONAL),
    "verify_flags": lambda context: setattr(context, "verify_flags", ssl.VERIFY_DEFAULT),
    "common name": lambda context: setattr(context, "hostname_checks_common_name", True),
    "minimum_version": lambda context: setattr(context, "minimum_version", ssl.TLSVersion.MINIMUM_SUPPORTED),
    "maximum_version": lambda context: setattr(context, "maximum_version", ssl.TLSVersion.TLSv1_2),
    "options": lambda context: setattr(context, "options", ssl.OP_ALL),
    "keylog": lambda context: setattr(context, "keylog_filename", "keys.log"),
    "socket class": lambda context: setattr(context, "sslsocket_class", ssl.SSLSocket.__base__),
    "class": lambda context: setattr(context, "__class__", ssl.SSLContext),
    "new attribute": lambda context: setattr(context, "pin", "x"),
    "anchors": lambda context: context.load_verify_locations(cafile=rds_tls.ca_path(region="us-east-1")),
    "default anchors": lambda context: context.load_default_certs(),
    "default paths": lambda context: context.set_default_verify_paths(),
    "client certificate": lambda context: context.load_cert_chain("client.pem"),
    "ciphers": lambda context: context.set_ciphers("aNULL:@SECLEVEL=0"),
    "alpn": lambda context: context.set_alpn_protocols(["postgresql"]),
    "psk": lambda context: context.set_psk_client_callback(None),  # type: ignore[attr-defined]
}


@pytest.mark.parametrize("weaken", WEAKENINGS.values(), ids=WEAKENINGS)
def test_context_cannot_be_changed(context: ssl.SSLContext, weaken: Callable[[ssl.SSLContext], object]) -> None:
    """Each way to change a context raises, and leaves it as it was."""
    before = (context.verify_mode, context.check_hostname, context.verify_flags, context.options)
    anchors = context.get_ca_certs(binary_form=True)
    with pytest.raises(rds_tls.SealedContextError, match="shared and sealed by rds_tls"):
        weaken(context)
    assert (context.verify_mode, context.check_hostname, context.verify_flags, context.options) == before
    assert context.get_ca_certs(binary_form=True) == anchors
    assert isinstance(context, SealedContext)


def test_repeating_a_value_is_allowed(context: ssl.SSLContext) -> None:
    """Drivers that set what is already so, to be sure, are not stopped."""
    context.check_hostname = True
    context.verify_mode = ssl.CERT_REQUIRED
    context.minimum_version = ssl.TLSVersion.TLSv1_2


def bundle_at(path: Path) -> TrustedBundle:
    """Describe a file as a caller's own bundle."""
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return TrustedBundle(str(path), digest, Source.CA_FILE, RootSet(rds_tls.Trust.RDS, "eu-west-1"), OFFLINE)


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
    "build", [shared_context, lambda bundle: pinned_context(bundle, HOST)], ids=["shared", "pinned"]
)
def test_unloadable_file_is_refused(
    tmp_path: Path, content: str, reason: str, build: Callable[[TrustedBundle], ssl.SSLContext]
) -> None:
    """A file that OpenSSL cannot load gives an error that names it, and never a half-filled context."""
    path = tmp_path / "roots.pem"
    path.write_text(content)
    with pytest.raises(rds_tls.TrustError, match=reason) as caught:
        build(bundle_at(path))
    assert str(path) in str(caught.value)


def test_pinned_name_wins_over_the_dialled_one() -> None:
    """A pinned context sends and verifies the pinned name, whatever name it is given."""
    bundle = bundle_at(Path(rds_tls.ca_path(region="eu-west-1", settings=OFFLINE)))
    context = pinned_context(bundle, HOST)
    tls = context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname="127.0.0.1")
    assert tls.server_hostname == HOST
    assert tls.context is context
    assert pinned_context(bundle, HOST) is context
    assert pinned_context(bundle, f"x{HOST}") is not context
