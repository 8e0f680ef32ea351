"""Which roots are trusted, from where, and what is said when there are none."""

import time
from pathlib import Path

import pytest

import rds_tls
from rds_tls.endpoint import RootSet
from rds_tls.roots import healing, lookup, snapshot
from rds_tls.roots.anchors import Source
from rds_tls.roots.lookup import obtain_anchors
from rds_tls.roots.pem import MAX_BYTES
from rds_tls.settings import Settings, process_settings
from tests.conftest import OFFLINE
from tests.roots.conftest import Step, Thread
from tests.support.local_rds import Authority, KeyType
from tests.support.trust_store import (
    KNOWN,
    OF_REGION,
    REGION,
    ROOTS,
    TrustStore,
    publish_in_memory,
    shipped,
)

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
    anchors = obtain_anchors(RootSet(rds_tls.Trust.RDS, "eu-west-1"), OFFLINE)
    shipped = snapshot.find(RootSet(rds_tls.Trust.RDS, "eu-west-1"))
    assert shipped is not None
    assert anchors.source is Source.SNAPSHOT
    assert anchors.path == shipped.path
    assert str(anchors) == f"eu-west-1 RDS roots from the snapshot of 2026-11-25 ({shipped.path})"


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


def test_offline_asks_nobody(store: TrustStore, root: bytes, wait_for_refresh: Step) -> None:
    """Offline, the cache serves whatever its age, and nothing is ever asked for."""
    store.publish(REGION, root)
    offline = store.settings._replace(offline=True, max_age=0)
    with pytest.raises(rds_tls.TrustError, match="RDS_TLS_BUNDLE_DIR"):
        obtain_anchors(ROOTS, offline)
    assert store.asked == []
    fetched = obtain_anchors(ROOTS, store.settings)
    assert obtain_anchors(ROOTS, offline).path == fetched.path
    wait_for_refresh()
    assert store.asked == [OF_REGION]


def test_fresh_cache_wins_over_the_snapshot(store: TrustStore) -> None:
    """A fresh entry is preferred, and nothing is asked for."""
    store.put("eu-west-1", shipped(KNOWN), time.time())
    assert obtain_anchors(KNOWN, store.settings).source is Source.CACHE
    assert store.asked == []


@pytest.mark.parametrize(("days", "source"), [(-1, Source.SNAPSHOT), (1, Source.CACHE)])
def test_newer_of_two_stale_sources_is_served(
    store: TrustStore, days: int, source: Source, wait_for_refresh: Step
) -> None:
    """Of a stale entry and the snapshot the newer one is served at once, while a refresh runs."""
    shipped_at = obtain_anchors(KNOWN, store.settings._replace(offline=True)).as_of
    assert shipped_at is not None
    store.put("eu-west-1", shipped(KNOWN), shipped_at + days * 86_400)
    store.publish("eu-west-1", shipped(KNOWN))
    stale = store.settings._replace(max_age=0)
    assert obtain_anchors(KNOWN, stale).source is source
    wait_for_refresh()
    refreshed = obtain_anchors(KNOWN, stale)
    assert refreshed.source is Source.CACHE
    assert refreshed.as_of == pytest.approx(time.time(), abs=60)
    assert store.asked == ["/eu-west-1/eu-west-1-bundle.pem"]


def test_clock_set_back_makes_an_entry_stale_not_immortal(
    store: TrustStore, root: bytes, wait_for_refresh: Step
) -> None:
    """An entry from the future is served, and refreshed as a stale one is."""
    store.put(REGION, root, time.time() + 365 * 86_400)
    store.publish(REGION, root)
    assert obtain_anchors(ROOTS, store.settings).source is Source.CACHE
    wait_for_refresh()
    assert store.asked == [OF_REGION]


def test_fresh_cache_wins_even_over_a_newer_snapshot(store: TrustStore) -> None:
    """Precedence asks for freshness first and for age second."""
    shipped_at = obtain_anchors(KNOWN, store.settings._replace(offline=True)).as_of
    assert shipped_at is not None
    store.put("eu-west-1", shipped(KNOWN), shipped_at - 86_400)
    patient = store.settings._replace(max_age=float("inf"))
    assert obtain_anchors(KNOWN, patient).source is Source.CACHE


def test_newest_entry_wins_wherever_it_is(store: TrustStore, root: bytes, new_process: Step) -> None:
    """Of an entry on disk and one in memory the one that was fetched last is served."""
    other = Authority(REGION, KeyType.ECC384).root_pem
    store.put(REGION, root, time.time() - 60)
    publish_in_memory(store, REGION, other, time.time())
    assert obtain_anchors(ROOTS, store.settings).path.startswith("/proc/self/fd/")
    store.put(REGION, root, time.time() + 1)
    new_process()
    assert obtain_anchors(ROOTS, store.settings).path == f"{store.settings.cache_dir}/{store.name(REGION)}.pem"


def test_amazon_roots_are_never_renewed(store: TrustStore, refresh_thread: Thread) -> None:
    """The Amazon Trust Services roots ship with the package, and no trust store of RDS's is asked for them."""
    amazon = obtain_anchors(RootSet(rds_tls.Trust.AMAZON, None), store.settings._replace(max_age=0))
    assert amazon.source is Source.SNAPSHOT
    assert refresh_thread() is None
    assert healing.heal(amazon) is None
    assert store.asked == []


def test_answer_is_held_for_a_while(store: TrustStore, monkeypatch: pytest.MonkeyPatch, forget_answers: Step) -> None:
    """What another process stores meanwhile is noticed when the hold ends, not at every call."""
    offline = store.settings._replace(offline=True)
    assert obtain_anchors(KNOWN, offline).source is Source.SNAPSHOT
    store.put("eu-west-1", shipped(KNOWN), time.time())
    assert obtain_anchors(KNOWN, offline).source is Source.SNAPSHOT
    monkeypatch.setattr(lookup, "_HOLD", 0.0)
    forget_answers()
    assert obtain_anchors(KNOWN, offline).source is Source.CACHE
    publish_in_memory(store, "eu-west-1", shipped(KNOWN), time.time() + 1)
    assert obtain_anchors(KNOWN, offline).path.startswith("/proc/self/fd/")


def test_held_answers_are_bounded(store: TrustStore) -> None:
    """A program that makes up settings for ever does not fill its memory with answers."""
    for number in range(lookup._MAX_REMEMBERED + 10):
        obtain_anchors(KNOWN, store.settings._replace(offline=True, max_age=float(number)))
    assert len(lookup._remembered) <= lookup._MAX_REMEMBERED
