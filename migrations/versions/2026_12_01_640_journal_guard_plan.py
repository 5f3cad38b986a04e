"""The guard of the chain finds the journal's last entry by its index, also in a session that began without any."""

from __future__ import annotations

from alembic import op

revision = "2026_12_01_640"
down_revision = "2026_12_01_638"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER FUNCTION journal_entry_follows() SET enable_seqscan TO off")


def downgrade() -> None:
    """Nothing: the earlier steps make the guard as it is now."""
