"""When accounts changed and people signed in, and the former names of accounts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from registry.core.database import Instant

revision = "2026_11_26_13"
down_revision = "2026_11_26_12"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add columns that are NULL where it is unknown, and the table of former names."""
    op.add_column("principals", sa.Column("changed_at", Instant()))
    op.add_column("people", sa.Column("last_signed_in_at", Instant()))
    op.create_table(
        "former_names",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("account_id", sa.Integer(), sa.ForeignKey("principals.id"), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("name_skeleton", sa.Text(), nullable=False),
        sa.Column("renamed_at", Instant(), nullable=False),
    )
    op.create_index("ix_former_names_account_id", "former_names", ["account_id"])
    op.create_index("ix_former_names_name_skeleton", "former_names", ["name_skeleton"])


def downgrade() -> None:
    """Drop them. Renamed accounts keep their present names; the journal still has the former ones."""
    op.drop_table("former_names")
    with op.batch_alter_table("people") as batch:
        batch.drop_column("last_signed_in_at")
    with op.batch_alter_table("principals") as batch:
        batch.drop_column("changed_at")
