"""The weekly overview by e-mail: who subscribed, and for which weeks it was written."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "2026_11_26_53"
down_revision = "2026_11_26_52"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the subscription, which nobody has yet, and the table of weeks."""
    op.add_column("people", sa.Column("weekly_overview", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_table(
        "weekly_overviews",
        sa.Column("monday", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("monday", name=op.f("pk_weekly_overviews")),
    )


def downgrade() -> None:
    """Drop both; the subscriptions are lost."""
    op.drop_table("weekly_overviews")
    with op.batch_alter_table("people") as batch:
        batch.drop_column("weekly_overview")
