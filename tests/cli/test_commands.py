"""Each command: its answer, its JSON, its exit code; stdout is the answer and stderr what is wrong."""

import json
import socket
import subprocess
import sys
from importlib.metadata import entry_points

import pytest

import rds_tls
from rds_tls.cli import main
from tests.conftest import Pki
from tests.diagnosis.test_causes import WRITER
from tests.support import ROOT
from tests.support.local_rds import Authority, KeyType, PostgresServer

Output = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def pki(pkis: dict[KeyType, Pki]) -> Pki:
    """One test PKI: key types make no difference here."""
    return pkis[KeyType.ECC384]


@pytest.fixture
def trusted(pki: Pki, monkeypatch: pytest.MonkeyPatch) -> Authority:
    """A machine whose environment names the test PKI's root."""
    monkeypatch.setenv("RDS_TLS_CA_BUNDLE", str(pki.settings.ca_file))
    return pki.authority


def via(server: PostgresServer) -> list[str]:
    """Name the server as a tunnel's end."""
    return ["--via", f"{server.host}:{server.port}"]


@pytest.mark.parametrize("place", ["eu-west-1", WRITER])
def test_ca_prints_a_path_and_nothing_else(place: str, capsys: Output) -> None:
    """As ``python -m certifi`` does."""
    assert main(["ca", place]) == 0
    assert capsys.readouterr() == (f"{rds_tls.ca_path(region='eu-west-1')}\n", "")


