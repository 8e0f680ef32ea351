"""A rotated root: the server's chain ends in one that only the newest bundle has. Real servers, a real trust store."""

import asyncio
import logging
import socket
import socketserver
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pymysql
import pytest

import rds_tls
from rds_tls.connect.attempt import heal_or_explain
from rds_tls.connect.plan import make_plan
from rds_tls.connect.request import Request
from rds_tls.drivers import POSTGRES, Target, sync_adapter
from rds_tls.drivers import pymysql as pymysql_adapter
from rds_tls.endpoint import RootSet
from rds_tls.roots import background, healing, snapshot
from rds_tls.roots.anchors import Source
from rds_tls.roots.lookup import in_background, obtain_anchors
from tests.roots.conftest import Step, Thread
from tests.support.local_https import Handler, LocalHttps, reply
from tests.support.local_rds import Authority, KeyType, MariaDbServer, PostgresServer
from tests.support.programs import command, run
from tests.support.trust_store import HOST, OF_REGION, REGION, TrustStore, environment

Server = PostgresServer | MariaDbServer


@pytest.fixture(scope="module")
def old() -> Authority:
    """The region's authority until yesterday."""
    return Authority(REGION, KeyType.ECC384)


@pytest.fixture(scope="module")
def new() -> Authority:
    """The region's authority from today on; its root has the old one's name and another key."""
    return Authority(REGION, KeyType.ECC384)


@pytest.fixture
def store(https: LocalHttps, tmp_path: Path, old: Authority, new: Authority) -> TrustStore:
    """A trust store with the new root, and a cache that is fresh and has the old one alone."""
    store = TrustStore(https, tmp_path / "cache")
    store.publish(REGION, old.root_pem + new.root_pem)
    store.put(REGION, old.root_pem, time.time(), etag='"old"')
    return store


def psycopg_connect(server: Server, settings: rds_tls.Settings, host: str = HOST) -> None:
    """Connect and disconnect with psycopg."""
    rds_tls.connect_postgres(host, dbname=server.database, **login(server, settings)).close()


def psycopg_async(server: Server, settings: rds_tls.Settings, host: str = HOST) -> None:
    """Connect and disconnect with psycopg's asyncio twin."""

    async def connect() -> None:
        connection = await rds_tls.aconnect_postgres(host, dbname=server.database, **login(server, settings))
        await connection.close()

    asyncio.run(connect())


def pymysql_connect(server: Server, settings: rds_tls.Settings, host: str = HOST) -> None:
    """Connect and disconnect with PyMySQL."""
    rds_tls.connect_mysql(host, database=server.database, **login(server, settings)).close()


def login(server: Server, settings: rds_tls.Settings) -> dict[str, Any]:
    """Give what every helper is given."""
    via = (server.host, server.port)
    return {"user": server.user, "password": server.password, "via": via, "settings": settings}


HELPERS = {"psycopg": psycopg_connect, "psycopg-async": psycopg_async, "pymysql": pymysql_connect}
Helper = Callable[..., None]

DRIVER_ERRORS = (psycopg.OperationalError, pymysql.err.OperationalError)


@pytest.fixture(params=list(HELPERS.values()), ids=list(HELPERS))
def helper(request: pytest.FixtureRequest) -> Helper:
    """Each way to connect."""
    chosen: Helper = request.param
    return chosen


@pytest.fixture
def server(request: pytest.FixtureRequest, helper: Helper) -> Server:
    """The server that the way to connect needs."""
    found: Server = request.getfixturevalue("mariadb" if helper is pymysql_connect else "postgres")
    return found


def test_rotated_root_heals(helper: Helper, server: Server, store: TrustStore, new: Authority) -> None:
    """The first connect after a rotation downloads once and succeeds; the next ones ask for nothing."""
    server.present(new.issue([HOST]))
    before = rds_tls.ssl_context(HOST, settings=store.settings)
    helper(server, store.settings)
    assert store.asked == [OF_REGION]
    helper(server, store.settings)
    assert store.asked == [OF_REGION]
    after = rds_tls.ssl_context(HOST, settings=store.settings)
    assert after is not before
    assert len(after.get_ca_certs()) == 2


