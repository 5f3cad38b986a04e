"""Scopes, address ranges and last address of tokens; owners of service accounts; failed sign-ins.

Tokens from before keep what they could do: no scopes stands for all of them, decisions:approve included. So it is with
what processes of the version before issue meanwhile. Service accounts from before have no owner, and are listed so.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from registry.accounts.roles import Role, Scope, default_scopes, scopes_of_role
from registry.core.clock import now
from registry.core.database import Instant

revision = "2026_11_26_11"
down_revision = "2026_11_26_10"
branch_labels = None
depends_on = None

OWNER_KEY = "fk_principals_owner_account_id"
TOKENS = sa.table(
    "tokens",
    sa.column("id"),
    sa.column("role"),
    sa.column("revoked_at", Instant()),
    sa.column("scopes", sa.JSON()),
    sa.column("addresses", sa.JSON()),
)


def upgrade() -> None:
    """Add the columns and the table."""
    op.add_column("tokens", sa.Column("scopes", sa.JSON()))
    op.add_column("tokens", sa.Column("addresses", sa.JSON()))
    op.add_column("tokens", sa.Column("last_used_from", sa.Text()))
    with op.batch_alter_table("principals") as batch:
        batch.add_column(sa.Column("owner_account_id", sa.Integer()))
        batch.create_foreign_key(op.f(OWNER_KEY), "principals", ["owner_account_id"], ["id"])
    op.create_index("ix_principals_owner_account_id", "principals", ["owner_account_id"])
    op.create_table(
        "failed_sign_ins",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("last_at", Instant(), nullable=False),
        sa.Column("name", sa.String(length=200)),
        sa.Column("name_hash", sa.String(length=64)),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("reason", sa.String(length=60), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_failed_sign_ins"),
    )
    op.create_index("ix_failed_sign_ins_last_at", "failed_sign_ins", ["last_at"])
    op.create_index("ix_failed_sign_ins_source_last_at", "failed_sign_ins", ["source", "last_at"])
    op.create_index("ix_failed_sign_ins_name_last_at", "failed_sign_ins", ["name", "last_at"])


def downgrade() -> None:
    """Drop them. Tokens that are limited to some scopes or addresses are revoked: the code before would not limit them.

    Accounts with the role agency_administrator, which the code before does not know, become agency_editor; their
    tokens with that role are revoked.
    """
    connection = op.get_bind()
    in_use = connection.execute(sa.select(TOKENS).where(TOKENS.c.revoked_at.is_(None))).all()
    limited = [{"token": token.id} for token in in_use if _is_limited(token)]
    if limited:
        revoke = sa.update(TOKENS).where(TOKENS.c.id == sa.bindparam("token")).values(revoked_at=now())
        connection.execute(revoke, limited)
    _rename_role()
    op.drop_table("failed_sign_ins")
    op.drop_index("ix_principals_owner_account_id", "principals")
    with op.batch_alter_table("principals") as batch:
        batch.drop_constraint(OWNER_KEY, type_="foreignkey")
        batch.drop_column("owner_account_id")
    for name in ("last_used_from", "addresses", "scopes"):
        op.drop_column("tokens", name)


def _is_limited(token: Any) -> bool:
    if token.addresses is not None:
        return True
    if token.scopes is None or token.role not in set(Role):
        return token.scopes is not None
    role = Role(token.role)
    # Of a role that manages no accounts, accounts:write grants nothing that the code before had.
    whole = default_scopes(role) | (scopes_of_role(role) & {Scope.DECISIONS_APPROVE})
    return not whole <= set(token.scopes)


def _rename_role() -> None:
    for name in ("principals", "people", "tokens", "imports"):
        rows = sa.table(name, sa.column("role"))
        op.execute(sa.update(rows).where(rows.c.role == "agency_administrator").values(role="agency_editor"))
