"""Trust that stays current: what is downloaded, believed, stored and preferred. The trust store is a real server."""

import logging
import os
import re
import stat
import subprocess
import sys
import threading
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
from rds_tls.roots import background as refresh
from rds_tls.roots import healing, renewal, snapshot
from rds_tls.roots import lookup as trust
from rds_tls.roots.anchors import Anchors, Source
from rds_tls.roots.cache.disk import Cache
from rds_tls.roots.cache.entry import Entry
from rds_tls.roots.cache.memory import MEMORY
from rds_tls.roots.lookup import trusted_bundle
from rds_tls.roots.origin import NOTHING_KNOWN, Origin, Validators
from rds_tls.roots.truststore.download import Download, download
from tests.conftest import OFFLINE
from tests.support.local_https import Handler, LocalHttps, reply
from tests.support.local_rds import Authority, KeyType
from tests.support.minting import mint, pem
from tests.support.trust_store import HOST, REGION, TrustStore

ROOTS = RootSet(rds_tls.Trust.RDS, REGION)
KNOWN = RootSet(rds_tls.Trust.RDS, "eu-west-1")
PREVIEW = RootSet(rds_tls.Trust.RDS_PREVIEW, "us-east-2")

OF_REGION = f"/{REGION}/{REGION}-bundle.pem"
OF_ALL = "/global/global-bundle.pem"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalHttps]:
    """One HTTPS server for every test here."""
    with LocalHttps(tmp_path_factory.mktemp("https")) as server:
        yield server


@pytest.fixture
def store(server: LocalHttps, tmp_path: Path) -> TrustStore:
    """An empty trust store, and settings that use it with an empty cache."""
    return TrustStore(server, tmp_path / "cache")


@pytest.fixture(scope="module")
def root() -> bytes:
    """A root of the region that nobody knows yet."""
    return Authority(REGION, KeyType.ECC384).root_pem


def shipped(roots: RootSet) -> bytes:
    """The real roots of a region, from the snapshot."""
    found = snapshot.find(roots)
    assert found is not None
    return Path(found.path).read_bytes()


def new_process() -> None:
    """Forget what this process holds, as the next one would."""
    trust._remembered.clear()
    refresh.SCHEDULE.forget()


def wait_for_refresh() -> None:
    """Let the background refresh end, if one runs."""
    thread = refresh.SCHEDULE._thread
    if thread is not None:
        thread.join(30)
        assert not thread.is_alive()


def publish_in_memory(store: TrustStore, region: str, content: bytes, fetched_at: float) -> Entry:
    """Keep an entry in memory, as if it had been downloaded at some moment."""
    url = f"{store.settings.truststore_url}/{region}/{region}-bundle.pem"
    return MEMORY.publish(store.name(region), content, Origin(url, NOTHING_KNOWN, fetched_at))


def blocks(bundle: Anchors) -> set[bytes]:
    """The certificates in a bundle's file."""
    return healing._blocks(bundle)


def certificates(pem: bytes, tmp_path: Path) -> set[bytes]:
    """The certificates in some PEM."""
    path = tmp_path / "expected.pem"
    path.write_bytes(pem)
    return healing._blocks(Anchors(str(path), "", Source.CA_FILE, ROOTS, OFFLINE))


def test_uncovered_region_is_downloaded_once(store: TrustStore, root: bytes, tmp_path: Path) -> None:
    """A region that nothing covers is downloaded, kept for this process and on disk for the next."""
    store.publish(REGION, root)
    first = trusted_bundle(ROOTS, store.settings)
    assert first.source is Source.CACHE
    assert blocks(first) == certificates(root, tmp_path)
    assert trusted_bundle(ROOTS, store.settings) is first
    new_process()
    assert trusted_bundle(ROOTS, store.settings) == first
    assert store.asked == [OF_REGION]
    assert rds_tls.ca_path(HOST, settings=store.settings) == first.path


@pytest.mark.parametrize("status", [403, 404])
def test_region_without_a_file_is_found_in_the_global_bundle(store: TrustStore, root: bytes, status: int) -> None:
    """Where a region has no file of its own, its roots alone are taken out of the global bundle."""
    other = Authority("eu-north-8", KeyType.ECC384).root_pem
    store.publish(REGION, reply(status))
    store.publish_global(other + root + shipped(KNOWN))
    assert len(blocks(trusted_bundle(ROOTS, store.settings))) == 1
    assert store.asked == [OF_REGION, OF_ALL]


