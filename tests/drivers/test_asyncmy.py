"""asyncmy's options: every one that it knows is either harmless or refused; and its arguments alone verify."""

import asyncio
import inspect
from pathlib import Path
from typing import Any

import aiomysql
import asyncmy
import pymysql
import pytest
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

import rds_tls
from rds_tls.drivers import asyncmy as adapter
from rds_tls.drivers import reserved
from tests.conftest import OFFLINE, Pki
from tests.hostile.stage import HOST
from tests.support.local_rds import KeyType
from tests.support.local_rds.mysql_compatible import MySqlCompatibleServer
from tests.support.rows import TLS_IN_MYSQL

NOWHERE = ("127.0.0.1", 1)  # what a call that should be refused would dial

# None of these decides where the bytes go or whether TLS carries them. A name that a new version adds is in neither
# list, and the test below asks for a decision.
HARMLESS = set(
    """
    user password database port charset sql_mode conv use_unicode client_flag cursor_cls init_command connect_timeout
    autocommit local_infile max_allowed_packet auth_plugin_map read_timeout binary_prefix program_name echo
    query_callback server_public_key stmt_cache_size
    """.split()  # noqa: SIM905 - twenty quoted names would hide the list
)
# Decided too, and left open for a pool or an ORM, which give a login of their own by these.
LOGINS = {"db", "password_creator"}

OPTIONS = {**inspect.signature(asyncmy.connect).parameters, **inspect.signature(asyncmy.Connection).parameters}
RESERVED = sorted({name for name in OPTIONS if reserved(name, adapter.RESERVED)} - {"host"})


def test_every_option_is_decided() -> None:
    """Each option that this asyncmy knows is reserved or listed as harmless, never both."""
    assert set(OPTIONS) - {*RESERVED, "host"} == set(OPTIONS) & HARMLESS
    assert {"ssl", "sock", "unix_socket", "read_default_file", "read_default_group", *LOGINS} <= set(RESERVED)
    assert adapter.known() == set(OPTIONS)


@pytest.mark.parametrize("name", [*RESERVED, "ssl_disabled", "ssl_option_of_the_future"])
def test_conflicting_option_is_refused(name: str) -> None:
    """It raises before anything is dialled, whatever its value, and the message names it."""
    connect: Any = rds_tls.aconnect_mysql
    give: Any = rds_tls.mysql_kwargs
    with pytest.raises(rds_tls.OptionError, match=f"driver option '{name}' cannot be passed: "):
        asyncio.run(connect(HOST, user="app", via=NOWHERE, settings=OFFLINE, **{name: True}))
    with pytest.raises(rds_tls.OptionError, match=f"driver option '{name}' cannot be passed: "):
        give(HOST, "asyncmy", user="app", **{name: True})


def test_misspelt_option_is_named() -> None:
    """What asyncmy does not know is refused with the nearest that it does."""
    misspelt: dict[str, Any] = {"cursorclass": None}
    with pytest.raises(rds_tls.OptionError, match="has no option 'cursorclass': the nearest that it has is 'cursor_c"):
        rds_tls.mysql_kwargs(HOST, "asyncmy", **misspelt)


def test_arguments_hold_the_shared_context() -> None:
    """They are the endpoint, the region's sealed context, and nothing for all else that decides where bytes go."""
    arguments = rds_tls.mysql_kwargs(HOST, "asyncmy", user="app", connect_timeout=3)
    nothing = dict.fromkeys(set(RESERVED) - LOGINS)
    expected = {"host": HOST, "ssl": rds_tls.ssl_context(HOST), "user": "app", "connect_timeout": 3}
    assert arguments == nothing | expected


def test_arguments_are_refused_by_others() -> None:
    """A driver that would log in where a server hides TLS does not take them for its own."""
    arguments = rds_tls.mysql_kwargs(HOST, "asyncmy", user="app", via=NOWHERE)
    connect: Any
    for connect in (aiomysql.connect, pymysql.connect):
        with pytest.raises(TypeError, match="unexpected keyword argument 'sock'"):
            connect(**arguments)


