"""Each cause of a failed connection, brought about with every driver: what the driver says, and what is said of it."""

import logging
import socket
import ssl
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import psycopg2
import pytest

import rds_tls
from rds_tls.diagnosis import tell
from tests.conftest import OFFLINE, REGION, Pki, Servers
from tests.diagnosis.worlds import AmazonTrust, Company, NextGeneration, Weak
from tests.hostile import mysql, postgres
from tests.hostile.stage import GOOD, OLD_TLS, Authorities, Certificate, Stage, server_context
from tests.hostile.wire import Wire, listening
from tests.support import in_c
from tests.support.blackhole import blackhole
from tests.support.local_rds import Authority, Credentials, KeyType, PostgresServer
from tests.support.local_rds.kinds import MYSQL_SERVERS, Server
from tests.support.rows import ROWS, Row

WRITER, OTHER = f"orders.{in_c.CLUSTER}", f"other.{in_c.CLUSTER}"
PROXY, PROXY_ENDPOINT, CUSTOM = (f"{name}.{in_c.ZONE}" for name in in_c.OF_OTHER_KINDS)
NAMES = [WRITER, f"orders-1.abc123def456.{in_c.ZONE}"]

Address = tuple[str, int]
Kind = type[Server]


class World(NamedTuple):
    """What causes are brought about with: servers, a PKI, and a folder."""

    postgres: PostgresServer
    servers: Servers
    pki: Pki
    folder: Path

    def server(self, kind: Kind) -> Server:
        """Give the server of a kind."""
        return self.postgres if issubclass(kind, PostgresServer) else self.servers.get(kind)

    def trusting(self, authority: Authority) -> rds_tls.Settings:
        """Give settings by which a root is trusted."""
        path = self.folder / "root.pem"
        path.write_bytes(authority.root_pem)
        return rds_tls.Settings(ca_file=path)


Brings = Callable[[World, Kind], AbstractContextManager[Address]]
Script = Callable[[Wire, Stage], None]


def _every(_: Row) -> bool:
    return True


def _tests_root(world: World) -> rds_tls.Settings:
    return world.pki.settings


def _shipped_roots(_: World) -> rds_tls.Settings:
    return OFFLINE


class Case(NamedTuple):
    """A cause, and how it is brought about.

    Attributes:
        cause: its id.
        brings: makes what is dialled; no address where the endpoint's name is.
        way: what tells two cases of one cause apart.
        host: the endpoint.
        trusts: which roots are trusted.
        meets: whether a driver meets it.
        options: what connect is given besides.
        waits: whether somebody waits for an answer: all drivers meet it at the same time then, whatever the way.
        on_all: whether each kind of server brings it about in its own way.
        resolver: what the resolver of this process says.
    """

    cause: str
    brings: Brings
    way: str = ""
    host: str = WRITER
    trusts: Callable[[World], rds_tls.Settings] = _tests_root
    meets: Callable[[Row], bool] = _every
    options: Mapping[str, Any] = {}
    waits: bool = False
    on_all: bool = False
    resolver: OSError | None = None

    def kinds(self, row: Row) -> tuple[Kind, ...]:
        """Give the kinds of server that a driver meets it with."""
        return row.servers if self.on_all else row.servers[:1]


class Failure(NamedTuple):
    """What a driver said, and which cause was found, and where.

    Attributes:
        name: the cause, the way, the driver and the kind of server.
        driver: the driver's name.
        cause: the id of what was brought about.
        host: the endpoint.
        text: the error's own text, or its class where it has none: what a traceback shows.
        noted: the id in its note; None without one.
        explained: what ``rds_tls.explain`` makes of it.
        bare: what it makes of the error without its note, as the driver alone raises it.
        logged: the id in the warning.
        diagnosed: what ``rds_tls.diagnose`` says.
        is_alone: whether rds_tls did not connect: the driver did, or nobody.
    """

    name: str
    driver: str
    cause: str
    host: str
    text: str
    noted: str | None
    explained: str | None
    bare: str | None
    logged: str | None
    diagnosed: str | None
    is_alone: bool = False


