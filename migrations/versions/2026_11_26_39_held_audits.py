"""Why an audit is held, and who confirmed or rejected it with which reason."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "2026_11_26_39"
down_revision = "2026_11_26_29"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Audits that were held before have neither."""
    op.add_column("audits", sa.Column("held_causes", sa.JSON(), nullable=True))
    op.add_column("audits", sa.Column("held_decision", sa.JSON(), nullable=True))


def downgrade() -> None:
    """A rejected audit is held again, as the version before knows no other status for it."""
    op.execute("UPDATE audits SET status = 'held' WHERE status = 'rejected'")
    op.drop_column("audits", "held_decision")
    op.drop_column("audits", "held_causes")
