"""Every cause that doctor finds, brought about for real: its session on a terminal of 80 columns, and its JSON.

The sessions are files in ``sessions/``; ``RDS_TLS_WRITE_DOCS=1`` writes them anew: read them before you commit them.
"""

import json
import os
import re
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from rds_tls.cli import _common, main
from rds_tls.diagnosis.causes import CAUSES
from rds_tls.roots import snapshot
from tests.conftest import Pki, Servers
from tests.diagnosis.test_causes import CASES, NAMES, WRITER, accept, of
from tests.diagnosis.test_doctor import FIRST_WORDS
from tests.diagnosis.worlds import NextGeneration, Weak
from tests.hostile.stage import GOOD, OLD_TLS, Authorities, server_context
from tests.hostile.wire import listening
from tests.support.blackhole import blackhole
from tests.support.local_https import LocalHttps, reply
from tests.support.local_rds import KeyType, PostgresServer
from tests.support.local_rds.kinds import MYSQL_SERVERS
from tests.support.trust_store import TrustStore

SESSIONS = Path(__file__).with_name("sessions")
WRITES = bool(os.environ.get("RDS_TLS_WRITE_DOCS"))

# Doctor finds none of these: they are about what drivers alone do, or say too little of.
WITHOUT_SESSION = {"login-refused", "unknown-root", "unverified", "revocation", "unreadable-ca-file"}


class World:
    """What a cause is made of.

    Args:
        postgres: the server that presents certificates.
        servers: those of MySQL's kind.
        pki: the certificates' authority.
        monkeypatch: for the environment and the resolver.
        folder: where files go.
    """

    def __init__(
        self, postgres: PostgresServer, servers: Servers, pki: Pki, monkeypatch: pytest.MonkeyPatch, folder: Path
    ) -> None:
        self.postgres, self.servers, self.pki = postgres, servers, pki
        self.monkeypatch, self.folder = monkeypatch, folder

    def trust_own_root(self) -> None:
        """Let the environment name the test PKI's root."""
        self.monkeypatch.setenv("RDS_TLS_CA_BUNDLE", str(self.pki.settings.ca_file))

    def resolve(self, answer: Callable[..., object]) -> None:
        """Let this answer in the resolver's place."""
        self.monkeypatch.setattr(socket, "getaddrinfo", answer)

    def at_postgres(self) -> list[str]:
        """Name the server as a tunnel's end."""
        return ["--via", f"{self.postgres.host}:{self.postgres.port}"]


Arguments = Iterator[list[str]]


def of_certificate(cause: str) -> Callable[[World], Arguments]:
    """Make a cause of the certificates' table."""

    def arguments(world: World) -> Arguments:
        case = CASES[cause]
        world.postgres.present(case.present(world.pki))
        if case.is_own_root:
            world.trust_own_root()
        region = dict(case.options).get("region")
        yield [case.host, *world.at_postgres(), *(["--region", region] if region else [])]

    return arguments


def of_words(cause: str) -> Callable[[World], Arguments]:
    """Make a cause that a server's first words are."""

    def arguments(world: World) -> Arguments:
        del world
        script, _ = FIRST_WORDS[cause]
        with listening(script) as peer:
            yield [WRITER, "--via", f"127.0.0.1:{peer.address[1]}"]

    return arguments


def of_time(begin: int, end: int) -> Callable[[World], Arguments]:
    """Make a certificate that is valid from one day to another, counted from now."""

    def arguments(world: World) -> Arguments:
        not_before, not_after = (datetime.now(UTC) + timedelta(days=count, minutes=5) for count in (begin, end))
        world.trust_own_root()
        world.postgres.present(world.pki.authority.issue(NAMES, not_before=not_before, not_after=not_after))
        yield [WRITER, *world.at_postgres()]

    return arguments


def of_handshake(context: Callable[[World], ssl.SSLContext]) -> Callable[[World], Arguments]:
    """Make a server whose TLS is what fails."""

    def arguments(world: World) -> Arguments:
        world.trust_own_root()
        with listening(accept(context(world))) as peer:
            yield [WRITER, "--engine", "postgresql", "--via", f"127.0.0.1:{peer.address[1]}"]

    return arguments


