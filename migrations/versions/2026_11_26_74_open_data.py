"""The stored set of open data."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from registry.core.database import Instant

revision = "2026_11_26_74"
down_revision = "2026_11_26_62"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table with its only row, which has no set yet."""
    table = op.create_table(
        "open_data_set",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=True),
        sa.Column("sha256", sa.String(64), nullable=True),
        sa.Column("size", sa.BigInteger(), nullable=True),
        sa.Column("projects", sa.Integer(), nullable=True),
        sa.Column("audited_on", sa.Date(), nullable=True),
        sa.Column("made_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_open_data_set")),
    )
    op.bulk_insert(table, [{"id": 1, "generation": 0}])


def downgrade() -> None:
    """Drop the table; a later version writes the set again."""
    op.drop_table("open_data_set")
