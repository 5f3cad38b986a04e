"""Previews of dry runs: what becomes of each row, which rules would flag it, and the run that imported the file."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "2026_11_26_22"
down_revision = "2026_11_26_21"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add them; earlier dry runs have no preview."""
    with op.batch_alter_table("imports") as batch:
        batch.add_column(sa.Column("would_flag", sa.JSON()))
        batch.add_column(sa.Column("dry_run_id", sa.Integer()))
        batch.create_foreign_key("fk_imports_dry_run_id_imports", "imports", ["dry_run_id"], ["id"])
    op.create_table(
        "import_rows",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("import_id", sa.Integer(), sa.ForeignKey("imports.id"), nullable=False),
        sa.Column("row", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.String(length=10), nullable=False),
        sa.Column("record", sa.String(length=40)),
        sa.Column("name", sa.Text()),
        sa.Column("changes", sa.JSON(), nullable=False),
        sa.Column("would_flag", sa.JSON(), nullable=False),
    )
    op.create_index("ix_import_rows_import_id_row", "import_rows", ["import_id", "row"])


def downgrade() -> None:
    """Drop them, and the files that dry runs and runs with wrong rows kept."""
    op.drop_table("import_rows")
    op.execute("DELETE FROM import_files WHERE import_id IN (SELECT id FROM imports WHERE state IN ('done', 'failed'))")
    with op.batch_alter_table("imports") as batch:
        batch.drop_constraint("fk_imports_dry_run_id_imports", type_="foreignkey")
        batch.drop_column("dry_run_id")
        batch.drop_column("would_flag")