def of_host(host: str) -> Callable[[World], Arguments]:
    """Name what is no endpoint, or has no roots, where the resolver knows no name."""

    def arguments(world: World) -> Arguments:
        world.resolve(_unknown(socket.EAI_NONAME, "Name or service not known"))
        yield [host]

    return arguments


def _unknown(number: int, words: str) -> Callable[..., object]:
    def unknown(*_: object, **__: object) -> object:
        raise socket.gaierror(number, words)

    return unknown


def alias(world: World) -> Arguments:
    """A name of somebody's own, which leads to an endpoint."""
    entry = (socket.AF_INET, socket.SOCK_STREAM, 6, WRITER, ("127.0.0.1", 0))
    world.resolve(lambda *_, **__: [entry])
    world.monkeypatch.setattr(socket, "gethostbyname_ex", lambda name: (WRITER, [name], ["127.0.0.1"]))
    yield ["db.corp.example"]


def local_address(world: World) -> Arguments:
    """A tunnel's end in the place of the endpoint."""
    world.postgres.present(world.pki.authority.issue(NAMES))
    yield [f"localhost:{world.postgres.port}"]


def resolver_down(world: World) -> Arguments:
    """No DNS server answers."""
    world.resolve(_unknown(socket.EAI_AGAIN, "Temporary failure in name resolution"))
    yield [WRITER]


def no_route(world: World) -> Arguments:
    """An address of a family that this machine has no way out for."""

    def unreachable(*_: object) -> object:
        raise OSError(101, "Network is unreachable")

    world.monkeypatch.setattr("rds_tls.diagnosis.doctor.dial", unreachable)
    yield [WRITER, "--via", "127.0.0.1:5432"]


def refused(world: World) -> Arguments:
    """A port that nobody listens at."""
    del world
    yield [WRITER, "--via", "127.0.0.1:1"]


def no_answer(world: World) -> Arguments:
    """A server whose queue is full takes no packet."""
    del world
    with blackhole() as (host, port):
        yield [WRITER, "--via", f"{host}:{port}", "--timeout", "0.2"]


def other_engine(world: World) -> Arguments:
    """MySQL answers where PostgreSQL was asked for."""
    mysql = world.servers.get(MYSQL_SERVERS[0])
    yield [WRITER, "--engine", "postgresql", "--via", f"{mysql.host}:{mysql.port}"]


def newer_root(world: World) -> Arguments:
    """A root that nobody publishes: the region's bundle is there, and is the one at hand."""
    region = "eu-north-9"
    host = WRITER.replace("eu-west-1", region)
    with LocalHttps(world.folder) as https:
        store = TrustStore(https, world.folder / "cache")
        authority = world.pki.authority.__class__(region, KeyType.ECC384)
        store.put(region, authority.root_pem, time.time())
        store.publish(region, reply(403))
        store.publish_global(reply(404))
        for name, value in {
            "OFFLINE": "0",
            "TRUSTSTORE_URL": str(store.settings.truststore_url),
            "TRUSTSTORE_CA_FILE": str(store.settings.mirror_ca_file),
            "CACHE_DIR": str(store.settings.cache_dir),
        }.items():
            world.monkeypatch.setenv(f"RDS_TLS_{name}", value)
        world.postgres.present(NextGeneration(region, KeyType.ECC384).issue([host]))
        yield [host, *world.at_postgres()]


