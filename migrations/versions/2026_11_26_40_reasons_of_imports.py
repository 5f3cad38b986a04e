"""Why an import changes projects."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "2026_11_26_40"
down_revision = "2026_11_26_39"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; earlier imports have no reason."""
    op.add_column("imports", sa.Column("change_reason", sa.Text()))


def downgrade() -> None:
    """Drop the column. Revisions keep the reasons of imports that were run."""
    with op.batch_alter_table("imports") as batch:
        batch.drop_column("change_reason")
