"""Which centre certified a signature, what verified it, and when its time stamp proves it; and back."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from registry.core.database import Instant

revision = "2026_12_01_639"
down_revision = "2026_12_01_635"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns, empty: of what was signed before, the stored CMS still has the centre and the time stamp."""
    op.add_column("signatures", sa.Column("certificate_issuer", sa.Text()))
    op.add_column("signatures", sa.Column("method", sa.String(10)))
    op.add_column("signatures", sa.Column("stamped_at", Instant()))


def downgrade() -> None:
    """Drop them; the journal keeps what they said."""
    for name in ("stamped_at", "method", "certificate_issuer"):
        op.drop_column("signatures", name)