def test_preview_roots_come_from_the_global_bundle(store: TrustStore) -> None:
    """Preview roots are fetched where AWS publishes them, and GA roots of that region are left out."""
    store.publish_global(shipped(PREVIEW) + shipped(RootSet(rds_tls.Trust.RDS, "us-east-2")))
    stale = store.settings._replace(max_age=0)
    trusted_bundle(PREVIEW, stale)
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
        trusted_bundle(ROOTS, store.settings)
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
        trusted_bundle(ROOTS, store.settings)
    assert store.entry(REGION) is None


def test_expired_roots_are_refused(store: TrustStore) -> None:
    """A bundle in which no root is current is no bundle."""
    expired = mint_root(REGION, datetime.now(UTC) - timedelta(days=1))
    store.publish(REGION, expired)
    with pytest.raises(rds_tls.BundleError, match="expired"):
        trusted_bundle(ROOTS, store.settings)


def mint_root(region: str, end: datetime) -> bytes:
    """Make a root of a region that ends at some moment."""
    return pem(mint(f"Amazon RDS {region} Root CA ECC384 G1", begin=end - timedelta(days=2), end=end))


def test_known_name_with_another_key_is_refused(store: TrustStore) -> None:
    """A root that is called what AWS calls its own, and is not it, spoils the whole bundle."""
    impostor = Authority("eu-west-1", KeyType.ECC384).root_pem
    store.publish("eu-west-1", shipped(KNOWN) + impostor)
    served = trusted_bundle(KNOWN, store.settings._replace(max_age=0))
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
        trusted_bundle(ROOTS, store.settings)
    (line,) = [record for record in caplog.records if "does not list yet" in record.getMessage()]
    assert line.levelno == logging.INFO
    assert f"Amazon RDS {REGION} Root CA ECC384 G1, SHA-256 " in line.getMessage()


def test_known_roots_only_refuses_new_roots(store: TrustStore, root: bytes) -> None:
    """With known_roots_only a new root is refused; known ones are taken as ever."""
    strict = store.settings._replace(known_roots_only=True)
    store.publish(REGION, root)
    with pytest.raises(rds_tls.BundleError, match="is new to this version, and known_roots_only is set"):
        trusted_bundle(ROOTS, strict)
    store.publish("eu-west-1", shipped(KNOWN))
    assert len(rds_tls.prefetch("eu-west-1", settings=strict)) == 1


def test_offline_asks_nobody(store: TrustStore, root: bytes) -> None:
    """Offline, the cache serves whatever its age, and nothing is ever asked for."""
    store.publish(REGION, root)
    offline = store.settings._replace(offline=True, max_age=0)
    with pytest.raises(rds_tls.TrustError, match="RDS_TLS_BUNDLE_DIR"):
        trusted_bundle(ROOTS, offline)
    assert store.asked == []
    fetched = trusted_bundle(ROOTS, store.settings)
    assert trusted_bundle(ROOTS, offline).path == fetched.path
    wait_for_refresh()
    assert store.asked == [OF_REGION]


def test_fresh_cache_wins_over_the_snapshot(store: TrustStore) -> None:
    """A fresh entry is preferred, and nothing is asked for."""
    store.put("eu-west-1", shipped(KNOWN), time.time())
    assert trusted_bundle(KNOWN, store.settings).source is Source.CACHE
    assert store.asked == []


@pytest.mark.parametrize(("days", "source"), [(-1, Source.SNAPSHOT), (1, Source.CACHE)])
def test_newer_of_two_stale_sources_is_served(store: TrustStore, days: int, source: Source) -> None:
    """Of a stale entry and the snapshot the newer one is served at once, while a refresh runs."""
    shipped_at = trusted_bundle(KNOWN, store.settings._replace(offline=True)).as_of
    assert shipped_at is not None
    store.put("eu-west-1", shipped(KNOWN), shipped_at + days * 86_400)
    store.publish("eu-west-1", shipped(KNOWN))
    stale = store.settings._replace(max_age=0)
    assert trusted_bundle(KNOWN, stale).source is source
    wait_for_refresh()
    refreshed = trusted_bundle(KNOWN, stale)
    assert refreshed.source is Source.CACHE
    assert refreshed.as_of == pytest.approx(time.time(), abs=60)
    assert store.asked == ["/eu-west-1/eu-west-1-bundle.pem"]


