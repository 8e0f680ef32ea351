"""mysqlclient's own: its options, its library's waits, and what that library takes from before TLS."""

import json
import os
import re
import socket
import struct
import subprocess
import sys
import threading
import traceback
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import rds_tls
from rds_tls.connect.plan import make_plan
from rds_tls.connect.request import Request
from rds_tls.diagnosis.texts import cause_of_text
from rds_tls.drivers import MYSQL, Target, _in_c, reserved
from rds_tls.drivers import mysqlclient as adapter
from tests.conftest import OFFLINE, Pki
from tests.connect.test_secrets import MISTAKES
from tests.hostile import mysql as hostile
from tests.hostile.stage import EMPTY_STAGE, GOOD, HOST, Authorities, Stage, server_context
from tests.hostile.wire import SAFETY_SECONDS, GoneError, Wire, listening
from tests.support import ROOT, in_c
from tests.support.blackhole import blackhole
from tests.support.leaks import CANARY, assert_clean
from tests.support.local_rds.mysql_compatible import MySqlCompatibleServer
from tests.support.rows import ROWS

MySQLdb = pytest.importorskip("MySQLdb", reason="mysqlclient cannot be built here")
(ROW,) = (row for row in ROWS if row.driver == "mysqlclient")
CONNECTION = pytest.importorskip("MySQLdb.connections").Connection
HERE = __name__

# What a caller may pass on: none of these decides where the bytes go or whether TLS carries them.
HARMLESS = set(
    """
    user password database port conv connect_timeout compress init_command client_flag local_infile local_infile_dir
    read_timeout write_timeout charset collation auth_plugin server_public_key_path cursorclass use_unicode sql_mode
    binary_prefix executemany_fallback multi_statements autocommit
    """.split()  # noqa: SIM905 - twenty quoted names would hide the list
)


@pytest.fixture
def server(mysql: MySqlCompatibleServer, pki: Pki) -> MySqlCompatibleServer:
    """MariaDB with a certificate for the endpoint."""
    mysql.present(pki.authority.issue([HOST, in_c.HALF_DEAD]))
    return mysql


def login(server: MySqlCompatibleServer, pki: Pki) -> dict[str, Any]:
    """Give what a connection needs besides the host."""
    return {"user": server.user, "password": server.password, "port": server.port, "settings": pki.settings}


def far(pki: Pki, server: MySqlCompatibleServer, **options: Any) -> in_c.Far:
    """Connect where the endpoint's name leads to loopback."""
    with in_c.Elsewhere("mysqlclient", "MySQLdb"):
        connection: Any = rds_tls.connect_mysql(HOST, driver="mysqlclient", **login(server, pki) | options)
    assert isinstance(connection, in_c.Far)
    return connection


# Options.


def test_every_option_is_decided() -> None:
    """Each option that the installed mysqlclient writes about is known, and reserved or listed as harmless."""
    written = set(re.findall(r":param (?:\w+ )?(\w+):", CONNECTION.__init__.__doc__ or ""))
    assert len(written) > 20
    assert written <= adapter.known()
    assert adapter.known() - HARMLESS == {name for name in adapter.known() if reserved(name, adapter.RESERVED)}
    assert adapter.known() >= HARMLESS


@pytest.mark.parametrize("name", sorted(adapter.known() - HARMLESS - {"host"}))
def test_conflicting_option_is_refused(name: str) -> None:
    """A TLS option raises before anything is dialled, whatever its value, and the message names it."""
    option: dict[str, Any] = {name: True}
    with pytest.raises(rds_tls.OptionError, match=f"driver option '{name}' cannot be passed: "):
        rds_tls.connect_mysql(HOST, driver="mysqlclient", user="app", **option)


def test_arguments_alone_are_refused() -> None:
    """They would let a man in the middle answer the first queries; the error says what to call."""
    with pytest.raises(
        rds_tls.OptionError, match=r"no arguments make mysqlclient verify .*connect_mysql\(host, driver="
    ):
        rds_tls.mysql_kwargs(HOST, "mysqlclient")


def test_tunnel_is_refused() -> None:
    """The name that is dialled is the one that is verified; the error says what to do instead."""
    with pytest.raises(rds_tls.OptionError, match=r"via= .* verifies the name that it dials\. Let the endpoint's name"):
        rds_tls.connect_mysql(HOST, driver="mysqlclient", user="app", via=("127.0.0.1", 1), settings=OFFLINE)


