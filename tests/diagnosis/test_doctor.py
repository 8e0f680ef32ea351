"""diagnose and probe: each step, the first that fails, and why; what a server sends, believed or not."""

import json
import socket
from collections.abc import Callable
from typing import Any

import pytest

import rds_tls
from rds_tls.settings import Settings
from tests.conftest import OFFLINE, Pki, Servers
from tests.diagnosis.test_causes import CASES, WRITER
from tests.hostile.postgres import ERROR
from tests.hostile.wire import Wire, listening
from tests.support.blackhole import blackhole
from tests.support.local_rds import KeyType, MySqlCompatibleServer, PostgresServer

LOCAL = "127.0.0.1"


@pytest.fixture(scope="module")
def pki(pkis: dict[KeyType, Pki]) -> Pki:
    """One test PKI: key types make no difference here."""
    return pkis[KeyType.ECC384]


def steps(report: rds_tls.Report) -> list[str]:
    """List the names of the steps, and see to it that the last alone may fail."""
    assert all(check.ok for check in report.checks[:-1])
    assert report.ok is report.checks[-1].ok is (report.cause is None)
    return [check.name for check in report.checks]


@pytest.mark.parametrize("engine", ["postgresql", None])
def test_good_postgresql_passes_every_step(engine: Any, postgres: PostgresServer, pki: Pki) -> None:  # noqa: ANN401 - a Literal
    """Up to the verified handshake, whether the engine is named or found out."""
    postgres.present(pki.authority.issue([WRITER]))
    report = rds_tls.diagnose(WRITER, engine=engine, via=(LOCAL, postgres.port), settings=pki.settings)
    assert steps(report) == ["name", "roots", "DNS", "TCP", "TLS", "chain"]
    assert report.checks[0].text == "writer 'orders', eu-west-1"
    assert report.checks[4].text == "PostgreSQL offers it"
    assert report.checks[5].text == "TLSv1.3, verified; the certificate ends in 364 days"
    assert report.to_dict()["ok"] is True


@pytest.mark.parametrize("engine", ["mysql", None])
def test_good_mysql_passes_every_step(engine: Any, mysql: MySqlCompatibleServer, pki: Pki) -> None:  # noqa: ANN401 - as above
    """The same of each kind of MySQL server."""
    mysql.present(pki.authority.issue([WRITER]))
    report = rds_tls.diagnose(WRITER, engine=engine, via=(LOCAL, mysql.port), settings=pki.settings)
    assert steps(report) == ["name", "roots", "DNS", "TCP", "TLS", "chain"]
    assert report.checks[4].text == "MySQL offers it"


@pytest.mark.parametrize("cause", [cause for cause, case in CASES.items() if cause != "malformed"])
def test_bad_certificate_has_the_id_of_the_note(cause: str, postgres: PostgresServer, pki: Pki) -> None:
    """What the note on a failed connection says, diagnose says without a login."""
    case = CASES[cause]
    postgres.present(case.present(pki))
    settings = pki.settings if case.is_own_root else OFFLINE
    options: dict[str, Any] = dict(case.options)
    report = rds_tls.diagnose(case.host, via=(LOCAL, postgres.port), settings=settings, **options)
    assert steps(report)[-1] == "chain"
    assert report.cause is not None
    assert report.cause.id == cause
    assert [words for words in case.says if words not in report.cause.note()] == []
    assert json.loads(json.dumps(report.to_dict()))["cause"]["id"] == cause


def say(data: bytes) -> Callable[[Wire], None]:
    """Make a server that says something to whoever asks for TLS, and ends the connection."""

    def script(wire: Wire) -> None:
        wire.read(8)
        if data:
            wire.send(data)
        wire.hang_up()

    return script


FIRST_WORDS = {
    "hung-up": (say(b""), "the end of the connection"),
    "not-a-database": (say(b"HTTP/1.1 400 Bad Request"), "neither PostgreSQL nor MySQL"),
    "no-tls": (say(b"N"), "no TLS"),
    "injected-bytes": (say(b"Sand more"), "bytes before it"),
}


