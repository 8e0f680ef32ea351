"""A function on AWS Lambda that keeps one verified connection to Aurora PostgreSQL over its invocations.

Its environment: DATABASE_HOST is the endpoint of the cluster, or of an RDS Proxy, and DATABASE_NAME the database.
DATABASE_USER logs in with an IAM token; DATABASE_SECRET, the name or ARN of a secret in AWS Secrets Manager, does
without both.
"""

import os
from functools import cache
from typing import Any

import psycopg

import rds_tls


@cache
def kept_connection() -> psycopg.Connection[Any]:
    """Connect when a sandbox first needs it, and give the same connection from then on."""
    secret = os.environ.get("DATABASE_SECRET")
    login: dict[str, Any] = {"secret": secret} if secret else {"user": os.environ["DATABASE_USER"], "iam": True}
    try:
        made: psycopg.Connection[Any] = rds_tls.connect_postgres(
            os.environ["DATABASE_HOST"],
            dbname=os.environ["DATABASE_NAME"],
            autocommit=True,
            # Seconds, of those that the function has, so that it can still say why there is no connection.
            connect_timeout=4,
            # Milliseconds. A server that went away while the sandbox was frozen acknowledges nothing; without this the
            # first query waits for it for a quarter of an hour.
            tcp_user_timeout=2000,
            **login,
        )
    except psycopg.Error as error:
        # Lambda reports an error's message, and leaves out its notes, where rds_tls says the cause and the fix.
        why = rds_tls.explain(error)
        if why is None:
            raise
        raise ConnectionError(f"{why} ({error})") from error
    return made


def connection() -> psycopg.Connection[Any]:
    """Give a connection that answers: the one that is kept, or a new one where that died in a frozen sandbox."""
    kept = kept_connection()
    try:
        kept.execute("")  # one round trip
    except psycopg.OperationalError:
        kept.close()
        kept_connection.cache_clear()
        kept = kept_connection()
    return kept


def handler(_event: object, _context: object) -> dict[str, Any]:
    """Answer an invocation; what the function is there for goes into the transaction."""
    database = connection()
    with database.transaction():
        ((session, user),) = database.execute("SELECT pg_backend_pid(), current_user::text").fetchall()
    return {"session": session, "user": user}
