"""The roots that ship with the package, and how they are found; tests/test_known_roots.py says whose they are."""

import datetime as dt
import hashlib
import re
import ssl
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import certifi
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rds_tls import snapshot
from rds_tls.endpoint import Trust
from rds_tls.errors import TrustError
from rds_tls.known_roots import AMAZON_ROOTS
from rds_tls.snapshot import Manifest, Row, Shipped, find, parse_manifest
from tests.minting import fingerprints

DIRECTORY = Path(snapshot.DIRECTORY)
MANIFEST_TEXT = (DIRECTORY / "manifest.tsv").read_text("utf-8")
MANIFEST = parse_manifest(MANIFEST_TEXT)
ROWS = {row.file: row for row in MANIFEST.rows}

every_row = pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)


def test_what_ships() -> None:
    """28 regions, the Preview region and the Amazon roots ship; the manifest lists each file and no other."""
    assert sorted(ROWS) == sorted(path.name for path in DIRECTORY.glob("*.pem"))
    regional = {row.region for row in MANIFEST.rows if row.trust == "rds"}
    others = [(row.file, row.region, row.trust) for row in MANIFEST.rows if row.trust != "rds"]
    assert len(regional) == len(MANIFEST.rows) - len(others) == 28
    assert sorted(others) == [("amazon.pem", "*", "amazon"), ("us-east-2-preview.pem", "us-east-2", "rds-preview")]


def test_sources_are_named() -> None:
    """The manifest says when the roots were taken and from which file, down to its hash."""
    assert MANIFEST.date == "2026-11-23"
    assert sorted(MANIFEST.sources) == ["amazon", "rds", "rds-preview"]
    assert re.search(r"sha256 [0-9a-f]{64}$", MANIFEST.sources["rds"])
    assert re.fullmatch(r"certifi [0-9.]+", MANIFEST.sources["amazon"])


@every_row
def test_manifest_hashes_match(row: Row) -> None:
    """Each file has the SHA-256 and the digest of roots that the manifest gives it."""
    assert hashlib.sha256((DIRECTORY / row.file).read_bytes()).hexdigest() == row.sha256
    joined = "\n".join(sorted(fingerprints(str(DIRECTORY / row.file))))
    assert hashlib.sha256(joined.encode()).hexdigest() == row.digest


@every_row
def test_openssl_loads_every_root(row: Row) -> None:
    """OpenSSL takes each file, as a path and as text, and every certificate in it for a CA."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cafile=str(DIRECTORY / row.file))
    from_path = context.get_ca_certs(binary_form=True)
    context.load_verify_locations(cadata=(DIRECTORY / row.file).read_text("ascii"))
    assert context.get_ca_certs(binary_form=True) == from_path
    assert len(from_path) == len(fingerprints(str(DIRECTORY / row.file))) == (5 if row.trust == "amazon" else 3)


@every_row
def test_roots_outlive_the_snapshot(row: Row) -> None:
    """Every root is valid on the day of the snapshot and for ten years more."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cafile=str(DIRECTORY / row.file))
    day = dt.datetime.fromisoformat(MANIFEST.date).replace(tzinfo=dt.UTC)
    for facts in context.get_ca_certs():
        assert ssl.cert_time_to_seconds(str(facts["notBefore"])) < day.timestamp()
        assert ssl.cert_time_to_seconds(str(facts["notAfter"])) > day.replace(year=day.year + 10).timestamp()


@every_row
def test_every_root_is_headed_by_a_comment(row: Row) -> None:
    """A line above each certificate gives its name, CA id, SHA-256 and last day."""
    text = (DIRECTORY / row.file).read_text("ascii")
    comments = re.findall(r"^# (.+); (.+); SHA-256 (.+); until (\d{4}-\d\d-\d\d)\n-----BEGIN", text, re.MULTILINE)
    assert [fingerprint for _, _, fingerprint, _ in comments] == fingerprints(str(DIRECTORY / row.file))


def test_amazon_roots_are_certifis() -> None:
    """The Amazon file is exactly the five roots, each identical to the one in certifi."""
    shipped = fingerprints(str(DIRECTORY / "amazon.pem"))
    assert sorted(shipped) == sorted(AMAZON_ROOTS.values())
    assert set(shipped) <= set(fingerprints(certifi.where()))


def test_find_gives_a_regions_file() -> None:
    """A shipped region is found with its path, digest, source and date."""
    row = ROWS["us-east-2.pem"]
    path = str(DIRECTORY / "us-east-2.pem")
    assert find(Trust.RDS, "us-east-2") == Shipped(path, row.digest, MANIFEST.sources["rds"], MANIFEST.date)


def test_find_keeps_kinds_of_trust_apart() -> None:
    """Preview roots are found for Preview endpoints only; Amazon's for every region, named or not."""
    regions = ("us-east-2", "us-east-1", "nowhere-9", None)
    found = {(trust, region): find(trust, region) for trust in Trust for region in regions}
    assert {key: Path(shipped.path).name for key, shipped in found.items() if shipped} == {
        (Trust.RDS, "us-east-2"): "us-east-2.pem",
        (Trust.RDS, "us-east-1"): "us-east-1.pem",
        (Trust.RDS_PREVIEW, "us-east-2"): "us-east-2-preview.pem",
        **{(Trust.AMAZON, region): "amazon.pem" for region in regions},
    }


def test_region_named_like_the_wildcard_finds_nothing() -> None:
    """The manifest's mark for every region is not a region that a caller can name."""
    assert find(Trust.RDS, "*") is None


