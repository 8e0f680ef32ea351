"""``rds-tls audit``, ``authorities`` and ``engines``: what they ask AWS, what they print, and how they end."""

import csv
import io
import json
import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import rds_tls
from rds_tls.cli import main
from rds_tls.connect import audit as door
from rds_tls.connect import audit_aws
from rds_tls.connect.aws import session
from tests.conftest import Pki
from tests.support.leaks import CANARY
from tests.support.local_aws import LocalAws, Reply
from tests.support.local_rds import KeyType
from tests.support.rds_account import G1, Account, Region, certificate, instance, rds_account, real_client, version

Output = pytest.CaptureFixture[str]

NEW, RSA4096, ECC384 = G1
AURORA_MYSQL = "8.0.mysql_aurora.3.08.0"
IRELAND = ["--region", "eu-west-1"]
GOVCLOUD = ["--region", "us-gov-west-1"]

SESSION = """\
eu-west-1  billing/b-1  aurora-mysql 3.08.0
  rds-ca-2019        2024-08-22  -825 days  restarts    <- retired CA
eu-west-1  shop/shop-2  aurora-postgresql 13.9
  rds-ca-rsa2048-g1  2027-01-04    40 days  restarts    <- within 60 days
eu-west-1  shop/shop-1  aurora-postgresql 16.6
  rds-ca-rsa2048-g1  2027-03-02    97 days  no restart
eu-west-1  orders  RDS Proxy
  Amazon Trust       by AWS              -  by AWS

eu-west-1  new servers get rds-ca-rsa2048-g1, RDS's default
us-gov-west-1  new servers get rds-ca-rsa4096-g1, an override until 2027-05-01
eu-west-1  aurora-postgresql 16.6: 1-year certificates, no restart
  rds-ca-rsa2048-g1, rds-ca-rsa4096-g1, rds-ca-ecc384-g1
eu-west-1  aurora-postgresql 13.9: 3-year certificates, restarts
  rds-ca-rsa2048-g1, rds-ca-rsa4096-g1, rds-ca-ecc384-g1
eu-west-1  aurora-mysql 8.0.mysql_aurora.3.08.0: 3-year certificates, restarts
  rds-ca-rsa2048-g1, rds-ca-rsa4096-g1, rds-ca-ecc384-g1

3 instances, 1 proxy; rds_tls will refuse what these CAs sign:
  eu-west-1  rds-ca-2019
To fix, after reading rds-tls audit --explain:
  aws rds modify-db-instance --region eu-west-1 --db-instance-identifier b-1 \\
      --ca-certificate-identifier rds-ca-rsa2048-g1 --no-apply-immediately
  aws rds modify-db-instance --region eu-west-1 \\
      --db-instance-identifier shop-2 \\
      --ca-certificate-identifier rds-ca-rsa2048-g1 --no-apply-immediately
not seen: rds:DescribeDBProxies is denied in us-gov-west-1
"""


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    """An account with nothing in it yet."""
    with rds_account(monkeypatch) as made:
        yield made


@pytest.fixture
def troubled(account: Account) -> Account:
    """An account with two servers that need somebody, and a region that does not show all."""
    ireland = account.region("eu-west-1")
    shop = [
        instance("shop-1", "shop", "aurora-postgresql", "16.6", NEW, "2027-03-02"),
        instance("shop-2", "shop", "aurora-postgresql", "13.9", NEW, "2027-01-04"),
    ]
    billing = [instance("b-1", "billing", "aurora-mysql", AURORA_MYSQL, "rds-ca-2019", "2024-08-22")]
    ireland.answer("describe_db_instances", shop, billing)
    clusters = [{"DBClusterIdentifier": name, "Engine": "aurora-mysql"} for name in ("shop", "billing")]
    ireland.answer("describe_db_clusters", clusters)
    ireland.answer("describe_db_proxies", [{"DBProxyName": "orders", "EngineFamily": "POSTGRESQL"}])
    ireland.answer("describe_certificates", [*map(certificate, G1)], default=NEW)
    ireland.run(
        version("aurora-postgresql", "16.6", restarts=False),
        version("aurora-postgresql", "13.9", restarts=True),
        version("aurora-mysql", AURORA_MYSQL, restarts=True),
    )
    account.empty("us-gov-west-1", default=RSA4096, override="2027-05-01", but=("describe_db_proxies",))
    return account