def test_lying_etag_does_not_stop_healing(postgres: PostgresServer, store: TrustStore, new: Authority) -> None:
    """Healing asks for the content, whatever the server would say of the validators."""
    postgres.present(new.issue([HOST]))
    psycopg_connect(postgres, store.settings)
    assert "If-None-Match" not in store.server.seen[0].headers


def test_64_connects_heal_with_one_download(helper: Helper, server: Server, store: TrustStore, new: Authority) -> None:
    """Threads that meet the new root together wait for one download, and all connect."""
    server.present(new.issue([HOST]))
    with ThreadPoolExecutor(64) as pool:
        list(pool.map(lambda _: helper(server, store.settings), range(64)))
    assert store.asked == [OF_REGION]


def days(count: int) -> datetime:
    """Give the moment that many days from now, in UTC."""
    return datetime.now(UTC) + timedelta(days=count)


def test_only_an_unknown_root_heals(helper: Helper, server: Server, store: TrustStore, old: Authority) -> None:
    """A wrong name, an expired, an early and a self-signed leaf are refused without a download."""
    for credentials in (
        old.issue(["other." + HOST.partition(".")[2]]),
        old.issue([HOST], not_before=days(-3), not_after=days(-1)),
        old.issue([HOST], not_before=days(1), not_after=days(3)),
        old.self_signed([HOST]),
    ):
        server.present(credentials)
        with pytest.raises(DRIVER_ERRORS):
            helper(server, store.settings)
    assert store.asked == []


def test_foreign_root_asks_once_in_ten_minutes(helper: Helper, server: Server, store: TrustStore) -> None:
    """A root that the newest bundle lacks too stays refused, and costs one download for all the attempts."""
    server.present(Authority(REGION, KeyType.ECC384).issue([HOST]))
    for _ in range(3):
        with pytest.raises(DRIVER_ERRORS) as caught:
            helper(server, store.settings)
        (note,) = caught.value.__notes__
        assert "does not end in any of the trust anchors" in note
    assert store.asked == [OF_REGION]


