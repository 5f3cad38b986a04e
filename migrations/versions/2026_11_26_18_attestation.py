"""When an agency last confirmed that a record is true; none so far, so that the registration counts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "2026_11_26_18"
down_revision = "2026_11_26_17"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; neither is filled."""
    op.add_column("projects", sa.Column("attested_on", sa.Date(), nullable=True))
    op.add_column("projects", sa.Column("attested_by", sa.Text(), nullable=True))


def downgrade() -> None:
    """Drop the columns; the journal and the revisions keep what was confirmed."""
    op.drop_column("projects", "attested_by")
    op.drop_column("projects", "attested_on")
