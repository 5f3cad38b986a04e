"""A collation for names, on PostgreSQL: the Kazakh alphabet by ICU, or code points in a server without ICU."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "2026_11_24_7"
down_revision = "2026_11_24_6"
branch_labels = None
depends_on = None

OF_ICU = "kk-x-icu"


def upgrade() -> None:
    """Make it; SQLite gets its own on each connection."""
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":
        there = sa.text("SELECT count(*) FROM pg_collation WHERE collname = :name")
        source = OF_ICU if connection.scalar(there, {"name": OF_ICU}) else "C"
        op.execute(f'CREATE COLLATION public.kazakh FROM "{source}"')


def downgrade() -> None:
    """Drop it."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP COLLATION public.kazakh")
