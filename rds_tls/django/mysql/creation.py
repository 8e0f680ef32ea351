"""Test databases: ``manage.py test --parallel`` copies one by mysqldump, which verifies the server too."""

from __future__ import annotations

import os
import subprocess

from django.db.backends.mysql import creation

from rds_tls.connect.mysql_client import command
from rds_tls.django.connection import request_of


class DatabaseCreation(creation.DatabaseCreation):  # type: ignore[misc]  # Django has no types
    """Django's own, but for the programs that copy a database: those would connect without a verified name."""

    def _clone_db(self, source_database_name: str, target_database_name: str) -> None:
        request = request_of(self.connection.settings_dict)
        dump, load = command("mysqldump", request), command("mysql", request)
        dumps = [*dump.arguments, "--routines", "--events", source_database_name]
        with (
            subprocess.Popen(dumps, stdout=subprocess.PIPE, env=os.environ | dump.environment) as dumping,  # noqa: S603 - Django's own names for the programs
            subprocess.Popen(  # noqa: S603 - as above
                [*load.arguments, target_database_name], stdin=dumping.stdout, env=os.environ | load.environment
            ) as loading,
        ):
            if dumping.stdout is not None:
                dumping.stdout.close()  # so that the one ends where the other does
        for process in (loading, dumping):
            if process.returncode:
                raise subprocess.CalledProcessError(process.returncode, process.args)
