"""Errors besides those of TLS: they are the driver's own, or say what to install, and hold no password."""

import asyncio
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pymysql
import pytest

import rds_tls
from rds_tls.settings import Settings
from tests.conftest import OFFLINE, Pki
from tests.connect.connections.conftest import HOST, connect_async
from tests.support import ROOT
from tests.support.local_rds import MySqlCompatibleServer, PostgresServer

CANARY = "c4n4ry-p4ssw0rd"


def test_other_errors_stay_bare(postgres: PostgresServer, mysql: MySqlCompatibleServer, pki: Pki) -> None:
    """A wrong password is no matter of TLS: the driver's error passes without a note."""
    for connect, server in ((rds_tls.connect_postgres, postgres), (rds_tls.connect_mysql, mysql)):
        via = (server.host, server.port)
        with pytest.raises((psycopg.OperationalError, pymysql.err.OperationalError)) as caught:
            connect(HOST, user=server.user, password="wrong", via=via, settings=pki.settings)  # noqa: S106 - a wrong one, on purpose
        assert not hasattr(caught.value, "__notes__")


def secrets_on(error: BaseException) -> list[str]:
    """List what an error, those below it, and the connections that they hold say about the canary."""
    links: list[BaseException] = []
    for link in (error, error.__cause__, error.__context__):
        links += [link] if link is not None and link not in links else []
    shown = [text for link in links for text in (str(link), repr(link), repr(vars(link)))]
    held = [getattr(link, "pgconn", None) for link in links]
    shown += [repr((libpq.password, libpq.info)) for libpq in held if libpq is not None]
    return [text for text in shown if CANARY in text]


@pytest.mark.parametrize("connect", [rds_tls.connect_postgres, connect_async], ids=["sync", "async"])
@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"target_session_attrs": "nonsense"}, "connection is bad: invalid target_session_attrs value"),
        ({"require_auth": "nonsense"}, "connection is bad: invalid require_auth value"),
        ({}, "Connection refused"),
    ],
    ids=["bad value", "another bad value", "nobody there"],
)
def test_driver_error_passes_without_a_secret(
    connect: Callable[..., object], options: dict[str, Any], text: str
) -> None:
    """What psycopg says about a connection that libpq would not even begin is raised as it is, without a password."""
    with pytest.raises(psycopg.OperationalError, match=text) as caught:
        connect(HOST, user="app", password=CANARY, via=("127.0.0.1", 1), settings=OFFLINE, **options)
    assert type(caught.value) is psycopg.OperationalError
    assert secrets_on(caught.value) == []


def test_process_without_descriptors_gets_the_drivers_error() -> None:
    """With no file descriptor left, the program sees psycopg's error, by both helpers, without the password."""
    command = [sys.executable, "-m", "tests.drivers.out_of_descriptors", HOST, CANARY]
    root = ROOT
    result = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert result.stderr == ""
    assert result.stdout == "sync: OperationalError, connection is bad\nasync: OperationalError, connection is bad\n"


@pytest.mark.parametrize(
    ("driver", "call", "extra"),
    [
        ("psycopg", rds_tls.connect_postgres, "postgres"),
        ("psycopg", rds_tls.postgres_kwargs, "postgres"),
        ("pymysql", rds_tls.connect_mysql, "mysql"),
        ("pymysql", rds_tls.mysql_kwargs, "mysql"),
    ],
)
def test_missing_driver_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, driver: str, call: Callable[..., object], extra: str
) -> None:
    """Without its driver a call raises an ImportError that holds the command to run."""
    monkeypatch.setitem(sys.modules, driver, None)
    with pytest.raises(rds_tls.DriverNotInstalledError, match=rf"pip install 'rds-tls\[{extra}\]'") as caught:
        call(HOST, user="app")
    assert isinstance(caught.value, ImportError)


def test_missing_async_driver_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """The asyncio twin says the same."""
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(rds_tls.DriverNotInstalledError, match="pip install"):
        asyncio.run(rds_tls.aconnect_postgres(HOST, user="app"))


@pytest.mark.parametrize("call", [rds_tls.connect_mysql, rds_tls.mysql_kwargs])
def test_leaking_pymysql_is_refused(monkeypatch: pytest.MonkeyPatch, call: Callable[..., object]) -> None:
    """A PyMySQL that would log in unencrypted is refused before it can."""
    monkeypatch.setattr(pymysql, "VERSION", (1, 1, 3, "final"))
    with pytest.raises(rds_tls.DriverNotInstalledError, match="sends the password unencrypted"):
        call(HOST, user="app")


def test_leaf_alone_is_no_ca_file(tmp_path: Path, pki: Pki) -> None:
    """A CA file that holds a server's certificate and no CA is refused."""
    path = tmp_path / "leaf.pem"
    chain = pki.authority.issue([HOST], with_intermediate=False).chain_pem
    path.write_bytes(chain)
    with pytest.raises(rds_tls.TrustError, match="holds no CA certificate"):
        rds_tls.ssl_context(HOST, settings=Settings(ca_file=path))


def test_public_names_are_listed_and_no_others_exist() -> None:
    """Every public name loads, dir() lists them, and a misspelt one is an AttributeError."""
    for name in rds_tls.__all__:
        assert getattr(rds_tls, name) is not None
    assert set(rds_tls.__all__) <= set(dir(rds_tls))
    with pytest.raises(AttributeError, match="no attribute 'conect_postgres'"):
        rds_tls.conect_postgres  # type: ignore[attr-defined]  # noqa: B018 - the access is the test
