"""The keys of the last inventory, and the files of inventories that wait for a second person."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from registry.core.database import Instant

revision = "2026_11_29_95"
down_revision = "2026_11_29_94"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "inventory_keys",
        sa.Column("platform_key", sa.String(200), nullable=False),
        sa.Column("agency_id", sa.Integer(), nullable=False),
        sa.Column("verified_on", sa.Date(), nullable=False),
        sa.Column("inventory_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["agency_id"], ["agencies.id"], name="fk_inventory_keys_agency_id_agencies"),
        sa.ForeignKeyConstraint(
            ["inventory_id"], ["inventories.id"], name="fk_inventory_keys_inventory_id_inventories"
        ),
        sa.PrimaryKeyConstraint("platform_key", name="pk_inventory_keys"),
    )
    op.create_table(
        "proposed_inventories",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_proposed_inventories"),
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_table("proposed_inventories")
    op.drop_table("inventory_keys")