def test_pool_takes_the_arguments(mysql: MySqlCompatibleServer, pkis: dict[KeyType, Pki]) -> None:
    """The driver's own pool verifies with them, and takes a function of the caller's for a fresh password each time."""
    pki = pkis[KeyType.ECC384]
    mysql.present(pki.authority.issue([HOST]))
    asked: list[str] = []

    def password() -> str:
        asked.append(HOST)
        return mysql.password

    async def ask() -> Any:  # noqa: ANN401 - a row
        arguments = rds_tls.mysql_kwargs(
            HOST, "asyncmy", user=mysql.user, via=(mysql.host, mysql.port), settings=pki.settings
        )
        async with (
            asyncmy.create_pool(minsize=2, **arguments, password_creator=password) as pool,
            pool.acquire() as connection,
            connection.cursor() as cursor,
        ):
            left_open = [each._transport for each in (connection, *pool._free)]  # type: ignore[attr-defined]
            await cursor.execute(TLS_IN_MYSQL)
            row = await cursor.fetchone()
        for transport in left_open:  # asyncmy leaves them to the loop, which ends here, to wait for TLS to end
            transport.abort()
        return row

    assert asyncio.run(ask())[1]
    assert len(asked) == 2


# What a URL may say about TLS or where to dial, as texts; {folder} is empty.
LEFTOVERS = [
    "",
    "ssl_disabled=true",
    "ssl=false",
    "ssl_ca={folder}/none.pem",
    "ssl_check_hostname=false",
    "unix_socket={folder}/none.socket",
    "read_default_file={folder}/none.cnf",
    "read_default_group=client",
    "sock=none",
]
# asyncmy knows no such option, whatever its value.
UNKNOWN = {"ssl_disabled=true"}


@pytest.mark.parametrize("leftover", LEFTOVERS)
def test_leftover_in_a_url_does_not_count(
    mysql: MySqlCompatibleServer, pkis: dict[KeyType, Pki], tmp_path: Path, leftover: str
) -> None:
    """Whatever an engine's URL says beside the arguments, they lead to the server, by TLS, and verify it."""
    pki = pkis[KeyType.ECC384]
    mysql.present(pki.authority.issue([HOST]))
    url = f"mysql+asyncmy://{mysql.user}:{mysql.password}@127.0.0.9/{mysql.database}"

    async def ask(settings: rds_tls.Settings) -> Any:  # noqa: ANN401 - a row
        arguments = rds_tls.mysql_kwargs(HOST, "asyncmy", via=(mysql.host, mysql.port), settings=settings)
        engine = create_async_engine(
            f"{url}?{leftover.format(folder=tmp_path)}", connect_args=arguments, poolclass=NullPool
        )
        async with engine.connect() as connection:
            return (await connection.execute(text(TLS_IN_MYSQL))).fetchone()

    if leftover in UNKNOWN:
        with pytest.raises(TypeError, match="unexpected keyword argument"):
            asyncio.run(ask(pki.settings))
        return
    assert asyncio.run(ask(pki.settings))[1]
    with pytest.raises(SQLAlchemyError, match="certificate verify failed"):
        asyncio.run(ask(pki.sibling_settings))


def test_read_timeout_is_the_callers(mysql: MySqlCompatibleServer, pkis: dict[KeyType, Pki]) -> None:
    """A query waits as long as the caller's own read_timeout says."""
    pki = pkis[KeyType.ECC384]
    mysql.present(pki.authority.issue([HOST]))

    async def ask() -> None:
        connection = await rds_tls.aconnect_mysql(
            HOST,
            user=mysql.user,
            password=mysql.password,
            via=(mysql.host, mysql.port),
            settings=pki.settings,
            read_timeout=2,
        )
        async with connection, connection.cursor() as cursor:
            await cursor.execute("SELECT SLEEP(60)")

    with pytest.raises(asyncmy.errors.OperationalError, match="read timeout"):
        asyncio.run(ask())
