"""Let an attack meet a driver, and judge what came of it."""

import ssl
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

import rds_tls
from tests.hostile.attacks import ATTACKS, Attack
from tests.hostile.drivers import CARELESS, DRIVERS, Driver, Login
from tests.hostile.evidence import USER, Protocol, asked_for_tls, bytes_leaked, secrets_read
from tests.hostile.leftovers import ENGINES
from tests.hostile.others import NOT_OURS, PAIRS
from tests.hostile.stage import HOST, INJECTED, Authorities, Certificate, Stage, server_context
from tests.hostile.wire import SAFETY_SECONDS, Wire, listening
from tests.support.local_rds.kinds import MYSQL_SERVERS, POSTGRES_SERVERS, Server

# The kinds of server that speak each protocol.
KINDS: dict[Protocol, tuple[type[Server], ...]] = {Protocol.POSTGRESQL: POSTGRES_SERVERS, Protocol.MYSQL: MYSQL_SERVERS}

# libpq waits for two seconds at least (PostgreSQL documentation, connect_timeout).
STALL_SECONDS = 2

REFUSED = "refused"
VERIFIED = "injected bytes dropped, then verified TLS"
DECEIVED = "injected bytes taken for the server's"
CONNECTED = "connected"

OTHER_NAME, OTHER_ROOT = "certificate of another cluster", "certificate under another region's root"


class Outcome(NamedTuple):
    """What came of one attack on one driver.

    Attributes:
        verdict: one of this module's constants.
        leaked: how many bytes a hostile peer could read besides the request for TLS and the handshake.
        secrets: which secrets it could read.
        asked_for_tls: for each connection, whether it began with its protocol's request for TLS.
        error: what the driver said.
    """

    verdict: str
    leaked: int
    secrets: frozenset[str]
    asked_for_tls: tuple[bool, ...]
    error: str


class Arena:
    """Where attacks meet drivers.

    Attributes:
        files: the folder of the files that leftovers name.

    Args:
        authorities: those that issue what the servers present.
        settings: what the drivers under attack trust.
        servers: the real servers of each protocol, for a man in the middle: he meets a driver before each of them.
        files: the folder of the files that leftovers name.
    """

    def __init__(
        self,
        authorities: Authorities,
        settings: rds_tls.Settings,
        servers: Mapping[Protocol, Sequence[Server]],
        files: Path,
    ) -> None:
        self._authorities = authorities
        self._settings = settings
        self._servers = servers
        self.files = files
        self._context = cache(self._new_context)
        self._outcomes: dict[tuple[Attack, Driver], Outcome] = {}

    def outcome(self, attack: Attack, driver: Driver) -> Outcome:
        """Say what comes of an attack on a driver; each pair meets once.

        Those that a client's timeout ends meet at the same time, since they do nothing but wait.
        """
        if driver.missing:
            pytest.skip(driver.missing)
        if (attack, driver) not in self._outcomes:
            stalling = [pair for pair in MEETINGS if pair[0].stalls and not pair[1].missing]
            pairs = stalling if attack.stalls else [(attack, driver)]
            with ThreadPoolExecutor(len(pairs)) as pool:
                self._outcomes |= zip(pairs, pool.map(self._meet, *zip(*pairs, strict=True)), strict=True)
        return self._outcomes[attack, driver]

    def _meet(self, attack: Attack, driver: Driver) -> Outcome:
        servers = self._servers[attack.protocol] if attack.relays else self._servers[attack.protocol][:1]
        return _joined([self._meet_before(server, attack, driver) for server in servers])

    def _meet_before(self, server: Server, attack: Attack, driver: Driver) -> Outcome:
        user, password, database = USER, attack.password, "orders"
        secrets = {"user": user, "password": password}
        if attack.relays:
            server.present(self._authorities.trusted.issue([HOST]))
            user, password, database = server.user, server.password, server.database
            secrets = {"password": password}  # that user's name is too short to look for in encrypted bytes
        stage = Stage(self._context(attack.certificate), (server.host, server.port))
        seconds = STALL_SECONDS if attack.stalls else SAFETY_SECONDS
        with listening(lambda wire: attack.script(wire, stage)) as peer:
            login = Login(peer.address, user, password, database, self._settings, self.files, seconds)
            verdict, error = _verdict(attack, driver, login)
        return _judge(verdict, error, attack.protocol, peer.wires, secrets)

    def _new_context(self, certificate: Certificate) -> ssl.SSLContext:
        return server_context(certificate, self._authorities)


def meetings(attacks: Sequence[Attack]) -> list[tuple[Attack, Driver]]:
    """Pair each attack with the drivers that it concerns, in the order of the tables."""
    return [
        (attack, driver)
        for attack in attacks
        for driver in DRIVERS
        if attack.protocol is driver.protocol and (driver.by_context or not attack.by_context_only)
    ]


MEETINGS = meetings(ATTACKS)
# What a wrong driver, or a leftover in a URL, could let in; the first hides TLS.
MISTAKEN = {
    protocol: [attack for attack in ATTACKS if attack.protocol is protocol and attack.name in names]
    for protocol, names in {
        Protocol.POSTGRESQL: ("answers N", OTHER_NAME, OTHER_ROOT),
        Protocol.MYSQL: ("hides TLS, asks by mysql_clear_password", OTHER_NAME, OTHER_ROOT),
    }.items()
}
ENGINE_MEETINGS = [(attack, engine) for engine in ENGINES for attack in MISTAKEN[engine.protocol]]
OTHER_MEETINGS = [
    (attack, driver)
    for pair, driver in PAIRS.items()
    for attack in MISTAKEN[driver.protocol][1 if pair in NOT_OURS else 0 :]
]
NOT_OURS_MEETINGS = [(MISTAKEN[driver.protocol][0], driver) for pair, driver in PAIRS.items() if pair in NOT_OURS]
# Each attack with each careless driver that it must succeed on.
CONTROLS = [(attack, driver) for attack in ATTACKS for driver in CARELESS if driver.name in attack.succeeds_on]


def _verdict(attack: Attack, driver: Driver, login: Login) -> tuple[str, str]:
    try:
        encrypted = driver.connect(login)
    except driver.error as error:
        said = str(error)
        return DECEIVED if attack.relays and INJECTED.decode() in said else REFUSED, said
    return VERIFIED if attack.relays and encrypted is True else CONNECTED, ""


def _joined(outcomes: Sequence[Outcome]) -> Outcome:
    """Make one outcome of several: a verdict that differs is none of those that a test expects."""
    return Outcome(
        " or ".join(dict.fromkeys(outcome.verdict for outcome in outcomes)),
        sum(outcome.leaked for outcome in outcomes),
        frozenset[str]().union(*(outcome.secrets for outcome in outcomes)),
        tuple(asked for outcome in outcomes for asked in outcome.asked_for_tls),
        "\n".join(outcome.error for outcome in outcomes),
    )


def _judge(verdict: str, error: str, protocol: Protocol, wires: Sequence[Wire], secrets: Mapping[str, str]) -> Outcome:
    return Outcome(
        verdict,
        sum(bytes_leaked(wire, protocol) for wire in wires),
        frozenset[str]().union(*(secrets_read(wire, secrets) for wire in wires)),
        tuple(asked_for_tls(wire, protocol) for wire in wires),
        error,
    )
