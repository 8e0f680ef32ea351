"""What is downloaded, believed and stored. The trust store is a real server."""

import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

import rds_tls
from rds_tls.endpoint import RootSet
from rds_tls.roots import healing, renewal
from rds_tls.roots.anchors import Source
from rds_tls.roots.cache.disk import Cache
from rds_tls.roots.lookup import obtain_anchors
from rds_tls.roots.origin import Validators
from rds_tls.roots.truststore.download import Download, download
from tests.roots.conftest import Step
from tests.support.local_https import Handler, reply
from tests.support.local_rds import Authority, KeyType
from tests.support.minting import mint, pem
from tests.support.programs import run
from tests.support.trust_store import (
    HOST,
    KNOWN,
    OF_ALL,
    OF_REGION,
    REGION,
    ROOTS,
    TrustStore,
    certificates,
    shipped,
)

PREVIEW = RootSet(rds_tls.Trust.RDS_PREVIEW, "us-east-2")


def test_uncovered_region_is_downloaded_once(store: TrustStore, root: bytes, new_process: Step) -> None:
    """A region that nothing covers is downloaded, kept for this process and on disk for the next."""
    store.publish(REGION, root)
    first = obtain_anchors(ROOTS, store.settings)
    assert first.source is Source.CACHE
    assert certificates(first.content or b"") == certificates(root)
    assert obtain_anchors(ROOTS, store.settings) is first
    new_process()
    assert obtain_anchors(ROOTS, store.settings) == first
    assert store.asked == [OF_REGION]
    assert rds_tls.ca_path(HOST, settings=store.settings) == first.path


@pytest.mark.parametrize("status", [403, 404])
def test_region_without_a_file_is_found_in_the_global_bundle(store: TrustStore, root: bytes, status: int) -> None:
    """Where a region has no file of its own, its roots alone are taken out of the global bundle."""
    other = Authority("eu-north-8", KeyType.ECC384).root_pem
    store.publish(REGION, reply(status))
    store.publish_global(other + root + shipped(KNOWN))
    assert len(certificates(obtain_anchors(ROOTS, store.settings).content or b"")) == 1
    assert store.asked == [OF_REGION, OF_ALL]


def test_preview_roots_come_from_the_global_bundle(store: TrustStore, wait_for_refresh: Step) -> None:
    """Preview roots are fetched where AWS publishes them, and GA roots of that region are left out."""
    store.publish_global(shipped(PREVIEW) + shipped(RootSet(rds_tls.Trust.RDS, "us-east-2")))
    stale = store.settings._replace(max_age=0)
    obtain_anchors(PREVIEW, stale)
    wait_for_refresh()
    entry = store.entry("us-east-2", rds_tls.Trust.RDS_PREVIEW)
    assert entry is not None
    assert entry.content.count(b"BEGIN CERTIFICATE") == 3
    assert b"Preview" in entry.content


def test_other_failures_do_not_fall_back(store: TrustStore, root: bytes) -> None:
    """A server that is out of order is no reason to ask for another file."""
    store.publish(REGION, reply(500))
    store.publish_global(root)
    with pytest.raises(rds_tls.DownloadError, match="status 500"):
        obtain_anchors(ROOTS, store.settings)
    assert OF_ALL not in store.asked


BAD_ANSWERS: dict[str, tuple[bytes, str]] = {
    "html": (b"<html>It works!</html>", "bundle"),
    "private key": (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "private key"),
    "half a file": (shipped(KNOWN)[:-700], "cut short|truncated|END"),
    "another region": (shipped(KNOWN), f"no ga root for region '{REGION}'"),
}


@pytest.mark.parametrize(("body", "reason"), BAD_ANSWERS.values(), ids=BAD_ANSWERS)
def test_bad_answer_is_never_stored(store: TrustStore, body: bytes, reason: str) -> None:
    """What is no bundle of the region is refused with the reason, and leaves no entry."""
    store.publish(REGION, body)
    with pytest.raises(rds_tls.BundleError, match=reason):
        obtain_anchors(ROOTS, store.settings)
    assert store.entry(REGION) is None


def test_expired_roots_are_refused(store: TrustStore) -> None:
    """A bundle in which no root is current is no bundle."""
    expired = mint_root(REGION, datetime.now(UTC) - timedelta(days=1))
    store.publish(REGION, expired)
    with pytest.raises(rds_tls.BundleError, match="expired"):
        obtain_anchors(ROOTS, store.settings)


def mint_root(region: str, end: datetime) -> bytes:
    """Make a root of a region that ends at some moment."""
    return pem(mint(f"Amazon RDS {region} Root CA ECC384 G1", begin=end - timedelta(days=2), end=end))


