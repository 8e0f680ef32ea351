"""SQLAlchemy's engines, as the tests use them: each dialect with its driver, set up in some way and asked a question.

An engine whose driver resolves names in C is made and asked in the process of ``tests.support.in_c``, so what it is
made of is told apart from the engine itself.
"""

import asyncio
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from threading import get_ident
from typing import Any, NamedTuple, Self

import asyncpg
import pytest
import sqlalchemy
from sqlalchemy.engine import URL, Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

import rds_tls
from tests.support import in_c
from tests.support.local_rds.kinds import MYSQL_SERVERS, POSTGRES_SERVERS, Server
from tests.support.matrix import on_each_server
from tests.support.rows import TLS_IN_MYSQL, TLS_IN_POSTGRESQL

HOST = "orders.cluster-abc123def456.eu-west-1.rds.amazonaws.com"

# What comes of a connection that is refused: asyncpg's own errors and those of ssl come through bare.
ERRORS = (SQLAlchemyError, rds_tls.RdsTlsError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError)


class Kind(NamedTuple):
    """A dialect with its driver, as a URL begins with it.

    Attributes:
        scheme: that beginning.
        is_async: whether its engines are of asyncio.
        dials_in_c: how a driver is imported that resolves names in C.
    """

    scheme: str
    is_async: bool = False
    dials_in_c: str = ""

    @property
    def name(self) -> str:
        """What a report calls it."""
        return f"{self.scheme}{', asyncio' * self.is_async}"

    @property
    def is_postgres(self) -> bool:
        """Whether it speaks to PostgreSQL."""
        return self.scheme.startswith("postgresql")

    @property
    def servers(self) -> tuple[type[Server], ...]:
        """The kinds of server that it speaks to."""
        return POSTGRES_SERVERS if self.is_postgres else MYSQL_SERVERS

    @property
    def question(self) -> str:
        """Ask the server whether TLS carries the connection."""
        return TLS_IN_POSTGRESQL if self.is_postgres else TLS_IN_MYSQL

    def url(self, server: Server, host: str = HOST, **query: str | tuple[str, ...]) -> URL:
        """Give a URL for a server."""
        port = server.port if self.dials_in_c else None
        return URL.create(self.scheme, server.user, server.password, host, port, server.database, query)

    def where(self, server: Server, settings: rds_tls.Settings) -> dict[str, Any]:
        """Give what ``secure`` is given besides."""
        return {"settings": settings} if self.dials_in_c else {"settings": settings, "via": (server.host, server.port)}

    def skip_if_missing(self) -> None:
        """Skip what asks for an engine of a driver that no compiler has built here."""
        if self.dials_in_c and find_spec(self.dials_in_c) is None:
            pytest.skip(f"{self.dials_in_c} is not installed, or cannot be built here")

    def make(self, url: str | URL, **options: Any) -> Engine:
        """Make an engine without rds_tls."""
        self.skip_if_missing()
        if self.is_async:
            return create_async_engine(url, **options).sync_engine
        return sqlalchemy.create_engine(url, **options)

    def create(self, url: str | URL, **options: Any) -> Engine:
        """Make an engine by rds_tls."""
        self.skip_if_missing()
        if self.is_async:
            return rds_tls.sqlalchemy.create_async_engine(url, **options).sync_engine
        return rds_tls.sqlalchemy.create_engine(url, **options)

    def ask(self, engine: Engine) -> bool:
        """Ask whether TLS carries a connection of an engine's, which holds none afterwards."""
        question = sqlalchemy.text(self.question)

        async def ask() -> Any:  # noqa: ANN401 - a row's last column
            transport: asyncio.Transport | None = None
            try:
                async with AsyncEngine(engine).connect() as connection:
                    transport = _transport_of((await connection.get_raw_connection()).driver_connection)
                    return (await connection.execute(question)).one()[-1]
            finally:
                await AsyncEngine(engine).dispose()
                if transport is not None:
                    transport.abort()

        if self.is_async:
            return bool(asyncio.run(ask()))
        try:
            with engine.connect() as connection:
                return bool(connection.execute(question).one()[-1])
        finally:
            engine.dispose()


def _transport_of(connection: Any) -> Any:  # noqa: ANN401 - the driver's
    """Give what carries a connection of aiomysql's or asyncmy's, which leave it to a loop to wait for the farewell."""
    writer = getattr(connection, "_writer", None)
    return getattr(connection, "_transport", None) if writer is None else writer.transport


KINDS = (
    Kind("postgresql+psycopg"),
    Kind("postgresql+psycopg", is_async=True),
    Kind("postgresql+psycopg2"),
    Kind("postgresql+asyncpg", is_async=True),
    Kind("postgresql+pg8000"),
    Kind("mysql+pymysql"),
    Kind("mysql+mysqldb", dials_in_c="MySQLdb"),
    Kind("mysql+mysqlconnector"),
    Kind("mysql+aiomysql", is_async=True),
    Kind("mysql+asyncmy", is_async=True),
)
NAMED = {kind.name: kind for kind in KINDS}
every_kind = on_each_server("kind", NAMED, lambda kind: kind.servers)


class Setup(NamedTuple):
    """What an engine is made of.

    Attributes:
        kind: its dialect.
        url: its URL.
        ours: what ``secure`` is given.
        options: what SQLAlchemy's ``create_engine`` is given.
        by: "secure", "create" or "url": how it comes to be secured.
    """

    kind: Kind
    url: str
    ours: Mapping[str, Any]
    options: Mapping[str, Any]
    by: str

    @classmethod
    def of(
        cls, kind: Kind, url: URL, *, by: str = "secure", options: Mapping[str, Any] | None = None, **ours: Any
    ) -> Self:
        """Set up an engine."""
        return cls(kind, url.render_as_string(hide_password=False), ours, options or {}, by)

    def engine(self) -> Engine:
        """Make the engine in this process."""
        if self.by == "url":
            return self.kind.make(self.url, **self.options)
        if self.by == "create":
            return self.kind.create(self.url, **self.options, **self.ours)
        return rds_tls.sqlalchemy.secure(self.kind.make(self.url, **self.options), **self.ours)

    def ask(self) -> bool:
        """Make the engine, and ask whether TLS carries a connection of it."""
        with self.kept() as ask:
            return ask()

    def kept(self) -> "Kept":
        """Make the engine once, and ask it several times, each time over a new connection."""
        return Kept(self)


class Kept:
    """An engine that is asked several times; use it as a context manager."""

    def __init__(self, setup: Setup) -> None:
        self._kind = setup.kind
        self._far: in_c.Far | None = None
        if setup.kind.dials_in_c:
            self._far = in_c.Far(setup.kind.dials_in_c)
            self._far.do("run", f"{__name__}:keep", setup)
        else:
            self._engine = setup.engine()

    def __enter__(self) -> Callable[[], bool]:
        return self._ask

    def __exit__(self, *_: object) -> None:
        if self._far is not None:
            self._far._pipe.close()

    def _ask(self) -> bool:
        return self._kind.ask(self._engine) if self._far is None else bool(self._far.do("run", f"{__name__}:ask_kept"))


# In the other process, one for each of its threads, which serves one caller.
_kept: dict[int, tuple[Kind, Engine]] = {}


def keep(setup: Setup) -> None:
    """Make the engine that this thread's caller asks."""
    _kept[get_ident()] = setup.kind, setup.engine()


def ask_kept() -> bool:
    """Ask it."""
    kind, engine = _kept[get_ident()]
    return kind.ask(engine)
