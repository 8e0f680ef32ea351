"""An aiomysql pool whose connections are verified; each new one has the newest roots and a fresh password.

    pip install 'rds-tls[aiomysql]'
    DB_HOST=db.cluster-abc123def456.eu-west-1.rds.amazonaws.com \
        DB_USER=app DB_PASSWORD=... DB_NAME=shop python aiomysql_pool.py

With ``iam=True`` in place of the password each new connection has a token.
"""

import asyncio
import os

import rds_tls


async def main() -> None:
    """Ask over a connection of the pool's."""
    pool = await rds_tls.aiomysql_pool(
        os.environ["DB_HOST"],
        user=os.environ["DB_USER"],
        password=os.environ["DB_PASSWORD"],
        database=os.environ["DB_NAME"],
        minsize=2,
        maxsize=10,
    )
    async with pool, pool.acquire() as connection, connection.cursor() as cursor:
        await cursor.execute("SHOW STATUS LIKE 'Ssl_version'")
        print("TLS:", (await cursor.fetchone())[1])


asyncio.run(main())