def test_arguments_verify_everything() -> None:
    """What mysqlclient is told: the endpoint, the region's roots, and to verify both."""
    request = Request(HOST, settings=OFFLINE, user="app", password="x", database="shop")  # noqa: S106
    plan = make_plan(adapter, MYSQL, request, {"charset": "utf8mb4"})
    assert plan.options == {
        "host": HOST,
        "port": 3306,
        "ssl": {"ca": rds_tls.ca_path(HOST, settings=OFFLINE), "cipher": adapter._CIPHERS},
        "ssl_mode": "VERIFY_IDENTITY",
        "user": "app",
        "password": "x",
        "database": "shop",
        "charset": "utf8mb4",
    }


@pytest.mark.parametrize("name", ["user", "password", "database", "init_command"])
@pytest.mark.parametrize("value", [f"{CANARY}\0", f"{CANARY}\ud800"], ids=["NUL", "half a surrogate pair"])
def test_text_that_cannot_be_sent_is_refused(name: str, value: str) -> None:
    """A text that C would cut off, or Python cannot encode, is refused and not shown."""
    arguments: dict[str, Any] = {"user": "app", "settings": OFFLINE, name: value}
    with pytest.raises(rds_tls.OptionError, match=f"{name}= has a NUL, or half a surrogate pair") as caught:
        rds_tls.connect_mysql(HOST, driver="mysqlclient", **arguments)
    assert CANARY not in str(caught.value)
    assert caught.value.__context__ is None


