"""Triggers that keep requests, decided ones and issued reports to the Government from being rewritten."""

from __future__ import annotations

from alembic import op

from registry.core.record_guards import GOVERNMENT_REPORTS, REQUESTS, create_guards, drop_guards

revision = "2026_11_30_98"
down_revision = "2026_11_29_97"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the triggers."""
    create_guards(op.get_bind())


def downgrade() -> None:
    """Drop them."""
    for table in (REQUESTS, GOVERNMENT_REPORTS):
        drop_guards(op.get_bind(), only=table)