def test_known_name_with_another_key_is_refused(store: TrustStore, wait_for_refresh: Step) -> None:
    """A root that is called what AWS calls its own, and is not it, spoils the whole bundle."""
    impostor = Authority("eu-west-1", KeyType.ECC384).root_pem
    store.publish("eu-west-1", shipped(KNOWN) + impostor)
    served = obtain_anchors(KNOWN, store.settings._replace(max_age=0))
    wait_for_refresh()
    assert served.source is Source.SNAPSHOT
    assert store.entry("eu-west-1") is None
    with pytest.raises(rds_tls.BundleError, match="this is not AWS's bundle, and nothing of it is used"):
        rds_tls.prefetch("eu-west-1", settings=store.settings)


def test_new_root_is_logged_with_its_fingerprint(
    store: TrustStore, root: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """A root that this version does not list is accepted, and said so at INFO."""
    store.publish(REGION, root)
    with caplog.at_level(logging.INFO, logger="rds_tls"):
        obtain_anchors(ROOTS, store.settings)
    (line,) = [record for record in caplog.records if "does not list yet" in record.getMessage()]
    assert line.levelno == logging.INFO
    assert f"Amazon RDS {REGION} Root CA ECC384 G1, SHA-256 " in line.getMessage()


def test_known_roots_only_refuses_new_roots(store: TrustStore, root: bytes) -> None:
    """With known_roots_only a new root is refused; known ones are taken as ever."""
    strict = store.settings._replace(known_roots_only=True)
    store.publish(REGION, root)
    with pytest.raises(rds_tls.BundleError, match="is new to this version, and known_roots_only is set"):
        obtain_anchors(ROOTS, strict)
    store.publish("eu-west-1", shipped(KNOWN))
    assert len(rds_tls.prefetch("eu-west-1", settings=strict)) == 1


def test_unchanged_bundle_costs_a_304(store: TrustStore, root: bytes) -> None:
    """A refresh sends the validators, and "not modified" makes the entry fresh without its content."""
    store.publish(REGION, reply(200, root, ETag='"one"', Last_Modified="Mon, 23 Nov 2026 00:00:00 GMT"), reply(304))
    first = obtain_anchors(ROOTS, store.settings)
    rds_tls.prefetch(REGION, settings=store.settings)
    second = store.entry(REGION)
    assert second is not None
    assert second.digest == first.digest
    assert first.as_of is not None
    assert second.origin.fetched_at >= first.as_of
    assert second.origin.validators == ('"one"', "Mon, 23 Nov 2026 00:00:00 GMT")
    assert store.server.seen[-1].headers["If-None-Match"] == '"one"'


UNUSABLE = ["a file", "a symbolic link", "world-writable"]


@pytest.mark.parametrize("what", UNUSABLE)
def test_unusable_directory_costs_the_cache_not_the_connection(
    store: TrustStore, root: bytes, tmp_path: Path, what: str
) -> None:
    """Where the cache directory cannot be trusted, the roots are kept in memory, at a path that can be read."""
    place = tmp_path / "place"
    if what == "a file":
        place.write_text("in the way")
    elif what == "a symbolic link":
        (tmp_path / "elsewhere").mkdir()
        place.symlink_to(tmp_path / "elsewhere")
    else:
        place.mkdir()
        place.chmod(0o777)
    store.publish(REGION, root)
    settings = store.settings._replace(cache_dir=place)
    context = rds_tls.ssl_context(HOST, settings=settings)
    assert len(context.get_ca_certs()) == 1
    assert Path(rds_tls.ca_path(HOST, settings=settings)).read_bytes().count(b"BEGIN CERTIFICATE") == 1
    assert rds_tls.ssl_context(HOST, settings=settings) is context
    assert store.asked == [OF_REGION]


def test_full_disk_costs_the_cache_not_the_connection(
    store: TrustStore, root: bytes, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, new_process: Step
) -> None:
    """When the disk takes no more, the roots are kept in memory, and that is said."""

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    store.publish(REGION, root)
    with caplog.at_level(logging.WARNING, logger="rds_tls"):
        anchors = obtain_anchors(ROOTS, store.settings)
    assert len(certificates(anchors.content or b"")) == 1
    assert "it is kept in memory" in caplog.text
    new_process()
    assert obtain_anchors(ROOTS, store.settings) == anchors
    assert store.asked == [OF_REGION]


def test_damaged_entry_is_replaced(store: TrustStore, root: bytes) -> None:
    """An entry that was cut off is as good as none: it is downloaded again."""
    store.publish(REGION, root)
    first = obtain_anchors(ROOTS, store.settings)
    Path(first.path).write_bytes(Path(first.path).read_bytes()[:-20])
    second = obtain_anchors(ROOTS, store.settings)
    assert second.path == first.path
    assert second.digest == first.digest
    assert store.asked == [OF_REGION, OF_REGION]


def test_removed_entry_is_downloaded_again(store: TrustStore, root: bytes) -> None:
    """An entry that somebody removes while the program runs comes back with the next call."""
    store.publish(REGION, root)
    first = obtain_anchors(ROOTS, store.settings)
    Path(first.path).unlink()
    assert obtain_anchors(ROOTS, store.settings).path == first.path
    assert Path(first.path).exists()


def test_validators_go_to_the_url_they_came_from(store: TrustStore, root: bytes) -> None:
    """Another mirror is asked for the content: it cannot know what the first one calls unchanged."""
    store.publish(REGION, reply(200, root, ETag='"one"'))
    obtain_anchors(ROOTS, store.settings)
    other = store.settings._replace(truststore_url=f"{store.settings.truststore_url}/mirror")
    store.server.url(f"/mirror{OF_REGION}", reply(200, root))
    rds_tls.prefetch(REGION, settings=other)
    assert store.asked == [OF_REGION, f"/mirror{OF_REGION}"]
    assert "If-None-Match" not in store.server.seen[-1].headers


def test_kept_lock_is_an_error_after_the_total_timeout(store: TrustStore, root: bytes) -> None:
    """While another process keeps the lock, nobody else downloads, and the wait ends with what to do."""
    store.publish(REGION, root)
    hasty = store.settings._replace(total_timeout=0.2)
    cache = Cache(str(store.settings.cache_dir))
    with (
        cache.locked(store.name(REGION), 10),
        pytest.raises(rds_tls.TrustError, match="set RDS_TLS_CACHE_DIR to a directory"),
    ):
        obtain_anchors(ROOTS, hasty)
    assert store.asked == []


def test_healing_with_the_same_roots_is_none(store: TrustStore, root: bytes) -> None:
    """A download that brings the very roots that failed is no reason for another attempt."""
    store.publish(REGION, root)
    failed = obtain_anchors(ROOTS, store.settings)
    assert healing.heal(failed) is None
    assert store.asked == [OF_REGION, OF_REGION]


def test_pkcs7_is_downloaded_on_request(store: TrustStore, root: bytes) -> None:
    """With bundle_format="p7b" AWS's PKCS#7 file is fetched, and PEM is what drivers get."""
    certificates_in_it = x509.load_pem_x509_certificates(root + Authority("eu-north-8", KeyType.ECC384).root_pem)
    store.server.url(
        OF_REGION.replace(".pem", ".p7b"), reply(200, pkcs7.serialize_certificates(certificates_in_it, Encoding.DER))
    )
    anchors = obtain_anchors(ROOTS, store.settings._replace(bundle_format="p7b"))
    assert certificates(anchors.content or b"") == certificates(root)


@pytest.mark.parametrize("where", ["first download", "lock"])
def test_both_downloads_share_one_deadline(
    store: TrustStore, root: bytes, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the wait for the lock and the region's file take of the total timeout, the global one does not get."""
    passed, granted = [0.0], []
    real_clock, real_lock = time.monotonic, Cache.locked

    def spend(seconds: float) -> None:
        passed[0] += seconds

    def missing(handler: Handler) -> None:
        spend(2000 if where == "first download" else 0)
        reply(404)(handler)

    def observed(url: str, settings: rds_tls.Settings, *validators: Validators) -> Download:
        granted.append(settings.total_timeout)
        return download(url, settings, *validators)

    @contextmanager
    def locked(cache: Cache, name: str, timeout: float) -> Iterator[bool]:
        with real_lock(cache, name, timeout) as held:
            spend(2000 if where == "lock" else 0)
            yield held

    monkeypatch.setattr(time, "monotonic", lambda: real_clock() + passed[0])
    monkeypatch.setattr(renewal, "download", observed)
    monkeypatch.setattr(Cache, "locked", locked)
    store.publish(REGION, missing)
    store.publish_global(root)
    obtain_anchors(ROOTS, store.settings._replace(total_timeout=3000.0))
    assert store.asked == [OF_REGION, OF_ALL]
    assert [timeout <= 1000 for timeout in granted] == [where == "lock", True]


def test_no_download_begins_when_the_time_is_over(
    store: TrustStore, root: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An answer that comes at the last moment leaves no time for another request, and that is said."""
    passed = [0.0]
    real_clock = time.monotonic

    def late(url: str, settings: rds_tls.Settings) -> Download:
        try:
            return download(url, settings)
        finally:
            passed[0] += 4000

    monkeypatch.setattr(time, "monotonic", lambda: real_clock() + passed[0])
    monkeypatch.setattr(renewal, "download", late)
    store.publish(REGION, reply(404))
    store.publish_global(root)
    with pytest.raises(rds_tls.DownloadError, match="nothing is left for it of 3000 seconds"):
        obtain_anchors(ROOTS, store.settings._replace(total_timeout=3000.0))
    assert OF_ALL not in store.asked


@pytest.mark.parametrize(("name", "expected"), [("orders", ["1.5", "1.5", "10.0", "10.0"]), (None, ["10.0"] * 4)])
def test_wait_on_lambda_is_shorter_than_its_own_timeout(name: str | None, expected: list[str]) -> None:
    """On AWS Lambda, whose functions end after 3 seconds by default, a download waits less, unless told otherwise."""
    environ = {**os.environ, "AWS_LAMBDA_FUNCTION_NAME": name} if name else dict(os.environ)
    assert run("roots/programs/total_timeouts.py", environ=environ).split() == expected
