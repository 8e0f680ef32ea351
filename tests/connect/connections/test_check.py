"""The check after connecting: what came about otherwise than the arguments say is closed."""

import _ssl
import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psycopg
import pymysql
import pytest

import rds_tls
from rds_tls.context.tunnel import TunnelContext, tunnel_context
from rds_tls.drivers import Target
from rds_tls.drivers import psycopg as psycopg_adapter
from rds_tls.drivers import pymysql as pymysql_adapter
from rds_tls.settings import Settings
from tests.conftest import Pki
from tests.connect.connections.conftest import GLOBAL_WRITER, HOST, connect_async, target, target_anchors
from tests.support.local_rds import MySqlCompatibleServer, PostgresServer

# One thing besides what the arguments of ours say, each of which a leftover or a bug of a driver's could change.
DEVIATIONS: dict[str, dict[str, Any]] = {
    "plain": {"sslmode": "disable"},
    "other name": {"host": GLOBAL_WRITER},
    "name not verified": {"sslmode": "verify-ca"},
    "chain not verified": {"sslmode": "require"},
    "old TLS allowed": {"ssl_min_protocol_version": "TLSv1.1"},
    "GSS encryption allowed": {"gssencmode": "prefer"},
    "other roots": {"sslrootcert": "sibling.pem"},
    "a file of revocations": {"sslcrl": "none.pem"},
    "client certificate": {"sslcertmode": "allow"},
    "no server name indication": {"sslsni": "0"},
}


@pytest.mark.parametrize("deviation", DEVIATIONS.values(), ids=DEVIATIONS)
def test_unverified_postgres_connection_is_closed(
    postgres: PostgresServer, pki: Pki, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, deviation: dict[str, Any]
) -> None:
    """A connection for which libpq was told anything else than the arguments say does not pass the check."""
    monkeypatch.chdir(tmp_path)
    Path("sibling.pem").write_bytes(pki.authority.root_pem)  # the chain has to verify for a connection to come about
    assert_not_passed(postgres, pki, deviation, {})


@pytest.mark.parametrize("meant", [{"port": 1}, {"hostaddr": "127.0.0.2"}], ids=["other port", "other address"])
def test_postgres_connection_elsewhere_is_closed(postgres: PostgresServer, pki: Pki, meant: dict[str, Any]) -> None:
    """A connection to another port or address than the tunnel's does not pass the check."""
    assert_not_passed(postgres, pki, {}, meant)


def assert_not_passed(server: PostgresServer, pki: Pki, deviation: dict[str, Any], meant: dict[str, Any]) -> None:
    """Connect with what deviates from the arguments, and see the check against what was meant refuse and close it."""
    where = target(server, pki.settings)
    options = psycopg_adapter.kwargs(where)
    login: dict[str, Any] = {"user": server.user, "password": server.password, "dbname": server.database}
    connection = psycopg.connect(**options | deviation, **login)
    with pytest.raises(rds_tls.UnverifiedConnectionError, match="without verified TLS; it was closed"):
        psycopg_adapter.verify(connection, where, options | meant)
    assert connection.closed


def test_name_that_nobody_resolved_is_dialled_by_nobody(pki: Pki) -> None:
    """A tunnel's name that a plan left as it is, libpq refuses as no address; it is never left out."""
    where = Target(HOST, 5432, target_anchors(pki.settings), ("localhost", 1))
    options = psycopg_adapter.kwargs(where)
    assert (options["hostaddr"], options["host"]) == ("localhost", HOST)
    with pytest.raises(psycopg.OperationalError, match='could not parse network address "localhost"'):
        psycopg.connect(**options)


def test_connection_that_libpq_does_not_call_tls_is_closed(pki: Pki) -> None:
    """Whatever libpq was told, its word that TLS is in use counts: a server cannot bring this about, a bug could."""
    finished = []
    where = Target(HOST, 5432, target_anchors(pki.settings))
    told = psycopg_adapter.kwargs(where)
    libpq = SimpleNamespace(
        ssl_in_use=False,
        info=[SimpleNamespace(keyword=name.encode(), val=str(value).encode()) for name, value in told.items()],
        finish=lambda: finished.append(True),
    )
    with pytest.raises(rds_tls.UnverifiedConnectionError):
        psycopg_adapter.verify(SimpleNamespace(pgconn=libpq), where, told)  # type: ignore[arg-type]
    libpq.ssl_in_use = True
    psycopg_adapter.verify(SimpleNamespace(pgconn=libpq), where, told)  # type: ignore[arg-type]
    assert finished == [True]


