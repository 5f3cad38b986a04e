"""Counts of confirmed placements beside those that are only claimed.

Audits before it counted claims: their confirmed placements are not known where any of their projects claimed one. The
index that audits count from has the day of the confirmation too.
"""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

from registry.core import online_migrations

revision = "2026_11_29_40"
down_revision = "2026_11_29_31"
branch_labels = None
depends_on = None

COUNTS: Final = ("agency_counts", "daily_counts")
COLUMN: Final = "confirmed_on_platform"
INDEX: Final = "ix_projects_counted"
FORMER: Final = (
    "agency_id",
    "is_restricted",
    "freeze_status",
    "severity",
    "region",
    "sector",
    "placement",
    "budget_kzt",
)
COLUMNS: Final = (*FORMER[:-1], "placement_verified_on", FORMER[-1])


def upgrade() -> None:
    """Add them."""
    # An index that is built while others write commits what stands before it.
    again = online_migrations.on_postgresql() or None
    for table in COUNTS:
        op.add_column(table, sa.Column(COLUMN, sa.Integer(), nullable=True), if_not_exists=again)
    _replace_index(COLUMNS)
    _write_open_data_again()


def downgrade() -> None:
    """Remove them."""
    _replace_index(FORMER)
    for table in COUNTS:
        with op.batch_alter_table(table) as batch:
            batch.drop_column(COLUMN)
    _write_open_data_again()


def _write_open_data_again() -> None:
    """The file has the day of the confirmation from now on; the scheduler replaces the one that is there."""
    op.execute("UPDATE open_data_set SET audited_on = NULL")


def _replace_index(columns: tuple[str, ...]) -> None:
    if not online_migrations.on_postgresql():
        op.drop_index(INDEX, "projects")
    online_migrations.create_index(INDEX, "projects", list(columns))
