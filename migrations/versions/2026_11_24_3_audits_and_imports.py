"""Audits, their flags and changes, and imports."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from registry.core.database import Instant

revision = "2026_11_24_3"
down_revision = "2026_11_24_2"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "audits",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("on", sa.Date(), nullable=False),
        sa.Column("scheduled_for", sa.Date()),
        sa.Column("trigger", sa.String(length=10), nullable=False),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("dry_run", sa.Boolean(), nullable=False),
        sa.Column("policy_version", sa.String(length=200), nullable=False),
        sa.Column("policy_digest", sa.String(length=64), nullable=False),
        sa.Column("started_by", sa.Text(), nullable=False),
        sa.Column("started_at", Instant(), nullable=False),
        sa.Column("finished_at", Instant()),
        sa.Column("projects_judged", sa.Integer(), nullable=False),
        sa.Column("projects_out_of_scope", sa.Integer(), nullable=False),
        sa.Column("projects_flagged", sa.Integer(), nullable=False),
        sa.Column("projects_exempt", sa.Integer(), nullable=False),
        sa.Column("flags_opened", sa.Integer(), nullable=False),
        sa.Column("flags_kept", sa.Integer(), nullable=False),
        sa.Column("flags_reopened", sa.Integer(), nullable=False),
        sa.Column("flags_cleared", sa.Integer(), nullable=False),
        sa.Column("judged_up_to", sa.Integer(), nullable=False),
        sa.Column("input_digest", sa.String(length=64)),
        sa.Column("confirmed_by", sa.Text()),
        sa.Column("held_because", sa.JSON()),
        sa.Column("failure", sa.Text()),
        sa.PrimaryKeyConstraint("id", name="pk_audits"),
        sa.UniqueConstraint("scheduled_for", name="uq_audits_scheduled_for"),
    )
    op.create_index(
        "ix_audits_good",
        "audits",
        ["on", "id"],
        sqlite_where=sa.text("status = 'succeeded' AND NOT dry_run"),
        postgresql_where=sa.text("status = 'succeeded' AND NOT dry_run"),
    )
    op.create_table(
        "imports",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("dry_run", sa.Boolean(), nullable=False),
        sa.Column("principal", sa.Text(), nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("agency_id", sa.Integer()),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("processed", sa.Integer(), nullable=False),
        sa.Column("created", sa.Integer(), nullable=False),
        sa.Column("updated", sa.Integer(), nullable=False),
        sa.Column("unchanged", sa.Integer(), nullable=False),
        sa.Column("rejected", sa.Integer(), nullable=False),
        sa.Column("queued_at", Instant(), nullable=False),
        sa.Column("started_at", Instant()),
        sa.Column("finished_at", Instant()),
        sa.Column("lease_until", Instant()),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("failure", sa.Text()),
        sa.ForeignKeyConstraint(["agency_id"], ["agencies.id"], name="fk_imports_agency_id"),
        sa.PrimaryKeyConstraint("id", name="pk_imports"),
    )
    op.create_index("ix_imports_principal", "imports", ["principal"])
    op.create_index("ix_imports_state", "imports", ["state"])
    op.create_table(
        "import_files",
        sa.Column("import_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("place", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["import_id"], ["imports.id"], name="fk_import_files_import_id"),
        sa.PrimaryKeyConstraint("import_id", "place", name="pk_import_files"),
    )
    op.create_table(
        "audit_changes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("audit_id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("rule", sa.String(length=40), nullable=False),
        sa.Column("severity", sa.String(length=10), nullable=False),
        sa.Column("change", sa.String(length=10), nullable=False),
        sa.ForeignKeyConstraint(["audit_id"], ["audits.id"], name="fk_audit_changes_audit_id"),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_audit_changes_project_id"),
        sa.PrimaryKeyConstraint("id", name="pk_audit_changes"),
    )
    op.create_index("ix_audit_changes_audit_id", "audit_changes", ["audit_id"])
    op.create_table(
        "import_errors",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("import_id", sa.Integer(), nullable=False),
        sa.Column("row", sa.Integer(), nullable=False),
        sa.Column("column", sa.String(length=200)),
        sa.Column("code", sa.String(length=60), nullable=False),
        sa.Column("params", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["import_id"], ["imports.id"], name="fk_import_errors_import_id"),
        sa.PrimaryKeyConstraint("id", name="pk_import_errors"),
    )
    op.create_index("ix_import_errors_import_id_row", "import_errors", ["import_id", "row"])
    op.create_table(
        "flags",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("rule", sa.String(length=40), nullable=False),
        sa.Column("severity", sa.String(length=10), nullable=False),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("observed", sa.JSON(), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("accepted_fingerprint", sa.String(length=64)),
        sa.Column("opened_on", sa.Date(), nullable=False),
        sa.Column("last_seen_on", sa.Date()),
        sa.Column("cleared_on", sa.Date()),
        sa.Column("opened_by_audit", sa.Integer(), nullable=False),
        sa.Column("cleared_by_audit", sa.Integer()),
        sa.Column("exemption_id", sa.Integer()),
        sa.ForeignKeyConstraint(["cleared_by_audit"], ["audits.id"], name="fk_flags_cleared_by_audit"),
        sa.ForeignKeyConstraint(["exemption_id"], ["exemptions.id"], name="fk_flags_exemption_id"),
        sa.ForeignKeyConstraint(["opened_by_audit"], ["audits.id"], name="fk_flags_opened_by_audit"),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_flags_project_id"),
        sa.PrimaryKeyConstraint("id", name="pk_flags"),
    )
    op.create_index("ix_flags_cleared_by_audit", "flags", ["cleared_by_audit"])
    op.create_index("ix_flags_opened_by_audit", "flags", ["opened_by_audit"])
    op.create_index("ix_flags_project_id", "flags", ["project_id"])
    op.create_index("ix_flags_status_rule", "flags", ["status", "rule"])
    op.create_index(
        "uq_flags_standing",
        "flags",
        ["project_id", "rule"],
        unique=True,
        sqlite_where=sa.text("status <> 'cleared'"),
        postgresql_where=sa.text("status <> 'cleared'"),
    )


def downgrade() -> None:
    """Drop them, the newest first."""
    for table in ("flags", "import_errors", "import_files", "audit_changes", "imports", "audits"):
        op.drop_table(table)
