"""A program's migrations, as alembic runs them: its only setting is a URL."""
