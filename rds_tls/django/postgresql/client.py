"""``manage.py dbshell``: psql, which verifies the server as the backend does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.backends.postgresql import client

from rds_tls.connect.environment import environment_of
from rds_tls.django.connection import request_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class DatabaseClient(client.DatabaseClient):  # type: ignore[misc]  # Django has no types
    """Django's own, but for what psql is told: all of it in the environment, where nothing reads it as something else.

    A database's name among the arguments could be a whole connection string.
    """

    @classmethod
    def settings_to_cmd_args_env(
        cls, settings_dict: Mapping[str, Any], parameters: Sequence[str]
    ) -> tuple[list[str], dict[str, str]]:
        """Give psql's arguments and what its environment has besides ours; a token is signed for it where asked for."""
        request = request_of(settings_dict)
        request = request._replace(database=request.database or "postgres")
        return [cls.executable_name, *parameters], environment_of(request)
