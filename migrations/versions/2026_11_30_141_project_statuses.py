"""The freeze status and severity of projects in a narrow table of its own, with copies of what is counted with them."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

from registry.core import online_migrations
from registry.core.database import EPOCH, Instant
from registry.core.record_guards import COPIED, COPIES, create_guards

revision = "2026_11_30_141"
down_revision = "2026_11_30_121"
branch_labels = None
depends_on = None

TABLE: Final = "project_statuses"
STATUS: Final = ("freeze_status", "severity", "changed_at")
RARE: Final = sa.text("freeze_status IN ('unaudited', 'exempt', 'accepted')")
COUNTED: Final = (
    "agency_id",
    "is_restricted",
    "freeze_status",
    "severity",
    "region",
    "sector",
    "placement",
    "placement_verified_on",
    "budget_kzt",
)


def upgrade() -> None:
    """Move both columns into the table, and keep the copies by a trigger."""
    op.create_table(
        TABLE,
        sa.Column("project_id", sa.Integer(), sa.ForeignKey("projects.id"), primary_key=True, autoincrement=False),
        sa.Column("agency_id", sa.Integer(), nullable=False),
        sa.Column("budget_kzt", sa.BigInteger(), nullable=True),
        sa.Column("changed_at", Instant(), nullable=False),
        sa.Column("placement_verified_on", sa.Date(), nullable=True),
        sa.Column("is_restricted", sa.Boolean(), nullable=False),
        sa.Column("freeze_status", sa.String(12), nullable=False),
        sa.Column("severity", sa.String(10), nullable=True),
        sa.Column("region", sa.String(2), nullable=True),
        sa.Column("sector", sa.String(2), nullable=True),
        sa.Column("placement", sa.String(20), nullable=False),
    )
    names = ", ".join((*COPIED, *STATUS))
    op.execute(f"INSERT INTO {TABLE} (project_id, {names}) SELECT id, {names} FROM projects ORDER BY id")  # noqa: S608
    op.create_index(op.f("ix_project_statuses_agency_id"), TABLE, ["agency_id"])
    op.create_index(op.f("ix_project_statuses_changed_at_project_id"), TABLE, ["changed_at", "project_id"])
    op.create_index("ix_project_statuses_rare", TABLE, ["freeze_status"], sqlite_where=RARE, postgresql_where=RARE)
    create_guards(op.get_bind())
    if not online_migrations.on_postgresql():
        # PostgreSQL drops them with their columns.
        for index in ("ix_projects_counted", "ix_projects_rare_status", "ix_projects_changed_at_id"):
            op.drop_index(index, "projects")
    for name in STATUS:
        op.drop_column("projects", name)


def downgrade() -> None:
    """Move them back."""
    again = online_migrations.on_postgresql() or None
    status = sa.Column("freeze_status", sa.String(12), nullable=False, server_default="unaudited")
    op.add_column("projects", status, if_not_exists=again)
    op.add_column("projects", sa.Column("severity", sa.String(10), nullable=True), if_not_exists=again)
    changed = sa.Column("changed_at", Instant(), nullable=False, server_default=EPOCH)
    op.add_column("projects", changed, if_not_exists=again)
    stored = {name: f"(SELECT {name} FROM {TABLE} WHERE project_id = projects.id)" for name in STATUS}  # noqa: S608
    online_migrations.fill("projects", stored)
    columns = ["freeze_status", "registered_at", "id"]
    online_migrations.create_index(
        "ix_projects_rare_status", "projects", columns, sqlite_where=RARE, postgresql_where=RARE
    )
    online_migrations.create_index("ix_projects_changed_at_id", "projects", ["changed_at", "id"])
    online_migrations.create_index("ix_projects_counted", "projects", list(COUNTED))
    if online_migrations.on_postgresql():
        op.execute(f"DROP FUNCTION IF EXISTS {COPIES}() CASCADE")
    else:
        op.execute(f"DROP TRIGGER IF EXISTS {COPIES}")
    op.drop_table(TABLE)
