"""Keep what time alone will change of verdicts, and when agencies plan to migrate.

Revision ID: 2026_11_30_401
Revises: 2026_11_30_400
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from registry.core.database import Instant

revision = "2026_11_30_401"
down_revision = "2026_11_30_400"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The next audit writes the coming changes."""
    op.create_table(
        "coming_changes",
        sa.Column("project_id", sa.Integer(), sa.ForeignKey("projects.id"), primary_key=True, autoincrement=False),
        sa.Column("on", sa.Date(), primary_key=True),
        sa.Column("freeze_status", sa.String(12), nullable=False),
        sa.Column("severity", sa.String(10)),
        sa.Column("flagged_for", sa.String(40)),
    )
    op.create_index("ix_coming_changes_on", "coming_changes", ["on"])
    op.create_table(
        "migration_plans",
        sa.Column("project_id", sa.Integer(), sa.ForeignKey("projects.id"), primary_key=True, autoincrement=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("wave", sa.String(100)),
        sa.Column("responsible", sa.String(200), nullable=False),
        sa.Column("obstacles", sa.Text()),
        sa.Column("planned_by", sa.Text(), nullable=False),
        sa.Column("planned_at", Instant(), nullable=False),
        sa.Column("confirmed_by", sa.Text()),
        sa.Column("confirmed_at", Instant()),
    )
    op.create_index("ix_migration_plans_month", "migration_plans", ["month"])


def downgrade() -> None:
    """Drop the tables."""
    op.drop_table("migration_plans")
    op.drop_table("coming_changes")
