"""The roots that ship with the package, and how they are found; tests/roots/test_known.py says whose they are."""

import datetime as dt
import hashlib
import os
import re
import ssl
import zipfile
from collections.abc import Iterator
from pathlib import Path

import certifi
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rds_tls
from rds_tls.endpoint import RootSet, Trust
from rds_tls.errors import TrustError
from rds_tls.roots import snapshot
from rds_tls.roots.known import AMAZON_ROOTS
from rds_tls.roots.snapshot import Shipped, find, parse_manifest
from tests.support.known_regions import PUBLISHED, REGIONS
from tests.support.local_https import LocalHttps, reply
from tests.support.minting import fingerprints
from tests.support.programs import run
from tests.support.trust_store import TrustStore, environment

DIRECTORY = Path(snapshot.DIRECTORY)
MANIFEST_TEXT = (DIRECTORY / "manifest.tsv").read_text("utf-8")
SHIPPED = parse_manifest(MANIFEST_TEXT)
DAY = dt.datetime(2026, 11, 25, tzinfo=dt.UTC)

every_file = pytest.mark.parametrize("shipped", SHIPPED.values(), ids=SHIPPED)


def test_what_ships() -> None:
    """Each published region, the Preview region and the Amazon roots ship; the manifest lists each and no other."""
    assert sorted(SHIPPED) == sorted(path.name for path in DIRECTORY.glob("*.pem"))
    regions = [f"{region}.pem" for partition in PUBLISHED for region in REGIONS[partition]]
    assert sorted(SHIPPED) == sorted([*regions, "us-east-2-preview.pem", "amazon.pem"])


def test_sources_are_named() -> None:
    """The manifest says when the roots were taken; AWS's own file is the source where there was one, others' else."""
    assert {shipped.fetched_at for shipped in SHIPPED.values()} == {DAY.timestamp()}
    assert re.fullmatch(r"certifi [0-9.]+", SHIPPED["amazon.pem"].source)
    by_aws = [*REGIONS["aws"], "us-east-2-preview"]
    by_others = [*REGIONS["aws-us-gov"], *REGIONS["aws-cn"]]
    assert {SHIPPED[f"{name}.pem"].source.partition(":")[0] for name in by_aws} == {"AWS's own publication"}
    assert {SHIPPED[f"{name}.pem"].source.partition(":")[0] for name in by_others} == {
        "independent publications, none by AWS"
    }
    for name in (*by_aws, *by_others):
        assert re.search(r", sha256 [0-9a-f]{64}$", SHIPPED[f"{name}.pem"].source)


@every_file
def test_manifest_hashes_match(shipped: Shipped) -> None:
    """Each file has the SHA-256 and the digest of roots that the manifest gives it."""
    assert hashlib.sha256(Path(shipped.path).read_bytes()).hexdigest() == shipped.sha256
    joined = "\n".join(sorted(fingerprints(shipped.path)))
    assert hashlib.sha256(joined.encode()).hexdigest() == shipped.digest


@every_file
def test_openssl_loads_every_root(shipped: Shipped) -> None:
    """OpenSSL takes each file, as a path and as text, and every certificate in it for a CA."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cafile=shipped.path)
    from_path = context.get_ca_certs(binary_form=True)
    context.load_verify_locations(cadata=Path(shipped.path).read_text("ascii"))
    assert context.get_ca_certs(binary_form=True) == from_path
    assert len(from_path) == len(fingerprints(shipped.path)) == (5 if shipped.file == "amazon.pem" else 3)


@every_file
def test_roots_outlive_the_snapshot(shipped: Shipped) -> None:
    """Every root is valid on the day of the snapshot and for ten years more."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cafile=shipped.path)
    for facts in context.get_ca_certs():
        assert ssl.cert_time_to_seconds(str(facts["notBefore"])) < DAY.timestamp()
        assert ssl.cert_time_to_seconds(str(facts["notAfter"])) > DAY.replace(year=DAY.year + 10).timestamp()


@every_file
def test_every_root_is_headed_by_a_comment(shipped: Shipped) -> None:
    """A line above each certificate gives its name, CA id, SHA-256 and last day."""
    text = Path(shipped.path).read_text("ascii")
    comments = re.findall(r"^# (.+); (.+); SHA-256 (.+); until (\d{4}-\d\d-\d\d)\n-----BEGIN", text, re.MULTILINE)
    assert [fingerprint for _, _, fingerprint, _ in comments] == fingerprints(shipped.path)


