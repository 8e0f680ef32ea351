"""What is a finding of an audit, how urgent it is, and which command puts it right; nothing here asks anybody."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from rds_tls.diagnosis.audit import AuditReport, report_of
from rds_tls.diagnosis.audit_values import Authority, EngineVersion, Server, Trusted, View, short

NOW = datetime(2026, 11, 25, 3, 2, tzinfo=UTC)
REGION = "eu-west-1"
NEW, RSA4096, ECC384 = "rds-ca-rsa2048-g1", "rds-ca-rsa4096-g1", "rds-ca-ecc384-g1"
OLD = "rds-ca-2019"

ALL = Trusted(None, frozenset((REGION, each) for each in (NEW, RSA4096, ECC384)), has_amazon=True)
SERVER = Server(REGION, "instance", "a", None, "postgres", "16.6", NEW, NOW + timedelta(days=300))


def seen(*servers: Server, **more: object) -> View:
    """Give a region with servers, whose CAs AWS says nothing of."""
    return View(REGION, servers)._replace(**more)  # type: ignore[arg-type]


def judge(view: View, trusted: Trusted = ALL, days: int = 60) -> AuditReport:
    """Judge a region."""
    return report_of([view], trusted, NOW, days, ())


def findings(server: Server, **more: object) -> list[str]:
    """Give the ids of what is found of one server."""
    (found,) = judge(seen(server, **more)).servers
    return [each.id for each in found.findings]


@pytest.mark.parametrize(
    ("left", "expected"),
    [
        (timedelta(days=61), []),
        (timedelta(days=60, hours=23), ["ends-soon"]),
        (timedelta(hours=1), ["ends-soon"]),
        (timedelta(0), ["ends-soon"]),
        (-timedelta(seconds=1), ["ended"]),
    ],
)
def test_end_within_days(left: timedelta, expected: list[str]) -> None:
    """Whole days are counted, and the moment of the end is the last of them."""
    assert findings(SERVER._replace(valid_until=NOW + left)) == expected


@pytest.mark.parametrize("ca_id", [OLD, "rds-ca-2015", "rds-ca-2017"])
def test_ca_of_a_year_is_retired(ca_id: str) -> None:
    """All of those from before the first generation have ended."""
    assert findings(SERVER._replace(ca_id=ca_id)) == ["retired-ca", "not-trusted"]


@pytest.mark.parametrize(
    ("ca_id", "until", "retired"),
    [(OLD, 2061, False), (OLD, 2024, True), (NEW, 2024, True), (NEW, 2061, False)],
)
def test_what_aws_says_of_a_ca_counts_more(ca_id: str, until: int, *, retired: bool) -> None:
    """In some regions rds-ca-2019 lasts until 2061, and a newer one will end one day too."""
    authority = Authority(REGION, ca_id, datetime(until, 5, 20, tzinfo=UTC))
    assert ("retired-ca" in findings(SERVER._replace(ca_id=ca_id), authorities=(authority,))) is retired


def test_what_aws_does_not_say_is_no_finding() -> None:
    """A server without a certificate, as one that is being made, has none that is wrong."""
    assert findings(SERVER._replace(ca_id=None, valid_until=None)) == []


def command(server: Server, trusted: Trusted = ALL, **more: object) -> str | None:
    """Give the command for one server."""
    return judge(seen(server, **more), trusted).servers[0].command


RETIRED = SERVER._replace(ca_id=OLD)
ROTATES = "aws rds modify-db-instance --region eu-west-1 --db-instance-identifier a --ca-certificate-identifier"


def test_command_changes_to_the_accounts_default() -> None:
    """Whoever has chosen one for new servers has it for the others too."""
    assert command(RETIRED, default=RSA4096) == f"{ROTATES} {RSA4096} --no-apply-immediately"


def test_command_keeps_a_ca_that_lasts() -> None:
    """A certificate that ends soon is renewed by the CA that programs know."""
    soon = SERVER._replace(ca_id=ECC384, valid_until=NOW)
    assert command(soon, default=RSA4096) == f"{ROTATES} {ECC384} --no-apply-immediately"


def test_command_names_a_ca_that_the_engine_supports() -> None:
    """The default is not every engine's."""
    engine = EngineVersion(REGION, "postgres", "16.6", (ECC384,), restarts=False)
    assert command(RETIRED, default=RSA4096, engines=(engine,)) == f"{ROTATES} {ECC384} --no-apply-immediately"
    assert command(RETIRED, engines=(engine._replace(ca_ids=(OLD,)),)) is None


