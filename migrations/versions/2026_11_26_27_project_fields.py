"""Projects: supplier's name, budget programme, cost by year, security test, source code, integrations, telephone.

Revisions: the reason of a change.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "2026_11_26_27"
down_revision = "2026_11_26_26"
branch_labels = None
depends_on = None

COLUMNS = (
    ("supplier_name", sa.String(500)),
    ("budget_programme", sa.String(200)),
    ("cost_by_year", sa.Text()),
    ("source_repository_url", sa.String(200)),
    ("integrations", sa.Text()),
    ("security_conclusion_number", sa.String(200)),
    ("security_conclusion_on", sa.Date()),
    ("responsible_phone", sa.String(200)),
)


def upgrade() -> None:
    """Add the columns, all nullable: no table is rewritten."""
    for name, kind in COLUMNS:
        op.add_column("projects", sa.Column(name, kind))
    op.add_column("revisions", sa.Column("reason", sa.Text()))


def downgrade() -> None:
    """Drop them with their values."""
    op.drop_column("revisions", "reason")
    for name, _ in reversed(COLUMNS):
        op.drop_column("projects", name)