def test_amazon_roots_are_certifis() -> None:
    """The Amazon file is exactly the five roots, each identical to the one in certifi."""
    shipped = fingerprints(str(DIRECTORY / "amazon.pem"))
    assert sorted(shipped) == sorted(AMAZON_ROOTS.values())
    assert set(shipped) <= set(fingerprints(certifi.where()))


def test_find_gives_a_regions_file() -> None:
    """A shipped region is found with its path, its digest and its date."""
    assert find(RootSet(Trust.RDS, "us-east-2")) == SHIPPED["us-east-2.pem"]
    assert SHIPPED["us-east-2.pem"].path == str(DIRECTORY / "us-east-2.pem")


def test_find_keeps_kinds_of_trust_apart() -> None:
    """Preview roots are found for Preview endpoints only; Amazon's for every region."""
    regions = ("us-east-2", "us-east-1", "nowhere-9")
    wanted = [RootSet(trust, region) for trust in (Trust.RDS, Trust.RDS_PREVIEW) for region in regions]
    found = {roots: find(roots) for roots in (*wanted, RootSet(Trust.AMAZON, None))}
    assert {roots: shipped.file for roots, shipped in found.items() if shipped} == {
        RootSet(Trust.RDS, "us-east-2"): "us-east-2.pem",
        RootSet(Trust.RDS, "us-east-1"): "us-east-1.pem",
        RootSet(Trust.RDS_PREVIEW, "us-east-2"): "us-east-2-preview.pem",
        RootSet(Trust.AMAZON, None): "amazon.pem",
    }


