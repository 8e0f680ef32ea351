"""mysql-connector-python, pure and of asyncio: its options, its versions, and what ours changes of its connections."""

import asyncio
import inspect
import logging
import socket
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mysql.connector
import mysql.connector.aio
import pytest
import sqlalchemy
from sqlalchemy.pool import NullPool

import rds_tls
from rds_tls.connect.aws import session
from rds_tls.connect.plan import Plan, make_plan
from rds_tls.connect.request import Request
from rds_tls.context.dial import Deadline
from rds_tls.drivers import MYSQL, _mysql_connector, mysql_connector, mysql_connector_aio, reserved
from tests.conftest import OFFLINE, Pki
from tests.hostile import mysql as hostile
from tests.hostile.attacks import GOOD_CERTIFICATES
from tests.hostile.evidence import Protocol
from tests.hostile.stage import EMPTY_STAGE, GOOD, Authorities, Stage, server_context
from tests.hostile.wire import Wire, listening
from tests.support.blackhole import blackhole
from tests.support.leaks import CANARY, assert_clean, locals_of_ours
from tests.support.local_https import LocalHttps
from tests.support.local_rds import Authority, KeyType
from tests.support.local_rds.mysql_compatible import MySqlCompatibleServer
from tests.support.local_rds.pki import unverified_context
from tests.support.rows import ROWS, TLS_IN_MYSQL, Row
from tests.support.trust_store import HOST as ROTATED
from tests.support.trust_store import REGION, TrustStore

HOST = "orders.cluster-abc123def456.eu-west-1.rds.amazonaws.com"
OTHER = "other.cluster-abc123def456.eu-west-1.rds.amazonaws.com"
NOWHERE = ("127.0.0.1", 1)  # what a call that should be refused would dial
SECONDS = 30  # far more than anything here takes

# What a caller may pass on: none of these decides where the bytes go or whether TLS carries them. Files for LOAD DATA
# LOCAL are sent to a verified server alone. A name that a new version adds is in neither list.
HARMLESS = set(
    """
    user password password2 password3 database port charset collation use_unicode converter_class
    converter_str_fallback autocommit time_zone sql_mode get_warnings raise_on_warnings connect_timeout read_timeout
    write_timeout client_flags compress buffered raw auth_plugin allow_local_infile allow_local_infile_in_path
    consume_results conn_attrs use_pure krb_service_principal kerberos_auth_mode oci_config_file oci_config_profile
    webauthn_callback openid_token_file init_command
    """.split()  # noqa: SIM905 - forty quoted names would hide the list
)
OPTIONS = set(mysql.connector.constants.DEFAULT_CONFIGURATION)
AIO_OPTIONS = set(inspect.signature(mysql.connector.aio.MySQLConnection).parameters)
# What mysql.connector.connect knows, and a connection does not.
OF_CONNECT = {"failover", "option_files", "option_groups", "pool_name", "pool_reset_session", "pool_size"}

CONNECTOR_ROWS = [row for row in ROWS if row.driver == "mysql-connector"]
every_row = pytest.mark.parametrize("row", CONNECTOR_ROWS, ids=lambda row: row.name)


@pytest.fixture
def server(mysql: MySqlCompatibleServer, pki: Pki) -> MySqlCompatibleServer:
    """A server with a certificate for the endpoint."""
    mysql.present(pki.authority.issue([HOST]))
    return mysql


def arguments(server: MySqlCompatibleServer, pki: Pki) -> dict[str, Any]:
    """Give what connects to the server."""
    return {
        "user": server.user,
        "password": server.password,
        "database": server.database,
        "via": (server.host, server.port),
        "settings": pki.settings,
    }


def connected(**options: Any) -> Any:  # noqa: ANN401 - the driver's
    """Connect by the pure driver."""
    return rds_tls.connect_mysql(HOST, driver="mysql-connector", **options)


def awaited(**options: Any) -> Any:  # noqa: ANN401 - a coroutine of the driver's
    """Connect by the driver's asyncio connection."""
    return rds_tls.aconnect_mysql(HOST, driver="mysql-connector", **options)