def presents(issue: Callable[[Authority], Credentials]) -> Brings:
    """Let a real server present what the authority of the tests issues."""

    @contextmanager
    def brings(world: World, kind: Kind) -> Iterator[Address]:
        server = world.server(kind)
        server.present(issue(world.pki.authority))
        yield server.host, server.port

    return brings


def of(authority: type[Authority], region: str = REGION) -> Brings:
    """Let a real server present a certificate of another authority."""
    return presents(lambda _: authority(region, KeyType.ECC384).issue(NAMES))


def at(*address: Any) -> Brings:
    """Dial something that need not be made."""
    return lambda _, __: nullcontext(address)


def dropped(_: World, __: Kind) -> AbstractContextManager[Address]:
    """Dial where packets are dropped."""
    return blackhole()


def other_engine(world: World, kind: Kind) -> AbstractContextManager[Address]:
    """Dial the other engine's server."""
    server = world.server(MYSQL_SERVERS[0] if issubclass(kind, PostgresServer) else PostgresServer)
    return nullcontext((server.host, server.port))


def plays(to_postgres: Script, to_mysql: Script, context: Callable[[World], ssl.SSLContext] | None = None) -> Brings:
    """Let a script answer."""

    @contextmanager
    def brings(world: World, kind: Kind) -> Iterator[Address]:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER) if context is None else context(world)
        script = to_postgres if issubclass(kind, PostgresServer) else to_mysql
        with listening(lambda wire: script(wire, Stage(tls, ("", 0)))) as peer:
            yield peer.address

    return brings


def shakes_hands(context: Callable[[World], ssl.SSLContext]) -> Brings:
    """Let a script shake hands, by a context that real servers would not start with."""
    return plays(postgres.play(postgres.accept), mysql.accept, context)


def _with(certificate: Certificate) -> Callable[[World], ssl.SSLContext]:
    return lambda world: server_context(certificate, Authorities(world.pki.authority, world.pki.authority))


def _one_cipher(world: World) -> ssl.SSLContext:
    """Offer one cipher, which Python's TLS and libpq's and MariaDB's libraries do not."""
    context = _with(GOOD)(world)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("ECDHE-ECDSA-AES256-CCM")
    return context


_WEAK = Weak(REGION, KeyType.ECC384)


def _weak(_: World) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    credentials = _WEAK.issue(NAMES)
    with TemporaryDirectory() as folder:
        path = Path(folder, "leaf.pem")
        path.write_bytes(credentials.chain_pem + credentials.key_pem)
        context.load_cert_chain(path)
    return context


def _says(data: bytes) -> Script:
    def script(wire: Wire, _: Stage) -> None:
        wire.send(data)
        wire.hang_up()

    return script


def _agrees_and_leaves(wire: Wire, _: Stage) -> None:
    wire.send(b"S")
    wire.hang_up()


def _days(count: int) -> datetime:
    return datetime.now(UTC) + timedelta(days=count, minutes=-5)


def _expired(by: Authority) -> Credentials:
    return by.issue(NAMES, not_before=_days(-30), not_after=_days(-4))


def _early(by: Authority) -> Credentials:
    return by.issue(NAMES, not_before=_days(3), not_after=_days(30))


def _by_context(row: Row) -> bool:
    return row.by_context


def _with_root(by: Authority) -> Credentials:
    """Send the root too, as many TLS proxies do."""
    credentials = by.issue(NAMES)
    return credentials._replace(chain_pem=credentials.chain_pem + by.root_pem)


def _is_postgres(row: Row) -> bool:
    return row.is_postgres


def _resolves_in_python(row: Row) -> bool:
    """Leave out those in C, which would ask a real resolver: see ``unresolved``."""
    return row.driver not in {"psycopg2", "mysqlclient"}


# No whole seconds: MariaDB's library takes the next whole ones, and would end together with ours.
_SOON: Mapping[str, Any] = {"connect_timeout": 1.5}
_HTTP = b"HTTP/1.1 400 Bad Request\r\n\r\n"
# MySQL internals, "ERR_Packet": it comes in place of the greeting (1040, ER_CON_COUNT_ERROR), before any capabilities.
_TOO_MANY = b"\x17\0\0\0\xff\x10\x04Too many connections"


