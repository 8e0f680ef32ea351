"""Attacks on engines of every dialect: what the drivers refuse, or are kept from, holds through SQLAlchemy too."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy.engine import URL

from tests.conftest import SIBLING, Pki, Servers
from tests.frameworks.engines import ERRORS, HOST, KINDS, Kind, Setup
from tests.hostile.arena import DECEIVED, REFUSED, VERIFIED, Arena
from tests.hostile.attacks import ATTACKS, FAITHFUL_RELAYS, GOOD_CERTIFICATES, Attack
from tests.hostile.drivers import Driver, Login
from tests.hostile.evidence import Protocol
from tests.hostile.stage import Authorities
from tests.support import in_c
from tests.support.local_rds import Authority, KeyType, PostgresServer
from tests.support.local_rds.kinds import MYSQL_SERVERS, Server


def attacked(kind: Kind) -> Driver:
    """Make what meets the attacks of a dialect, whose engine is set up by a URL and ``secure``."""

    def connect(login: Login) -> object:
        host, port = login.address
        user, password, database = login.user, login.password, login.database
        url = URL.create(kind.scheme, user, password, HOST, port if kind.dials_in_c else None, database)
        ours: dict[str, Any] = {"settings": login.settings, "connect_timeout": login.seconds}
        ours |= {} if kind.dials_in_c else {"via": (host, port)}
        return Setup.of(kind, url, **ours).ask()

    return Driver(
        kind.name,
        Protocol.POSTGRESQL if kind.is_postgres else Protocol.MYSQL,
        connect,
        ERRORS,
        by_context=not (kind.dials_in_c or "psycopg" in kind.scheme),
        repeats_injection=bool(kind.dials_in_c),
        missing=in_c.missing(kind.dials_in_c) if kind.dials_in_c else "",
    )


ENGINES = tuple(map(attacked, KINDS))
STALLS = [attack for attack in ATTACKS if attack.stalls]


def against_engines(*attacks: Attack) -> pytest.MarkDecorator:
    """Parametrize a test with each attack and each engine that it concerns."""
    pairs = [
        (attack, engine)
        for attack in attacks
        for engine in ENGINES
        if attack.protocol is engine.protocol and (engine.by_context or not attack.by_context_only)
    ]
    return pytest.mark.parametrize(
        ("attack", "engine"), pairs, ids=[f"{attack.name}-{engine.name}" for attack, engine in pairs]
    )


@pytest.fixture(scope="module")
def arena(
    pkis: dict[KeyType, Pki], postgres: PostgresServer, servers: Servers, tmp_path_factory: pytest.TempPathFactory
) -> Arena:
    """Where they meet."""
    pki = pkis[KeyType.ECC384]
    authorities = Authorities(pki.authority, Authority(SIBLING, KeyType.ECC384))
    real: dict[Protocol, list[Server]] = {
        Protocol.POSTGRESQL: [postgres],
        Protocol.MYSQL: [servers.get(kind) for kind in MYSQL_SERVERS],
    }
    return Arena(authorities, pki.settings, real, tmp_path_factory.mktemp("none"))


@against_engines(*(attack for attack in ATTACKS if not attack.stalls))
def test_attack_gets_nothing(arena: Arena, attack: Attack, engine: Driver) -> None:
    """An engine refuses the server, and gives nothing away."""
    outcome = arena.outcome(attack, engine)
    is_repeated = engine.repeats_injection and attack.relays and "injects an error" in attack.name
    assert outcome.verdict == (DECEIVED if is_repeated else REFUSED)
    assert (outcome.leaked, outcome.secrets) == (0, frozenset())
    assert outcome.asked_for_tls
    assert all(outcome.asked_for_tls) or not attack.after_request


def test_stall_ends_in_time(arena: Arena) -> None:
    """An engine's connect_timeout ends each, and nothing has been given away; all wait at the same time."""
    pairs = [(stall, engine) for stall in STALLS for engine in ENGINES if stall.protocol is engine.protocol]
    pairs = [(stall, engine) for stall, engine in pairs if not engine.missing]
    with ThreadPoolExecutor(len(pairs)) as pool:
        outcomes = list(pool.map(lambda pair: arena._meet(*pair), pairs))
    assert {(outcome.verdict, outcome.leaked, outcome.secrets) for outcome in outcomes} == {(REFUSED, 0, frozenset())}


@against_engines(*GOOD_CERTIFICATES)
def test_good_certificate_is_trusted(arena: Arena, attack: Attack, engine: Driver) -> None:
    """With a good certificate the same server is sent the login, so a refusal is for what is bad."""
    assert arena.outcome(attack, engine).secrets == {"user", "password"}


@against_engines(*FAITHFUL_RELAYS)
def test_faithful_relay_is_passed(arena: Arena, attack: Attack, engine: Driver) -> None:
    """Behind a man in the middle who only listens an engine connects, so a refusal is for what is injected."""
    outcome = arena.outcome(attack, engine)
    assert (outcome.verdict, outcome.leaked) == (VERIFIED, 0)