def test_unchanged_bundle_costs_a_304(store: TrustStore, root: bytes) -> None:
    """A refresh sends the validators, and "not modified" makes the entry fresh without its content."""
    store.publish(REGION, reply(200, root, ETag='"one"', Last_Modified="Mon, 23 Nov 2026 00:00:00 GMT"), reply(304))
    first = trusted_bundle(ROOTS, store.settings)
    rds_tls.prefetch(REGION, settings=store.settings)
    second = store.entry(REGION)
    assert second is not None
    assert second.digest == first.digest
    assert first.as_of is not None
    assert second.origin.fetched_at >= first.as_of
    assert second.origin.validators == ('"one"', "Mon, 23 Nov 2026 00:00:00 GMT")
    assert store.server.seen[-1].headers["If-None-Match"] == '"one"'


def test_clock_set_back_makes_an_entry_stale_not_immortal(store: TrustStore, root: bytes) -> None:
    """An entry from the future is served, and refreshed as a stale one is."""
    store.put(REGION, root, time.time() + 365 * 86_400)
    store.publish(REGION, root)
    assert trusted_bundle(ROOTS, store.settings).source is Source.CACHE
    wait_for_refresh()
    assert store.asked == [OF_REGION]


@pytest.mark.parametrize("hindrance", ["lambda", "offline"])
def test_no_refresh_where_none_may_run(
    store: TrustStore, root: bytes, monkeypatch: pytest.MonkeyPatch, hindrance: str
) -> None:
    """On AWS Lambda and offline a stale bundle is served, and no thread starts."""
    store.put(REGION, root, time.time())
    settings = store.settings._replace(max_age=0, offline=hindrance == "offline")
    if hindrance == "lambda":
        monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "orders")
    assert trusted_bundle(ROOTS, settings).source is Source.CACHE
    assert refresh.SCHEDULE._thread is None
    assert store.asked == []


