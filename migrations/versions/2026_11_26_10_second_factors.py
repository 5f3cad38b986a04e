"""Second factors: authenticator apps, passkeys, recovery codes; device and verification of sessions.

Sessions of the version before go on: they have no verified factor, and ask for one where the role requires it. The way
down deletes all factors, and ends the sessions that still await one: the code before would accept them.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from registry.core.database import Instant

revision = "2026_11_26_10"
down_revision = "2026_11_26_9"
branch_labels = None
depends_on = None

SESSIONS = sa.table("web_sessions", sa.column("person_id"), sa.column("factor_at"))
SESSION_COLUMNS = ("factor_kind", "factor_at", "password_at", "device", "public_id")
PUBLIC_ID = "uq_web_sessions_public_id"


def upgrade() -> None:
    """Add columns and tables."""
    with op.batch_alter_table("web_sessions") as batch:
        batch.add_column(sa.Column("public_id", sa.String(length=16)))
        batch.add_column(sa.Column("device", sa.String(length=100)))
        for name in ("password_at", "factor_at"):
            batch.add_column(sa.Column(name, Instant()))
        batch.add_column(sa.Column("factor_kind", sa.String(length=20)))
        batch.create_unique_constraint(op.f(PUBLIC_ID), ["public_id"])
    op.create_table(
        "totp_factors",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("encrypted_secret", sa.Text(), nullable=False),
        sa.Column("last_used_step", sa.BigInteger(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("last_used_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name="fk_totp_factors_person_id"),
        sa.PrimaryKeyConstraint("id", name="pk_totp_factors"),
        sa.UniqueConstraint("person_id", name="uq_totp_factors_person_id"),
    )
    op.create_table(
        "passkeys",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("credential_id", sa.Text(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("sign_count", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("last_used_at", Instant()),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name="fk_passkeys_person_id"),
        sa.PrimaryKeyConstraint("id", name="pk_passkeys"),
        sa.UniqueConstraint("credential_id", name="uq_passkeys_credential_id"),
    )
    op.create_index("ix_passkeys_person_id", "passkeys", ["person_id"])
    op.create_table(
        "recovery_codes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("code_hash", sa.String(length=64), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("used_at", Instant()),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name="fk_recovery_codes_person_id"),
        sa.PrimaryKeyConstraint("id", name="pk_recovery_codes"),
    )
    op.create_index("ix_recovery_codes_person_id", "recovery_codes", ["person_id"])
    op.create_table(
        "factor_ceremonies",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("session_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=30), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["session_id"], ["web_sessions.id"], name="fk_factor_ceremonies_session_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_factor_ceremonies"),
    )
    op.create_index("ix_factor_ceremonies_session_id", "factor_ceremonies", ["session_id"])
    op.create_index("ix_factor_ceremonies_created_at", "factor_ceremonies", ["created_at"])


def downgrade() -> None:
    """Drop them. Sessions of people with a factor end unless they have verified one."""
    for name in ("totp_factors", "passkeys"):
        factors = sa.table(name, sa.column("person_id"))
        awaits = SESSIONS.c.factor_at.is_(None) & SESSIONS.c.person_id.in_(sa.select(factors.c.person_id))
        op.execute(sa.delete(SESSIONS).where(awaits))
    for table in ("factor_ceremonies", "recovery_codes", "passkeys", "totp_factors"):
        op.drop_table(table)
    with op.batch_alter_table("web_sessions") as batch:
        batch.drop_constraint(op.f(PUBLIC_ID), type_="unique")
        for name in SESSION_COLUMNS:
            batch.drop_column(name)
