"""inspect and bundle: what is in a file of roots, and roots in files for programs of other kinds."""

import json
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import pkcs7

import rds_tls
from rds_tls.cli import main
from rds_tls.diagnosis.inspect import inspect_bundle
from rds_tls.roots import snapshot
from tests.conftest import Pki
from tests.diagnosis.test_causes import WRITER
from tests.support.local_rds import KeyType
from tests.support.minting import mint, pem

Output = pytest.CaptureFixture[str]

END = datetime(2024, 8, 22, tzinfo=UTC)
PROXY = "orders.proxy-abc123def456.eu-west-1.rds.amazonaws.com"


@pytest.fixture(scope="module")
def pki(pkis: dict[KeyType, Pki]) -> Pki:
    """One test PKI: key types make no difference here."""
    return pkis[KeyType.ECC384]


def shipped(region: str = "eu-west-1") -> bytes:
    """Give the shipped roots of a region."""
    return Path(snapshot.DIRECTORY, f"{region}.pem").read_bytes()


def test_inspect_shows_a_regions_roots(capsys: Output) -> None:
    """Each with its CA, its end and its fingerprint, known to be published."""
    assert main(["inspect", "eu-west-1"]) == 0
    out = capsys.readouterr().out
    assert "3 certificates: 3 roots kept, 0 dropped; 3 published by AWS" in out
    assert "eu-west-1       rds-ca-rsa2048-g1  RSA 2048  2061-05-20   6f:7e:01:b6:..." in out
    assert max(map(len, out.splitlines()[1:])) <= 80


def test_inspect_finds_what_is_no_anchor(pki: Pki, tmp_path: Path, capsys: Output) -> None:
    """A root that nobody published, and an intermediate, are findings."""
    file = tmp_path / "bundle.pem"
    own = pki.authority.issue([WRITER]).above_pem
    file.write_bytes(Path(rds_tls.ca_path(region="eu-west-1")).read_bytes() + own)
    assert main(["inspect", str(file)]) == 1
    out = capsys.readouterr().out
    assert " ! Amazon RDS eu-west-1 Root CA ECC384 G1: not among the roots that AWS is" in out
    assert " ! Amazon RDS eu-west-1 Subordinate CA ECC384 G1.A.1: intermediate, is issued by" in out
    assert main(["inspect", "--json", str(file)]) == 1
    shown = json.loads(capsys.readouterr().out)
    assert [root["published"] for root in shown["roots"]] == [True, True, True, False]
    assert [each["reason"] for each in shown["dropped"]] == ["intermediate"]


def test_inspect_of_one_region(tmp_path: Path, capsys: Output) -> None:
    """A bundle of many regions is shown for one."""
    file = tmp_path / "global.pem"
    regions = ("eu-west-1", "us-east-1")
    file.write_bytes(b"".join(Path(rds_tls.ca_path(region=region)).read_bytes() for region in regions))
    assert main(["inspect", str(file), "--region", "us-east-1", "--json"]) == 0
    assert {root["region"] for root in json.loads(capsys.readouterr().out)["roots"]} == {"us-east-1"}
    assert main(["inspect", str(file), "--region", "sa-east-1"]) == 2


def test_inspect_names_what_a_region_lacks(tmp_path: Path, capsys: Output) -> None:
    """A bundle that has some of a region's roots refuses the servers whose certificates are of the others."""
    file = tmp_path / "part.pem"
    file.write_bytes(shipped().partition(b"-----END CERTIFICATE-----")[0] + b"-----END CERTIFICATE-----\n")
    assert main(["inspect", str(file)]) == 1
    out = capsys.readouterr().out
    assert " ! eu-west-1 lacks rds-ca-rsa2048-g1, rds-ca-rsa4096-g1: a server with such a" in out
    assert "use instead: rds-tls bundle eu-west-1 -o roots.pem" in out
    assert main(["inspect", "--json", str(file), "--region", "eu-west-1"]) == 1
    missing = json.loads(capsys.readouterr().out)["missing"]
    assert missing == [
        {"region": "eu-west-1", "ca_id": "rds-ca-rsa2048-g1"},
        {"region": "eu-west-1", "ca_id": "rds-ca-rsa4096-g1"},
    ]


def test_inspect_of_roots_that_have_all_ended(tmp_path: Path, capsys: Output) -> None:
    """A bundle from before 2024 is shown as what it is: ended, for a region all of whose roots it lacks."""
    file = tmp_path / "rds-ca-2019.pem"
    file.write_bytes(pem(mint("Amazon RDS eu-west-1 2019 CA", begin=END - timedelta(days=1825), end=END)))
    assert main(["inspect", str(file)]) == 1
    out = capsys.readouterr().out
    assert "1 certificates: 0 roots kept, 1 dropped" in out
    assert " ! Amazon RDS eu-west-1 2019 CA: expired, ended on 2024-08-22" in out
    assert " ! eu-west-1 lacks rds-ca-rsa2048-g1, rds-ca-rsa4096-g1, rds-ca-ecc384-g1" in out


