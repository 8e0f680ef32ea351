"""Django with PostgreSQL: the entry of DATABASES is what to copy; the rest is the smallest project that shows it.

    pip install 'rds-tls[django,postgres]'
    DB_HOST=db.cluster-abc123def456.eu-west-1.rds.amazonaws.com \
        DB_USER=app DB_PASSWORD=... DB_NAME=shop python django_postgres.py runserver

The page says what carries the connection. With ``"OPTIONS": {"rds_tls": {"iam": True}}`` and no PASSWORD each new
connection has a token.
"""

import os
import sys

from django.conf import settings
from django.core.management import execute_from_command_line
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.urls import path

settings.configure(
    ALLOWED_HOSTS=["127.0.0.1", "localhost"],
    ROOT_URLCONF=__name__,
    DATABASES={
        "default": {
            "ENGINE": "rds_tls.django.postgresql",
            "HOST": os.environ["DB_HOST"],
            "NAME": os.environ["DB_NAME"],
            "USER": os.environ["DB_USER"],
            "PASSWORD": os.environ["DB_PASSWORD"],
            "CONN_MAX_AGE": 600,
            "CONN_HEALTH_CHECKS": True,
        }
    },
)


def show(_request: HttpRequest) -> HttpResponse:
    """Say what carries the connection."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT version FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
        return HttpResponse(f"TLS: {cursor.fetchone()[0]}")


urlpatterns = [path("", show)]

if __name__ == "__main__":
    execute_from_command_line(sys.argv)
