"""A table of parcels."""

import sqlalchemy
from alembic import op

revision = "parcels"
down_revision = None


def upgrade() -> None:
    """Create it."""
    op.create_table("parcels", sqlalchemy.Column("number", sqlalchemy.Integer, primary_key=True))


def downgrade() -> None:
    """Drop it."""
    op.drop_table("parcels")