def _unreachable_store(world: World) -> rds_tls.Settings:
    return rds_tls.Settings(truststore_url="https://127.0.0.1:1", cache_dir=world.folder, total_timeout=1)


# In the order of docs/troubleshooting.md: by what people see most.
CASES = (
    Case("other-region", of(Authority, "eu-west-2"), trusts=_shipped_roots),
    Case("intercepted", of(Company), trusts=_shipped_roots),
    Case("intercepted", presents(lambda _: _with_root(Company(REGION, KeyType.ECC384))), "with its root"),
    Case("missing-intermediate", presents(lambda by: by.issue(NAMES, with_intermediate=False))),
    Case("self-signed", presents(lambda by: by.self_signed(NAMES))),
    Case("old-roots", of(NextGeneration), trusts=_shipped_roots),
    Case("newer-root", of(NextGeneration), trusts=_unreachable_store),
    Case("proxy-for-database", of(AmazonTrust), trusts=_shipped_roots),
    Case("database-for-proxy", presents(lambda by: by.issue([PROXY])), host=PROXY, trusts=_shipped_roots),
    Case(
        "writer-moved",
        presents(lambda by: by.issue([in_c.GLOBAL_WRITER])),
        host=in_c.GLOBAL_WRITER,
        trusts=_shipped_roots,
        options={"region": "us-east-1"},
    ),
    Case("other-partition", of(Authority, "cn-north-1"), trusts=_shipped_roots),
    Case("preview", of(Authority, f"Preview {REGION}"), trusts=_shipped_roots),
    Case("impostor", of(Authority), trusts=_shipped_roots),
    Case("expired", presents(_expired)),
    Case("not-yet-valid", presents(_early)),
    Case("malformed", presents(lambda by: by.issue(NAMES, with_issuer_key=False)), meets=_by_context),
    Case("weak-key", shakes_hands(_weak), trusts=lambda world: world.trusting(_WEAK)),
    Case("other-name", presents(lambda by: by.issue(NAMES)), host=OTHER),
    Case("custom-endpoint", presents(lambda by: by.issue(NAMES)), host=CUSTOM),
    Case("proxy-endpoint", presents(lambda by: by.issue([PROXY])), host=PROXY_ENDPOINT),
    Case("no-tls", plays(postgres.play(postgres.refuse), mysql.hide_tls(mysql.clear_password))),
    Case("no-answer", dropped, options=_SOON, waits=True),
    Case("no-answer", plays(postgres.play(postgres.stall), mysql.stall), "silent", options=_SOON, waits=True),
    Case(
        "no-answer",
        plays(postgres.play(postgres.stall_handshake), mysql.stall_handshake),
        "amid TLS",
        options=_SOON,
        waits=True,
    ),
    Case("refused", at("127.0.0.1", 1)),
    Case(
        "name-not-found",
        at(),
        resolver=socket.gaierror(socket.EAI_NONAME, "Name or service not known"),
        meets=_resolves_in_python,
    ),
    Case(
        "resolver-down",
        at(),
        resolver=socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution"),
        meets=_resolves_in_python,
    ),
    Case("no-route", at("255.255.255.255", 1), host=in_c.NOWHERE),
    Case("other-engine", other_engine, options=_SOON, waits=True),
    Case("hung-up", plays(_says(b""), _says(b""))),
    Case("hung-up", plays(postgres.play(postgres.close), mysql.close), "after the request"),
    Case("hung-up", plays(postgres.play(_agrees_and_leaves), mysql.close), "after its yes", meets=_is_postgres),
    Case("hung-up", plays(postgres.play(postgres.fail), _says(_TOO_MANY)), "with an error"),
    Case("not-a-database", plays(_says(_HTTP), _says(_HTTP))),
    Case("injected-bytes", plays(postgres.play(postgres.inject(b"more")), mysql.inject(mysql.OK), _with(GOOD))),
    Case("injected-bytes", plays(postgres.play(postgres.answer_in_clear), mysql.answer_in_clear(mysql.OK)), "in clear"),
    Case("old-tls", shakes_hands(_with(OLD_TLS))),
    Case("no-common-cipher", shakes_hands(_one_cipher)),
    Case("login-refused", presents(lambda by: by.issue(NAMES)), options={"password": "wrong"}, on_all=True),
)


