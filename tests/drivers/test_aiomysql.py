"""aiomysql's options: every one that it knows is either harmless or refused; and no arguments are given for it."""

import asyncio
import gc
import inspect
from typing import Any

import aiomysql
import pytest

import rds_tls
from rds_tls.drivers import aiomysql as adapter
from rds_tls.drivers import reserved
from tests.conftest import OFFLINE, Pki
from tests.hostile.stage import HOST
from tests.support.local_rds import KeyType
from tests.support.local_rds.mysql_compatible import MySqlCompatibleServer

NOWHERE = ("127.0.0.1", 1)  # what a call that should be refused would dial

# None of these decides where the bytes go or whether TLS carries them. A name that a new version adds is in neither
# list, and the test below asks for a decision.
HARMLESS = set(
    """
    user password port charset sql_mode conv use_unicode client_flag cursorclass init_command connect_timeout
    autocommit echo local_infile auth_plugin program_name server_public_key
    """.split()  # noqa: SIM905 - twenty quoted names would hide the list
)

OPTIONS = {**inspect.signature(aiomysql.connect).parameters, **inspect.signature(aiomysql.Connection).parameters}
RESERVED = sorted({name for name in OPTIONS if reserved(name, adapter.RESERVED)} - {"host"})


def test_every_option_is_decided() -> None:
    """Each option that this aiomysql knows is reserved or listed as harmless, never both."""
    assert set(OPTIONS) - {*RESERVED, "host"} == HARMLESS
    assert {"ssl", "unix_socket", "read_default_file", "read_default_group", "loop", "db"} <= set(RESERVED)
    assert adapter.known() == set(OPTIONS)


@pytest.mark.parametrize("name", [*RESERVED, "ssl_disabled", "ssl_option_of_the_future"])
def test_conflicting_option_is_refused(name: str) -> None:
    """It raises before anything is dialled, whatever its value, and the message names it."""
    connect: Any = rds_tls.aconnect_mysql
    with pytest.raises(rds_tls.OptionError, match=f"driver option '{name}' cannot be passed: "):
        asyncio.run(connect(HOST, driver="aiomysql", user="app", via=NOWHERE, settings=OFFLINE, **{name: True}))


def test_no_arguments_are_given() -> None:
    """Arguments alone leak where a server hides TLS, so there are none: the error says what to call instead."""
    with pytest.raises(rds_tls.OptionError) as caught:
        rds_tls.mysql_kwargs(HOST, "aiomysql", user="app")
    assert str(caught.value) == (
        "no arguments make aiomysql verify by itself: it sends user and password to a server that hides TLS, context "
        'or not: connect by await rds_tls.aconnect_mysql(host, driver="aiomysql", ...), which does not'
    )


def test_value_that_aiomysql_refuses_is_its_own_error() -> None:
    """What its constructor raises passes, and nothing beside it from its destructor."""
    connect: Any = rds_tls.aconnect_mysql
    with pytest.raises(AttributeError, match="encoding"):
        asyncio.run(connect(HOST, driver="aiomysql", user="app", via=NOWHERE, settings=OFFLINE, charset="nonsense"))
    gc.collect()


def test_options_reach_the_driver(mysql: MySqlCompatibleServer, pkis: dict[KeyType, Pki]) -> None:
    """What is harmless is aiomysql's: its cursors, its charset, and the database under its own name for it."""
    pki = pkis[KeyType.ECC384]
    mysql.present(pki.authority.issue([HOST]))

    async def ask() -> tuple[str | None, Any]:
        connection = await rds_tls.aconnect_mysql(
            HOST,
            driver="aiomysql",
            user=mysql.user,
            password=mysql.password,
            database=mysql.database,
            via=(mysql.host, mysql.port),
            settings=pki.settings,
            cursorclass=aiomysql.DictCursor,
            charset="utf8mb4",
        )
        transport = connection._writer.transport
        async with connection.cursor() as cursor:
            await cursor.execute("SELECT DATABASE() AS chosen, @@character_set_client AS spoken")
            row = await cursor.fetchone()
        connection.close()
        transport.abort()
        return connection.db, row

    assert asyncio.run(ask()) == (mysql.database, {"chosen": mysql.database, "spoken": "utf8mb4"})
