"""The tool that builds and checks the shipped roots, run on real bundles into an empty directory."""

import datetime as dt
import hashlib
import http.server
import ipaddress
import re
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import certifi
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from rds_tls.roots import snapshot
from rds_tls.roots.pem import MAX_BYTES
from rds_tls.roots.snapshot import parse_manifest
from tests.support.minting import CA, KEY, NOW, OTHER_KEY, mint, pem
from tools import build_snapshot

SHIPPED = Path(snapshot.DIRECTORY)
DAY = dt.timedelta(days=1)
DATE = ["--date", f"{NOW:%Y-%m-%d}"]

EU_WEST_1 = (SHIPPED / "eu-west-1.pem").read_bytes()
PREVIEW = (SHIPPED / "us-east-2-preview.pem").read_bytes()
CLUTTER = pem(
    mint("Amazon RDS eu-west-1 2019 CA", issuer="Amazon RDS Root 2019 CA"),
    mint("Amazon RDS Root 2019 CA", end=NOW - DAY),
    mint("Amazon RDS Root 2024 CA", begin=NOW - 2 * DAY),
)


class Workplace:
    """Bundles, a table of where they are from, and an empty directory to build from them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.sources = folder / "sources.tsv"
        self.sources.write_text("# sha256 origin\n")
        self.output = folder / "snapshot"

    def build(self, *contents: bytes) -> int:
        """Write each bundle, say where it is from, and run the tool on all of them."""
        bundles = [self.folder / f"bundle-{number}.pem" for number in range(len(contents))]
        for number, (bundle, content) in enumerate(zip(bundles, contents, strict=True)):
            bundle.write_bytes(content)
            self.name_source(content, f"courier {number}")
        return self.run(*map(str, bundles))

    def name_source(self, content: bytes, origin: str) -> None:
        """Say in the table of sources where a bundle is from."""
        with self.sources.open("a") as file:
            file.write(f"{hashlib.sha256(content).hexdigest()}\t{origin}\n")

    def run(self, *arguments: str) -> int:
        """Run the tool."""
        places = ["--sources", str(self.sources), "--output", str(self.output)]
        return build_snapshot.main([*DATE, *arguments, *places])

    def written(self) -> dict[str, bytes]:
        """Read back what the tool wrote."""
        return {path.name: path.read_bytes() for path in self.output.glob("*")}

    def manifest(self) -> str:
        """Read back the manifest that the tool wrote."""
        return (self.output / "manifest.tsv").read_text("utf-8")


@pytest.fixture
def workplace(tmp_path: Path) -> Workplace:
    """An empty place to build in."""
    return Workplace(tmp_path)


def test_shipped_files_come_out_of_their_own_roots(workplace: Workplace) -> None:
    """Built from its own roots in another order, beside what does not belong, the snapshot comes out the same."""
    shipped = b"".join(path.read_bytes() for path in SHIPPED.glob("*-*.pem"))
    backwards = x509.load_pem_x509_certificates(shipped)[::-1]
    assert workplace.build(CLUTTER + pem(*backwards)) == 0
    pems = {name: content for name, content in workplace.written().items() if name != "manifest.tsv"}
    assert pems == {path.name: path.read_bytes() for path in SHIPPED.glob("*.pem")}


def test_same_input_same_bytes(workplace: Workplace) -> None:
    """A second run over the same bundles and date, in another order, changes no byte."""
    workplace.build(EU_WEST_1, PREVIEW)
    before = workplace.written()
    assert sorted(before) == ["amazon.pem", "eu-west-1.pem", "manifest.tsv", "us-east-2-preview.pem"]
    bundles = [str(workplace.folder / f"bundle-{number}.pem") for number in (1, 0)]
    assert workplace.run(*bundles) == 0
    assert workplace.written() == before


def test_manifest_names_the_source_of_each_file(workplace: Workplace) -> None:
    """Each file has the origin of the bundle that it was cut from, with the bundle's hash; Amazon's names certifi."""
    workplace.build(EU_WEST_1, PREVIEW)
    assert {file: shipped.source for file, shipped in parse_manifest(workplace.manifest()).items()} == {
        "amazon.pem": f"certifi {certifi.__version__}",
        "eu-west-1.pem": f"courier 0, sha256 {hashlib.sha256(EU_WEST_1).hexdigest()}",
        "us-east-2-preview.pem": f"courier 1, sha256 {hashlib.sha256(PREVIEW).hexdigest()}",
    }


def test_manifest_names_the_date(workplace: Workplace) -> None:
    """The manifest has the start of the day that was given."""
    workplace.build(EU_WEST_1)
    day = NOW.replace(hour=0, minute=0, second=0, microsecond=0).timestamp()
    assert {shipped.fetched_at for shipped in parse_manifest(workplace.manifest()).values()} == {day}


def test_account_of_the_bundles(workplace: Workplace, capsys: pytest.CaptureFixture[str]) -> None:
    """The tool says how many roots it read and what it dropped."""
    workplace.build(EU_WEST_1 + CLUTTER, PREVIEW + CLUTTER)
    assert "3 files. The bundles have 8 valid roots, 2 intermediate, 2 expired." in capsys.readouterr().out


def test_new_root_is_written_with_a_warning(workplace: Workplace, capsys: pytest.CaptureFixture[str]) -> None:
    """A region that the table does not have is written, and somebody is asked to check it."""
    assert workplace.build(EU_WEST_1 + pem(mint("Amazon RDS xx-new-1 Root CA RSA2048 G1"))) == 0
    assert "xx-new-1.pem" in workplace.written()
    assert capsys.readouterr().err == (
        "warning: Amazon RDS xx-new-1 Root CA RSA2048 G1 is new: check its fingerprint, then add it to roots/known.py\n"
    )


def test_beta_and_worldwide_roots_are_not_written(workplace: Workplace) -> None:
    """Roots of the Beta environment, or of no region, go into no file."""
    beta = mint("Amazon RDS Beta xx-new-1 Root CA RSA2048 G1")
    workplace.build(EU_WEST_1 + pem(beta, mint("Amazon RDS Root 2019 CA")))
    assert sorted(workplace.written()) == ["amazon.pem", "eu-west-1.pem", "manifest.tsv"]


# The first is a test CA that AWS itself has published beside one of its drivers.
STRANGERS = [
    "Amazon RDS Preprod Root CA RSA2048 G1",
    "Amazon RDS Preprod us-east-1 Root CA RSA2048 G1",
    "Amazon RDS eu-west-1 Root CA RSA2048 G1 Test",
    "Example Root CA",
]


@pytest.mark.parametrize("name", STRANGERS)
def test_root_with_a_strange_name_is_refused(
    name: str, workplace: Workplace, capsys: pytest.CaptureFixture[str]
) -> None:
    """A root whose name is none that RDS gives to roots stops the build: nobody says what it is for."""
    assert workplace.build(EU_WEST_1 + pem(mint(name))) == 1
    assert capsys.readouterr().err == f"error: {name!r} is no name of an RDS root\n"
    assert workplace.written() == {}


def test_bundle_from_nowhere_is_refused(workplace: Workplace, capsys: pytest.CaptureFixture[str]) -> None:
    """A bundle that the table of sources does not have is not taken, whatever roots it holds."""
    bundle = workplace.folder / "found.pem"
    bundle.write_bytes(EU_WEST_1)
    assert workplace.run(str(bundle)) == 1
    digest = hashlib.sha256(EU_WEST_1).hexdigest()
    assert f"found.pem has SHA-256 {digest}: add a row to snapshot_sources.tsv that says" in capsys.readouterr().err
    assert workplace.written() == {}


def test_region_in_two_bundles_is_refused(workplace: Workplace, capsys: pytest.CaptureFixture[str]) -> None:
    """Two bundles with the same region would leave open which of them its file is from."""
    assert workplace.build(EU_WEST_1, PREVIEW + EU_WEST_1) == 1
    assert capsys.readouterr().err == "error: 2 bundles hold eu-west-1.pem: leave all but one out\n"
    assert workplace.written() == {}


@pytest.mark.parametrize("row", ["\n", "one column\n", "\tno hash\n", f"{'0' * 64}\t\n", "three\tcolumns\there\n"])
def test_row_of_sources_that_is_none_is_refused(
    row: str, workplace: Workplace, capsys: pytest.CaptureFixture[str]
) -> None:
    """A table of sources with a row of another form is refused before a bundle is read."""
    workplace.sources.write_text(row)
    assert workplace.run("absent.pem") == 1
    assert "sources.tsv has the row [" in capsys.readouterr().err


REFUSED = {
    "another root of the same name": (
        EU_WEST_1 + pem(mint("Amazon RDS eu-west-1 Root CA RSA2048 G1")),
        "error: eu-west-1 ga rds-ca-rsa2048-g1 has SHA-256 ",
    ),
    "another Beta root of the same name": (
        EU_WEST_1 + pem(mint("Amazon RDS Beta us-east-1 Root CA ECC384 G1")),
        "error: us-east-1 beta rds-ca-ecc384-g1 has SHA-256 ",
    ),
    "a root is missing": (
        EU_WEST_1[EU_WEST_1.index(b"-----END") :].partition(b"\n")[2],
        "error: eu-west-1 ga lacks its published rds-ca-ecc384-g1\n",
    ),
    "no bundle": (b"<html>", "error: the bundle is neither PEM nor PKCS#7"),
}


@pytest.mark.parametrize(("content", "message"), REFUSED.values(), ids=REFUSED)
def test_bad_bundle_writes_nothing(
    content: bytes, message: str, workplace: Workplace, capsys: pytest.CaptureFixture[str]
) -> None:
    """A bundle that contradicts the table of known roots, or is none, fails before anything is written."""
    assert workplace.build(content) == 1
    assert capsys.readouterr().err.startswith(message)
    assert workplace.written() == {}


def test_shipped_snapshot_passes_the_check() -> None:
    """What ships agrees with its manifest and with the table, by the tool's own judgement, as a command."""
    command = [sys.executable, "-m", "tools.build_snapshot", "--check", *DATE]
    result = subprocess.run(command, cwd=SHIPPED.parents[1], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def _rename(folder: Path) -> None:
    """Call a region's file after another region, on disk and in the manifest."""
    (folder / "eu-west-1.pem").rename(folder / "eu-west-2.pem")
    _rewrite("manifest.tsv", lambda data: data.replace(b"eu-west-1.pem", b"eu-west-2.pem"))(folder)


def _rewrite(name: str, change: Callable[[bytes], bytes]) -> Callable[[Path], object]:
    """Make a change to one file of the snapshot."""
    return lambda folder: (folder / name).write_bytes(change((folder / name).read_bytes()))


def _forget_amazon(folder: Path) -> None:
    """Take the Amazon roots out, on disk and in the manifest."""
    (folder / "amazon.pem").unlink()
    _rewrite("manifest.tsv", lambda data: re.sub(rb"amazon\.pem.*\n", b"", data))(folder)


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "byte": (_rewrite("eu-west-1.pem", lambda data: data + b"\n"), "eu-west-1.pem: holds something else than"),
    "root too many": (
        _rewrite("eu-west-1.pem", lambda data: data + pem(mint())),
        "eu-west-1.pem: holds something else than",
    ),
    "truncated": (_rewrite("eu-west-1.pem", lambda data: data[:-9]), "eu-west-1.pem: the PEM block near line"),
    "Amazon truncated": (
        _rewrite("amazon.pem", lambda data: data[:-9]),
        "amazon.pem: no Starfield Services Root Certificate Authority - G2: all 5 roots",
    ),
    "Amazon garbled": (
        _rewrite("amazon.pem", lambda data: data.replace(b"MIID", b"M", 1)),
        "amazon.pem: Invalid base64",
    ),
    "missing file": (lambda folder: (folder / "eu-west-1.pem").unlink(), "eu-west-1.pem is in manifest.tsv but not"),
    "unlisted file": (
        lambda folder: (folder / "old.pem").write_bytes(b""),
        "old.pem is not in manifest.tsv: delete it",
    ),
    "digest": (
        _rewrite("manifest.tsv", lambda data: data.rstrip()[:-8] + b"01234567\n"),
        "us-east-2-preview.pem: holds something else than manifest.tsv says",
    ),
    "renamed": (_rename, "eu-west-2.pem: holds something else than manifest.tsv says"),
    "source": (
        _rewrite("manifest.tsv", lambda data: data.replace(b"courier 0", b"AWS itself")),
        "eu-west-1.pem: is from 'AWS itself, sha256 ",
    ),
    "Amazon's source": (
        _rewrite("manifest.tsv", lambda data: data.replace(b"# source: certifi ", b"# source: a friend of certifi ")),
        "amazon.pem: is from 'a friend of certifi ",
    ),
    "source of others": (
        _rewrite("manifest.tsv", lambda data: re.sub(rb"# source: courier 0.*\n", b"", data)),
        "eu-west-1.pem: is from 'certifi ",
    ),
    "source forgotten": (
        lambda folder: (folder.parent / "sources.tsv").write_text("# sha256 origin\n"),
        "eu-west-1.pem: is from 'courier 0, sha256 ",
    ),
    "no Amazon": (_forget_amazon, "error: amazon.pem is not in manifest.tsv\n"),
    "manifest": (_rewrite("manifest.tsv", lambda _: b"\xff"), "'utf-8' codec can't decode"),
    "no manifest": (lambda folder: (folder / "manifest.tsv").unlink(), "No such file"),
}


