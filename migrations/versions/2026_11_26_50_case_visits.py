"""Up to which entry of its timeline a person has seen a case."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from registry.core.database import Instant

revision = "2026_11_26_50"
down_revision = "2026_11_26_40"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table; nobody has seen a case yet, so that nothing is marked as new at once."""
    op.create_table(
        "case_visits",
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("event_id", sa.Integer(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["principals.id"], name="fk_case_visits_account_id_principals"),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_case_visits_case_id_cases"),
        sa.ForeignKeyConstraint(["event_id"], ["case_events.id"], name="fk_case_visits_event_id_case_events"),
        sa.PrimaryKeyConstraint("case_id", "account_id", name="pk_case_visits"),
    )


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("case_visits")
