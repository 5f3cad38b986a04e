"""Counts of agencies without foreign keys: checking them was most of the time that they took."""

from __future__ import annotations

from alembic import op

revision = "2026_11_27_2"
down_revision = "2026_11_26_74"
branch_labels = None
depends_on = None

FOREIGN_KEYS = {
    "fk_agency_counts_audit_id": ("audits", "audit_id"),
    "fk_agency_counts_agency_id": ("agencies", "agency_id"),
}


def upgrade() -> None:
    """Drop them. Audits and agencies are never deleted."""
    with op.batch_alter_table("agency_counts") as batch:
        for name in FOREIGN_KEYS:
            batch.drop_constraint(name, type_="foreignkey")


def downgrade() -> None:
    """Add them again."""
    with op.batch_alter_table("agency_counts") as batch:
        for name, (table, column) in FOREIGN_KEYS.items():
            batch.create_foreign_key(name, table, [column], ["id"])
