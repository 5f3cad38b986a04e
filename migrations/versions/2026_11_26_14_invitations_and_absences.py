"""Invitations of people who set their own password, and absences with a deputy."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from registry.core.database import Instant

revision = "2026_11_26_14"
down_revision = "2026_11_26_13"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables; accounts that exist wait for no invitation."""
    op.add_column("principals", sa.Column("invited_at", Instant()))
    op.create_table(
        "invitations",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("account_id", sa.Integer(), sa.ForeignKey("principals.id"), nullable=False),
        sa.Column("email", sa.String(length=200), nullable=False),
        sa.Column("salt", sa.String(length=32), nullable=False),
        sa.Column("key_hash", sa.String(length=64), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.UniqueConstraint("account_id", name="uq_invitations_account_id"),
        sa.UniqueConstraint("key_hash", name="uq_invitations_key_hash"),
    )
    op.create_table(
        "absences",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("account_id", sa.Integer(), sa.ForeignKey("principals.id"), nullable=False),
        sa.Column("deputy_account_id", sa.Integer(), sa.ForeignKey("principals.id"), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column("recorded_at", Instant(), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=False),
        sa.Column("ended_at", Instant()),
    )
    op.create_index("ix_absences_account_id", "absences", ["account_id"])
    op.create_index("ix_absences_deputy_account_id", "absences", ["deputy_account_id"])


def downgrade() -> None:
    """Drop them. Invited people have no password and cannot sign in until an administrator gives them one."""
    op.drop_table("absences")
    op.drop_table("invitations")
    with op.batch_alter_table("principals") as batch:
        batch.drop_column("invited_at")