def test_inspect_in_full(capsys: Output) -> None:
    """Names, keys, both dates and the whole fingerprint, on a terminal of 80 columns; Amazon's roots too."""
    for place in (WRITER, PROXY):
        assert main(["inspect", "--full", place]) == 0
        out, err = capsys.readouterr()
        assert max(map(len, out.splitlines()[1:])) <= 80
        assert err == ""
    assert "Starfield Services Root Certificate Authority - G2\n" in out
    assert "SHA-256 568d6905a2c88708a4b3025190edcfedb1974a606a13c6e5290fcb2ae63edab5" in out


def test_bundle_prints_pem(capsys: Output) -> None:
    """Without a file it is the PEM and nothing else, for a region and for an endpoint."""
    for place in ("eu-west-1", WRITER):
        assert main(["bundle", place]) == 0
        assert capsys.readouterr() == (shipped().decode(), "")


@pytest.mark.parametrize("command", ["inspect", "bundle"])
def test_folder_with_a_regions_name_is_none(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Output
) -> None:
    """Where one's configuration lies in a folder for each region, the region is meant."""
    (tmp_path / "eu-west-1").mkdir()
    monkeypatch.chdir(tmp_path)
    assert main([command, "eu-west-1"]) == 0
    assert capsys.readouterr().err == ""


def test_bundle_is_printed_byte_by_byte(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    """A comment in a file of the caller's own may be in any encoding."""
    file = tmp_path / "own.pem"
    file.write_bytes("# für uns\n".encode("latin-1") + shipped())
    monkeypatch.setenv("RDS_TLS_CA_BUNDLE", str(file))
    assert main(["bundle", "eu-west-1"]) == 0
    assert capfdbinary.readouterr().out == file.read_bytes()


@pytest.mark.parametrize("arguments", [["--p7b"], ["--p12"], ["--json"], ["--pem", "--json"]])
def test_stdout_is_for_pem_alone(arguments: list[str], capsys: Output) -> None:
    """What no terminal can show needs a file."""
    assert main(["bundle", "eu-west-1", *arguments]) == 2
    assert capsys.readouterr() == (
        "",
        "rds-tls bundle: stdout is for PEM alone: name a file with -o, such as -o roots.p7b\n",
    )


def test_bundle_writes_pkcs7(tmp_path: Path, capsys: Output) -> None:
    """As AWS's own .p7b has it; the file's name says which format, and Windows's command is told."""
    file = tmp_path / "roots.p7b"
    assert main(["bundle", "us-gov-west-1", "-o", str(file)]) == 0
    assert len(pkcs7.load_der_pkcs7_certificates(file.read_bytes())) == 3
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        f"wrote {file}: 3 roots for us-gov-west-1, all of them published by AWS",
        f"on Windows: certutil -user -addstore Root {file}   (this user alone, every program of theirs)",
    ]
    assert main(["inspect", str(file)]) == 0


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_openssl_reads_pkcs7(tmp_path: Path) -> None:
    """The openssl command finds the three roots in it."""
    file = tmp_path / "roots"
    assert main(["bundle", "eu-west-1", "--p7b", "-o", str(file)]) == 0
    command = ["openssl", "pkcs7", "-inform", "der", "-in", str(file), "-print_certs", "-noout"]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    assert ran.stdout.count("subject=") == 3


@pytest.mark.skipif(shutil.which("keytool") is None, reason="Java's keytool is not installed")
@pytest.mark.parametrize(("place", "count"), [("eu-west-1", 3), (PROXY, 5)])
def test_java_trusts_what_is_in_the_truststore(place: str, count: int, tmp_path: Path, capsys: Output) -> None:
    """Keytool lists each root as an entry that Java trusts, by the password that is printed."""
    file = tmp_path / "roots.p12"
    assert main(["bundle", place, "-o", str(file)]) == 0
    assert f"keytool -list -keystore {file} -storepass changeit " in capsys.readouterr().out
    command = ["keytool", "-J-Duser.language=en", "-list", "-keystore", str(file), "-storepass", "changeit"]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    assert ran.stdout.count("trustedCertEntry") == count
    for root in fingerprints(place):
        assert root in ran.stdout.replace(":", "").lower()


def fingerprints(place: str) -> list[str]:
    """List the fingerprints of what is trusted for a place."""
    path = rds_tls.ca_path(place) if "." in place else rds_tls.ca_path(region=place)
    return [root.fingerprint for root in inspect_bundle(Path(path).read_bytes()).roots]


def test_bundle_in_json(tmp_path: Path, capsys: Output) -> None:
    """What was written, for a script that goes on with it."""
    file = tmp_path / "roots.p12"
    assert main(["bundle", "eu-west-1", "--json", "-o", str(file)]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "file": str(file),
        "format": "p12",
        "roots": 3,
        "published": 3,
        "password": "changeit",
    }


def test_bundle_that_cannot_be_written_ends_with_2(tmp_path: Path, capsys: Output) -> None:
    """A folder that is not there is said."""
    assert main(["bundle", "eu-west-1", "-o", str(tmp_path / "none" / "roots.pem")]) == 2
    assert "No such file or directory" in capsys.readouterr().err
