"""Accounts of agencies are admitted to restricted projects; those that exist are taken over."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from registry.core.database import Instant

revision = "2026_11_29_94"
down_revision = "2026_11_29_92"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns, and admit every account that has a role of agencies."""
    op.add_column("principals", sa.Column("restricted_admitted_at", Instant(), nullable=True))
    op.add_column("principals", sa.Column("restricted_admitted_by", sa.String(200), nullable=True))
    op.execute(
        sa.text(
            "UPDATE principals SET restricted_admitted_at = created_at "
            "WHERE role IN ('agency_viewer', 'agency_editor', 'agency_administrator')"
        )
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_column("principals", "restricted_admitted_by")
    op.drop_column("principals", "restricted_admitted_at")
