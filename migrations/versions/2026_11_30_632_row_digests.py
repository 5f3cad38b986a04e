"""Digests of rows in the changes, what is sealed of them, and when it was compared; and back."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from registry.core.change_triggers import RECORDED
from registry.core.database import Instant
from registry.core.record_guards import create_guards, drop_guards

revision = "2026_11_30_632"
down_revision = "2026_11_30_631"
branch_labels = None
depends_on = None

ADDED = {
    "changes": {"digest": sa.LargeBinary(), "status_digest": sa.LargeBinary()},
    "pending_changes": {"digest": sa.LargeBinary(), "status_digest": sa.LargeBinary()},
    "change_head": {"sealed_up_to": sa.BigInteger()},
    "journal_verification": {"rows_compared_at": Instant(), "all_rows_at": Instant(), "rows_fault": sa.Text()},
}


def upgrade() -> None:
    """Add the columns, empty, and the table: the first night seals the rows that there are."""
    for table, columns in ADDED.items():
        for name, kind in columns.items():
            op.add_column(table, sa.Column(name, kind))
    op.create_table(
        "sealed_rows",
        sa.Column("table_name", sa.String(30), primary_key=True),
        sa.Column("record_id", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
    )
    create_guards(op.get_bind())


def downgrade() -> None:
    """Drop them, with the changes of records that the feed of the release before does not have."""
    connection = op.get_bind()
    drop_guards(connection)
    kinds = sa.bindparam("kinds", [each.kind for each in RECORDED if each.is_internal], expanding=True)
    for table in ("changes", "pending_changes"):
        connection.execute(sa.text(f"DELETE FROM {table} WHERE kind IN :kinds").bindparams(kinds))  # noqa: S608
    op.drop_table("sealed_rows")
    for table, columns in ADDED.items():
        for name in columns:
            op.drop_column(table, name)
    create_guards(connection)
