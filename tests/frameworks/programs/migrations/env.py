"""Run migrations online, on an engine that is made of the settings in the configuration file."""

from alembic import context
from sqlalchemy import engine_from_config
from sqlalchemy.pool import NullPool

settings = context.config.get_section(context.config.config_ini_section) or {}
with engine_from_config(settings, poolclass=NullPool).connect() as connection:
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
