"""Scheduled jobs: when each last succeeded and failed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "2026_11_26_66"
down_revision = "2026_11_26_69"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table, empty until a scheduler of this version runs."""
    op.create_table(
        "scheduled_jobs",
        sa.Column("name", sa.String(60), nullable=False),
        sa.Column("succeeded_at", sa.DateTime(timezone=True)),
        sa.Column("milliseconds", sa.Integer()),
        sa.Column("failed_at", sa.DateTime(timezone=True)),
        sa.Column("failure", sa.String(100)),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_scheduled_jobs")),
    )


def downgrade() -> None:
    """Drop it; the next scheduler fills it again."""
    op.drop_table("scheduled_jobs")