def collect(world: World) -> list[Failure]:
    """Bring every cause about with every driver that is here."""
    found: list[Failure] = []
    with _messages() as messages, _resolver() as answers:
        for _, cases in groupby(CASES, lambda case: (case.cause, case.waits)):
            meetings = [meeting for case in cases for meeting in _meetings(case, world)]
            # Those of one cause wait at the same time, and for one message in the log.
            with ThreadPoolExecutor(len(meetings) if meetings[0].case.waits else 1) as pool:
                answers[:] = filter(None, [meetings[0].case.resolver])
                tell._told.clear()
                messages.clear()
                for failures in pool.map(lambda meeting: meeting.failures(messages), meetings):
                    found += failures
    return [*found, *unreadable(world), *unresolved(), *ours()]


def _meetings(case: Case, world: World) -> Iterator["_Meeting"]:
    """Let the drivers that are here meet a case, on each kind of server that it is for."""
    for kind in dict.fromkeys(kind for row in ROWS for kind in case.kinds(row)):
        rows = [row for row in ROWS if kind in case.kinds(row) and case.meets(row) and not row.missing]
        if rows:
            yield _Meeting(case, world, kind, rows)


class _Meeting:
    """Drivers meet a case, all of them at once where they wait."""

    def __init__(self, case: Case, world: World, kind: Kind, rows: list[Row]) -> None:
        self.case, self._world, self._kind, self._rows = case, world, kind, rows
        self._server = world.server(kind)
        self._arguments: dict[str, Any] = {"settings": case.trusts(world), **case.options}

    def failures(self, messages: list[str]) -> list[Failure]:
        """Let each driver fail.

        Args:
            messages: what the log has of this and of those that wait at the same time.
        """
        with self.case.brings(self._world, self._kind) as address:
            self._arguments |= {"via": address} if address else {}
            diagnosed = self._diagnosed()
            with ThreadPoolExecutor(len(self._rows) if self.case.waits else 1) as pool:
                errors = list(pool.map(self._error, self._rows))
        pairs = zip(self._rows, errors, strict=True)
        return [self._failure(row, error, messages, diagnosed) for row, error in pairs]

    def _diagnosed(self) -> str | None:
        engine: Any = "postgresql" if issubclass(self._kind, PostgresServer) else "mysql"
        arguments = {name: value for name, value in self._arguments.items() if name != "password"}
        report = rds_tls.diagnose(self.case.host, engine=engine, **arguments)
        return report.cause and report.cause.id

    def _error(self, row: Row) -> Exception:
        login = {name: getattr(self._server, name) for name in ("user", "password", "database")}
        try:
            row.connect_and_ask(self.case.host, row.question, **(login | self._arguments))
        except Exception as error:  # noqa: BLE001 - each driver has its own
            return error
        raise AssertionError(f"{row.name} connected: {self.case}")

    def _failure(self, row: Row, error: Exception, messages: list[str], diagnosed: str | None) -> Failure:
        noted, explained = tell.noted(error), rds_tls.explain(error, self.case.host)
        # Of one host and cause the log tells once in a minute, with the facts of the first.
        first = f"{noted.meaning} [{noted.id}]; " if noted else None
        logged = first is not None and any(message.startswith(first) for message in messages)
        name = ", ".join(filter(None, (self.case.cause, self.case.way, row.name, self._kind.title)))
        return Failure(
            name,
            row.driver,
            self.case.cause,
            self.case.host,
            _text(error),
            noted and noted.id,
            explained and explained.id,
            _bare(error, self.case.host),
            noted.id if noted and logged else None,
            diagnosed,
        )


