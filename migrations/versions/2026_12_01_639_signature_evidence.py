"""Which centre certified a signature, what verified it, and when its time stamp proves it; and back."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from registry.core.database import Instant
from registry.core.record_guards import create_guards

revision = "2026_12_01_639"
down_revision = "2026_12_01_635"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns, empty: of what was signed before, the stored CMS still has the centre and the time stamp."""
    op.add_column("signatures", sa.Column("certificate_issuer", sa.Text()))
    op.add_column("signatures", sa.Column("method", sa.String(10)))
    op.add_column("signatures", sa.Column("stamped_at", Instant()))
    create_guards(op.get_bind())


def downgrade() -> None:
    """Drop them; the journal keeps what they said."""
    on_table = " ON signatures" if op.get_bind().dialect.name == "postgresql" else ""
    # SQLite drops no column that a trigger reads.
    for name in ("signatures_added", "signatures_changed"):
        op.execute(f"DROP TRIGGER IF EXISTS {name}{on_table}")
    for name in ("stamped_at", "method", "certificate_issuer"):
        op.drop_column("signatures", name)
    create_guards(op.get_bind())
