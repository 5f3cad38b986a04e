"""Voided audits: who proposed and confirmed it, and why."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "2026_11_26_3"
down_revision = "2026_11_26_2"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    op.add_column("audits", sa.Column("voiding", sa.JSON()))


def downgrade() -> None:
    """Drop it. A voided audit becomes a failed one, which the code before knows and does not count either."""
    op.execute(sa.text("UPDATE audits SET status = 'failed', failure = 'Voided: by people' WHERE status = 'voided'"))
    op.drop_column("audits", "voiding")
