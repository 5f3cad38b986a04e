"""Triggers that keep the journal, decisions, orders and exemptions from being rewritten."""

from __future__ import annotations

from alembic import op

from registry.core.record_guards import OF_LATER_REVISIONS, create_guards, drop_guards

revision = "2026_11_29_60"
down_revision = "2026_11_29_40"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the triggers."""
    create_guards(op.get_bind(), without=OF_LATER_REVISIONS)


def downgrade() -> None:
    """Drop them."""
    drop_guards(op.get_bind())
