"""Links between projects."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from registry.core.database import Instant

revision = "2026_11_26_20"
down_revision = "2026_11_26_19"
branch_labels = None
depends_on = None

IN_FORCE = sa.text("removed_at IS NULL")


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "project_links",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("project_id", sa.Integer(), sa.ForeignKey("projects.id"), nullable=False),
        sa.Column("target_id", sa.Integer(), sa.ForeignKey("projects.id"), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("note", sa.Text()),
        sa.Column("added_at", Instant(), nullable=False),
        sa.Column("added_by", sa.Text(), nullable=False),
        sa.Column("removed_at", Instant()),
        sa.Column("removed_by", sa.Text()),
    )
    op.create_index(
        "uq_project_links_in_force",
        "project_links",
        ["project_id", "target_id", "kind"],
        unique=True,
        sqlite_where=IN_FORCE,
        postgresql_where=IN_FORCE,
    )
    op.create_index("ix_project_links_target_id", "project_links", ["target_id"])


def downgrade() -> None:
    """Drop it. The journal keeps which projects were linked."""
    op.drop_table("project_links")
