"""A further connect of a process: rds_tls, the bare drivers in the ways that people use them, and the peers."""

import ssl
import time
from collections.abc import Callable, Iterator
from functools import partial
from importlib import import_module
from typing import Any, Protocol, TypeVar

import psycopg
import pymysql

import rds_tls
from benchmarks.machine import AWS_WRAPPER, version
from benchmarks.measure import Case, Table, take_turns
from benchmarks.stage import Stage
from tests.support.local_rds.kinds import Server
from tests.support.trust_store import HOST

POSTGRES = "Connect, PostgreSQL"
MYSQL = "Connect, MySQL"

OURS = "rds_tls"
OURS_BY_CA_FILE = "rds_tls, a CA file of the caller's"
PSYCOPG = "psycopg, regional file"
PSYCOPG_WORLDWIDE = "psycopg, global bundle"
PSYCOPG_REQUIRE = "psycopg, encrypted but unverified"
PYMYSQL = "PyMySQL, one regional context"
PYMYSQL_REGIONAL = "PyMySQL, regional file"
PYMYSQL_WORLDWIDE = "PyMySQL, global bundle"
RESUMED = "PyMySQL, one context, sessions forced"

# Of the wrapper's four default plugins two refuse a server that cannot tell them its id, as Aurora can.
WRAPPER = "AWS wrapper, no plugins"
WRAPPER_PLUGINS = {WRAPPER: "", "AWS wrapper, half its defaults": "initial_connection,failover_v2"}
NO_AURORA = "half its defaults: initial_connection and failover_v2; the other two default plugins need Aurora itself"

Context = TypeVar("Context", bound=ssl.SSLContext)


class Closable(Protocol):
    """A connection of any driver."""

    def close(self) -> None:
        """Close it."""


def measure(stage: Stage, effort: float) -> Iterator[Table]:
    """Measure connects; closing is not part of the time.

    Args:
        stage: the servers and files.
        effort: what part of all rounds to run.

    Yields:
        A table for each engine.
    """
    notes = (NO_AURORA,) if version(AWS_WRAPPER) else (f"not installed: {AWS_WRAPPER}",)
    yield take_turns(POSTGRES, "ms", _timed(postgres_cases(stage)), round(500 * effort), notes)
    resuming = regional_context(ResumingContext, stage)
    cases = {**mysql_cases(stage), RESUMED: lambda: resuming.connect(mysql_login(stage))}
    table = take_turns(MYSQL, "ms", _timed(cases), round(500 * effort))
    yield table._replace(notes=(f"TLS sessions resumed: {resuming.resumed} of {resuming.handshakes}",))


def postgres_cases(stage: Stage) -> dict[str, Callable[[], Closable]]:
    """Give what connects to PostgreSQL, by name; bare psycopg with the region's file is the baseline."""
    login, regional = postgres_login(stage), verified(stage)
    worldwide = {**regional, "sslrootcert": stage.worldwide}
    cases: dict[str, Callable[[], Closable]] = {
        PSYCOPG: lambda: psycopg.connect(**regional),
        OURS: lambda: rds_tls.connect_postgres(**login),
        PSYCOPG_WORLDWIDE: lambda: psycopg.connect(**worldwide),
        PSYCOPG_REQUIRE: lambda: psycopg.connect(**login, sslmode="require"),
    }
    if version(AWS_WRAPPER):
        wrapper = import_module("aws_advanced_python_wrapper").AwsWrapperConnection
        for name, plugins in WRAPPER_PLUGINS.items():
            options = {**regional, "plugins": plugins}
            cases[name] = partial(wrapper.connect, psycopg.Connection.connect, **options)
    return cases


def mysql_cases(stage: Stage) -> dict[str, Callable[[], Closable]]:
    """Give what connects to MySQL, by name; PyMySQL with one context for all connects is the baseline."""
    login = mysql_login(stage)
    context = regional_context(ssl.SSLContext, stage)
    own = rds_tls.Settings(ca_file=stage.regional)
    checks: dict[str, Any] = {"ssl_verify_cert": True, "ssl_verify_identity": True}
    return {
        PYMYSQL: lambda: pymysql.connect(**login, ssl=context),
        OURS: lambda: rds_tls.connect_mysql(**login),
        OURS_BY_CA_FILE: lambda: rds_tls.connect_mysql(**login, settings=own),
        PYMYSQL_REGIONAL: lambda: pymysql.connect(**{**login, **checks, "ssl_ca": stage.regional}),
        PYMYSQL_WORLDWIDE: lambda: pymysql.connect(**{**login, **checks, "ssl_ca": stage.worldwide}),
    }


def postgres_login(stage: Stage) -> dict[str, Any]:
    """Give what every connect to PostgreSQL needs."""
    return {**_login(stage.postgres), "dbname": stage.postgres.database}


def verified(stage: Stage) -> dict[str, Any]:
    """Give what bare psycopg needs to verify the server against the region's roots."""
    return {**postgres_login(stage), "sslmode": "verify-full", "sslrootcert": stage.regional}


def mysql_login(stage: Stage) -> dict[str, Any]:
    """Give what every connect to MySQL needs."""
    return {**_login(stage.mysql), "database": stage.mysql.database}


def server_versions(stage: Stage) -> dict[str, str]:
    """Give what each server says of itself."""
    with psycopg.connect(**verified(stage)) as postgres:
        of_postgres = postgres.info.parameter_status("server_version")
    mysql: pymysql.Connection[Any] = pymysql.connect(**mysql_login(stage), ssl=regional_context(ssl.SSLContext, stage))
    with mysql, mysql.cursor() as cursor:
        cursor.execute("SELECT version()")
        ((of_mysql,),) = cursor.fetchall()
    return {
        "PostgreSQL server": f"{stage.postgres.title} {of_postgres}",
        "MySQL server": f"{stage.mysql.title} {of_mysql}",
    }


def _login(server: Server) -> dict[str, Any]:
    return {"host": HOST, "port": server.port, "user": server.user, "password": server.password}


def regional_context(kind: type[Context], stage: Stage) -> Context:
    """Build a context by hand that verifies chain and name against the region's roots."""
    context = kind(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(stage.regional)
    return context


class ResumingContext(ssl.SSLContext):
    """Offers the server the TLS session that was kept last, which no driver does by itself."""

    kept: ssl.SSLSession | None = None
    resumed = 0
    handshakes = 0

    def wrap_socket(self, *arguments: Any, **options: Any) -> ssl.SSLSocket:
        """Wrap as the base class does, and count how often the server takes the session."""
        wrapped = super().wrap_socket(*arguments, **{**options, "session": self.kept})
        self.handshakes += 1
        self.resumed += bool(wrapped.session_reused)
        return wrapped

    def connect(self, login: dict[str, Any]) -> "pymysql.Connection[Any]":
        """Connect with the session of the connection before, and keep this one's; with TLS 1.3 it comes after login."""
        connection = pymysql.connect(**login, ssl=self)
        self.kept = connection._sock.session  # type: ignore[attr-defined]  # noqa: SLF001 - PyMySQL has no other way
        return connection


def _timed(cases: dict[str, Callable[[], Closable]]) -> dict[str, Case]:
    return {name: partial(_one_connect, connect) for name, connect in cases.items()}


def _one_connect(connect: Callable[[], Closable]) -> float:
    start = time.perf_counter()
    connection = connect()
    taken = time.perf_counter() - start
    connection.close()
    return taken * 1000
