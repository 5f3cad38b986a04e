"""Triggers that note every change of a record, and the flags that were: no writer can forget it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from registry.core.change_triggers import drop_change_triggers
from registry.core.record_guards import create_guards

revision = "2026_11_30_101"
down_revision = "2026_11_30_141"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables that the triggers write and read, and the triggers."""
    op.create_table(
        "pending_changes",
        sa.Column("xact", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("record_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=True),
        sa.Column("old_status", sa.String(24), nullable=True),
        sa.Column("new_status", sa.String(24), nullable=True),
        sa.Column("old_severity", sa.String(10), nullable=True),
        sa.Column("new_severity", sa.String(10), nullable=True),
        sa.Column("fields", sa.Text(), nullable=True),
        sa.Column("values_before", sa.Text(), nullable=True),
        sa.Column("values_after", sa.Text(), nullable=True),
        sa.Column("seen_by", sa.Text(), nullable=True),
        sa.Column("was_restricted", sa.Boolean(), nullable=True),
        sa.PrimaryKeyConstraint("xact", "position", "record_id", name="pk_pending_changes"),
        sqlite_with_rowid=False,
    )
    if op.get_bind().dialect.name == "postgresql":
        # Every commit reads and empties it: rows that are gone must not stay long, and none outlives a crash.
        op.execute("ALTER TABLE pending_changes SET UNLOGGED")
        op.execute("ALTER TABLE pending_changes SET (autovacuum_vacuum_scale_factor = 0)")
    writer = op.create_table(
        "flag_writer",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("audit_id", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_flag_writer"),
    )
    op.bulk_insert(writer, [{"id": 1, "audit_id": None}])
    create_guards(op.get_bind())


def downgrade() -> None:
    """Drop them."""
    drop_change_triggers(op.get_bind())
    op.drop_table("flag_writer")
    op.drop_table("pending_changes")
