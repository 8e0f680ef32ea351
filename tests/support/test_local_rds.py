"""The real-server harness itself: what other tests build on is proved here with plain drivers and no help from rds_tls.

Wherever another test expects a refusal, a positive control here shows that the server would have let a laxer client in.
"""

import os
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from select import select
from typing import Any

import psycopg
import pymysql
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtensionOID, NameOID

import rds_tls
from tests.conftest import REGION, Pki
from tests.support import ROOT
from tests.support.local_rds import (
    Authority,
    Credentials,
    KeyType,
    MariaDbServer,
    MySqlCompatibleServer,
    MySqlServer,
    PostgresServer,
    process,
)
from tests.support.local_rds.kinds import MYSQL_SERVERS, POSTGRES_SERVERS, Server, find_mysql
from tests.support.local_rds.pki import unverified_context
from tests.support.local_rds.process import GO, WAIT, Home, ServerError, find_program, missing_packages

WRITER = "demo.cluster-abcdefghij12.eu-west-1.rds.amazonaws.com"
READER = "demo.cluster-ro-abcdefghij12.eu-west-1.rds.amazonaws.com"
INSTANCE = "demo-1.abcdefghij12.eu-west-1.rds.amazonaws.com"
NAMES = [WRITER, READER, INSTANCE]
OTHER = "other.cluster-abcdefghij12.eu-west-1.rds.amazonaws.com"


def days(count: int) -> datetime:
    """Give the moment that many days from now, in UTC."""
    return datetime.now(UTC) + timedelta(days=count)


def strict_context(authority: Authority) -> ssl.SSLContext:
    """Make the context that rds_tls promises, by hand."""
    context = ssl.create_default_context(cadata=authority.root_pem.decode())
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    context.verify_flags &= ~ssl.VERIFY_X509_PARTIAL_CHAIN
    context.hostname_checks_common_name = False
    return context


def ask_postgres(server: PostgresServer, host: str, **options: object) -> tuple[Any, ...] | None:
    """Log in by password and ask the server whether it sees TLS, and which version."""
    login: dict[str, Any] = {"user": server.user, "password": server.password, "dbname": server.database, **options}
    with psycopg.connect(
        host=host, hostaddr=server.host, port=server.port, gssencmode="disable", **login
    ) as connection:
        return connection.execute("SELECT ssl, version FROM pg_stat_ssl WHERE pid = pg_backend_pid()").fetchone()


def ask_mysql(server: MySqlCompatibleServer, host: str, context: ssl.SSLContext | None) -> str:
    """Log in by password over a socket to the server and ask which TLS version it sees; empty without TLS."""
    login: dict[str, Any] = {"user": server.user, "password": server.password, "database": server.database}
    login |= {"ssl": context} if context else {"ssl_disabled": True}
    connection = pymysql.connect(host=host, defer_connect=True, **login)
    connection.connect(socket.create_connection((server.host, server.port)))
    with connection, connection.cursor() as cursor:
        cursor.execute("SHOW STATUS LIKE 'Ssl_version'")
        return str((cursor.fetchone() or ("", "no answer"))[1])


def chain_of_mysql(server: MySqlCompatibleServer) -> list[bytes]:
    """Give the certificates that a new connection gets, leaf first, in DER."""
    connection: Any = pymysql.connect(
        host=server.host, port=server.port, user=server.user, password=server.password, ssl=unverified_context()
    )
    with connection:
        chain = connection._sock._sslobj.get_unverified_chain()  # public from Python 3.13 on
        return [ssl.PEM_cert_to_DER_cert(certificate.public_bytes()) for certificate in chain]


def published_root(key_type: KeyType) -> x509.Certificate:
    """Give the real root of the region that the test root imitates."""
    bundle = Path(rds_tls.ca_path(region=REGION, settings=rds_tls.Settings())).read_bytes()
    (root,) = [
        root for root in x509.load_pem_x509_certificates(bundle) if key_type.value in root.subject.rfc4514_string()
    ]
    return root


