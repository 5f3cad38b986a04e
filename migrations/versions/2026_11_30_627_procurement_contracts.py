"""Contracts of the procurement portal, their former values, their matches with projects, and fetches; and back."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from registry.core.change_triggers import create_change_triggers
from registry.core.database import Instant

revision = "2026_11_30_627"
down_revision = "2026_11_30_626"
branch_labels = None
depends_on = None

KEPT = "procurement_contracts_kept"


def upgrade() -> None:
    """Create the tables, empty, and the trigger that keeps former values."""
    op.create_table(
        "procurement_contracts",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("number_sys", sa.String(200), nullable=False),
        sa.Column("customer_bin", sa.String(12), nullable=False),
        sa.Column("agency_id", sa.Integer(), nullable=False),
        sa.Column("is_it", sa.Boolean(), nullable=False),
        sa.Column("it_reason", sa.String(200)),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("changed_at", Instant(), nullable=False),
        *_values(),
        sa.ForeignKeyConstraint(["agency_id"], ["agencies.id"], name="fk_procurement_contracts_agency_id"),
        sa.UniqueConstraint("number_sys", name="uq_procurement_contracts_number_sys"),
    )
    op.create_index("ix_procurement_contracts_agency_id_is_it", "procurement_contracts", ["agency_id", "is_it"])
    op.create_table(
        "former_contracts",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("contract_id", sa.Integer(), nullable=False),
        sa.Column("until", Instant(), nullable=False),
        *_values(),
        sa.ForeignKeyConstraint(
            ["contract_id"],
            ["procurement_contracts.id"],
            name="fk_former_contracts_contract_id",
        ),
    )
    op.create_index("ix_former_contracts_contract_id", "former_contracts", ["contract_id"])
    op.create_table(
        "procurement_matches",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("contract_id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("match_state", sa.String(10), nullable=False),
        sa.Column("score", sa.Integer(), nullable=False),
        sa.Column("reasons", sa.Text()),
        sa.Column("decided_account_id", sa.Integer()),
        sa.Column("decided_at", Instant()),
        sa.Column("remark", sa.Text()),
        sa.ForeignKeyConstraint(
            ["contract_id"],
            ["procurement_contracts.id"],
            name="fk_procurement_matches_contract_id",
        ),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_procurement_matches_project_id"),
        sa.ForeignKeyConstraint(
            ["decided_account_id"], ["accounts.id"], name="fk_procurement_matches_decided_account_id"
        ),
        sa.UniqueConstraint("contract_id", "project_id", name="uq_procurement_matches_contract_id_project_id"),
    )
    op.create_index("ix_procurement_matches_project_id", "procurement_matches", ["project_id"])
    op.create_table(
        "procurement_fetches",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("agency_id", sa.Integer(), nullable=False),
        sa.Column("after_id", sa.BigInteger()),
        sa.Column("began_on", sa.Date()),
        sa.Column("fetched_on", sa.Date()),
        sa.Column("next_try_at", Instant(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("error", sa.Text()),
        sa.ForeignKeyConstraint(["agency_id"], ["agencies.id"], name="fk_procurement_fetches_agency_id"),
        sa.UniqueConstraint("agency_id", name="uq_procurement_fetches_agency_id"),
    )
    create_change_triggers(op.get_bind())


def downgrade() -> None:
    """Drop them: the portal has its contracts, and decisions on matches are in the journal."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"DROP TRIGGER IF EXISTS {KEPT} ON procurement_contracts")
        op.execute(f"DROP FUNCTION IF EXISTS {KEPT}()")
    for table in (
        "procurement_fetches",
        "procurement_matches",
        "former_contracts",
        "procurement_contracts",
    ):
        op.drop_table(table)


def _values() -> list[sa.Column[Any]]:
    return [
        sa.Column("contract_number", sa.String(200)),
        sa.Column("signed_on", sa.Date()),
        sa.Column("sum_kzt", sa.BigInteger()),
        sa.Column("current_sum_kzt", sa.BigInteger()),
        sa.Column("description_kk", sa.Text()),
        sa.Column("description_ru", sa.Text()),
        sa.Column("supplier_bin", sa.String(12)),
        sa.Column("supplier_name", sa.String(500)),
        sa.Column("contract_status", sa.String(200)),
        sa.Column("procurement_codes", sa.Text()),
        sa.Column("amendments", sa.JSON()),
        sa.Column("source", sa.String(10), nullable=False),
        sa.Column("source_sha256", sa.String(64)),
    ]
