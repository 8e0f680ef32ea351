"""What a connection dials: a name, a tunnel, one address after the other, while the event loop goes on."""

import asyncio
import socket
import threading
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

import rds_tls
from rds_tls.drivers import pymysql as pymysql_adapter
from tests.conftest import REGION, Pki
from tests.connect.connections.conftest import GLOBAL_WRITER, HOST, connect_async, target
from tests.support.local_rds import MySqlCompatibleServer, PostgresServer


@pytest.fixture
def loopback_resolver(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every name resolve to 127.0.0.1, as a private hosted zone would."""
    resolve = socket.getaddrinfo

    def to_loopback(_host: str, *args: Any, **options: Any) -> Any:  # noqa: ANN401 - getaddrinfo's own
        return resolve("127.0.0.1", *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", to_loopback)


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
def test_mysql_is_dialled_by_its_name(mysql: MySqlCompatibleServer, pki: Pki) -> None:
    """Without via= PyMySQL dials the endpoint's name and port."""
    with rds_tls.connect_mysql(
        HOST, user=mysql.user, password=mysql.password, port=mysql.port, settings=pki.settings
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
        went_on = wait_for_loop(monkeypatch, "getaddrinfo")
        via = (postgres.host, postgres.port)
        with pytest.raises(psycopg.OperationalError) as caught:
            await rds_tls.aconnect_postgres(HOST, user="app", via=via, settings=pki.sibling_settings)
        assert len(caught.value.__notes__) == 1
        return went_on

    assert set(asyncio.run(connect())) == {True}


def test_mysql_reconnects_through_its_tunnel(mysql: MySqlCompatibleServer, pki: Pki) -> None:
    """A reconnect of PyMySQL's goes through the tunnel again and verifies the endpoint again."""
    connection = rds_tls.connect_mysql(
        HOST,
        user=mysql.user,
        password=mysql.password,
        via=(mysql.host, mysql.port),
        settings=pki.settings,
    )
    connection.close()
    connection.connect()
    pymysql_adapter.verify(connection, target(mysql, pki.settings), {})
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