def test_ten_minutes_later_it_asks_again(
    postgres: PostgresServer, store: TrustStore, new: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pause ends: a root that appears in the trust store later is found then."""
    answer = store.server.answers[OF_REGION]
    store.publish(REGION, reply(400))
    postgres.present(new.issue([HOST]))
    with pytest.raises(psycopg.OperationalError):
        psycopg_connect(postgres, store.settings)
    store.server.answers[OF_REGION] = answer
    with pytest.raises(psycopg.OperationalError):
        psycopg_connect(postgres, store.settings)
    monkeypatch.setattr(background, "_PAUSE", 0.0)
    psycopg_connect(postgres, store.settings)
    assert store.asked == [OF_REGION, OF_REGION]


@pytest.mark.parametrize("choice", ["offline", "ca_file"])
def test_no_healing_against_the_callers_choice(
    helper: Helper, server: Server, store: TrustStore, old: Authority, new: Authority, tmp_path: Path, choice: str
) -> None:
    """Offline, and with a CA file of the caller's own, nothing is downloaded and nothing else is trusted."""
    (tmp_path / "old.pem").write_bytes(old.root_pem)
    fields: dict[str, Any] = {"offline": True} if choice == "offline" else {"ca_file": tmp_path / "old.pem"}
    server.present(new.issue([HOST]))
    with pytest.raises(DRIVER_ERRORS):
        helper(server, store.settings._replace(**fields))
    assert store.asked == []


def test_another_process_may_have_healed(postgres: PostgresServer, store: TrustStore, new: Authority) -> None:
    """A newer entry that somebody else stored is used without a download."""
    postgres.present(new.issue([HOST]))
    assert len(rds_tls.ssl_context(HOST, settings=store.settings).get_ca_certs()) == 1
    with ThreadPoolExecutor(1) as pool:
        pool.submit(rds_tls.prefetch, REGION, settings=store.settings._replace(max_age=1)).result()
    psycopg_connect(postgres, store.settings)
    assert store.asked == [OF_REGION]


def test_one_more_attempt_and_no_third(store: TrustStore, new: Authority) -> None:
    """After a second failure the error stands, even if the roots have changed once more meanwhile."""
    error = psycopg.OperationalError("unable to get local issuer certificate")
    plan = make_plan(sync_adapter(POSTGRES, "psycopg"), POSTGRES.port, Request(HOST, settings=store.settings), {})
    rds_tls.prefetch(REGION, settings=store.settings)
    second = heal_or_explain(plan, error)
    assert second is not None
    assert second.target.anchors != plan.target.anchors
    assert not hasattr(error, "__notes__")
    store.publish(REGION, new.root_pem)
    rds_tls.prefetch(REGION, settings=store.settings)
    assert heal_or_explain(second, error) is None
    assert len(error.__notes__) == 1


def test_second_attempt_dials_what_the_first_one_did(
    postgres: PostgresServer, store: TrustStore, new: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tunnel's name is resolved once for both attempts: gone when newer roots are there, it is not missed."""
    postgres.present(new.issue([HOST]))
    resolve, asked = socket.getaddrinfo, []

    def once(host: Any, *args: Any, **options: Any) -> Any:  # noqa: ANN401 - getaddrinfo's own
        if host == "tunnel.internal":
            asked.append(host)
            if len(asked) > 2:  # the plan asked, and the look at the certificate
                raise socket.gaierror(socket.EAI_NONAME, "gone")
            host = postgres.host
        return resolve(host, *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", once)
    options = {**login(postgres, store.settings), "via": ("tunnel.internal", postgres.port)}
    with rds_tls.connect_postgres(HOST, dbname=postgres.database, **options) as connection:
        assert connection.info.hostaddr == postgres.host
    assert len(asked) == 2
    assert store.asked == [OF_REGION]


def test_second_attempt_that_cannot_be_made_hides_no_error(
    mariadb: MariaDbServer, store: TrustStore, new: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no context comes of the newer roots, the first error stands, with its note."""
    mariadb.present(new.issue([HOST]))
    kwargs, made = pymysql_adapter.kwargs, []

    def once(target: Target) -> dict[str, Any]:
        made.append(target)
        if len(made) > 1:
            raise rds_tls.TrustError("OpenSSL cannot load the trust anchors")
        return kwargs(target)

    monkeypatch.setattr(pymysql_adapter, "kwargs", once)
    with pytest.raises(pymysql.err.OperationalError, match="certificate verify failed") as caught:
        pymysql_connect(mariadb, store.settings)
    assert len(made) == 2
    assert len(caught.value.__notes__) == 1


@pytest.fixture
def wait_for_healing(refresh_thread: Thread, wait_for_refresh: Step) -> Step:
    """Let the background thread end, which must be there."""

    def wait() -> None:
        assert refresh_thread() is not None
        wait_for_refresh()

    return wait


def test_context_in_a_driver_heals_for_the_next(
    mariadb: MariaDbServer, store: TrustStore, new: Authority, wait_for_healing: Step
) -> None:
    """A driver that was given the context fails once; the context that is given out next knows the new root."""
    mariadb.present(new.issue([HOST]))

    def connect() -> None:
        options = rds_tls.mysql_kwargs(HOST, **login(mariadb, store.settings))
        pymysql.connect(**options).close()

    with pytest.raises(pymysql.err.OperationalError):
        connect()
    wait_for_healing()
    connect()
    assert store.asked == [OF_REGION]


@pytest.fixture
def tls_server(new: Authority, tmp_path: Path) -> Iterator[int]:
    """A server that shakes hands as an endpoint with the new root, and says goodbye; its port."""
    credentials = new.issue([HOST])
    pair = tmp_path / "server.pem"
    pair.write_bytes(credentials.chain_pem + credentials.key_pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair)

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with suppress(OSError):
                context.wrap_socket(self.request, server_side=True).close()

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def test_context_in_an_event_loop_heals_for_the_next(
    tls_server: int, store: TrustStore, wait_for_healing: Step
) -> None:
    """The same holds for asyncio, whose loop does not wait for the download."""

    async def connect() -> None:
        context = rds_tls.ssl_context(HOST, settings=store.settings)
        _, writer = await asyncio.open_connection("127.0.0.1", tls_server, ssl=context, server_hostname=HOST)
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()

    with pytest.raises(ssl.SSLCertVerificationError):
        asyncio.run(connect())
    wait_for_healing()
    asyncio.run(connect())
    assert store.asked == [OF_REGION]


def test_context_on_lambda_starts_no_thread(
    tls_server: int, store: TrustStore, monkeypatch: pytest.MonkeyPatch, refresh_thread: Thread
) -> None:
    """AWS Lambda freezes threads: there a context fails and leaves it at that."""
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "orders")
    context = rds_tls.ssl_context(HOST, settings=store.settings)
    with socket.create_connection(("127.0.0.1", tls_server)) as plain, pytest.raises(ssl.SSLCertVerificationError):
        context.wrap_socket(plain, server_hostname=HOST)
    assert refresh_thread() is None


def test_wrong_name_does_not_heal_a_context(
    tls_server: int, store: TrustStore, new: Authority, refresh_thread: Thread
) -> None:
    """A handshake that fails for any other reason looks for nothing."""
    store.publish(REGION, new.root_pem)
    rds_tls.prefetch(REGION, settings=store.settings)
    context = rds_tls.ssl_context(HOST, settings=store.settings)
    with socket.create_connection(("127.0.0.1", tls_server)) as plain, pytest.raises(ssl.SSLCertVerificationError):
        context.wrap_socket(plain, server_hostname=f"x{HOST}")
    assert refresh_thread() is None


def test_cold_stampede_is_one_download(https: LocalHttps, tmp_path: Path, new: Authority) -> None:
    """32 processes of 8 threads on a cold cache download once, and all get the same roots."""
    store = TrustStore(https, tmp_path / "cache")
    store.publish(REGION, new.root_pem)
    asking = command("roots/programs/ask_together.py", REGION)
    processes = [subprocess.Popen(asking, env=environment(store), stdout=subprocess.PIPE, text=True) for _ in range(32)]
    answers = {process.communicate()[0] for process in processes}
    assert [process.returncode for process in processes] == [0] * 32
    (answer,) = answers
    assert len(answer.split()) == 1
    assert store.asked == [OF_REGION]


def test_fork_while_a_refresh_runs(store: TrustStore) -> None:
    """A child that is forked during a refresh inherits neither its thread nor a held lock."""
    answer = store.server.answers[OF_REGION][0]
    asked_twice = [lambda handler: (store.server.stopping.wait(1), answer(handler))[1]]
    store.server.answers[OF_REGION] = asked_twice
    run("roots/programs/background.py", "fork_during_refresh", REGION, environ=environment(store, RDS_TLS_MAX_AGE="0"))


def test_no_refresh_at_interpreter_exit(store: TrustStore) -> None:
    """An interpreter that is about to end starts no thread, and ends at once and in silence."""
    run("roots/programs/background.py", "begin_at_exit", REGION, environ=environment(store, RDS_TLS_MAX_AGE="0"))
    assert store.asked == []


def test_a_running_refresh_keeps_no_program_from_ending(store: TrustStore) -> None:
    """A program ends while its refresh waits for an answer, which comes only after the program has ended."""
    asked, ended = threading.Event(), threading.Event()

    def never(_: Handler) -> None:
        asked.set()
        ended.wait()

    store.publish(REGION, never)
    environ = environment(store, RDS_TLS_MAX_AGE="0", RDS_TLS_TOTAL_TIMEOUT="3600")
    leaving = command("roots/programs/background.py", "leave_during_refresh", REGION)
    with subprocess.Popen(leaving, env=environ, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as program:
        try:
            assert asked.wait(60)
            _, complaints = program.communicate("leave\n", timeout=60)
        finally:
            program.kill()
            ended.set()
    assert (program.returncode, complaints) == (0, "")


def broken_cryptography(folder: Path) -> str:
    """Make a cryptography that cannot be loaded, as in a Lambda layer that was built for another system."""
    (folder / "cryptography").mkdir()
    (folder / "cryptography" / "__init__.py").write_text(
        'raise ImportError("/lib64/libc.so.6: version `GLIBC_2.33\' not found")\n'
    )
    return str(folder)


@pytest.mark.parametrize("task", ["connect", "handshake"])
def test_cryptography_that_cannot_be_loaded(
    postgres: PostgresServer, tls_server: int, store: TrustStore, new: Authority, tmp_path: Path, task: str
) -> None:
    """Where nothing can read newer roots, the handshake's error stays, with its note, and no thread complains."""
    postgres.present(new.issue([HOST]))
    region = "eu-west-1"  # shipped, so that its roots need not be parsed
    host = HOST.replace(REGION, region)
    store.publish(region, new.root_pem)
    environ = environment(store, PYTHONPATH=broken_cryptography(tmp_path))
    port = postgres.port if task == "connect" else tls_server
    said = run("roots/programs/healing.py", task, host, port, environ=environ)
    assert store.asked == [f"/{region}/{region}-bundle.pem"]
    expected = "does not end in any of the trust anchors" if task == "connect" else "unable to get local issuer"
    assert expected in said


@pytest.mark.parametrize(
    ("offline", "expected"),
    [("1", f"no {REGION} RDS roots are at hand"), ("0", "what is needed for it cannot be loaded: /lib64/libc.so.6")],
)
def test_roots_that_nothing_can_read_are_not_trusted(
    store: TrustStore, tmp_path: Path, offline: str, expected: str
) -> None:
    """Without a working cryptography an unlisted root in the cache counts as absent, and no download is believed."""
    environ = environment(store, RDS_TLS_OFFLINE=offline, PYTHONPATH=broken_cryptography(tmp_path))
    assert expected in run("roots/programs/healing.py", "roots", REGION, environ=environ)


def test_entry_that_is_gone_stops_no_healing(store: TrustStore, caplog: pytest.LogCaptureFixture) -> None:
    """Roots whose file somebody removed are compared with others all the same."""
    known = Path(snapshot.DIRECTORY, "eu-west-1.pem").read_bytes()
    store.put("eu-west-1", known, time.time())
    store.publish("eu-west-1", known)
    failed = obtain_anchors(RootSet(rds_tls.Trust.RDS, "eu-west-1"), store.settings)
    assert failed.source is Source.CACHE
    Path(failed.path).unlink()
    with caplog.at_level(logging.WARNING, "rds_tls"):
        assert healing.heal(failed) is None
    assert store.asked == ["/eu-west-1/eu-west-1-bundle.pem"]
    assert caplog.records == []


def test_whatever_stops_healing_is_logged(store: TrustStore, caplog: pytest.LogCaptureFixture) -> None:
    """Healing that meets a file that has gone gives up with a warning, and raises nothing."""
    failed = obtain_anchors(RootSet(rds_tls.Trust.RDS, "eu-west-1"), store.settings._replace(max_age=float("inf")))
    gone = failed._replace(path="/nowhere/eu-west-1.pem", digest="another")
    with caplog.at_level(logging.WARNING, "rds_tls"):
        assert healing.heal(gone) is None
    assert "could not be renewed: FileNotFoundError: " in caplog.text


@pytest.mark.parametrize("error", [ZeroDivisionError("bug"), SystemExit("a signal's own"), MemoryError()])
def test_whatever_stops_background_work_is_logged(
    store: TrustStore,
    error: BaseException,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    wait_for_healing: Step,
) -> None:
    """Nothing that background work raises comes to threading.excepthook, which prints a traceback."""
    complaints: list[object] = []
    monkeypatch.setattr(threading, "excepthook", complaints.append)
    anchors = obtain_anchors(RootSet(rds_tls.Trust.RDS, REGION), store.settings)

    def fail() -> None:
        raise error

    with caplog.at_level(logging.WARNING, "rds_tls"):
        in_background("trial", anchors, fail)
        wait_for_healing()
    assert complaints == []
    assert f"could not be refreshed: {type(error).__name__}: {error}" in caplog.text


def test_exit_waits_for_what_must_not_be_cut_off() -> None:
    """The interpreter's exit lets an import or a parse come to its end, and waits for nothing else."""
    assert run("roots/programs/background.py", "leave_at_work") == "done\n"


def test_nothing_shielded_begins_after_the_exit_has() -> None:
    """Work that could abort the process does not begin once the interpreter is about to exit."""
    assert run("roots/programs/background.py", "leave_before_work") == ""
