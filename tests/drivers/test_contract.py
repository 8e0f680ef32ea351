"""The contract of a driver: mypy compares each adapter with it, and none is left out."""

from typing import Any

import pytest

import rds_tls
from rds_tls.drivers import MYSQL, POSTGRES, AsyncAdapter, SyncAdapter, adapter_of, async_adapter, sync_adapter
from tests.typing.adapters import ASYNC_ADAPTERS, SYNC_ADAPTERS

ENGINES = (POSTGRES, MYSQL)


def test_every_driver_is_compared_with_the_contract() -> None:
    """Each driver of the engines' tables stands where mypy compares it, sync and async, and so does no other."""
    sync: dict[str, SyncAdapter] = {name: sync_adapter(engine, name) for engine in ENGINES for name in engine.drivers}
    awaited: dict[str, AsyncAdapter] = {
        name: async_adapter(engine, name) for engine in ENGINES for name in engine.async_drivers
    }
    assert sync == SYNC_ADAPTERS
    assert awaited == ASYNC_ADAPTERS


def test_arguments_come_from_either_kind() -> None:
    """What gives a driver's arguments alone takes every driver of the engine's, sync or async."""
    for engine in ENGINES:
        for name in {*engine.drivers, *engine.async_drivers}:
            assert adapter_of(engine, name) in (*SYNC_ADAPTERS.values(), *ASYNC_ADAPTERS.values())


def test_driver_of_the_other_engine_is_refused() -> None:
    """A driver that speaks the other protocol, or that is not awaited, is named with those that are there."""
    with pytest.raises(rds_tls.OptionError, match="Aurora PostgreSQL has no such driver= here: use one of psycopg"):
        sync_adapter(POSTGRES, "pymysql")
    with pytest.raises(rds_tls.OptionError, match="Aurora MySQL has no such driver= here: use one of "):
        adapter_of(MYSQL, "psycopg")


def test_driver_of_the_other_function_is_told_where_it_belongs() -> None:
    """Whoever passes asyncpg to the function that is not awaited is told so, and the other way round."""
    with pytest.raises(rds_tls.OptionError, match="asyncpg is for the other function: its connection is awaited"):
        sync_adapter(POSTGRES, "asyncpg")
    with pytest.raises(rds_tls.OptionError, match="pymysql is for the other function: its connection is not awaited"):
        async_adapter(MYSQL, "pymysql")


@pytest.mark.parametrize("call", [rds_tls.connect_postgres, rds_tls.connect_mysql])
def test_database_by_another_name_is_told_its_name(call: Any) -> None:  # noqa: ANN401 - two signatures
    """The names of the two engines are easily taken for each other."""
    host = "db.cluster-abc123def456.eu-west-1.rds.amazonaws.com"
    name = "database" if call is rds_tls.connect_postgres else "dbname"
    with pytest.raises(rds_tls.OptionError, match="a PostgreSQL database is dbname=, a MySQL database is database="):
        call(host, user="app", via=("127.0.0.1", 1), **{name: "shop"})