@pytest.mark.parametrize(("damage", "message"), DAMAGES.values(), ids=DAMAGES)
def test_check_finds_damage(
    damage: Callable[[Path], object],
    message: str,
    workplace: Workplace,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Any difference between files, manifest and table is named, and the command fails."""
    workplace.build(EU_WEST_1, PREVIEW)
    assert workplace.run("--check") == 0
    capsys.readouterr()
    damage(workplace.output)
    assert workplace.run("--check") == 1
    assert message in capsys.readouterr().err


def test_check_finds_expired_roots(workplace: Workplace, capsys: pytest.CaptureFixture[str]) -> None:
    """A shipped root that is no longer valid on the given day fails the check."""
    workplace.build(EU_WEST_1)
    assert workplace.run("--check", "--date", "2070-01-01") == 1
    assert "eu-west-1.pem: " in capsys.readouterr().err


ANSWERS = {
    "/bundle.pem": (200, EU_WEST_1),
    "/moved.pem": (302, b""),
    "/huge.pem": (200, b"#" * (64 * MAX_BYTES)),
}


class Handler(http.server.BaseHTTPRequestHandler):
    """A trust store with one bundle, one redirect and one file that is far too large."""

    hung_up = threading.Event()

    def do_GET(self) -> None:
        """Answer from the table above; everything else is not found."""
        status, body = ANSWERS.get(self.path, (404, b""))
        self.send_response(status)
        self.send_header("Location", "/bundle.pem")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        try:
            self.wfile.write(body)
        except OSError:
            self.hung_up.set()

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A trust store on loopback, over HTTPS with a certificate that requests is told to trust."""
    loopback = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    now = dt.datetime.now(dt.UTC)
    certificate = mint("loopback", extensions=(CA, loopback), begin=now - DAY, end=now + DAY)
    chain = tmp_path / "server.pem"
    chain.write_bytes(KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + pem(certificate))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(chain))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"https://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_bundle_is_fetched_over_https(store: str, workplace: Workplace) -> None:
    """An https URL is fetched, and what it gives is taken when the table of sources has it."""
    assert workplace.run(f"{store}/bundle.pem") == 1
    workplace.name_source(EU_WEST_1, "the trust store")
    assert workplace.run(f"{store}/bundle.pem") == 0
    assert (workplace.output / "eu-west-1.pem").read_bytes() == EU_WEST_1
    assert "\n# source: the trust store, sha256 " in workplace.manifest()


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/moved.pem", "answered with status 302, not 200"),
        ("/absent.pem", "answered with status 404, not 200"),
        ("/huge.pem", "larger than 1048576 bytes"),
    ],
)
def test_other_answers_are_refused(
    path: str, message: str, store: str, workplace: Workplace, capsys: pytest.CaptureFixture[str]
) -> None:
    """A redirect, an error or a huge answer is no bundle."""
    assert workplace.run(store + path) == 1
    assert message in capsys.readouterr().err
    assert workplace.written() == {}