def profile(certificate: x509.Certificate) -> dict[str, object]:
    """Describe everything in a certificate that does not differ between two certificates of one kind."""
    key = certificate.public_key()
    assert isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey)
    per_certificate = (ExtensionOID.SUBJECT_KEY_IDENTIFIER, ExtensionOID.AUTHORITY_KEY_IDENTIFIER)
    return {
        "subject": certificate.subject.rfc4514_string(),
        "issuer": certificate.issuer.rfc4514_string(),
        "signature": certificate.signature_algorithm_oid,
        "key": (type(key), key.key_size),
        "extensions": {
            extension.oid: (extension.critical, None if extension.oid in per_certificate else extension.value)
            for extension in certificate.extensions
        },
        "years": round((certificate.not_valid_after_utc - certificate.not_valid_before_utc).days / 365.25),
    }


@pytest.mark.parametrize("key_type", KeyType)
def test_root_has_the_profile_of_the_published_root(key_type: KeyType, pkis: dict[KeyType, Pki]) -> None:
    """Names, extensions, criticality, key, signature and lifetime equal those of the region's real root."""
    root = x509.load_pem_x509_certificate(pkis[key_type].authority.root_pem)
    assert profile(published_root(key_type)) == profile(root)


def test_chain_has_the_profile_of_real_servers(pki: Pki) -> None:
    """A server sends leaf and intermediate with the extensions seen on real servers, and never the root."""
    leaf, intermediate = x509.load_pem_x509_certificates(pki.authority.issue(NAMES).chain_pem)
    key_usage, basic = ExtensionOID.KEY_USAGE, ExtensionOID.BASIC_CONSTRAINTS
    subject_id, authority_id = ExtensionOID.SUBJECT_KEY_IDENTIFIER, ExtensionOID.AUTHORITY_KEY_IDENTIFIER
    alternative = ExtensionOID.SUBJECT_ALTERNATIVE_NAME
    assert {extension.oid: extension.critical for extension in intermediate.extensions} == {
        basic: True,
        key_usage: True,
        subject_id: False,
        authority_id: False,
    }
    assert {extension.oid: extension.critical for extension in leaf.extensions} == {
        basic: False,
        subject_id: False,
        authority_id: False,
        alternative: False,
    }
    assert intermediate.extensions.get_extension_for_class(x509.BasicConstraints).value == x509.BasicConstraints(
        ca=True, path_length=0
    )
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == NAMES
    (common_name,) = leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    assert common_name.value == INSTANCE
    assert intermediate.issuer == x509.load_pem_x509_certificate(pki.authority.root_pem).subject


@pytest.mark.parametrize("host", NAMES)
def test_good_chain_connects_to_postgres(postgres: PostgresServer, pki: Pki, host: str, tmp_path: Path) -> None:
    """Libpq in verify-full mode accepts every name of the leaf, for every key type."""
    root = tmp_path / "root.pem"
    root.write_bytes(pki.authority.root_pem)
    postgres.present(pki.authority.issue(NAMES))
    assert ask_postgres(postgres, host, sslmode="verify-full", sslrootcert=str(root)) == (True, "TLSv1.3")


@pytest.mark.parametrize("host", NAMES)
def test_good_chain_connects_to_mysql(mysql: MySqlCompatibleServer, pki: Pki, host: str) -> None:
    """A context with strict verification accepts every name of the leaf, for every key type."""
    mysql.present(pki.authority.issue(NAMES))
    assert ask_mysql(mysql, host, strict_context(pki.authority)) == "TLSv1.3"


# What a server presents, and the OpenSSL verify code (x509_vfy.h) with which it must be refused.
FLAWS: dict[str, tuple[Callable[[Authority], Credentials], int]] = {
    "not yet valid": (lambda authority: authority.issue(NAMES, not_before=days(1), not_after=days(30)), 9),
    "expired": (lambda authority: authority.issue(NAMES, not_before=days(-30), not_after=days(-1)), 10),
    "self-signed": (lambda authority: authority.self_signed(NAMES), 18),
    "no intermediate": (lambda authority: authority.issue(NAMES, with_intermediate=False), 20),
    "other authority": (lambda _: Authority(REGION, KeyType.ECC384).issue(NAMES), 20),
    "other name": (lambda authority: authority.issue([OTHER]), 62),
    "no SAN": (lambda authority: authority.issue([WRITER], with_san=False), 62),
}


