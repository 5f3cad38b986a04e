"""The inbox: entries of people, and what people follow."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from registry.core.database import Instant

revision = "2026_11_26_41"
down_revision = "2026_11_26_45"
branch_labels = None
depends_on = None

UNREAD = sa.text("read_at IS NULL")


def upgrade() -> None:
    """Add both tables, empty: what happened before is in no inbox."""
    op.create_table(
        "inbox_entries",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("account_id", sa.Integer(), sa.ForeignKey("principals.id"), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("event_id", sa.Integer(), sa.ForeignKey("case_events.id"), nullable=False),
        sa.Column("case_id", sa.Integer(), sa.ForeignKey("cases.id"), nullable=False),
        sa.Column("project_id", sa.Integer(), sa.ForeignKey("projects.id"), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("read_at", Instant()),
    )
    op.create_index("uq_inbox_entries_account_id_event_id", "inbox_entries", ["account_id", "event_id"], unique=True)
    op.create_index("ix_inbox_entries_account_id_id", "inbox_entries", ["account_id", "id"])
    op.create_index(
        "ix_inbox_entries_unread", "inbox_entries", ["account_id", "id"], sqlite_where=UNREAD, postgresql_where=UNREAD
    )
    for column in ("event_id", "case_id", "project_id"):
        op.create_index(f"ix_inbox_entries_{column}", "inbox_entries", [column])
    op.create_table(
        "watches",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("account_id", sa.Integer(), sa.ForeignKey("principals.id"), nullable=False),
        sa.Column("case_id", sa.Integer(), sa.ForeignKey("cases.id")),
        sa.Column("project_id", sa.Integer(), sa.ForeignKey("projects.id")),
        sa.Column("created_at", Instant(), nullable=False),
    )
    for column in ("case_id", "project_id"):
        op.create_index(f"uq_watches_{column}_account_id", "watches", [column, "account_id"], unique=True)
    op.create_index("ix_watches_account_id", "watches", ["account_id"])


def downgrade() -> None:
    """Drop both. Timelines of cases still say what happened."""
    op.drop_table("watches")
    op.drop_table("inbox_entries")
