"""What an engine logs in with: a token, a password or a secret for each connection of its pool."""

import asyncio
import json
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy
from sqlalchemy.engine import Engine
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

import rds_tls
from rds_tls.connect import iam
from rds_tls.connect import secret as secrets_manager
from rds_tls.connect.aws import session
from tests.conftest import Pki
from tests.frameworks.engines import HOST, NAMED, Kind, Setup
from tests.support.local_aws import LocalAws, Reply
from tests.support.local_rds.kinds import Server
from tests.support.matrix import on_each_server

# Functions stay in this process, and so do the engines that call them.
HERE = {name: kind for name, kind in NAMED.items() if not kind.dials_in_c}
every_kind_here = on_each_server("kind", HERE, lambda kind: kind.servers)
every_async_kind = on_each_server(
    "kind", {name: kind for name, kind in HERE.items() if kind.is_async}, lambda kind: kind.servers
)

# Longer than anything here takes: it turns a wait for ever into a failure.
SAFETY_SECONDS = 30


def use_pool(kind: Kind, engine: Engine, after_each: Callable[[], None]) -> None:
    """Take two connections at once, give them back, take one again, drop all and take one."""

    async def use_async() -> None:
        own = AsyncEngine(engine)
        async with own.connect(), own.connect():
            after_each()
        async with own.connect():
            after_each()
        await own.dispose()
        await asyncio.get_running_loop().run_in_executor(None, after_each)

    if kind.is_async:
        asyncio.run(use_async())
        return
    with engine.connect(), engine.connect():
        after_each()
    with engine.connect():
        after_each()
    engine.dispose()
    after_each()


@every_kind_here
def test_token_is_signed_for_each_connection(
    kind: Kind, server: Server, pki: Pki, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many tokens as connections: one that is handed out again logs in no more."""
    signed: list[tuple[object, ...]] = []

    def token(*arguments: object) -> str:
        signed.append(arguments)
        return server.password

    monkeypatch.setattr(iam, "token", token)
    url = kind.url(server)._replace(password=None)
    engine = Setup.of(kind, url, iam=True, **kind.where(server, pki.settings)).engine()
    counts: list[int] = []
    use_pool(kind, engine, lambda: counts.append(len(signed)))
    assert counts == [2, 2, 2]
    assert kind.ask(engine)
    assert len(signed) == 3
    assert {(arguments[0].host, *arguments[2:]) for arguments in signed} == {(HOST, server.user, "eu-west-1")}  # type: ignore[attr-defined]


@every_kind_here
def test_password_function_is_asked_for_each_connection(kind: Kind, server: Server, pki: Pki) -> None:
    """In a thread where an event loop would wait for it."""
    threads: list[threading.Thread] = []

    def password() -> str:
        threads.append(threading.current_thread())
        return server.password

    url = kind.url(server)._replace(password=None)
    engine = Setup.of(kind, url, password=password, **kind.where(server, pki.settings)).engine()
    assert [kind.ask(engine), kind.ask(engine)] == [True, True]
    assert [thread is threading.main_thread() for thread in threads] == [not kind.is_async] * 2


@on_each_server("kind", {"psycopg": NAMED["postgresql+psycopg"]}, lambda kind: kind.servers)
def test_recycled_connection_logs_in_anew(kind: Kind, server: Server, pki: Pki) -> None:
    """What pool_recycle gives up is made again by us: here each that is older than nothing."""
    asked: list[Server] = []

    def password() -> str:
        asked.append(server)
        return server.password

    url = kind.url(server)._replace(password=None)
    where = kind.where(server, pki.settings)
    engine = rds_tls.sqlalchemy.create_engine(url, pool_recycle=0, password=password, **where)
    for _ in range(2):
        before = len(asked)
        with engine.connect():
            assert len(asked) > before
    engine.dispose()


@every_async_kind
def test_slow_password_does_not_stop_the_event_loop(kind: Kind, server: Server, pki: Pki) -> None:
    """The function waits for what the loop does meanwhile."""

    async def main() -> None:
        loop, is_asked, may_answer = asyncio.get_running_loop(), asyncio.Event(), threading.Event()

        def password() -> str:
            loop.call_soon_threadsafe(is_asked.set)
            assert may_answer.wait(SAFETY_SECONDS)
            return server.password

        engine = create_async_engine(kind.url(server)._replace(password=None))
        rds_tls.sqlalchemy.secure(engine, password=password, **kind.where(server, pki.settings))

        async def connect() -> None:
            async with engine.connect() as connection:
                await connection.execute(sqlalchemy.text("SELECT 1"))

        connecting = asyncio.create_task(connect())
        await is_asked.wait()
        may_answer.set()
        await connecting
        await engine.dispose()

    asyncio.run(main())


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalAws]:
    """An account whose requests go to loopback."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI")
    session.cache_clear()
    secrets_manager._secrets.clear()
    with LocalAws() as aws:
        monkeypatch.setenv("AWS_ENDPOINT_URL", aws.url)
        yield aws
    session.cache_clear()
    secrets_manager._secrets.clear()


@every_kind_here
def test_secret_brings_user_and_password(kind: Kind, server: Server, pki: Pki, aws: LocalAws) -> None:
    """It is fetched once for a pool's connections; the URL names neither user nor password."""
    secret = {"username": server.user, "password": server.password}
    aws.reply = Reply(200, json.dumps({"Name": "orders", "SecretString": json.dumps(secret)}))
    url = kind.url(server)._replace(username=None, password=None)
    engine = Setup.of(kind, url, secret="orders", **kind.where(server, pki.settings)).engine()  # noqa: S106 - its name
    assert [kind.ask(engine), kind.ask(engine)] == [True, True]
    assert len(aws.asked) == 1


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> None:
    """A resolver by which every name leads to 127.0.0.1, and the alias by way of the endpoint."""
    resolve = socket.getaddrinfo

    def answer(host: str, port: Any, *args: Any, flags: int = 0, **options: Any) -> Any:  # noqa: ANN401 - getaddrinfo's own
        name = HOST if host == "db.corp.example" else host
        found = resolve("127.0.0.1", port, *args, **options)
        return [(*entry[:3], name if flags & socket.AI_CANONNAME else "", entry[4]) for entry in found]

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    monkeypatch.setattr(socket, "gethostbyname_ex", lambda host: (HOST, [host], ["127.0.0.1"]))


@every_kind_here
@pytest.mark.usefixtures("resolver")
def test_alias_is_followed(kind: Kind, server: Server, pki: Pki) -> None:
    """An alias is verified as the endpoint that it leads to, and refused where that is not expected."""
    url = kind.url(server, "db.corp.example").set(port=server.port)
    asked: dict[str, Any] = {"settings": pki.settings}
    assert Setup.of(kind, url, expect="*.cluster-abc123def456.eu-west-1.rds.amazonaws.com", **asked).ask()
    with pytest.raises(rds_tls.EndpointError):
        Setup.of(kind, url, expect="*.cluster-zzzzzzzzzzzz.eu-west-1.rds.amazonaws.com", **asked).ask()
