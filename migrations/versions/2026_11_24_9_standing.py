"""Indexes that alone answer where projects stand, and one that knows the few restricted projects."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "2026_11_24_9"
down_revision = "2026_11_24_8"
branch_labels = None
depends_on = None

RESTRICTED = sa.text("is_restricted")
STANDING = sa.text("status <> 'cleared'")
# As registry/reports/compliance.py reads projects; SQLite, which includes no columns in an index, reads the rows.
REPORTED = "INDEX ix_projects_reported ON projects (id) INCLUDE (agency_id, region, sector, budget_kzt, is_restricted)"


def upgrade() -> None:
    """Make the indexes."""
    op.create_index("ix_projects_restricted", "projects", ["id"], sqlite_where=RESTRICTED, postgresql_where=RESTRICTED)
    op.create_index(
        "ix_flags_standing",
        "flags",
        ["project_id", "status", "severity"],
        sqlite_where=STANDING,
        postgresql_where=STANDING,
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute(sa.text(f"CREATE {REPORTED}"))


def downgrade() -> None:
    """Drop them."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(sa.text("DROP INDEX ix_projects_reported"))
    op.drop_index("ix_flags_standing", "flags")
    op.drop_index("ix_projects_restricted", "projects")