def test_find_opens_the_manifest_once_and_no_pem() -> None:
    """Finding roots costs one small file, however often it is asked for."""
    opened = run("roots/programs/find_shipped.py", "us-east-1", "eu-west-1", "us-east-1")
    assert opened == "manifest.tsv"


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the snapshot's directory that the loader reads in place of the real one."""
    for path in DIRECTORY.glob("*.*"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    monkeypatch.setattr(snapshot, "DIRECTORY", str(tmp_path))
    snapshot._manifest.cache_clear()
    yield tmp_path
    snapshot._manifest.cache_clear()


def test_missing_file_is_not_a_missing_region(installed: Path) -> None:
    """A listed file that is gone is an error with the fix; other regions still work."""
    (installed / "us-east-1.pem").unlink()
    with pytest.raises(TrustError, match=r"us-east-1\.pem.*install rds-tls unpacked, or set RDS_TLS_CA_BUNDLE"):
        find(RootSet(Trust.RDS, "us-east-1"))
    assert find(RootSet(Trust.RDS, "us-east-2")) is not None


def test_missing_manifest_is_an_error(installed: Path) -> None:
    """Without its manifest the snapshot is an error each time, not an empty one."""
    (installed / "manifest.tsv").unlink()
    for _ in range(2):
        with pytest.raises(TrustError, match=r"manifest\.tsv: No such file"):
            find(RootSet(Trust.RDS, "us-east-1"))


@pytest.mark.parametrize("content", [b"\xff\xfe", b"", b"garbage\n"])
def test_damaged_manifest_is_an_error(installed: Path, content: bytes) -> None:
    """A manifest that cannot be read is an error that says so."""
    (installed / "manifest.tsv").write_bytes(content)
    with pytest.raises(TrustError, match=r"\(manifest\.tsv\) is damaged.*Install rds-tls again"):
        find(RootSet(Trust.RDS, "us-east-1"))


def from_zip(folder: Path, environ: dict[str, str]) -> str:
    """Import the package from a zip, ask it for a region's roots, and give the path or the error that it prints."""
    archive = folder / "rds_tls.zip"
    package = DIRECTORY.parents[1]
    with zipfile.ZipFile(archive, "w") as file:
        for path in package.rglob("*.*"):
            file.write(path, path.relative_to(package.parent))
    return run("roots/programs/import_from_zip.py", archive, "eu-west-1", environ=environ, isolated=True)


def test_zip_import_is_explained(tmp_path: Path) -> None:
    """Imported from a zip, the roots are no files: the error says to unpack, or to name a CA file."""
    said = from_zip(tmp_path, {**os.environ, "RDS_TLS_CACHE_DIR": str(tmp_path / "cache")})
    assert "install rds-tls unpacked, or set RDS_TLS_CA_BUNDLE" in said


def test_zip_import_takes_a_ca_file(tmp_path: Path) -> None:
    """Imported from a zip, the package uses the file that RDS_TLS_CA_BUNDLE names."""
    ours = str(DIRECTORY / "eu-west-2.pem")
    assert from_zip(tmp_path, {**os.environ, "RDS_TLS_CA_BUNDLE": ours}) == ours


@pytest.fixture
def store(tmp_path: Path) -> Iterator[TrustStore]:
    """A trust store of our own, with an empty cache."""
    with LocalHttps(tmp_path) as server:
        yield TrustStore(server, tmp_path / "cache")


def test_zip_import_uses_what_else_there_is(store: TrustStore, tmp_path: Path) -> None:
    """Imported from a zip, the package finds a prefetched directory, and downloads where there is none."""
    store.publish("eu-west-1", (DIRECTORY / "eu-west-1.pem").read_bytes())
    (path,) = rds_tls.prefetch("eu-west-1", directory=tmp_path / "image", settings=store.settings)
    offline = environment(store, RDS_TLS_OFFLINE="1", RDS_TLS_BUNDLE_DIR=str(tmp_path / "image"))
    assert from_zip(tmp_path, offline) == path
    assert from_zip(tmp_path, environment(store)) == f"{tmp_path}/cache/{store.name('eu-west-1')}.pem"


def test_zip_import_without_anything_else_is_explained(store: TrustStore, tmp_path: Path) -> None:
    """Where the download fails too, the error is the one that says to unpack, with the other one behind it."""
    store.publish("eu-west-1", reply(400))
    said = from_zip(tmp_path, environment(store))
    assert "install rds-tls unpacked" in said
    assert said.endswith("<- DownloadError")


TIME = "# fetched-at: 1795392000\n"
HEAD = f"{TIME}# source: a parcel: by courier\n"
ROW = "\t".join(["eu-west-1.pem", "0" * 64, "f" * 64]) + "\n"


def test_manifest_is_read_in_order() -> None:
    """Time and source come from comments, rows keep their order, blank lines and plain comments are skipped."""
    other = ROW.replace("eu-west-1", "eu-west-2")
    read = parse_manifest(f"# hello: you\n{HEAD}\n{other}# source: here\n# sources: there\n{ROW}")
    assert list(read.items()) == [
        ("eu-west-2.pem", Shipped("eu-west-2.pem", "0" * 64, "f" * 64, 1795392000, "a parcel: by courier")),
        ("eu-west-1.pem", Shipped("eu-west-1.pem", "0" * 64, "f" * 64, 1795392000, "here")),
    ]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (HEAD, "it lists no file"),
        (ROW, "line 1 comes before '# fetched-at' or '# source'"),
        (ROW + HEAD, "line 1 comes before '# fetched-at' or '# source'"),
        (TIME + ROW, "line 2 comes before '# fetched-at' or '# source'"),
        (HEAD.replace(TIME, "") + ROW, "line 2 comes before '# fetched-at' or '# source'"),
        (TIME + "# source: \n" + ROW, "line 3 comes before '# fetched-at' or '# source'"),
        ("# fetched-at: 2026-11-23\n" + ROW, "line 1 has '2026-11-23', no number of seconds"),
        ("# fetched-at: -1\n" + ROW, "line 1 has '-1', no number of seconds"),
        ("# fetched-at: \u0661\n" + ROW, "line 1 has '\u0661', no number of seconds"),
        (f"# fetched-at: {'1' * 12}\n" + ROW, f"line 1 has '{'1' * 12}', no number of seconds"),
        (HEAD + ROW.replace("\t", " "), "line 3 has 1 columns, not 3"),
        (HEAD + ROW.replace("\n", "\tx\n"), "line 3 has 4 columns, not 3"),
        (HEAD + ROW + ROW, "line 4 lists 'eu-west-1.pem' once more"),
        (HEAD + ROW.replace("eu-west-1.pem", "../eu.pem"), "line 3 has '../eu.pem' for its file"),
    ],
)
def test_malformed_manifest_is_refused(text: str, fault: str) -> None:
    """A line that breaks a rule is named with the rule; nothing of the file is used."""
    with pytest.raises(TrustError) as caught:
        parse_manifest(text)
    assert f"is damaged: {fault}. Install" in str(caught.value)


@st.composite
def mutations(draw: st.DrawFn) -> str:
    """The real manifest with one stretch replaced by other text."""
    start = draw(st.integers(0, len(MANIFEST_TEXT)))
    end = start + draw(st.integers(0, 200))
    return MANIFEST_TEXT[:start] + draw(st.text(max_size=5)) + MANIFEST_TEXT[end:]


@given(st.one_of(st.text(), mutations()))
@settings(deadline=None)
def test_any_manifest_is_read_or_refused(text: str) -> None:
    """Arbitrary text is a TrustError, or a manifest whose files stay inside their directory."""
    try:
        files = parse_manifest(text)
    except TrustError:
        return
    assert all(Path(shipped.path).parent == DIRECTORY for shipped in files.values())
