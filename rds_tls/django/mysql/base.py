"""Django's MySQL backend, on mysqlclient or on PyMySQL installed as MySQLdb, whose connections rds_tls makes."""

from __future__ import annotations

from typing import Any

from django.db.backends.mysql import base

from rds_tls.django.connection import connect, parameters, request_of
from rds_tls.django.mysql.client import DatabaseClient
from rds_tls.django.mysql.creation import DatabaseCreation
from rds_tls.drivers import MYSQL

# PyMySQL's install_as_MySQLdb() puts itself in the place of mysqlclient's module.
_DRIVER = "pymysql" if base.Database.__name__ == "pymysql" else "mysqlclient"


class DatabaseWrapper(base.DatabaseWrapper):  # type: ignore[misc]  # Django has no types
    """Django's own, but for how it connects."""

    client_class = DatabaseClient
    creation_class = DatabaseCreation

    def get_connection_params(self) -> dict[str, Any]:
        """Give Django's parameters, with a request to rds_tls in place of host, login and database."""
        request = request_of(self.settings_dict)
        return parameters(request, super().get_connection_params())

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:  # noqa: ANN401 - the driver's
        """Connect with rds_tls, by what ``get_connection_params`` gave."""
        return connect(MYSQL, _DRIVER, conn_params)
