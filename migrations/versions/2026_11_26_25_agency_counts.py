"""Counts of each agency's projects at each audit."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "2026_11_26_25"
down_revision = "2026_11_26_24"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table. Audits before the upgrade have no counts."""
    op.create_table(
        "agency_counts",
        sa.Column("audit_id", sa.Integer(), sa.ForeignKey("audits.id"), primary_key=True, autoincrement=False),
        sa.Column("agency_id", sa.Integer(), sa.ForeignKey("agencies.id"), primary_key=True, autoincrement=False),
        sa.Column("is_restricted", sa.Boolean(), primary_key=True),
        sa.Column("freeze_status", sa.String(length=12), primary_key=True),
        sa.Column("severity", sa.String(length=10), primary_key=True),
        sa.Column("projects", sa.Integer(), nullable=False),
        sa.Column("budget_kzt", sa.BigInteger(), nullable=False),
    )
    op.create_index("ix_agency_counts_agency_id", "agency_counts", ["agency_id"])


def downgrade() -> None:
    """Drop it, and with it the reports of former dates."""
    op.drop_table("agency_counts")
