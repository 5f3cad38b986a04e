"""Keyed hashes of sessions and tokens: a row that somebody plants in the database signs nobody in."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from flask import current_app

from registry.accounts.sessions import session_mac
from registry.accounts.tokens import token_mac

revision = "2026_11_29_61"
down_revision = "2026_11_29_60"
branch_labels = None
depends_on = None

SESSIONS = sa.table("web_sessions", *map(sa.column, ("id", "person_id", "secret_hash", "secret_mac")))
TOKENS = sa.table("tokens", *map(sa.column, ("id", "key_id", "principal_id", "secret_hash", "secret_mac")))


def upgrade() -> None:
    """Add the columns and fill them, so that sessions and tokens go on.

    A process of the version before, which still runs, needs none and writes none: who signs in there during the upgrade
    signs in again afterwards, and a token that it issues has to be issued again.
    """
    for table in ("web_sessions", "tokens"):
        op.add_column(table, sa.Column("secret_mac", sa.String(64)))
    if not current_app.config.get("SECRET_KEY"):
        return
    connection = op.get_bind()
    for row in connection.execute(sa.select(SESSIONS)).all():
        mac = session_mac(row.person_id, row.secret_hash)
        connection.execute(sa.update(SESSIONS).where(SESSIONS.c.id == row.id).values(secret_mac=mac))
    for row in connection.execute(sa.select(TOKENS)).all():
        mac = token_mac(row.key_id, row.principal_id, row.secret_hash)
        connection.execute(sa.update(TOKENS).where(TOKENS.c.id == row.id).values(secret_mac=mac))


def downgrade() -> None:
    """Drop them; the version before compares the hash of the secret alone."""
    for table in ("web_sessions", "tokens"):
        with op.batch_alter_table(table) as batch:
            batch.drop_column("secret_mac")
