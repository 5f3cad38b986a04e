"""Layouts and warnings of imports, the values of row errors, and columns that an agency mapped by hand."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from registry.core.database import Instant

revision = "2026_11_26_21"
down_revision = "2026_11_26_20"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add them; earlier imports have none."""
    op.add_column("imports", sa.Column("layout", sa.JSON()))
    op.add_column("imports", sa.Column("warnings", sa.JSON()))
    op.add_column("import_errors", sa.Column("value", sa.Text()))
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


def downgrade() -> None:
    """Drop them. An unfinished import of a table with another layout than a plain header fails."""
    op.drop_table("import_columns")
    with op.batch_alter_table("import_errors") as batch:
        batch.drop_column("value")
    with op.batch_alter_table("imports") as batch:
        batch.drop_column("warnings")
        batch.drop_column("layout")
