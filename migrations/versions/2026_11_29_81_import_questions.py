"""Questions of imports: whether a row is a registered project or a new one, and the answers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "2026_11_29_81"
down_revision = "2026_11_29_65"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns."""
    op.add_column("imports", sa.Column("unanswered", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("imports", sa.Column("answers", sa.JSON()))
    op.add_column("import_rows", sa.Column("question", sa.String(length=60)))
    op.add_column("import_rows", sa.Column("answer", sa.String(length=4)))


def downgrade() -> None:
    """Drop them. Questions become rows with errors, which the former version knows."""
    op.execute("UPDATE import_rows SET outcome = 'rejected' WHERE outcome = 'question'")
    with op.batch_alter_table("import_rows") as batch:
        batch.drop_column("answer")
        batch.drop_column("question")
    with op.batch_alter_table("imports") as batch:
        batch.drop_column("answers")
        batch.drop_column("unanswered")
