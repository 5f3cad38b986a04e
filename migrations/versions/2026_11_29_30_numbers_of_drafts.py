"""Numbers of drafts are never used again: on SQLite the next one followed the greatest that is left."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from registry.core.database import Instant

revision = "2026_11_29_30"
down_revision = "2026_11_27_2"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Let SQLite remember the greatest number; sequences of PostgreSQL do already."""
    _rebuild(remembers=True)


def downgrade() -> None:
    """Let the next number follow the greatest one that is left."""
    _rebuild(remembers=False)


def _rebuild(*, remembers: bool) -> None:
    if op.get_bind().dialect.name != "sqlite":
        return
    # Spelled out: SQLite forgets the name of a key that counts by itself.
    drafts = sa.Table(
        "drafts",
        sa.MetaData(),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("principal", sa.Text(), nullable=False),
        sa.Column("values", sa.JSON(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("updated_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_drafts"),
        sa.Index("ix_drafts_principal", "principal"),
        sqlite_autoincrement=remembers,
    )
    with op.batch_alter_table("drafts", copy_from=drafts, recreate="always"):
        pass
