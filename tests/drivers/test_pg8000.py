"""pg8000: its options, its two interfaces, and a bound for connecting that is as a whole and ends with it."""

import inspect
import socket
import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pg8000.dbapi
import pg8000.native
import pytest

import rds_tls
from rds_tls.connect.plan import make_plan
from rds_tls.connect.request import Request
from rds_tls.context import dial
from rds_tls.context.tunnel import tunnel_context
from rds_tls.diagnosis.cause import Diagnosis
from rds_tls.drivers import POSTGRES, reserved, sync_adapter
from rds_tls.drivers import pg8000 as adapter
from tests.conftest import OFFLINE, Pki
from tests.hostile import postgres as hostile
from tests.hostile.postgres import Answer
from tests.hostile.stage import EMPTY_STAGE, GOOD, Authorities, Stage, server_context
from tests.hostile.wire import Wire, listening
from tests.support.blackhole import blackhole
from tests.support.local_rds import PostgresServer
from tests.support.local_rds.pki import unverified_context
from tests.support.rows import TLS_IN_POSTGRESQL

CANARY = "c4n4ry-p4ssw0rd"
NOWHERE = ("127.0.0.1", 1)  # what a call that should be refused would dial
HOST = "orders.cluster-abc123def456.eu-west-1.rds.amazonaws.com"
OTHER = "other.cluster-abc123def456.eu-west-1.rds.amazonaws.com"

# What a caller may pass on: none of these decides where the bytes go or whether TLS carries them. A name that a new
# version of pg8000 adds is neither here nor reserved, and the test below asks for a decision.
HARMLESS = {
    "user",
    "password",
    "database",
    "port",
    "source_address",
    "tcp_keepalive",
    "application_name",
    "replication",
    "startup_params",
}
OPTIONS = set(inspect.signature(pg8000.dbapi.connect).parameters)


@pytest.fixture
def server(postgres: PostgresServer, pki: Pki) -> PostgresServer:
    """PostgreSQL with a certificate for the endpoint."""
    postgres.present(pki.authority.issue([HOST]))
    return postgres


def login(server: PostgresServer, pki: Pki) -> dict[str, Any]:
    """Give what a connection to the server needs."""
    via = (server.host, server.port)
    return {"user": server.user, "password": server.password, "dbname": server.database} | {
        "via": via,
        "settings": pki.settings,
    }


def connect(**options: Any) -> "pg8000.dbapi.Connection":
    """Connect with the helper."""
    connection: pg8000.dbapi.Connection = rds_tls.connect_postgres(HOST, driver="pg8000", **{"user": "app", **options})
    return connection


def give(**options: Any) -> dict[str, Any]:
    """Give the arguments alone."""
    return rds_tls.postgres_kwargs(HOST, "pg8000", **options)


def test_every_option_is_decided() -> None:
    """Each option that this pg8000 knows is reserved or listed as harmless, never both; native takes the same."""
    refused = {name for name in OPTIONS if reserved(name, adapter.RESERVED)}
    assert OPTIONS - refused == OPTIONS & HARMLESS
    assert refused == {"host", "sock", "ssl_context", "timeout", "unix_sock"}
    assert set(inspect.signature(pg8000.core.CoreConnection).parameters) == OPTIONS


@pytest.mark.parametrize("name", ["sock", "ssl_context", "ssl_of_the_future", "timeout", "unix_sock"])
@pytest.mark.parametrize("call", [connect, give])
def test_conflicting_option_is_refused(name: str, call: Any) -> None:  # noqa: ANN401 - two signatures
    """An option that could weaken TLS or lead elsewhere raises before anything is dialled."""
    with pytest.raises(rds_tls.OptionError, match=f"driver option '{name}' cannot be passed: "):
        call(via=NOWHERE, **{name: None})


def test_arguments_are_ours_alone() -> None:
    """The arguments are the endpoint, the region's sealed context, and no other way to the server."""
    assert give(user="app", dbname="shop", port=6000) == {
        "host": HOST,
        "port": 6000,
        "ssl_context": rds_tls.ssl_context(HOST),
        "unix_sock": None,
        "user": "app",
        "database": "shop",
    }


def test_arguments_take_no_bound() -> None:
    """pg8000's own timeout goes on after connecting, so it is not given under the name of one that does not."""
    with pytest.raises(
        rds_tls.OptionError, match=r"timeout goes on to cut queries short: call rds_tls\.connect_postgres"
    ):
        give(connect_timeout=3)


@pytest.mark.parametrize(
    "options",
    [
        {"password": f"{CANARY}\0"},
        {"startup_params": {"x": f"{CANARY}\ud800".encode("utf-8", "surrogatepass") + b"\0"}},
    ],
)
@pytest.mark.parametrize("call", [connect, give])
def test_text_that_is_not_sent_as_it_is_is_refused(call: Any, options: dict[str, Any]) -> None:  # noqa: ANN401 - as above
    """A NUL would begin the next parameter of the login."""
    with pytest.raises(rds_tls.OptionError, match="has a NUL or half a surrogate pair") as caught:
        call(via=NOWHERE, settings=OFFLINE, **options)
    assert CANARY not in f"{caught.value!r} {caught.value}"
    assert caught.value.__context__ is None


