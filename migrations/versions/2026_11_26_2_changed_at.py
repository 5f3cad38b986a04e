"""When projects, flags and cases last changed, for readers who follow what changed; indexes for those lists.

Rows from before get the time of the upgrade. To work out a better one would take a minute for a million projects, in
which the added columns keep every reader of the tables waiting.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from registry.core import online_migrations
from registry.core.clock import now
from registry.core.database import Instant

revision = "2026_11_26_2"
down_revision = "2026_11_26_1"
branch_labels = None
depends_on = None

LONG_AGO = "'1970-01-01 00:00:00.000000'"
TABLES = ("projects", "flags", "cases")


def upgrade() -> None:
    """Add the columns, then the indexes."""
    moment = now()
    # With a constant default PostgreSQL adds a column without a look at the rows; SQLite can change no default later.
    on_postgresql = online_migrations.on_postgresql()
    default = f"'{moment:%Y-%m-%d %H:%M:%S.%f}+00:00'" if on_postgresql else LONG_AGO
    for table in TABLES:
        column = sa.Column("changed_at", Instant(), nullable=False, server_default=sa.text(default))
        op.add_column(table, column, if_not_exists=on_postgresql or None)
        if on_postgresql:
            op.alter_column(table, "changed_at", server_default=sa.text(LONG_AGO))
        else:
            op.execute(sa.update(sa.table(table, sa.column("changed_at", Instant()))).values(changed_at=moment))
    for table in TABLES:
        online_migrations.create_index(f"ix_{table}_changed_at_id", table, ["changed_at", "id"])


def downgrade() -> None:
    """Drop them."""
    for table in TABLES:
        op.drop_index(f"ix_{table}_changed_at_id", table)
        op.drop_column(table, "changed_at")