def test_refresh_lets_the_connect_go_first(store: TrustStore, root: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """A refresh waits before it begins, and an interpreter that is about to exit ends the wait, and the refresh."""
    monkeypatch.setattr(refresh, "HEAD_START", 3600.0)
    store.put(REGION, root, time.time())
    store.publish(REGION, root)
    trusted_bundle(ROOTS, store.settings._replace(max_age=0))
    assert refresh.SCHEDULE._thread is not None
    assert refresh.SCHEDULE._thread.is_alive()
    refresh.SCHEDULE.close()
    wait_for_refresh()
    assert store.asked == []


def test_failed_refresh_is_logged_and_not_repeated(
    store: TrustStore, root: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """A refresh that fails leaves what there is, says so once, and waits before the next one."""
    store.put(REGION, root, time.time())
    store.publish(REGION, reply(400))
    stale = store.settings._replace(max_age=0)
    with caplog.at_level(logging.WARNING, logger="rds_tls"):
        for _ in range(3):
            trust._remembered.clear()
            assert trusted_bundle(ROOTS, stale).source is Source.CACHE
            wait_for_refresh()
    assert store.asked == [OF_REGION]
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "could not be refreshed" in caplog.text


def test_one_background_thread_at_most(store: TrustStore, root: bytes) -> None:
    """While one refresh waits for a slow server, no second thread starts for another region."""
    release = threading.Event()
    answer = reply(200, root)
    store.put(REGION, root, time.time())
    store.publish(REGION, lambda handler: (release.wait(30), answer(handler))[1])
    stale = store.settings._replace(max_age=0)
    trusted_bundle(ROOTS, stale)
    running = refresh.SCHEDULE._thread
    trusted_bundle(KNOWN, stale)
    assert refresh.SCHEDULE._thread is running
    release.set()
    wait_for_refresh()
    assert store.asked == [OF_REGION]


def test_one_refresh_after_the_other(store: TrustStore, root: bytes) -> None:
    """When a background refresh has come to its end, the next one runs."""
    store.put(REGION, root, time.time())
    store.publish(REGION, root)
    store.publish("eu-west-1", shipped(KNOWN))
    stale = store.settings._replace(max_age=0)
    for roots in (ROOTS, KNOWN):
        trusted_bundle(roots, stale)
        wait_for_refresh()
    assert store.asked == [OF_REGION, "/eu-west-1/eu-west-1-bundle.pem"]


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
    store: TrustStore, root: bytes, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """When the disk takes no more, the roots are kept in memory, and that is said."""

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    store.publish(REGION, root)
    with caplog.at_level(logging.WARNING, logger="rds_tls"):
        bundle = trusted_bundle(ROOTS, store.settings)
    assert len(blocks(bundle)) == 1
    assert "it is kept in memory" in caplog.text
    new_process()
    assert trusted_bundle(ROOTS, store.settings) == bundle
    assert store.asked == [OF_REGION]


def test_prefetched_directory_serves_offline(store: TrustStore, root: bytes, tmp_path: Path) -> None:
    """What prefetch puts into a directory serves a program that has no network, whoever runs it."""
    store.publish(REGION, root)
    (path,) = rds_tls.prefetch(REGION, directory=tmp_path / "image" / "roots", settings=store.settings)
    assert Path(path).parent == tmp_path / "image" / "roots"
    assert stat.S_IMODE(Path(path).stat().st_mode) == 0o644
    assert stat.S_IMODE(Path(path).parent.stat().st_mode) == 0o755
    program = rds_tls.Settings(offline=True, bundle_dir=Path(path).parent)
    bundle = trusted_bundle(ROOTS, program)
    assert bundle.source is Source.PREFETCHED
    assert bundle.path == path
    assert len(rds_tls.ssl_context(HOST, settings=program).get_ca_certs()) == 1


def test_prefetch_leaves_a_directorys_mode(store: TrustStore, root: bytes, tmp_path: Path) -> None:
    """A directory that was there stays as closed as its owner made it."""
    directory = tmp_path / "mine"
    directory.mkdir(mode=0o700)
    store.publish(REGION, root)
    rds_tls.prefetch(REGION, directory=directory, settings=store.settings)
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700


def test_prefetch_without_a_directory_fills_the_cache(store: TrustStore, root: bytes) -> None:
    """Without directory= the cache is filled, and the first connection finds it."""
    store.publish(REGION, root)
    paths = rds_tls.prefetch(REGION, settings=store.settings)
    assert paths == [trusted_bundle(ROOTS, store.settings).path]
    assert store.asked == [OF_REGION]


def test_prefetch_mistakes(store: TrustStore, root: bytes, tmp_path: Path) -> None:
    """No region, no such region, no network and no directory are each said."""
    with pytest.raises(rds_tls.OptionError, match="no region is named"):
        rds_tls.prefetch(settings=store.settings)
    with pytest.raises(rds_tls.OptionError, match="'europe' is not the name of an AWS region"):
        rds_tls.prefetch("europe", settings=store.settings)
    with pytest.raises(rds_tls.OptionError, match="forbids"):
        rds_tls.prefetch(REGION, settings=rds_tls.Settings(offline=True))
    with pytest.raises(rds_tls.TrustError, match="AWS publishes no trust store"):
        rds_tls.prefetch("us-iso-east-1", settings=rds_tls.Settings())
    store.publish(REGION, root)
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(rds_tls.SettingsError, match="prefetch\\(\\) cannot use directory="):
        rds_tls.prefetch(REGION, directory=tmp_path / "file", settings=store.settings)


def test_damaged_entry_is_replaced(store: TrustStore, root: bytes) -> None:
    """An entry that was cut off is as good as none: it is downloaded again."""
    store.publish(REGION, root)
    first = trusted_bundle(ROOTS, store.settings)
    Path(first.path).write_bytes(Path(first.path).read_bytes()[:-20])
    second = trusted_bundle(ROOTS, store.settings)
    assert second.path == first.path
    assert second.digest == first.digest
    assert store.asked == [OF_REGION, OF_REGION]


def test_removed_entry_is_downloaded_again(store: TrustStore, root: bytes) -> None:
    """An entry that somebody removes while the program runs comes back with the next call."""
    store.publish(REGION, root)
    first = trusted_bundle(ROOTS, store.settings)
    Path(first.path).unlink()
    assert trusted_bundle(ROOTS, store.settings).path == first.path
    assert Path(first.path).exists()


def test_newest_entry_wins_wherever_it_is(store: TrustStore, root: bytes) -> None:
    """Of an entry on disk and one in memory the one that was fetched last is served."""
    other = Authority(REGION, KeyType.ECC384).root_pem
    store.put(REGION, root, time.time() - 60)
    publish_in_memory(store, REGION, other, time.time())
    assert trusted_bundle(ROOTS, store.settings).path.startswith("/proc/self/fd/")
    store.put(REGION, root, time.time() + 1)
    new_process()
    assert trusted_bundle(ROOTS, store.settings).path == f"{store.settings.cache_dir}/{store.name(REGION)}.pem"


LISTENERS = {
    "nobody": ("", ""),
    "logging unconfigured": ("import logging", ""),
    "logging configured": ("import logging; logging.basicConfig(level='WARNING')", "trusted as a cache"),
}


@pytest.mark.parametrize(("setup", "expected"), LISTENERS.values(), ids=LISTENERS)
def test_messages_are_silent_until_a_program_listens(setup: str, expected: str) -> None:
    """A warning reaches a program that configured logging, and nobody's stderr otherwise."""
    program = f"{setup}\nfrom rds_tls import log\nlog.warning('%s', 'trusted as a cache')"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert (expected in result.stderr) if expected else (result.stderr == "")


def test_validators_go_to_the_url_they_came_from(store: TrustStore, root: bytes) -> None:
    """Another mirror is asked for the content: it cannot know what the first one calls unchanged."""
    store.publish(REGION, reply(200, root, ETag='"one"'))
    trusted_bundle(ROOTS, store.settings)
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
        trusted_bundle(ROOTS, hasty)
    assert store.asked == []


def test_amazon_roots_are_never_renewed(store: TrustStore) -> None:
    """The Amazon Trust Services roots ship with the package, and no trust store of RDS's is asked for them."""
    amazon = trusted_bundle(RootSet(rds_tls.Trust.AMAZON, None), store.settings._replace(max_age=0))
    assert amazon.source is Source.SNAPSHOT
    assert refresh.SCHEDULE._thread is None
    assert healing.heal(amazon) is None
    assert store.asked == []


def test_fresh_cache_wins_even_over_a_newer_snapshot(store: TrustStore) -> None:
    """Precedence asks for freshness first and for age second."""
    shipped_at = trusted_bundle(KNOWN, store.settings._replace(offline=True)).as_of
    assert shipped_at is not None
    store.put("eu-west-1", shipped(KNOWN), shipped_at - 86_400)
    patient = store.settings._replace(max_age=float("inf"))
    assert trusted_bundle(KNOWN, patient).source is Source.CACHE


def test_answer_is_held_for_a_while(store: TrustStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """What another process stores meanwhile is noticed when the hold ends, not at every call."""
    offline = store.settings._replace(offline=True)
    assert trusted_bundle(KNOWN, offline).source is Source.SNAPSHOT
    store.put("eu-west-1", shipped(KNOWN), time.time())
    assert trusted_bundle(KNOWN, offline).source is Source.SNAPSHOT
    monkeypatch.setattr(trust, "_HOLD", 0.0)
    trust._remembered.clear()
    assert trusted_bundle(KNOWN, offline).source is Source.CACHE
    publish_in_memory(store, "eu-west-1", shipped(KNOWN), time.time() + 1)
    assert trusted_bundle(KNOWN, offline).path.startswith("/proc/self/fd/")


def test_healing_with_the_same_roots_is_none(store: TrustStore, root: bytes) -> None:
    """A download that brings the very roots that failed is no reason for another attempt."""
    store.publish(REGION, root)
    failed = trusted_bundle(ROOTS, store.settings)
    assert healing.heal(failed) is None
    assert store.asked == [OF_REGION, OF_REGION]


def test_held_answers_are_bounded(store: TrustStore) -> None:
    """A program that makes up settings for ever does not fill its memory with answers."""
    for number in range(trust._MAX_REMEMBERED + 10):
        trusted_bundle(KNOWN, store.settings._replace(offline=True, max_age=float(number)))
    assert len(trust._remembered) <= trust._MAX_REMEMBERED


def test_pkcs7_is_downloaded_on_request(store: TrustStore, root: bytes, tmp_path: Path) -> None:
    """With bundle_format="p7b" AWS's PKCS#7 file is fetched, and PEM is what drivers get."""
    certificates_in_it = x509.load_pem_x509_certificates(root + Authority("eu-north-8", KeyType.ECC384).root_pem)
    store.server.url(
        OF_REGION.replace(".pem", ".p7b"), reply(200, pkcs7.serialize_certificates(certificates_in_it, Encoding.DER))
    )
    bundle = trusted_bundle(ROOTS, store.settings._replace(bundle_format="p7b"))
    assert blocks(bundle) == certificates(root, tmp_path)


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
    trusted_bundle(ROOTS, store.settings._replace(total_timeout=3000.0))
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
        trusted_bundle(ROOTS, store.settings._replace(total_timeout=3000.0))
    assert OF_ALL not in store.asked


def test_failure_stands_for_a_minute(store: TrustStore, root: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """What nothing covers and nobody gives is asked for once a minute, not by every call; the error says when."""
    passed = [0.0]
    real_clock = time.monotonic
    monkeypatch.setattr(time, "monotonic", lambda: real_clock() + passed[0])
    store.publish(REGION, reply(400))
    with pytest.raises(rds_tls.DownloadError) as first:
        trusted_bundle(ROOTS, store.settings)
    for _ in range(2):
        with pytest.raises(rds_tls.DownloadError) as again:
            trusted_bundle(ROOTS, store.settings)
        assert (str(again.value), again.value.url) == (str(first.value), first.value.url)
        (note,) = again.value.__notes__
        assert re.fullmatch(r"rds_tls: this was tried at \d\d:\d\d:\d\d UTC, and stands for 60 seconds: .*", note)
    assert not hasattr(first.value, "__notes__")
    assert store.asked == [OF_REGION]
    passed[0] = refresh.STANDS
    store.publish(REGION, root)
    assert trusted_bundle(ROOTS, store.settings).source is Source.CACHE


def test_failure_stands_for_its_settings_alone(store: TrustStore, root: bytes) -> None:
    """Other settings are tried at once, and a success puts an end to what stood."""
    store.publish(REGION, reply(400))
    for _ in range(2):
        with pytest.raises(rds_tls.DownloadError):
            trusted_bundle(ROOTS, store.settings)
    store.publish(REGION, root)
    other = store.settings._replace(total_timeout=9.0)
    path = Path(trusted_bundle(ROOTS, other).path)
    assert store.asked == [OF_REGION] * 2
    assert trusted_bundle(ROOTS, store.settings).path == str(path)
    path.unlink()
    trusted_bundle(ROOTS, other)
    forget_answers()
    path.unlink()
    with pytest.raises(rds_tls.DownloadError):
        trusted_bundle(ROOTS, store.settings)
    trust.renewed(ROOTS, store.settings, None)
    forget_answers()
    path.unlink()
    assert trusted_bundle(ROOTS, store.settings).path == str(path)


def forget_answers() -> None:
    """Forget what is held, and not what failed."""
    trust._remembered.clear()


def test_failure_that_stands_keeps_no_frames(store: TrustStore) -> None:
    """What is remembered of a failure leads to no variable of the calls that met it: there may be passwords."""
    store.publish(REGION, reply(400))
    for _ in range(2):
        with pytest.raises(rds_tls.DownloadError):
            trusted_bundle(ROOTS, store.settings)
    ((kept, _, _),) = refresh.SCHEDULE._failed.values()
    assert (kept.__traceback__, kept.__context__, kept.__cause__) == (None, None, None)


def test_failures_that_stand_are_bounded() -> None:
    """A program that makes up settings for ever does not fill its memory with failures."""
    for number in range(refresh.MAX_FAILED + 10):
        refresh.SCHEDULE.remember(number, rds_tls.TrustError("no"))
    assert len(refresh.SCHEDULE._failed) <= refresh.MAX_FAILED


# AWS Lambda sets the variable before the program begins.
ON_LAMBDA = """
import rds_tls
print(rds_tls.Settings().total_timeout, rds_tls.Settings.from_env({}).total_timeout)
print(rds_tls.Settings(total_timeout=10.0).total_timeout)
print(rds_tls.Settings.from_env({"RDS_TLS_TOTAL_TIMEOUT": "10"}).total_timeout)
"""


@pytest.mark.parametrize(("name", "expected"), [("orders", ["1.5", "1.5", "10.0", "10.0"]), (None, ["10.0"] * 4)])
def test_wait_on_lambda_is_shorter_than_its_own_timeout(name: str | None, expected: list[str]) -> None:
    """On AWS Lambda, whose functions end after 3 seconds by default, a download waits less, unless told otherwise."""
    environ = {**os.environ, "AWS_LAMBDA_FUNCTION_NAME": name} if name else dict(os.environ)
    result = subprocess.run([sys.executable, "-c", ON_LAMBDA], env=environ, capture_output=True, text=True, check=True)
    assert result.stdout.split() == expected
