"""What a document is and what it is about; what an audit's counts owe to restricted projects."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "2026_11_26_4"
down_revision = "2026_11_26_3"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Documents from before are of kind ``other``; of audits from before nothing is known."""
    op.add_column("documents", sa.Column("kind", sa.String(20), nullable=False, server_default="other"))
    op.add_column("documents", sa.Column("description", sa.String(500), nullable=True))
    op.add_column("audits", sa.Column("restricted_counts", sa.JSON(), nullable=True))


def downgrade() -> None:
    """Without them."""
    op.drop_column("audits", "restricted_counts")
    op.drop_column("documents", "description")
    op.drop_column("documents", "kind")
