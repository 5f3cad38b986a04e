"""Saved views of lists."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from registry.core.database import Instant

revision = "2026_11_26_52"
down_revision = "2026_11_26_51"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "saved_views",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=True),
        sa.Column("agency_id", sa.Integer(), nullable=True),
        sa.Column("list", sa.String(10), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("query", sa.JSON(), nullable=False),
        sa.Column("shared", sa.Boolean(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["principals.id"], name="fk_saved_views_account_id_principals"),
        sa.ForeignKeyConstraint(["agency_id"], ["agencies.id"], name="fk_saved_views_agency_id_agencies"),
        sa.PrimaryKeyConstraint("id", name="pk_saved_views"),
    )
    op.create_index("uq_saved_views_account_id_name", "saved_views", ["account_id", "name"], unique=True)
    op.create_index("ix_saved_views_agency_id_shared", "saved_views", ["agency_id", "shared"])


def downgrade() -> None:
    """Drop the table, with the views that people saved."""
    op.drop_table("saved_views")
