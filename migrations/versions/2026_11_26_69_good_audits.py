"""The index of good audits has their whole order, so that the newest one is read from it without sorting."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

from registry.core import online_migrations

revision = "2026_11_26_69"
down_revision = "2026_11_26_68"
branch_labels = None
depends_on = None

INDEX: Final = "ix_audits_good"
TABLE: Final = "audits"
GOOD: Final = sa.text("status = 'succeeded' AND NOT dry_run")


def upgrade() -> None:
    """Replace the index."""
    _replace(["on", "judged_up_to", "finished_at", "id"])


def downgrade() -> None:
    """Bring the former one back."""
    _replace(["on", "id"])


def _replace(columns: list[str]) -> None:
    if not online_migrations.on_postgresql():
        op.drop_index(INDEX, TABLE)
    online_migrations.create_index(INDEX, TABLE, columns, sqlite_where=GOOD, postgresql_where=GOOD)
