"""What restricted projects add to the counts of an audit."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "2026_11_26_4"
down_revision = "2026_11_26_3"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Of earlier audits nothing is known."""
    op.add_column("audits", sa.Column("restricted_counts", sa.JSON(), nullable=True))


def downgrade() -> None:
    """Without it."""
    op.drop_column("audits", "restricted_counts")
