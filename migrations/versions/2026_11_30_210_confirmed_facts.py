"""Facts of projects that somebody else has confirmed.

Revision ID: 2026_11_30_210
Revises: 2026_11_30_401
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from registry.core.record_guards import create_guards, drop_guards

revision = "2026_11_30_210"
down_revision = "2026_11_30_401"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing is confirmed yet. The triggers on projects name its columns."""
    drop_guards(op.get_bind())
    op.add_column("projects", sa.Column("confirmed_facts", sa.Text()))
    create_guards(op.get_bind())


def downgrade() -> None:
    """Drop the column, and the confirmations of a kind that the release before does not know."""
    drop_guards(op.get_bind())
    op.execute("DELETE FROM confirmations WHERE kind = 'fact'")
    op.drop_column("projects", "confirmed_facts")
    create_guards(op.get_bind())
