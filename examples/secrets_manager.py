"""A function in place of the password, which asks AWS Secrets Manager: it is called for each new connection.

    pip install 'rds-tls[postgres,iam,sqlalchemy]'
    DATABASE_URL=postgresql+psycopg://app@db.cluster-abc123def456.eu-west-1.rds.amazonaws.com/shop \
        DB_SECRET=prod/shop AWS_DEFAULT_REGION=eu-west-1 python secrets_manager.py

A secret as RDS writes it needs no function: ``secret="prod/shop"`` brings user and password, is kept for an hour, and
is fetched anew when the server refuses it. A function is for what is kept elsewhere or in another form.
"""

import json
import os

import botocore.session
import sqlalchemy

import rds_tls


def fetch_password() -> str:
    """Ask for the current password."""
    client = botocore.session.Session().create_client("secretsmanager")
    secret = client.get_secret_value(SecretId=os.environ["DB_SECRET"])["SecretString"]
    return str(json.loads(secret)["password"])


engine = rds_tls.sqlalchemy.create_engine(os.environ["DATABASE_URL"], password=fetch_password, pool_pre_ping=True)
with engine.connect() as connection:
    question = "SELECT version FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
    print("TLS:", connection.scalar(sqlalchemy.text(question)))
engine.dispose()
