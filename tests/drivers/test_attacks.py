"""Every attack on every driver: each is refused, and no hostile server reads a byte of a login.

What comes of them is docs/attacks.md: RDS_TLS_WRITE_DOCS=1 writes it anew.
"""

import os
import socket
from collections.abc import Iterator
from typing import Any

import pymysql
import pytest

from rds_tls.diagnosis.texts import cause_of_text
from tests.conftest import SIBLING, Pki, Servers
from tests.hostile.arena import (
    CONTROLS,
    DECEIVED,
    ENGINE_MEETINGS,
    KINDS,
    MEETINGS,
    NOT_OURS_MEETINGS,
    OTHER_MEETINGS,
    REFUSED,
    VERIFIED,
    Arena,
    meetings,
)
from tests.hostile.attacks import ATTACKS, FAITHFUL_RELAYS, GOOD_CERTIFICATES, Attack
from tests.hostile.drivers import DRIVERS, PYMYSQL_ERRORS, Driver, Login
from tests.hostile.evidence import ENCODINGS, PASSWORD, TOKEN, USER, Protocol, secrets_in
from tests.hostile.kerberos import write_ticket
from tests.hostile.leftovers import is_known, write_files
from tests.hostile.others import OTHERS, PAIRS, is_missing
from tests.hostile.report import document
from tests.hostile.stage import Authorities
from tests.support import ROOT
from tests.support.local_rds import Authority, KeyType, PostgresServer
from tests.support.local_rds.kinds import MYSQL_SERVERS, Server
from tests.support.local_rds.pki import unverified_context

DOCUMENT = ROOT / "docs" / "attacks.md"
# Read before any test runs: the tests themselves see no RDS_TLS_ variables of this machine's.
WRITE = "RDS_TLS_WRITE_DOCS" in os.environ
# A driver that repeats the error has been sent it by nobody that it knows: a documented limit of mysqlclient's.
ERRORS_BEFORE_TLS = [attack for attack in ATTACKS if attack.relays and "injects an error" in attack.name]


@pytest.fixture(scope="module")
def kerberos_ticket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A user with a Kerberos ticket, of which GSS encryption could be had."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("KRB5CCNAME", write_ticket(tmp_path_factory.mktemp("kerberos") / "ticket"))
        environment.setenv("KRB5_CONFIG", os.devnull)
        yield


