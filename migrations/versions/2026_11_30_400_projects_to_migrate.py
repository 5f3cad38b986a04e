"""Count projects that only the plan concerns.

Revision ID: 2026_11_30_400
Revises: 2026_11_30_300
"""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

from registry.core.record_guards import create_guards, drop_guards

revision = "2026_11_30_400"
down_revision = "2026_11_30_300"
branch_labels = None
depends_on = None

OF_SEVERITY: Final = (
    ("flags", "severity"),
    ("audit_changes", "severity"),
    ("cases", "severity"),
    ("cases", "from_severity"),
    ("project_statuses", "severity"),
)


def upgrade() -> None:
    """Earlier audits did not count them: null."""
    op.add_column("audits", sa.Column("projects_to_migrate", sa.Integer()))


def downgrade() -> None:
    """Drop the column. Before, what is of the plan was flagged low."""
    drop_guards(op.get_bind())
    for table, column in OF_SEVERITY:
        severity: sa.ColumnClause[str] = sa.column(column)
        op.execute(sa.update(sa.table(table, severity)).where(severity == "plan").values({column: "low"}))
    op.execute("UPDATE project_statuses SET freeze_status = 'flagged' WHERE freeze_status = 'to_migrate'")
    op.drop_column("audits", "projects_to_migrate")
    create_guards(op.get_bind())
