"""Projects, their revisions, and what people confirm and decide about them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from registry.core.database import Instant

revision = "2026_11_24_2"
down_revision = "2026_11_24_1"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "inventories",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("summary", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_inventories"),
    )
    op.create_table(
        "projects",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("number", sa.String(length=17), nullable=False),
        sa.Column("agency_id", sa.Integer(), nullable=False),
        sa.Column("external_id", sa.String(length=200)),
        sa.Column("object_code", sa.String(length=200)),
        sa.Column("name_kk", sa.String(length=500)),
        sa.Column("name_ru", sa.String(length=500)),
        sa.Column("name_en", sa.String(length=500)),
        sa.Column("purpose", sa.Text()),
        sa.Column("sector", sa.String(length=2)),
        sa.Column("object_kind", sa.String(length=20), nullable=False),
        sa.Column("work_type", sa.String(length=20), nullable=False),
        sa.Column("stage", sa.String(length=20), nullable=False),
        sa.Column("placement", sa.String(length=20), nullable=False),
        sa.Column("platform_key", sa.String(length=200)),
        sa.Column("onboarding_due_on", sa.Date()),
        sa.Column("specification_approved_on", sa.Date()),
        sa.Column("contract_signed_on", sa.Date()),
        sa.Column("work_started_on", sa.Date()),
        sa.Column("pilot_started_on", sa.Date()),
        sa.Column("commissioned_on", sa.Date()),
        sa.Column("object_commissioned_on", sa.Date()),
        sa.Column("planned_end_on", sa.Date()),
        sa.Column("ended_on", sa.Date()),
        sa.Column("contract_number", sa.String(length=200)),
        sa.Column("supplier_bin", sa.String(length=12)),
        sa.Column("budget_kzt", sa.BigInteger()),
        sa.Column("object_original_cost_kzt", sa.BigInteger()),
        sa.Column("consent_number", sa.String(length=200)),
        sa.Column("funding", sa.String(length=20)),
        sa.Column("region", sa.String(length=2)),
        sa.Column("url", sa.String(length=200)),
        sa.Column("object_class", sa.Integer()),
        sa.Column("is_ai", sa.Boolean()),
        sa.Column("holds_personal_data", sa.Boolean()),
        sa.Column("responsible_name", sa.String(length=200)),
        sa.Column("responsible_position", sa.String(length=200)),
        sa.Column("responsible_email", sa.String(length=200)),
        sa.Column("placement_verified_on", sa.Date()),
        sa.Column("onboarding_confirmed_on", sa.Date()),
        sa.Column("ending_confirmed_on", sa.Date()),
        sa.Column("is_restricted", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("registered_at", Instant(), nullable=False),
        sa.Column("updated_at", Instant(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["agency_id"], ["agencies.id"], name="fk_projects_agency_id"),
        sa.PrimaryKeyConstraint("id", name="pk_projects"),
        sa.UniqueConstraint("agency_id", "external_id", name="uq_projects_agency_id_external_id"),
        sa.UniqueConstraint("number", name="uq_projects_number"),
    )
    op.create_index("ix_projects_agency_id_registered_at", "projects", ["agency_id", "registered_at"])
    op.create_index("ix_projects_platform_key", "projects", ["platform_key"])
    op.create_index("ix_projects_registered_at_id", "projects", ["registered_at", "id"])
    op.create_index("ix_projects_updated_at_id", "projects", ["updated_at", "id"])
    op.create_table(
        "confirmations",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("inventory_id", sa.Integer()),
        sa.ForeignKeyConstraint(["inventory_id"], ["inventories.id"], name="fk_confirmations_inventory_id"),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_confirmations_project_id"),
        sa.PrimaryKeyConstraint("id", name="pk_confirmations"),
    )
    op.create_index("ix_confirmations_project_id_kind", "confirmations", ["project_id", "kind"])
    op.create_table(
        "documents",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("content_type", sa.String(length=200), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("added_at", Instant(), nullable=False),
        sa.Column("added_by", sa.Text(), nullable=False),
        sa.Column("content", sa.LargeBinary()),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_documents_project_id"),
        sa.PrimaryKeyConstraint("id", name="pk_documents"),
    )
    op.create_index("ix_documents_project_id", "documents", ["project_id"])
    op.create_table(
        "exemptions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("decision_number", sa.String(length=200), nullable=False),
        sa.Column("decided_on", sa.Date(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=False),
        sa.Column("scope", sa.Text()),
        sa.Column("conditions", sa.Text()),
        sa.Column("recorded_at", Instant(), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=False),
        sa.Column("revoked_at", Instant()),
        sa.Column("revoked_by", sa.Text()),
        sa.Column("revocation_reason", sa.Text()),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_exemptions_project_id"),
        sa.PrimaryKeyConstraint("id", name="pk_exemptions"),
    )
    op.create_index("ix_exemptions_project_id_valid_to", "exemptions", ["project_id", "valid_to"])
    op.create_table(
        "orders",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("decision", sa.String(length=20), nullable=False),
        sa.Column("due_on", sa.Date()),
        sa.Column("approved_at", Instant(), nullable=False),
        sa.Column("approved_by", sa.Text(), nullable=False),
        sa.Column("ended_at", Instant()),
        sa.Column("ended_because", sa.String(length=20)),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_orders_project_id"),
        sa.PrimaryKeyConstraint("id", name="pk_orders"),
    )
    op.create_index("ix_orders_project_id", "orders", ["project_id"])
    op.create_table(
        "revisions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("work_type", sa.String(length=20), nullable=False),
        sa.Column("stage", sa.String(length=20), nullable=False),
        sa.Column("placement", sa.String(length=20), nullable=False),
        sa.Column("contract_signed_on", sa.Date()),
        sa.Column("work_started_on", sa.Date()),
        sa.Column("ended_on", sa.Date()),
        sa.Column("changes", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_revisions_project_id"),
        sa.PrimaryKeyConstraint("id", name="pk_revisions"),
        sa.UniqueConstraint("project_id", "version", name="uq_revisions_project_id_version"),
    )


def downgrade() -> None:
    """Drop them, the newest first."""
    for table in ("revisions", "orders", "exemptions", "documents", "confirmations", "projects", "inventories"):
        op.drop_table(table)
