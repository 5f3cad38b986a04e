"""Confirmations from other state systems; and back."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from registry.core.database import Instant

revision = "2026_11_30_631"
down_revision = "2026_11_30_630"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table, empty."""
    op.create_table(
        "external_confirmations",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("source", sa.String(40), nullable=False),
        sa.Column("reference", sa.String(200), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("issued_at", Instant(), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("agency_bin", sa.String(12), nullable=False),
        sa.Column("agency_id", sa.Integer(), nullable=False),
        sa.Column("project_number", sa.String(200)),
        sa.Column("platform_key", sa.String(200)),
        sa.Column("name_kk", sa.String(500)),
        sa.Column("name_ru", sa.String(500)),
        sa.Column("document_number", sa.String(200), nullable=False),
        sa.Column("document_on", sa.Date(), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("is_revoked", sa.Boolean(), nullable=False),
        sa.Column("project_id", sa.Integer()),
        sa.Column("match_state", sa.String(10)),
        sa.Column("rejected", sa.Text()),
        sa.Column("decided_account_id", sa.Integer()),
        sa.Column("decided_at", Instant()),
        sa.Column("remark", sa.Text()),
        sa.Column("changed_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["agency_id"], ["agencies.id"], name="fk_external_confirmations_agency_id"),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_external_confirmations_project_id"),
        sa.ForeignKeyConstraint(
            ["decided_account_id"], ["accounts.id"], name="fk_external_confirmations_decided_account_id"
        ),
        sa.UniqueConstraint("source", "reference", name="uq_external_confirmations_source_reference"),
    )
    op.create_index("ix_external_confirmations_agency_id", "external_confirmations", ["agency_id"])
    op.create_index("ix_external_confirmations_project_id", "external_confirmations", ["project_id"])


def downgrade() -> None:
    """Drop it: the systems have their confirmations, and what they confirmed is with the projects."""
    op.drop_table("external_confirmations")