@pytest.fixture
def good(account: Account) -> Account:
    """An account in which nothing is wrong: one instance, alone."""
    found = [instance("alone", None, "postgres", "16.6", NEW, "2027-09-01")]
    account.full("eu-west-1", found).run(version("postgres", "16.6", restarts=False))
    return account


def test_session(troubled: Account, capsys: Output) -> None:
    """The whole answer, two pages of instances and two regions of it: the most urgent first, each with its command."""
    assert main(["audit", *IRELAND, *GOVCLOUD, "--days", "60"]) == 1
    assert capsys.readouterr() == (SESSION, "")
    assert [line for line in SESSION.splitlines() if len(line) > 80] == []
    for region in troubled.regions.values():
        region.assert_asked()


@pytest.mark.usefixtures("troubled")
def test_json_is_the_report(capsys: Output) -> None:
    """As ``to_dict`` says, and read again by any program."""
    assert main(["audit", *IRELAND, *GOVCLOUD, "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert (found["at"], found["days"], found["ok"], found["bundle"]) == ("2026-11-25T03:02:00+00:00", 60, False, None)
    assert [(each["identifier"], each["findings"]) for each in found["servers"]] == [
        ("b-1", ["retired-ca", "ended", "not-trusted"]),
        ("shop-2", ["ends-soon"]),
        ("shop-1", []),
        ("orders", []),
    ]
    assert found["servers"][2] == {
        "region": "eu-west-1",
        "kind": "instance",
        "identifier": "shop-1",
        "cluster": "shop",
        "engine": "aurora-postgresql",
        "version": "16.6",
        "ca_id": NEW,
        "valid_until": "2027-03-02T04:12:00+00:00",
        "days_left": 97,
        "restarts": False,
        "years": 1,
        "supported_ca_ids": G1,
        "pending_ca_id": None,
        "findings": [],
        "command": None,
    }
    assert found["missing"] == [{"region": "eu-west-1", "ca_id": "rds-ca-2019", "is_amazon": False, "is_retired": True}]
    assert [each["is_override"] for each in found["defaults"]] == [False, True]
    assert len(found["commands"]) == 2
    assert found["unseen"] == ["rds:DescribeDBProxies is denied in us-gov-west-1"]


@pytest.mark.usefixtures("troubled")
def test_csv_is_a_table(capsys: Output) -> None:
    """A line for each server and each region's default; what was not seen is said on stderr."""
    assert main(["audit", *IRELAND, *GOVCLOUD, "--csv"]) == 1
    out, err = capsys.readouterr()
    rows = list(csv.DictReader(io.StringIO(out)))
    assert [row["identifier"] or row["kind"] for row in rows] == ["b-1", "shop-2", "shop-1", "orders"] + ["default"] * 2
    assert rows[0]["findings"] == "retired-ca ended not-trusted"
    assert rows[0]["supported_ca_ids"] == " ".join(G1)
    assert rows[0]["command"].startswith("aws rds modify-db-instance --region eu-west-1 --db-instance-identifier b-1 ")
    assert (rows[2]["restarts"], rows[3]["restarts"], rows[5]["ca_id"]) == ("False", "", RSA4096)
    assert err == "not seen: rds:DescribeDBProxies is denied in us-gov-west-1\n"


@pytest.mark.usefixtures("good")
def test_nothing_wrong_ends_with_0(capsys: Output) -> None:
    """Where everything was seen and is as it should be, no command is printed."""
    assert main(["audit", *IRELAND]) == 0
    out = capsys.readouterr().out
    assert "\n1 instance; rds_tls trusts all of their CAs.\n" in out
    assert "To fix" not in out


def test_days_decide_what_is_soon(account: Account, capsys: Output) -> None:
    """A certificate that ends in 280 days is a finding for who asks for that."""
    for code, days in ((0, "279"), (1, "280")):
        found = [instance("alone", None, "postgres", "16.6", NEW, "2027-09-01")]
        account.full("eu-west-1", found).run(version("postgres", "16.6", restarts=False))
        assert main(["audit", *IRELAND, "--days", days]) == code
    assert "<- within 280 days" in capsys.readouterr().out


@pytest.mark.usefixtures("troubled")
def test_function_gives_the_same_report(capsys: Output) -> None:
    """``rds_tls.audit`` prints as the command does, but for the lines that a terminal needs broken."""
    report = rds_tls.audit("eu-west-1", "us-gov-west-1")
    assert isinstance(report, rds_tls.AuditReport)
    assert " ".join(str(report).split()) == " ".join(SESSION.split())
    assert capsys.readouterr().out == ""


def write_roots(path: Path, *regions: str, without: str = "") -> Path:
    """Write a bundle of the roots of regions, but for those of one CA."""
    text = "".join(Path(rds_tls.ca_path(region=region)).read_text("ascii") for region in regions)
    blocks = [block for block in text.split("# Amazon") if not (without and f"; {without};" in block)]
    path.write_text("# Amazon".join(blocks), "ascii")
    return path


@pytest.mark.usefixtures("good")
def test_bundle_that_has_every_root(tmp_path: Path, capsys: Output) -> None:
    """Programs that use it survive."""
    bundle = write_roots(tmp_path / "roots.pem", "eu-west-1", "us-east-1")
    assert main(["audit", *IRELAND, "--bundle", str(bundle)]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert f"1 instance; programs that use {bundle} trust all of their CAs." in out


@pytest.mark.usefixtures("good")
def test_bundle_that_lacks_a_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Output) -> None:
    """The missing CA is named for the server and for new ones, with the change to a CA that the bundle has."""
    monkeypatch.chdir(tmp_path)
    write_roots(Path("roots.pem"), "eu-west-1", without=NEW)
    assert main(["audit", *IRELAND, "--bundle", "roots.pem"]) == 1
    assert capsys.readouterr().out.split("\n\n")[1:] == [
        (
            f"eu-west-1  new servers get {NEW}, RDS's default  <- not in roots.pem\n"
            "eu-west-1  postgres 16.6: 1-year certificates, no restart\n"
            f"  {', '.join(G1)}"
        ),
        (
            "1 instance; programs that use roots.pem will refuse what these CAs sign:\n"
            f"  eu-west-1  {NEW}\n"
            "First add to roots.pem the roots that 'rds-tls bundle eu-west-1' prints.\n"
            "To fix, after reading rds-tls audit --explain:\n"
            "  aws rds modify-db-instance --region eu-west-1 --db-instance-identifier alone \\\n"
            f"      --ca-certificate-identifier {RSA4096} --no-apply-immediately\n"
            f"  aws rds modify-certificates --region eu-west-1 \\\n      --certificate-identifier {RSA4096}\n"
        ),
    ]


@pytest.mark.usefixtures("good")
def test_bundle_of_another_region(tmp_path: Path, capsys: Output) -> None:
    """The same CA elsewhere has another root, and a change to another CA would not help: only the bundle does."""
    bundle = write_roots(tmp_path / "roots.pem", "us-east-1")
    assert main(["audit", *IRELAND, "--bundle", str(bundle), "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["servers"][0]["findings"] == ["not-trusted"]
    assert found["commands"] == []


@pytest.mark.usefixtures("good")
def test_root_of_a_known_name_must_be_the_known_one(pkis: dict[KeyType, Pki], tmp_path: Path, capsys: Output) -> None:
    """Anybody can make a root that is called as RDS's is; such a one lets no program trust RDS's servers."""
    bundle = tmp_path / "roots.pem"
    bundle.write_bytes(pkis[KeyType.RSA2048].authority.root_pem)
    assert main(["audit", *IRELAND, "--bundle", str(bundle), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["servers"][0]["findings"] == ["not-trusted"]


@pytest.mark.parametrize("code", [0, 1])
def test_proxies_need_amazons_root(code: int, account: Account, tmp_path: Path, capsys: Output) -> None:
    """A bundle of RDS's roots alone is no good for a proxy."""
    region = account.full("eu-west-1", [], proxies=[{"DBProxyName": "orders", "EngineFamily": "MYSQL"}])
    bundle = write_roots(tmp_path / "roots.pem", "eu-west-1")
    proxy = rds_tls.ca_path("px.proxy-abc123def456.eu-west-1.rds.amazonaws.com")
    if code == 0:
        bundle.write_bytes(bundle.read_bytes() + Path(proxy).read_bytes())
    assert main(["audit", *IRELAND, "--bundle", str(bundle)]) == code
    out = capsys.readouterr().out
    assert ("  eu-west-1  Amazon Root CA 1\n" in out) is (code == 1)
    assert ("'rds-tls bundle ENDPOINT' prints" in " ".join(out.split())) is (code == 1)
    region.assert_asked()


@pytest.mark.usefixtures("good")
def test_own_ca_file_is_what_programs_trust(tmp_path: Path) -> None:
    """Where a CA file is named, the connections of this package trust that and nothing else."""
    bundle = write_roots(tmp_path / "roots.pem", "us-east-1")
    report = rds_tls.audit("eu-west-1", settings=rds_tls.Settings(ca_file=bundle))
    assert (report.ok, report.to_dict()["bundle"]) == (False, str(bundle))


def test_region_whose_roots_are_not_at_hand(account: Account, capsys: Output) -> None:
    """Where no trust store is published the servers are shown, and nothing is said of what programs trust."""
    found = [instance("alone", None, "postgres", "16.6", NEW, "2027-09-01")]
    account.full("us-iso-east-1", found).run(version("postgres", "16.6", restarts=False))
    assert main(["audit", "--region", "us-iso-east-1"]) == 1
    out = " ".join(capsys.readouterr().out.split())
    assert "rds_tls trusts all of their CAs, but for those in us-iso-east-1." in out
    assert "not seen: the roots of us-iso-east-1: " in out


def test_other_clusters_and_engines(account: Account, capsys: Output) -> None:
    """A Multi-AZ cluster changes as a whole, one without instances is shown, and Neptune's CA is Amazon's."""
    until = {"CertificateDetails": {"CAIdentifier": NEW, "ValidTill": certificate(NEW, "2026-12-01")["ValidTill"]}}
    instances = [
        instance("m-1", "multi", "mysql", "8.0.39", NEW, "2026-12-01"),
        instance("graph-1", "graph", "neptune", "1.3.2.0", "rds-ca-2019", "2024-08-22"),
        instance("doc-1", "doc", "docdb", "5.0.0", NEW, "2027-09-01"),
    ]
    clusters: list[dict[str, Any]] = [
        {"DBClusterIdentifier": "multi", "Engine": "mysql", "EngineVersion": "8.0.39", **until},
        {"DBClusterIdentifier": "graph", "Engine": "neptune"},
        {"DBClusterIdentifier": "doc", "Engine": "docdb"},
        {"DBClusterIdentifier": "no-graph", "Engine": "neptune"},
        {"DBClusterIdentifier": "old", "Engine": "aurora-mysql", "EngineVersion": "5.7", "EngineMode": "serverless"},
        {"DBClusterIdentifier": "empty", "Engine": "aurora-mysql", "EngineVersion": AURORA_MYSQL},
    ]
    region = account.full("eu-west-1", instances, clusters)
    region.run(version("mysql", "8.0.39", restarts=None), version("neptune", "1.3.2.0", restarts=None, ca_ids=[]))
    region.run(version("docdb", "5.0.0", restarts=True), version("aurora-mysql", "5.7", restarts=True))
    region.run(version("aurora-mysql", AURORA_MYSQL, restarts=True))
    assert main(["audit", *IRELAND]) == 1
    out = capsys.readouterr().out
    fix = "  aws rds modify-db-cluster --region eu-west-1 --db-cluster-identifier multi \\\n"
    assert (out.count(fix), out.count("aws rds modify")) == (1, 1)
    assert "eu-west-1  multi (cluster)  mysql 8.0.39\n" in out
    assert "eu-west-1  graph/graph-1  neptune 1.3.2.0\n  Amazon Trust       by AWS " in out
    assert "eu-west-1  no-graph (cluster)  neptune\n  Amazon Trust       by AWS " in out
    assert "eu-west-1  old (cluster)  aurora-mysql 5.7\n  Amazon Trust       by AWS " in out
    assert (
        "eu-west-1  empty (cluster)  aurora-mysql 3.08.0\n  -                  -                   -  restarts\n" in out
    )
    assert "eu-west-1  doc/doc-1  docdb 5.0.0\n" in out
    assert "3 instances" in out
    assert "4 clusters" in out


def test_names_are_safe_to_print_and_to_run(account: Account, capsys: Output) -> None:
    """What a name has in it neither moves the cursor nor becomes a command."""
    found = [instance("\x1b[2Jx; rm -rf ~\n", None, "postgres", "16.6", "rds-ca-2019", "2024-08-22")]
    account.full("eu-west-1", found).run(version("postgres", "16.6", restarts=True))
    assert main(["audit", *IRELAND]) == 1
    out = capsys.readouterr().out
    assert out.isascii()
    assert "\x1b" not in out
    assert " --db-instance-identifier '?[2Jx; rm -rf ~?' " in out


def test_pages_of_every_call(account: Account) -> None:
    """A second page is asked for wherever the first one says that there is one."""
    region = account.region("eu-west-1")
    names = ["a", "b"]
    region.answer("describe_db_instances", *([instance(each, None, "mysql", "8", NEW, "2030-01-01")] for each in names))
    region.answer("describe_db_clusters", *([{"DBClusterIdentifier": each, "Engine": "mysql"}] for each in names))
    region.answer("describe_db_proxies", *([{"DBProxyName": each, "EngineFamily": "MYSQL"}] for each in names))
    region.answer("describe_certificates", *([certificate(each)] for each in G1), default=NEW)
    asked: dict[str, Any] = {"Engine": "mysql", "EngineVersion": "8", "IncludeAll": True}
    region.answer("describe_db_engine_versions", [], [version("mysql", "8", restarts=False)], **asked)
    found = rds_tls.audit("eu-west-1").to_dict()
    assert sorted(each["identifier"] for each in found["servers"]) == sorted(names * 3)
    assert [each["ca_id"] for each in found["authorities"]] == G1
    assert found["servers"][0]["restarts"] is False
    region.assert_asked()


# What a region may say in place of an answer, and what a reader sees of it.
SHUT = {
    "InvalidClientTokenId": "eu-south-1: the region is not opted in, or is another partition's",
    "ExpiredToken": "eu-south-1: the credentials have expired",
    "Throttling": "eu-south-1: AWS was busy, 6 times",
}


@pytest.mark.parametrize(("code", "line"), SHUT.items(), ids=SHUT)
def test_region_that_is_shut_is_one_line(code: str, line: str, good: Account, capsys: Output) -> None:
    """Nothing more is asked there, and nothing of the other regions is lost."""
    good.region("eu-south-1").refuse("describe_db_instances", code)
    assert main(["audit", "--region", "eu-south-1", *IRELAND]) == 1
    out = capsys.readouterr().out
    assert out.endswith(f"\nnot seen: {line}\n")
    assert out.count("not seen") == 1
    assert "eu-west-1  alone  postgres 16.6\n" in out


def test_region_that_cannot_be_reached(good: Account, monkeypatch: pytest.MonkeyPatch, capsys: Output) -> None:
    """As from a network without a way to it: one line with botocore's words."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setattr(audit_aws, "_ATTEMPTS", 1)
    shut = Region("eu-south-1", answers=False)
    good.regions["eu-south-1"] = shut
    assert main(["audit", *IRELAND, "--region", "eu-south-1"]) == 1
    assert 'not seen: eu-south-1: Could not connect to the endpoint URL: "http://127.0.0.1:1/"' in (
        " ".join(capsys.readouterr().out.split())
    )


def test_other_refusal_leaves_the_rest_of_the_region(account: Account, capsys: Output) -> None:
    """As where a region has no proxies: the line names the call, and what comes after it is asked."""
    region = account.region("eu-west-1").answer("describe_db_instances").answer("describe_db_clusters")
    region.refuse("describe_db_proxies", "InvalidAction", "no such action\x1b[2J")
    region.answer("describe_certificates", [*map(certificate, G1)], default=NEW)
    assert main(["audit", *IRELAND]) == 1
    out = " ".join(capsys.readouterr().out.split())
    assert "not seen: eu-west-1: rds:DescribeDBProxies: An error occurred (InvalidAction)" in out
    assert "\x1b" not in out
    assert "new servers get" in out
    region.assert_asked()


def test_denied_call_is_asked_once(account: Account, capsys: Output) -> None:
    """Of two engines neither's version is known then, and that is one line."""
    found = [instance(each, None, each, "1", NEW, "2030-01-01") for each in ("mysql", "postgres")]
    account.full("eu-west-1", found).refuse("describe_db_engine_versions")
    assert main(["audit", *IRELAND]) == 1
    out = capsys.readouterr().out
    assert "not seen: rds:DescribeDBEngineVersions is denied in eu-west-1\n" in out
    assert out.count("not seen") == 1
    assert out.count("  not known\n") == 2


def test_nothing_to_be_seen_ends_with_2(account: Account, capsys: Output) -> None:
    """Where every region is shut there is no answer, and stderr says why of each."""
    account.region("eu-west-1").refuse("describe_db_instances", "ExpiredToken")
    account.region("us-east-1").refuse("describe_db_instances", "InvalidClientTokenId")
    assert main(["audit", *IRELAND, "--region", "us-east-1"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err == (
        "rds-tls audit: nothing could be seen: eu-west-1: the credentials have expired; "
        "us-east-1: the region is not opted in, or is another partition's\n"
    )


def test_profile_that_is_none_ends_with_2(account: Account, monkeypatch: pytest.MonkeyPatch, capsys: Output) -> None:
    """The words are botocore's."""
    account.empty("eu-west-1")
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    session.cache_clear()
    assert main(["audit", *IRELAND]) == 2
    expected = "rds-tls audit: AWS cannot be asked: The config profile (nobody) could not be found\n"
    assert capsys.readouterr() == ("", expected)


@pytest.mark.parametrize("command", [["audit"], ["authorities"], ["engines", "mysql"]], ids=lambda each: each[0])
def test_without_credentials_nothing_is_asked(
    command: list[str], account: Account, monkeypatch: pytest.MonkeyPatch, capsys: Output
) -> None:
    """The message says how AWS gets them."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    session.cache_clear()
    account.empty("eu-west-1")
    assert main([*command, *IRELAND]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"rds-tls {command[0]}: there are no AWS credentials to ask with: set AWS_PROFILE or ")


def test_region_of_the_configuration(good: Account, monkeypatch: pytest.MonkeyPatch, capsys: Output) -> None:
    """Without one in the call it is botocore's own; and without that the message says where to put it."""
    assert main(["audit"]) == 2
    assert capsys.readouterr().err.startswith("rds-tls audit: no region is given: pass one or more, or set AWS_DEFAULT")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    session.cache_clear()
    assert main(["audit"]) == 0
    good.regions["eu-west-1"].assert_asked()


@pytest.mark.usefixtures("good")
def test_region_that_is_named_twice_is_asked_once() -> None:
    """Its servers are no findings twice."""
    assert len(rds_tls.audit("eu-west-1", "eu-west-1").servers) == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--region", "atlantis"], "region= is not the name of an AWS region"),
        ([*IRELAND, "--days", "-1"], "days=-1 is no number of days: give an integer from 0 to 36500"),
        ([*IRELAND, "--bundle", "/nowhere/at-all.pem"], "No such file"),
        ([*IRELAND, "--bundle", __file__], f"{__file__}: the bundle"),
    ],
)
def test_question_that_is_none_ends_with_2(arguments: list[str], words: str, account: Account, capsys: Output) -> None:
    """Nothing is asked of AWS then."""
    account.region("eu-west-1")
    assert main(["audit", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert words in err


def test_explanation_asks_nobody(capsys: Output) -> None:
    """It is a page of 80 columns, without an account."""
    assert main(["audit", "--explain"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if len(line) > 80 and " " in line] == []
    assert len(lines) < 30
    assert "--no-certificate-rotation-restart" in " ".join(lines)


def test_authorities(account: Account, capsys: Output) -> None:
    """The CAs of each region, their ends, and which one new servers get; a region that is denied is on stderr."""
    override = {"CustomerOverride": True, "CustomerOverrideValidTill": certificate("x", "2027-05-01")["ValidTill"]}
    found = [certificate(NEW), certificate(ECC384, "2121-05-20", Thumbprint="ab12", **override)]
    for _ in range(2):
        account.region("eu-west-1").answer("describe_certificates", found, default=ECC384)
        account.region("us-gov-west-1").refuse("describe_certificates")
        assert main(["authorities", *IRELAND, *GOVCLOUD, *(["--json"] if _ else [])]) == 1
    out, err = capsys.readouterr()
    text, _, listed = out.partition("[")
    assert text == (
        "eu-west-1\n"
        "  rds-ca-rsa2048-g1  until 2061-05-20\n"
        "  rds-ca-ecc384-g1   until 2121-05-20  new servers get it, an override until\n"
        "      2027-05-01\n"
    )
    assert json.loads(f"[{listed}")[1] == {
        "region": "eu-west-1",
        "ca_id": ECC384,
        "valid_until": "2121-05-20T04:12:00+00:00",
        "is_default": True,
        "is_override": True,
        "override_until": "2027-05-01T04:12:00+00:00",
        "thumbprint": "ab12",
    }
    assert err == "not seen: rds:DescribeCertificates is denied in us-gov-west-1\n" * 2


def test_engines(account: Account, capsys: Output) -> None:
    """The CAs that a version supports, and whether and for how long a certificate lasts there."""
    region = account.region("eu-west-1")
    region.run(version("postgres", "16.6", restarts=False, ca_ids=G1[:2]))
    assert main(["engines", "postgres", "16.6", *IRELAND]) == 0
    assert capsys.readouterr().out == (
        f"eu-west-1  postgres 16.6: 1-year certificates, no restart\n  {NEW}, {RSA4096}\n"
    )
    versions = [version("postgres", number, restarts=True) for number in ("15.3", "16.6")]
    region.answer("describe_db_engine_versions", *([each] for each in versions), Engine="postgres", IncludeAll=True)
    assert main(["engines", "postgres", *IRELAND, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [(each["version"], each["years"], each["restarts"]) for each in found] == [
        ("15.3", 3, True),
        ("16.6", 3, True),
    ]


@pytest.mark.parametrize(
    ("arguments", "words"), [(["99"], "'postgres' has no version '99'"), ([], "there is no engine 'postgres'")]
)
def test_engine_that_is_none_ends_with_2(arguments: list[str], words: str, account: Account, capsys: Output) -> None:
    """AWS answers with an empty list."""
    asked: dict[str, Any] = {"Engine": "postgres", "IncludeAll": True}
    asked |= {"EngineVersion": "99"} if arguments else {}
    account.region("eu-west-1").answer("describe_db_engine_versions", **asked)
    assert main(["engines", "postgres", *arguments, *IRELAND]) == 2
    assert words in capsys.readouterr().err


THROTTLED = """\
<ErrorResponse xmlns="http://rds.amazonaws.com/doc/2014-10-31/"><Error><Type>Sender</Type><Code>Throttling</Code>
<Message>Rate exceeded</Message></Error><RequestId>c6104cbe</RequestId></ErrorResponse>"""
LISTED = f"""\
<DescribeCertificatesResponse xmlns="http://rds.amazonaws.com/doc/2014-10-31/"><DescribeCertificatesResult>
<DefaultCertificateForNewLaunches>{NEW}</DefaultCertificateForNewLaunches><Certificates><Certificate>
<CertificateIdentifier>{NEW}</CertificateIdentifier><ValidTill>2061-05-20T00:00:00Z</ValidTill>
</Certificate></Certificates></DescribeCertificatesResult></DescribeCertificatesResponse>"""


class Busy(LocalAws):
    """An AWS that is busy three times before it answers."""

    @property
    def reply(self) -> Reply:
        """Give the answer to the request that has just come."""
        return Reply(400, THROTTLED) if len(self.asked) <= 3 else Reply(200, LISTED)

    @reply.setter
    def reply(self, _: Reply) -> None:
        """Keep to that."""


@pytest.mark.usefixtures("account")
def test_throttled_call_is_made_again(
    monkeypatch: pytest.MonkeyPatch, capsys: Output, caplog: pytest.LogCaptureFixture
) -> None:
    """After a pause each time; and botocore, which logs requests and answers, logs no credentials."""
    caplog.set_level(logging.DEBUG)
    pauses: list[float] = []
    monkeypatch.setattr("botocore.endpoint.time", SimpleNamespace(sleep=pauses.append))
    monkeypatch.setattr(audit_aws, "client", real_client)
    monkeypatch.setenv("AWS_SESSION_TOKEN", CANARY)
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    with Busy() as aws:
        monkeypatch.setenv("AWS_ENDPOINT_URL", aws.url)
        session.cache_clear()
        assert main(["authorities", *IRELAND]) == 0
        assert len(aws.asked) == 4
    assert len(pauses) == 3
    assert f"  {NEW}  until 2061-05-20  new servers get it, RDS's default\n" in capsys.readouterr().out
    assert CANARY not in caplog.text


def test_missing_botocore_says_what_to_install(
    account: Account, monkeypatch: pytest.MonkeyPatch, capsys: Output
) -> None:
    """The extra is [iam]."""
    account.empty("eu-west-1")
    monkeypatch.setitem(sys.modules, "botocore.session", None)
    assert main(["audit", *IRELAND]) == 2
    assert "pip install 'rds-tls[iam]'" in capsys.readouterr().err


@pytest.mark.parametrize("days", [True, 1.5, "60", None, 36_501])
def test_days_are_a_number(days: object) -> None:
    """Checked before AWS is asked."""
    with pytest.raises(rds_tls.OptionError, match="is no number of days: give an integer from 0 to 36500"):
        door.audit("eu-west-1", days=days)  # type: ignore[arg-type]
