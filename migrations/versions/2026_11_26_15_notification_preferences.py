"""Notification preferences of people."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "2026_11_26_15"
down_revision = "2026_11_26_14"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; everybody goes on getting all e-mails."""
    for name in ("immediate_emails", "digest_emails"):
        op.add_column("people", sa.Column(name, sa.Boolean(), nullable=False, server_default=sa.true()))


def downgrade() -> None:
    """Drop the columns; everybody gets all e-mails again."""
    with op.batch_alter_table("people") as batch:
        batch.drop_column("digest_emails")
        batch.drop_column("immediate_emails")
