"""Letters of orders, questions, referrals and closings, and their series of numbers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "2026_11_26_48"
down_revision = "2026_11_26_47"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables. Earlier decisions have no letter: what they told the agency was not frozen."""
    op.create_table(
        "case_letters",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("number", sa.String(20), nullable=False),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("issued_on", sa.Date(), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("event_id", sa.Integer(), nullable=False),
        sa.Column("decision_id", sa.Integer()),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("agency_id", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(16), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_case_letters_case_id_cases"),
        sa.ForeignKeyConstraint(["event_id"], ["case_events.id"], name="fk_case_letters_event_id_case_events"),
        sa.ForeignKeyConstraint(
            ["decision_id"], ["case_decisions.id"], name="fk_case_letters_decision_id_case_decisions"
        ),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_case_letters_project_id_projects"),
        sa.ForeignKeyConstraint(["agency_id"], ["agencies.id"], name="fk_case_letters_agency_id_agencies"),
        sa.PrimaryKeyConstraint("id", name="pk_case_letters"),
        sa.UniqueConstraint("number", name="uq_case_letters_number"),
        sa.UniqueConstraint("event_id", name="uq_case_letters_event_id"),
        sa.UniqueConstraint("code", name="uq_case_letters_code"),
    )
    op.create_index("ix_case_letters_case_id", "case_letters", ["case_id"])
    op.create_index("ix_case_letters_project_id", "case_letters", ["project_id"])
    op.create_index("ix_case_letters_issued_on_id", "case_letters", ["issued_on", "id"])
    op.create_table(
        "letter_series",
        sa.Column("year", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("last", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("year", name="pk_letter_series"),
    )


def downgrade() -> None:
    """Drop the tables, and with them all letters."""
    op.drop_table("letter_series")
    op.drop_table("case_letters")
