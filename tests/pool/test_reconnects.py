"""PyMySQL reconnects by itself, as in ``ping(reconnect=True)``: with the password and the roots of that moment."""

import time
import warnings
from pathlib import Path
from typing import Any

import pytest

import rds_tls
from tests.conftest import Pki
from tests.support.local_https import LocalHttps
from tests.support.local_rds import Authority, KeyType, MySqlCompatibleServer
from tests.support.trust_store import REGION, TrustStore

HOST = "orders.cluster-abc123def456.eu-west-1.rds.amazonaws.com"


def ping(connection: Any) -> None:  # noqa: ANN401 - its insides are looked at
    """Reconnect, which newer versions of PyMySQL warn of and still do."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        connection.ping(reconnect=True)


def lose(connection: Any) -> None:  # noqa: ANN401 - as above
    """Let the connection go, as when the network does."""
    connection._force_close()


def test_ping_asks_for_the_password_again(mysql: MySqlCompatibleServer, pkis: dict[KeyType, Pki]) -> None:
    """A token in it would be 15 minutes old at most, and a rotated password is the new one."""
    pki = pkis[KeyType.ECC384]
    mysql.present(pki.authority.issue([HOST]))
    asked = []

    def password() -> str:
        asked.append(mysql)
        return mysql.password

    via = (mysql.host, mysql.port)
    with rds_tls.connect_mysql(HOST, user=mysql.user, password=password, via=via, settings=pki.settings) as connection:
        assert len(asked) == 1
        lose(connection)
        ping(connection)
        assert len(asked) == 2
        connection.query("DO 1")


def test_ping_knows_roots_that_came_meanwhile(mysql: MySqlCompatibleServer, tmp_path: Path) -> None:
    """Roots that another connection has found are those of a reconnect too."""
    old, new = Authority(REGION, KeyType.ECC384), Authority(REGION, KeyType.ECC384)
    host = f"orders.cluster-abc123def456.{REGION}.rds.amazonaws.com"
    with LocalHttps(tmp_path) as https:
        store = TrustStore(https, tmp_path / "cache")
        store.publish(REGION, old.root_pem + new.root_pem)
        store.put(REGION, old.root_pem, time.time())
        mysql.present(old.issue([host]))
        via = (mysql.host, mysql.port)
        login: dict[str, Any] = {"user": mysql.user, "password": mysql.password, "via": via}
        with rds_tls.connect_mysql(host, settings=store.settings, **login) as connection:
            mysql.present(new.issue([host]))
            rds_tls.connect_mysql(host, settings=store.settings, **login).close()
            lose(connection)
            ping(connection)
            connection.query("DO 1")


def test_reconnect_that_cannot_be_planned_says_so(mysql: MySqlCompatibleServer, pkis: dict[KeyType, Pki]) -> None:
    """A password function that fails is the caller's error, then as at the first time."""
    pki = pkis[KeyType.ECC384]
    mysql.present(pki.authority.issue([HOST]))
    passwords = iter([mysql.password])
    via = (mysql.host, mysql.port)
    with rds_tls.connect_mysql(
        HOST, user=mysql.user, password=lambda: next(passwords), via=via, settings=pki.settings
    ) as connection:
        lose(connection)
        with pytest.raises(StopIteration):
            ping(connection)
        vars(connection).update(again=None)
        connection.connect()
