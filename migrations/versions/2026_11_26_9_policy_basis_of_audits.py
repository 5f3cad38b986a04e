"""Audits: the scope and start clock of the policy that they judged by."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "2026_11_26_9"
down_revision = "2026_11_26_7"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column. It stays NULL for earlier audits: the first audit by another policy marks all projects."""
    op.add_column("audits", sa.Column("policy_basis", sa.JSON()))


def downgrade() -> None:
    """Drop it. The code before marks all projects at every change of the policy."""
    op.drop_column("audits", "policy_basis")