@pytest.mark.parametrize("call", [connect, give])
def test_old_pg8000_is_refused(monkeypatch: pytest.MonkeyPatch, call: Any) -> None:  # noqa: ANN401 - as above
    """A pg8000 from before the oldest that is tested is named, with what to install."""
    monkeypatch.setattr(pg8000.dbapi, "__version__", "1.31.5")
    with pytest.raises(rds_tls.DriverNotInstalledError, match=r"pg8000 1\.31\.5 .*'rds-tls\[pg8000\]'"):
        call(via=NOWHERE)


@pytest.mark.parametrize("call", [connect, give])
def test_missing_pg8000_says_what_to_install(monkeypatch: pytest.MonkeyPatch, call: Any) -> None:  # noqa: ANN401 - as above
    """Without pg8000 a call raises an ImportError that holds the command to run."""
    monkeypatch.setitem(sys.modules, "pg8000", None)
    monkeypatch.delitem(sys.modules, "pg8000.dbapi")
    with pytest.raises(rds_tls.DriverNotInstalledError, match=r"pip install 'rds-tls\[pg8000\]'"):
        call(via=NOWHERE)


def ask_natively(**arguments: Any) -> object:
    """Ask over pg8000's native interface whether TLS carries the connection."""
    with pg8000.native.Connection(**arguments) as connection:
        ((answer,),) = connection.run(TLS_IN_POSTGRESQL)
    return answer


def ask_as_ever(**arguments: Any) -> object:
    """Ask the same over the interface of pg8000's first versions, which SQLAlchemy uses."""
    with pg8000.connect(**arguments) as connection, connection.cursor() as cursor:
        cursor.execute(TLS_IN_POSTGRESQL)
        ((answer,),) = cursor.fetchall()
    return answer


@pytest.mark.parametrize("ask", [ask_natively, ask_as_ever])
def test_other_interfaces_verify(server: PostgresServer, pki: Pki, ask: Callable[..., object]) -> None:
    """pg8000's other interfaces take the same arguments: a good server passes, and every other is refused."""
    assert ask(**give(**login(server, pki))) is True
    with pytest.raises(OSError, match="unable to get"):
        ask(**give(**login(server, pki) | {"settings": pki.sibling_settings}))
    server.present(pki.authority.issue([OTHER]))
    with pytest.raises(OSError, match="Hostname mismatch"):
        ask(**give(**login(server, pki)))
    server.tls_off()
    with pytest.raises(pg8000.dbapi.InterfaceError, match="Server refuses SSL"):
        ask(**give(**login(server, pki)))


@pytest.mark.parametrize("wrong", ["plain", "own context", "other name"])
def test_connection_that_verified_something_else_is_closed(server: PostgresServer, pki: Pki, wrong: str) -> None:
    """A connection without TLS, with somebody else's context or for another name does not pass the check."""
    server.present(pki.authority.issue([OTHER]))
    plan = make_plan(sync_adapter(POSTGRES, "pg8000"), POSTGRES, Request(HOST, settings=pki.settings), {})
    contexts = {
        "plain": False,
        "own context": unverified_context(),
        "other name": tunnel_context(plan.target.anchors, OTHER),
    }
    connection = pg8000.dbapi.connect(
        server.user,
        host=server.host,
        port=server.port,
        password=server.password,
        database=server.database,
        ssl_context=contexts[wrong],
    )
    with pytest.raises(rds_tls.UnverifiedConnectionError, match="without verified TLS; it was closed"):
        adapter.verify(connection, plan.target, plan.options)
    assert connection._usock is None


def test_helper_checks_what_it_returns(server: PostgresServer, pki: Pki, monkeypatch: pytest.MonkeyPatch) -> None:
    """Should what connects ever fail to bring TLS about, the helper returns nothing."""
    made = []

    def plain(*_: object) -> object:
        made.append(
            pg8000.dbapi.connect(
                server.user, host=server.host, port=server.port, password=server.password, database=server.database
            )
        )
        return made[-1]

    monkeypatch.setattr(adapter, "connect", plain)
    with pytest.raises(rds_tls.UnverifiedConnectionError):
        connect(**login(server, pki))
    assert made[-1]._usock is None


# What a server says to a request for TLS, and what a note makes of it. pg8000 has one text for the first three.
ANSWERS: dict[str, tuple[Answer, str]] = {
    "no": (hostile.refuse, "no-tls"),
    "error": (hostile.fail, "hung-up"),
    "end": (hostile.close, "hung-up"),
    "yes, and more": (hostile.inject(hostile.ERROR), "injected-bytes"),
}


@pytest.mark.parametrize(("answer", "cause"), ANSWERS.values(), ids=ANSWERS)
def test_second_look_tells_what_pg8000_does_not(pki: Pki, answer: Answer, cause: str) -> None:
    """Each answer gets a note of its own."""
    context = server_context(GOOD, Authorities(pki.authority, pki.authority))
    script = hostile.play(answer)
    with (
        listening(lambda wire: script(wire, Stage(context, ("", 0)))) as peer,
        pytest.raises((pg8000.dbapi.Error, OSError)) as caught,
    ):
        connect(via=peer.address, settings=pki.settings)
    notes = getattr(caught.value, "__notes__", [])
    assert [found.id for found in map(Diagnosis.from_note, notes) if found] == [cause]


