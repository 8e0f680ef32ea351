"""The engines, their drivers, and what an adapter is: one module beside this for each driver.

To add a driver: its module here, its name in the engine's table and in the Literal above that, an overload for its
class of connection in ``rds_tls.connect``, an extra in ``pyproject.toml``, a line in ``tests/typing/adapters.py``, by
which mypy compares it with the protocols below, and a row in ``tests/support/rows.py``.
"""

import socket
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import cache
from importlib import import_module
from typing import Any, Literal, NamedTuple, NoReturn, Protocol, cast

from rds_tls.errors import OptionError, UnverifiedConnectionError
from rds_tls.roots.anchors import Anchors

PostgresDriver = Literal["psycopg", "psycopg2", "pg8000"]
AsyncPostgresDriver = Literal["psycopg", "asyncpg"]
MysqlDriver = Literal["pymysql", "mysqlclient", "mysql-connector"]
AsyncMysqlDriver = Literal["asyncmy", "aiomysql", "mysql-connector"]


class Engine(NamedTuple):
    """A database engine.

    Attributes:
        name: what people call it.
        protocol: what its servers speak.
        port: its default TCP port.
        schemes: what a URL for it begins with.
        drivers: for each ``driver=`` that connects the module beside this that is its adapter.
        async_drivers: the same for each that is awaited.
    """

    name: str
    protocol: Literal["postgresql", "mysql"]
    port: int
    schemes: tuple[str, ...]
    drivers: Mapping[str, str]
    async_drivers: Mapping[str, str]


POSTGRES = Engine(
    "Aurora PostgreSQL",
    "postgresql",
    5432,
    ("postgresql", "postgres"),
    {"psycopg": "psycopg", "psycopg2": "psycopg2", "pg8000": "pg8000"},
    {"psycopg": "psycopg", "asyncpg": "asyncpg"},
)
MYSQL = Engine(
    "Aurora MySQL",
    "mysql",
    3306,
    ("mysql", "mariadb"),
    {"pymysql": "pymysql", "mysqlclient": "mysqlclient", "mysql-connector": "mysql_connector"},
    {"asyncmy": "asyncmy", "aiomysql": "aiomysql", "mysql-connector": "mysql_connector_aio"},
)


class Target(NamedTuple):
    """What to connect to, and what to trust there.

    Attributes:
        host: the endpoint's name, which the server's certificate must carry.
        port: the endpoint's TCP port.
        anchors: the trust anchors.
        via: the address (name or IP, port) to dial in place of the endpoint, or None to dial the endpoint.
        via_addresses: the IP addresses that the name in ``via`` resolved to, in the resolver's order, for an adapter
            with ``NEEDS_ADDRESSES``; empty for every other.
        again: gives the driver's arguments as they are later, with the newest roots, password or token, for a driver
            that reconnects by itself; None where nobody can.
    """

    host: str
    port: int
    anchors: Anchors
    via: tuple[str, int] | None = None
    via_addresses: tuple[str, ...] = ()
    again: Callable[[], Mapping[str, Any]] | None = None


# What drivers call a database.
_DATABASES = frozenset({"database", "db", "dbname"})


class Adapter(Protocol):
    """What each driver's module has, however it dials.

    Attributes:
        DATABASE: the driver's name for the option that names a database.
        NEEDS_ADDRESSES: whether the driver takes no name in ``via``, so that the plan resolves it.
        NO_TUNNEL: why ``via`` cannot be had with this driver; empty where it can.
        NO_ARGUMENTS: why arguments alone verify nothing in this driver, and what to call; empty where they do.
        RESERVED: driver options that a caller may not pass, and why, besides every one that starts with ``ssl``.
    """

    DATABASE: str
    NEEDS_ADDRESSES: bool
    NO_TUNNEL: str
    NO_ARGUMENTS: str
    RESERVED: dict[str, str]

    def known(self) -> Collection[str]:
        """Name each option that the installed driver takes."""

    def kwargs(self, target: Target, /) -> dict[str, Any]:
        """Give the driver's own arguments for a verified connection; nothing is resolved or dialled.

        All that decides about TLS or where to dial has a value among them, so that what a URL or a settings file says
        beside them does not count.
        """

    def bounds(self, seconds: float, /) -> dict[str, Any]:
        """Give the driver's own arguments that bound connecting, as far as arguments can.

        Raises:
            OptionError: the driver has none that end with connecting.
        """

    def check(self, options: Mapping[str, Any], /) -> None:
        """Raise for a value that the driver would send as something else."""

    def verify(self, connection: Any, target: Target, options: Mapping[str, Any], /) -> None:  # noqa: ANN401 - the driver's
        """Raise unless the connection's TLS is what was asked for; the connection has been closed then."""

    def explain(self, error: Exception, target: Target, /) -> str:
        """Give the text that says why the driver did not connect; this may dial the server once more."""


