"""Webhooks without the key of a lease: its end is one."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from registry.core.online_migrations import drop_column

revision = "2026_11_30_121"
down_revision = "2026_11_30_151"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Drop the column."""
    drop_column("webhooks", "lease")


def downgrade() -> None:
    """Add it; a batch that is being sent is sent again after its lease."""
    op.add_column("webhooks", sa.Column("lease", sa.String(32)))
