"""The schema of release 0.2, with which every database begins; release 0.3 follows it.

What is here stays as it was. Later names are those of the revisions that follow.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from registry.core.clock import now
from registry.core.database import EPOCH, Instant
from registry.core.online_migrations import on_postgresql, partial_index
from registry.journal.service import FIRST_HASH

revision = "2026_11_26_15"
down_revision = None
branch_labels = None
depends_on = None

TABLES = (
    "journal",
    "journal_head",
    "installation",
    "kept_answers",
    "outbox",
    "number_series",
    "agencies",
    "inventories",
    "projects",
    "confirmations",
    "documents",
    "exemptions",
    "orders",
    "revisions",
    "waiting_files",
    "drafts",
    "audits",
    "audit_changes",
    "flags",
    "imports",
    "import_errors",
    "import_files",
    "cases",
    "case_decisions",
    "case_events",
    "case_flags",
    "principals",
    "people",
    "tokens",
    "former_names",
    "absences",
    "invitations",
    "oidc_identities",
    "web_sessions",
    "passkeys",
    "totp_factors",
    "recovery_codes",
    "factor_ceremonies",
    "sign_in_attempts",
    "failed_sign_ins",
    "letters",
    "digests",
)
# As registry/projects/queries.py and filters.py write them: the planner takes an index for the same expression.
STARTED = "least(contract_signed_on, work_started_on)"
POSTGRESQL_INDEXES = {
    "ix_projects_words": "USING gin (array_to_tsvector(string_to_array(ltrim(words, ' '), ' ')))",
    "ix_projects_budget_down": "(coalesce(budget_kzt, -1), id)",
    "ix_projects_budget_up": "(coalesce(budget_kzt, 9223372036854775807), id)",
    "ix_projects_started_down": f"(coalesce({STARTED}, '0001-01-01'::date), id)",
    "ix_projects_started_up": f"(coalesce({STARTED}, '9999-12-31'::date), id)",
    "ix_projects_reported_status": (
        "(id) INCLUDE (agency_id, region, sector, budget_kzt, is_restricted, freeze_status, severity)"
    ),
}
# The order of names: ICU's where the server has it.
COLLATION = "kazakh"
OF_ICU = "kk-x-icu"


def upgrade() -> None:
    """Create the tables with their first rows, indexes and triggers."""
    _create_journal()
    _create_projects()
    _create_audits()
    _create_imports()
    _create_cases()
    _create_accounts()
    _create_sign_in()
    _create_emails()
    head = sa.table("journal_head", sa.column("id"), sa.column("seq"), sa.column("hash"))
    op.bulk_insert(head, [{"id": 1, "seq": 0, "hash": FIRST_HASH}])
    installation = sa.table("installation", sa.column("id"), sa.column("installed_at", Instant()))
    op.bulk_insert(installation, [{"id": 1, "installed_at": now()}])
    if not on_postgresql():
        for act in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER journal_no_{act.lower()} BEFORE {act} ON journal "
                "BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END"
            )
        return
    for name, expression in POSTGRESQL_INDEXES.items():
        op.execute(sa.text(f"CREATE INDEX {name} ON projects {expression}".replace("::", r"\:\:")))
    has_icu = sa.text("SELECT count(*) FROM pg_collation WHERE collname = :name")
    source = OF_ICU if op.get_bind().scalar(has_icu, {"name": OF_ICU}) else "C"
    op.execute(f'CREATE COLLATION public.{COLLATION} FROM "{source}"')
    op.execute(
        "CREATE FUNCTION journal_is_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'the journal is append-only'; END $$"
    )
    op.execute(
        "CREATE TRIGGER journal_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON journal "
        "FOR EACH STATEMENT EXECUTE FUNCTION journal_is_append_only()"
    )


def downgrade() -> None:
    """Drop them."""
    for table in reversed(TABLES):
        op.drop_table(table)
    if on_postgresql():
        op.execute("DROP FUNCTION journal_is_append_only()")
        op.execute(f"DROP COLLATION public.{COLLATION}")


def _create_journal() -> None:
    """The journal, stored responses and what waits to be sent."""
    op.create_table(
        "journal",
        sa.Column("seq", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("at", sa.String(27), nullable=False),
        sa.Column("principal", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("details", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("previous_hash", sa.String(64), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("credential", sa.Text()),
        sa.Column("client_request_id", sa.Text()),
        sa.Index(None, "action", "seq"),
        sa.Index(None, "principal", "seq"),
        sa.Index(None, "subject", "seq"),
    )
    op.create_table(
        "journal_head",
        sa.Column("id", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
    )
    op.create_table(
        "installation",
        sa.Column("id", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("installed_at", Instant(), nullable=False),
    )
    op.create_table(
        "kept_answers",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("principal", sa.Text(), nullable=False),
        sa.Column("route", sa.Text(), nullable=False),
        sa.Column("key", sa.String(200), nullable=False),
        sa.Column("request_hash", sa.String(64), nullable=False),
        sa.Column("status", sa.Integer()),
        sa.Column("headers", sa.JSON()),
        sa.Column("body", sa.LargeBinary()),
        sa.Column("at", Instant(), nullable=False),
        sa.UniqueConstraint("principal", "route", "key"),
    )
    op.create_table(
        "outbox",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("topic", sa.String(60), nullable=False),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("delivered_at", Instant()),
        partial_index("ix_outbox_waiting", "id", only="delivered_at IS NULL"),
    )
    op.create_table(
        "number_series",
        sa.Column("year", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("last", sa.Integer(), nullable=False),
    )


def _create_projects() -> None:
    """Agencies, projects, and what people confirm and decide about them."""
    op.create_table(
        "agencies",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("bin", sa.String(12), nullable=False, unique=True),
        sa.Column("name_kk", sa.String(500)),
        sa.Column("name_ru", sa.String(500)),
        sa.Column("name_en", sa.String(500)),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("region", sa.String(2)),
        sa.Column("parent_id", sa.Integer(), sa.ForeignKey("agencies.id"), index=True),
        sa.Column("email", sa.String(200)),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("updated_at", Instant(), nullable=False),
    )
    op.create_table(
        "inventories",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("summary", sa.JSON(), nullable=False),
    )
    op.create_table(
        "projects",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("number", sa.String(17), nullable=False, unique=True),
        sa.Column("agency_id", sa.Integer(), sa.ForeignKey("agencies.id"), nullable=False),
        sa.Column("external_id", sa.String(200)),
        sa.Column("object_code", sa.String(200)),
        sa.Column("name_kk", sa.String(500)),
        sa.Column("name_ru", sa.String(500)),
        sa.Column("name_en", sa.String(500)),
        sa.Column("purpose", sa.Text()),
        sa.Column("sector", sa.String(2)),
        sa.Column("object_kind", sa.String(20), nullable=False),
        sa.Column("work_type", sa.String(20), nullable=False),
        sa.Column("stage", sa.String(20), nullable=False),
        sa.Column("placement", sa.String(20), nullable=False),
        sa.Column("platform_key", sa.String(200), index=True),
        sa.Column("onboarding_due_on", sa.Date()),
        sa.Column("specification_approved_on", sa.Date()),
        sa.Column("contract_signed_on", sa.Date()),
        sa.Column("work_started_on", sa.Date()),
        sa.Column("pilot_started_on", sa.Date()),
        sa.Column("commissioned_on", sa.Date()),
        sa.Column("object_commissioned_on", sa.Date()),
        sa.Column("planned_end_on", sa.Date()),
        sa.Column("ended_on", sa.Date()),
        sa.Column("contract_number", sa.String(200)),
        sa.Column("supplier_bin", sa.String(12)),
        sa.Column("budget_kzt", sa.BigInteger()),
        sa.Column("object_original_cost_kzt", sa.BigInteger()),
        sa.Column("consent_number", sa.String(200)),
        sa.Column("funding", sa.String(20)),
        sa.Column("region", sa.String(2)),
        sa.Column("url", sa.String(200)),
        sa.Column("object_class", sa.Integer()),
        sa.Column("is_ai", sa.Boolean()),
        sa.Column("holds_personal_data", sa.Boolean()),
        sa.Column("responsible_name", sa.String(200)),
        sa.Column("responsible_position", sa.String(200)),
        sa.Column("responsible_email", sa.String(200)),
        sa.Column("placement_verified_on", sa.Date()),
        sa.Column("onboarding_confirmed_on", sa.Date()),
        sa.Column("ending_confirmed_on", sa.Date()),
        sa.Column("is_restricted", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("registered_at", Instant(), nullable=False),
        sa.Column("updated_at", Instant(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("changed_at", Instant(), nullable=False, server_default=EPOCH),
        sa.Column("freeze_status", sa.String(12), nullable=False, server_default="unaudited"),
        sa.Column("severity", sa.String(10)),
        sa.UniqueConstraint("agency_id", "external_id"),
        sa.Index(None, "agency_id", "registered_at"),
        sa.Index(None, "changed_at", "id"),
        partial_index(
            "ix_projects_rare_status",
            "freeze_status",
            "registered_at",
            "id",
            only="freeze_status IN ('unaudited', 'exempt', 'accepted')",
        ),
        sa.Index(None, "registered_at", "id"),
        partial_index("ix_projects_restricted", "id", only="is_restricted"),
        sa.Index(None, "updated_at", "id"),
    )
    op.create_table(
        "confirmations",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("project_id", sa.Integer(), sa.ForeignKey("projects.id"), nullable=False),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("inventory_id", sa.Integer(), sa.ForeignKey("inventories.id")),
        sa.Index(None, "project_id", "kind"),
    )
    op.create_table(
        "documents",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("project_id", sa.Integer(), sa.ForeignKey("projects.id"), nullable=False, index=True),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("content_type", sa.String(200), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("added_at", Instant(), nullable=False),
        sa.Column("added_by", sa.Text(), nullable=False),
        sa.Column("content", sa.LargeBinary()),
        sa.Column("kind", sa.String(20), nullable=False, server_default="other"),
        sa.Column("description", sa.String(500)),
    )
    op.create_table(
        "exemptions",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("project_id", sa.Integer(), sa.ForeignKey("projects.id"), nullable=False),
        sa.Column("decision_number", sa.String(200), nullable=False),
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
        sa.Index(None, "project_id", "valid_to"),
    )
    op.create_table(
        "orders",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("project_id", sa.Integer(), sa.ForeignKey("projects.id"), nullable=False, index=True),
        sa.Column("decision", sa.String(20), nullable=False),
        sa.Column("due_on", sa.Date()),
        sa.Column("approved_at", Instant(), nullable=False),
        sa.Column("approved_by", sa.Text(), nullable=False),
        sa.Column("ended_at", Instant()),
        sa.Column("ended_because", sa.String(20)),
    )
    op.create_table(
        "revisions",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("project_id", sa.Integer(), sa.ForeignKey("projects.id"), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("work_type", sa.String(20), nullable=False),
        sa.Column("stage", sa.String(20), nullable=False),
        sa.Column("placement", sa.String(20), nullable=False),
        sa.Column("contract_signed_on", sa.Date()),
        sa.Column("work_started_on", sa.Date()),
        sa.Column("ended_on", sa.Date()),
        sa.Column("changes", sa.JSON(), nullable=False),
        sa.UniqueConstraint("project_id", "version"),
    )
    op.create_table(
        "waiting_files",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("principal", sa.Text(), nullable=False),
        sa.Column("file_name", sa.String(200), nullable=False),
        sa.Column("kept_at", Instant(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
    )
    op.create_table(
        "drafts",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("principal", sa.Text(), nullable=False, index=True),
        sa.Column("values", sa.JSON(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("updated_at", Instant(), nullable=False),
    )


def _create_audits() -> None:
    """Audits and flags."""
    op.create_table(
        "audits",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("on", sa.Date(), nullable=False),
        sa.Column("scheduled_for", sa.Date(), unique=True),
        sa.Column("trigger", sa.String(10), nullable=False),
        sa.Column("status", sa.String(10), nullable=False),
        sa.Column("dry_run", sa.Boolean(), nullable=False),
        sa.Column("policy_version", sa.String(200), nullable=False),
        sa.Column("policy_digest", sa.String(64), nullable=False),
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
        sa.Column("input_digest", sa.String(64)),
        sa.Column("confirmed_by", sa.Text()),
        sa.Column("held_because", sa.JSON()),
        sa.Column("failure", sa.Text()),
        sa.Column("voiding", sa.JSON()),
        sa.Column("restricted_counts", sa.JSON()),
        sa.Column("policy_basis", sa.JSON()),
        partial_index("ix_audits_good", "on", "id", only="status = 'succeeded' AND NOT dry_run"),
    )
    op.create_table(
        "audit_changes",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("audit_id", sa.Integer(), sa.ForeignKey("audits.id"), nullable=False, index=True),
        sa.Column("project_id", sa.Integer(), sa.ForeignKey("projects.id"), nullable=False),
        sa.Column("rule", sa.String(40), nullable=False),
        sa.Column("severity", sa.String(10), nullable=False),
        sa.Column("change", sa.String(10), nullable=False),
    )
    op.create_table(
        "flags",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("project_id", sa.Integer(), sa.ForeignKey("projects.id"), nullable=False, index=True),
        sa.Column("rule", sa.String(40), nullable=False),
        sa.Column("severity", sa.String(10), nullable=False),
        sa.Column("status", sa.String(10), nullable=False),
        sa.Column("observed", sa.JSON(), nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("accepted_fingerprint", sa.String(64)),
        sa.Column("opened_on", sa.Date(), nullable=False),
        sa.Column("last_seen_on", sa.Date()),
        sa.Column("cleared_on", sa.Date()),
        sa.Column("opened_by_audit", sa.Integer(), sa.ForeignKey("audits.id"), nullable=False, index=True),
        sa.Column("cleared_by_audit", sa.Integer(), sa.ForeignKey("audits.id"), index=True),
        sa.Column("exemption_id", sa.Integer(), sa.ForeignKey("exemptions.id")),
        sa.Column("changed_at", Instant(), nullable=False, server_default=EPOCH),
        sa.Index(None, "changed_at", "id"),
        partial_index("ix_flags_standing", "project_id", "status", "severity", only="status <> 'cleared'"),
        sa.Index(None, "status", "rule"),
        partial_index("uq_flags_standing", "project_id", "rule", only="status <> 'cleared'", unique=True),
    )


def _create_imports() -> None:
    """Imports."""
    op.create_table(
        "imports",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("state", sa.String(10), nullable=False, index=True),
        sa.Column("dry_run", sa.Boolean(), nullable=False),
        sa.Column("principal", sa.Text(), nullable=False, index=True),
        sa.Column("role", sa.String(20), nullable=False),
        sa.Column("agency_id", sa.Integer(), sa.ForeignKey("agencies.id")),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
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
        sa.Column("credential", sa.Text()),
        sa.Column("client_request_id", sa.Text()),
    )
    op.create_table(
        "import_errors",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("import_id", sa.Integer(), sa.ForeignKey("imports.id"), nullable=False),
        sa.Column("row", sa.Integer(), nullable=False),
        sa.Column("column", sa.String(200)),
        sa.Column("code", sa.String(60), nullable=False),
        sa.Column("params", sa.JSON(), nullable=False),
        sa.Index(None, "import_id", "row"),
    )
    op.create_table(
        "import_files",
        sa.Column("import_id", sa.Integer(), sa.ForeignKey("imports.id"), primary_key=True, autoincrement=False),
        sa.Column("place", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
    )


def _create_cases() -> None:
    """Cases with their timelines and decisions."""
    op.create_table(
        "cases",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("project_id", sa.Integer(), sa.ForeignKey("projects.id"), nullable=False, index=True),
        sa.Column("status", sa.String(24), nullable=False),
        sa.Column("severity", sa.String(10), nullable=False),
        sa.Column("from_severity", sa.String(10), nullable=False),
        sa.Column("assignee", sa.String(200), index=True),
        sa.Column("opened_at", Instant(), nullable=False),
        sa.Column("opened_by_audit", sa.Integer(), sa.ForeignKey("audits.id")),
        sa.Column("due_on", sa.Date()),
        sa.Column("review_days_left", sa.Integer()),
        sa.Column("exempt_since", sa.Date()),
        sa.Column("closed_at", Instant()),
        sa.Column("outcome", sa.String(24)),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("changed_at", Instant(), nullable=False, server_default=EPOCH),
        sa.Index(None, "changed_at", "id"),
        sa.Index(None, "due_on", "id"),
        sa.Index(None, "status", "due_on"),
        partial_index("uq_cases_open", "project_id", only="status <> 'closed'", unique=True),
    )
    op.create_table(
        "case_decisions",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("case_id", sa.Integer(), sa.ForeignKey("cases.id"), nullable=False),
        sa.Column("decision", sa.String(24), nullable=False),
        sa.Column("reason_code", sa.String(20)),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("legal_basis", sa.Text(), nullable=False),
        sa.Column("due_on", sa.Date()),
        sa.Column("comment", sa.Text()),
        sa.Column("seen", sa.JSON(), nullable=False),
        sa.Column("proposed_by", sa.Text(), nullable=False),
        sa.Column("proposed_at", Instant(), nullable=False),
        sa.Column("outcome", sa.String(10)),
        sa.Column("decided_by", sa.Text()),
        sa.Column("decided_at", Instant()),
        sa.Column("appeal_until", sa.Date()),
        sa.Column("order_id", sa.Integer(), sa.ForeignKey("orders.id")),
        sa.Column("ended_because", sa.String(10)),
        sa.Index(None, "case_id", "id"),
        partial_index("uq_case_decisions_waiting", "case_id", only="outcome IS NULL", unique=True),
    )
    op.create_table(
        "case_events",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("case_id", sa.Integer(), sa.ForeignKey("cases.id"), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("action", sa.String(24), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("side", sa.String(10), nullable=False),
        sa.Column("from_status", sa.String(24)),
        sa.Column("to_status", sa.String(24), nullable=False),
        sa.Column("comment", sa.Text()),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.Column("tells_agency", sa.Boolean(), nullable=False),
        sa.Column("speaks_to_agency", sa.Boolean(), nullable=False),
        sa.Index(None, "case_id", "id"),
    )
    op.create_table(
        "case_flags",
        sa.Column("case_id", sa.Integer(), sa.ForeignKey("cases.id"), primary_key=True, autoincrement=False),
        sa.Column("flag_id", sa.Integer(), sa.ForeignKey("flags.id"), primary_key=True, autoincrement=False),
        sa.Index(None, "flag_id", "case_id"),
    )


def _create_accounts() -> None:
    """Accounts, people and tokens."""
    op.create_table(
        "principals",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("name", sa.String(200), nullable=False, unique=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("disabled_at", Instant()),
        sa.Column("name_skeleton", sa.Text(), nullable=False, server_default="-"),
        sa.Column("kind", sa.String(10), nullable=False, server_default="service"),
        sa.Column("role", sa.String(20), nullable=False, server_default="-"),
        sa.Column("agency_id", sa.Integer(), sa.ForeignKey("agencies.id"), index=True),
        sa.Column("asked_by", sa.JSON()),
        sa.Column("pending_since", Instant()),
        sa.Column("confirmed_by", sa.String(200)),
        sa.Column("owner_account_id", sa.Integer(), sa.ForeignKey("principals.id"), index=True),
        sa.Column("changed_at", Instant()),
        sa.Column("invited_at", Instant()),
        sa.CheckConstraint("role <> '-'", name="role_given"),
        sa.Index(None, "name_skeleton", unique=True),
    )
    op.create_table(
        "people",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("principal_id", sa.Integer(), sa.ForeignKey("principals.id"), nullable=False, unique=True),
        sa.Column("role", sa.String(20), nullable=False),
        sa.Column("agency_id", sa.Integer(), sa.ForeignKey("agencies.id"), index=True),
        sa.Column("email", sa.String(200)),
        sa.Column("language", sa.String(2), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("password_set_at", Instant(), nullable=False),
        sa.Column("password_must_change", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("last_signed_in_at", Instant()),
        sa.Column("immediate_emails", sa.Boolean(), nullable=False, server_default=sa.true()),
        sa.Column("digest_emails", sa.Boolean(), nullable=False, server_default=sa.true()),
    )
    op.create_table(
        "tokens",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("key_id", sa.String(10), nullable=False, unique=True),
        sa.Column("secret_hash", sa.String(64), nullable=False),
        sa.Column("principal_id", sa.Integer(), sa.ForeignKey("principals.id"), nullable=False, index=True),
        sa.Column("role", sa.String(20), nullable=False),
        sa.Column("agency_id", sa.Integer(), sa.ForeignKey("agencies.id")),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("expires_at", Instant()),
        sa.Column("revoked_at", Instant()),
        sa.Column("last_used_at", Instant()),
        sa.Column("pending_since", Instant()),
        sa.Column("asked_by", sa.String(200)),
        sa.Column("confirmed_by", sa.String(200)),
        sa.Column("scopes", sa.JSON()),
        sa.Column("addresses", sa.JSON()),
        sa.Column("last_used_from", sa.Text()),
    )
    op.create_table(
        "former_names",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("account_id", sa.Integer(), sa.ForeignKey("principals.id"), nullable=False, index=True),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("name_skeleton", sa.Text(), nullable=False, index=True),
        sa.Column("renamed_at", Instant(), nullable=False),
    )
    op.create_table(
        "absences",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("account_id", sa.Integer(), sa.ForeignKey("principals.id"), nullable=False, index=True),
        sa.Column("deputy_account_id", sa.Integer(), sa.ForeignKey("principals.id"), nullable=False, index=True),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column("recorded_at", Instant(), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=False),
        sa.Column("ended_at", Instant()),
    )
    op.create_table(
        "invitations",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("account_id", sa.Integer(), sa.ForeignKey("principals.id"), nullable=False, unique=True),
        sa.Column("email", sa.String(200), nullable=False),
        sa.Column("salt", sa.String(32), nullable=False),
        sa.Column("key_hash", sa.String(64), nullable=False, unique=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("expires_at", Instant(), nullable=False),
    )
    op.create_table(
        "oidc_identities",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("account_id", sa.Integer(), sa.ForeignKey("principals.id"), nullable=False, index=True),
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("subject", sa.String(255), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.UniqueConstraint("issuer", "subject"),
    )


def _create_sign_in() -> None:
    """Sessions, second factors and sign-ins."""
    op.create_table(
        "web_sessions",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("secret_hash", sa.String(64), nullable=False, unique=True),
        sa.Column("person_id", sa.Integer(), sa.ForeignKey("people.id"), nullable=False, index=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("started_at", Instant(), nullable=False),
        sa.Column("last_used_at", Instant(), nullable=False, index=True),
        sa.Column("public_id", sa.String(16), unique=True),
        sa.Column("device", sa.String(100)),
        sa.Column("password_at", Instant()),
        sa.Column("factor_at", Instant()),
        sa.Column("factor_kind", sa.String(20)),
        sa.Column("provider_session", sa.Text()),
        sa.Column("id_token", sa.Text()),
        sa.Column(
            "oidc_identity_id",
            sa.Integer(),
            sa.ForeignKey("oidc_identities.id", name="fk_web_sessions_oidc_identity_id_oidc_identities"),
        ),
    )
    op.create_table(
        "passkeys",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("person_id", sa.Integer(), sa.ForeignKey("people.id"), nullable=False, index=True),
        sa.Column("credential_id", sa.Text(), nullable=False, unique=True),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("sign_count", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("last_used_at", Instant()),
    )
    op.create_table(
        "totp_factors",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("person_id", sa.Integer(), sa.ForeignKey("people.id"), nullable=False, unique=True),
        sa.Column("encrypted_secret", sa.Text(), nullable=False),
        sa.Column("last_used_step", sa.BigInteger(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("last_used_at", Instant(), nullable=False),
    )
    op.create_table(
        "recovery_codes",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("person_id", sa.Integer(), sa.ForeignKey("people.id"), nullable=False, index=True),
        sa.Column("code_hash", sa.String(64), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("used_at", Instant()),
    )
    op.create_table(
        "factor_ceremonies",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column(
            "session_id", sa.Integer(), sa.ForeignKey("web_sessions.id", ondelete="CASCADE"), nullable=False, index=True
        ),
        sa.Column("kind", sa.String(30), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False, index=True),
    )
    op.create_table(
        "sign_in_attempts",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("at", Instant(), nullable=False, index=True),
        sa.Column("failed", sa.Boolean(), nullable=False),
        sa.Index(None, "name", "at"),
        sa.Index(None, "source", "at"),
    )
    op.create_table(
        "failed_sign_ins",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("last_at", Instant(), nullable=False, index=True),
        sa.Column("name", sa.String(200)),
        sa.Column("name_hash", sa.String(64)),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("reason", sa.String(60), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Index(None, "name", "last_at"),
        sa.Index(None, "source", "last_at"),
    )


def _create_emails() -> None:
    """E-mails and digests."""
    op.create_table(
        "letters",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("key", sa.String(32), nullable=False, unique=True),
        sa.Column("person_id", sa.Integer(), sa.ForeignKey("people.id")),
        sa.Column("agency_id", sa.Integer(), sa.ForeignKey("agencies.id")),
        sa.Column("is_digest", sa.Boolean(), nullable=False),
        sa.Column("told", sa.JSON(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False, index=True),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("next_try_at", Instant(), nullable=False),
        sa.Column("ended_at", Instant()),
        sa.Column("error", sa.Text()),
        sa.Index(None, "state", "next_try_at"),
    )
    op.create_table(
        "digests",
        sa.Column("on", sa.Date(), primary_key=True),
        sa.Column("until", Instant(), nullable=False),
    )