@pytest.mark.parametrize(("make", "code"), FLAWS.values(), ids=FLAWS)
def test_flaw_is_the_one_asked_for(
    mysql: MySqlCompatibleServer, pki: Pki, make: Callable[[Authority], Credentials], code: int
) -> None:
    """Each kind of bad certificate fails for its own reason and no other."""
    mysql.present(make(pki.authority))
    context = strict_context(pki.authority)
    with pytest.raises(pymysql.err.OperationalError) as caught:
        ask_mysql(mysql, WRITER, context)
    refusal = caught.value.__context__
    assert isinstance(refusal, ssl.SSLCertVerificationError)
    assert refusal.verify_code == code


def test_postgres_presents_the_newest_leaf(postgres: PostgresServer, pki: Pki) -> None:
    """A new connection gets the leaf presented last, whatever state the server was in."""
    present_another = partial(postgres.present, pki.authority.issue([OTHER]))
    for change in (present_another, postgres.tls_off, postgres.tls_only_1_1):
        change()
        credentials = pki.authority.issue(NAMES)
        postgres.present(credentials)
        seen = postgres.handshake()
        assert seen is not None
        assert (seen.version, seen.leaf_der) == ("TLSv1.3", credentials.leaf_der)


def test_postgres_waits_for_the_newest_leaf(
    postgres: PostgresServer, pki: Pki, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A handshake that still shows the leaf before is repeated, for some seconds and not for ever."""
    stale, shake_hands = postgres.handshake(), postgres.handshake
    answers = [stale, stale]
    monkeypatch.setattr(postgres, "handshake", lambda: answers.pop() if answers else shake_hands())
    postgres.present(pki.authority.issue(NAMES))
    assert answers == []
    monkeypatch.setattr(postgres, "handshake", lambda: stale)
    monkeypatch.setattr("tests.support.local_rds.postgres.RELOAD_SECONDS", 0.1)
    with pytest.raises(ServerError, match="has not taken its new TLS settings") as caught:
        postgres.present(pki.authority.issue(NAMES))
    assert "received SIGHUP" in str(caught.value)


def test_mysql_presents_the_newest_chain(mysql: MySqlCompatibleServer, pki: Pki) -> None:
    """A new connection gets the chain presented last, and nothing that the server knows besides."""
    flawed = [make(pki.authority) for make, _ in FLAWS.values()]
    for credentials in (pki.authority.issue(NAMES), pki.authority.issue(NAMES), *flawed, pki.authority.issue(NAMES)):
        mysql.present(credentials)
        sent = x509.load_pem_x509_certificates(credentials.chain_pem)
        assert chain_of_mysql(mysql) == [certificate.public_bytes(Encoding.DER) for certificate in sent]


def test_good_chain_needs_no_restart(mysql: MySqlCompatibleServer, pki: Pki) -> None:
    """A chain that a server can verify itself is taken while it runs, so that connections live on."""
    mysql.present(pki.authority.issue(NAMES))
    running = mysql._home._server
    for credentials in (pki.authority.issue(NAMES), pki.authority.issue([OTHER]), pki.authority.self_signed(NAMES)):
        mysql.present(credentials)
        assert mysql._home._server is running


def test_chain_that_is_not_taken_is_an_error(
    mysql: MySqlCompatibleServer, pki: Pki, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What keeps a server from taking a chain, besides that it cannot verify it, is not passed over."""
    monkeypatch.setattr(mysql, "password", "wrong")
    with pytest.raises(pymysql.err.OperationalError, match="Access denied"):
        mysql.present(pki.authority.issue(NAMES))


def test_postgres_without_tls_takes_a_plain_login(postgres: PostgresServer) -> None:
    """With TLS off a client that allows plain text gets in, and one that requires TLS does not."""
    postgres.tls_off()
    assert ask_postgres(postgres, WRITER, sslmode="prefer") == (False, None)
    with pytest.raises(psycopg.OperationalError, match="server does not support SSL"):
        ask_postgres(postgres, WRITER, sslmode="require")


def test_mysql_without_tls_takes_a_plain_login(mysql_without_tls: MySqlCompatibleServer) -> None:
    """With TLS off a client that allows plain text gets in, and one with a context does not."""
    assert ask_mysql(mysql_without_tls, WRITER, None) == ""
    with pytest.raises(pymysql.err.OperationalError, match="SSL"):
        ask_mysql(mysql_without_tls, WRITER, unverified_context())


def test_plain_logins_work_beside_tls(postgres: PostgresServer, mysql: MySqlCompatibleServer, pki: Pki) -> None:
    """With TLS on neither server insists on it, so encryption is the client's own doing."""
    postgres.present(pki.authority.issue(NAMES))
    assert ask_postgres(postgres, WRITER, sslmode="disable") == (False, None)
    assert ask_mysql(mysql, WRITER, None) == ""


def test_wrong_password_is_refused(postgres: PostgresServer, mysql: MySqlCompatibleServer) -> None:
    """Both servers check the password, so a login in these tests means something."""
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        ask_postgres(postgres, WRITER, password="wrong")  # noqa: S106 - wrong on purpose
    with pytest.raises(pymysql.err.OperationalError, match="Access denied"):
        pymysql.connect(host=mysql.host, port=mysql.port, user=mysql.user, password="wrong", ssl_disabled=True)  # noqa: S106 - wrong on purpose


def test_postgres_speaks_tls_1_1_alone(postgres: PostgresServer, pki: Pki) -> None:
    """A handshake that allows TLS 1.1 ends in TLS 1.1 with the leaf presented, and one from 1.2 on fails."""
    credentials = pki.authority.issue(NAMES)
    postgres.present(credentials)
    postgres.tls_only_1_1()
    assert postgres.handshake() == ("TLSv1.1", credentials.leaf_der)
    with pytest.raises(psycopg.OperationalError, match="protocol version"):
        ask_postgres(postgres, WRITER, sslmode="require", ssl_min_protocol_version="TLSv1.2")


def test_mysql_speaks_tls_1_1_alone(mysql_with_tls_1_1: MySqlCompatibleServer, pki: Pki) -> None:
    """A client that allows TLS 1.1 logs in over TLS 1.1, and one from 1.2 on fails."""
    credentials = pki.authority.issue(NAMES)
    mysql_with_tls_1_1.present(credentials)
    assert ask_mysql(mysql_with_tls_1_1, WRITER, unverified_context()) == "TLSv1.1"
    assert chain_of_mysql(mysql_with_tls_1_1)[0] == credentials.leaf_der
    modern = unverified_context()
    modern.minimum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises(pymysql.err.OperationalError, match="PROTOCOL_VERSION"):
        ask_mysql(mysql_with_tls_1_1, WRITER, modern)


def test_server_without_tls_presents_nothing(mysql_without_tls: MySqlCompatibleServer, pki: Pki) -> None:
    """Asking a MySQL server without TLS to present a certificate is an error that says what to change."""
    with pytest.raises(ValueError, match="another tls="):
        mysql_without_tls.present(pki.authority.issue(NAMES))


every_kind = pytest.mark.parametrize("kind", [*POSTGRES_SERVERS, *MYSQL_SERVERS], ids=lambda kind: kind.title)


@every_kind
def test_taken_port_is_replaced(kind: type[Server], monkeypatch: pytest.MonkeyPatch) -> None:
    """When somebody takes the port first, the server starts on another; afterwards nothing of it is left."""
    free = process.free_port()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ports = iter([taken.getsockname()[1], free])
        monkeypatch.setattr(process, "free_port", lambda: next(ports))
        with kind() as server:
            assert server.port == free
            socket.create_connection((server.host, server.port)).close()
            path = server._home.path
            assert path.exists()
    assert not path.exists()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((server.host, free))


def test_early_end_shows_the_log() -> None:
    """A server that ends before it is ready raises with what it wrote."""
    home = Home("postgres")
    try:
        with pytest.raises(ServerError, match="ended before it was ready:\nthe disk is full"):
            home.start(lambda _: ["sh", "-c", "echo the disk is full >&2; exit 1"], "ready")
    finally:
        home.close()


def test_late_server_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that runs but never gets ready is stopped, and its log is shown."""
    monkeypatch.setattr(process, "START_SECONDS", 0.1)
    home = Home("postgres")
    try:
        with pytest.raises(ServerError, match="was not ready within"):
            home.start(lambda _: ["tail", "-f", "/dev/null"], "ready")
        assert home._server is not None
        assert home._server.process.returncode == -signal.SIGTERM
    finally:
        home.close()


def test_stubborn_server_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that ignores the request to stop is killed, and its directory goes with it."""
    monkeypatch.setattr(process, "STOP_SECONDS", 0.1)
    home = Home("postgres")
    home.start(lambda _: ["sh", "-c", "trap '' TERM; echo ready >&2; exec tail -f /dev/null"], "ready")
    home.close()
    assert home._server is not None
    assert home._server.process.returncode == -signal.SIGKILL
    assert not home.path.exists()


def test_failed_preparation_shows_the_output() -> None:
    """A program that should prepare the server and fails raises with what it wrote."""
    home = Home("postgres")
    try:
        with pytest.raises(ServerError, match="failed with status 3:\nno room"):
            home.run("sh", "-c", "echo no room; exit 3")
    finally:
        home.close()


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., None]:
    """A machine that has no programs but those that are put there, each with what it answers to --version."""
    monkeypatch.setattr(process, "PLACES", ())
    monkeypatch.setenv("PATH", str(tmp_path))

    def put(*names: str, answer: str = "", folder: str = "") -> None:
        for name in names:
            path = tmp_path / folder / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(f'#!/bin/sh\n[ "$2" = --version ] && echo "{path}  {answer}"\n')
            path.chmod(0o700)

    return put


