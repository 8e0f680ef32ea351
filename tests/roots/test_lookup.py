"""Which roots are trusted, from where, and what is said when there are none."""

from pathlib import Path

import pytest

import rds_tls
from rds_tls.endpoint import RootSet
from rds_tls.roots import snapshot
from rds_tls.roots.anchors import Source
from rds_tls.roots.lookup import trusted_bundle
from rds_tls.roots.pem import MAX_BYTES
from rds_tls.settings import Settings, process_settings
from tests.conftest import OFFLINE

HOST = "db.cluster-abc123def456.eu-west-1.rds.amazonaws.com"
PROXY = "px.proxy-abc123def456.eu-west-1.rds.amazonaws.com"
GLOBAL_WRITER = "g.global-abc123def456.global.rds.amazonaws.com"


@pytest.fixture
def ca_file(tmp_path: Path) -> Path:
    """A caller's own CA file, with the roots of another region in it."""
    path = tmp_path / "roots.pem"
    path.write_bytes(Path(rds_tls.ca_path(region="us-east-1", settings=OFFLINE)).read_bytes())
    return path


def test_snapshot_serves_its_regions() -> None:
    """A region in the snapshot is trusted by its shipped file, with its date."""
    bundle = trusted_bundle(RootSet(rds_tls.Trust.RDS, "eu-west-1"), OFFLINE)
    shipped = snapshot.find(RootSet(rds_tls.Trust.RDS, "eu-west-1"))
    assert shipped is not None
    assert bundle.source is Source.SNAPSHOT
    assert bundle.path == shipped.path
    assert str(bundle) == f"eu-west-1 RDS roots from the snapshot of 2026-11-25 ({shipped.path})"


def test_ca_file_argument_wins(ca_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An explicit CA file replaces the snapshot, and the argument wins over the environment."""
    monkeypatch.setenv("RDS_TLS_CA_BUNDLE", "/nowhere.pem")
    assert rds_tls.ca_path(HOST, settings=Settings(ca_file=ca_file)) == str(ca_file)
    assert rds_tls.ca_path(PROXY, settings=Settings(ca_file=str(ca_file))) == str(ca_file)


def test_ca_file_from_the_environment(ca_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """RDS_TLS_CA_BUNDLE is read once, by the first call that needs it; an empty value counts as unset."""
    monkeypatch.setenv("RDS_TLS_CA_BUNDLE", str(ca_file))
    assert rds_tls.ca_path(HOST) == str(ca_file)
    monkeypatch.setenv("RDS_TLS_CA_BUNDLE", "")
    assert rds_tls.ca_path(HOST) == str(ca_file)
    process_settings.cache_clear()
    assert rds_tls.ca_path(HOST) == rds_tls.ca_path(HOST, settings=OFFLINE)


def test_relative_ca_file_becomes_absolute(ca_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The path stays valid when the program changes its directory."""
    monkeypatch.chdir(ca_file.parent)
    assert rds_tls.ca_path(HOST, settings=Settings(ca_file=ca_file.name)) == str(ca_file)


def test_edited_ca_file_gives_another_context(ca_file: Path) -> None:
    """A CA file that changes on disk is noticed by the next call."""
    settings = Settings(ca_file=ca_file)
    before = rds_tls.ssl_context(HOST, settings=settings)
    ca_file.write_bytes(Path(rds_tls.ca_path(region="eu-west-2", settings=OFFLINE)).read_bytes())
    after = rds_tls.ssl_context(HOST, settings=settings)
    assert after is not before
    assert before.get_ca_certs(binary_form=True) != after.get_ca_certs(binary_form=True)


BAD_FILES = {
    "empty": (b"", "holds no PEM certificate"),
    "html": (b"<html>503</html>", "holds no PEM certificate"),
    "der": (bytes(range(256)), "holds no PEM certificate"),
    "private key": (b"-----BEGIN CERTIFICATE-----\n-----BEGIN RSA PRIVATE KEY-----\n", "holds a private key"),
    "too large": (
        b"-----BEGIN CERTIFICATE-----\n" + b"#" * MAX_BYTES,
        "is larger than 1048576 bytes",
    ),
}


@pytest.mark.parametrize(("content", "reason"), BAD_FILES.values(), ids=BAD_FILES)
def test_bad_ca_file_is_explained(tmp_path: Path, content: bytes, reason: str) -> None:
    """What cannot be a CA file is refused by name, with where the name came from."""
    path = tmp_path / "roots.pem"
    path.write_bytes(content)
    with pytest.raises(rds_tls.TrustError, match=reason) as caught:
        rds_tls.ca_path(HOST, settings=Settings(ca_file=path))
    assert str(path) in str(caught.value)
    assert "RDS_TLS_CA_BUNDLE" in str(caught.value)


@pytest.mark.parametrize("name", ["missing.pem", ".", "nul\0byte.pem"])
def test_unreadable_ca_file_is_explained(tmp_path: Path, name: str) -> None:
    """A missing file, a directory or an impossible name is a TrustError, not an OSError."""
    with pytest.raises(rds_tls.TrustError, match=r"cannot be read: .*Name a readable PEM file"):
        rds_tls.ca_path(HOST, settings=Settings(ca_file=f"{tmp_path}/{name}"))


def test_uncovered_region_says_what_to_do_offline() -> None:
    """Offline, a region that nothing covers names both ways to bring its roots along."""
    with pytest.raises(rds_tls.TrustError) as caught:
        rds_tls.ssl_context(region="eu-north-9", settings=OFFLINE)
    message = str(caught.value)
    assert message.startswith("no eu-north-9 RDS roots are at hand, and RDS_TLS_OFFLINE ")
    assert "rds_tls.prefetch('eu-north-9', directory=...)" in message
    assert "RDS_TLS_BUNDLE_DIR" in message
    assert "RDS_TLS_CA_BUNDLE" in message


@pytest.mark.parametrize("region", ["us-iso-east-1", "us-isob-east-1", "eusc-de-east-1"])
def test_partition_without_trust_store_asks_for_a_file(region: str, ca_file: Path) -> None:
    """Partitions that publish nothing never fall back to another partition's roots."""
    with pytest.raises(rds_tls.TrustError, match=f"AWS publishes no trust store with {region} RDS roots"):
        rds_tls.ca_path(region=region, settings=Settings())
    assert rds_tls.ca_path(region=region, settings=Settings(ca_file=ca_file)) == str(ca_file)


def test_global_writer_needs_a_region() -> None:
    """An endpoint without a region in its name asks for one, and takes it."""
    with pytest.raises(rds_tls.OptionError, match="has no region in its name: pass region="):
        rds_tls.ssl_context(GLOBAL_WRITER, settings=OFFLINE)
    context = rds_tls.ssl_context(GLOBAL_WRITER, region="eu-west-1", settings=OFFLINE)
    assert context is rds_tls.ssl_context(HOST, settings=OFFLINE)


def test_neither_host_nor_region_is_an_error() -> None:
    """There is no default trust: something must say which roots are meant."""
    with pytest.raises(rds_tls.OptionError, match="neither a host nor a region is given"):
        rds_tls.ca_path()


def test_region_misspelt() -> None:
    """A name that no partition has is called so."""
    with pytest.raises(rds_tls.OptionError, match="is not the name of an AWS region"):
        rds_tls.ca_path(region="eu-west1")
