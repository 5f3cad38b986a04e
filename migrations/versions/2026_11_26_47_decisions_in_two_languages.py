"""Reason and legal basis of decisions in Kazakh and in Russian."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "2026_11_26_47"
down_revision = "2026_11_26_49"
branch_labels = None
depends_on = None
TEXTS = ("reason_kk", "reason_ru", "legal_basis_kk", "legal_basis_ru")


def upgrade() -> None:
    """Add the columns. Earlier decisions keep their one text, whose language is recognised when it is displayed."""
    for name in TEXTS:
        op.add_column("case_decisions", sa.Column(name, sa.Text()))


def downgrade() -> None:
    """Drop the columns; ``reason`` and ``legal_basis`` keep one language."""
    with op.batch_alter_table("case_decisions") as batch:
        for name in TEXTS:
            batch.drop_column(name)
