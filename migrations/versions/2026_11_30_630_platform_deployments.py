"""Environments and deployments that the platform's inventory reports, and what it reported before; and back."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from registry.core.change_triggers import create_change_triggers

revision = "2026_11_30_630"
down_revision = "2026_11_30_627"
branch_labels = None
depends_on = None

KEPT = "platform_deployments_kept"


def upgrade() -> None:
    """Create the tables, empty, and the trigger that keeps former values."""
    op.create_table(
        "platform_deployments",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("platform_key", sa.String(200), nullable=False),
        sa.Column("added_by", sa.Integer(), nullable=False),
        sa.Column("inventory_id", sa.Integer(), nullable=False),
        *_values(),
        sa.ForeignKeyConstraint(["added_by"], ["inventories.id"], name="fk_platform_deployments_added_by"),
        sa.ForeignKeyConstraint(["inventory_id"], ["inventories.id"], name="fk_platform_deployments_inventory_id"),
        sa.UniqueConstraint("platform_key", name="uq_platform_deployments_platform_key"),
    )
    op.create_index("ix_platform_deployments_inventory_id", "platform_deployments", ["inventory_id"])
    op.create_table(
        "former_deployments",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("deployment_id", sa.Integer(), nullable=False),
        sa.Column("until_inventory_id", sa.Integer(), nullable=False),
        *_values(),
        sa.ForeignKeyConstraint(
            ["deployment_id"], ["platform_deployments.id"], name="fk_former_deployments_deployment_id"
        ),
    )
    op.create_index("ix_former_deployments_until_inventory_id", "former_deployments", ["until_inventory_id"])
    create_change_triggers(op.get_bind())


def downgrade() -> None:
    """Drop them: the next inventory reports deployments again."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"DROP TRIGGER IF EXISTS {KEPT} ON platform_deployments")
        op.execute(f"DROP FUNCTION IF EXISTS {KEPT}()")
    op.drop_table("former_deployments")
    op.drop_table("platform_deployments")


def _values() -> list[sa.Column[Any]]:
    return [
        sa.Column("environments", sa.Text()),
        sa.Column("last_deployed_on", sa.Date()),
        sa.Column("is_reported", sa.Boolean(), nullable=False),
    ]
