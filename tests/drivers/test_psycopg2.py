"""psycopg2: what its own libpq is told and made of that, and which libpq is too old, for psycopg too."""

import inspect
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psycopg
import psycopg2
import psycopg2.extensions
import psycopg2.pool
import pytest

import rds_tls
from rds_tls.drivers import Target, reserved
from rds_tls.drivers import psycopg2 as adapter
from rds_tls.endpoint import RootSet
from rds_tls.roots.lookup import obtain_anchors
from tests.conftest import OFFLINE, REGION, Pki
from tests.drivers.test_options import HARMLESS_LIBPQ, LIBPQ_OPTIONS, SMUGGLED, VERIFIED_LIBPQ
from tests.support.blackhole import blackhole
from tests.support.local_rds import PostgresServer

CANARY = "c4n4ry-p4ssw0rd"
NOWHERE = ("127.0.0.1", 1)  # what a call that should be refused would dial
HOST = "orders.cluster-abc123def456.eu-west-1.rds.amazonaws.com"
OTHER = "other.cluster-abc123def456.eu-west-1.rds.amazonaws.com"

HARMLESS_PSYCOPG2 = {"connection_factory", "cursor_factory"}
# What psycopg2.connect takes out of its **kwargs before libpq sees them (its __init__.py and extensions.make_dsn).
BESIDES = {"async", "async_", "database"}


@pytest.fixture
def server(postgres: PostgresServer, pki: Pki) -> PostgresServer:
    """PostgreSQL with a certificate for both names."""
    postgres.present(pki.authority.issue([HOST, OTHER]))
    return postgres


def login(server: PostgresServer) -> dict[str, Any]:
    """Give what psycopg2 logs in with."""
    return {"user": server.user, "password": server.password, "dbname": server.database}


def connect(**options: Any) -> "psycopg2.extensions.connection":
    """Connect with the helper."""
    made: psycopg2.extensions.connection = rds_tls.connect_postgres(
        HOST, driver="psycopg2", **{"user": "app", **options}
    )
    return made


def give(**options: Any) -> dict[str, Any]:
    """Give the arguments alone."""
    return rds_tls.postgres_kwargs(HOST, "psycopg2", **options)


def target(server: PostgresServer, pki: Pki) -> Target:
    """Describe the connection that a check is to be made for."""
    anchors = obtain_anchors(RootSet(rds_tls.Trust.RDS, REGION), pki.settings)
    return Target(HOST, server.port, anchors, (server.host, server.port), (server.host,))


def test_every_option_is_decided() -> None:
    """Each option of psycopg2 and its libpq is reserved or harmless; so is each of the newest libpq that is here."""
    known = adapter.known()
    refused = {name for name in known if reserved(name, adapter.RESERVED)}
    assert known - refused == known & (HARMLESS_LIBPQ | HARMLESS_PSYCOPG2)
    assert refused >= {"sslmode", "sslrootcert", "gssencmode", "hostaddr", "dsn", "async", "database"}
    assert set(inspect.signature(psycopg2.connect).parameters) == {"dsn", "kwargs"} | HARMLESS_PSYCOPG2
    assert set(adapter._PARAMETERS) >= LIBPQ_OPTIONS


def test_own_libpq_is_asked() -> None:
    """The names that this psycopg2 is given are those that its own libpq knows, whatever psycopg's knows."""
    told = {name: value for name, value in VERIFIED_LIBPQ.items() if name in adapter.known()}
    ca_path = rds_tls.ca_path(region="eu-west-1", settings=OFFLINE)
    assert give(user="app", settings=OFFLINE) == told | {"host": HOST, "sslrootcert": ca_path, "user": "app"}
    assert give(settings=OFFLINE).keys() == {name for name in adapter.known() if reserved(name, adapter.RESERVED)} - {
        "dsn",
        "service",
        *BESIDES,
    }


def test_older_libpq_is_not_given_what_it_rejects(monkeypatch: pytest.MonkeyPatch) -> None:
    """A parameter that this libpq refuses is neither given to it nor taken from a caller."""
    parse = psycopg2.extensions.parse_dsn

    def older(dsn: str) -> Any:  # noqa: ANN401 - parse_dsn's own
        if dsn.startswith(("sslcertmode", "require_auth")):
            raise psycopg2.ProgrammingError("invalid dsn: invalid connection option")
        return parse(dsn)

    monkeypatch.setattr(psycopg2.extensions, "parse_dsn", older)
    assert "sslcertmode" not in give()
    with pytest.raises(rds_tls.OptionError, match="the installed driver has no option 'require_auth'"):
        give(require_auth="scram-sha-256")


RESERVED = sorted({name for name in adapter.known() if reserved(name, adapter.RESERVED)} - {"host"})


