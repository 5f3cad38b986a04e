"""When a project that was registered in error was withdrawn; none so far."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from registry.core.database import Instant
from registry.core.online_migrations import create_index, drop_index, on_postgresql

revision = "2026_11_26_28"
down_revision = "2026_11_26_27"
branch_labels = None
depends_on = None

INDEX = "ix_projects_withdrawn"
WITHDRAWN = sa.text("withdrawn_at IS NOT NULL")


def upgrade() -> None:
    """Add the column, which is not filled, and an index of the few projects that have it."""
    # Only PostgreSQL knows IF NOT EXISTS here, and only there an interrupted upgrade leaves the column behind.
    op.add_column(
        "projects", sa.Column("withdrawn_at", Instant(), nullable=True), if_not_exists=on_postgresql() or None
    )
    create_index(INDEX, "projects", ["id"], sqlite_where=WITHDRAWN, postgresql_where=WITHDRAWN)


def downgrade() -> None:
    """Drop both; withdrawn projects are projects like the others again, with the status that the next audit gives."""
    op.execute("UPDATE projects SET freeze_status = 'clear' WHERE freeze_status = 'withdrawn'")
    if on_postgresql():
        drop_index(INDEX)
    else:
        op.drop_index(INDEX, "projects")
    op.drop_column("projects", "withdrawn_at")