def test_command_names_a_ca_that_programs_trust() -> None:
    """Of several that one; and where they trust none, the certificate must be rotated all the same."""
    one = ALL._replace(ca_ids=frozenset({(REGION, ECC384)}))
    assert command(RETIRED, one, default=RSA4096) == f"{ROTATES} {ECC384} --no-apply-immediately"
    none = ALL._replace(ca_ids=frozenset())
    assert command(RETIRED, none, default=RSA4096) == f"{ROTATES} {RSA4096} --no-apply-immediately"


def test_no_command_where_only_the_programs_are_to_be_changed() -> None:
    """A renewal by a CA that programs do not trust makes them trust it no more."""
    none = ALL._replace(ca_ids=frozenset())
    assert findings(SERVER) == []
    assert command(SERVER, none) is None


@pytest.mark.parametrize(
    "server",
    [SERVER, RETIRED._replace(pending_ca_id=NEW), RETIRED._replace(engine="custom-oracle-ee")],
    ids=["good", "pending", "custom"],
)
def test_no_command_where_there_is_nothing_to_run(server: Server) -> None:
    """A change that waits for its window is made already, and RDS Custom takes none."""
    assert command(server) is None


def test_pending_change_is_shown() -> None:
    """It stays a finding until it is made."""
    report = judge(seen(RETIRED._replace(pending_ca_id=NEW)))
    assert not report.ok
    assert "\n      <- retired CA, rds-ca-rsa2048-g1 pending\n" in str(report)


@pytest.mark.parametrize("engine", ["mysql", "postgres"])
def test_member_of_a_multi_az_cluster_changes_with_it(engine: str) -> None:
    """Aurora's instances have certificates of their own, those of a Multi-AZ DB cluster have the cluster's."""
    member = RETIRED._replace(cluster="c", engine=engine)
    expected = "aws rds modify-db-cluster --region eu-west-1 --db-cluster-identifier c --ca-certificate-identifier"
    assert str(command(member)).startswith(expected)
    assert str(command(member._replace(engine=f"aurora-{engine}"))).startswith(ROTATES)


def test_commands_are_quoted_for_a_shell() -> None:
    """Whatever a name has in it is one word."""
    assert " --db-instance-identifier 'a; b' " in str(command(RETIRED._replace(identifier="a; b")))


@pytest.mark.parametrize(
    "server",
    [Server(REGION, "proxy", "p", None, "MYSQL", is_by_amazon=True), RETIRED._replace(is_by_amazon=True)],
    ids=["proxy", "neptune"],
)
def test_amazons_certificates_need_amazons_root_alone(server: Server) -> None:
    """The CA that RDS names for such a server signs nothing, and AWS renews what does."""
    assert findings(server) == []
    report = judge(seen(server), ALL._replace(has_amazon=False))
    assert [each.ca_id for each in report.missing] == ["Amazon Root CA 1"]
    assert report.commands == ()


def test_default_that_has_retired() -> None:
    """An override of long ago gives new servers what nobody trusts any more."""
    listed = tuple(Authority(REGION, each, datetime(2061, 5, 20, tzinfo=UTC)) for each in (RSA4096, ECC384))
    (default,) = judge(seen(default=OLD, authorities=listed)).defaults
    assert [each.id for each in default.findings] == ["retired-ca", "not-trusted"]
    assert default.command == (f"aws rds modify-certificates --region eu-west-1 --certificate-identifier {RSA4096}")


def test_default_that_programs_do_not_trust() -> None:
    """It is a finding before there is a server with it."""
    trusted = ALL._replace(bundle="roots.pem", ca_ids=frozenset({(REGION, NEW)}))
    report = judge(seen(SERVER, default=ECC384), trusted)
    assert [each.ca_id for each in report.missing] == [ECC384]
    assert report.commands == (f"aws rds modify-certificates --region eu-west-1 --certificate-identifier {NEW}",)
    assert "First add to roots.pem the roots that 'rds-tls bundle eu-west-1' prints." in str(report)


