"""The change feed: what changed, and its head."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from registry.core.database import Instant

revision = "2026_11_26_60"
down_revision = "2026_11_26_66"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables. The feed begins with the next change: what was there before is read from the lists."""
    op.create_table(
        "changes",
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("record_id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=True),
        sa.Column("old_status", sa.String(24), nullable=True),
        sa.Column("new_status", sa.String(24), nullable=True),
        sa.Column("old_severity", sa.String(10), nullable=True),
        sa.Column("new_severity", sa.String(10), nullable=True),
        sa.Column("fields", sa.Text(), nullable=True),
        sa.Column("details", sa.JSON(), nullable=True),
        sa.Column("seen_by", sa.Text(), nullable=True),
        sa.Column("was_restricted", sa.Boolean(), nullable=True),
        sa.PrimaryKeyConstraint("seq", name="pk_changes"),
    )
    head = op.create_table(
        "change_head",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("deleted_up_to", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_change_head"),
    )
    op.bulk_insert(head, [{"id": 1, "seq": 0, "deleted_up_to": 0}])


def downgrade() -> None:
    """Drop both; who followed the feed reads the lists again."""
    op.drop_table("change_head")
    op.drop_table("changes")
