"""Approvals: what one person proposed and another decides."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from registry.core.database import Instant

revision = "2026_11_29_65"
down_revision = "2026_11_29_62"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "approvals",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(30), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("agency_id", sa.Integer(), nullable=True),
        sa.Column("project_id", sa.Integer(), nullable=True),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("seen_digest", sa.String(64), nullable=False),
        sa.Column("proposed_by", sa.String(200), nullable=False),
        sa.Column("proposed_account_id", sa.Integer(), nullable=True),
        sa.Column("proposed_role", sa.String(20), nullable=False),
        sa.Column("proposed_at", Instant(), nullable=False),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.Column("decided_by", sa.String(200), nullable=True),
        sa.Column("decided_at", Instant(), nullable=True),
        sa.Column("decision_reason", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["agency_id"], ["agencies.id"], name="fk_approvals_agency_id_agencies"),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_approvals_project_id_projects"),
        sa.ForeignKeyConstraint(
            ["proposed_account_id"], ["principals.id"], name="fk_approvals_proposed_account_id_principals"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_approvals"),
    )
    waiting = sa.text("state = 'waiting'")
    op.create_index(
        "uq_approvals_waiting",
        "approvals",
        ["kind", "subject"],
        unique=True,
        sqlite_where=waiting,
        postgresql_where=waiting,
    )
    op.create_index("ix_approvals_agency_id", "approvals", ["agency_id"])
    op.create_index("ix_approvals_project_id", "approvals", ["project_id"])


def downgrade() -> None:
    """Drop it."""
    op.drop_table("approvals")