def weak_key(world: World) -> Arguments:
    """A key that OpenSSL's security level forbids."""
    weak = of(Weak)
    root, leaf = world.folder / "root.pem", world.folder / "leaf.pem"
    root.write_bytes(weak.root_pem)
    credentials = weak.issue(NAMES)
    leaf.write_bytes(credentials.chain_pem + credentials.key_pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    context.load_cert_chain(leaf)
    world.monkeypatch.setenv("RDS_TLS_CA_BUNDLE", str(root))
    with listening(accept(context)) as peer:
        yield [WRITER, "--engine", "postgresql", "--via", f"127.0.0.1:{peer.address[1]}"]


def old_tls(world: World) -> ssl.SSLContext:
    """TLS 1.1 and nothing newer."""
    return server_context(OLD_TLS, Authorities(world.pki.authority, world.pki.authority))


def no_common_cipher(world: World) -> ssl.SSLContext:
    """One cipher, which Python's TLS does not have."""
    context = server_context(GOOD, Authorities(world.pki.authority, world.pki.authority))
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("ECDHE-ECDSA-AES256-CCM")
    return context


MADE: dict[str, Callable[[World], Arguments]] = {
    "not-an-endpoint": of_host("orders.eu-west-1.rds.amazonaws.com"),
    "alias": alias,
    "local-address": local_address,
    "no-roots": of_host("orders.cluster-abc123def456.eu-north-9.rds.amazonaws.com"),
    "name-not-found": of_host(WRITER),
    "resolver-down": resolver_down,
    "no-route": no_route,
    "refused": refused,
    "no-answer": no_answer,
    "other-engine": other_engine,
    "newer-root": newer_root,
    "expired": of_time(-30, -4),
    "not-yet-valid": of_time(3, 30),
    "weak-key": weak_key,
    "old-tls": of_handshake(old_tls),
    "no-common-cipher": of_handshake(no_common_cipher),
    **{cause: of_words(cause) for cause in FIRST_WORDS if cause != "other-engine"},
    **{cause: of_certificate(cause) for cause in CASES},
}


# What differs from one run to the next -> what a session shows in its place, of a length that a user's has too.
VARYING = (
    (re.compile(re.escape(str(snapshot.DIRECTORY))), "/opt/venv/lib/python3.12/site-packages/rds_tls/roots/snapshot"),
    (re.compile(r"\((?!/opt/venv/)/[^()]*?/([^/()]+?)(?:-[0-9a-f]{16})?\.pem\)"), r"(/etc/rds/\1.pem)"),
    (re.compile(r"(127\.0\.0\.1|localhost)(:|', )(?!5432|1\b)[0-9]+"), r"\1\g<2>15432"),
    (re.compile(r"in [0-9]+ ms"), "in 2 ms"),
    # What OpenSSL 3.2 and 3.6 say.
    (re.compile(r"ssl/tls alert"), "sslv3 alert"),
    (re.compile(r" or the system clock is incorrect"), ""),
    (re.compile(r"says [0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:]{5} UTC"), "says 2026-11-25 03:02 UTC"),
    (re.compile(r"valid [0-9-]{10} to [0-9-]{10}"), "valid 2026-03-02 to 2027-03-02"),
    (re.compile(r"https://localhost:[0-9]+"), "https://mirror.corp.example"),
)


def plain(text: str) -> str:
    """Take out of a session what differs from one run to the next."""
    for pattern, words in VARYING:
        text = pattern.sub(words, text)
    return text


@pytest.mark.parametrize("cause", MADE)
def test_session_of_a_cause(
    cause: str,
    postgres: PostgresServer,
    servers: Servers,
    pkis: dict[KeyType, Pki],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The session is the one on file, its exit code 1, and its JSON has the same id, meaning, facts and fix."""
    world = World(postgres, servers, pkis[KeyType.ECC384], monkeypatch, tmp_path)
    wrapped = _common.wrapped
    monkeypatch.setattr(_common, "wrapped", lambda text, indent: wrapped(plain(text), indent))
    with contextmanager(MADE[cause])(world) as arguments:
        assert main(["doctor", *arguments]) == 1
        session = capsys.readouterr().out
        assert main(["doctor", "--json", *arguments]) == 1
        found = json.loads(capsys.readouterr().out)
    assert found["cause"]["id"] == cause
    assert found["ok"] is found["checks"][-1]["ok"] is False
    said = " ".join(session.split())
    for words in (found["cause"]["meaning"], found["cause"]["fix"], *found["cause"]["facts"]):
        assert " ".join(plain(words).split()) in said
    file = SESSIONS / f"{cause}.txt"
    if WRITES:
        SESSIONS.mkdir(exist_ok=True)
        file.write_text(session)
    assert session == file.read_text()
    assert [line for line in session.splitlines() if len(line) > 80 and " " in line.strip()] == []


def test_every_cause_has_a_session() -> None:
    """A cause that is new in the table is shown too, and none is on file that nobody finds any more."""
    assert set(MADE) == set(CAUSES) - WITHOUT_SESSION
    assert {file.stem for file in SESSIONS.iterdir()} == set(MADE)
