"""What a token is for, in the words of whoever created it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "2026_11_26_26"
down_revision = "2026_11_26_25"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; it stays NULL in earlier tokens."""
    op.add_column("tokens", sa.Column("purpose", sa.String(100)))


def downgrade() -> None:
    """Drop it."""
    with op.batch_alter_table("tokens") as batch:
        batch.drop_column("purpose")
