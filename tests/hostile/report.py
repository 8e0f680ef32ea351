"""docs/attacks.md, from what came of the attacks."""

from collections.abc import Iterable

from tests.hostile.arena import CONTROLS, MEETINGS, Arena

INTRODUCTION = """\
# Attacks

Every row is a connection attempt against a hostile server, made while the tests ran; `tests/test_attacks.py` writes
this file (`RDS_TLS_WRITE_DOCS=1 python -m pytest tests/test_attacks.py`) and fails when it is out of date.

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
logged in inside TLS. A server that stalls is left at the driver's own timeout: `connect_timeout` for psycopg,
`read_timeout` for PyMySQL, whose `connect_timeout` ends with the TCP connection.

A certificate without a SAN is left out for psycopg: libpq accepts the common name then, and that cannot be switched
off. With a good certificate, and behind a man in the middle who only listens, every driver here logs in.
"""

CONTROL_INTRODUCTION = """
## Positive controls

The same servers against drivers as many programs set them up today, without rds_tls. They show that the attacks work
and that the record sees a leak.
"""


def document(arena: Arena) -> str:
    """Write the whole document; the same outcomes give the same text."""
    attacks = ((*pair, arena.outcome(*pair)) for pair in MEETINGS)
    controls = ((*pair, arena.outcome(*pair)) for pair in CONTROLS)
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
            CONTROL_INTRODUCTION,
            _table(
                ("Server", "Attack", "Driver", "The server read"),
                (
                    (attack.protocol.value, attack.name, driver.name, ", ".join(sorted(outcome.secrets)))
                    for attack, driver, outcome in controls
                ),
            ),
        )
    )


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = (head, ("---",) * len(head), *rows)
    return "\n" + "".join(f"| {' | '.join(line)} |\n" for line in lines)
