"""What the last verification of the journal found, and how far it came."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from registry.core.database import Instant
from registry.journal.service import FIRST_HASH

revision = "2026_11_29_82"
down_revision = "2026_11_29_81"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table of one row; the first night verifies the whole journal."""
    table = op.create_table(
        "journal_verification",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("verified_at", Instant()),
        sa.Column("whole_at", Instant()),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("fault", sa.Text()),
        sa.PrimaryKeyConstraint("id", name="pk_journal_verification"),
    )
    op.bulk_insert(table, [{"id": 1, "seq": 0, "hash": FIRST_HASH}])


def downgrade() -> None:
    """Drop it."""
    op.drop_table("journal_verification")
