"""What was stored is judged again when it is read: by whom it was fetched, and by what is known of roots by then."""

import logging
import ssl
import time
from pathlib import Path

import pytest

import rds_tls
from rds_tls.context.shared import shared_context
from rds_tls.roots import known, snapshot
from rds_tls.roots.anchors import Source
from rds_tls.roots.cache.disk import Cache
from rds_tls.roots.cache.memory import MEMORY
from rds_tls.roots.lookup import obtain_anchors
from rds_tls.roots.origin import NOTHING_KNOWN, Origin
from tests.roots.conftest import Step
from tests.support.local_https import reply
from tests.support.local_rds import Authority, KeyType
from tests.support.minting import fingerprints
from tests.support.programs import run
from tests.support.trust_store import HOST, KNOWN, OF_REGION, REGION, ROOTS, TrustStore

AWS = "https://truststore.pki.rds.amazonaws.com"

# How a root comes to be stored, so that it is there when the table of known roots has learned better.
PLACES = ["cache", "memory", "prefetched"]


@pytest.fixture(scope="module")
def forged() -> bytes:
    """A root that has the name of one of AWS's, and another key."""
    return Authority("eu-west-1", KeyType.ECC384).root_pem


def shipped(region: str) -> bytes:
    """The real roots of a region, from the snapshot."""
    return Path(snapshot.DIRECTORY, f"{region}.pem").read_bytes()


def bare(region: str) -> bytes:
    """The same without the first line, which is a comment."""
    return shipped(region).partition(b"\n")[2]


def keep(store: TrustStore, place: str, region: str, content: bytes) -> rds_tls.Settings:
    """Store roots in a place, as of now, and give settings under which they are found there and nothing is asked."""
    settings = store.settings._replace(offline=True)
    if place == "cache":
        store.put(region, content, time.time())
    elif place == "memory":
        url = f"{settings.truststore_url}/{region}/{region}-bundle.pem"
        MEMORY.publish(store.name(region), content, Origin(url, NOTHING_KNOWN, time.time()))
    else:
        directory = Path(str(settings.cache_dir)).with_name("image")
        origin = Origin("https://elsewhere.example/x.pem", NOTHING_KNOWN, time.time())
        Cache(str(directory)).publish(region, content, origin)
        settings = settings._replace(bundle_dir=directory)
    return settings


@pytest.mark.parametrize("place", PLACES)
def test_forged_root_is_unmasked_by_an_upgrade(
    store: TrustStore,
    root: bytes,
    place: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    forget_answers: Step,
) -> None:
    """A root that was new when it was stored is trusted until a version lists another one of its name."""
    settings = keep(store, place, REGION, root)
    assert obtain_anchors(ROOTS, settings).source in {Source.CACHE, Source.PREFETCHED}
    monkeypatch.setitem(known.RDS_ROOTS, (REGION, known.GA, "rds-ca-ecc384-g1"), "0" * 64)
    for _ in range(2):
        forget_answers()
        with caplog.at_level(logging.WARNING, "rds_tls"), pytest.raises(rds_tls.TrustError, match="are at hand"):
            obtain_anchors(ROOTS, settings)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert f"but AWS's has {'0' * 64}" in caplog.text


@pytest.mark.parametrize("place", PLACES)
def test_known_roots_only_counts_for_what_is_stored(
    store: TrustStore, root: bytes, place: str, caplog: pytest.LogCaptureFixture
) -> None:
    """After known_roots_only was switched on, a stored root that this version does not list is trusted no longer."""
    strict = store.settings._replace(known_roots_only=True)
    store.settings = strict
    settings = keep(store, place, REGION, root)
    with caplog.at_level(logging.WARNING, "rds_tls"), pytest.raises(rds_tls.TrustError, match="are at hand"):
        rds_tls.ssl_context(HOST, settings=settings)
    assert "is new to this version, and known_roots_only is set" in caplog.text
    assert obtain_anchors(KNOWN, keep(store, place, "eu-west-1", shipped("eu-west-1"))).source is not Source.SNAPSHOT


@pytest.mark.parametrize("place", PLACES)
def test_forged_root_gives_way_to_the_snapshot(store: TrustStore, forged: bytes, place: str) -> None:
    """An entry with a forged root counts as absent, and what ships is trusted in its place."""
    settings = keep(store, place, "eu-west-1", shipped("eu-west-1") + forged)
    anchors = obtain_anchors(KNOWN, settings)
    assert anchors.source is Source.SNAPSHOT
    assert len(rds_tls.ssl_context(region="eu-west-1", settings=settings).get_ca_certs()) == 3


