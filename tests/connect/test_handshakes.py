"""The handshake matrix: every way in which a server can be wrong, against every way to connect.

Each case is a real connection to a real server. `via=` plays the tunnel, so the RDS names need no DNS.
"""

import asyncio
import socket
import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import pytest

import rds_tls
from tests.conftest import OFFLINE, Pki, Servers
from tests.support.in_c import ADDRESSES
from tests.support.local_rds import Credentials, MySqlCompatibleServer, PostgresServer
from tests.support.local_rds.kinds import POSTGRES_SERVERS, Server
from tests.support.local_rds.postgres import SSL_REQUEST
from tests.support.matrix import on_each_server
from tests.support.rows import ROWS, Row

WRITER = "orders.cluster-abc123def456.eu-west-1.rds.amazonaws.com"
NAMES = [
    WRITER,
    "orders.cluster-ro-abc123def456.eu-west-1.rds.amazonaws.com",
    "orders-1.abc123def456.eu-west-1.rds.amazonaws.com",
]
OTHER = "other.cluster-abc123def456.eu-west-1.rds.amazonaws.com"


class Way(NamedTuple):
    """One way to connect: the kinds of server it is for, the driver's errors, and a call that gives an answer."""

    kinds: tuple[type[Server], ...]
    errors: tuple[type[Exception], ...]
    answer: Callable[[str, Server, rds_tls.Settings | None], object]
    row: Row | None = None


def login(server: Server, settings: rds_tls.Settings | None) -> dict[str, Any]:
    """Give what every driver is given."""
    return {
        "user": server.user,
        "password": server.password,
        "database": server.database,
        "via": ("127.0.0.1", server.port),
        "settings": settings,
    }


def by_helper(row: Row) -> Way:
    """Ask over a connection of rds_tls's."""

    def answer(host: str, server: Server, settings: rds_tls.Settings | None) -> object:
        return row.has_tls(row.connect_and_ask(host, row.question, **login(server, settings)))

    return Way(row.servers, row.errors, answer, row)


def by_arguments(row: Row) -> Way:
    """Ask over a connection of the driver's own, with the arguments that rds_tls gives."""

    def answer(host: str, server: Server, settings: rds_tls.Settings | None) -> object:
        return row.has_tls(row.ask_by_arguments(row.arguments(host, **login(server, settings)), row.question))

    return Way(row.servers, row.errors, answer, row)


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


HELPERS = {row.name: by_helper(row) for row in ROWS}
BY_ARGUMENTS = {f"{row.name}, by arguments": by_arguments(row) for row in ROWS if row.by_arguments}
BY_CONTEXT = {
    "context-socket": Way(POSTGRES_SERVERS, (ssl.SSLError,), context_by_socket),
    "context-loop": Way(POSTGRES_SERVERS, (ssl.SSLError,), context_by_loop),
}
WAYS = {**HELPERS, **BY_ARGUMENTS, **BY_CONTEXT}


def by(ways: dict[str, Way]) -> pytest.MarkDecorator:
    """Parametrize a test with ways, each on every kind of server that it is for."""
    return on_each_server("way", ways, lambda way: way.kinds)


every_way = by(WAYS)


def refusal(way: Way, host: str, server: Server, settings: rds_tls.Settings | None) -> Exception:
    """Connect where it must fail and give the driver's own exception."""
    with pytest.raises(way.errors) as caught:
        way.answer(host, server, settings)
    assert not isinstance(caught.value, rds_tls.RdsTlsError)  # the driver's own class
    return caught.value


def assert_explained(error: Exception, way: Way, host: str, cause: str) -> None:
    """A helper's error has one note, with what this cause means for the host, and its fix; and explain gives its id."""
    if way in HELPERS.values():
        (note,) = error.__notes__
        assert note.startswith("rds_tls: ")
        assert host in note
        diagnosis = rds_tls.explain(error, host)
        assert diagnosis is not None
        assert (diagnosis.id, diagnosis.note()) == (cause, note)