@pytest.mark.parametrize("version", [(1, 4, 6, "final", 0), (2, 1, 1, "final", 0)])
def test_old_version_is_refused(version: tuple[object, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """A mysqlclient that knows no ssl_mode is named with the extra that brings a newer one."""
    monkeypatch.setattr(MySQLdb, "version_info", version)
    number = r"\.".join(map(str, version[:3]))
    message = rf"mysqlclient {number} verifies .*pip install --upgrade 'rds-tls\[mysqlclient\]'"
    with pytest.raises(rds_tls.DriverNotInstalledError, match=message):
        rds_tls.connect_mysql(HOST, driver="mysqlclient", user="app", settings=OFFLINE)


def test_missing_driver_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without mysqlclient the error says which extra brings it."""
    monkeypatch.setitem(sys.modules, "MySQLdb", None)
    with pytest.raises(rds_tls.DriverNotInstalledError, match=r"pip install 'rds-tls\[mysqlclient\]'"):
        rds_tls.connect_mysql(HOST, driver="mysqlclient", user="app", settings=OFFLINE)


# Time.


def stall_login(wire: Wire, stage: Stage) -> None:
    """Shake hands, and answer nothing to the login."""
    start_login(wire, stage)
    wire.listen()


def stall_after_login(wire: Wire, stage: Stage) -> None:
    """Let the client in, and answer none of its queries."""
    wire.send(hostile._packet(start_login(wire, stage) + 1, hostile.OK))
    wire.listen()


def start_login(wire: Wire, stage: Stage) -> int:
    """Shake hands and read the login; give its number."""
    wire.send(hostile._greeting(hostile.CAPABILITIES | hostile.CLIENT_SSL))
    hostile._read(wire)
    wire.start_tls(stage.context)
    return hostile._read(wire)[0]


def half_a_greeting(wire: Wire, _: Stage) -> None:
    """Begin to greet."""
    wire.send(hostile._greeting(hostile.CAPABILITIES)[:30])
    wire.listen()


def refusal(host: str, **arguments: Any) -> BaseException:
    """Connect where it must fail, and give what is raised; a hanging connect fails the test."""
    if ROW.missing:
        pytest.skip(ROW.missing)
    errors: list[BaseException] = []

    def connect() -> None:
        try:
            ROW.connect_and_ask(host, "SELECT 1", **{"user": "app", **arguments})
        except rds_tls.RdsTlsError as error:
            errors.append(error)
        except MySQLdb.MySQLError as error:
            errors.append(error)

    thread = threading.Thread(target=connect, daemon=True)
    thread.start()
    thread.join(SAFETY_SECONDS)
    assert len(errors) == 1
    return errors[0]


@pytest.mark.parametrize(
    "script", [hostile.stall, half_a_greeting, hostile.stall_handshake, stall_login, stall_after_login]
)
def test_every_stall_ends(script: Callable[[Wire, Stage], None], pki: Pki) -> None:
    """connect_timeout ends the wait for a server that stalls at any step, and leaves no connection behind."""
    stage = Stage(server_context(GOOD, Authorities(pki.authority, pki.authority)), ("", 0))
    left = threading.Event()

    def play(wire: Wire) -> None:
        try:
            script(wire, stage)
        except GoneError:
            left.set()

    with listening(play) as peer:
        error = refusal(HOST, port=peer.address[1], settings=pki.settings, connect_timeout=1)
        assert isinstance(error, MySQLdb.OperationalError)
        assert left.wait(SAFETY_SECONDS)


def test_second_address_is_dialled_in_time(server: MySqlCompatibleServer, pki: Pki) -> None:
    """An address that does not answer takes no more than its share: the second one is reached."""
    arguments = login(server, pki) | {"connect_timeout": SAFETY_SECONDS / 10}
    with blackhole("127.0.0.2", server.port):
        assert ROW.has_tls(ROW.connect_and_ask(in_c.HALF_DEAD, ROW.question, **arguments))


def test_dead_addresses_end_in_time() -> None:
    """MariaDB's library dials the second address without a bound; whoever waits for it does not."""
    with blackhole("127.0.0.2") as (_, port), blackhole("127.0.0.3", port):
        error = refusal(in_c.DEAD, port=port, settings=OFFLINE, connect_timeout=1)
    assert error.args == (2003, f"Can't connect to MySQL server on {in_c.DEAD!r} (timed out)")


def test_no_timeout_stays(server: MySqlCompatibleServer, pki: Pki) -> None:
    """A query may take longer than connecting; the caller's own timeout for queries is kept."""
    assert far(pki, server, connect_timeout=1).ask("SELECT SLEEP(1.5)") == (0,)
    with pytest.raises(MySQLdb.OperationalError, match=r"timed out|Lost connection"):
        far(pki, server, read_timeout=1).ask(f"SELECT SLEEP({SAFETY_SECONDS})")


def test_connection_that_comes_too_late_is_closed() -> None:
    """What nobody waits for any more is closed where it arrives, and the wait is cut."""
    cut, closed = threading.Event(), threading.Event()

    class Late:
        def close(self) -> None:
            closed.set()

    def connect() -> Late:
        assert cut.wait(SAFETY_SECONDS)
        return Late()

    with pytest.raises(TimeoutError):
        _in_c.within(0.01, connect, cut.set)
    assert closed.wait(SAFETY_SECONDS)


CONNECT_TWICE = """
{early}
{patch}
from types import SimpleNamespace
from rds_tls.drivers._in_c import within
for _ in range(2):
    within({seconds}, SimpleNamespace, print)
print("both")
"""


@pytest.mark.parametrize("early", ["", "import rds_tls.drivers._in_c"], ids=["early", "late"])
@pytest.mark.parametrize(
    "patch", ["import gevent.monkey; gevent.monkey.patch_all()", "import eventlet; eventlet.monkey_patch()"]
)
def test_threads_may_be_greenlets(early: str, patch: str) -> None:
    """Where a package replaces threads, before or after rds_tls is imported, waiting for a job stops nobody."""
    script = CONNECT_TWICE.format(early=early, patch=patch, seconds=SAFETY_SECONDS)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script],
        capture_output=True,
        text=True,
        check=False,
        timeout=2 * SAFETY_SECONDS,
    )
    assert (done.stdout, done.returncode) == ("both\n", 0), done.stderr