def test_not_modified_confirms_no_forged_root(store: TrustStore, forged: bytes) -> None:
    """A server is not asked whether a forged root has changed: the content is fetched, and what is right is stored."""
    store.put("eu-west-1", forged, time.time(), etag='"forged"')
    store.publish("eu-west-1", reply(200, shipped("eu-west-1"), ETag='"true"'))
    (path,) = rds_tls.prefetch("eu-west-1", settings=store.settings)
    assert "If-None-Match" not in store.server.seen[0].headers
    assert sorted(fingerprints(path)) == sorted(fingerprints(str(Path(snapshot.DIRECTORY, "eu-west-1.pem"))))


def long_comment(certificate: bytes) -> bytes:
    """Write a certificate into one comment line, laid out for the pieces of 254 bytes in which OpenSSL reads it."""
    return (b"# ".ljust(254) + b"".join(line.ljust(254) for line in certificate.splitlines())).rstrip() + b"\n"


SMUGGLED = {
    "in a long comment": lambda forged: long_comment(forged) + bare("eu-west-1"),
    "in a longer comment": lambda forged: long_comment(forged)[:-1].ljust(254 * 40) + b".\n" + bare("eu-west-1"),
    "another region's root": lambda _: shipped("eu-west-1") + shipped("eu-west-2"),
    "under another label": lambda forged: shipped("eu-west-1") + forged.replace(b" CERTIFICATE", b" X509 CERTIFICATE"),
    "in front, under another label": lambda forged: (
        forged.replace(b" CERTIFICATE", b" X509 CERTIFICATE") + shipped("eu-west-1")
    ),
    "a line that is no comment": lambda _: b"roots\n" + bare("eu-west-1"),
    "two comments": lambda _: b"# roots\n" + shipped("eu-west-1"),
    "a root that a comment hides": lambda _: b"# " + bare("eu-west-1"),
    "behind a comment": lambda forged: shipped("eu-west-1") + b"# -----BEGIN CERTIFICATE-----\n" + forged,
    "behind blanks": lambda forged: shipped("eu-west-1") + forged.replace(b"-----BEGIN", b" -----BEGIN"),
    "nothing at all": lambda _: b"",
    "no base64": lambda forged: forged.replace(b"MII", b"M=I", 1),
}


@pytest.mark.parametrize("smuggle", SMUGGLED.values(), ids=SMUGGLED)
def test_all_of_an_entry_is_judged(store: TrustStore, forged: bytes, smuggle: object) -> None:
    """An entry that holds anything beside the region's roots, in any form that OpenSSL may read, counts as absent."""
    assert callable(smuggle)
    settings = keep(store, "cache", "eu-west-1", smuggle(forged))
    assert obtain_anchors(KNOWN, settings).source is Source.SNAPSHOT


def test_judging_known_roots_loads_no_cryptography(tmp_path: Path) -> None:
    """Roots that this version lists are told by their fingerprints, without what would parse them."""
    Cache(str(tmp_path / "cache")).publish(
        "eu-west-1",
        shipped("eu-west-1"),
        Origin(f"{AWS}/eu-west-1/eu-west-1-bundle.pem", NOTHING_KNOWN, time.time()),
    )
    loaded = run("roots/programs/first_context.py", tmp_path / "cache", isolated=True).split()
    assert "rds_tls.roots.truststore.validation" in loaded
    assert {"cryptography", "requests", "urllib", "rds_tls.roots.bundle", "rds_tls.roots.renewal"} & set(
        loaded
    ) == set()


def test_entry_is_judged_once(
    store: TrustStore, root: bytes, caplog: pytest.LogCaptureFixture, forget_answers: Step
) -> None:
    """A root that this version does not list is parsed for the first look, and not for every further one."""
    settings = keep(store, "cache", REGION, root)
    with caplog.at_level(logging.INFO, "rds_tls"):
        for _ in range(3):
            forget_answers()
            obtain_anchors(ROOTS, settings)
    assert caplog.text.count("does not list yet") == 1


def test_mirror_fills_no_cache_but_its_own(store: TrustStore, root: bytes) -> None:
    """What one caller's mirror published is no other caller's trust, however they share a cache directory."""
    store.publish(REGION, root)
    filled = obtain_anchors(ROOTS, store.settings)
    assert len(filled.content or b"") > 0
    others = {
        "AWS": store.settings._replace(truststore_url=None, mirror_ca_file=None),
        "AWS past a CA of his own": store.settings._replace(truststore_url=None),
        "another mirror": store.settings._replace(truststore_url="https://mirror.example"),
        "no such CA": store.settings._replace(mirror_ca_file=None),
    }
    for whose, settings in others.items():
        with pytest.raises(rds_tls.TrustError, match="are at hand"):
            obtain_anchors(ROOTS, settings._replace(offline=True))
        assert Path(filled.path).exists(), whose
    same = (
        store.settings._replace(truststore_url=f"{store.settings.truststore_url}/"),
        store.settings._replace(bundle_format="p7b"),
    )
    for settings in same:
        assert obtain_anchors(ROOTS, settings._replace(offline=True)).path == filled.path


