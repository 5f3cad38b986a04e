"""Cases: what they cover, their timeline, and the decisions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from registry.core.database import Instant

revision = "2026_11_24_4"
down_revision = "2026_11_24_3"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "cases",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=24), nullable=False),
        sa.Column("severity", sa.String(length=10), nullable=False),
        sa.Column("from_severity", sa.String(length=10), nullable=False),
        sa.Column("assignee", sa.String(length=200)),
        sa.Column("opened_at", Instant(), nullable=False),
        sa.Column("opened_by_audit", sa.Integer()),
        sa.Column("due_on", sa.Date()),
        sa.Column("review_days_left", sa.Integer()),
        sa.Column("exempt_since", sa.Date()),
        sa.Column("closed_at", Instant()),
        sa.Column("outcome", sa.String(length=24)),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["opened_by_audit"], ["audits.id"], name="fk_cases_opened_by_audit"),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_cases_project_id"),
        sa.PrimaryKeyConstraint("id", name="pk_cases"),
    )
    op.create_index("ix_cases_assignee", "cases", ["assignee"])
    op.create_index("ix_cases_due_on_id", "cases", ["due_on", "id"])
    op.create_index("ix_cases_project_id", "cases", ["project_id"])
    op.create_index("ix_cases_status_due_on", "cases", ["status", "due_on"])
    op.create_index(
        "uq_cases_open",
        "cases",
        ["project_id"],
        unique=True,
        sqlite_where=sa.text("status <> 'closed'"),
        postgresql_where=sa.text("status <> 'closed'"),
    )
    op.create_table(
        "case_flags",
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("flag_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_case_flags_case_id"),
        sa.ForeignKeyConstraint(["flag_id"], ["flags.id"], name="fk_case_flags_flag_id"),
        sa.PrimaryKeyConstraint("case_id", "flag_id", name="pk_case_flags"),
    )
    op.create_index("ix_case_flags_flag_id_case_id", "case_flags", ["flag_id", "case_id"])
    op.create_table(
        "case_events",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("action", sa.String(length=24), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("side", sa.String(length=10), nullable=False),
        sa.Column("from_status", sa.String(length=24)),
        sa.Column("to_status", sa.String(length=24), nullable=False),
        sa.Column("comment", sa.Text()),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.Column("tells_agency", sa.Boolean(), nullable=False),
        sa.Column("speaks_to_agency", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_case_events_case_id"),
        sa.PrimaryKeyConstraint("id", name="pk_case_events"),
    )
    op.create_index("ix_case_events_case_id_id", "case_events", ["case_id", "id"])
    op.create_table(
        "case_decisions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("decision", sa.String(length=24), nullable=False),
        sa.Column("reason_code", sa.String(length=20)),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("legal_basis", sa.Text(), nullable=False),
        sa.Column("due_on", sa.Date()),
        sa.Column("comment", sa.Text()),
        sa.Column("seen", sa.JSON(), nullable=False),
        sa.Column("proposed_by", sa.Text(), nullable=False),
        sa.Column("proposed_at", Instant(), nullable=False),
        sa.Column("outcome", sa.String(length=10)),
        sa.Column("decided_by", sa.Text()),
        sa.Column("decided_at", Instant()),
        sa.Column("appeal_until", sa.Date()),
        sa.Column("order_id", sa.Integer()),
        sa.Column("ended_because", sa.String(length=10)),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_case_decisions_case_id"),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name="fk_case_decisions_order_id"),
        sa.PrimaryKeyConstraint("id", name="pk_case_decisions"),
    )
    op.create_index("ix_case_decisions_case_id_id", "case_decisions", ["case_id", "id"])
    op.create_index(
        "uq_case_decisions_waiting",
        "case_decisions",
        ["case_id"],
        unique=True,
        sqlite_where=sa.text("outcome IS NULL"),
        postgresql_where=sa.text("outcome IS NULL"),
    )


def downgrade() -> None:
    """Drop them, the newest first. The flags that decisions accepted stay accepted."""
    for table in ("case_decisions", "case_events", "case_flags", "cases"):
        op.drop_table(table)
