"""docs/attacks.md, from what came of the attacks."""

from collections.abc import Iterable, Sequence

from tests.hostile.arena import (
    CONTROLS,
    ENGINE_MEETINGS,
    MEETINGS,
    MISTAKEN,
    NOT_OURS_MEETINGS,
    OTHER_MEETINGS,
    OTHER_NAME,
    OTHER_ROOT,
    Arena,
    Outcome,
)
from tests.hostile.attacks import Attack
from tests.hostile.drivers import Driver
from tests.hostile.others import VERIFIES

Meeting = tuple[Attack, Driver]

INTRODUCTION = """\
# Attacks

Every row is a connection attempt against a hostile server, made while the tests ran. `tests/drivers/test_attacks.py`
writes this file (`RDS_TLS_WRITE_DOCS=1 python -m pytest tests/drivers/test_attacks.py`), and fails when it is out of
date.

**What is attacked.** Each function of rds_tls that connects, and each function that gives arguments, together with the
real driver. The servers are scripts on loopback (`tests/hostile/`). Where a script gets past the TLS step it asks for
the password. A man in the middle passes the bytes between the driver and a real server whose certificate is good.

**How it is measured.** A hostile server records every byte that it is sent, before TLS and inside its own TLS. *Bytes
leaked* counts all of them but the protocol's request for TLS (PostgreSQL: 8 bytes, MySQL: 36 bytes, neither says
anything about the user) and the TLS handshake. User name and password are canaries. They are also looked for in what
was recorded: as they are, encoded, scrambled as MySQL's plugins do it (a scramble can be guessed offline), and
decrypted where a plugin encrypts them for an RSA key of the server's own.

**How to read the outcome.** *Refused*: an exception of the driver's own, and no connection. *Injected bytes dropped*:
the driver threw away what the man in the middle had put before the TLS handshake, then verified the real server and
logged in inside TLS. A server that stalls is left by `connect_timeout`, which bounds every connect of ours as a whole.
By the arguments alone it is the driver's own: PyMySQL's ends with the TCP connection, and it is `read_timeout` and
`write_timeout` that end the wait; asyncmy's needs `asyncio.timeout` around it; pg8000 is given a `timeout` of its own,
which goes on after connecting.

*Injected bytes taken for the server's*, of an error with mysqlclient: no connection, but the driver repeats the man in
the middle's words as the server's own, and nothing that it shows tells them apart.

A certificate without a SAN is left out for psycopg, psycopg2 and mysqlclient: libpq and MariaDB's library accept the
common name then, and that cannot be switched off. With a good certificate, and behind a man in the middle who only
listens, every driver here logs in.
"""

ENGINE_INTRODUCTION = """
## Leftovers in a URL

A SQLAlchemy engine with our arguments as `connect_args`, and a URL that says something else about TLS or about where to
dial. Each cell is what came of the meeting, and the bytes leaked. `{files}` holds what the URL names: the root of
another region, that root with its revocation lists, an option file, a service file.
"""

OTHER_INTRODUCTION = """
## The wrong driver

What is made for psycopg and PyMySQL, and the endpoint's context as the driver's option for one, given to each other
driver. Where the certificate is good, these verify and connect with `ssl_context`:
{verifying}.
Every other pair refuses whatever the server presents, before it dials or in the handshake; psycopg2 with
`postgres_kwargs` verifies where its libpq is as new as psycopg's.
"""

NOT_OURS_INTRODUCTION = """
## What is not ours to close

A driver that logs in where a server hides its TLS flag never asks the context that it was given, so nothing in the
context can stop it. Do not give these drivers a context by hand.

And a NUL (`%00`) in the login or the database of an engine's URL, beside `postgres_kwargs`: SQLAlchemy puts the URL's
own parts first, psycopg writes all of them into one text, and libpq reads that up to the NUL, without the arguments
behind it. Pass user, password and database to `postgres_kwargs`, which refuses a NUL.
"""

CONTROL_INTRODUCTION = """
## Positive controls

The same servers against drivers as many programs set them up today, without rds_tls. They show that the attacks work
and that the record sees a leak.
"""


def document(arena: Arena) -> str:
    """Write the whole document; the same outcomes give the same text."""
    attacks = ((*pair, arena.outcome(*pair)) for pair in MEETINGS)
    return "".join(
        (
            INTRODUCTION,
            _table(
                ("Server", "Attack", "Driver", "Outcome", "Bytes leaked"),
                (
                    (attack.protocol.value, attack.name, f"`{driver.name}`", outcome.verdict, str(outcome.leaked))
                    for attack, driver, outcome in attacks
                ),
            ),
            ENGINE_INTRODUCTION,
            _by_driver(arena, "Beside our arguments", ENGINE_MEETINGS),
            OTHER_INTRODUCTION.format(verifying=", ".join(sorted({name for name, _ in VERIFIES}))),
            _by_driver(arena, "Driver and what it is given", OTHER_MEETINGS),
            NOT_OURS_INTRODUCTION,
            _read(arena, NOT_OURS_MEETINGS),
            CONTROL_INTRODUCTION,
            _read(arena, CONTROLS),
        )
    )


def _by_driver(arena: Arena, head: str, meetings: Sequence[Meeting]) -> str:
    """Write a row for each driver, and a column for each of the mistaken meetings."""
    drivers = dict.fromkeys(driver for _, driver in meetings)
    return _table(
        ("Server", head, "hides TLS", OTHER_NAME, OTHER_ROOT),
        (
            (
                driver.protocol.value,
                f"`{driver.name}`",
                *(
                    _cell(arena.outcome(attack, driver)) if (attack, driver) in meetings else "see below"
                    for attack in MISTAKEN[driver.protocol]
                ),
            )
            for driver in drivers
        ),
    )


def _cell(outcome: Outcome) -> str:
    return f"{outcome.verdict}, {outcome.leaked}"


def _read(arena: Arena, meetings: Sequence[Meeting]) -> str:
    """Write what the server read of a login."""
    return _table(
        ("Server", "Attack", "Driver", "The server read"),
        (
            (
                attack.protocol.value,
                attack.name,
                driver.name,
                ", ".join(sorted(arena.outcome(attack, driver).secrets)),
            )
            for attack, driver in meetings
        ),
    )


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = (head, ("---",) * len(head), *rows)
    return "\n" + "".join(f"| {' | '.join(line)} |\n" for line in lines)