@pytest.mark.parametrize("name", [*RESERVED, "ssl_of_the_future", "requiressl"])
@pytest.mark.parametrize("call", [connect, give])
def test_conflicting_option_is_refused(name: str, call: Any) -> None:  # noqa: ANN401 - two signatures
    """An option that could weaken TLS or lead elsewhere raises before anything is dialled."""
    with pytest.raises(rds_tls.OptionError, match=f"driver option '{name}' cannot be passed: "):
        call(via=NOWHERE, **{name: "x"})


@pytest.mark.parametrize("value", SMUGGLED)
def test_value_is_no_option(value: str) -> None:
    """A value that looks like options is read as the value that it is."""
    options = give(dbname=value, settings=OFFLINE)
    read = psycopg2.extensions.parse_dsn(psycopg2.extensions.make_dsn(**options))
    assert (read["dbname"], read["sslmode"], read["host"]) == (value, "verify-full", HOST)


@pytest.mark.parametrize("name", ["user", "password", "dbname", "application_name"])
@pytest.mark.parametrize("value", [f"{CANARY}\0", f"{CANARY}\ud800"], ids=["NUL", "half a surrogate pair"])
@pytest.mark.parametrize("call", [connect, give])
def test_value_that_ends_early_is_refused(call: Any, name: str, value: str) -> None:  # noqa: ANN401 - as above
    """A value that libpq would cut off, and all options behind it, is refused, and not shown."""
    with pytest.raises(rds_tls.OptionError, match=f"{name}= has a character that libpq takes for the end") as caught:
        call(**{"via": NOWHERE, "settings": OFFLINE, name: value})
    assert CANARY not in str(caught.value)
    assert caught.value.__context__ is None


def of_psycopg2(version: int, patch: pytest.MonkeyPatch) -> Callable[[], object]:
    """Let psycopg2 have a libpq."""
    patch.setattr(psycopg2.extensions, "libpq_version", lambda: version)
    return give


def of_psycopg(version: int, patch: pytest.MonkeyPatch) -> Callable[[], object]:
    """Let psycopg have a libpq."""
    patch.setattr(psycopg.pq, "version", lambda: version)
    return lambda: rds_tls.postgres_kwargs(HOST)


@pytest.mark.parametrize(("of", "extra"), [(of_psycopg2, "psycopg2"), (of_psycopg, "postgres")])
@pytest.mark.parametrize("version", [120_022, 130_004, 140_000])
def test_libpq_that_believes_what_is_injected_is_refused(
    monkeypatch: pytest.MonkeyPatch, version: int, of: Callable[..., Callable[[], object]], extra: str
) -> None:
    """A libpq from before the fix of CVE-2021-23222, or one that cannot be told of a TLS version, is named."""
    call = of(version, monkeypatch)
    with pytest.raises(rds_tls.DriverNotInstalledError, match=rf"believes what comes before TLS.*'rds-tls\[{extra}\]'"):
        call()


@pytest.mark.parametrize("of", [of_psycopg2, of_psycopg])
@pytest.mark.parametrize("version", [130_005, 140_001, 150_000, 180_000])
def test_libpq_that_is_safe_is_used(
    monkeypatch: pytest.MonkeyPatch, version: int, of: Callable[..., Callable[[], object]]
) -> None:
    """The first fixed ones, and all later ones, are used."""
    assert of(version, monkeypatch)()


@pytest.mark.parametrize("call", [connect, give])
def test_missing_psycopg2_says_what_to_install(monkeypatch: pytest.MonkeyPatch, call: Any) -> None:  # noqa: ANN401 - as above
    """Without psycopg2 a call raises an ImportError that holds the command to run."""
    monkeypatch.setitem(sys.modules, "psycopg2", None)
    with pytest.raises(rds_tls.DriverNotInstalledError, match=r"pip install 'rds-tls\[psycopg2\]'"):
        call(via=NOWHERE)


# One thing besides what the arguments of ours say, each of which a leftover or a bug of a driver's could change.
DEVIATIONS: dict[str, dict[str, Any]] = {
    "plain": {"sslmode": "disable"},
    "other name": {"host": OTHER},
    "a second name": {"host": f"{HOST},{OTHER}", "hostaddr": "127.0.0.1,127.0.0.1"},
    "name not verified": {"sslmode": "verify-ca"},
    "chain not verified": {"sslmode": "require"},
    "old TLS allowed": {"ssl_min_protocol_version": "TLSv1.1"},
    "GSS encryption allowed": {"gssencmode": "prefer"},
    "other roots": {"sslrootcert": "sibling.pem"},
    "a file of revocations": {"sslcrl": "none.pem"},
    "no server name indication": {"sslsni": "0"},
}


@pytest.mark.parametrize("deviation", DEVIATIONS.values(), ids=DEVIATIONS)
def test_unverified_connection_is_closed(
    server: PostgresServer, pki: Pki, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, deviation: dict[str, Any]
) -> None:
    """A connection for which libpq was told anything else than the arguments say does not pass the check."""
    monkeypatch.chdir(tmp_path)
    Path("sibling.pem").write_bytes(pki.authority.root_pem)  # the chain has to verify for a connection to come about
    assert_not_passed(server, pki, deviation, {})