@pytest.mark.parametrize(("cause", "script", "words"), [(cause, *case) for cause, case in FIRST_WORDS.items()])
def test_first_words_decide(cause: str, script: Callable[[Wire], None], words: str) -> None:
    """What answers in place of TLS is named."""
    with listening(script) as peer:
        report = rds_tls.diagnose(WRITER, via=peer.address, settings=OFFLINE)
    assert steps(report)[-1] == "TLS"
    assert words in report.checks[-1].text
    assert report.cause is not None
    assert report.cause.id == cause


def test_error_before_tls_is_no_answer_to_the_request() -> None:
    """A server that is full, or has blocked this machine, is one that hung up."""
    with listening(say(ERROR)) as peer:
        report = rds_tls.diagnose(WRITER, engine="postgresql", via=peer.address, settings=OFFLINE)
    assert report.cause is not None
    assert report.cause.id == "hung-up"


def test_swapped_engines_are_seen_from_both_sides(postgres: PostgresServer, mysql: MySqlCompatibleServer) -> None:
    """PostgreSQL asked for where MySQL greets, and MySQL where PostgreSQL waits."""
    for engine, port in (("postgresql", mysql.port), ("mysql", postgres.port)):
        named: Any = engine
        report = rds_tls.diagnose(WRITER, engine=named, via=(LOCAL, port), connect_timeout=0.5, settings=OFFLINE)
        assert steps(report)[-1] == "TLS"
        assert report.cause is not None
        assert report.cause.id == "other-engine"


def test_old_tls_and_no_tls_of_mysql(servers: Servers, mysql_kind: type[MySqlCompatibleServer], pki: Pki) -> None:
    """A MySQL server without TLS says so in its greeting."""
    report = rds_tls.diagnose(WRITER, via=(LOCAL, servers.get(mysql_kind, "off").port), settings=pki.settings)
    assert report.cause is not None
    assert report.cause.id == "no-tls"


def test_silent_server_is_waited_for_in_vain() -> None:
    """It accepts, and says nothing."""
    with listening(Wire.listen) as peer:
        report = rds_tls.diagnose(WRITER, via=peer.address, connect_timeout=0.2, settings=OFFLINE)
    assert report.checks[-1] == rds_tls.Check("TLS", ok=False, text=f"{LOCAL}:{peer.address[1]} says nothing in 0.2 s")
    assert report.cause is not None
    assert report.cause.id == "no-answer"


def test_network_is_told_from_tls() -> None:
    """Nobody there, and packets that are dropped, fail at TCP."""
    refused = rds_tls.diagnose(WRITER, via=(LOCAL, 1), settings=OFFLINE)
    with blackhole() as address:
        dropped = rds_tls.diagnose(WRITER, via=address, connect_timeout=0.2, settings=OFFLINE)
    for report, cause in ((refused, "refused"), (dropped, "no-answer")):
        assert steps(report)[-1] == "TCP"
        assert report.cause is not None
        assert report.cause.id == cause


@pytest.fixture
def no_such_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """A resolver that knows no name."""

    def unknown(*_: object, **__: object) -> object:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)


