"""Counts of audits: projects whose highest severity rose or fell, and cases opened. Not known of audits before it."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

revision = "2026_11_29_62"
down_revision = "2026_11_29_61"
branch_labels = None
depends_on = None

COLUMNS: Final = ("severity_raised", "severity_lowered", "cases_opened")


def upgrade() -> None:
    """Add them."""
    for name in COLUMNS:
        op.add_column("audits", sa.Column(name, sa.Integer(), nullable=True))


def downgrade() -> None:
    """Remove them, with the changes of severity that audits listed, which were not known before."""
    op.execute("DELETE FROM audit_changes WHERE change IN ('raised', 'lowered')")
    for name in COLUMNS:
        op.drop_column("audits", name)
