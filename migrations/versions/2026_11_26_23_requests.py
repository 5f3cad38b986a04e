"""Requests: what somebody asks for and somebody else decides."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from registry.core.database import Instant

revision = "2026_11_26_23"
down_revision = "2026_11_26_22"
branch_labels = None
depends_on = None

WAITING_AGENCY = sa.text("state = 'waiting' AND project_id IS NULL")
WAITING_PROJECT = sa.text("state = 'waiting' AND project_id IS NOT NULL")
TO_CARRY_OUT = sa.text("state = 'confirmed' AND carried_out_at IS NULL")


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "requests",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("kind", sa.String(length=30), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("agency_id", sa.Integer(), sa.ForeignKey("agencies.id"), nullable=False),
        sa.Column("project_id", sa.Integer(), sa.ForeignKey("projects.id")),
        sa.Column("to_agency_id", sa.Integer(), sa.ForeignKey("agencies.id")),
        sa.Column("on", sa.Date()),
        sa.Column("act", sa.Text()),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.Column("asked_by", sa.String(length=200), nullable=False),
        sa.Column("asked_at", Instant(), nullable=False),
        sa.Column("first_decided_by", sa.String(length=200)),
        sa.Column("first_decided_at", Instant()),
        sa.Column("decided_by", sa.String(length=200)),
        sa.Column("decided_at", Instant()),
        sa.Column("decision_reason", sa.Text()),
        sa.Column("carried_out_at", Instant()),
    )
    _index("uq_requests_waiting_agency", ["kind", "agency_id"], WAITING_AGENCY, unique=True)
    _index("uq_requests_waiting_project", ["kind", "project_id"], WAITING_PROJECT, unique=True)
    _index("ix_requests_to_carry_out", ["on", "id"], TO_CARRY_OUT)
    for column in ("agency_id", "to_agency_id", "project_id"):
        op.create_index(f"ix_requests_{column}", "requests", [column])


def downgrade() -> None:
    """Drop it. What requests have changed stays; the journal still says who asked and decided."""
    op.drop_table("requests")


def _index(name: str, columns: list[str], where: sa.TextClause, *, unique: bool = False) -> None:
    op.create_index(name, "requests", columns, unique=unique, sqlite_where=where, postgresql_where=where)