@pytest.mark.parametrize(
    ("known", "adapter"), [(OPTIONS, mysql_connector), (AIO_OPTIONS, mysql_connector_aio)], ids=["pure", "asyncio"]
)
def test_every_option_is_decided(known: set[str], adapter: Any) -> None:  # noqa: ANN401 - a module
    """Each option that the installed driver knows is reserved or listed as harmless, never both."""
    refused = {name for name in known if reserved(name, adapter.RESERVED)}
    assert adapter.known() == known
    assert known - refused == known & HARMLESS
    assert refused >= {"ssl_ca", "ssl_disabled", "ssl_verify_cert", "tls_versions", "unix_socket", "host", "password1"}


RESERVED_NAMES = sorted(
    ({name for name in OPTIONS | AIO_OPTIONS if reserved(name, mysql_connector.RESERVED)} | OF_CONNECT)
    - {"host", "connect_timeout"}
)


@every_row
@pytest.mark.parametrize("name", [*RESERVED_NAMES, "ssl_option_of_the_future"])
def test_conflicting_option_is_refused(row: Row, name: str) -> None:
    """An option that contradicts ours raises before anything is dialled, whatever its value."""
    options: dict[str, Any] = {name: True}
    with pytest.raises(rds_tls.OptionError, match=f"driver option '{name}' cannot be passed: "):
        row.connect_and_ask(HOST, "SELECT 1", user="app", via=NOWHERE, **options)


def test_arguments_alone_are_refused() -> None:
    """They would trust the system's CAs; what to call in their place is named."""
    with pytest.raises(
        rds_tls.OptionError, match=r"no arguments make mysql-connector verify by itself: .*connect_mysql"
    ):
        rds_tls.mysql_kwargs(HOST, driver="mysql-connector")
    with pytest.raises(rds_tls.OptionError, match="no arguments bound mysql-connector"):
        mysql_connector.bounds(5.0)


def test_c_extension_is_refused(server: MySqlCompatibleServer, pki: Pki) -> None:
    """It cannot be bounded, nor looked at afterwards; asking for what is the default anyway is fine."""
    with pytest.raises(rds_tls.OptionError, match="use_pure=False asks for the driver's C extension, which"):
        connected(**arguments(server, pki), use_pure=False)
    connected(**arguments(server, pki), use_pure=True).close()


@every_row
@pytest.mark.parametrize("name", ["password", "password2"])
def test_password_that_cannot_be_sent_is_refused(row: Row, name: str, caplog: pytest.LogCaptureFixture) -> None:
    """Half a surrogate pair is refused, and not shown as the driver's own UnicodeEncodeError would show it."""
    caplog.set_level(logging.DEBUG)
    options: dict[str, Any] = {"password": "x", name: f"{CANARY}\ud800"}
    with pytest.raises(rds_tls.OptionError, match=f"{name}= has half a surrogate pair") as caught:
        row.connect_and_ask(HOST, "SELECT 1", user="app", via=NOWHERE, settings=OFFLINE, **options)
    assert_clean(caught.value, caplog)


@every_row
def test_old_driver_is_refused(row: Row, monkeypatch: pytest.MonkeyPatch) -> None:
    """A version before 9.2 is named with what upgrades it."""
    monkeypatch.setattr(mysql.connector, "__version_info__", (9, 1, 0, "", 1))
    monkeypatch.setattr(mysql.connector, "__version__", "9.1.0")
    message = r"mysql-connector-python 9\.1\.0 .* pip install --upgrade 'rds-tls\[mysql-connector\]'"
    with pytest.raises(rds_tls.DriverNotInstalledError, match=message):
        row.connect_and_ask(HOST, "SELECT 1", user="app", via=NOWHERE)


