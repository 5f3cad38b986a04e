"""The fingerprint of the secret key, so that a process with another one is found."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "2026_11_29_91"
down_revision = "2026_11_29_90"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; the next start of a process fills it."""
    op.add_column("installation", sa.Column("key_fingerprint", sa.String(64)))


def downgrade() -> None:
    """Drop it."""
    with op.batch_alter_table("installation") as batch:
        batch.drop_column("key_fingerprint")