def test_no_timeout_is_left(server: PostgresServer, pki: Pki) -> None:
    """Once connected, a query may take as long as it takes."""
    for seconds in (5, None):
        with connect(connect_timeout=seconds, **login(server, pki)) as connection:
            assert connection._usock.gettimeout() is None


class Clock:
    """A clock that goes on when it is told to.

    Attributes:
        now: what it shows, in seconds.
    """

    now = 0.0

    def monotonic(self) -> float:
        """Tell the time."""
        return self.now


def late_answer(clock: Clock) -> Answer:
    """Take too long for the answer to the request."""

    def answer(wire: Wire, _: Stage) -> None:
        clock.now += 60
        wire.send(b"S")
        wire.listen()

    return answer


def late_handshake(clock: Clock) -> Answer:
    """Take too long for the handshake."""

    def answer(wire: Wire, stage: Stage) -> None:
        wire.send(b"S")
        first = wire.read(1)  # the client shakes hands
        clock.now += 60
        wire._unread[:0] = first
        wire.start_tls(stage.context)
        wire.listen()

    return answer


def late_login(clock: Clock) -> Answer:
    """Take too long to ask for the password."""

    def answer(wire: Wire, stage: Stage) -> None:
        wire.send(b"S")
        wire.start_tls(stage.context)
        wire.read(8)
        clock.now += 60
        wire.send(hostile.ASK_FOR_PASSWORD)
        wire.listen()

    return answer


@pytest.mark.parametrize("late", [late_answer, late_handshake, late_login])
def test_bound_is_for_the_whole(pki: Pki, monkeypatch: pytest.MonkeyPatch, late: Callable[[Clock], Answer]) -> None:
    """No step of connecting begins when the time is up, however long the one before was allowed to take."""
    clock = Clock()
    monkeypatch.setattr(dial, "time", SimpleNamespace(monotonic=clock.monotonic))
    context = server_context(GOOD, Authorities(pki.authority, pki.authority))
    script = hostile.play(late(clock))
    with (
        listening(lambda wire: script(wire, Stage(context, ("", 0)))) as peer,
        pytest.raises(TimeoutError, match=r"^timed out\n"),
    ):
        connect(via=peer.address, password=CANARY, settings=pki.settings, connect_timeout=30)
    (wire,) = peer.wires
    assert CANARY.encode() not in wire.inside


def test_answer_may_take_all_that_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """An address gets its share of the time to be dialled in; the server behind it then has the rest."""
    resolve = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **options: 2 * resolve(*args, **options))
    monkeypatch.setattr(dial, "time", SimpleNamespace(monotonic=Clock().monotonic))
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        adapter._dialled(pg8000.dbapi, server.getsockname(), dial.Deadline(30), None) as sock,
    ):
        assert sock.gettimeout() == 30


def test_blackhole_ends_with_pg8000s_error() -> None:
    """What nobody answers ends in time, with the error that pg8000 has for it."""
    with blackhole() as via, pytest.raises(pg8000.dbapi.InterfaceError, match="Can't create a connection to host"):
        connect(via=via, settings=OFFLINE, connect_timeout=0.2)


def test_socket_is_as_pg8000_makes_it(server: PostgresServer, pki: Pki) -> None:
    """The caller's source address, and keep-alive unless the caller wants none."""
    options = login(server, pki)
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = free.getsockname()
    with connect(**options, source_address=address) as connection:
        assert connection._usock.getsockname() == address
        assert connection._usock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        assert connection._usock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1
    with connect(**options, tcp_keepalive=False) as connection:
        assert connection._usock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 0


def test_missing_password_is_said(server: PostgresServer, pki: Pki, monkeypatch: pytest.MonkeyPatch) -> None:
    """pg8000 reads no PGPASSWORD, and without a password fails on None: here it says what is missing."""
    monkeypatch.setenv("PGPASSWORD", server.password)
    with pytest.raises(pg8000.dbapi.InterfaceError, match="no password was provided"):
        connect(**login(server, pki) | {"password": None})


def test_class_is_pg8000s(server: PostgresServer, pki: Pki) -> None:
    """Pools find the driver's module by the class of its connection."""
    with connect(**login(server, pki)) as connection:
        assert isinstance(connection, pg8000.dbapi.Connection)
        assert type(connection).__module__ == "pg8000.dbapi"


def test_stall_is_left_with_nothing_open(pki: Pki) -> None:
    """A socket that nobody closed would be a warning, which is an error here."""
    for answer in (hostile.stall, hostile.stall_handshake):
        script = hostile.play(answer)
        with listening(lambda wire, script=script: script(wire, EMPTY_STAGE)) as peer, pytest.raises(TimeoutError):  # type: ignore[misc]
            connect(via=peer.address, settings=pki.settings, connect_timeout=0.2)