@every_row
def test_missing_driver_is_named(row: Row, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the driver its extra is named."""
    monkeypatch.setitem(sys.modules, "mysql.connector", None)
    with pytest.raises(rds_tls.DriverNotInstalledError, match=r"pip install 'rds-tls\[mysql-connector\]'"):
        row.connect_and_ask(HOST, "SELECT 1", user="app", via=NOWHERE)


@every_row
def test_systems_cas_do_not_count(
    row: Row, server: MySqlCompatibleServer, pki: Pki, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the driver itself trusts beside any file, the system's CAs, is not trusted."""
    store = tmp_path / "system.pem"
    store.write_bytes(pki.authority.root_pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(store))
    login = arguments(server, pki) | {"settings": pki.sibling_settings}
    with pytest.raises(mysql.connector.Error, match="unable to get local issuer certificate"):
        row.connect_and_ask(HOST, TLS_IN_MYSQL, **login)
    assert row.has_tls(row.connect_and_ask(HOST, TLS_IN_MYSQL, **arguments(server, pki)))


@pytest.mark.parametrize("seconds", [None, 10.0])
def test_bound_ends_with_connecting(server: MySqlCompatibleServer, pki: Pki, seconds: float | None) -> None:
    """No timeout stays on the socket, and the caller's own for queries are kept."""
    connection = connected(**arguments(server, pki), connect_timeout=seconds)
    assert connection._socket.sock.gettimeout() is None
    connection.ping()
    assert connection._socket.sock.gettimeout() is None
    connection.close()
    connection = connected(**arguments(server, pki), connect_timeout=seconds, read_timeout=7, write_timeout=8)
    assert (connection.read_timeout, connection.write_timeout) == (7, 8)
    connection.ping()
    assert connection._socket.sock.gettimeout() == 7.0
    connection.close()


def test_waiting_ends_though_something_comes() -> None:
    """A server that sends a byte now and then does not make the time longer."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(b"x")
        with pytest.raises(TimeoutError):
            mysql_connector._Waiting(ours, Deadline(0.0)).recv_into(bytearray(1), 1)
        with pytest.raises(TimeoutError):
            mysql_connector._Waiting(ours, Deadline(0.0)).sendall(b"x")


def test_handshake_has_no_more_than_what_is_left() -> None:
    """Where the time is up when TLS would start, it does not."""
    context = rds_tls.ssl_context(HOST, settings=OFFLINE)
    late = mysql_connector._socket_class(mysql.connector)(HOST, MYSQL.port, context, HOST, Deadline(0.0))
    ours, theirs = socket.socketpair()
    with ours:
        theirs.close()
        late.sock = mysql_connector._Waiting(ours, Deadline(None))
        with pytest.raises(mysql.connector.errors.ConnectionTimeoutError):
            late.switch_to_ssl()


def _outcome(row: Row, **options: Any) -> Exception:
    """Give what a connect raises, in a thread, so that one which does not end is noticed."""
    raised: list[Exception] = []

    def connect() -> None:
        try:
            row.connect_and_ask(HOST, "SELECT 1", user="app", settings=OFFLINE, connect_timeout=0.3, **options)
        except Exception as error:  # noqa: BLE001 - whatever it is, the test looks at it
            raised.append(error)

    thread = threading.Thread(target=connect, daemon=True)
    thread.start()
    thread.join(SECONDS)
    assert raised, "the connect does not end"
    return raised[0]


@every_row
def test_dripping_server_ends_in_time(row: Row) -> None:
    """A greeting that never ends is given up as one that never comes."""
    over = threading.Event()

    def drip(wire: Wire) -> None:
        wire.send(b"\xff\xff\xff\0\x0a")  # a packet of 16 MiB
        while not over.wait(0.01):
            wire.send(b"x")

    with listening(drip) as peer:
        try:
            error = _outcome(row, via=peer.address)
        finally:
            over.set()
    assert isinstance(error, mysql.connector.errors.ConnectionTimeoutError)


@every_row
def test_blackhole_ends_in_time(row: Row) -> None:
    """Where nobody answers, the driver's own class says so when the time is up."""
    with blackhole() as via:
        error = _outcome(row, via=via)
    assert isinstance(error, mysql.connector.errors.ConnectionTimeoutError)
    assert "Can't connect to MySQL server on '127.0.0.1:" in str(error)


def test_next_address_is_dialled_in_time(
    server: MySqlCompatibleServer, pki: Pki, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An address that does not answer takes no more than its share, where the driver itself tries the first alone."""
    resolve = socket.getaddrinfo

    def both(host: str, *args: Any, **options: Any) -> Any:  # noqa: ANN401 - getaddrinfo's own
        names = ("127.0.0.2", "127.0.0.1") if host == HOST else (host,)
        return [entry for name in names for entry in resolve(name, *args, **options)]

    monkeypatch.setattr(socket, "getaddrinfo", both)
    login = arguments(server, pki)
    del login["via"]
    with blackhole("127.0.0.2", server.port):
        connected(**login, port=server.port, connect_timeout=2.0).close()


def test_refused_port_is_the_drivers_error() -> None:
    """What the system says is worded as the driver words it."""
    with pytest.raises(mysql.connector.InterfaceError, match=r"2003.*Can't connect to MySQL server on '127.0.0.1:1'"):
        connected(user="app", via=NOWHERE, settings=OFFLINE)


def test_reconnect_verifies_again(server: MySqlCompatibleServer, pki: Pki) -> None:
    """The driver's reconnect shakes hands as the first connect did, whoever answers by then."""
    connection = connected(**arguments(server, pki))
    connection.reconnect()
    with connection.cursor() as cursor:
        cursor.execute(TLS_IN_MYSQL)
        assert cursor.fetchone()[1]
    server.present(pki.authority.issue([OTHER]))
    with pytest.raises(mysql.connector.InterfaceError, match="Hostname mismatch"):
        connection.reconnect()
    assert not connection.is_connected()


def test_reconnect_asks_for_the_password_again(server: MySqlCompatibleServer, pki: Pki) -> None:
    """A token in it would be 15 minutes old at most, and a rotated password is the new one."""
    asked = []

    def password() -> str:
        asked.append(server)
        return server.password if len(asked) < 3 else "no longer this one"

    connection = connected(**arguments(server, pki) | {"password": password}, autocommit=False)
    connection.autocommit = True
    connection.ping(reconnect=True)
    assert len(asked) == 1
    connection.reconnect()
    assert len(asked) == 2
    assert connection.autocommit is True
    with pytest.raises(mysql.connector.Error, match="Access denied"):
        connection.reconnect()
    assert len(asked) == 3


def test_reconnect_knows_roots_that_came_meanwhile(mysql: MySqlCompatibleServer, tmp_path: Path) -> None:
    """Roots that another connection has found are those of a reconnect too."""
    old, new = Authority(REGION, KeyType.ECC384), Authority(REGION, KeyType.ECC384)
    with LocalHttps(tmp_path) as https:
        store = TrustStore(https, tmp_path / "cache")
        store.publish(REGION, old.root_pem + new.root_pem)
        store.put(REGION, old.root_pem, time.time())
        mysql.present(old.issue([ROTATED]))
        login: dict[str, Any] = {"user": mysql.user, "password": mysql.password, "settings": store.settings}
        login |= {"via": (mysql.host, mysql.port), "driver": "mysql-connector"}
        connection = rds_tls.connect_mysql(ROTATED, **login)
        mysql.present(new.issue([ROTATED]))
        rds_tls.connect_mysql(ROTATED, **login).close()
        connection.reconnect()
        assert connection.is_connected()
        connection.close()


def test_reconnect_of_asyncio_asks_for_the_password_again(server: MySqlCompatibleServer, pki: Pki) -> None:
    """It does so in a thread: the event loop goes on."""
    asked = []

    def password() -> str:
        asked.append(threading.current_thread() is threading.main_thread())
        return server.password if len(asked) < 3 else "no longer this one"

    async def reconnect() -> None:
        connection = await awaited(**arguments(server, pki) | {"password": password})
        await connection.reconnect()
        assert await connection.is_connected()
        with pytest.raises(mysql.connector.Error, match="Access denied"):
            await connection.reconnect()

    asyncio.run(reconnect())
    assert asked == [False, False, False]


def test_reconnect_of_asyncio_verifies_again(server: MySqlCompatibleServer, pki: Pki) -> None:
    """The asyncio connection does the same."""

    async def reconnect() -> None:
        connection = await awaited(**arguments(server, pki))
        await connection.reconnect()
        assert await connection.is_connected()
        server.present(pki.authority.issue([OTHER]))
        with pytest.raises(mysql.connector.InterfaceError, match="Hostname mismatch"):
            await connection.reconnect()
        await connection.close()

    asyncio.run(reconnect())


def test_connection_passes_for_the_drivers(server: MySqlCompatibleServer, pki: Pki) -> None:
    """Pools and ORMs find mysql.connector by the module of the connection's class, as DBUtils does."""

    async def module() -> str:
        connection = await awaited(**arguments(server, pki))
        assert isinstance(connection, mysql.connector.aio.MySQLConnection)
        await connection.close()
        return type(connection).__module__

    connection = connected(**arguments(server, pki))
    assert isinstance(connection, mysql.connector.MySQLConnection)
    assert type(connection).__module__ == "mysql.connector.connection"
    assert asyncio.run(module()) == "mysql.connector.aio.connection"
    connection.close()


def test_sqlalchemy_takes_the_connection(server: MySqlCompatibleServer, pki: Pki) -> None:
    """An engine of the driver's dialect, given what it would ask for itself, runs on connections of ours."""
    flags = [mysql.connector.ClientFlag.FOUND_ROWS]
    engine = sqlalchemy.create_engine(
        "mysql+mysqlconnector://",
        creator=lambda: connected(**arguments(server, pki), buffered=True, client_flags=flags),
        poolclass=NullPool,
    )
    with engine.begin() as connection:
        connection.execute(sqlalchemy.text("CREATE TEMPORARY TABLE orders (id INT)"))
        connection.execute(sqlalchemy.text("INSERT INTO orders VALUES (:id)"), [{"id": 1}, {"id": 2}])
        assert connection.execute(sqlalchemy.text("UPDATE orders SET id = 3 WHERE id = 1")).rowcount == 1
        assert connection.execute(sqlalchemy.text("SELECT id FROM orders ORDER BY id")).scalars().all() == [2, 3]
        assert connection.execute(sqlalchemy.text(TLS_IN_MYSQL)).one()[1]


def _plan(adapter: Any, server: MySqlCompatibleServer, pki: Pki) -> Plan:  # noqa: ANN401 - a module
    return make_plan(adapter, MYSQL, Request(HOST, settings=pki.settings, via=(server.host, server.port)), {})


FOREIGN: list[dict[str, Any]] = [{"ssl_disabled": True}, {}]


@pytest.mark.parametrize("options", FOREIGN, ids=["plain", "unverified"])
def test_connection_of_another_making_is_closed(
    server: MySqlCompatibleServer, pki: Pki, options: dict[str, Any]
) -> None:
    """A connection without TLS, or on a context that is none of ours, is closed and refused."""
    login = {"host": server.host, "port": server.port, "user": server.user, "password": server.password}
    plan = _plan(mysql_connector, server, pki)
    foreign: Any = mysql.connector.connect(**login, **options, use_pure=True)
    with pytest.raises(rds_tls.UnverifiedConnectionError, match="mysql-connector returned a connection to"):
        mysql_connector.verify(foreign, plan.target, plan.options)
    assert not foreign.is_connected()

    async def look() -> None:
        foreign: Any = await mysql.connector.aio.connect(**login, **options)
        with pytest.raises(rds_tls.UnverifiedConnectionError):
            mysql_connector_aio.verify(foreign, plan.target, plan.options)
        assert not await foreign.is_connected()

    asyncio.run(look())


def test_context_of_another_making_is_closed(
    server: MySqlCompatibleServer, pki: Pki, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Were the context not the sealed one, the check after connecting would see it."""
    monkeypatch.setattr(_mysql_connector, "shared_context", lambda _anchors: unverified_context())
    with pytest.raises(rds_tls.UnverifiedConnectionError):
        connected(**arguments(server, pki))
    with pytest.raises(rds_tls.UnverifiedConnectionError):
        asyncio.run(awaited(**arguments(server, pki)))


@every_row
@pytest.mark.parametrize("case", ["wrong password", "wrong name", "foreign root"])
def test_refusals_do_not_show_the_password(
    row: Row, case: str, server: MySqlCompatibleServer, pki: Pki, caplog: pytest.LogCaptureFixture
) -> None:
    """The driver's error, with our note, does not hold it, and no log or local of ours does."""
    caplog.set_level(logging.DEBUG)
    server.present(pki.authority.issue([OTHER if case == "wrong name" else HOST]))
    login = arguments(server, pki) | {"password": CANARY}
    if case == "foreign root":
        login["settings"] = OFFLINE
    with pytest.raises(mysql.connector.Error) as caught:
        row.connect_and_ask(HOST, TLS_IN_MYSQL, **login)
    assert_clean(caught.value, caplog)
    public = ("connect_mysql.", "aconnect_mysql.")  # whose arguments are the caller's own
    held = {name for name, text in locals_of_ours(caught.value).items() if CANARY in text}
    assert {name for name in held if not name.startswith(public)} == set()


@every_row
def test_token_is_never_logged(
    row: Row, pki: Pki, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """At DEBUG the driver writes down what it answers in clear; not while it logs in by us, and as ever otherwise."""
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI")
    session.cache_clear()
    (attack,) = (each for each in GOOD_CERTIFICATES if each.protocol is Protocol.MYSQL)
    stage = Stage(server_context(GOOD, Authorities(pki.authority, pki.authority)), ("", 0))
    with listening(lambda wire: attack.script(wire, stage)) as peer:
        login: dict[str, Any] = {"user": "app", "database": "orders", "via": peer.address, "settings": pki.settings}
        with pytest.raises(mysql.connector.Error):
            row.connect_and_ask(HOST, TLS_IN_MYSQL, **login, iam=True)
        wire = peer.wires[0]  # the second is a look at the server that has ended the first
        own = {"host": peer.address[0], "port": peer.address[1], "user": "app", "password": CANARY}
        with pytest.raises(mysql.connector.Error):
            mysql.connector.connect(**own, use_pure=True)
    session.cache_clear()
    assert b"X-Amz-Signature" in wire.inside
    assert "X-Amz-Signature" not in caplog.text
    assert CANARY in caplog.text


def test_connection_that_fails_after_its_login_is_closed(server: MySqlCompatibleServer, pki: Pki) -> None:
    """A first command that fails ends connecting, and leaves no socket open."""
    with pytest.raises(mysql.connector.ProgrammingError) as caught:
        connected(**arguments(server, pki), init_command="NONSENSE")
    held: list[Any] = [entry.frame.f_locals.get("connection") for entry in caught.traceback]
    assert {connection._socket.sock.fileno() for connection in held if connection is not None} == {-1}


STALLS: dict[str, Callable[[Wire, Stage], None]] = {
    "before the greeting": hostile.stall,
    "in the handshake": hostile.stall_handshake,
}


@pytest.mark.parametrize("stall", STALLS.values(), ids=STALLS)
@pytest.mark.parametrize("by", ["cancel", "timeout"])
def test_cancelled_connect_closes_its_socket(stall: Callable[[Wire, Stage], None], by: str) -> None:
    """Whoever gives up waiting leaves no socket open, and gets what asyncio has for that."""
    met, closed = threading.Event(), threading.Event()

    def script(wire: Wire) -> None:
        met.set()
        try:
            stall(wire, EMPTY_STAGE)
        finally:
            closed.set()

    async def give_up(via: tuple[str, int]) -> None:
        if by == "timeout":
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.2):
                    await awaited(user="app", via=via, settings=OFFLINE, connect_timeout=None)
        else:
            connecting = asyncio.create_task(awaited(user="app", via=via, settings=OFFLINE, connect_timeout=None))
            await asyncio.to_thread(met.wait, SECONDS)
            connecting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await connecting
        assert await asyncio.to_thread(closed.wait, SECONDS)

    with listening(script) as peer:
        asyncio.run(give_up(peer.address))


def test_both_kinds_share_their_rules() -> None:
    """What is decided once holds for both connections."""
    for name in ("DATABASE", "NO_ARGUMENTS", "RESERVED", "kwargs", "bounds", "check", "explain"):
        assert getattr(mysql_connector, name) is getattr(mysql_connector_aio, name) is getattr(_mysql_connector, name)
