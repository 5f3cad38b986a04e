"""Accounts: a kind, one role, a name without doubles, and a second person's confirmation; credentials in the journal.

Processes of the version before go on meanwhile: they find their columns, and what they add to the journal is an entry
of the first form. Adding people and issuing tokens for new names fails in them until they are restarted.

A principal without a person becomes a service account with the widest role that its tokens had. Tokens that are wider
than their account are revoked, and so are all tokens of people with a role that decides: administrators issued them,
and could act in their names. Of names that look the same the oldest keeps its skeleton; the others get their id
behind it: all of them stay, and no further one is made. Accounts whose names have a colon, which passed for the
machine's own acts, are disabled. The way down drops the credentials of journal entries too, which no longer verify.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import sqlalchemy as sa
from alembic import op

from registry.accounts.account_names import skeleton
from registry.accounts.roles import NARROWER_ROLES, PERMISSIONS, Role, is_within
from registry.core.clock import now
from registry.core.database import Instant

revision = "2026_11_26_1"
down_revision = "2026_11_25_1"
branch_labels = None
depends_on = None

ACCOUNTS = sa.table(
    "principals",
    *(sa.column(name) for name in ("id", "name", "name_skeleton", "kind", "role", "agency_id")),
    sa.column("disabled_at", Instant()),
)
PEOPLE = sa.table("people", *(sa.column(name) for name in ("principal_id", "role", "agency_id")))
TOKENS = sa.table(
    "tokens",
    *(sa.column(name) for name in ("id", "principal_id", "role", "agency_id")),
    sa.column("revoked_at", Instant()),
)
# The roles that needed two people in this version.
DECIDING = {"reviewer", "supervisor", "administrator"}
ROLE_GIVEN = "ck_principals_role_given"
JOURNAL_COLUMNS = ("credential", "client_request_id")
# With a constant default PostgreSQL adds them without a look at the rows.
FILLED: tuple[tuple[str, Any, str], ...] = (
    ("name_skeleton", sa.Text(), "-"),
    ("kind", sa.String(length=10), "service"),
    ("role", sa.String(length=20), "-"),
)


def upgrade() -> None:
    """Add the columns, and fill them from people and tokens."""
    with op.batch_alter_table("principals") as batch:
        for name, kind, default in FILLED:
            batch.add_column(sa.Column(name, kind, nullable=False, server_default=default))
        batch.add_column(sa.Column("agency_id", sa.Integer()))
        batch.add_column(sa.Column("asked_by", sa.JSON()))
        batch.add_column(sa.Column("pending_since", Instant()))
        batch.add_column(sa.Column("confirmed_by", sa.String(length=200)))
        batch.create_foreign_key("fk_principals_agency_id", "agencies", ["agency_id"], ["id"])
    op.add_column("people", sa.Column("password_must_change", sa.Boolean(), nullable=False, server_default=sa.false()))
    for table in ("journal", "imports"):
        for name in JOURNAL_COLUMNS:
            op.add_column(table, sa.Column(name, sa.Text()))
    _fill()
    with op.batch_alter_table("principals") as batch:
        batch.create_check_constraint(op.f(ROLE_GIVEN), "role <> '-'")
    op.create_index("ix_principals_agency_id", "principals", ["agency_id"])
    op.create_index("ix_principals_name_skeleton", "principals", ["name_skeleton"], unique=True)


def _fill() -> None:
    connection = op.get_bind()
    people = {row.principal_id: row for row in connection.execute(sa.select(PEOPLE))}
    tokens = defaultdict(list)
    for row in connection.execute(sa.select(TOKENS).order_by(TOKENS.c.id)):
        tokens[row.principal_id].append(row)
    taken: set[str] = set()
    for account in connection.execute(sa.select(ACCOUNTS.c.id, ACCOUNTS.c.name).order_by(ACCOUNTS.c.id)).all():
        person, own = people.get(account.id), tokens[account.id]
        rights = person or max(own, key=_width, default=None)
        role, agency_id = (rights.role, rights.agency_id) if rights else (Role.AGENCY_VIEWER.value, None)
        alike = skeleton(account.name)
        if alike in taken:
            alike = f"{alike}:{account.id}"
        taken.add(alike)
        values = {
            "name_skeleton": alike,
            "kind": "service" if person is None else "person",
            "role": role,
            "agency_id": agency_id,
        }
        change = sa.update(ACCOUNTS).where(ACCOUNTS.c.id == account.id)
        connection.execute(change.values(**values))
        if ":" in account.name:
            connection.execute(change.where(ACCOUNTS.c.disabled_at.is_(None)).values(disabled_at=now()))
        # Nobody knows whether the person or an administrator holds the token that decides in the person's name.
        decides = person is not None and role in DECIDING
        ended = [token.id for token in own if decides or not _fits(token, role, agency_id)]
        revoked = sa.update(TOKENS).where(TOKENS.c.id.in_(ended), TOKENS.c.revoked_at.is_(None))
        connection.execute(revoked.values(revoked_at=now()))


def _width(token: Any) -> tuple[bool, int, int]:
    """Tokens that are still in force first; the widest role, the newest token."""
    role = Role(token.role) if token.role in set(Role) else None
    width = -1 if role is None else len(NARROWER_ROLES.get(role, ())) * 100 + len(PERMISSIONS[role])
    return token.revoked_at is None, width, token.id


def _fits(token: Any, role: str, agency_id: int | None) -> bool:
    known = set(Role)
    return token.role in known and role in known and is_within(Role(token.role), token.agency_id, Role(role), agency_id)


def downgrade() -> None:
    """Drop them. People keep their role, which is written in their old place too."""
    op.drop_index("ix_principals_name_skeleton", "principals")
    op.drop_index("ix_principals_agency_id", "principals")
    for table in ("imports", "journal"):
        for name in reversed(JOURNAL_COLUMNS):
            op.drop_column(table, name)
    op.drop_column("people", "password_must_change")
    with op.batch_alter_table("principals") as batch:
        batch.drop_constraint(op.f(ROLE_GIVEN), type_="check")
        batch.drop_constraint("fk_principals_agency_id", type_="foreignkey")
        for name in ("confirmed_by", "pending_since", "asked_by", "agency_id"):
            batch.drop_column(name)
        for name, _kind, _default in FILLED:
            batch.drop_column(name)
