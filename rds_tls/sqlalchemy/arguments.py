"""What an engine gives its driver: the parts of a URL, which make a request, what it says about TLS, and the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from rds_tls.connect.request import CONNECT_TIMEOUT
from rds_tls.connect.url import is_satisfied
from rds_tls.drivers import MYSQL, POSTGRES, adapter_of, reserved
from rds_tls.errors import OptionError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from sqlalchemy.engine import URL, Dialect, Engine

    from rds_tls.connect.request import Request
    from rds_tls.drivers import Engine as Database

Arguments = dict[str, Any]


class Kind(NamedTuple):
    """A dialect of SQLAlchemy's: the engine it speaks to, and the ``driver=`` by which rds_tls knows its driver."""

    database: Database
    driver: str


# By SQLAlchemy's own names for drivers ("dialect+driver").
_KINDS = {
    "psycopg": Kind(POSTGRES, "psycopg"),
    "psycopg_async": Kind(POSTGRES, "psycopg"),
    "psycopg2": Kind(POSTGRES, "psycopg2"),
    "asyncpg": Kind(POSTGRES, "asyncpg"),
    "pg8000": Kind(POSTGRES, "pg8000"),
    "pymysql": Kind(MYSQL, "pymysql"),
    "mysqldb": Kind(MYSQL, "mysqlclient"),
    "mysqlconnector": Kind(MYSQL, "mysql-connector"),
    "aiomysql": Kind(MYSQL, "aiomysql"),
    "asyncmy": Kind(MYSQL, "asyncmy"),
}

# What dialects call the parts of a URL: SQLAlchemy's create_connect_args, which translates the names for each driver.
_PARTS: Mapping[str, tuple[str, ...]] = {
    "host": ("host",),
    "port": ("port",),
    "user": ("user", "username"),
    "password": ("password", "passwd"),
    "database": ("dbname", "database", "db"),
}
# With what the names of the URL plugin's options begin.
PREFIX = "rds_tls_"

_OF_A_PART = {name: part for part, names in _PARTS.items() for name in names}


def kind_of(dialect: Dialect) -> Kind:
    """Find what a dialect speaks to, and by which driver.

    Raises:
        OptionError: rds_tls has no adapter for its driver, or it is none of SQLAlchemy's own for these databases.
    """
    kind = _KINDS.get(dialect.driver)
    if kind is not None and dialect.name in kind.database.schemes:
        return kind
    raise OptionError(
        f"rds_tls knows no dialect {dialect.name}+{dialect.driver}: use postgresql+ or mysql+ with one of "
        f"{', '.join(dict.fromkeys(name.removesuffix('_async') for name in _KINDS))}"
    )


def reader(engine: Engine, asked: Request) -> Callable[[Iterable[object], Arguments], tuple[Request, Arguments]]:
    """Make what turns the arguments of one connection into a request.

    Args:
        engine: the engine; its URL is checked here.
        asked: what ``secure`` was given.

    Returns:
        A function of the positional and the named arguments that the driver would get. It gives the request, and takes
        what belongs there out of the named ones; what is left are options of the driver's.

    Raises:
        OptionError: the URL has an option that asks for less than verified TLS, names another place to connect to, or
            contradicts ``asked``.
    """
    satisfied = _satisfied(engine.url, adapter_of(*kind_of(engine.dialect)).RESERVED)
    clean = _cleaner(engine, satisfied)

    def read(positional: Iterable[object], arguments: Arguments) -> tuple[Request, Arguments]:
        try:
            clean(arguments)
            return _request(asked, positional, arguments), arguments
        except OptionError:
            arguments.clear()  # a traceback may show locals
            raise

    read((), _given(engine, engine.url))  # what the URL contradicts is said now, and not at the first connection
    return read


def _given(engine: Engine, url: URL) -> Arguments:
    """Give the arguments that an engine's dialect makes of a URL."""
    return dict(engine.dialect.create_connect_args(url)[1])


def _cleaner(engine: Engine, satisfied: Iterable[str]) -> Callable[[Arguments], None]:
    """Make what takes out of a driver's arguments that which satisfied options of the URL have put there."""
    without = _given(engine, engine.url.difference_update_query(satisfied))
    added = {name: value for name, value in _given(engine, engine.url).items() if without.get(name) != value}
    replaced = {name: without[name] for name in added if name in without}

    def clean(arguments: Arguments) -> None:
        for name, value in added.items():
            if arguments.get(name) == value:  # and not what connect_args say
                del arguments[name]
                arguments |= {name: replaced[name]} if name in replaced else {}

    return clean


def _satisfied(url: URL, reasons: Mapping[str, str]) -> list[str]:
    """Name the URL's options that are satisfied anyway.

    Args:
        url: the engine's.
        reasons: the adapter's ``RESERVED``.

    Raises:
        OptionError: one is neither that nor harmless.
    """
    satisfied = []
    for name, value in url.query.items():
        reason = reserved(name, reasons)
        if is_satisfied(name, value if isinstance(value, str) else ""):  # what stands there twice is none
            satisfied.append(name)
        elif name in _OF_A_PART:
            raise _refused(name, "write it in its own place, dialect+driver://user:password@host:port/database")
        elif name.startswith(PREFIX):
            raise _refused(name, "it is one of plugin=rds_tls, which does what secure() does: write that beside it")
        elif reason is not None:
            raise _refused(name, reason)
    return satisfied


def _refused(name: str, reason: str) -> OptionError:
    return OptionError(f"the URL's option {name!r} cannot be taken: {reason}")


def _request(asked: Request, positional: Iterable[object], arguments: Arguments) -> Request:
    """Take the parts of the URL out of a driver's arguments, and lay them over what ``secure`` was given."""
    if any(positional):
        raise OptionError("the engine's driver is given arguments without a name: pass them by name")
    taken = {part: _taken(part, arguments) for part in _PARTS if part != "password"}
    taken["port"] = _number(taken["port"])
    seconds = _number(arguments.pop("connect_timeout", None))
    if seconds is not None:
        if asked.connect_timeout not in {None, CONNECT_TIMEOUT, seconds}:
            raise OptionError(
                "connect_timeout= is one, and the engine's URL or connect_args have another: leave one out"
            )
        taken["connect_timeout"] = seconds
    password = _taken("password", arguments)
    if password is None:
        return asked._replace(**taken)
    if asked.password is None and not asked.iam and asked.secret is None:
        return asked._replace(**taken, password=password)
    del password  # a traceback may show locals
    raise OptionError("the engine has a password, and password=, secret= or iam=True brings another: leave one out")


def _taken(part: str, arguments: Arguments) -> Any:  # noqa: ANN401 - a text, or a port's number
    """Take one part of the URL out of a driver's arguments, by whatever name; None where it is empty or not there."""
    found = [value for value in (arguments.pop(name, None) for name in _PARTS[part]) if value not in {None, ""}]
    if any(value != found[0] for value in found):
        del found  # a traceback may show locals
        raise OptionError(f"the engine's URL and its connect_args name each another {part}: leave one out")
    return found[0] if found else None


def _number(value: Any) -> Any:  # noqa: ANN401 - as above
    """Give the number that a text of a URL's is."""
    return int(value) if isinstance(value, str) and value.isdecimal() else value
