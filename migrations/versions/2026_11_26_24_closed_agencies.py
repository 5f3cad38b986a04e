"""Agencies that no longer exist, and their successors."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "2026_11_26_24"
down_revision = "2026_11_26_23"
branch_labels = None
depends_on = None

FOREIGN_KEY = "fk_agencies_successor_id"


def upgrade() -> None:
    """Add columns that are NULL for every agency that exists."""
    with op.batch_alter_table("agencies") as batch:
        batch.add_column(sa.Column("closed_on", sa.Date()))
        batch.add_column(sa.Column("successor_id", sa.Integer()))
        batch.create_foreign_key(FOREIGN_KEY, "agencies", ["successor_id"], ["id"])
    op.create_index("ix_agencies_successor_id", "agencies", ["successor_id"])


def downgrade() -> None:
    """Drop them. Closed agencies can be used again; what passed on stays with the successors."""
    op.drop_index("ix_agencies_successor_id", "agencies")
    with op.batch_alter_table("agencies") as batch:
        batch.drop_constraint(FOREIGN_KEY, type_="foreignkey")
        batch.drop_column("successor_id")
        batch.drop_column("closed_on")