class SyncAdapter(Adapter, Protocol):
    """The module of a driver whose connect returns a connection."""

    def connect(self, options: Mapping[str, Any], target: Target, seconds: float | None, /) -> Any:  # noqa: ANN401 - each driver has its own class
        """Dial with the driver, and log in.

        Args:
            options: what ``kwargs`` gave for the target, and the caller's own options.
            target: where that leads, for what no option says.
            seconds: how long dialling, TLS and login may take together, over all addresses; None for no bound. It does
                not count for what the connection does later.
        """


class AsyncAdapter(Adapter, Protocol):
    """The module of a driver whose connect is awaited."""

    async def aconnect(self, options: Mapping[str, Any], target: Target, seconds: float | None, /) -> Any:  # noqa: ANN401 - as above
        """Dial and log in as ``SyncAdapter.connect`` does, in the running event loop."""


def adapter_of(engine: Engine, driver: str) -> Adapter:
    """Find the adapter of a driver that gives its arguments away, however it dials.

    Raises:
        OptionError: the engine has no such driver here.
    """
    return cast("Adapter", _module(engine, driver, {**engine.async_drivers, **engine.drivers}))


def sync_adapter(engine: Engine, driver: str) -> SyncAdapter:
    """Find the adapter of a driver that connects; raises as ``adapter_of``."""
    return cast("SyncAdapter", _module(engine, driver, engine.drivers))


def async_adapter(engine: Engine, driver: str) -> AsyncAdapter:
    """Find the adapter of a driver that is awaited; raises as ``adapter_of``."""
    return cast("AsyncAdapter", _module(engine, driver, engine.async_drivers))


def _module(engine: Engine, driver: str, drivers: Mapping[str, str]) -> object:
    if driver not in drivers:
        other = "its connection is awaited" if driver in engine.async_drivers else "its connection is not awaited"
        reason = f", and {driver} is for the other function: {other}" if _is_for(engine, driver) else ""
        raise OptionError(f"{engine.name} has no such driver= here: use one of {', '.join(drivers)}{reason}")
    return _imported(drivers[driver])


def _is_for(engine: Engine, driver: object) -> bool:
    """Say whether a driver is one of an engine's, awaited or not."""
    return driver in {*engine.drivers, *engine.async_drivers}


@cache
def _imported(module: str) -> object:
    return import_module(f"{__name__}.{module}")


def resolved(name: str) -> tuple[str, ...]:
    """Ask the resolver for the addresses of a name, each once, in its order.

    Raises:
        OSError: it knows none.
    """
    found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))


def reserved(name: str, reasons: Mapping[str, str]) -> str | None:
    """Say why a caller may not pass a driver option.

    Every name that starts with ``ssl`` is reserved, so that one which a later driver adds is caught too.

    Args:
        name: the option's name.
        reasons: the driver's ``RESERVED``.

    Returns:
        The reason, with what to use in its place; None for an option that decides nothing about TLS.
    """
    if name.startswith("ssl"):
        return "rds_tls always verifies chain and name with its own trust anchors; leave it out"
    return reasons.get(name)


def check_names(adapter: Adapter, names: Iterable[str]) -> None:
    """Refuse driver options that contradict verified TLS, that rds_tls sets itself, or that the driver does not know.

    A name that the driver does not know is not for the driver to refuse: psycopg writes names into a connection string
    as they are, where ``" sslmode"`` means ``sslmode``.

    Args:
        adapter: the driver that would get the options.
        names: the options' names.

    Raises:
        OptionError: the first such option, why it is refused and what to use in its place.
    """
    for name in names:
        reason = reserved(name, adapter.RESERVED) if _is_plain(name) else None
        if reason is not None:
            raise OptionError(f"the driver option {name!r} cannot be passed: {reason}")
        if name not in adapter.known():
            raise OptionError(_unknown(name, adapter.known()))


def _is_plain(name: str) -> bool:
    """Say whether a name is one that code could spell: of any other, an error does not repeat what it may hold."""
    return name.isascii() and name.isidentifier()


def _unknown(name: str, known: Collection[str]) -> str:
    from difflib import get_close_matches  # only a refusal needs it

    shown = repr(name) if _is_plain(name) else "whose name is no identifier"
    nearest = get_close_matches(name.lower(), sorted(known), n=1)
    hint = f"the nearest that it has is {nearest[0]!r}" if nearest else "check the spelling"
    if name in _DATABASES:
        hint = "a PostgreSQL database is dbname=, a MySQL database is database=, whatever the driver calls it"
    return f"the installed driver has no option {shown}: {hint}"


def close_unverified(close: Callable[[], object], driver: str, host: str) -> NoReturn:
    """Close a connection that is not what was asked for: the end of each adapter's ``verify``.

    Args:
        close: closes the connection.
        driver: the driver's name, for people.
        host: the endpoint.

    Raises:
        UnverifiedConnectionError: always.
    """
    close()
    raise UnverifiedConnectionError(
        f"{driver} returned a connection to {host} without verified TLS; it was closed. "
        f"Please report this, with the version of {driver} and, where it has one, of its C library."
    )
