"""Alembic's migrations over verified connections: an env.py that asks rds_tls for the engine, and one migration.

    pip install 'rds-tls[postgres,sqlalchemy]' alembic
    DATABASE_URL=postgresql+psycopg://app:...@db.cluster-abc123def456.eu-west-1.rds.amazonaws.com/shop \
        alembic upgrade head

Run it in this folder; ``alembic current`` then prints ``orders (head)``. Where env.py cannot be changed, put
``?plugin=rds_tls&rds_tls_connect_timeout=10`` at the end of the URL.
"""

import os

from alembic import context
from sqlalchemy.pool import NullPool

import rds_tls

with rds_tls.sqlalchemy.create_engine(os.environ["DATABASE_URL"], poolclass=NullPool).connect() as connection:
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
