"""Pending tokens: who asked for one of a service account that decides, since when it waits, and who confirmed it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from registry.core.clock import now
from registry.core.database import Instant

revision = "2026_11_26_7"
down_revision = "2026_11_26_6"
branch_labels = None
depends_on = None

TOKENS = sa.table("tokens", sa.column("revoked_at", Instant()), sa.column("pending_since", Instant()))


def upgrade() -> None:
    """Add the columns. Tokens from before go on: programs work with them."""
    op.add_column("tokens", sa.Column("pending_since", Instant()))
    op.add_column("tokens", sa.Column("asked_by", sa.String(length=200)))
    op.add_column("tokens", sa.Column("confirmed_by", sa.String(length=200)))


def downgrade() -> None:
    """Drop them. What still waits is revoked: the code before would accept it."""
    waiting = TOKENS.c.pending_since.is_not(None) & TOKENS.c.revoked_at.is_(None)
    op.execute(sa.update(TOKENS).where(waiting).values(revoked_at=now()))
    for name in ("confirmed_by", "asked_by", "pending_since"):
        op.drop_column("tokens", name)
