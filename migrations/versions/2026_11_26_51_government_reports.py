"""Reports to the Government and the President, one row for each version."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from registry.core.database import Instant

revision = "2026_11_26_51"
down_revision = "2026_11_26_46"
branch_labels = None
depends_on = None

NAME = sa.String(200)


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "government_reports",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(10), nullable=False),
        sa.Column("period_end", sa.Date(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("responsible", NAME, nullable=False),
        sa.Column("introduction_kk", sa.Text()),
        sa.Column("introduction_ru", sa.Text()),
        sa.Column("findings_kk", sa.Text()),
        sa.Column("findings_ru", sa.Text()),
        sa.Column("measures_kk", sa.Text()),
        sa.Column("measures_ru", sa.Text()),
        sa.Column("conclusions_kk", sa.Text()),
        sa.Column("conclusions_ru", sa.Text()),
        sa.Column("audit_id", sa.Integer()),
        sa.Column("policy_version", sa.String(200)),
        sa.Column("frozen_at", Instant()),
        sa.Column("figures", sa.Text()),
        sa.Column("figures_sha256", sa.String(64)),
        sa.Column("open_figures", sa.Text()),
        sa.Column("open_figures_sha256", sa.String(64)),
        sa.Column("correction_reason", sa.Text()),
        sa.Column("created_by", NAME, nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("authors", sa.JSON(), nullable=False),
        sa.Column("submitted_by", NAME),
        sa.Column("submitted_at", Instant()),
        sa.Column("first_approved_by", NAME),
        sa.Column("first_approved_at", Instant()),
        sa.Column("second_approved_by", NAME),
        sa.Column("issued_at", Instant()),
        sa.Column("returned_by", NAME),
        sa.Column("returned_at", Instant()),
        sa.Column("remark", sa.Text()),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["audit_id"], ["audits.id"], name="fk_government_reports_audit_id"),
        sa.PrimaryKeyConstraint("id", name="pk_government_reports"),
        sa.UniqueConstraint("year", "ordinal", "version", name="uq_government_reports_year_ordinal_version"),
    )
    op.create_index("ix_government_reports_audit_id", "government_reports", ["audit_id"])


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("government_reports")
