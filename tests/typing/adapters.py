"""Every adapter as the contract has it: mypy compares each module with its protocol."""

from rds_tls.drivers import (
    AsyncAdapter,
    SyncAdapter,
    aiomysql,
    asyncmy,
    asyncpg,
    mysql_connector,
    mysql_connector_aio,
    mysqlclient,
    pg8000,
    psycopg,
    psycopg2,
    pymysql,
)

SYNC_ADAPTERS: dict[str, SyncAdapter] = {
    "psycopg": psycopg,
    "psycopg2": psycopg2,
    "pg8000": pg8000,
    "pymysql": pymysql,
    "mysqlclient": mysqlclient,
    "mysql-connector": mysql_connector,
}
ASYNC_ADAPTERS: dict[str, AsyncAdapter] = {
    "psycopg": psycopg,
    "asyncpg": asyncpg,
    "asyncmy": asyncmy,
    "aiomysql": aiomysql,
    "mysql-connector": mysql_connector_aio,
}