@pytest.fixture(scope="module")
def loopback_resolver() -> Iterator[None]:
    """A resolver by which every name leads to 127.0.0.1, for drivers that verify the name they dial."""
    resolve = socket.getaddrinfo

    def to_loopback(_host: object, *args: Any, **options: Any) -> Any:  # noqa: ANN401 - getaddrinfo's own
        return resolve("127.0.0.1", *args, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", to_loopback)
        yield


@pytest.fixture(scope="module")
def arena(
    pkis: dict[KeyType, Pki],
    postgres: PostgresServer,
    servers: Servers,
    kerberos_ticket: None,
    loopback_resolver: None,
    tmp_path_factory: pytest.TempPathFactory,
) -> Arena:
    """One arena with the fastest keys: key types make no difference here."""
    del kerberos_ticket, loopback_resolver  # every meeting is that user's, and on loopback
    pki = pkis[KeyType.ECC384]
    authorities = Authorities(pki.authority, Authority(SIBLING, KeyType.ECC384))
    files = tmp_path_factory.mktemp("leftovers")
    write_files(files, authorities.sibling)
    real: dict[Protocol, list[Server]] = {
        Protocol.POSTGRESQL: [postgres],
        Protocol.MYSQL: [servers.get(kind) for kind in MYSQL_SERVERS],
    }
    return Arena(authorities, pki.settings, real, files)


def named(pairs: list[tuple[Attack, Driver]]) -> pytest.MarkDecorator:
    """Parametrize a test with pairs of attack and driver, by their names."""
    ids = [f"{attack.protocol.value}-{attack.name}-{driver.name}" for attack, driver in pairs]
    return pytest.mark.parametrize(("attack", "driver"), pairs, ids=ids)


def expected_verdict(attack: Attack, driver: Driver) -> str:
    """Say how an attack must end: refused, but for what comes before TLS and is dropped, or no more than repeated."""
    if attack.relays and driver.drops_injection:
        return VERIFIED
    return DECEIVED if driver.repeats_injection and attack in ERRORS_BEFORE_TLS else REFUSED


@named(MEETINGS)
def test_attack_gets_nothing(arena: Arena, attack: Attack, driver: Driver) -> None:
    """A client that rds_tls sets up refuses the server, or drops what was injected, and gives nothing away."""
    outcome = arena.outcome(attack, driver)
    assert outcome.verdict == expected_verdict(attack, driver)
    assert outcome.leaked == 0
    assert outcome.secrets == frozenset()
    # The client has met the attack: it dialled, and asked for TLS where the attack comes after that.
    assert outcome.asked_for_tls
    assert all(outcome.asked_for_tls) or not attack.after_request


@named(ENGINE_MEETINGS)
def test_leftover_in_a_url_gives_nothing(
    arena: Arena, attack: Attack, driver: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An engine whose URL asks for less than our arguments beside it asks for TLS, verifies, and gives nothing away."""
    monkeypatch.setenv("PGSERVICEFILE", str(arena.files / "services"))
    outcome = arena.outcome(attack, driver)
    assert (outcome.verdict, outcome.leaked, outcome.secrets) == (REFUSED, 0, frozenset())
    assert outcome.asked_for_tls or not is_known(driver)
    assert all(outcome.asked_for_tls) or not attack.after_request


@named(OTHER_MEETINGS)
def test_wrong_driver_gives_nothing(arena: Arena, attack: Attack, driver: Driver) -> None:
    """A driver that is given what is made for another, or a context, verifies or refuses, and gives nothing away."""
    skip_if_missing(driver)
    outcome = arena.outcome(attack, driver)
    assert (outcome.verdict, outcome.leaked, outcome.secrets) == (REFUSED, 0, frozenset())


@named(NOT_OURS_MEETINGS)
def test_what_is_not_ours_to_close(arena: Arena, attack: Attack, driver: Driver) -> None:
    """These hand the login to a server that hides TLS, context or not: a documented limit, noticed here if it ends."""
    skip_if_missing(driver)
    assert arena.outcome(attack, driver).secrets == {"user", "password"}


def skip_if_missing(driver: Driver) -> None:
    """Skip a test whose driver cannot be had on this machine."""
    name = next(name for (name, _), row in PAIRS.items() if row is driver)
    if is_missing(name):
        pytest.skip(f"{name} is not installed, or cannot be built here")


@named([pair for pair in MEETINGS if pair[0].relays and pair[1].tells_injection and expected_verdict(*pair) == REFUSED])
def test_injection_is_called_one(arena: Arena, attack: Attack, driver: Driver) -> None:
    """What libpq and OpenSSL say about bytes that came before TLS is known for what it is."""
    assert cause_of_text(arena.outcome(attack, driver).error) == "injected-bytes"


@named(CONTROLS)
def test_careless_client_gives_all_away(arena: Arena, attack: Attack, driver: Driver) -> None:
    """The same server reads user and password of a client set up without rds_tls, so a leak would be seen."""
    outcome = arena.outcome(attack, driver)
    assert outcome.secrets == {"user", "password"}
    assert outcome.leaked > len(USER + attack.password)


def test_careless_client_asks_for_gss(arena: Arena) -> None:
    """A client that may use GSS encryption asks for it before TLS, so a client that asks for TLS first may not."""
    (pair,) = (pair for pair in CONTROLS if "GSS" in pair[0].name)
    assert False in arena.outcome(*pair).asked_for_tls


@named(meetings(GOOD_CERTIFICATES))
def test_good_certificate_is_trusted(arena: Arena, attack: Attack, driver: Driver) -> None:
    """With a good certificate the same server is sent the login, so a refusal is for what is bad."""
    assert arena.outcome(attack, driver).secrets == {"user", "password"}


@named(meetings(FAITHFUL_RELAYS))
def test_faithful_relay_is_passed(arena: Arena, attack: Attack, driver: Driver) -> None:
    """Behind a man in the middle who only listens a client logs in, so a refusal is for what is injected."""
    outcome = arena.outcome(attack, driver)
    assert outcome.verdict == VERIFIED
    assert len(outcome.asked_for_tls) == len(KINDS[attack.protocol])  # he sat before a server of each kind
    assert outcome.leaked == 0


class KeepsItsBuffer(pymysql.connections.Connection):
    """A PyMySQL that goes on reading, inside TLS, what it had received before TLS."""

    def __setattr__(self, name: str, value: Any) -> None:  # noqa: ANN401 - any attribute
        """Put the old stream's buffer before the new stream."""
        old = self.__dict__.get("_rfile")
        if name == "_rfile" and old and value:
            value = Chained(old.peek(), value)
        super().__setattr__(name, value)


class Chained:
    """Bytes already at hand, then a stream."""

    def __init__(self, first: bytes, then: Any) -> None:  # noqa: ANN401 - a socket's file
        self._first = first
        self._then = then

    def read(self, count: int) -> bytes:
        """Read from the bytes while there are any."""
        if not self._first:
            data: bytes = self._then.read(count)
            return data
        data, self._first = self._first[:count], self._first[count:]
        return data

    def close(self) -> None:
        """Close the stream."""
        self._then.close()


def test_processed_injection_is_seen(arena: Arena) -> None:
    """A driver that takes a packet from before TLS for one from inside it is caught."""

    def connect(login: Login) -> object:
        host, port = login.address
        KeepsItsBuffer(host=host, port=port, user=login.user, password=login.password, ssl=unverified_context())
        return True

    driver = Driver("PyMySQL that keeps its buffer", Protocol.MYSQL, connect, PYMYSQL_ERRORS)
    (attack,) = (each for each in ATTACKS if "injects an error after the real server's greeting" in each.name)
    assert arena.outcome(attack, driver).verdict == DECEIVED


@pytest.mark.parametrize("encode", ENCODINGS.values(), ids=ENCODINGS)
@pytest.mark.parametrize("secret", [PASSWORD, TOKEN], ids=["password", "token"])
def test_evidence_sees_every_encoding(encode: Any, secret: str) -> None:  # noqa: ANN401 - a row's function
    """A secret is found in the midst of other bytes, however it is encoded, and only where it is."""
    secrets = {"secret": secret}
    for form in encode(secret.encode()):
        assert secrets_in(b"\x03before" + form + b"after\0", secrets) == {"secret"}
        assert secrets_in(b"\x03before" + form[:-1] + b"\xffafter", secrets) == frozenset()


def test_document_is_current(arena: Arena) -> None:
    """docs/attacks.md says what comes of the attacks."""
    for driver in DRIVERS:
        if driver.missing:
            pytest.skip(driver.missing)
    for name in filter(is_missing, OTHERS):
        pytest.skip(f"{name} is not installed, or cannot be built here")
    if WRITE:
        DOCUMENT.parent.mkdir(exist_ok=True)
        DOCUMENT.write_text(document(arena), encoding="utf-8")
    assert DOCUMENT.read_text(encoding="utf-8") == document(arena), "run it once with RDS_TLS_WRITE_DOCS=1"
