"""Notices through the Aitu messenger: linked accounts, codes for linking, and the channel of each notice."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from registry.core.database import Instant

revision = "2026_11_26_71"
down_revision = "2026_11_26_60"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables, and give every notice so far the channel e-mail."""
    op.create_table(
        "aitu_links",
        sa.Column("person_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("peer_id", sa.String(36), nullable=False),
        sa.Column("channels", sa.String(10), nullable=False),
        sa.Column("linked_at", Instant(), nullable=False),
        sa.Column("rejected_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name="fk_aitu_links_person_id_people"),
        sa.PrimaryKeyConstraint("person_id", name="pk_aitu_links"),
        sa.UniqueConstraint("peer_id", name="uq_aitu_links_peer_id"),
    )
    op.create_table(
        "aitu_codes",
        sa.Column("person_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("code_hash", sa.String(64), nullable=False),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name="fk_aitu_codes_person_id_people"),
        sa.PrimaryKeyConstraint("person_id", name="pk_aitu_codes"),
        sa.UniqueConstraint("code_hash", name="uq_aitu_codes_code_hash"),
    )
    op.add_column("letters", sa.Column("channel", sa.String(10), nullable=False, server_default="email"))
    op.add_column("letters", sa.Column("is_copy", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("letters", sa.Column("fell_back", sa.Boolean(), nullable=False, server_default=sa.false()))


def downgrade() -> None:
    """Drop all of it. Messages that wait for Aitu are dropped: the previous version would send them as e-mails."""
    op.execute("UPDATE letters SET state = 'dropped' WHERE channel = 'aitu' AND state = 'waiting'")
    with op.batch_alter_table("letters") as batch:
        batch.drop_column("fell_back")
        batch.drop_column("is_copy")
        batch.drop_column("channel")
    op.drop_table("aitu_codes")
    op.drop_table("aitu_links")
