"""What an image build does with a project: no address is asked for, and nothing is dialled."""

import socket
import sys

import django
from django.conf import settings
from django.core.management import call_command

DRIVERS = ("MySQLdb", "psycopg", "psycopg2", "pymysql")


def refuse(*_: object) -> None:
    """Take the place of what reaches others."""
    raise AssertionError("the network is asked for something")


if __name__ == "__main__":
    socket.getaddrinfo = refuse  # type: ignore[assignment]
    socket.socket.connect = refuse  # type: ignore[method-assign]
    if sys.argv[1] == "read the settings":
        for driver in DRIVERS:
            sys.modules[driver] = None  # type: ignore[assignment]
        sys.stdout.write(settings.DATABASES["default"]["HOST"])
    else:
        django.setup()
        call_command("collectstatic", dry_run=True, interactive=False)
