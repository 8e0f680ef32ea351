"""The handshake matrix: every way in which a server can be wrong, against every way to connect.

Each case is a real connection to a real server. `via=` plays the tunnel, so the RDS names need no DNS.
"""

import asyncio
import socket
import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import psycopg
import pymysql
import pytest

import rds_tls
from rds_tls.diagnosis.causes import TEXTS, Cause
from tests.conftest import OFFLINE, Pki
from tests.support.local_rds import Credentials, MariaDbServer, PostgresServer
from tests.support.local_rds.postgres import SSL_REQUEST

WRITER = "orders.cluster-abc123def456.eu-west-1.rds.amazonaws.com"
NAMES = [
    WRITER,
    "orders.cluster-ro-abc123def456.eu-west-1.rds.amazonaws.com",
    "orders-1.abc123def456.eu-west-1.rds.amazonaws.com",
]
OTHER = "other.cluster-abc123def456.eu-west-1.rds.amazonaws.com"

Server = PostgresServer | MariaDbServer


class Way(NamedTuple):
    """One way to connect: the server it needs, the driver's error, and a call that returns the server's answer."""

    server: str
    error: type[Exception]
    answer: Callable[[str, Server, rds_tls.Settings | None], object]


def login(server: Server, settings: rds_tls.Settings | None) -> dict[str, Any]:
    """Give what every way to connect is given."""
    return {
        "user": server.user,
        "password": server.password,
        "via": ("127.0.0.1", server.port),
        "settings": settings,
    }


def psycopg_sync(host: str, server: Server, settings: rds_tls.Settings | None) -> object:
    """Ask PostgreSQL over connect_postgres."""
    with rds_tls.connect_postgres(host, dbname=server.database, **login(server, settings)) as connection:
        row = connection.execute("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()").fetchone()
    return row and row[0]


def psycopg_async(host: str, server: Server, settings: rds_tls.Settings | None) -> object:
    """Ask PostgreSQL over aconnect_postgres."""

    async def ask() -> object:
        async with await rds_tls.aconnect_postgres(
            host, dbname=server.database, **login(server, settings)
        ) as connection:
            cursor = await connection.execute("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
            row = await cursor.fetchone()
        return row and row[0]

    return asyncio.run(ask())


def psycopg_by_kwargs(host: str, server: Server, settings: rds_tls.Settings | None) -> object:
    """Ask PostgreSQL over psycopg's own connect, with the arguments that rds_tls gives."""
    options = rds_tls.postgres_kwargs(host, dbname=server.database, **login(server, settings))
    with psycopg.connect(**options) as connection:
        row = connection.execute("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()").fetchone()
    return row and row[0]


def pymysql_helper(host: str, server: Server, settings: rds_tls.Settings | None) -> object:
    """Ask MariaDB over connect_mysql."""
    with rds_tls.connect_mysql(host, database=server.database, **login(server, settings)) as connection:
        return has_cipher(connection)


def pymysql_by_kwargs(host: str, server: Server, settings: rds_tls.Settings | None) -> object:
    """Ask MariaDB over PyMySQL's own connect, with the arguments that rds_tls gives."""
    options = rds_tls.mysql_kwargs(host, database=server.database, **login(server, settings))
    with pymysql.connect(**options) as connection:
        return has_cipher(connection)


def has_cipher(connection: "pymysql.Connection[Any]") -> bool:
    """Say whether the server sees a TLS cipher on this connection."""
    with connection.cursor() as cursor:
        cursor.execute("SHOW STATUS LIKE 'Ssl_cipher'")
        row = cursor.fetchone()
    return bool(row and row[1])


def context_by_socket(host: str, server: Server, settings: rds_tls.Settings | None) -> object:
    """Shake hands with PostgreSQL by the context alone, as a driver does that takes one."""
    with socket.create_connection((server.host, server.port)) as plain:
        plain.sendall(SSL_REQUEST)
        plain.recv(1)
        context = rds_tls.ssl_context(host, settings=settings)
        with context.wrap_socket(plain, server_hostname=host) as tls:
            return tls.version() in {"TLSv1.2", "TLSv1.3"}


def context_by_loop(host: str, server: Server, settings: rds_tls.Settings | None) -> object:
    """Do the same in an event loop."""

    async def ask() -> object:
        reader, writer = await asyncio.open_connection(server.host, server.port)
        try:
            writer.write(SSL_REQUEST)
            await reader.readexactly(1)
            await writer.start_tls(rds_tls.ssl_context(host, settings=settings), server_hostname=host)
            return writer.get_extra_info("ssl_object").version() in {"TLSv1.2", "TLSv1.3"}
        finally:
            writer.transport.abort()

    return asyncio.run(ask())


HELPERS = {
    "psycopg": Way("postgres", psycopg.OperationalError, psycopg_sync),
    "psycopg-async": Way("postgres", psycopg.OperationalError, psycopg_async),
    "pymysql": Way("mariadb", pymysql.err.OperationalError, pymysql_helper),
}
BY_KWARGS = {
    "psycopg-kwargs": Way("postgres", psycopg.OperationalError, psycopg_by_kwargs),
    "pymysql-kwargs": Way("mariadb", pymysql.err.OperationalError, pymysql_by_kwargs),
}
BY_CONTEXT = {
    "context-socket": Way("postgres", ssl.SSLError, context_by_socket),
    "context-loop": Way("postgres", ssl.SSLError, context_by_loop),
}
WAYS = {**HELPERS, **BY_KWARGS, **BY_CONTEXT}

every_way = pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)


