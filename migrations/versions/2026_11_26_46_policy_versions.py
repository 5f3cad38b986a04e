"""Versions of the policy, and whether an audit changed what an activation promised."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from registry.core.database import Instant

revision = "2026_11_26_46"
down_revision = "2026_11_26_41"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table; the policy file is the first version and is not in it."""
    op.create_table(
        "policy_versions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("version", sa.String(50), nullable=False),
        sa.Column("based_on", sa.String(200), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("verdict_cases", sa.JSON(), nullable=False),
        sa.Column("drafted_by", sa.String(200), nullable=False),
        sa.Column("drafted_at", Instant(), nullable=False),
        sa.Column("editors", sa.JSON(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("in_force_from", sa.Date()),
        sa.Column("activated_by", sa.String(200)),
        sa.Column("activated_at", Instant()),
        sa.Column("impact_digest", sa.String(64)),
        sa.Column("promise", sa.JSON()),
        sa.Column("checked_at", Instant()),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_policy_versions")),
        sa.UniqueConstraint("version", name=op.f("uq_policy_versions_version")),
        sa.UniqueConstraint("in_force_from", name=op.f("uq_policy_versions_in_force_from")),
    )
    op.add_column("audits", sa.Column("promise_check", sa.JSON()))


def downgrade() -> None:
    """Drop both. Without the later versions the policy file is in force again."""
    with op.batch_alter_table("audits") as batch:
        batch.drop_column("promise_check")
    op.drop_table("policy_versions")
