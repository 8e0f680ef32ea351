"""Every other driver that people have, with what is made for psycopg and PyMySQL, and with an endpoint's context."""

import asyncio
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import Any, NamedTuple

import rds_tls
from tests.hostile.drivers import Driver, Login
from tests.hostile.evidence import Protocol
from tests.hostile.stage import HOST

POSTGRESQL, MYSQL = Protocol.POSTGRESQL, Protocol.MYSQL

Arguments = dict[str, Any]
Maker = Callable[[Login], Arguments]


def _plainly(driver: Any, arguments: Arguments) -> None:  # noqa: ANN401 - a module
    driver.connect(**arguments).close()


def _natively(driver: Any, arguments: Arguments) -> None:  # noqa: ANN401 - a module
    driver.Connection(**arguments).close()


def _awaited(driver: Any, arguments: Arguments) -> None:  # noqa: ANN401 - a module
    async def connect() -> None:
        connection = await driver.connect(**arguments)
        closing = connection.close()
        if closing is not None:
            await closing
        # Some wait for nobody when they close: the loop would end before the peer has answered the end of TLS.
        for transport in asyncio.get_running_loop()._transports.values():  # type: ignore[attr-defined]
            transport.abort()

    asyncio.run(connect())


def _connector(*, use_pure: bool) -> Callable[[Any, Arguments], None]:
    return lambda driver, arguments: _plainly(driver, arguments | {"use_pure": use_pure})


class Other(NamedTuple):
    """A driver that rds_tls makes nothing for.

    Attributes:
        module: what to import.
        protocol: the protocol that it speaks.
        connect: connects and closes.
        context: what it calls a context; those that take none refuse the name.
        database: what it calls a database, where it needs one.
        dials_in_c: whether a C library resolves its host, so that the tests give it an address.
    """

    module: str
    protocol: Protocol
    connect: Callable[[Any, Arguments], None]
    context: str = "ssl"
    database: str = ""
    dials_in_c: bool = False


OTHERS = {
    "psycopg2": Other("psycopg2", POSTGRESQL, _plainly, dials_in_c=True),
    "asyncpg": Other("asyncpg", POSTGRESQL, _awaited, database="database"),
    "pg8000": Other("pg8000.dbapi", POSTGRESQL, _plainly, context="ssl_context", database="database"),
    "pg8000.native": Other("pg8000.native", POSTGRESQL, _natively, context="ssl_context", database="database"),
    "aiomysql": Other("aiomysql", MYSQL, _awaited),
    "asyncmy": Other("asyncmy", MYSQL, _awaited),
    "mysqlclient": Other("MySQLdb", MYSQL, _plainly, dials_in_c=True),
    "mysql-connector": Other("mysql.connector", MYSQL, _connector(use_pure=True)),
    "mysql-connector in C": Other("mysql.connector", MYSQL, _connector(use_pure=False), dials_in_c=True),
    "mysql-connector.aio": Other("mysql.connector.aio", MYSQL, _awaited),
}
# What these take as it is, and verify with. Every other pair never connects, whatever the server presents.
VERIFIES = frozenset((name, "ssl_context") for name in ("asyncpg", "pg8000", "pg8000.native", "aiomysql", "asyncmy"))
# psycopg2 has a libpq of its own; one that is older than psycopg's refuses what it does not know.
MAY_VERIFY = frozenset({("psycopg2", "postgres_kwargs")})
# What no object of ours can prevent: these log in where a server hides TLS, whatever context they are given.
NOT_OURS = frozenset({("aiomysql", "ssl_context"), ("mysqlclient", "ssl_context")})


def _common(login: Login) -> Arguments:
    return {"user": login.user, "password": login.password, "via": login.address, "settings": login.settings}


def _for_psycopg(login: Login) -> Arguments:
    return rds_tls.postgres_kwargs(HOST, dbname=login.database, **_common(login))


def _for_pymysql(login: Login) -> Arguments:
    # Without a database, for which some drivers have another name: they would refuse that, and nothing else.
    return rds_tls.mysql_kwargs(HOST, **_common(login))


def _with_context(other: Other) -> Maker:
    def arguments(login: Login) -> Arguments:
        address, port = login.address
        return {
            "host": address if other.dials_in_c else HOST,
            "port": port,
            "user": login.user,
            "password": login.password,
            other.context: rds_tls.ssl_context(HOST, settings=login.settings),
            **({other.database: login.database} if other.database else {}),
        }

    return arguments


def _row(name: str, other: Other, given: str, arguments: Maker) -> Driver:
    def connect(login: Login) -> object:
        other.connect(import_module(other.module), arguments(login))
        return True

    return Driver(f"{name}, {given}", other.protocol, connect, (Exception,))


# (driver, what it is given) -> the row.
PAIRS = {
    (name, given): _row(name, other, given, arguments)
    for name, other in OTHERS.items()
    for given, arguments in (
        ("postgres_kwargs", _for_psycopg),
        ("mysql_kwargs", _for_pymysql),
        ("ssl_context", _with_context(other)),
    )
}


def is_missing(name: str) -> bool:
    """Say whether a driver is not installed: mysqlclient needs a compiler."""
    return find_spec(OTHERS[name].module.partition(".")[0]) is None
