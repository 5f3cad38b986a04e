"""Since when a contract and a project match, and their former matches; and back."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from registry.core.change_triggers import create_change_triggers
from registry.core.database import Instant

revision = "2026_11_30_634"
down_revision = "2026_11_30_633"
branch_labels = None
depends_on = None

KEPT = "procurement_matches_kept"


def upgrade() -> None:
    """Add the column: a decision began when it was made, any other match with the present values of its contract."""
    op.add_column("procurement_matches", sa.Column("changed_at", Instant()))
    op.execute(
        "UPDATE procurement_matches SET changed_at = coalesce(decided_at, (SELECT contract.changed_at"
        " FROM procurement_contracts AS contract WHERE contract.id = procurement_matches.contract_id))"
    )
    with op.batch_alter_table("procurement_matches") as batch:
        batch.alter_column("changed_at", existing_type=Instant(), nullable=False)
    op.create_table(
        "former_matches",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("match_id", sa.Integer(), nullable=False),
        sa.Column("since", Instant(), nullable=False),
        sa.Column("until", Instant(), nullable=False),
        sa.Column("match_state", sa.String(10), nullable=False),
        sa.ForeignKeyConstraint(["match_id"], ["procurement_matches.id"], name="fk_former_matches_match_id"),
    )
    op.create_index("ix_former_matches_match_id", "former_matches", ["match_id"])
    create_change_triggers(op.get_bind())


def downgrade() -> None:
    """Drop what matches were, and those that have ended."""
    on_postgresql = op.get_bind().dialect.name == "postgresql"
    op.execute(f"DROP TRIGGER IF EXISTS {KEPT}{' ON procurement_matches' if on_postgresql else ''}")
    if on_postgresql:
        op.execute(f"DROP FUNCTION IF EXISTS {KEPT}()")
    op.drop_table("former_matches")
    op.execute("DELETE FROM procurement_matches WHERE match_state = 'ended'")
    op.drop_column("procurement_matches", "changed_at")
