"""What surrounds a handshake: dialling, tunnels, the check after connecting, missing and old drivers."""

import _ssl
import asyncio
import socket
import ssl
import subprocess
import sys
import threading
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
from rds_tls.endpoint import RootSet
from rds_tls.roots.anchors import Anchors
from rds_tls.roots.lookup import obtain_anchors
from rds_tls.settings import Settings
from tests.conftest import OFFLINE, REGION, Pki
from tests.hostile import mysql as hostile_mysql
from tests.hostile import postgres as hostile_postgres
from tests.hostile.stage import EMPTY_STAGE, Stage
from tests.hostile.wire import Wire, listening
from tests.support import ROOT
from tests.support.local_rds import KeyType, MariaDbServer, PostgresServer

CANARY = "c4n4ry-p4ssw0rd"
HOST = "orders.cluster-abc123def456.eu-west-1.rds.amazonaws.com"
GLOBAL_WRITER = "orders.global-abc123def456.global.rds.amazonaws.com"

Server = PostgresServer | MariaDbServer


@pytest.fixture
def pki(pkis: dict[KeyType, Pki]) -> Pki:
    """The PKI with the fastest keys: key types make no difference here."""
    return pkis[KeyType.ECC384]


@pytest.fixture
def postgres(postgres: PostgresServer, pki: Pki) -> PostgresServer:
    """PostgreSQL with a certificate for the endpoint."""
    postgres.present(pki.authority.issue([HOST, GLOBAL_WRITER]))
    return postgres


@pytest.fixture
def mariadb(mariadb: MariaDbServer, pki: Pki) -> MariaDbServer:
    """MariaDB with a certificate for the endpoint."""
    mariadb.present(pki.authority.issue([HOST, GLOBAL_WRITER]))
    return mariadb


def target(server: Server, settings: Settings) -> Target:
    """Describe the connection that a check is to be made for."""
    return Target(HOST, server.port, target_bundle(settings), (server.host, server.port))


def target_bundle(settings: Settings) -> Anchors:
    """Find the trust anchors of the region."""
    return obtain_anchors(RootSet(rds_tls.Trust.RDS, REGION), settings)


