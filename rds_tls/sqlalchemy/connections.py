"""An engine's connections: ours, made in place of its dialect's, and no other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import WeakSet

import sqlalchemy
from sqlalchemy import event

from rds_tls.connect import attempt
from rds_tls.errors import DriverNotInstalledError, OptionError, UnverifiedConnectionError
from rds_tls.sqlalchemy.arguments import kind_of, reader

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

    from rds_tls.connect.request import Request

_OLDEST = 2  # the major version

# Where SQLAlchemy has what connects for a pool, unless a program brings its own (create_engine, "creator").
_OWN_CREATOR = "sqlalchemy.engine.create"


def hand_out_ours(engine: Engine, asked: Request) -> None:
    """Let an engine's dialect connect by rds_tls, and its pools keep nothing else.

    The dialect's ``connect`` is what comes after every listener of ``do_connect``, whenever it was registered.

    Args:
        engine: the engine, not an ``AsyncEngine``.
        asked: what is asked for besides what the engine's URL says.

    Raises:
        OptionError, DriverNotInstalledError: as for ``secure``.
    """
    kind = kind_of(engine.dialect)
    _check(engine)
    read = reader(engine, asked)
    made: WeakSet[Any] = WeakSet()
    own_connect = engine.dialect.connect

    def connect(*positional: object, **arguments: Any) -> Any:  # noqa: ANN401 - the driver's connection
        request, options = read(positional, arguments)
        connection = attempt.connect(*kind, request, options)
        made.add(connection)
        return connection

    async def connect_awaited(*positional: object, **arguments: Any) -> Any:  # noqa: ANN401 - as above
        request, options = read(positional, arguments)
        connection = await attempt.aconnect(*kind, request, options)
        made.add(connection)
        return connection

    def connect_async(*positional: object, **arguments: Any) -> Any:  # noqa: ANN401 - what SQLAlchemy makes of it
        try:
            if "async_creator_fn" in arguments:
                raise OptionError("the engine has an async_creator_fn of its own: leave it out")
            return own_connect(*positional, **arguments, async_creator_fn=connect_awaited)
        finally:
            del arguments  # a traceback may show locals

    engine.dialect.connect = connect_async if engine.dialect.is_async else connect  # type: ignore[method-assign]
    # What it holds was made by somebody else. Without an event loop an asyncio driver's cannot be closed.
    engine.dispose(close=not engine.dialect.is_async)

    @event.listens_for(engine, "connect", insert=True)  # before anybody asks the server something
    def check(connection: Any, record: Any) -> None:  # noqa: ANN401 - SQLAlchemy's and the driver's
        if record.driver_connection not in made:
            engine.dialect.do_terminate(connection)
            raise UnverifiedConnectionError(
                "a connection in the engine's pool was not made by rds_tls, but by something else, such as a listener "
                "of do_connect or another engine; it was closed. Let listeners change the arguments, and none connect"
            )


def _check(engine: Engine) -> None:
    """Refuse an engine for which something else connects, as far as can be seen."""
    if int(sqlalchemy.__version__.partition(".")[0]) < _OLDEST:
        raise DriverNotInstalledError(
            f"SQLAlchemy {sqlalchemy.__version__} is older than 2.0: pip install --upgrade 'rds-tls[sqlalchemy]'"
        )
    if "connect" in vars(engine.dialect):
        raise OptionError(
            "the engine is secured already: leave one out of secure(), rds_tls.sqlalchemy.create_engine() and "
            "plugin=rds_tls in its URL"
        )
    if getattr(engine.pool._creator, "__module__", None) != _OWN_CREATOR:  # noqa: SLF001 - nothing public says so
        raise OptionError(
            "the engine has a creator= or a pool= of its own, which connects in its place: leave that out, or let it "
            "call rds_tls.connect_postgres or connect_mysql, and do not secure the engine"
        )