def test_module_and_script_are_the_same_command() -> None:
    """``python -m rds_tls`` runs, and the installed script leads to it."""
    command = [sys.executable, "-m", "rds_tls", "ca", "eu-west-1"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert ran.stdout.endswith("eu-west-1.pem\n")
    (script,) = entry_points(group="console_scripts", name="rds-tls")
    assert script.load() is main


def test_ca_loads_nothing_that_it_does_not_need() -> None:
    """A shell that asks for a path waits for no parser of certificates, no network library and no TLS."""
    program = (
        "import sys; from rds_tls.cli import main; main(['ca', 'eu-west-1'])\n"
        "print([name for name in ('cryptography', 'requests', 'ssl') if name in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines()[1] == "[]"


WRONG = {
    "no such region": (["ca", "atlantis"], "is not the name of an AWS region"),
    "no endpoint": (["ca", "db.corp.example"], "which is no AWS suffix"),
    "no such file": (["inspect", "/nowhere/at-all.pem"], "No such file"),
    "contradiction": (["doctor", f"{WRITER}", "--region", "us-east-1"], "the argument region='us-east-1'"),
    "nobody there": (["probe", WRITER, "--via", "127.0.0.1:1"], "[refused]"),
    "no region": (["endpoint", "shop.global-abc123def456.global.rds.amazonaws.com"], "pass region="),
}


@pytest.mark.parametrize(("arguments", "words"), WRONG.values(), ids=WRONG)
def test_what_cannot_be_answered_ends_with_2(arguments: list[str], words: str, capsys: Output) -> None:
    """A question that is none, and an environment that stands in the way, leave stdout empty."""
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"rds-tls {arguments[0]}: ")
    assert words in err


@pytest.mark.parametrize("arguments", [[], ["xyzzy"], ["ca"], ["doctor", WRITER, "--via", "nowhere"]])
def test_wrong_usage_ends_with_2(arguments: list[str], capsys: Output) -> None:
    """Argparse's own refusal has the same code."""
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert "usage: rds-tls" in capsys.readouterr().err


def test_version_is_the_packages(capsys: Output) -> None:
    """For bug reports."""
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"rds-tls {rds_tls.__version__}\n"


def test_endpoint_says_what_a_name_means(capsys: Output) -> None:
    """Kind, region, and what is trusted."""
    assert main(["endpoint", WRITER]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:3] == [WRITER, "  kind    writer 'orders'", "  region  eu-west-1, partition aws"]
    assert lines[3].startswith("  trust   eu-west-1 RDS roots from the snapshot of ")


def test_endpoint_finds_what_is_none(capsys: Output, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of several names each is answered, and one that is none makes a finding, with where DNS leads."""
    entry = (socket.AF_INET, socket.SOCK_STREAM, 6, WRITER, ("127.0.0.1", 0))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [entry])
    monkeypatch.setattr(socket, "gethostbyname_ex", lambda name: (WRITER, [name], ["127.0.0.1"]))
    assert main(["endpoint", "--json", WRITER, "db.corp.example"]) == 1
    good, bad = json.loads(capsys.readouterr().out)
    assert (good["kind"], good["region"]) == ("writer", "eu-west-1")
    assert (bad["host"], bad["cause"]["id"]) == ("db.corp.example", "alias")
    assert main(["endpoint", "db.corp.example"]) == 1
    out = capsys.readouterr().out
    assert f"          {WRITER}, which proves\n" in out
    assert "  fix     pass the endpoint that it stands for" in out


def test_doctor_of_a_good_server(postgres: PostgresServer, trusted: Authority, capsys: Output) -> None:
    """A line for each step."""
    postgres.present(trusted.issue([WRITER]))
    assert main(["doctor", WRITER, *via(postgres)]) == 0
    out, err = capsys.readouterr()
    assert [line.split()[:2] for line in out.splitlines() if line.startswith("ok")] == [
        ["ok", name] for name in ("name", "roots", "DNS", "TCP", "TLS", "chain")
    ]
    assert err == ""


def test_doctor_finds_the_cause(postgres: PostgresServer, pki: Pki, capsys: Output) -> None:
    """With the id for runbooks in JSON, and lines that a terminal of 80 columns shows."""
    postgres.present(pki.authority.issue([WRITER]))
    host = WRITER.replace("eu-west-1", "us-east-1")
    assert main(["doctor", host, *via(postgres)]) == 1
    out = capsys.readouterr().out
    assert "[other-region]" in out
    assert [line for line in out.splitlines() if len(line) > 80 and " " in line.strip()] == []
    assert main(["doctor", "--json", host, *via(postgres)]) == 1
    assert json.loads(capsys.readouterr().out)["cause"]["id"] == "other-region"


def test_probe_shows_the_chain(postgres: PostgresServer, trusted: Authority, capsys: Output) -> None:
    """As text, as JSON and as PEM."""
    credentials = trusted.issue([WRITER])
    postgres.present(credentials)
    assert main(["probe", WRITER, *via(postgres)]) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"postgresql, TLSv1.3, verified\nleaf          {WRITER}\n")
    assert "days left     364" in out
    assert main(["probe", "--json", WRITER, *via(postgres)]) == 0
    assert json.loads(capsys.readouterr().out)["ca_id"] == "rds-ca-ecc384-g1"
    assert main(["probe", "--pem", WRITER, *via(postgres)]) == 0
    assert capsys.readouterr().out.encode() == credentials.chain_pem


@pytest.mark.parametrize(("days", "code"), [(363, 0), (364, 1), (1000, 1)])
def test_probe_warns_of_an_end(
    days: int, code: int, postgres: PostgresServer, trusted: Authority, capsys: Output
) -> None:
    """For alarms: 1 where a certificate ends within so many days."""
    postgres.present(trusted.issue([WRITER]))
    assert main(["probe", WRITER, *via(postgres), "--max-days", str(days)]) == code
    assert capsys.readouterr().err == ""


def test_probe_of_a_stranger_is_a_finding(postgres: PostgresServer, pki: Pki, capsys: Output) -> None:
    """A chain that does not verify is shown, and called that."""
    postgres.present(pki.authority.issue([WRITER]))
    assert main(["probe", WRITER, *via(postgres)]) == 1
    assert "NOT verified" in capsys.readouterr().out


def test_reader_who_has_seen_enough_is_no_error() -> None:
    """``| head -1`` ends the command without a traceback."""
    command = f"{sys.executable} -m rds_tls inspect eu-west-1 | true"
    ran = subprocess.run(["/bin/sh", "-c", command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.stderr == ""