class PermissiveContext(ssl.SSLContext):
    """A context that sends the endpoint's name and verifies nothing."""

    def wrap_socket(self, sock: socket.socket, *_: Any, **__: Any) -> ssl.SSLSocket:
        """Shake hands with whoever answers."""
        return super().wrap_socket(sock, server_hostname=HOST)


def permissive(_: Settings) -> dict[str, Any]:
    """Give PyMySQL a context of somebody else's."""
    context = PermissiveContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return {"ssl": context}


@pytest.mark.parametrize(
    "options",
    [
        lambda _: {"ssl_disabled": True},
        permissive,
        lambda settings: {"ssl": tunnel_context(target_anchors(settings), GLOBAL_WRITER)},
    ],
    ids=["plain", "own context", "other name"],
)
def test_unverified_mysql_connection_is_closed(
    mysql: MySqlCompatibleServer, pki: Pki, options: Callable[[Settings], dict[str, Any]]
) -> None:
    """A connection without TLS, with a context of somebody else's, or of another name does not pass the check."""
    assert_refused_and_closed(mysql, pki, options(pki.settings))


def test_old_tls_to_mysql_is_closed(mysql_with_tls_1_1: MySqlCompatibleServer, pki: Pki) -> None:
    """Even with one of our contexts, should it ever let TLS 1.1 through, the connection does not pass the check."""
    mysql_with_tls_1_1.present(pki.authority.issue([HOST]))
    context = TunnelContext(target_anchors(pki.settings), HOST)
    own = _ssl._SSLContext  # below the seal, where no program comes by chance
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        own.minimum_version.__set__(context, ssl.TLSVersion.TLSv1_1)  # type: ignore[attr-defined]
    own.set_ciphers(context, "ALL:@SECLEVEL=0")
    assert_refused_and_closed(mysql_with_tls_1_1, pki, {"ssl": context})


def assert_refused_and_closed(server: MySqlCompatibleServer, pki: Pki, options: dict[str, Any]) -> None:
    """Connect with PyMySQL's own connect, and see the check refuse and close what came of it."""
    connection = pymysql.connect(
        host=server.host, port=server.port, user=server.user, password=server.password, **options
    )
    with pytest.raises(rds_tls.UnverifiedConnectionError, match="without verified TLS; it was closed"):
        pymysql_adapter.verify(connection, target(server, pki.settings), {})
    assert not connection.open


@pytest.mark.parametrize("connect", [rds_tls.connect_postgres, connect_async], ids=["sync", "async"])
def test_postgres_helper_checks_what_it_returns(
    postgres: PostgresServer, pki: Pki, monkeypatch: pytest.MonkeyPatch, connect: Callable[..., object]
) -> None:
    """Should the arguments ever fail to bring TLS about, the helper returns nothing."""
    plain = {"host": HOST, "hostaddr": postgres.host, "port": postgres.port, "sslmode": "disable"}
    monkeypatch.setattr(psycopg_adapter, "kwargs", lambda _: plain)
    login = {"user": postgres.user, "password": postgres.password, "dbname": postgres.database}
    with pytest.raises(rds_tls.UnverifiedConnectionError):
        connect(HOST, settings=pki.settings, **login)


def test_mysql_helper_checks_what_it_returns(
    mysql: MySqlCompatibleServer, pki: Pki, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Should the arguments ever fail to bring TLS about, the helper returns nothing."""
    plain = {"host": mysql.host, "port": mysql.port, "ssl_disabled": True}
    monkeypatch.setattr(pymysql_adapter, "kwargs", lambda _: plain)
    with pytest.raises(rds_tls.UnverifiedConnectionError):
        rds_tls.connect_mysql(HOST, user=mysql.user, password=mysql.password, settings=pki.settings)