def test_connection_that_comes_just_then_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that is there when the time is up is given, and not left open for nobody."""

    class UpWhenItCame(Future[Any]):
        def result(self, timeout: float | None = None) -> Any:  # noqa: ANN401 - the future's own
            found = super().result()
            if timeout is not None:
                raise TimeoutError
            return found

    monkeypatch.setattr(_in_c, "Future", UpWhenItCame)
    assert isinstance(_in_c.within(SAFETY_SECONDS, Made, threading.Event().set), Made)


class Made:
    """A connection, and the thread that made it."""

    def __init__(self) -> None:
        self.thread = threading.current_thread()

    def close(self) -> None:
        """Close it."""


def test_thread_connects_again_and_keeps_nothing() -> None:
    """One thread after the other costs more than one for all, and it holds no connection that it has given away."""
    first = _in_c.within(SAFETY_SECONDS, Made, threading.Event().set)
    thread, kept = first.thread, weakref.ref(first)
    del first
    assert _in_c.within(SAFETY_SECONDS, Made, threading.Event().set).thread is thread
    assert kept() is None


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_child_process_has_threads_of_its_own() -> None:
    """A child has none of its parent's threads, and connects by a new one."""
    script = (
        "import os; from rds_tls.drivers._in_c import within, _idle; from types import SimpleNamespace as Made\n"
        "for _ in range(2): within(30, Made, print)\n"
        "child = os.fork() or os._exit(within(30, lambda: Made(close=print, status=7), print).status)\n"
        "print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))"
    )
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "7\n"


def test_only_the_own_connection_is_cut() -> None:
    """A descriptor that is no connection to the port is left alone."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)) as own, listener.accept()[0] as peer:
            for descriptor, other in ((own.fileno(), port + 1), (-1, port), (listener.fileno(), port)):
                _in_c.cut(descriptor, other)
            own.sendall(b"x")
            assert peer.recv(1) == b"x"
            _in_c.cut(own.fileno(), port)
            assert peer.recv(1) == b""


def test_name_that_nobody_knows_is_one_to_dial(monkeypatch: pytest.MonkeyPatch) -> None:
    """The driver says so itself, in its own words."""

    def unknown(*_args: object, **_options: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    assert _in_c.count_addresses(HOST) == 1


@pytest.mark.parametrize(("seconds", "whole"), [(0.1, 1), (1, 1), (9.5, 10), (10, 10)])
def test_time_is_whole_seconds(seconds: float, whole: int) -> None:
    """No time at all would mean no bound."""
    assert adapter.bounds(seconds) == {"connect_timeout": whole}


# What the library says.


@pytest.mark.parametrize(
    ("said", "cause"),
    [
        ("TLS/SSL error: Validation of SSL server certificate failed", "other-name"),  # 3.3.20
        ("TLS/SSL error: Hostname verification failed", "other-name"),  # 3.4.10
        ("TLS/SSL error: SSL is required, but the server does not support it", "no-tls"),  # both
        ("TLS/SSL error: sslv3 alert handshake failure", "old-tls"),  # both, with OpenSSL 3.0
        ("TLS/SSL error: ssl/tls alert handshake failure", "old-tls"),  # OpenSSL 3.2 and later
    ],
)
def test_words_of_either_version_are_known(server: MySqlCompatibleServer, pki: Pki, said: str, cause: str) -> None:
    """MariaDB's library says the same in other words from 3.4 on."""
    assert cause_of_text(adapter.explain(MySQLdb.OperationalError(2026, said), target(server, pki))) == cause


# What is looked at after connecting.


def target(server: MySqlCompatibleServer, pki: Pki) -> Target:
    """Describe the endpoint at the server's port."""
    return make_plan(adapter, MYSQL, Request(HOST, port=server.port, settings=pki.settings), {}).target


def plain(server: MySqlCompatibleServer, **options: Any) -> dict[str, Any]:
    """Give mysqlclient's arguments for a connection that verifies nothing."""
    return {"host": server.host, "port": server.port, "user": server.user, "password": server.password, **options}


@pytest.mark.parametrize("mode", ["DISABLED", "REQUIRED"])
def test_other_connection_is_closed(server: MySqlCompatibleServer, pki: Pki, mode: str) -> None:
    """A connection in clear, or with TLS that verified nothing, is closed and refused, whoever made it."""
    options = plain(server, ssl={}, ssl_mode=mode)
    makers: list[Callable[[], Any]] = [lambda: MySQLdb.connect(**options)]
    if mode == "REQUIRED":
        makers.append(lambda: adapter.connect(options, target(server, pki), 10))
    for make in makers:
        connection = make()
        with pytest.raises(rds_tls.UnverifiedConnectionError, match="without verified TLS; it was closed"):
            adapter.verify(connection, target(server, pki), options)
        assert not connection.open


@pytest.mark.parametrize("seconds", [None, 10])
def test_connection_in_clear_is_found(server: MySqlCompatibleServer, pki: Pki, seconds: float | None) -> None:
    """Should the library not ask for TLS, its own word ends the connection."""
    options = plain(server, ssl_mode="DISABLED")
    with pytest.raises(rds_tls.UnverifiedConnectionError, match=r"mysqlclient returned a connection to 127\.0\.0\.1"):
        adapter.connect(options, target(server, pki), seconds)


