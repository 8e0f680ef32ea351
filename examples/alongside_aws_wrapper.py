"""The AWS Advanced Python Wrapper's failover, on connections of rds_tls: what the wrapper calls to connect is ours.

    pip install 'rds-tls[postgres]' aws-advanced-python-wrapper
    DB_HOST=db.cluster-abc123def456.eu-west-1.rds.amazonaws.com \
        DB_USER=app DB_PASSWORD=... DB_NAME=shop python alongside_aws_wrapper.py

The wrapper chooses the host, after a failover another one, and rds_tls verifies whichever it chose: its name, by the
roots of its region. Do not use via= with it, nor psycopg's own connect, which verifies nothing unless it is told to.
"""

import os

from aws_advanced_python_wrapper import AwsWrapperConnection, release_resources

import rds_tls

try:
    with (
        AwsWrapperConnection.connect(
            rds_tls.PostgresConnection.connect,
            host=os.environ["DB_HOST"],
            port=int(os.environ.get("DB_PORT", "5432")),
            user=os.environ["DB_USER"],
            password=os.environ["DB_PASSWORD"],
            dbname=os.environ["DB_NAME"],
            plugins="failover_v2",
        ) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute("SELECT version FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
        print("TLS:", *cursor.fetchone() or ())
finally:
    release_resources()  # ends the wrapper's threads
