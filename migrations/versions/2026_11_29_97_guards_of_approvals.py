"""Triggers that keep what was proposed, and what was decided about it, from being rewritten."""

from __future__ import annotations

from alembic import op

from registry.core.record_guards import APPROVALS, OF_LATER_REVISIONS, create_guards, drop_guards

revision = "2026_11_29_97"
down_revision = "2026_11_29_96"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the triggers."""
    create_guards(op.get_bind(), without=OF_LATER_REVISIONS - {APPROVALS})


def downgrade() -> None:
    """Drop them."""
    drop_guards(op.get_bind(), only=APPROVALS)
