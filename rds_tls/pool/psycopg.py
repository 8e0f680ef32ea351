"""psycopg_pool's ``connection_class``: each new connection of the pool is asked of rds_tls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rds_tls.connect.postgres import aconnect_postgres, connect_postgres
from rds_tls.errors import OptionError

if TYPE_CHECKING:
    import psycopg

    _Connection = psycopg.Connection[Any]
    _AsyncConnection = psycopg.AsyncConnection[Any]
else:
    # A pool asks its connection_class for nothing but connect(), and this module shall import without psycopg.
    _Connection = _AsyncConnection = object


class PostgresConnection(_Connection):
    """A ``connection_class`` for ``psycopg_pool.ConnectionPool``.

    ::

        ConnectionPool(
            connection_class=rds_tls.PostgresConnection,
            kwargs={"host": "db.cluster-abc123def456.eu-west-1.rds.amazonaws.com", "user": "app", "iam": True},
        )

    ``kwargs`` are the arguments of ``rds_tls.connect_postgres``, which is called for each new connection. Its
    ``connect`` also is what AWS's Advanced Python Wrapper takes in place of psycopg's: a port may be a text here.
    """

    @classmethod
    def connect(cls, conninfo: str = "", **kwargs: Any) -> psycopg.Connection[Any]:  # type: ignore[override]
        """Connect with ``rds_tls.connect_postgres``; what is raised is as there.

        Args:
            conninfo: the pool's first argument: empty, or a whole database URL in place of ``host``.
            **kwargs: the pool's ``kwargs``.

        Returns:
            A ``psycopg.Connection``, verified.
        """
        connection: psycopg.Connection[Any] = connect_postgres(**_arguments(conninfo, kwargs))
        return connection


class AsyncPostgresConnection(_AsyncConnection):
    """A ``connection_class`` for ``psycopg_pool.AsyncConnectionPool``, as ``PostgresConnection`` is for the other."""

    @classmethod
    async def connect(cls, conninfo: str = "", **kwargs: Any) -> psycopg.AsyncConnection[Any]:  # type: ignore[override]
        """Connect with ``rds_tls.aconnect_postgres``; otherwise as ``PostgresConnection.connect``."""
        connection: psycopg.AsyncConnection[Any] = await aconnect_postgres(**_arguments(conninfo, kwargs))
        return connection


def _arguments(conninfo: str, kwargs: dict[str, Any]) -> dict[str, Any]:
    port = kwargs.get("port")
    if isinstance(port, str) and port.isascii() and port.isdecimal():  # as psycopg takes it
        kwargs = {**kwargs, "port": int(port)}
    if not conninfo:
        return kwargs
    if "://" not in conninfo or "host" in kwargs:
        raise OptionError(
            "the pool's conninfo is no URL, or there is a host beside it: pass a database URL, or leave conninfo out "
            "and pass the arguments of connect_postgres as kwargs="
        )
    return {"host": conninfo, **kwargs}
