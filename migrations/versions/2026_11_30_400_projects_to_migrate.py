"""Count projects that only the plan concerns.

Revision ID: 2026_11_30_400
Revises: 2026_11_30_300
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "2026_11_30_400"
down_revision = "2026_11_30_300"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Earlier audits did not count them: null."""
    op.add_column("audits", sa.Column("projects_to_migrate", sa.Integer()))


def downgrade() -> None:
    """Drop the column."""
    op.drop_column("audits", "projects_to_migrate")