POSTGRES_PROGRAMS = ("initdb", "postgres")
MARIADB_PROGRAMS = ("mariadb-install-db", "mariadbd")
MYSQL_ANSWER = "Ver 9.7.4-2 for Linux on x86_64 ((Debian))"
MARIADB_ANSWER = "Ver 10.11.19-MariaDB-0+deb12u1 for debian-linux-gnu on x86_64 (Debian 12)"


@pytest.mark.parametrize(
    ("kind", "apt", "dnf", "brew"),
    [
        (PostgresServer, "postgresql", "postgresql-server", "postgresql@17"),
        (MariaDbServer, "mariadb-server", "mariadb-server", "mariadb"),
        (MySqlServer, "mysql-server", "mysql-server", "mysql"),
    ],
)
@pytest.mark.usefixtures("machine")
def test_missing_program_names_its_packages(kind: type[Server], apt: str, dnf: str, brew: str) -> None:
    """Without the database installed, starting it says what to install with apt, dnf and brew."""
    packages = f"apt-get install {apt}, dnf install {dnf}, brew install {brew}"
    with pytest.raises(FileNotFoundError, match=packages), kind():
        pass


def test_one_of_mariadb_and_mysql_is_enough(machine: Callable[..., None]) -> None:
    """MariaDB is asked for where there is neither, and what there is, is what the tests run on."""
    assert (missing_packages(), find_mysql()) == (["mariadb-server", "postgresql"], (MariaDbServer,))
    machine(*POSTGRES_PROGRAMS)
    assert (missing_packages(), find_mysql()) == (["mariadb-server"], (MariaDbServer,))
    machine("mysqld", answer=MYSQL_ANSWER)
    assert (missing_packages(), find_mysql()) == ([], (MySqlServer,))
    machine(*MARIADB_PROGRAMS)
    assert (missing_packages(), find_mysql()) == ([], (MariaDbServer, MySqlServer))