def test_address_of_a_vpc_is_called_private(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is reached from the VPC alone, which is what one forgets."""
    entries = [(2, 1, 6, "", (address, 0)) for address in ("10.0.3.17", "127.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: entries)
    monkeypatch.setattr("rds_tls.diagnosis.doctor.dial", refuse)
    report = rds_tls.diagnose(WRITER, settings=OFFLINE)
    assert report.checks[2] == rds_tls.Check("DNS", ok=True, text="10.0.3.17 (private), 127.0.0.1")


def refuse(*_: object) -> None:
    """Dial nobody."""
    raise ConnectionRefusedError


@pytest.mark.usefixtures("no_such_name")
@pytest.mark.parametrize("options", [{}, {"expect": WRITER}], ids=["endpoint", "alias"])
def test_name_that_does_not_resolve(options: dict[str, Any]) -> None:
    """A deleted cluster's, or one of another VPC's, fails at DNS; an alias's too."""
    report = rds_tls.diagnose("db.corp.example" if options else WRITER, settings=OFFLINE, **options)
    assert steps(report)[-1] == "DNS"
    assert report.cause is not None
    assert report.cause.id == "name-not-found"


@pytest.mark.usefixtures("no_such_name")
@pytest.mark.parametrize(
    ("host", "step", "cause"),
    [
        ("localhost", "name", "local-address"),
        ("db.corp.example", "name", "alias"),
        ("orders.eu-west-1.rds.amazonaws.com", "name", "not-an-endpoint"),
        ("orders.cluster-abc123def456.eu-north-9.rds.amazonaws.com", "roots", "no-roots"),
    ],
)
def test_host_that_is_none_is_a_report(host: str, step: str, cause: str) -> None:
    """What is no endpoint, or has no roots, fails before anybody is dialled."""
    report = rds_tls.diagnose(host, settings=OFFLINE)
    assert steps(report) == [step]
    assert report.host == host
    assert report.cause is not None
    assert report.cause.id == cause


@pytest.mark.parametrize("name", ["localhost", LOCAL])
def test_end_of_a_tunnel_shows_whose_it_is(
    name: str, postgres: PostgresServer, mysql: MySqlCompatibleServer, pki: Pki
) -> None:
    """Who names the tunnel for the endpoint is told which names the certificate there is for, and how to pass them."""
    for server in (postgres, mysql):
        server.present(pki.authority.issue([WRITER]))
        report = rds_tls.diagnose(f"{name}:{server.port}", settings=OFFLINE)
        assert report.cause is not None
        assert report.cause.id == "local-address"
        assert report.cause.facts == (
            f"the server sent a certificate for {WRITER}",
            f"pass one of those names as host, and via=({name!r}, {server.port}) (rds-tls: --via {name}:{server.port})",
        )


def test_nothing_at_a_local_address_is_no_fact() -> None:
    """Where nobody answers, and for an address of IPv6, which takes no port here, the cause stands alone."""
    for host in (f"{LOCAL}:1", "::1"):
        report = rds_tls.diagnose(host, settings=OFFLINE)
        assert report.cause is not None
        assert (report.cause.id, report.cause.facts) == ("local-address", ())


@pytest.mark.usefixtures("no_such_name")
def test_password_in_a_url_is_not_shown() -> None:
    """A URL may be given for a host, and what it holds besides does not come back."""
    url = "postgresql://app:c4n4ry@orders.cluster-abc123def456.eu-north-9.rds.amazonaws.com/shop"
    for text in (url, url.replace("eu-north-9.rds.amazonaws.com", "corp.example"), url.replace("app:", "a/b:")):
        report = rds_tls.diagnose(text, settings=OFFLINE)
        assert "c4n4ry" not in f"{report} {report!r} {report.to_dict()} {report._repr_html_()}"


def test_contradictions_are_the_callers() -> None:
    """What is no question is an error, as for a connection."""
    with pytest.raises(rds_tls.OptionError, match="port"):
        rds_tls.diagnose(f"{WRITER}:5432", port=3306)
    with pytest.raises(rds_tls.OptionError, match="engine= is none that is known here"):
        rds_tls.diagnose(WRITER, engine="oracle")  # type: ignore[arg-type]
    with pytest.raises(rds_tls.OptionError, match="no time to wait"):
        rds_tls.probe(WRITER, connect_timeout=0)


def test_engine_is_found_by_its_port(mysql: MySqlCompatibleServer, pki: Pki, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without engine and port both ports are tried: the name leads to loopback, where MySQL's alone answers."""
    mysql.present(pki.authority.issue([WRITER]))
    resolve, connect = socket.getaddrinfo, socket.socket.connect

    class Redirected(socket.socket):
        def connect(self, address: Any) -> None:  # noqa: ANN401 - the socket's own
            connect(self, (LOCAL, {3306: mysql.port}.get(address[1], 1)))

    monkeypatch.setattr(socket, "getaddrinfo", lambda _, *args, **options: resolve(LOCAL, *args, **options))
    monkeypatch.setattr(socket, "socket", Redirected)
    report = rds_tls.diagnose(WRITER, settings=pki.settings)
    assert report.ok
    assert f"{WRITER}:3306" in report.checks[3].text


def test_report_reads_as_a_session(postgres: PostgresServer, pki: Pki) -> None:
    """Printed, it is a line a step, then cause and fix."""
    postgres.present(pki.authority.issue(["orders.cluster-abc123def456.us-east-1.rds.amazonaws.com"]))
    host = "orders.cluster-abc123def456.us-east-1.rds.amazonaws.com"
    report = rds_tls.diagnose(host, via=(LOCAL, postgres.port), settings=OFFLINE)
    lines = str(report).splitlines()
    assert lines[0] == "ok    name    writer 'orders', us-east-1"
    assert lines[2] == "ok    DNS     127.0.0.1"
    assert lines[5] == "FAIL  chain   certificate verify failed: unable to get local issuer certificate"
    assert lines[-2] == (
        f"cause the server that answers for {host} is in eu-west-1, and the name says us-east-1 [other-region]"
    )
    assert lines[-1].startswith("fix   pass the name of the cluster in eu-west-1")
    assert report._repr_html_().startswith("<pre>ok")


def test_probe_shows_what_verifies(postgres: PostgresServer, pki: Pki) -> None:
    """The whole chain, its CA, and how long it lasts."""
    postgres.present(pki.authority.issue([WRITER]))
    report = rds_tls.probe(WRITER, via=(LOCAL, postgres.port), settings=pki.settings)
    assert (report.verified, report.protocol, report.tls) == (True, "postgresql", "TLSv1.3")
    assert (report.ca_id, report.days_left, len(report.chain)) == ("rds-ca-ecc384-g1", 364, 2)
    assert report.root is not None
    assert report.root.subject == report.chain[-1].issuer == "Amazon RDS eu-west-1 Root CA ECC384 G1"
    assert str(report).splitlines()[:3] == [
        "postgresql, TLSv1.3, verified",
        f"leaf          {WRITER}",
        f"  names       {WRITER}",
    ]
    shown = json.loads(json.dumps(report.to_dict()))
    assert [each["region"] for each in shown["chain"]] == ["eu-west-1", "eu-west-1"]
    assert shown["root"]["subject"] == "Amazon RDS eu-west-1 Root CA ECC384 G1"
    assert report._repr_html_().startswith("<pre>postgresql")


def test_probe_shows_what_does_not(mysql: MySqlCompatibleServer, pki: Pki) -> None:
    """A chain that does not verify is shown as well, and called that."""
    mysql.present(pki.authority.issue([WRITER]))
    report = rds_tls.probe(WRITER, via=(LOCAL, mysql.port), settings=OFFLINE)
    assert not report.verified
    assert report.cause is not None
    assert report.cause.id == "impostor"
    assert "NOT verified: " in str(report)
    assert report.chain[0].names == (WRITER,)
    assert report.root is None


def test_probe_of_nobody_is_an_error(pki: Pki) -> None:
    """Where nothing can be seen, the error says why, in the words of the diagnosis."""
    with pytest.raises(OSError, match=r"nobody listens .*\[refused\]"):
        rds_tls.probe(WRITER, via=(LOCAL, 1), settings=pki.settings)
    with listening(say(b"N")) as peer, pytest.raises(OSError, match=r"offers no TLS.*\[no-tls\]"):
        rds_tls.probe(WRITER, via=peer.address, settings=Settings(ca_file=pki.settings.ca_file))