# What lets OpenSSL speak TLS 1.1 again (OpenSSL documentation, config(5)).
LAX = """\
openssl_conf = openssl
[openssl]
ssl_conf = ssl
[ssl]
system_default = lax
[lax]
MinProtocol = TLSv1
CipherString = DEFAULT@SECLEVEL=0
"""
ASK_ALONE = """
import json, sys
from tests.drivers.test_mysqlclient import ask_alone
print(ask_alone(json.loads(sys.stdin.read())))
"""


@pytest.mark.parametrize("floor", [True, False])
def test_tls_1_2_is_the_floor(
    mysql_with_tls_1_1: MySqlCompatibleServer, pki: Pki, tmp_path: Path, *, floor: bool
) -> None:
    """Where OpenSSL is told to speak TLS 1.1, the ciphers that mysqlclient is given end that before the login."""
    server = mysql_with_tls_1_1
    server.present(pki.authority.issue([HOST]))
    arguments = plain(server, **adapter.kwargs(target(server, pki)))
    if not floor:
        del arguments["ssl"]["cipher"]
    if reason := in_c.missing("MySQLdb"):
        pytest.skip(reason)
    config = tmp_path / "openssl.cnf"
    config.write_text(LAX)
    done = subprocess.run(
        [sys.executable, "-c", ASK_ALONE],
        cwd=ROOT,
        env=os.environ | in_c.environment() | {"OPENSSL_CONF": str(config)},
        input=json.dumps(arguments),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ("alert handshake failure" in done.stderr) is floor, done.stderr
    assert ("('real',)" in done.stdout) is not floor


def class_of(connection: Any) -> str:  # noqa: ANN401 - the driver's
    """Name the module of a connection's class, by which pools find the driver."""
    return type(connection).__module__


def test_pools_find_the_driver(server: MySqlCompatibleServer, pki: Pki) -> None:
    """The class of the connection says that it is mysqlclient's."""
    assert far(pki, server).do("run", f"{HERE}:class_of") == "MySQLdb.connections"


def ask_by_engine(arguments: dict[str, Any]) -> object:
    """Ask over an engine of SQLAlchemy's whose connections are rds_tls's."""
    import sqlalchemy  # noqa: PLC0415 - the other process does this alone

    engine = sqlalchemy.create_engine(
        "mysql+mysqldb://", creator=lambda: rds_tls.connect_mysql(HOST, driver="mysqlclient", **arguments)
    )
    with closing(engine.raw_connection()), engine.connect() as connection:
        answer = connection.execute(sqlalchemy.text("SELECT 1")).scalar_one()
    engine.dispose()
    return answer


def test_engine_takes_the_connections(server: MySqlCompatibleServer, pki: Pki) -> None:
    """SQLAlchemy's creator= takes a function that connects."""
    assert in_c.Far("MySQLdb").do("run", f"{HERE}:ask_by_engine", login(server, pki)) == 1


def test_common_name_is_accepted(server: MySqlCompatibleServer, pki: Pki) -> None:
    """MariaDB's library takes the common name of a leaf without a SAN: a documented limit, noticed here if it ends."""
    server.present(pki.authority.issue([HOST], with_san=False))
    assert ROW.has_tls(ROW.connect_and_ask(HOST, ROW.question, **login(server, pki)))


# What a man in the middle puts behind the real server's greeting.


def lengthy(data: bytes) -> bytes:
    """Put a text's length before it (MySQL internals, "Protocol::LengthEncodedString")."""
    return bytes([len(data)]) + data


def forged(answer: bytes) -> bytes:
    """Answer login, SET NAMES and SET autocommit, and then the first query, with one row (MySQL internals)."""
    column = (
        lengthy(b"def") + lengthy(b"") * 3 + lengthy(b"a") * 2 + b"\x0c" + struct.pack("<HIBHBxx", 45, 64, 253, 0, 0)
    )
    end = b"\xfe\0\0\x02\0"
    packets = [(3, hostile.OK), (1, hostile.OK), (1, hostile.OK)]
    packets += list(enumerate((b"\x01", column, end, lengthy(answer), end), 1))
    return b"".join(hostile._packet(number, payload) for number, payload in packets)


def between(answer: bytes) -> Callable[[Wire, Stage], None]:
    """Sit between client and real server, who hears no word of MariaDB's own, and put answers behind its greeting."""

    def script(wire: Wire, stage: Stage) -> None:
        with socket.create_connection(stage.upstream, SAFETY_SECONDS) as upstream, upstream.makefile("rb", 0) as stream:
            header = stream.read(4) or b""
            greeting = stream.read(int.from_bytes(header[:3], "little")) or b""
            own = greeting.index(0, 1) + 27  # MariaDB's own capabilities (MariaDB, "Initial Handshake Packet")
            wire.send(header + greeting[:own] + bytes(4) + greeting[own + 4 :] + forged(answer))
            wire.relay(upstream)

    return script


@pytest.fixture
def middle(server: MySqlCompatibleServer) -> Iterator[int]:
    """The port of a man in the middle who answers the first query himself."""
    script = between(b"forged")
    stage = EMPTY_STAGE._replace(upstream=(server.host, server.port))
    with listening(lambda wire: script(wire, stage)) as peer:
        yield peer.address[1]


def test_forged_answer_is_found(server: MySqlCompatibleServer, pki: Pki, middle: int) -> None:
    """A question that nobody can foresee finds the answers that came before TLS, and the error says what that is."""
    error = refusal(HOST, **login(server, pki) | {"port": middle})
    assert isinstance(error, rds_tls.UnverifiedConnectionError)
    assert "bytes from before TLS" in str(error)
    assert "speaks out of turn, as a man in the middle does" in error.__notes__[0]


def is_closed_by_refusal(arguments: dict[str, Any]) -> bool:
    """Say whether the connection that is refused is closed, while its error is still at hand."""
    with pytest.raises(rds_tls.UnverifiedConnectionError) as caught:
        rds_tls.connect_mysql(HOST, driver="mysqlclient", **arguments)
    frames = [frame for frame, _ in traceback.walk_tb(caught.value.__traceback__) if "connection" in frame.f_locals]
    return not frames[-1].f_locals["connection"].open


def test_connection_with_a_forged_answer_is_closed(server: MySqlCompatibleServer, pki: Pki, middle: int) -> None:
    """The error says that the connection was closed, and it is."""
    arguments = login(server, pki) | {"port": middle}
    assert in_c.Far("MySQLdb").do("run", f"{HERE}:is_closed_by_refusal", arguments)


def ask_alone(arguments: dict[str, Any]) -> object:
    """Ask over a connection of mysqlclient's own."""
    with MySQLdb.connect(**arguments) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT 'real'")
        return cursor.fetchone()


def test_arguments_alone_take_a_forged_answer(server: MySqlCompatibleServer, pki: Pki, middle: int) -> None:
    """Why arguments alone are refused: a documented limit of the library's, noticed here if it ends."""
    arguments = {**plain(server, **adapter.kwargs(target(server, pki))), "port": middle}
    assert in_c.Far("MySQLdb").do("run", f"{HERE}:ask_alone", arguments) == ("forged",)


# Secrets.


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES)
def test_mistakes_do_not_show_the_password(mistake: dict[str, Any], caplog: pytest.LogCaptureFixture) -> None:
    """An error of ours names the mistake and not the password beside it."""
    arguments = {"host": HOST, "user": "app", "password": CANARY, "settings": OFFLINE, **mistake}
    with pytest.raises(rds_tls.RdsTlsError) as caught:
        rds_tls.connect_mysql(arguments.pop("host"), driver="mysqlclient", **arguments)
    assert_clean(caught.value, caplog)


@pytest.mark.parametrize("case", ["wrong password", "wrong name", "foreign root"])
def test_refusals_do_not_show_the_password(
    case: str, server: MySqlCompatibleServer, pki: Pki, caplog: pytest.LogCaptureFixture
) -> None:
    """A driver's error, with our note, does not hold it either."""
    server.present(pki.authority.issue([f"x{HOST}" if case == "wrong name" else HOST]))
    settings = OFFLINE if case == "foreign root" else pki.settings
    error = refusal(HOST, password=CANARY, port=server.port, settings=settings)
    assert_clean(error, caplog)
    assert (len(getattr(error, "__notes__", ())) == 1) is (case != "wrong password")
