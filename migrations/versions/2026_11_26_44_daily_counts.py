"""Counts of projects and flags at each audit: country, regions, sectors, rules, ages; agencies' projects on QazTech."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "2026_11_26_44"
down_revision = "2026_11_26_48"
branch_labels = None
depends_on = None

# What is stored of earlier audits gives the country, without the projects on the platform. Regions, sectors, rules
# and ages begin with the first audit after the upgrade.
OF_EARLIER_AUDITS = (
    "INSERT INTO daily_counts"
    " (audit_id, dimension, member, is_restricted, status, severity, counted, budget_kzt)"
    " SELECT audit_id, 'country', 'KZ', is_restricted, freeze_status, severity, sum(projects), sum(budget_kzt)"
    " FROM agency_counts GROUP BY audit_id, is_restricted, freeze_status, severity"
)


def upgrade() -> None:
    """Add the table with what earlier audits stored, and the column."""
    op.create_table(
        "daily_counts",
        sa.Column("audit_id", sa.Integer(), sa.ForeignKey("audits.id"), primary_key=True, autoincrement=False),
        sa.Column("dimension", sa.String(length=10), primary_key=True),
        sa.Column("member", sa.String(length=40), primary_key=True),
        sa.Column("is_restricted", sa.Boolean(), primary_key=True),
        sa.Column("status", sa.String(length=12), primary_key=True),
        sa.Column("severity", sa.String(length=10), primary_key=True),
        sa.Column("counted", sa.Integer(), nullable=False),
        sa.Column("on_platform", sa.Integer(), nullable=True),
        sa.Column("budget_kzt", sa.BigInteger(), nullable=False),
    )
    op.execute(OF_EARLIER_AUDITS)
    op.add_column("agency_counts", sa.Column("on_platform", sa.Integer(), nullable=True))


def downgrade() -> None:
    """Drop them, and with them the history of the overview."""
    with op.batch_alter_table("agency_counts") as batch:
        batch.drop_column("on_platform")
    op.drop_table("daily_counts")
