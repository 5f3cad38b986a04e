"""What audits read, so that the next one can continue them; what they read of contracts and deployments; and back."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

from registry.core.change_triggers import create_change_triggers

revision = "2026_12_01_636"
down_revision = "2026_12_01_640"
branch_labels = None
depends_on = None

NOTED: Final = ("procurement_matches", "procurement_contracts", "platform_deployments")


def upgrade() -> None:
    """Every audit so far judged every project; the next one does so too, as what they read is not stored."""
    op.add_column("audits", sa.Column("continues", sa.Integer()))
    op.add_column("audits", sa.Column("unexplained", sa.JSON()))
    op.create_table(
        "audit_inputs",
        sa.Column("audit_id", sa.Integer(), sa.ForeignKey("audits.id"), primary_key=True, autoincrement=False),
        sa.Column("program", sa.String(40), nullable=False),
        sa.Column("changes", sa.BigInteger(), nullable=False),
        sa.Column("counted", sa.LargeBinary()),
        sa.Column("judged", sa.LargeBinary()),
    )
    create_change_triggers(op.get_bind())


def downgrade() -> None:
    """Forget what audits read: those made since cannot be repeated any more, also after another upgrade."""
    on_postgresql = op.get_bind().dialect.name == "postgresql"
    for table in NOTED:
        for name in (f"{table}_added", f"{table}_changed"):
            op.execute(f"DROP TRIGGER IF EXISTS {name}{f' ON {table}' if on_postgresql else ''}")
            if on_postgresql:
                op.execute(f"DROP FUNCTION IF EXISTS {name}()")
    op.drop_table("audit_inputs")
    op.drop_column("audits", "unexplained")
    op.drop_column("audits", "continues")