@pytest.mark.parametrize("meant", [{"port": 1}, {"hostaddr": "127.0.0.2"}], ids=["other port", "other address"])
def test_connection_elsewhere_is_closed(server: PostgresServer, pki: Pki, meant: dict[str, Any]) -> None:
    """A connection to another port or address than the tunnel's does not pass the check."""
    assert_not_passed(server, pki, {}, meant)


def assert_not_passed(server: PostgresServer, pki: Pki, deviation: dict[str, Any], meant: dict[str, Any]) -> None:
    """Connect with what deviates from the arguments, and see the check against what was meant refuse and close it."""
    where = target(server, pki)
    options = adapter.kwargs(where)
    connection = psycopg2.connect(**options | deviation, **login(server))
    with pytest.raises(rds_tls.UnverifiedConnectionError, match="without verified TLS; it was closed"):
        adapter.verify(connection, where, options | meant)
    assert connection.closed


@pytest.mark.parametrize(("in_use", "version"), [(False, "TLSv1.3"), (True, "TLSv1.1"), (True, None)])
def test_connection_that_libpq_does_not_call_tls_is_closed(
    server: PostgresServer,
    pki: Pki,
    in_use: bool,  # noqa: FBT001 - a row of the table above
    version: str | None,
) -> None:
    """Whatever libpq was told, its word about TLS counts: a server cannot bring this about, a bug could."""
    closed = []
    where = target(server, pki)
    told = adapter.kwargs(where)
    info = SimpleNamespace(
        ssl_in_use=in_use,
        ssl_attribute=lambda _: version,
        dsn_parameters={name: str(value) for name, value in told.items()},
    )
    connection: Any = SimpleNamespace(info=info, close=lambda: closed.append(True))
    with pytest.raises(rds_tls.UnverifiedConnectionError):
        adapter.verify(connection, where, told)
    assert closed == [True]
    info.ssl_in_use, info.ssl_attribute = True, lambda _: "TLSv1.2"
    adapter.verify(connection, where, told)


def test_helper_checks_what_it_returns(server: PostgresServer, pki: Pki, monkeypatch: pytest.MonkeyPatch) -> None:
    """Should the arguments ever fail to bring TLS about, the helper returns nothing."""
    plain = {"host": HOST, "hostaddr": server.host, "port": server.port, "sslmode": "disable"}
    monkeypatch.setattr(adapter, "kwargs", lambda _: plain)
    with pytest.raises(rds_tls.UnverifiedConnectionError):
        connect(**login(server), settings=pki.settings)


def test_connection_keeps_no_password(server: PostgresServer, pki: Pki) -> None:
    """What psycopg2's connection says of itself holds no password."""
    connection = connect(**login(server), via=(server.host, server.port), settings=pki.settings)
    shown = f"{connection!r} {connection.dsn} {connection.info.dsn_parameters}"
    connection.close()
    assert server.password not in shown


def test_threaded_pool_takes_the_arguments(server: PostgresServer, pki: Pki) -> None:
    """Each connection of psycopg2's own pool verifies with them."""
    options = give(**login(server), via=(server.host, server.port), settings=pki.settings, connect_timeout=30)
    pool = psycopg2.pool.ThreadedConnectionPool(1, 2, **options)
    try:
        adapter.verify(pool.getconn(), target(server, pki), options)
    finally:
        pool.closeall()


@pytest.mark.parametrize("driver", ["psycopg2", "psycopg"])
def test_next_address_is_dialled_in_time(
    server: PostgresServer,
    pki: Pki,
    monkeypatch: pytest.MonkeyPatch,
    driver: Any,  # noqa: ANN401 - a Literal
) -> None:
    """An address that does not answer takes no more than its share of libpq's time: the second one is reached."""
    resolve = socket.getaddrinfo

    def two(host: str, *args: Any, **options: Any) -> Any:  # noqa: ANN401 - getaddrinfo's own
        names = ("127.0.0.2", "127.0.0.1") if host == HOST else (host,)
        return [entry for name in names for entry in resolve(name, *args, **options)]

    monkeypatch.setattr(socket, "getaddrinfo", two)
    with blackhole("127.0.0.2", server.port):
        connection = rds_tls.connect_postgres(
            HOST, driver=driver, port=server.port, settings=pki.settings, connect_timeout=5, **login(server)
        )
    connection.close()


def test_connection_of_another_kind_is_closed(server: PostgresServer, pki: Pki) -> None:
    """A connection_factory may give what has nothing to be asked: it is closed, and not passed on."""
    closed = []
    where = target(server, pki)
    connection: Any = SimpleNamespace(close=lambda: closed.append(True))
    with pytest.raises(rds_tls.UnverifiedConnectionError):
        adapter.verify(connection, where, adapter.kwargs(where))
    assert closed == [True]
