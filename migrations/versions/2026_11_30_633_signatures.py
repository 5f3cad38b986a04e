"""Electronic signatures of acts, and whose certificates sign for which account; and back."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from registry.core.database import Instant
from registry.core.record_guards import create_guards

revision = "2026_11_30_633"
down_revision = "2026_11_30_632"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables, empty: acts before were not signed."""
    op.create_table(
        "signatures",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("act", sa.String(40), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("signed_by", sa.String(200), nullable=False),
        sa.Column("signed_at", Instant(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("content_digest", sa.String(64), nullable=False),
        sa.Column("cms", sa.Text(), nullable=False),
        sa.Column("cms_digest", sa.String(64), nullable=False),
        sa.Column("certificate_serial", sa.String(64), nullable=False),
        sa.Column("certificate_subject", sa.Text(), nullable=False),
        sa.Column("certificate_from", Instant(), nullable=False),
        sa.Column("certificate_to", Instant(), nullable=False),
        sa.Column("revocation", sa.String(10), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_signatures_account_id"),
        sa.UniqueConstraint("content_digest", name="uq_signatures_content_digest"),
    )
    op.create_index("ix_signatures_subject", "signatures", ["subject"])
    op.create_table(
        "signers",
        sa.Column("account_id", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("iin_hash", sa.String(64), nullable=False),
        sa.Column("registered_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_signers_account_id"),
        sa.UniqueConstraint("iin_hash", name="uq_signers_iin_hash"),
    )
    create_guards(op.get_bind())


def downgrade() -> None:
    """Drop them: the journal keeps the digests, and evidence packs the signatures."""
    op.drop_table("signers")
    op.drop_table("signatures")
    if op.get_bind().dialect.name == "postgresql":
        for name in ("signatures_added", "signatures_changed"):
            op.execute(f"DROP FUNCTION {name}()")