@pytest.mark.parametrize("place", ["cache", "memory"])
def test_entry_of_another_origin_is_absent(
    store: TrustStore, root: bytes, place: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Even under the right name, as in a cache that 0.1 filled, an entry counts only for those who would have asked."""
    cache_dir = store.settings.cache_dir
    store.settings = rds_tls.Settings(cache_dir=cache_dir)
    origin = Origin(f"https://stage.example{OF_REGION}", NOTHING_KNOWN, time.time())
    where = MEMORY if place == "memory" else Cache(str(cache_dir))
    where.publish(REGION, root, origin)
    with caplog.at_level(logging.WARNING, "rds_tls"), pytest.raises(rds_tls.TrustError, match="are at hand"):
        obtain_anchors(ROOTS, store.settings._replace(offline=True))
    assert f"it is from https://stage.example{OF_REGION}, where these settings do not lead" in caplog.text


def test_known_roots_only_has_a_file_of_its_own(store: TrustStore) -> None:
    """Two callers of one mirror, one of whom takes known roots alone, do not replace each other's file."""
    region = "eu-west-1"
    store.publish(region, shipped(region))
    (strict,) = rds_tls.prefetch(region, settings=store.settings._replace(known_roots_only=True))
    before = Path(strict).read_bytes()
    (lax,) = rds_tls.prefetch(region, settings=store.settings)
    assert lax != strict
    assert Path(strict).read_bytes() == before


def test_format_of_a_download_makes_no_other_origin(store: TrustStore, root: bytes) -> None:
    """An entry that was downloaded as PKCS#7 counts for whoever would download the same roots as PEM."""
    url = f"{store.settings.truststore_url}{OF_REGION}".replace(".pem", ".p7b")
    origin = Origin(url, NOTHING_KNOWN, time.time())
    entry = Cache(str(store.settings.cache_dir)).publish(store.name(REGION), root, origin)
    assert obtain_anchors(ROOTS, store.settings._replace(offline=True)).path == entry.path


def test_two_mirrors_do_not_fight_for_a_file(store: TrustStore, root: bytes, forget_answers: Step) -> None:
    """Callers of two mirrors take turns with one cache directory, and each downloads once."""
    other_root = Authority(REGION, KeyType.ECC384).root_pem
    other = store.settings._replace(truststore_url=f"{store.settings.truststore_url}/other")
    store.publish(REGION, root)
    store.server.url(f"/other{OF_REGION}", reply(200, other_root))
    found = set()
    for settings in (store.settings, other) * 3:
        forget_answers()
        found.add(obtain_anchors(ROOTS, settings).path)
    assert store.asked == [OF_REGION, f"/other{OF_REGION}"]
    assert len(found) == 2


def test_login_of_a_mirror_makes_no_other_mirror(store: TrustStore, root: bytes) -> None:
    """A mirror is the same with another user and password, which are neither in a name nor in a file."""
    store.publish(REGION, root)
    first = obtain_anchors(ROOTS, store.settings)
    with_login = str(store.settings.truststore_url).replace("://", "://user:canary@")
    settings = store.settings._replace(truststore_url=with_login, offline=True)
    assert obtain_anchors(ROOTS, settings).path == first.path


def test_prefetched_directory_counts_wherever_it_came_from(store: TrustStore, root: bytes, tmp_path: Path) -> None:
    """A directory that the caller names serves him although it was filled from a mirror that he does not use."""
    store.publish(REGION, root)
    rds_tls.prefetch(REGION, directory=tmp_path / "image", settings=store.settings)
    program = rds_tls.Settings(offline=True, bundle_dir=tmp_path / "image", cache_dir=tmp_path / "empty")
    assert obtain_anchors(ROOTS, program).source is Source.PREFETCHED


def test_context_holds_what_was_judged(store: TrustStore, root: bytes, forged: bytes) -> None:
    """A file that is replaced after it was judged, and before OpenSSL would open it, changes nothing in a context."""
    anchors = obtain_anchors(ROOTS, keep(store, "cache", REGION, root))
    Path(anchors.path).write_bytes(forged)
    context = shared_context(anchors)
    assert context.get_ca_certs(binary_form=True) == [ssl.PEM_cert_to_DER_cert(root.decode())]
