"""A psycopg pool with IAM login: each new connection is verified, and has a token that was signed for it.

    pip install 'rds-tls[postgres,pool,iam]'
    DB_HOST=db.cluster-abc123def456.eu-west-1.rds.amazonaws.com DB_USER=app DB_NAME=shop python psycopg_pool_iam.py

AWS credentials are found where botocore finds them: a role, AWS_PROFILE, AWS_ACCESS_KEY_ID and
AWS_SECRET_ACCESS_KEY.
"""

import logging
import os

from psycopg_pool import ConnectionPool

import rds_tls

logging.basicConfig()  # a pool goes on trying, and tells the log alone why it cannot connect

QUESTION = "SELECT usename, version FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE pid = pg_backend_pid()"

pool = ConnectionPool(
    connection_class=rds_tls.PostgresConnection,
    kwargs={
        "host": os.environ["DB_HOST"],
        "user": os.environ["DB_USER"],
        "dbname": os.environ["DB_NAME"],
        "iam": True,
    },
    min_size=2,
    timeout=10,
    open=False,
)
with pool, pool.connection() as first, pool.connection() as second:
    for connection in (first, second):
        print("user and TLS:", *connection.execute(QUESTION).fetchone() or ())