def test_retired_root_is_no_advice() -> None:
    """Nothing brings back the root of a CA that has ended: the server is to be changed, not the bundle."""
    report = judge(seen(RETIRED), ALL._replace(bundle="roots.pem"))
    assert [each.ca_id for each in report.missing] == [OLD]
    assert "First add" not in str(report)


def test_default_that_aws_does_not_say() -> None:
    """As where describe-certificates is denied."""
    assert judge(seen(SERVER)).defaults == ()


def test_region_without_known_roots_is_not_judged() -> None:
    """Nothing is missing there, as far as one can tell; and the report says how far that is."""
    report = judge(seen(SERVER), Trusted(None, frozenset(), has_amazon=True, unknown=frozenset({REGION})))
    assert report.missing == ()
    assert "trusts all of their CAs, but for those in eu-west-1." in str(report)


def test_most_urgent_is_first() -> None:
    """Retired, ended, not trusted, ending soon; and of two alike the one that ends first."""
    servers = (
        SERVER._replace(identifier="good-late", valid_until=NOW + timedelta(days=900)),
        SERVER._replace(identifier="good"),
        SERVER._replace(identifier="soon", valid_until=NOW + timedelta(days=9)),
        SERVER._replace(identifier="sooner", valid_until=NOW + timedelta(days=8)),
        SERVER._replace(identifier="unknown-ca", ca_id="rds-ca-new-g2"),
        SERVER._replace(identifier="ended", valid_until=NOW - timedelta(days=9)),
        SERVER._replace(identifier="retired", ca_id=OLD),
        Server(REGION, "proxy", "proxy", None, "MYSQL", is_by_amazon=True),
    )
    order = [each.server.identifier for each in judge(seen(*servers)).servers]
    assert order == ["retired", "ended", "unknown-ca", "sooner", "soon", "good", "good-late", "proxy"]


def test_what_is_not_seen_is_not_good() -> None:
    """A check that asks for the report's ``ok`` shall not pass for want of a permission."""
    assert judge(seen(SERVER)).ok
    assert not judge(seen(SERVER, unseen=("rds:DescribeDBProxies is denied in eu-west-1",))).ok
    assert not report_of([seen(SERVER)], ALL, NOW, 60, ["the roots of eu-west-1: none"]).ok


@pytest.mark.parametrize(("restarts", "years"), [(True, 3), (False, 1), (None, None)])
def test_certificates_last_by_how_they_rotate(*, restarts: bool | None, years: int | None) -> None:
    """For a year where no restart is needed, and for three where it is."""
    engine = EngineVersion(REGION, "postgres", "16.6", (NEW,), restarts)
    report = judge(seen(SERVER, engines=(engine,)))
    assert report.to_dict()["engines"][0]["years"] == report.rows()[0]["years"] == years
    assert report.rows()[0]["restarts"] is restarts


def test_report_is_plain_values() -> None:
    """JSON has the same again, and a notebook shows what is printed."""
    report = judge(seen(RETIRED._replace(identifier="<a>"), default=NEW))
    assert json.loads(json.dumps(report.to_dict())) == report.to_dict()
    assert "&lt;a&gt;" in report._repr_html_()
    assert "<a>" not in report._repr_html_()


def test_lines_fit_a_terminal() -> None:
    """Names as people give them need no broken line."""
    server = RETIRED._replace(identifier="orders-production-instance-1", cluster="orders-production-cluster")
    engine = EngineVersion(REGION, "postgres", "16.6", (NEW, RSA4096, ECC384), restarts=True)
    override = Authority(REGION, ECC384, None, is_default=True, is_override=True, override_until=NOW)
    report = judge(seen(server, default=ECC384, engines=(engine,), authorities=(override,)))
    assert [line for line in str(report).splitlines() if len(line) > 80] == []


def test_empty_account() -> None:
    """A region without servers is good, and says so."""
    assert str(judge(seen())) == "no servers; rds_tls trusts all of their CAs."


@pytest.mark.parametrize(("version", "expected"), [("8.0.mysql_aurora.3.08.0", "3.08.0"), ("16.6", "16.6"), ("", "")])
def test_aurora_mysql_is_called_by_its_own_version(version: str, expected: str) -> None:
    """As AWS's release notes do."""
    assert short(version) == expected
