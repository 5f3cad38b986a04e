"""Why a contract belongs to no project; and back."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "2026_12_01_638"
down_revision = "2026_12_01_639"
branch_labels = None
depends_on = None

TABLE = "procurement_contracts"


def upgrade() -> None:
    op.add_column(TABLE, sa.Column("no_project", sa.String(20)))
    op.add_column(TABLE, sa.Column("no_project_reason", sa.Text()))


def downgrade() -> None:
    op.drop_column(TABLE, "no_project_reason")
    op.drop_column(TABLE, "no_project")
