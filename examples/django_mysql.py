"""Django with MySQL: the entry of DATABASES is what to copy; the rest is the smallest project that shows it.

    pip install 'rds-tls[django,mysql]'
    DB_HOST=db.cluster-abc123def456.eu-west-1.rds.amazonaws.com \
        DB_USER=app DB_PASSWORD=... DB_NAME=shop python django_mysql.py runserver

The page says what carries the connection. PyMySQL stands in for mysqlclient here, as it needs no compiler: with
``pip install 'rds-tls[django,mysqlclient]'`` leave out the two lines about it. With ``"OPTIONS": {"rds_tls": {"iam":
True}}`` and no PASSWORD each new connection has a token.
"""

import os
import sys

import pymysql
from django.conf import settings
from django.core.management import execute_from_command_line
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.urls import path

pymysql.install_as_MySQLdb()

settings.configure(
    ALLOWED_HOSTS=["127.0.0.1", "localhost"],
    ROOT_URLCONF=__name__,
    DATABASES={
        "default": {
            "ENGINE": "rds_tls.django.mysql",
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
        cursor.execute("SHOW STATUS LIKE 'Ssl_version'")
        return HttpResponse(f"TLS: {cursor.fetchone()[1]}")


urlpatterns = [path("", show)]

if __name__ == "__main__":
    execute_from_command_line(sys.argv)