@pytest.mark.parametrize("answer", [MARIADB_ANSWER, "Ver unknown", ""], ids=["MariaDB", "no number", "nothing"])
def test_mysqld_that_is_not_mysqls_is_none(machine: Callable[..., None], answer: str) -> None:
    """A mysqld that does not say that it is MySQL's, such as Debian's link to MariaDB's, does not count."""
    machine("mysqld", *MARIADB_PROGRAMS, answer=answer)
    with pytest.raises(FileNotFoundError, match="apt-get install mysql-server"):
        find_program("mysqld")
    assert find_mysql() == (MariaDbServer,)


def test_mysqld_behind_mariadbs_is_found(
    machine: Callable[..., None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What stands first on PATH and does not count hides nothing that stands behind it, whatever its folder's name."""
    first, second = tmp_path / "first", tmp_path / "next-to-MariaDB"
    machine("mysqld", answer=MARIADB_ANSWER, folder=first.name)
    machine("mysqld", answer=MYSQL_ANSWER, folder=second.name)
    monkeypatch.setenv("PATH", f"{first}{os.pathsep}{second}")
    assert find_program("mysqld") == str(second / "mysqld")


def test_newest_version_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Among versions installed side by side the highest number wins, not the last in the alphabet."""
    for version in ("9.6", "16", "15"):
        program = tmp_path / version / "bin" / "initdb"
        program.parent.mkdir(parents=True)
        program.touch(mode=0o700)
    monkeypatch.setattr(process, "PLACES", (f"{tmp_path}/*/bin",))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_program("initdb") == str(tmp_path / "16" / "bin" / "initdb")


def test_nothing_is_missing_where_these_tests_run() -> None:
    """Run as a program, the module prints the missing packages and nothing else: here an empty line."""
    command = [sys.executable, "-m", "tests.support.local_rds.process"]
    result = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=ROOT)
    assert result.stdout == b"\n"


WORKER = (sys.executable, "-m", "tests.support.keeper_worker")


def run_to_be_killed(*task: str) -> subprocess.Popen[str]:
    """Start a run, whose keeper shares its stderr: the end of that pipe is the keeper's end."""
    return subprocess.Popen(
        [*WORKER, *task],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=os.environ | {"TMPDIR": tempfile.gettempdir()},
    )


@pytest.mark.parametrize("end", [subprocess.Popen[str].kill, subprocess.Popen[str].terminate], ids=["KILL", "TERM"])
@every_kind
def test_killed_run_leaves_nothing(kind: type[Server], end: Callable[[subprocess.Popen[str]], None]) -> None:
    """A run that is killed takes its server, and every folder of its own, with it: the template too."""
    homes = 1 if kind is PostgresServer else 2
    with run_to_be_killed("serve", kind.__name__) as run:
        assert run.stdout is not None
        port, path = run.stdout.readline().split()
        folder = Path(path).parent
        assert len(list(folder.iterdir())) == homes
        socket.create_connection(("127.0.0.1", int(port))).close()
        end(run)
        _, errors = run.communicate(timeout=60)
    assert (errors, folder.exists()) == ("", False)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", int(port)))


def test_run_killed_while_it_prepares_leaves_nothing() -> None:
    """A program that prepares a server ends with the run as well."""
    with run_to_be_killed("prepare") as run:
        assert run.stdout is not None
        home = Path(run.stdout.readline().strip())
        with (home / "alive").open() as alive:  # waits for the program, which holds the other end
            run.kill()
            assert select([alive], [], [], 60)[0] == [alive]
            assert alive.read() == ""
        _, errors = run.communicate(timeout=60)
    assert (errors, home.parent.exists()) == ("", False)


def test_program_of_a_run_that_is_gone_does_not_start() -> None:
    """Where a run ends before its keeper knows of a program, the program never starts."""
    ended = subprocess.run([*WAIT, "echo", "started"], stdin=subprocess.DEVNULL, capture_output=True, check=False)
    assert (ended.returncode, ended.stdout) == (1, b"")
    told = subprocess.run([*WAIT, "echo", "started"], input=GO.encode(), capture_output=True, check=True)
    assert told.stdout == b"started\n"


def test_keeper_ends_what_runs_and_nothing_else() -> None:
    """A program that ignores its signal is killed, one that has ended is no trouble, and a forgotten one is spared."""
    programs: list[Any] = [
        subprocess.Popen(command, stdout=subprocess.PIPE, process_group=0, cwd=ROOT)
        for command in (["true"], [*WORKER, "resist"], [*WORKER, "resist"])
    ]
    gone, stubborn, spared = programs
    try:
        assert (gone.wait(), stubborn.stdout.readline(), spared.stdout.readline()) == (0, b"\n", b"\n")
        lines = f"+{gone.pid}\n+{spared.pid}\n+{stubborn.pid}\n-{spared.pid}\n"
        kept = subprocess.run(
            [*WORKER, "keep", tempfile.gettempdir()], input=lines, capture_output=True, text=True, check=True, cwd=ROOT
        )
        assert (stubborn.wait(60), spared.poll()) == (-signal.SIGKILL, None)
    finally:
        for program in programs:
            program.kill()
            program.communicate()
    assert (kept.stderr, Path(kept.stdout.strip()).exists()) == ("", False)
