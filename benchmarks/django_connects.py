"""A further connect by Django: rds_tls's engines, and Django's own with what verifies written into OPTIONS."""

import ssl
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import pymysql

from benchmarks.connects import regional_context
from benchmarks.measure import Table, take_turns
from benchmarks.stage import Stage
from tests.support.local_rds.kinds import Server
from tests.support.trust_store import HOST

POSTGRES = "Connect, Django, psycopg"
MYSQL = "Connect, Django, PyMySQL"

OURS = "rds_tls.django"
BY_HAND = "Django's own engine, verified by hand: regional file, or one regional context"
UNVERIFIED = "Django's own engine, encrypted but unverified"


def measure(stage: Stage, effort: float) -> Iterator[Table]:
    """Measure connects, with the queries that Django begins with; closing is not part of the time.

    Args:
        stage: the servers and files.
        effort: what part of all rounds to run.

    Yields:
        A table for each engine.
    """
    import django  # noqa: PLC0415 - as below
    from django.conf import settings  # noqa: PLC0415 - its database modules read the settings that are made here
    from django.db import connections  # noqa: PLC0415 - as above

    pymysql.install_as_MySQLdb()
    databases = {POSTGRES: postgres_databases(stage), MYSQL: mysql_databases(stage)}
    # Each case is a database of the project's, by the name of its table and its own.
    entries = {f"{title}: {name}": entry for title, cases in databases.items() for name, entry in cases.items()}
    settings.configure(DATABASES={"default": {}, **entries})
    django.setup()
    for title, cases in databases.items():
        timed = {name: partial(_one_connect, connections[f"{title}: {name}"]) for name in cases}
        yield take_turns(title, "ms", timed, round(500 * effort))


def postgres_databases(stage: Stage) -> dict[str, dict[str, Any]]:
    """Give entries of DATABASES, by name; Django's own engine with the region's file is the baseline."""
    login = _login(stage.postgres)
    own = {**login, "ENGINE": "django.db.backends.postgresql"}
    return {
        BY_HAND: {**own, "OPTIONS": {"sslmode": "verify-full", "sslrootcert": stage.regional}},
        OURS: {**login, "ENGINE": "rds_tls.django.postgresql"},
        UNVERIFIED: {**own, "OPTIONS": {"sslmode": "require"}},
    }


def mysql_databases(stage: Stage) -> dict[str, dict[str, Any]]:
    """Give entries of DATABASES, by name; Django's own engine with one context for all connects is the baseline."""
    login = _login(stage.mysql)
    own = {**login, "ENGINE": "django.db.backends.mysql"}
    return {
        BY_HAND: {**own, "OPTIONS": {"ssl": regional_context(ssl.SSLContext, stage)}},
        OURS: {**login, "ENGINE": "rds_tls.django.mysql"},
        UNVERIFIED: {**own, "OPTIONS": {"ssl": {"verify_mode": "none"}}},
    }


def _login(server: Server) -> dict[str, Any]:
    return {
        "HOST": HOST,
        "PORT": str(server.port),
        "USER": server.user,
        "PASSWORD": server.password,
        "NAME": server.database,
    }


def _one_connect(connection: Any) -> float:  # noqa: ANN401 - Django has no types
    start = time.perf_counter()
    connection.connect()
    taken = time.perf_counter() - start
    connection.close()
    return taken * 1000
