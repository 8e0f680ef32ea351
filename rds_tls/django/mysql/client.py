"""``manage.py dbshell``: MariaDB's client or MySQL's, which verifies the server as the backend does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.backends.mysql import client

from rds_tls.connect.mysql_client import command
from rds_tls.django.connection import request_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class DatabaseClient(client.DatabaseClient):  # type: ignore[misc]  # Django has no types
    """Django's own, but for what the client is told."""

    @classmethod
    def settings_to_cmd_args_env(
        cls, settings_dict: Mapping[str, Any], parameters: Sequence[str]
    ) -> tuple[list[str], dict[str, str]]:
        """Give the client's arguments and what its environment has besides ours."""
        arguments, environment, database = command(cls.executable_name, request_of(settings_dict))
        charset = settings_dict["OPTIONS"].get("charset")
        if charset:
            arguments.append(f"--default-character-set={charset}")
        if database is not None:
            arguments.append(f"--database={database}")
        return [*arguments, *parameters], environment
