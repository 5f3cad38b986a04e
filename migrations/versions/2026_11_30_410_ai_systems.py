"""Entries on the AI systems of projects.

Revision ID: 2026_11_30_410
Revises: 2026_11_30_430
"""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa
from alembic import op

from registry.core.record_guards import create_guards, drop_guards

revision = "2026_11_30_410"
down_revision = "2026_11_30_430"
branch_labels = None
depends_on = None

COLUMNS: Final[dict[str, sa.types.TypeEngine[Any]]] = {
    "ai_purpose": sa.Text(),
    "ai_model": sa.String(500),
    "ai_supplier": sa.String(500),
    "ai_data": sa.Text(),
    "ai_personal_data": sa.Boolean(),
    "ai_risk_class": sa.String(10),
    "ai_overseer": sa.String(500),
    "ai_tests": sa.Text(),
    "ai_notice": sa.Text(),
    "ai_objection": sa.Text(),
    "ai_office": sa.String(500),
    "ai_reviewed_on": sa.Date(),
}


def upgrade() -> None:
    """Nothing is known yet. The triggers on projects name its columns."""
    drop_guards(op.get_bind())
    for name, kind in COLUMNS.items():
        op.add_column("projects", sa.Column(name, kind))
    create_guards(op.get_bind())


def downgrade() -> None:
    """Drop the columns; revisions keep what they held."""
    drop_guards(op.get_bind())
    for name in COLUMNS:
        op.drop_column("projects", name)
    create_guards(op.get_bind())
