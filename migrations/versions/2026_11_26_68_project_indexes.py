"""Indexes of projects for rare words, rare filters and counts.

Lists with rare stages, and of one sector of a region, no longer walk the whole index of their sort. Audits and reports
count projects from an index alone, which replaces a larger one of PostgreSQL. On SQLite a search reads the texts that
it looks through from an index of their own, a sixth of the table.
"""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

from registry.core import online_migrations

revision = "2026_11_26_68"
down_revision = "2026_11_26_67"
branch_labels = None
depends_on = None

TABLE: Final = "projects"
WORDS: Final = "ix_projects_search_text"
FILTERS: Final = {
    "ix_projects_stage_registered_at": ["stage", "registered_at", "id"],
    "ix_projects_region_sector_registered_at": ["region", "sector", "registered_at", "id"],
}
COUNTED: Final = "ix_projects_counted"
COUNTED_COLUMNS: Final = [
    "agency_id",
    "is_restricted",
    "freeze_status",
    "severity",
    "region",
    "sector",
    "placement",
    "budget_kzt",
]
REPORTED: Final = "ix_projects_reported_status"
REPORTED_COLUMNS: Final = ["agency_id", "region", "sector", "budget_kzt", "is_restricted", "freeze_status", "severity"]


def upgrade() -> None:
    """Create them."""
    for name, columns in FILTERS.items():
        online_migrations.create_index(name, TABLE, columns, sqlite_where=sa.text("version > 0"))
    online_migrations.create_index(COUNTED, TABLE, COUNTED_COLUMNS)
    if online_migrations.on_postgresql():
        online_migrations.drop_index(REPORTED)
    else:
        op.create_index(WORDS, TABLE, ["words"])


def downgrade() -> None:
    """Drop them, and bring the former one back."""
    if online_migrations.on_postgresql():
        online_migrations.create_index(REPORTED, TABLE, ["id"], postgresql_include=REPORTED_COLUMNS)
    else:
        op.drop_index(WORDS, TABLE)
    op.drop_index(COUNTED, TABLE)
    for name in FILTERS:
        op.drop_index(name, TABLE)