@pytest.fixture
def server(request: pytest.FixtureRequest, way: Way) -> Server:
    """Give the server that the way to connect needs."""
    found: Server = request.getfixturevalue(way.server)
    return found


def refusal(way: Way, host: str, server: Server, settings: rds_tls.Settings | None) -> Exception:
    """Connect where it must fail and give the driver's own exception."""
    with pytest.raises(way.error) as caught:
        way.answer(host, server, settings)
    # The driver's own class, not one of ours that happens to derive from it.
    assert type(caught.value).__module__.split(".")[0] in {"psycopg", "pymysql", "ssl"}
    return caught.value


def assert_explained(error: Exception, way: Way, host: str, cause: Cause) -> None:
    """A helper's error has one note, with what this cause means for the host, and its fix."""
    if way in HELPERS.values():
        (expected,) = {diagnosis for _, diagnosis in TEXTS if diagnosis.cause is cause}
        (note,) = error.__notes__
        meaning, fix = note.splitlines()
        assert meaning.startswith("rds_tls: " + expected.meaning.partition(":")[0].format(host=host))
        assert fix == f"rds_tls: fix: {expected.fix}"


def days(count: int) -> datetime:
    """Give the moment that many days from now, in UTC."""
    return datetime.now(UTC) + timedelta(days=count)


@every_way
@pytest.mark.parametrize("host", NAMES)
def test_right_name_passes(way: Way, server: Server, pki: Pki, host: str) -> None:
    """A chain to the region's root and a name among the SANs connect, and the server sees TLS."""
    server.present(pki.authority.issue(NAMES))
    assert way.answer(host, server, pki.settings) is True


@every_way
def test_wrong_name_is_refused(way: Way, server: Server, pki: Pki) -> None:
    """A certificate of another cluster in the same region is refused."""
    server.present(pki.authority.issue(NAMES))
    assert_explained(refusal(way, OTHER, server, pki.settings), way, OTHER, Cause.NAME_MISMATCH)


@every_way
def test_sibling_region_is_refused(way: Way, server: Server, pki: Pki) -> None:
    """A chain to another region's root is refused, although that root is as real."""
    server.present(pki.authority.issue(NAMES))
    error = refusal(way, WRITER, server, pki.sibling_settings)
    assert_explained(error, way, WRITER, Cause.UNKNOWN_ROOT)


@every_way
def test_real_roots_refuse_a_foreign_authority(way: Way, server: Server, pki: Pki) -> None:
    """The region's real RDS roots, from the snapshot, refuse a private CA that uses their names."""
    server.present(pki.authority.issue(NAMES))
    error = refusal(way, WRITER, server, OFFLINE)
    assert_explained(error, way, WRITER, Cause.UNKNOWN_ROOT)


