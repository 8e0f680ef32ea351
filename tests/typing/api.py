"""The public API as a typed program sees it: mypy reads this file, and nothing runs it."""

import ssl
from pathlib import Path
from typing import Any, assert_type

import MySQLdb.connections
import psycopg
import psycopg2.extensions
import pymysql
from sqlalchemy.engine import Engine
from sqlalchemy.ext.asyncio import AsyncEngine

import rds_tls

HOST = "db.cluster-abc123def456.eu-west-1.rds.amazonaws.com"


def secret() -> str:
    """Give a password."""
    return ""


def connections() -> None:
    """The helpers give the drivers' own connections."""
    settings = rds_tls.Settings(ca_file=Path("roots.pem"), max_age=60, offline=True)
    postgres = rds_tls.connect_postgres(
        HOST, user="app", password=secret, dbname="shop", via=("127.0.0.1", 15432), settings=settings, autocommit=True
    )
    assert_type(postgres, psycopg.Connection[Any])
    mysql = rds_tls.connect_mysql(
        HOST, driver="pymysql", user="app", iam=True, expect=HOST, region="eu-west-1", charset="utf8mb4"
    )
    assert_type(mysql, pymysql.Connection[Any])
    assert_type(rds_tls.connect_postgres(HOST, driver="psycopg2", user="app"), psycopg2.extensions.connection)
    assert_type(rds_tls.connect_mysql(HOST, driver="mysqlclient", user="app"), MySQLdb.connections.Connection)
    assert_type(rds_tls.connect_mysql("mysql://app@db.example/shop", expect=HOST), pymysql.Connection[Any])
    assert_type(rds_tls.connect_mysql(secret="prod/orders"), pymysql.Connection[Any])  # noqa: S106 - a name


async def asynchronous() -> None:
    """The asyncio twin gives psycopg's asyncio connection."""
    assert_type(await rds_tls.aconnect_postgres(HOST, user="app"), psycopg.AsyncConnection[Any])


def parts() -> None:
    """What goes into other drivers is typed by the standard library."""
    assert_type(rds_tls.ssl_context(HOST), ssl.SSLContext)
    assert_type(rds_tls.ca_path(region="eu-west-1"), str)
    assert_type(rds_tls.postgres_kwargs(HOST, user="app"), dict[str, Any])
    assert_type(rds_tls.mysql_kwargs(HOST, "pymysql"), dict[str, Any])
    assert_type(rds_tls.prefetch("eu-west-1", directory=Path("roots")), list[str])
    assert_type(rds_tls.Settings().replace(max_age=60).max_age, float)
    endpoint = rds_tls.parse_endpoint(HOST)
    assert_type(endpoint, rds_tls.Endpoint)
    assert_type(endpoint.kind, rds_tls.Kind)
    assert_type(endpoint.region, str | None)
    assert_type(endpoint.trust, rds_tls.Trust)
    report = rds_tls.diagnose(HOST, engine="mysql", via=("127.0.0.1", 13306))
    assert_type(report, rds_tls.Report)
    assert_type(report.checks, tuple[rds_tls.Check, ...])
    assert_type(rds_tls.explain(ValueError(), HOST), rds_tls.Diagnosis | None)
    assert_type(rds_tls.probe(HOST).chain, tuple[rds_tls.Certificate, ...])
    assert_type(rds_tls.probe(HOST).days_left, int | None)


def engines() -> None:
    """Whoever secures an engine goes on with an engine of the same class."""
    assert_type(rds_tls.sqlalchemy.create_engine("", iam=True), Engine)
    awaited = rds_tls.sqlalchemy.create_async_engine("", pool_pre_ping=True)
    assert_type(awaited, AsyncEngine)
    assert_type(rds_tls.sqlalchemy.secure(awaited, password=secret), AsyncEngine)
    assert_type(rds_tls.sqlalchemy.secure(awaited.sync_engine), Engine)


def mistakes() -> None:
    """What is misspelt is seen: mypy reports a comment here that hides nothing."""
    rds_tls.connect_postgre(HOST, user="app")  # type: ignore[attr-defined]
    rds_tls.connect_postgres(HOST, port="5432")  # type: ignore[call-overload]
    rds_tls.connect_mysql(HOST, user="app", password=b"secret")  # type: ignore[call-overload]
    rds_tls.connect_postgres(HOST, user="app", driver="pymysql")  # type: ignore[call-overload]
    rds_tls.connect_postgres(HOST, user="app", driver="asyncpg")  # type: ignore[call-overload]
    rds_tls.mysql_kwargs(HOST, "psycopg")  # type: ignore[arg-type]
    rds_tls.diagnose(HOST, engine="oracle")  # type: ignore[arg-type]
    rds_tls.ssl_context(HOST, regin="eu-west-1")  # type: ignore[call-arg]
    rds_tls.sqlalchemy.secure("postgresql://")  # type: ignore[type-var]
    rds_tls.Settings(ofline=True)  # type: ignore[call-arg]
    rds_tls.Settings(offline="yes")  # type: ignore[arg-type]
    rds_tls.Settings().replace(ofline=True)  # type: ignore[call-arg]
    rds_tls.Settings().replace(max_age="60")  # type: ignore[arg-type]
    rds_tls.Settings.from_env(ofline=True)  # type: ignore[call-arg]
    rds_tls.Settings.from_env(max_age="60")  # type: ignore[arg-type]
