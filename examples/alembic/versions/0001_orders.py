"""A table of orders."""

import sqlalchemy
from alembic import op

revision = "orders"
down_revision = None


def upgrade() -> None:
    """Create it."""
    op.create_table("orders", sqlalchemy.Column("number", sqlalchemy.Integer, primary_key=True))


def downgrade() -> None:
    """Drop it."""
    op.drop_table("orders")
