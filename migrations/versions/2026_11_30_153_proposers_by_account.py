"""Who proposed a decision, and who asked or first decided a request, by account, beside the name of the time."""

from __future__ import annotations

from typing import Final

from alembic import op

from registry.core.online_migrations import add_reference, drop_column
from registry.core.record_guards import create_guards, drop_guards

revision = "2026_11_30_153"
down_revision = "2026_11_30_152"
branch_labels = None
depends_on = None

COLUMNS: Final = (
    ("case_decisions", "proposed_account_id", "proposed_by"),
    ("requests", "asked_account_id", "asked_by"),
    ("requests", "first_decided_account_id", "first_decided_by"),
)


def upgrade() -> None:
    """Add the accounts; those that have or had the name."""
    for table, column, name in COLUMNS:
        add_reference(table, column, "accounts")
        present = f"SELECT accounts.id FROM accounts WHERE accounts.name = {table}.{name}"  # noqa: S608 - constants
        former = f"SELECT min(account_id) FROM former_names WHERE former_names.name = {table}.{name}"  # noqa: S608
        op.execute(f"UPDATE {table} SET {column} = coalesce(({present}), ({former}))")  # noqa: S608 - constants
    # They name the columns of the tables.
    drop_guards(op.get_bind())
    create_guards(op.get_bind())


def downgrade() -> None:
    """Drop them."""
    drop_guards(op.get_bind())
    for table, column, _ in COLUMNS:
        drop_column(table, column)
    create_guards(op.get_bind())
