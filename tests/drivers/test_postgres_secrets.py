"""A canary in place of a password for PostgreSQL, with every driver: no error, note, log or local of ours shows it."""

import logging

import pytest

from tests.conftest import OFFLINE, Pki
from tests.hostile import postgres as hostile
from tests.hostile.stage import EMPTY_STAGE
from tests.hostile.wire import listening
from tests.support.leaks import CANARY, assert_clean, locals_of_ours
from tests.support.local_rds import KeyType, PostgresServer
from tests.support.rows import ROWS, Row

HOST = "orders.cluster-abc123def456.eu-west-1.rds.amazonaws.com"

every_driver = pytest.mark.parametrize("row", [row for row in ROWS if row.is_postgres], ids=lambda row: row.name)

# Whose arguments are the caller's own, and in the caller's frames too.
PUBLIC = ("connect_postgres.", "aconnect_postgres.")


@pytest.fixture(autouse=True)
def _log_everything(caplog: pytest.LogCaptureFixture) -> None:
    """Listen to every logger at DEBUG, as a program that looks for a fault does."""
    caplog.set_level(logging.DEBUG)


def assert_hidden(caught: BaseException, logs: pytest.LogCaptureFixture) -> None:
    """No text, no log and no local of ours holds the canary."""
    assert_clean(caught, logs)
    held = [name for name, text in locals_of_ours(caught).items() if CANARY in text]
    assert [name for name in held if not name.startswith(PUBLIC)] == []


@every_driver
@pytest.mark.parametrize("case", ["wrong password", "wrong name", "foreign root"])
def test_refusals_do_not_show_it(
    row: Row, case: str, postgres: PostgresServer, pkis: dict[KeyType, Pki], caplog: pytest.LogCaptureFixture
) -> None:
    """A driver's error, with our note, does not hold it either."""
    pki = pkis[KeyType.ECC384]
    postgres.present(pki.authority.issue([f"x{HOST}" if case == "wrong name" else HOST]))
    settings = OFFLINE if case == "foreign root" else pki.settings
    via = (postgres.host, postgres.port)
    with pytest.raises(row.errors) as caught:
        row.connect_and_ask(HOST, row.question, user=postgres.user, password=CANARY, via=via, settings=settings)
    assert_hidden(caught.value, caplog)
    assert bool(getattr(caught.value, "__notes__", [])) is (case != "wrong password")


@every_driver
def test_second_look_does_not_show_it(row: Row, pkis: dict[KeyType, Pki], caplog: pytest.LogCaptureFixture) -> None:
    """Nor do an error and a note about a server that offers no TLS."""
    script = hostile.play(hostile.refuse)
    settings = pkis[KeyType.ECC384].settings
    with listening(lambda wire: script(wire, EMPTY_STAGE)) as peer, pytest.raises(row.errors) as caught:
        row.connect_and_ask(HOST, row.question, user="app", password=CANARY, via=peer.address, settings=settings)
    assert len(caught.value.__notes__) == 1
    assert_hidden(caught.value, caplog)


@every_driver
def test_nobody_there_does_not_show_it(row: Row, caplog: pytest.LogCaptureFixture) -> None:
    """Nor does an error about an address where nobody listens."""
    with pytest.raises(row.errors) as caught:
        row.connect_and_ask(HOST, row.question, user="app", password=CANARY, via=("127.0.0.1", 1), settings=OFFLINE)
    assert_hidden(caught.value, caplog)
