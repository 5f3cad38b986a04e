"""Accounts by id where somebody acted, beside or in place of names; and back.

An account is found by its present name, else by a former one. What a command did has no account: where the name beside
it is dropped, the journal has it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import sqlalchemy as sa
from alembic import op

from registry.core.record_guards import create_guards, drop_guards

revision = "2026_11_30_626"
down_revision = "2026_11_30_625"
branch_labels = None
depends_on = None

# The column of each table that refers to an account, and the one with its name: in its place, or beside it.
IN_PLACE: Final[Mapping[str, Mapping[str, tuple[str, sa.types.TypeEngine[Any]]]]] = {
    "absences": {"recorded_account_id": ("recorded_by", sa.Text())},
    "accounts": {
        "confirmed_account_id": ("confirmed_by", sa.String(200)),
        "restricted_admitted_account_id": ("restricted_admitted_by", sa.String(200)),
    },
    "tokens": {
        "asked_account_id": ("asked_by", sa.String(200)),
        "confirmed_account_id": ("confirmed_by", sa.String(200)),
    },
}
BESIDE: Final[Mapping[str, Mapping[str, str]]] = {
    "approvals": {"decided_account_id": "decided_by"},
    "case_decisions": {"decided_account_id": "decided_by"},
    "case_events": {"account_id": "by"},
    "requests": {"decided_account_id": "decided_by"},
    "government_reports": {"first_approved_account_id": "first_approved_by"},
}
# Lists of names that become lists of ids; those of reports stay too.
LISTS: Final = {"accounts": ("asked_by", "asked_by"), "policy_versions": ("editors", "editors")}
AUTHORS: Final = ("authors", "author_accounts")


def upgrade() -> None:
    """Add the references, and drop the names that nobody is shown."""
    connection = op.get_bind()
    drop_guards(connection)
    ids = _ids()
    op.add_column("government_reports", sa.Column("author_accounts", sa.JSON()))
    for table, names in (*LISTS.items(), ("government_reports", AUTHORS)):
        _rewrite(table, *names, ids)
    # Before the references: of a table that is rebuilt, SQLite drops no column with one.
    with op.batch_alter_table("government_reports") as batch:
        batch.alter_column("author_accounts", existing_type=sa.JSON(), nullable=False)
    for table, columns in IN_PLACE.items():
        for column, (former, _kind) in columns.items():
            _refer(table, column, former)
            op.drop_column(table, former)
    for table, named in BESIDE.items():
        for column, name in named.items():
            _refer(table, column, name)
    _refer("audits", "voiding_account_id", "voiding ->> 'proposed_by'")
    create_guards(connection)


def downgrade() -> None:
    """Write the present names, as records of release 0.3 have them, and drop the references."""
    connection = op.get_bind()
    drop_guards(connection)
    names = {row.id: row.name for row in connection.execute(sa.text("SELECT id, name FROM accounts"))}
    for table, (column, target) in LISTS.items():
        _rewrite(table, column, target, names)
    op.drop_column("government_reports", "author_accounts")
    for table, columns in IN_PLACE.items():
        for column, (former, kind) in columns.items():
            op.add_column(table, sa.Column(former, kind))
            name = f"(SELECT named.name FROM accounts AS named WHERE named.id = {table}.{column})"  # noqa: S608
            op.execute(f"UPDATE {table} SET {former} = {name}")  # noqa: S608 - constants
    for table, added in (*IN_PLACE.items(), *BESIDE.items(), ("audits", ("voiding_account_id",))):
        for column in added:
            op.drop_column(table, column)
    op.execute("UPDATE absences SET recorded_by = 'local:' WHERE recorded_by IS NULL")
    with op.batch_alter_table("absences") as batch:
        batch.alter_column("recorded_by", existing_type=sa.Text(), nullable=False)
    create_guards(connection)


def _refer(table: str, column: str, name: str) -> None:
    op.execute(
        f"ALTER TABLE {table} ADD COLUMN {column} INTEGER CONSTRAINT fk_{table}_{column} REFERENCES accounts (id)"
    )
    # The inner tables have columns of the same names.
    name = f"{table}.{name}"
    present = f"(SELECT named.id FROM accounts AS named WHERE named.name = {name})"  # noqa: S608 - constants
    former = f"(SELECT min(account_id) FROM former_names WHERE former_names.name = {name})"  # noqa: S608
    op.execute(f"UPDATE {table} SET {column} = coalesce({present}, {former}) WHERE {name} IS NOT NULL")  # noqa: S608


def _ids() -> dict[Any, Any]:
    """The accounts by every name that they have or had."""
    connection = op.get_bind()
    former = connection.execute(sa.text("SELECT account_id AS id, name FROM former_names"))
    present = connection.execute(sa.text("SELECT id, name FROM accounts"))
    return {row.name: row.id for row in (*former, *present)}


def _rewrite(table: str, column: str, target: str, known: Mapping[Any, Any]) -> None:
    """Write a list as another one: what is known of each, else the same."""
    connection = op.get_bind()
    rows = sa.table(table, sa.column("id"), sa.column(column, sa.JSON()))
    written = sa.table(table, sa.column("id"), sa.column(target, sa.JSON())).update()
    for row_id, people in connection.execute(sa.select(rows.c.id, rows.c[column])).all():
        if people is not None:
            values = {target: [known.get(each, each) for each in people]}
            connection.execute(written.where(sa.column("id") == row_id).values(values))
