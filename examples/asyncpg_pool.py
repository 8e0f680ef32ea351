"""An asyncpg pool whose connections are verified; each new one has the newest roots and a fresh password.

    pip install 'rds-tls[asyncpg]'
    DB_HOST=db.cluster-abc123def456.eu-west-1.rds.amazonaws.com \
        DB_USER=app DB_PASSWORD=... DB_NAME=shop python asyncpg_pool.py

With ``iam=True`` in place of the password each new connection has a token.
"""

import asyncio
import os
from typing import Any

import asyncpg

import rds_tls


async def connect(*_: object, loop: object, **options: Any) -> "asyncpg.Connection[Any]":  # noqa: ARG001 - the pool's
    """Make one connection for the pool, which passes options of its own."""
    return await rds_tls.aconnect_postgres(
        os.environ["DB_HOST"],
        driver="asyncpg",
        user=os.environ["DB_USER"],
        password=os.environ["DB_PASSWORD"],
        dbname=os.environ["DB_NAME"],
        **options,
    )


async def main() -> None:
    """Ask over a connection of the pool's."""
    async with asyncpg.create_pool(connect=connect, min_size=2) as pool:
        print("TLS:", await pool.fetchval("SELECT version FROM pg_stat_ssl WHERE pid = pg_backend_pid()"))


asyncio.run(main())