def test_find_opens_the_manifest_once_and_no_pem() -> None:
    """Finding roots costs one small file, however often it is asked for."""
    code = (
        "import os, sys, rds_tls.snapshot as snapshot\n"
        "from rds_tls.endpoint import Trust\n"
        "sys.addaudithook(lambda event, args: event == 'open' and print(os.path.basename(args[0])))\n"
        "for region in ('us-east-1', 'eu-west-1', 'us-east-1'): snapshot.find(Trust.RDS, region)\n"
    )
    result = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert result.stdout.split() == ["manifest.tsv"]


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the snapshot's directory that the loader reads in place of the real one."""
    for path in DIRECTORY.glob("*.*"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    monkeypatch.setattr(snapshot, "DIRECTORY", str(tmp_path))
    snapshot._shipped.cache_clear()
    yield tmp_path
    snapshot._shipped.cache_clear()


def test_missing_file_is_not_a_missing_region(installed: Path) -> None:
    """A listed file that is gone is an error with the fix; other regions still work."""
    (installed / "us-east-1.pem").unlink()
    with pytest.raises(TrustError, match=r"us-east-1\.pem.*install rds-tls unpacked, or set RDS_TLS_CA_BUNDLE"):
        find(Trust.RDS, "us-east-1")
    assert find(Trust.RDS, "us-east-2") is not None


def test_missing_manifest_is_an_error(installed: Path) -> None:
    """Without its manifest the snapshot is an error each time, not an empty one."""
    (installed / "manifest.tsv").unlink()
    for _ in range(2):
        with pytest.raises(TrustError, match=r"manifest\.tsv: No such file"):
            find(Trust.RDS, "us-east-1")


@pytest.mark.parametrize("content", [b"\xff\xfe", b"", b"garbage\n"])
def test_damaged_manifest_is_an_error(installed: Path, content: bytes) -> None:
    """A manifest that cannot be read is an error that says so."""
    (installed / "manifest.tsv").write_bytes(content)
    with pytest.raises(TrustError, match=r"\(manifest\.tsv\) is damaged.*Install rds-tls again"):
        find(Trust.RDS, "us-east-1")


def test_zip_import_is_explained(tmp_path: Path) -> None:
    """Imported from a zip, the roots are no files: the error says to unpack, or to name a CA file."""
    archive = tmp_path / "rds_tls.zip"
    package = DIRECTORY.parent
    with zipfile.ZipFile(archive, "w") as file:
        for path in package.rglob("*.*"):
            file.write(path, path.relative_to(package.parent))
    code = (
        f"import sys; sys.path.insert(0, {str(archive)!r})\n"
        "import rds_tls\n"
        "assert '.zip' in rds_tls.__file__\n"
        "try: rds_tls.ca_path(region='eu-west-1', settings=rds_tls.Settings())\n"
        "except rds_tls.TrustError as error: print(error)\n"
    )
    result = subprocess.run([sys.executable, "-I", "-c", code], check=True, capture_output=True, text=True)
    assert "install rds-tls unpacked, or set RDS_TLS_CA_BUNDLE" in result.stdout


HEAD = "# date: 2026-11-23\n# rds: a bundle\n"
ROW = "\t".join(["eu-west-1.pem", "eu-west-1", "rds", "0" * 64, "f" * 64]) + "\n"


def test_manifest_is_read_in_order() -> None:
    """Facts come from the comments, rows keep their order, blank lines and plain comments are skipped."""
    other = ROW.replace("eu-west-1", "eu-west-2")
    assert parse_manifest(f"# hello\n{HEAD}\n{other}{ROW}") == Manifest(
        "2026-11-23",
        {"rds": "a bundle"},
        (
            Row("eu-west-2.pem", "eu-west-2", "rds", "0" * 64, "f" * 64),
            Row("eu-west-1.pem", "eu-west-1", "rds", "0" * 64, "f" * 64),
        ),
    )


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (ROW, "its date is '', not an ISO date"),
        (HEAD.replace("-23", "-2x") + ROW, "its date is '2026-11-2x', not an ISO date"),
        (HEAD.replace("-23", "-31") + ROW, "its date is '2026-11-31', not an ISO date"),
        ("# date: 2026-11-23\n" + ROW, "it names no source for rds"),
        ("# date: 2026-11-23\n# rds:\n" + ROW, "it names no source for rds"),
        (HEAD + ROW.replace("\trds", ""), "line 3 has 4 columns, not 5"),
        (HEAD + ROW.replace("\n", "\tx\n"), "line 3 has 6 columns, not 5"),
        (HEAD + ROW + ROW, "line 4 lists rds in eu-west-1 once more"),
        (HEAD + ROW.replace("eu-west-1.pem", "../eu.pem"), "line 3 has '../eu.pem' for its file"),
        (HEAD + ROW.replace("eu-west-1\t", "EU\t"), "line 3 has 'EU' for its region"),
        (HEAD + ROW.replace("\trds\t", "\trds-beta\t"), "line 3 has 'rds-beta' for its trust"),
        (HEAD + ROW.replace("0" * 64, "0" * 63), f"line 3 has '{'0' * 63}' for its sha256"),
        (HEAD + ROW.replace("f" * 64, "F" * 64), f"line 3 has '{'F' * 64}' for its digest"),
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
        manifest = parse_manifest(text)
    except TrustError:
        return
    assert all(re.fullmatch(r"[a-z0-9-]+\.pem", row.file) for row in manifest.rows)
