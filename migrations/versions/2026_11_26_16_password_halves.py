"""First halves of the passwords of confirmed people, encrypted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "2026_11_26_16"
down_revision = "2026_11_26_15"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; passwords that exist are not divided."""
    op.add_column("people", sa.Column("first_half", sa.Text()))


def downgrade() -> None:
    """Drop it. Who has not signed in with a divided password yet needs a new one."""
    with op.batch_alter_table("people") as batch:
        batch.drop_column("first_half")
