"""What imports wrote, so that one can be undone as a whole, and what became of it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from registry.core.database import Instant

revision = "2026_11_29_90"
down_revision = "2026_11_29_82"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table and the columns."""
    op.create_table(
        "import_writes",
        sa.Column("import_id", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("number", sa.String(length=17), primary_key=True),
        sa.Column("version", sa.Integer(), nullable=False),
    )
    op.add_column("imports", sa.Column("undone_at", Instant()))
    op.add_column("imports", sa.Column("undone_by", sa.Text()))
    op.add_column("imports", sa.Column("undone", sa.JSON()))


def downgrade() -> None:
    """Drop them."""
    with op.batch_alter_table("imports") as batch:
        for name in ("undone", "undone_by", "undone_at"):
            batch.drop_column(name)
    op.drop_table("import_writes")
