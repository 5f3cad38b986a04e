"""The freeze status and severity of projects, stored: lists, counts and reports no longer work them out from flags.

On PostgreSQL the columns are filled in batches while the version before goes on. It writes no status: what it changes
after the fill (an audit, a decision, another kind of an agency) is corrected by the next audit of this version.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from registry.core import online_migrations
from registry.freeze.current import PolicyNotSet, first_policy

revision = "2026_11_26_6"
down_revision = "2026_11_26_4"
branch_labels = None
depends_on = None

INDEX = "ix_projects_rare_status"
RARE = sa.text("freeze_status IN ('unaudited', 'exempt', 'accepted')")
# As registry/reports/compliance.py reads projects; SQLite, which includes no columns in an index, reads the rows.
REPORTED_BEFORE = "ix_projects_reported"
REPORTED = "ix_projects_reported_status"
REPORTED_COLUMNS = ["agency_id", "region", "sector", "budget_kzt", "is_restricted"]
# The scope of the policy that is shipped, for whoever migrates without one; ``registry db upgrade`` has loaded its own.
SCOPE = ("central_body", "local_executive", "state_legal_entity", "quasi_public", "subsidiary", "other_performer")
JUDGED = (
    "(SELECT judged_up_to FROM audits WHERE status = 'succeeded' AND NOT dry_run"
    ' ORDER BY "on" DESC, judged_up_to DESC, finished_at DESC, id DESC LIMIT 1)'
)
ACTIVE = "FROM flags WHERE flags.project_id = projects.id AND flags.status <> 'cleared'"
FREEZE_STATUS = f"""CASE
    WHEN (SELECT kind FROM agencies WHERE agencies.id = projects.agency_id) NOT IN :scope THEN 'out_of_scope'
    WHEN projects.id > coalesce({JUDGED}, 0) THEN 'unaudited'
    ELSE CASE (SELECT max(CASE flags.status
            WHEN 'open' THEN 3 WHEN 'exempt' THEN 2 WHEN 'accepted' THEN 1 END) {ACTIVE})
        WHEN 3 THEN 'flagged' WHEN 2 THEN 'exempt' WHEN 1 THEN 'accepted' ELSE 'clear' END
    END"""  # noqa: S608
SEVERITY = f"""CASE (SELECT max(CASE flags.severity
        WHEN 'high' THEN 3 WHEN 'medium' THEN 2 WHEN 'low' THEN 1 END) {ACTIVE})
    WHEN 3 THEN 'high' WHEN 2 THEN 'medium' WHEN 1 THEN 'low' END"""


def upgrade() -> None:
    """Add the columns, fill them with what flags and the last good audit give, and make their indexes."""
    # Only PostgreSQL knows IF NOT EXISTS here, and only there an interrupted upgrade leaves the columns behind.
    again = online_migrations.on_postgresql() or None
    status = sa.Column("freeze_status", sa.String(12), nullable=False, server_default="unaudited")
    op.add_column("projects", status, if_not_exists=again)
    op.add_column("projects", sa.Column("severity", sa.String(10), nullable=True), if_not_exists=again)
    online_migrations.fill("projects", {"freeze_status": FREEZE_STATUS, "severity": SEVERITY}, {"scope": _scope()})
    columns = ["freeze_status", "registered_at", "id"]
    online_migrations.create_index(INDEX, "projects", columns, sqlite_where=RARE, postgresql_where=RARE)
    _replace_reported(REPORTED_BEFORE, REPORTED, [*REPORTED_COLUMNS, "freeze_status", "severity"])


def downgrade() -> None:
    """Drop them."""
    _replace_reported(REPORTED, REPORTED_BEFORE, REPORTED_COLUMNS)
    op.drop_index(INDEX, "projects")
    op.drop_column("projects", "severity")
    op.drop_column("projects", "freeze_status")


def _scope() -> list[str]:
    try:
        return list(first_policy().scope)
    except PolicyNotSet:
        return list(SCOPE)


def _replace_reported(old: str, new: str, included: list[str]) -> None:
    if online_migrations.on_postgresql():
        online_migrations.create_index(new, "projects", ["id"], postgresql_include=included)
        online_migrations.drop_index(old)