@pytest.fixture
def loopback_resolver(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every name resolve to 127.0.0.1, as a private hosted zone would."""
    resolve = socket.getaddrinfo

    def to_loopback(_host: str, *args: Any, **options: Any) -> Any:  # noqa: ANN401 - getaddrinfo's own
        return resolve("127.0.0.1", *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", to_loopback)


def connect_async(*args: Any, **options: Any) -> Any:  # noqa: ANN401 - the driver's connection
    """Connect with the asyncio helper."""
    return asyncio.run(rds_tls.aconnect_postgres(*args, **options))


@pytest.mark.usefixtures("loopback_resolver")
def test_postgres_is_dialled_by_its_name(postgres: PostgresServer, pki: Pki, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without via= psycopg dials the endpoint's name, where it leads and not where PGHOSTADDR says, and verifies it."""
    monkeypatch.setenv("PGHOSTADDR", "127.0.0.9")  # nobody listens there
    monkeypatch.setenv("PGPASSWORD", postgres.password)
    monkeypatch.setenv("PGSSLMODE", "disable")

    async def connect() -> None:
        # The asyncio twin: in every version of psycopg it asks the resolver of this process.
        async with await rds_tls.aconnect_postgres(
            f"{HOST}:{postgres.port}", user=postgres.user, dbname=postgres.database, settings=pki.settings
        ) as connection:
            assert connection.pgconn.ssl_in_use
            assert connection.info.host == HOST
            assert connection.info.hostaddr == "127.0.0.1"

    asyncio.run(connect())


@pytest.mark.usefixtures("loopback_resolver")
def test_mysql_is_dialled_by_its_name(mariadb: MariaDbServer, pki: Pki) -> None:
    """Without via= PyMySQL dials the endpoint's name and port."""
    with rds_tls.connect_mysql(
        HOST, user=mariadb.user, password=mariadb.password, port=mariadb.port, settings=pki.settings
    ) as connection:
        assert connection.host == HOST


@pytest.mark.parametrize("connect", [rds_tls.connect_postgres, connect_async], ids=["sync", "async"])
def test_postgres_tunnel_by_name(
    postgres: PostgresServer, pki: Pki, monkeypatch: pytest.MonkeyPatch, connect: Callable[..., Any]
) -> None:
    """A tunnel may be given by a name of several addresses: each is dialled in turn, and the endpoint is verified."""
    resolve = socket.getaddrinfo

    def two_addresses(host: str, *args: Any, **options: Any) -> Any:  # noqa: ANN401 - getaddrinfo's own
        if host != "tunnel.test":
            return resolve(host, *args, **options)
        # Nobody listens at the first; resolvers give an address once for each kind of socket.
        return [entry for each in ("127.0.0.2", "127.0.0.2", "127.0.0.1") for entry in resolve(each, *args, **options)]

    monkeypatch.setattr(socket, "getaddrinfo", two_addresses)
    via = ("tunnel.test", postgres.port)
    options = rds_tls.postgres_kwargs(HOST, via=via, settings=pki.settings)
    assert (options["hostaddr"], options["host"]) == ("127.0.0.2,127.0.0.1", f"{HOST},{HOST}")
    login = {"user": postgres.user, "password": postgres.password, "dbname": postgres.database}
    connection = connect(HOST, via=via, settings=pki.settings, **login)
    assert connection.info.hostaddr == "127.0.0.1"
    assert connection.info.host == HOST
    connection.pgconn.finish()
    postgres.present(pki.authority.issue([GLOBAL_WRITER]))
    with pytest.raises(psycopg.OperationalError, match="does not match host name"):
        connect(HOST, via=via, settings=pki.settings, **login)


def wait_for_loop(monkeypatch: pytest.MonkeyPatch, name: str) -> list[bool]:
    """Let a function of the socket module wait until the running event loop goes on; list whether it did, each time."""
    loop, function, went_on = asyncio.get_running_loop(), getattr(socket, name), list[bool]()

    def late(*args: Any, **options: Any) -> Any:  # noqa: ANN401 - the function's own
        turned = threading.Event()
        loop.call_soon_threadsafe(turned.set)
        went_on.append(turned.wait(10))
        return function(*args, **options)

    monkeypatch.setattr(socket, name, late)
    return went_on


def test_event_loop_goes_on_while_a_name_resolves(
    postgres: PostgresServer, pki: Pki, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All that is decided before the driver dials is decided in a thread: a resolver that takes long stops nobody."""
    login: dict[str, Any] = {"user": postgres.user, "password": postgres.password, "dbname": postgres.database}

    async def connect() -> list[bool]:
        went_on = wait_for_loop(monkeypatch, "getaddrinfo")
        via = ("localhost", postgres.port)
        async with await rds_tls.aconnect_postgres(HOST, via=via, settings=pki.settings, **login):
            return went_on

    assert asyncio.run(connect()) == [True]


def test_event_loop_goes_on_while_a_refusal_is_explained(
    postgres: PostgresServer, pki: Pki, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is decided after a refusal is decided in a thread too: the second look may take its time."""

    async def connect() -> list[bool]:
        went_on = wait_for_loop(monkeypatch, "create_connection")
        via = (postgres.host, postgres.port)
        with pytest.raises(psycopg.OperationalError) as caught:
            await rds_tls.aconnect_postgres(HOST, user="app", via=via, settings=pki.sibling_settings)
        assert len(caught.value.__notes__) == 1
        return went_on

    assert asyncio.run(connect()) == [True]


def test_mysql_reconnects_through_its_tunnel(mariadb: MariaDbServer, pki: Pki) -> None:
    """A reconnect of PyMySQL's goes through the tunnel again and verifies the endpoint again."""
    connection = rds_tls.connect_mysql(
        HOST,
        user=mariadb.user,
        password=mariadb.password,
        via=(mariadb.host, mariadb.port),
        settings=pki.settings,
    )
    connection.close()
    connection.connect()
    pymysql_adapter.verify(connection, target(mariadb, pki.settings), {})
    connection.close()


def test_global_writer_connects_with_its_region(postgres: PostgresServer, pki: Pki) -> None:
    """An endpoint without a region in its name connects with region=."""
    with rds_tls.connect_postgres(
        GLOBAL_WRITER,
        user=postgres.user,
        password=postgres.password,
        dbname=postgres.database,
        via=(postgres.host, postgres.port),
        region=REGION,
        settings=pki.settings,
    ) as connection:
        assert connection.info.host == GLOBAL_WRITER


def test_other_errors_stay_bare(postgres: PostgresServer, mariadb: MariaDbServer, pki: Pki) -> None:
    """A wrong password is no matter of TLS: the driver's error passes without a note."""
    for connect, server in ((rds_tls.connect_postgres, postgres), (rds_tls.connect_mysql, mariadb)):
        via = (server.host, server.port)
        with pytest.raises((psycopg.OperationalError, pymysql.err.OperationalError)) as caught:
            connect(HOST, user=server.user, password="wrong", via=via, settings=pki.settings)  # noqa: S106 - a wrong one, on purpose
        assert not hasattr(caught.value, "__notes__")


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
    where = Target(HOST, 5432, target_bundle(pki.settings), ("localhost", 1))
    options = psycopg_adapter.kwargs(where)
    assert (options["hostaddr"], options["host"]) == ("localhost", HOST)
    with pytest.raises(psycopg.OperationalError, match='could not parse network address "localhost"'):
        psycopg.connect(**options)


def test_connection_that_libpq_does_not_call_tls_is_closed(pki: Pki) -> None:
    """Whatever libpq was told, its word that TLS is in use counts: a server cannot bring this about, a bug could."""
    finished = []
    where = Target(HOST, 5432, target_bundle(pki.settings))
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


def test_timeouts_of_the_login_end_with_it(mariadb: MariaDbServer, pki: Pki) -> None:
    """Queries wait as long as the caller's own read_timeout says, which is for ever unless given."""
    login: dict[str, Any] = {"user": mariadb.user, "password": mariadb.password, "settings": pki.settings}
    via = (mariadb.host, mariadb.port)
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
    monkeypatch.setattr(psycopg_adapter, "_EXPLAIN_SECONDS", 0.1)
    text = "SSL error: certificate verify failed"
    script = hostile_postgres.play(answer)
    with listening(lambda wire: script(wire, EMPTY_STAGE)) as peer:
        where = Target(HOST, 5432, target_bundle(pki.settings), peer.address)
        assert psycopg_adapter.explain(psycopg.OperationalError(text), where) == text


def test_second_handshake_has_five_seconds_for_each_step(
    postgres: PostgresServer, pki: Pki, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dialling, the answer and the handshake of the second look each end after five seconds."""
    timeouts: list[float | None] = []
    dial, shake_hands = socket.create_connection, ssl.SSLSocket.do_handshake

    def dialled(address: tuple[str, int], timeout: float) -> socket.socket:
        plain = dial(address, timeout)
        timeouts.extend((timeout, plain.gettimeout()))
        return plain

    def shaken(tls: ssl.SSLSocket, block: bool = False) -> None:  # noqa: FBT001, FBT002 - the method's own signature
        timeouts.append(tls.gettimeout())
        shake_hands(tls, block)

    monkeypatch.setattr(socket, "create_connection", dialled)
    monkeypatch.setattr(ssl.SSLSocket, "do_handshake", shaken)
    error = psycopg.OperationalError("SSL error: certificate verify failed")
    psycopg_adapter.explain(error, target(postgres, pki.settings))
    assert timeouts == [5.0, 5.0, 5.0]


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
        lambda settings: {"ssl": tunnel_context(target_bundle(settings), GLOBAL_WRITER)},
    ],
    ids=["plain", "own context", "other name"],
)
def test_unverified_mysql_connection_is_closed(
    mariadb: MariaDbServer, pki: Pki, options: Callable[[Settings], dict[str, Any]]
) -> None:
    """A connection without TLS, with a context of somebody else's, or of another name does not pass the check."""
    assert_refused_and_closed(mariadb, pki, options(pki.settings))


def test_old_tls_to_mysql_is_closed(mariadb_with_tls_1_1: MariaDbServer, pki: Pki) -> None:
    """Even with one of our contexts, should it ever let TLS 1.1 through, the connection does not pass the check."""
    mariadb_with_tls_1_1.present(pki.authority.issue([HOST]))
    context = TunnelContext(target_bundle(pki.settings), HOST)
    own = _ssl._SSLContext  # below the seal, where no program comes by chance
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        own.minimum_version.__set__(context, ssl.TLSVersion.TLSv1_1)  # type: ignore[attr-defined]
    own.set_ciphers(context, "ALL:@SECLEVEL=0")
    assert_refused_and_closed(mariadb_with_tls_1_1, pki, {"ssl": context})


def assert_refused_and_closed(server: MariaDbServer, pki: Pki, options: dict[str, Any]) -> None:
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


def test_mysql_helper_checks_what_it_returns(mariadb: MariaDbServer, pki: Pki, monkeypatch: pytest.MonkeyPatch) -> None:
    """Should the arguments ever fail to bring TLS about, the helper returns nothing."""
    plain = {"host": mariadb.host, "port": mariadb.port, "ssl_disabled": True}
    monkeypatch.setattr(pymysql_adapter, "kwargs", lambda _: plain)
    with pytest.raises(rds_tls.UnverifiedConnectionError):
        rds_tls.connect_mysql(HOST, user=mariadb.user, password=mariadb.password, settings=pki.settings)


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


def test_explanation_is_asked_only_where_libpq_has_none(postgres: PostgresServer, pki: Pki) -> None:
    """An error that says why keeps its text; one that does not keeps it too when a second handshake succeeds."""
    where = target(postgres, pki.settings)
    for text in ("connection refused", "SSL error: certificate verify failed"):
        assert psycopg_adapter.explain(psycopg.OperationalError(text), where) == text


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
