"""Checkpoints of the journal: blocks of its Merkle tree, keys, signed checkpoints and their witnesses, and back."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from registry.core.database import Instant

revision = "2026_11_30_625"
down_revision = "2026_11_30_619"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables, empty: the first checkpoint reads the whole journal."""
    op.create_table(
        "journal_blocks",
        sa.Column("number", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("root", sa.String(64), nullable=False),
    )
    op.create_table(
        "checkpoint_keys",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("public_key", sa.String(64), nullable=False),
        sa.Column("private_key", sa.Text(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("retired_at", Instant()),
        sa.Column("revoked_at", Instant()),
        sa.Column("reason", sa.String(1000)),
    )
    op.create_table(
        "checkpoints",
        sa.Column("size", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("root", sa.String(64), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("cosignatures", sa.Text(), nullable=False),
    )
    op.create_table(
        "checkpoint_witnesses",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("address", sa.String(500), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("next_try_at", Instant(), nullable=False),
        sa.Column("taken_at", Instant()),
        sa.Column("error", sa.Text()),
        sa.UniqueConstraint("address", name="uq_checkpoint_witnesses_address"),
    )


def downgrade() -> None:
    """Drop them: checkpoints that were sent out stay valid, and a later upgrade begins another key."""
    for table in ("checkpoint_witnesses", "checkpoints", "checkpoint_keys", "journal_blocks"):
        op.drop_table(table)