def test_huge_answer_is_not_read_to_its_end(store: str, workplace: Workplace) -> None:
    """The tool hangs up as soon as an answer is too large."""
    Handler.hung_up.clear()
    workplace.run(f"{store}/huge.pem")
    assert Handler.hung_up.wait(timeout=30)


def test_unverified_server_is_refused(
    store: str,
    workplace: Workplace,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A server whose certificate does not verify gives nothing."""
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    assert workplace.run(f"{store}/bundle.pem") == 1
    assert "CERTIFICATE_VERIFY_FAILED" in capsys.readouterr().err


def test_plain_http_is_refused(workplace: Workplace, capsys: pytest.CaptureFixture[str]) -> None:
    """Roots are not fetched over plain HTTP."""
    assert workplace.run("http://truststore.pki.rds.amazonaws.com/global/global-bundle.pem") == 1
    assert "is not an https:// URL" in capsys.readouterr().err


def test_amazon_roots_must_all_be_there() -> None:
    """Text without one of the five roots is refused by the root's name."""
    text = (SHIPPED / "amazon.pem").read_text("ascii")
    without = text[text.index("# Amazon Root CA 2") :]
    with pytest.raises(ValueError, match="no Amazon Root CA 1: all 5 roots"):
        build_snapshot.amazon_roots(without + pem(mint("Amazon Root CA 1", signing_key=OTHER_KEY)).decode())
