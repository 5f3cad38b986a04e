"""When projects, flags and cases last changed, for readers who follow what changed; indexes for those lists."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from registry.core.database import Instant

revision = "2026_11_26_2"
down_revision = "2026_11_26_1"
branch_labels = None
depends_on = None

# A constant, so that neither database rewrites its table to add the column.
LONG_AGO = "'1970-01-01 00:00:00.000000'"
TABLES = ("projects", "flags", "cases")
GOOD = "status = 'succeeded' AND NOT dry_run"
# The latest that is known of each: edits, the audits that judged or changed it, and what happened on its cases.
AUDITED = f'(SELECT finished_at FROM audits WHERE {GOOD} AND judged_up_to >= projects.id ORDER BY "on", id LIMIT 1)'  # noqa: S608
KNOWN = {
    "projects": (
        "updated_at",
        AUDITED,
        "(SELECT max(audits.finished_at) FROM flags JOIN audits ON audits.id = flags.opened_by_audit"
        " OR audits.id = flags.cleared_by_audit WHERE flags.project_id = projects.id)",
        "(SELECT max(case_events.at) FROM cases JOIN case_events ON case_events.case_id = cases.id"
        " WHERE cases.project_id = projects.id)",
    ),
    "flags": (
        "(SELECT finished_at FROM audits WHERE audits.id = flags.opened_by_audit)",
        "(SELECT finished_at FROM audits WHERE audits.id = flags.cleared_by_audit)",
        "(SELECT max(case_events.at) FROM case_flags JOIN case_events ON case_events.case_id = case_flags.case_id"
        " WHERE case_flags.flag_id = flags.id)",
    ),
    "cases": (
        "opened_at",
        "closed_at",
        "(SELECT max(case_events.at) FROM case_events WHERE case_events.case_id = cases.id)",
        "(SELECT max(audits.finished_at) FROM case_flags JOIN flags ON flags.id = case_flags.flag_id"
        " JOIN audits ON audits.id = flags.cleared_by_audit WHERE case_flags.case_id = cases.id)",
    ),
}


def upgrade() -> None:
    """Add the columns with what is known, then the indexes."""
    for table in TABLES:
        column: sa.Column[Any] = sa.Column("changed_at", Instant(), nullable=False, server_default=sa.text(LONG_AGO))
        op.add_column(table, column)
        op.execute(sa.text(f"UPDATE {table} SET changed_at = coalesce({_latest(KNOWN[table])}, changed_at)"))  # noqa: S608
        op.create_index(f"ix_{table}_changed_at_id", table, ["changed_at", "id"])


def downgrade() -> None:
    """Drop them."""
    for table in TABLES:
        op.drop_index(f"ix_{table}_changed_at_id", table)
        op.drop_column(table, "changed_at")


def _latest(known: tuple[str, ...]) -> str:
    if op.get_bind().dialect.name == "postgresql":
        return f"greatest({', '.join(known)})"
    # SQLite's max() of several is NULL when any of them is; its instants sort as text.
    parts = ", ".join(f"coalesce({each}, '')" for each in known)
    return f"nullif(max({parts}), '')"
