"""Links of projects to the former records of the same work, and the indexes by which these are found."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from registry.core import online_migrations
from registry.core.database import Instant

revision = "2026_11_29_96"
down_revision = "2026_11_29_95"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table and the indexes."""
    op.create_table(
        "former_records",
        sa.Column("project_id", sa.Integer(), sa.ForeignKey("projects.id"), primary_key=True, autoincrement=False),
        sa.Column("former_id", sa.Integer(), sa.ForeignKey("projects.id"), primary_key=True, autoincrement=False),
        sa.Column("at", Instant(), nullable=False),
        if_not_exists=True,
    )
    op.create_index(op.f("ix_former_records_former_id"), "former_records", ["former_id"], if_not_exists=True)
    for name in ("object_code", "contract_number"):
        online_migrations.create_index(f"ix_project_fingerprints_{name}", "project_fingerprints", [name])


def downgrade() -> None:
    """Drop them."""
    for name in ("object_code", "contract_number"):
        if online_migrations.on_postgresql():
            online_migrations.drop_index(f"ix_project_fingerprints_{name}")
        else:
            op.drop_index(f"ix_project_fingerprints_{name}", "project_fingerprints")
    op.drop_table("former_records", if_exists=True)