@pytest.fixture(autouse=True)
def _endpoints_on_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the endpoints' names lead to loopback, for a second look at a server that a driver in C resolved itself."""
    resolve = socket.getaddrinfo

    def to_loopback(host: str, *args: Any, **options: Any) -> Any:  # noqa: ANN401 - getaddrinfo's own
        return resolve("127.0.0.1" if host in ADDRESSES else host, *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", to_loopback)


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
    assert_explained(refusal(way, OTHER, server, pki.settings), way, OTHER, "other-name")


@every_way
def test_sibling_region_is_refused(way: Way, server: Server, pki: Pki) -> None:
    """A chain to another region's root is refused, although that root is as real."""
    server.present(pki.authority.issue(NAMES))
    error = refusal(way, WRITER, server, pki.sibling_settings)
    assert_explained(error, way, WRITER, "old-roots")


@every_way
def test_real_roots_refuse_a_foreign_authority(way: Way, server: Server, pki: Pki) -> None:
    """The region's real RDS roots, from the snapshot, refuse a private CA that uses their names."""
    server.present(pki.authority.issue(NAMES))
    error = refusal(way, WRITER, server, OFFLINE)
    assert_explained(error, way, WRITER, "impostor")


BAD_LEAVES: dict[str, tuple[Callable[[Pki], Credentials], str]] = {
    "expired": (
        lambda pki: pki.authority.issue(NAMES, not_before=days(-30), not_after=days(-1)),
        "expired",
    ),
    "not-yet-valid": (
        lambda pki: pki.authority.issue(NAMES, not_before=days(1), not_after=days(30)),
        "not-yet-valid",
    ),
    "self-signed": (lambda pki: pki.authority.self_signed(NAMES), "self-signed"),
    "no-intermediate": (
        lambda pki: pki.authority.issue(NAMES, with_intermediate=False),
        "missing-intermediate",
    ),
}


@every_way
@pytest.mark.parametrize(("make", "cause"), BAD_LEAVES.values(), ids=BAD_LEAVES)
def test_bad_leaf_is_refused(
    way: Way, server: Server, pki: Pki, make: Callable[[Pki], Credentials], cause: str
) -> None:
    """An expired, early, self-signed or unchained leaf is refused with its cause."""
    server.present(make(pki))
    assert_explained(refusal(way, WRITER, server, pki.settings), way, WRITER, cause)


def of(condition: Callable[[Row], bool], *, and_contexts: bool = False) -> pytest.MarkDecorator:
    """Parametrize a test with the ways of some rows, and with the contexts alone."""
    return by({name: way for name, way in WAYS.items() if (condition(way.row) if way.row else and_contexts)})


@of(lambda row: row.by_context, and_contexts=True)
def test_leaf_without_san_is_refused(way: Way, server: Server, pki: Pki) -> None:
    """A leaf that carries its name in the common name alone is refused where a context decides."""
    server.present(pki.authority.issue([WRITER], with_san=False))
    assert_explained(refusal(way, WRITER, server, pki.settings), way, WRITER, "other-name")


@of(lambda row: row.is_postgres and not row.by_context)
def test_libpq_accepts_a_common_name(way: Way, server: Server, pki: Pki) -> None:
    """Libpq takes the common name of a leaf without a SAN: a documented limit, noticed here if it ends."""
    server.present(pki.authority.issue([WRITER], with_san=False))
    assert way.answer(WRITER, server, pki.settings) is True


@of(lambda row: row.is_postgres)
def test_postgres_without_tls_is_refused(way: Way, server: PostgresServer, pki: Pki) -> None:
    """A PostgreSQL server that answers N to the TLS request is refused."""
    server.tls_off()
    assert_explained(refusal(way, WRITER, server, pki.settings), way, WRITER, "no-tls")


@of(lambda row: row.is_postgres, and_contexts=True)
def test_postgres_with_old_tls_is_refused(way: Way, server: PostgresServer, pki: Pki) -> None:
    """A PostgreSQL server that speaks TLS 1.1 at most is refused."""
    server.present(pki.authority.issue(NAMES))
    server.tls_only_1_1()
    assert_explained(refusal(way, WRITER, server, pki.settings), way, WRITER, "old-tls")


@of(lambda row: not row.is_postgres)
def test_mysql_without_tls_is_refused(
    way: Way, server_kind: type[MySqlCompatibleServer], servers: Servers, pki: Pki
) -> None:
    """A MySQL server that offers no TLS is refused."""
    error = refusal(way, WRITER, servers.get(server_kind, "off"), pki.settings)
    assert_explained(error, way, WRITER, "no-tls")


@of(lambda row: not row.is_postgres)
def test_mysql_with_old_tls_is_refused(
    way: Way, server_kind: type[MySqlCompatibleServer], servers: Servers, pki: Pki
) -> None:
    """A MySQL server that speaks TLS 1.1 at most is refused."""
    server = servers.get(server_kind, "1.1")
    server.present(pki.authority.issue(NAMES))
    error = refusal(way, WRITER, server, pki.settings)
    assert_explained(error, way, WRITER, "old-tls")
