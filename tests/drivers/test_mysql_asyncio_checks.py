"""What asyncmy and aiomysql do alike besides connecting: the check afterwards, secrets, versions, engines."""

import asyncio
import ssl
import sys
from collections.abc import Callable
from typing import Any

import asyncmy
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

import rds_tls
from rds_tls.connect import iam
from rds_tls.context.tunnel import tunnel_context
from rds_tls.drivers import MYSQL, Target, async_adapter
from tests.conftest import OFFLINE, Pki
from tests.hostile import mysql as hostile
from tests.hostile.stage import EMPTY_STAGE, HOST, OTHER
from tests.hostile.wire import listening
from tests.support.leaks import CANARY, locals_of_ours
from tests.support.local_rds import MySqlCompatibleServer
from tests.support.mysql_asyncio import (
    DRIVERS,
    Loop,
    aconnect,
    arguments,
    carrier,
    end,
    every_driver,
    every_loop,
    run,
    target_of,
)
from tests.support.rows import TLS_IN_MYSQL


@pytest.fixture
def server(mysql: MySqlCompatibleServer, pki: Pki) -> MySqlCompatibleServer:
    """MariaDB with a certificate for the endpoint."""
    mysql.present(pki.authority.issue([HOST]))
    return mysql


def own_context(settings: rds_tls.Settings, _target: Target) -> ssl.SSLContext:
    """Give a context of somebody else's, with the same roots."""
    context = ssl.create_default_context(cafile=settings.ca_file)
    context.check_hostname = False
    return context


UNVERIFIED: dict[str, Callable[[rds_tls.Settings, Target], ssl.SSLContext | None]] = {
    "plain": lambda _settings, _target: None,
    "own context": own_context,
    "other name": lambda _settings, target: tunnel_context(target.anchors, OTHER),
}


@every_driver
@every_loop
@pytest.mark.parametrize("context", UNVERIFIED.values(), ids=UNVERIFIED)
def test_unverified_connection_is_closed(
    driver: str,
    loop: Loop,
    server: MySqlCompatibleServer,
    pki: Pki,
    context: Callable[[rds_tls.Settings, Target], ssl.SSLContext | None],
) -> None:
    """A connection without TLS, with somebody else's context, or of another name does not pass the check."""
    server.present(pki.authority.issue([HOST, OTHER]))
    target = target_of(server, pki.settings)
    adapter = async_adapter(MYSQL, driver)

    async def connect() -> None:
        options = {"host": server.host, "port": server.port, "user": server.user, "password": server.password}
        connection = await DRIVERS[driver].connect(**options, ssl=context(pki.settings, target))
        transport = carrier(connection)
        with pytest.raises(rds_tls.UnverifiedConnectionError, match=f"{driver} returned a connection to {HOST} "):
            adapter.verify(connection, target, {})
        assert transport.is_closing()
        with pytest.raises(rds_tls.UnverifiedConnectionError):  # nor does one that is closed
            adapter.verify(connection, target, {})

    run(loop, connect())


@every_driver
def test_helper_checks_what_it_returns(
    driver: str, server: MySqlCompatibleServer, pki: Pki, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Should the arguments ever fail to name the endpoint, the helper returns nothing."""
    adapter = async_adapter(MYSQL, driver)
    kwargs = adapter.kwargs
    server.present(pki.authority.issue([HOST, OTHER]))
    monkeypatch.setattr(adapter, "kwargs", lambda target: kwargs(target._replace(host=OTHER)))
    with pytest.raises(rds_tls.UnverifiedConnectionError):
        run(
            asyncio.new_event_loop,
            aconnect(driver, **arguments(server, pki.settings)),
        )


@every_driver
def test_token_is_in_no_local_of_ours(driver: str, pki: Pki, monkeypatch: pytest.MonkeyPatch) -> None:
    """A crash reporter that shows the locals of a refused connect finds no token that is still good."""
    monkeypatch.setattr(iam, "token", lambda *_: CANARY)

    async def connect(via: tuple[str, int]) -> Any:  # noqa: ANN401 - the driver's error
        with pytest.raises(DRIVERS[driver].OperationalError) as caught:
            await aconnect(driver, user="app", iam=True, via=via, settings=pki.settings)
        return caught.value

    with listening(lambda wire: hostile.hide_tls(hostile.clear_password)(wire, EMPTY_STAGE)) as peer:
        error = run(asyncio.new_event_loop, connect(peer.address))
    seen = locals_of_ours(error)
    assert "aconnect.seconds" in seen
    assert [name for name, text in seen.items() if CANARY in text] == []


@every_driver
def test_password_that_cannot_be_sent_is_refused(driver: str) -> None:
    """A password outside Latin-1 is refused, and not shown as the driver's own UnicodeEncodeError would show it."""
    connect = aconnect(driver, user="app", password=f"{CANARY}\u20ac", settings=OFFLINE)
    with pytest.raises(rds_tls.OptionError, match=f"outside Latin-1, and {driver} sends no other") as caught:
        asyncio.run(connect)
    assert CANARY not in str(caught.value)


@every_driver
def test_missing_driver_says_what_to_install(driver: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without its driver a call raises an ImportError that holds the command to run."""
    monkeypatch.setitem(sys.modules, driver, None)
    with pytest.raises(rds_tls.DriverNotInstalledError, match=rf"pip install 'rds-tls\[{driver}\]'"):
        asyncio.run(aconnect(driver, user="app", settings=OFFLINE))


NEWEST_REFUSED = [("asyncmy", "0.2.13"), ("aiomysql", "0.2.0")]
NO_VERSIONS = [(driver, version) for driver in DRIVERS for version in ("0.0.0.dev0", "unknown", "")]

VERSION_NAMES = {"asyncmy": "asyncmy.version.__VERSION__", "aiomysql": "aiomysql.__version__"}


@pytest.mark.parametrize(("driver", "version"), [*NEWEST_REFUSED, *NO_VERSIONS])
def test_old_driver_is_refused(driver: str, version: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A driver older than any that is known to be safe, or of a version that nobody knows, is refused."""
    monkeypatch.setattr(VERSION_NAMES[driver], version)
    with pytest.raises(rds_tls.DriverNotInstalledError, match=rf"pip install --upgrade 'rds-tls\[{driver}\]'"):
        asyncio.run(aconnect(driver, user="app", settings=OFFLINE))


def test_asyncmy_is_the_default(server: MySqlCompatibleServer, pki: Pki) -> None:
    """Without driver= the connection is asyncmy's."""

    async def connect() -> None:
        connection = await rds_tls.aconnect_mysql(HOST, **arguments(server, pki.settings))
        assert isinstance(connection, asyncmy.Connection)
        end(connection)

    run(asyncio.new_event_loop, connect())


@every_driver
def test_engine_takes_the_connection(driver: str, server: MySqlCompatibleServer, pki: Pki) -> None:
    """SQLAlchemy's asyncio engine takes a connection of ours for one of the driver's."""

    async def ask() -> Any:  # noqa: ANN401 - a row
        engine = create_async_engine(
            f"mysql+{driver}://", async_creator=lambda: aconnect(driver, **arguments(server, pki.settings))
        )
        async with engine.connect() as connection:
            row = (await connection.execute(text(TLS_IN_MYSQL))).fetchone()
            transport = carrier((await connection.get_raw_connection()).driver_connection)
        await engine.dispose()
        transport.abort()  # as in end()
        return row

    assert run(asyncio.new_event_loop, ask())[1]
