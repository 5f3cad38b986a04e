"""Indexes for the sorts of case lists within one status, also those that read projects."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from registry.core import online_migrations

revision = "2026_11_26_67"
down_revision = "2026_11_26_53"
branch_labels = None
depends_on = None

TABLE = "cases"
INDEXES = {
    f"ix_cases_status_{'_'.join(columns)}": ["status", *columns]
    for columns in (
        ["opened_at", "id"],
        ["changed_at", "id"],
        ["closed_at", "id"],
        ["assignee", "id"],
        ["outcome", "id"],
        ["severity", "project_id"],
    )
}
# PostgreSQL takes no index for NULLS LAST that has them first, as an ascending one read backwards has.
CLOSED_LAST = "ix_cases_status_closed_at_down"


def upgrade() -> None:
    """Create them."""
    for name, columns in INDEXES.items():
        online_migrations.create_index(name, TABLE, columns)
    if online_migrations.on_postgresql():
        columns = ["status", sa.text("closed_at DESC NULLS LAST"), sa.text("id DESC")]
        online_migrations.create_index(CLOSED_LAST, TABLE, columns)


def downgrade() -> None:
    """Drop them."""
    if online_migrations.on_postgresql():
        op.drop_index(CLOSED_LAST, TABLE)
    for name in INDEXES:
        op.drop_index(name, TABLE)
