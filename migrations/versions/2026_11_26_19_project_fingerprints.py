"""Fingerprints of projects, by which likely duplicates are found."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "2026_11_26_19"
down_revision = "2026_11_26_18"
branch_labels = None
depends_on = None

HASHES = (
    *(f"name_{place}" for place in range(1, 9)),
    *(f"purpose_{place}" for place in range(1, 5)),
    "object_code",
    "contract_number",
    "supplier_bin",
    "url",
)


def upgrade() -> None:
    """Add the table. ``registry db upgrade`` fills it afterwards, and so does a daily job: it is derived data."""
    op.create_table(
        "project_fingerprints",
        sa.Column("project_id", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("version", sa.SmallInteger(), nullable=False),
        *(sa.Column(name, sa.SmallInteger()) for name in HASHES),
    )


def downgrade() -> None:
    """Drop it: it can be computed again."""
    op.drop_table("project_fingerprints")
