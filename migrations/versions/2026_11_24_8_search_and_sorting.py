"""Indexes for search and for the sorts of projects, on PostgreSQL; words longer than any search looks for are cut."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "2026_11_24_8"
down_revision = "2026_11_24_7"
branch_labels = None
depends_on = None

# As registry/core/search.py and project_lists.py write them: the planner takes an index for the same expression.
STARTED = "least(contract_signed_on, work_started_on)"
INDEXES = {
    "ix_projects_words": "USING gin (array_to_tsvector(string_to_array(ltrim(words, ' '), ' ')))",
    "ix_projects_budget_down": "(coalesce(budget_kzt, -1), id)",
    "ix_projects_budget_up": "(coalesce(budget_kzt, 9223372036854775807), id)",
    "ix_projects_started_down": f"(coalesce({STARTED}, '0001-01-01'::date), id)",
    "ix_projects_started_up": f"(coalesce({STARTED}, '9999-12-31'::date), id)",
}


def upgrade() -> None:
    """Make the indexes. SQLite looks through all projects, as it did."""
    if op.get_bind().dialect.name != "postgresql":
        return
    op.execute(
        sa.text(r"UPDATE projects SET words = regexp_replace(words, '(\S{100})\S+', '\1', 'g') WHERE words ~ '\S{101}'")
    )
    for name, expression in INDEXES.items():
        op.execute(sa.text(f"CREATE INDEX {name} ON projects {expression}".replace("::", r"\:\:")))


def downgrade() -> None:
    """Drop them."""
    if op.get_bind().dialect.name != "postgresql":
        return
    for name in INDEXES:
        op.execute(sa.text(f"DROP INDEX {name}"))