BAD_LEAVES: dict[str, tuple[Callable[[Pki], Credentials], Cause]] = {
    "expired": (
        lambda pki: pki.authority.issue(NAMES, not_before=days(-30), not_after=days(-1)),
        Cause.EXPIRED,
    ),
    "not-yet-valid": (
        lambda pki: pki.authority.issue(NAMES, not_before=days(1), not_after=days(30)),
        Cause.NOT_YET_VALID,
    ),
    "self-signed": (lambda pki: pki.authority.self_signed(NAMES), Cause.SELF_SIGNED),
    "no-intermediate": (
        lambda pki: pki.authority.issue(NAMES, with_intermediate=False),
        Cause.UNKNOWN_ROOT,
    ),
}


@every_way
@pytest.mark.parametrize(("make", "cause"), BAD_LEAVES.values(), ids=BAD_LEAVES)
def test_bad_leaf_is_refused(
    way: Way, server: Server, pki: Pki, make: Callable[[Pki], Credentials], cause: Cause
) -> None:
    """An expired, early, self-signed or unchained leaf is refused with its cause."""
    server.present(make(pki))
    assert_explained(refusal(way, WRITER, server, pki.settings), way, WRITER, cause)


def ways(*names: str) -> pytest.MarkDecorator:
    """Parametrize a test with some of the ways."""
    return pytest.mark.parametrize("way", [WAYS[name] for name in names], ids=names)


@ways("pymysql", "pymysql-kwargs", *BY_CONTEXT)
def test_leaf_without_san_is_refused(way: Way, server: Server, pki: Pki) -> None:
    """A leaf that carries its name in the common name alone is refused where a context decides."""
    server.present(pki.authority.issue([WRITER], with_san=False))
    assert_explained(refusal(way, WRITER, server, pki.settings), way, WRITER, Cause.NAME_MISMATCH)


@ways("psycopg")
def test_libpq_accepts_a_common_name(way: Way, server: Server, pki: Pki) -> None:
    """Libpq takes the common name of a leaf without a SAN: a documented limit, noticed here if it ends."""
    server.present(pki.authority.issue([WRITER], with_san=False))
    assert way.answer(WRITER, server, pki.settings) is True


@ways("psycopg", "psycopg-async", "psycopg-kwargs")
def test_postgres_without_tls_is_refused(way: Way, server: PostgresServer, pki: Pki) -> None:
    """A PostgreSQL server that answers N to the TLS request is refused."""
    server.tls_off()
    assert_explained(refusal(way, WRITER, server, pki.settings), way, WRITER, Cause.NO_TLS)


@ways("psycopg", "psycopg-async", "psycopg-kwargs", *BY_CONTEXT)
def test_postgres_with_old_tls_is_refused(way: Way, server: PostgresServer, pki: Pki) -> None:
    """A PostgreSQL server that speaks TLS 1.1 at most is refused."""
    server.present(pki.authority.issue(NAMES))
    server.tls_only_1_1()
    assert_explained(refusal(way, WRITER, server, pki.settings), way, WRITER, Cause.OLD_TLS)


@ways("pymysql", "pymysql-kwargs")
def test_mariadb_without_tls_is_refused(way: Way, mariadb_without_tls: MariaDbServer, pki: Pki) -> None:
    """A MySQL server that offers no TLS is refused."""
    error = refusal(way, WRITER, mariadb_without_tls, pki.settings)
    assert_explained(error, way, WRITER, Cause.NO_TLS)


@ways("pymysql", "pymysql-kwargs")
def test_mariadb_with_old_tls_is_refused(way: Way, mariadb_with_tls_1_1: MariaDbServer, pki: Pki) -> None:
    """A MySQL server that speaks TLS 1.1 at most is refused."""
    mariadb_with_tls_1_1.present(pki.authority.issue(NAMES))
    error = refusal(way, WRITER, mariadb_with_tls_1_1, pki.settings)
    assert_explained(error, way, WRITER, Cause.OLD_TLS)
