"""Drafts, uploads that wait and imports belong to an account instead of a name."""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa
from alembic import op

from registry.core.database import Instant
from registry.core.online_migrations import add_reference, create_index, drop_column, drop_index, fill, on_postgresql

revision = "2026_11_30_151"
down_revision = "2026_11_30_100"
branch_labels = None
depends_on = None

OF_PEOPLE: Final = ("drafts", "pending_uploads")
OWNER: Final = "(SELECT accounts.id FROM accounts WHERE accounts.name = {table}.principal)"
NAME: Final = "(SELECT accounts.name FROM accounts WHERE accounts.id = {table}.account_id)"


def upgrade() -> None:
    """Add the account; names of nobody own neither drafts nor uploads, and nobody reads these."""
    for table in ("imports", *OF_PEOPLE):
        add_reference(table, "account_id", "accounts")
    fill("imports", {"account_id": OWNER.format(table="imports")})
    create_index("ix_imports_account_id", "imports", ["account_id"])
    drop_index("ix_imports_principal")
    drop_index("ix_drafts_principal")
    for table in OF_PEOPLE:
        op.execute(f"UPDATE {table} SET account_id = {OWNER.format(table=table)}")  # noqa: S608 - constants
        op.execute(f"DELETE FROM {table} WHERE account_id IS NULL")  # noqa: S608 - constants
        if on_postgresql():
            op.alter_column(table, "account_id", nullable=False)
            drop_column(table, "principal")
        else:
            _rebuild(table, sa.Column("account_id", sa.Integer(), nullable=False))
        op.create_index(f"ix_{table}_account_id", table, ["account_id"])


def downgrade() -> None:
    """Go back to names."""
    fill("imports", {"principal": f"coalesce({NAME.format(table='imports')}, principal)"})
    for table in OF_PEOPLE:
        op.drop_index(f"ix_{table}_account_id", table)
        op.add_column(table, sa.Column("principal", sa.Text()))
        op.execute(f"UPDATE {table} SET principal = {NAME.format(table=table)}")  # noqa: S608 - constants
        if on_postgresql():
            op.alter_column(table, "principal", nullable=False)
            drop_column(table, "account_id")
        else:
            _rebuild(table, sa.Column("principal", sa.Text(), nullable=False))
    op.create_index("ix_drafts_principal", "drafts", ["principal"])
    op.drop_index("ix_imports_account_id", "imports")
    drop_column("imports", "account_id")
    op.create_index("ix_imports_principal", "imports", ["principal"])


def _rebuild(table: str, kept: sa.Column[Any]) -> None:
    """Leave out the column that the kept one replaces, and let that be NULL no more."""
    own: dict[str, tuple[sa.Column[Any], ...]] = {
        "drafts": (
            sa.Column("values", sa.JSON(), nullable=False),
            sa.Column("created_at", Instant(), nullable=False),
            sa.Column("updated_at", Instant(), nullable=False),
        ),
        "pending_uploads": (
            sa.Column("file_name", sa.String(200), nullable=False),
            sa.Column("uploaded_at", Instant(), nullable=False),
            sa.Column("content", sa.LargeBinary(), nullable=False),
        ),
    }
    parts: list[Any] = [sa.Column("id", sa.Integer(), nullable=False), *own[table], kept]
    parts.append(sa.PrimaryKeyConstraint("id", name=f"pk_{table}"))
    if kept.name == "account_id":
        parts.append(sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=f"fk_{table}_account_id"))
    # Spelled out: SQLite forgets the name of a key that counts by itself.
    metadata = sa.MetaData()
    sa.Table("accounts", metadata, sa.Column("id", sa.Integer(), primary_key=True))
    spelled = sa.Table(table, metadata, *parts, sqlite_autoincrement=table == "drafts")
    with op.batch_alter_table(table, copy_from=spelled, recreate="always"):
        pass
