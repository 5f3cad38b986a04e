"""Columns and defaults that only processes of former releases needed go."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from registry.core.online_migrations import on_postgresql

revision = "2026_11_30_190"
down_revision = "2026_11_30_153"
branch_labels = None
depends_on = None

# By these an insert without a role was refused.
DEFAULTS = {"name_skeleton": (sa.Text(), "-"), "kind": (sa.String(10), "service"), "role": (sa.String(20), "-")}


def upgrade() -> None:
    """Drop them. Sessions that have no public id get one."""
    op.drop_index("ix_people_agency_id", "people")
    with op.batch_alter_table("people") as batch:
        batch.drop_constraint("fk_people_agency_id", type_="foreignkey")
        batch.drop_column("agency_id")
        batch.drop_column("role")
    with op.batch_alter_table("accounts") as batch:
        batch.drop_constraint(op.f("ck_accounts_role_given"), type_="check")
        for name, (kind, _) in DEFAULTS.items():
            batch.alter_column(name, existing_type=kind, server_default=None)
    random = "substr(md5(random()::text), 1, 16)" if on_postgresql() else "lower(hex(randomblob(8)))"
    op.execute(f"UPDATE web_sessions SET public_id = {random} WHERE public_id IS NULL")  # noqa: S608 - constants
    with op.batch_alter_table("web_sessions") as batch:
        batch.alter_column("public_id", existing_type=sa.String(16), nullable=False)


def downgrade() -> None:
    """Bring them back; the role and agency of people are those of their accounts."""
    with op.batch_alter_table("web_sessions") as batch:
        batch.alter_column("public_id", existing_type=sa.String(16), nullable=True)
    with op.batch_alter_table("accounts") as batch:
        for name, (kind, default) in DEFAULTS.items():
            batch.alter_column(name, existing_type=kind, server_default=default)
        batch.create_check_constraint(op.f("ck_accounts_role_given"), "role <> '-'")
    op.add_column("people", sa.Column("role", sa.String(20)))
    op.add_column("people", sa.Column("agency_id", sa.Integer()))
    for name in ("role", "agency_id"):
        of_account = f"(SELECT accounts.{name} FROM accounts WHERE accounts.id = people.account_id)"  # noqa: S608
        op.execute(f"UPDATE people SET {name} = {of_account}")  # noqa: S608 - constants
    with op.batch_alter_table("people") as batch:
        batch.alter_column("role", existing_type=sa.String(20), nullable=False)
        batch.create_foreign_key("fk_people_agency_id", "agencies", ["agency_id"], ["id"])
    op.create_index("ix_people_agency_id", "people", ["agency_id"])
