"""Letters that are sent by e-mail, and the digests made so far."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from registry.core.database import Instant

revision = "2026_11_24_6"
down_revision = "2026_11_24_5"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "letters",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=32), nullable=False),
        sa.Column("person_id", sa.Integer()),
        sa.Column("agency_id", sa.Integer()),
        sa.Column("is_digest", sa.Boolean(), nullable=False),
        sa.Column("told", sa.JSON(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("next_try_at", Instant(), nullable=False),
        sa.Column("ended_at", Instant()),
        sa.Column("error", sa.Text()),
        sa.ForeignKeyConstraint(["agency_id"], ["agencies.id"], name="fk_letters_agency_id"),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name="fk_letters_person_id"),
        sa.PrimaryKeyConstraint("id", name="pk_letters"),
        sa.UniqueConstraint("key", name="uq_letters_key"),
    )
    op.create_index("ix_letters_state_next_try_at", "letters", ["state", "next_try_at"])
    op.create_index("ix_letters_created_at", "letters", ["created_at"])
    op.create_table(
        "digests",
        sa.Column("on", sa.Date(), nullable=False),
        sa.Column("until", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("on", name="pk_digests"),
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_table("digests")
    op.drop_table("letters")