def _text(error: Exception) -> str:
    return str(error) or type(error).__name__


def _bare(error: Exception, host: str) -> str | None:
    """Explain an error as if it had no note."""
    notes = getattr(error, "__notes__", [])
    kept = [*notes]
    notes.clear()
    found = rds_tls.explain(error, host)
    notes += kept
    return found and found.id


def _alone(cause: str, driver: str, host: str, act: Callable[[], object]) -> Failure:
    """Let a driver fail alone, or this package: then there is no note, and nothing in the log."""
    try:
        act()
    except Exception as error:  # noqa: BLE001 - as above
        found = _bare(error, host)
        return Failure(
            f"{cause}, {driver}", driver, cause, host, _text(error), None, found, found, None, None, is_alone=True
        )
    raise AssertionError(f"{driver} did not fail: {cause}")


def _in_a_new_thread(act: Callable[[], object]) -> object:
    """Act where OpenSSL has no errors from before: of those libpq tells the oldest when it cannot read a file."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(act).result()


def unreadable(world: World) -> Iterator[Failure]:
    """Take the file of roots away from libpq, or what is in it, once its arguments are made."""
    for row in ROWS:
        if row.by_arguments and not row.by_context and not row.is_async:
            settings = world.trusting(world.pki.authority)
            path = world.folder / "root.pem"
            arguments = row.arguments(WRITER, user="app", via=("127.0.0.1", world.postgres.port), settings=settings)
            ask = partial(_in_a_new_thread, partial(row.ask_by_arguments, arguments, ""))
            path.write_text("no PEM")
            yield _alone("unreadable-ca-file", row.driver, WRITER, ask)
            path.unlink()
            yield _alone("unreadable-ca-file", row.driver, WRITER, ask)


def unresolved() -> Iterator[Failure]:
    """Give drivers in C a name with an empty label, which glibc's and other resolvers refuse without asking anybody."""
    name = "no..such.name.invalid"
    yield _alone("name-not-found", "psycopg2", name, lambda: psycopg2.connect(host=name, user="app"))
    if not in_c.missing("MySQLdb"):
        import MySQLdb  # noqa: PLC0415 - where it can be built

        yield _alone("name-not-found", "mysqlclient", name, lambda: MySQLdb.connect(host=name, user="app"))


def ours() -> Iterator[Failure]:
    """Give this package what is no endpoint, or has no roots."""
    name = f"orders.{in_c.ZONE}"
    yield _alone("alias", "rds_tls", "db.corp.example", lambda: rds_tls.parse_endpoint("db.corp.example"))
    yield _alone("local-address", "rds_tls", "localhost", lambda: rds_tls.parse_endpoint("localhost"))
    yield _alone("local-address", "rds_tls", "127.0.0.1", lambda: rds_tls.parse_endpoint("127.0.0.1"))
    yield _alone("not-an-endpoint", "rds_tls", name, lambda: rds_tls.parse_endpoint(name))
    yield _alone("no-roots", "rds_tls", "", lambda: rds_tls.ca_path(region="eu-north-9", settings=OFFLINE))


@contextmanager
def _messages() -> Iterator[list[str]]:
    """Collect the warnings of this package's logger."""
    messages: list[str] = []

    class Collector(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.levelno == logging.WARNING:
                messages.append(record.getMessage())

    logger, collector = logging.getLogger("rds_tls"), Collector()
    logger.addHandler(collector)
    try:
        yield messages
    finally:
        logger.removeHandler(collector)


@contextmanager
def _resolver() -> Iterator[list[OSError]]:
    """Let the endpoints' names lead where they lead the drivers in C, or raise what the list holds."""
    resolve = socket.getaddrinfo
    answers: list[OSError] = []

    def answer(host: str, *args: Any, **options: Any) -> Any:  # noqa: ANN401 - getaddrinfo's own
        if host in in_c.ADDRESSES and answers:
            raise answers[0]
        return resolve(in_c.ADDRESSES.get(host, (host,))[0], *args, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", answer)
        yield answers
