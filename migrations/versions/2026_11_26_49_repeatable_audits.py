"""What an audit needs to be repeated: its moment of reading, its policy, and the earlier states of flags."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "2026_11_26_49"
down_revision = "2026_11_26_40"
branch_labels = None
depends_on = None

NUMBERS = ("compared_with", "flags_up_to", "former_flags_up_to")


def upgrade() -> None:
    """Add the columns and tables. Earlier audits have none of it and cannot be repeated."""
    op.add_column("audits", sa.Column("known_at", sa.DateTime(timezone=True)))
    for name in NUMBERS:
        op.add_column("audits", sa.Column(name, sa.Integer()))
    op.create_table(
        "policy_texts",
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("version", sa.String(200), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_policy_texts"),
    )
    op.create_table(
        "former_flags",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("flag_id", sa.Integer(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_by_audit", sa.Integer()),
        sa.Column("status", sa.String(10), nullable=False),
        sa.Column("severity", sa.String(10), nullable=False),
        sa.Column("observed", sa.JSON(), nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("accepted_fingerprint", sa.String(64)),
        sa.Column("opened_on", sa.Date(), nullable=False),
        sa.Column("last_seen_on", sa.Date()),
        sa.Column("cleared_on", sa.Date()),
        sa.Column("exemption_id", sa.Integer()),
        sa.ForeignKeyConstraint(["flag_id"], ["flags.id"], name="fk_former_flags_flag_id_flags"),
        sa.ForeignKeyConstraint(["ended_by_audit"], ["audits.id"], name="fk_former_flags_ended_by_audit_audits"),
        sa.ForeignKeyConstraint(["exemption_id"], ["exemptions.id"], name="fk_former_flags_exemption_id_exemptions"),
        sa.PrimaryKeyConstraint("id", name="pk_former_flags"),
    )
    op.create_index("ix_former_flags_flag_id", "former_flags", ["flag_id", "id"])


def downgrade() -> None:
    """Drop them; the earlier states of flags are lost."""
    op.drop_table("former_flags")
    op.drop_table("policy_texts")
    with op.batch_alter_table("audits") as batch:
        for name in (*NUMBERS, "known_at"):
            batch.drop_column(name)
