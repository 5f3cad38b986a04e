"""Tokens: the token that created them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "2026_11_26_17"
down_revision = "2026_11_26_16"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column. Of tokens that exist nobody knows it: they are revoked one by one."""
    op.add_column("tokens", sa.Column("issued_by", sa.String(length=10)))


def downgrade() -> None:
    """Drop it."""
    with op.batch_alter_table("tokens") as batch:
        batch.drop_column("issued_by")
