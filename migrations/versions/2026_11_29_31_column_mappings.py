"""Columns chosen by hand belong to the layout of one table.

What was remembered for single headers does not say of which table, and came from dry runs that failed too: it goes.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from registry.core.database import Instant

revision = "2026_11_29_31"
down_revision = "2026_11_29_30"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Replace the table."""
    op.drop_table("import_columns")
    op.create_table(
        "import_mappings",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("agency_id", sa.Integer(), sa.ForeignKey("agencies.id")),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("layout", sa.String(length=64), nullable=False),
        sa.Column("columns", sa.JSON(), nullable=False),
        sa.Column("recorded_at", Instant(), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=False),
    )
    op.create_index("ix_import_mappings_agency_id", "import_mappings", ["agency_id"])


def downgrade() -> None:
    """Bring the former table back, empty."""
    op.drop_table("import_mappings")
    op.create_table(
        "import_columns",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("agency_id", sa.Integer(), sa.ForeignKey("agencies.id")),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("header", sa.String(length=300), nullable=False),
        sa.Column("field", sa.String(length=60)),
        sa.Column("recorded_at", Instant(), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=False),
    )
    op.create_index("ix_import_columns_agency_id", "import_columns", ["agency_id"])
