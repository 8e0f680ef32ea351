"""How long a server that stalls is waited for, and what a second look at its certificate says and costs."""

import socket
import ssl
import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import psycopg
import pymysql
import pytest

import rds_tls
from rds_tls.context import dial
from rds_tls.drivers import Target
from rds_tls.drivers import psycopg as psycopg_adapter
from tests.conftest import Pki
from tests.connect.connections.conftest import HOST, target, target_anchors
from tests.hostile import mysql as hostile_mysql
from tests.hostile import postgres as hostile_postgres
from tests.hostile.stage import EMPTY_STAGE, Stage
from tests.hostile.wire import Wire, listening
from tests.support.local_rds import KeyType, MySqlCompatibleServer, PostgresServer


@pytest.mark.parametrize(
    "script", [hostile_mysql.stall, hostile_mysql.stall_handshake], ids=["no greeting", "no handshake"]
)
def test_connect_timeout_bounds_a_mysql_server_that_stalls(script: Callable[[Wire, Stage], None], pki: Pki) -> None:
    """PyMySQL alone would wait for ever: for a greeting without read_timeout, in a handshake without write_timeout."""
    refused = []

    def connect(via: tuple[str, int]) -> None:
        try:
            rds_tls.connect_mysql(HOST, user="app", via=via, settings=pki.settings, connect_timeout=0.2)
        except pymysql.err.OperationalError as error:
            refused.append(error)

    with listening(lambda wire: script(wire, EMPTY_STAGE)) as peer:
        waiting = threading.Thread(target=connect, args=(peer.address,), daemon=True)
        waiting.start()
        waiting.join(15)
        assert len(refused) == 1
    waiting.join()


def test_timeouts_of_the_login_end_with_it(mysql: MySqlCompatibleServer, pki: Pki) -> None:
    """Queries wait as long as the caller's own read_timeout says, which is for ever unless given."""
    login: dict[str, Any] = {"user": mysql.user, "password": mysql.password, "settings": pki.settings}
    via = (mysql.host, mysql.port)
    with rds_tls.connect_mysql(HOST, via=via, connect_timeout=0.2, **login) as connection:
        connection.query("DO SLEEP(0.4)")
    connection = rds_tls.connect_mysql(HOST, via=via, read_timeout=0.2, **login)
    with pytest.raises(pymysql.err.OperationalError, match="timed out"):
        connection.query("DO SLEEP(0.4)")


@pytest.mark.parametrize(
    "answer", [hostile_postgres.stall, hostile_postgres.stall_handshake], ids=["no answer", "no handshake"]
)
def test_second_handshake_is_believed_only_about_certificates(
    answer: Callable[[Wire, Stage], None], pki: Pki, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that will not shake hands again cannot take the explanation away, nor keep the program."""
    monkeypatch.setattr("rds_tls.drivers._second_look._SECONDS", 0.1)
    text = "SSL error: certificate verify failed"
    script = hostile_postgres.play(answer)
    with listening(lambda wire: script(wire, EMPTY_STAGE)) as peer:
        where = Target(HOST, 5432, target_anchors(pki.settings), peer.address)
        assert psycopg_adapter.explain(psycopg.OperationalError(text), where) == text


def test_second_handshake_has_five_seconds_in_all(
    postgres: PostgresServer, pki: Pki, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dialling, the answer and the handshake of the second look end together after five seconds."""
    timeouts: list[float] = []
    set_timeout, now = socket.socket.settimeout, iter(range(100))

    def noted(sock: socket.socket, seconds: float | None) -> None:
        assert seconds is not None
        timeouts.append(seconds)
        set_timeout(sock, seconds)

    monkeypatch.setattr(socket.socket, "settimeout", noted)
    monkeypatch.setattr(dial, "time", SimpleNamespace(monotonic=lambda: float(next(now))))
    error = psycopg.OperationalError("SSL error: certificate verify failed")
    psycopg_adapter.explain(error, target(postgres, pki.settings))
    assert list(dict.fromkeys(timeouts)) == [4.0, 3.0, 2.0]  # a second passes between any two looks at the clock


def test_second_handshake_that_cannot_be_made_hides_no_error(
    postgres: PostgresServer, pkis: dict[KeyType, Pki], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no context of ours may be used for a second look, libpq's own error stands."""

    class Odd(ssl.SSLSocket):
        """What nobody here knows."""

    monkeypatch.setattr(ssl, "SSLSocket", Odd)
    with pytest.raises(psycopg.OperationalError, match="certificate verify failed"):
        rds_tls.connect_postgres(
            HOST,
            user=postgres.user,
            password=postgres.password,
            via=(postgres.host, postgres.port),
            settings=pkis[KeyType.ECC384].sibling_settings,
        )


def test_explanation_is_asked_only_where_libpq_has_none(postgres: PostgresServer, pki: Pki) -> None:
    """An error that says why keeps its text; one that does not keeps it too when a second handshake succeeds."""
    where = target(postgres, pki.settings)
    for text in ("connection refused", "SSL error: certificate verify failed"):
        assert psycopg_adapter.explain(psycopg.OperationalError(text), where) == text
