"""Django's PostgreSQL backend, on psycopg or psycopg2, whose connections rds_tls makes: those of its pool too."""

from __future__ import annotations

from typing import Any

from django.db.backends.postgresql import base
from django.db.backends.postgresql.psycopg_any import is_psycopg3

from rds_tls.django.connection import connect, parameters, request_of
from rds_tls.django.postgresql.client import DatabaseClient
from rds_tls.drivers import POSTGRES
from rds_tls.errors import OptionError

_DRIVER = "psycopg" if is_psycopg3 else "psycopg2"


class _Driver:
    """The driver's module, as the backend and a pool see it, but for ``connect``.

    Attributes:
        notes: those of the last error in connecting; a pool drops the error, and says only that its time is up.
    """

    def __init__(self) -> None:
        self.notes: list[str] = []

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the driver has
        return getattr(base.Database, name)

    def connect(self, _conninfo: str = "", /, **params: Any) -> Any:  # noqa: ANN401 - the driver's
        """Connect with rds_tls, by what ``get_connection_params`` gave."""
        try:
            connection = connect(POSTGRES, _DRIVER, params)
        except Exception as error:
            self.notes = getattr(error, "__notes__", [])
            raise
        self.notes = []
        return connection


class DatabaseWrapper(base.DatabaseWrapper):  # type: ignore[misc]  # Django has no types
    """Django's own, but for how it connects."""

    client_class = DatabaseClient

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.Database = _Driver()

    def get_connection_params(self) -> dict[str, Any]:
        """Give Django's parameters, with a request to rds_tls in place of host, login and database."""
        request = request_of(self.settings_dict)
        return parameters(request, super().get_connection_params())

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:  # noqa: ANN401 - the driver's
        """Connect, or take a connection from the pool, whose error says what kept it from making one."""
        try:
            return super().get_new_connection(conn_params)
        except base.Database.OperationalError as error:
            if self.pool is not None:
                for note in self.pool.connection_class.notes:
                    error.add_note(note)
            raise

    @property
    def pool(self) -> Any:  # noqa: ANN401 - a psycopg_pool.ConnectionPool, or None
        """The pool, which asks rds_tls for connections; nothing opens it before it was told so."""
        options = self.settings_dict["OPTIONS"].get("pool")
        if isinstance(options, dict) and "connection_class" in options:
            raise OptionError("a pool's connection_class is rds_tls's own: leave it out of OPTIONS['pool']")
        pool = super().pool
        if pool is not None and not isinstance(pool.connection_class, _Driver):
            pool.connection_class = _Driver()
        return pool
