"""From release 0.2 to 0.3, and back.

On PostgreSQL the columns and indexes of large tables come first and commit step by step, in such a way that an upgrade
that was interrupted there can run again. All that follows is one transaction.
"""

from __future__ import annotations

import re
import tomllib
from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from alembic import op
from flask import current_app

from registry.accounts.sessions import session_mac
from registry.accounts.tokens import token_mac
from registry.core import online_migrations
from registry.core.database import EPOCH, Instant
from registry.core.online_migrations import on_postgresql, partial_index
from registry.core.record_guards import COPIED, create_guards, drop_guards
from registry.journal.service import FIRST_HASH

revision = "2026_11_30_500"
down_revision = "2026_11_26_15"
branch_labels = None
depends_on = None

# Columns of tables with a row or more for each project: without a value, so that no row is written.
OF_LARGE_TABLES: Final[Mapping[str, Mapping[str, sa.types.TypeEngine[Any]]]] = {
    "projects": {
        "attested_on": sa.Date(),
        "attested_by": sa.Text(),
        "supplier_name": sa.String(500),
        "budget_programme": sa.String(200),
        "cost_by_year": sa.Text(),
        "source_repository_url": sa.String(200),
        "integrations": sa.Text(),
        "security_conclusion_number": sa.String(200),
        "security_conclusion_on": sa.Date(),
        "responsible_phone": sa.String(200),
        "withdrawn_at": Instant(),
        "confirmed_facts": sa.Text(),
        "ai_purpose": sa.Text(),
        "ai_model": sa.String(500),
        "ai_supplier": sa.String(500),
        "ai_data": sa.Text(),
        "ai_personal_data": sa.Boolean(),
        "ai_risk_class": sa.String(10),
        "ai_overseer": sa.String(500),
        "ai_tests": sa.Text(),
        "ai_notice": sa.Text(),
        "ai_objection": sa.Text(),
        "ai_office": sa.String(500),
        "ai_reviewed_on": sa.Date(),
    },
    "revisions": {"reason": sa.Text()},
}
# By the name of the table in release 0.2.
COLUMNS: Final[Mapping[str, Mapping[str, sa.types.TypeEngine[Any]]]] = {
    "agencies": {"closed_on": sa.Date()},
    "audits": {
        "held_causes": sa.JSON(),
        "held_decision": sa.JSON(),
        "promise_check": sa.JSON(),
        # What repeating an audit needs; earlier ones cannot be repeated.
        "known_at": Instant(),
        "compared_with": sa.Integer(),
        "flags_up_to": sa.Integer(),
        "former_flags_up_to": sa.Integer(),
        "severity_raised": sa.Integer(),
        "severity_lowered": sa.Integer(),
        "cases_opened": sa.Integer(),
        "projects_to_migrate": sa.Integer(),
    },
    "case_decisions": {
        "reason_kk": sa.Text(),
        "reason_ru": sa.Text(),
        "legal_basis_kk": sa.Text(),
        "legal_basis_ru": sa.Text(),
    },
    "documents": {"belongs_to": sa.String(10), "outgoing_number": sa.String(100), "incoming_number": sa.String(100)},
    "import_errors": {"value": sa.Text()},
    "imports": {
        "layout": sa.JSON(),
        "warnings": sa.JSON(),
        "would_flag": sa.JSON(),
        "change_reason": sa.Text(),
        "answers": sa.JSON(),
        "undone_at": Instant(),
        "undone_by": sa.Text(),
        "undone": sa.JSON(),
    },
    "installation": {"key_fingerprint": sa.String(64)},
    "people": {"first_half": sa.Text()},
    "principals": {"restricted_admitted_at": Instant(), "restricted_admitted_by": sa.String(200)},
    "tokens": {"issued_by": sa.String(10), "purpose": sa.String(100), "secret_mac": sa.String(64)},
    "web_sessions": {"secret_mac": sa.String(64)},
}
# Columns with a value in the rows that are there.
FILLED: Final[Mapping[str, Mapping[str, tuple[sa.types.TypeEngine[Any], str | sa.ColumnElement[bool]]]]] = {
    "imports": {"unanswered": (sa.Integer(), "0")},
    "letters": {
        "channel": (sa.String(10), "email"),
        "is_copy": (sa.Boolean(), sa.false()),
        "fell_back": (sa.Boolean(), sa.false()),
    },
    "people": {"weekly_overview": (sa.Boolean(), sa.false())},
}

INDEXES_OF_PROJECTS: Final = {
    "ix_projects_stage_registered_at": ["stage", "registered_at", "id"],
    "ix_projects_region_sector_registered_at": ["region", "sector", "registered_at", "id"],
}
PARTIAL_INDEXES_OF_PROJECTS: Final = {
    "ix_projects_withdrawn": (["id"], "withdrawn_at IS NOT NULL"),
    "ix_projects_onboarding": (["onboarding_due_on"], "placement = 'onboarding'"),
}
# On SQLite a search reads the texts that it looks through from an index of their own, a sixth of the table.
SEARCHED: Final = "ix_projects_search_text"
INDEXES_OF_CASES: Final = {
    f"ix_cases_status_{'_'.join(columns)}": ["status", *columns]
    for columns in (
        ["opened_at", "id"],
        ["changed_at", "id"],
        ["closed_at", "id"],
        ["outcome", "id"],
        ["severity", "project_id"],
    )
}
# PostgreSQL takes no index for NULLS LAST that has them first, as an ascending one read backwards has.
CLOSED_LAST: Final = "ix_cases_status_closed_at_down"
GOOD_AUDITS: Final = "ix_audits_good"
IS_GOOD: Final = sa.text("status = 'succeeded' AND NOT dry_run")

# Accounts in place of names, and other references, by the new name of the table.
REFERENCES: Final = {
    "agencies": {"successor_id": "agencies"},
    "case_decisions": {"proposed_account_id": "accounts"},
    "cases": {"assignee_account_id": "accounts"},
    "drafts": {"account_id": "accounts"},
    "imports": {"account_id": "accounts", "dry_run_id": "imports"},
    "pending_uploads": {"account_id": "accounts"},
}
NAME: Final = "(SELECT accounts.name FROM accounts WHERE accounts.id = {table}.{column})"
ACCOUNT: Final = "(SELECT accounts.id FROM accounts WHERE accounts.name = {table}.{column})"
FORMER_ACCOUNT: Final = (
    "(SELECT min(former_names.account_id) FROM former_names WHERE former_names.name = {table}.{column})"
)
# By these an insert of release 0.1 without a role was refused.
DEFAULTS_OF_ACCOUNTS: Final = {
    "name_skeleton": (sa.Text(), "-"),
    "kind": (sa.String(10), "service"),
    "role": (sa.String(20), "-"),
}
# The freeze status of projects moves into a table of its own.
STATUS: Final = ("freeze_status", "severity", "changed_at")
RARE_STATUS: Final = sa.text("freeze_status IN ('unaudited', 'exempt', 'accepted')")
REPORTED_COLUMNS: Final = ["agency_id", "region", "sector", "budget_kzt", "is_restricted", "freeze_status", "severity"]

# New names, in this order: e-mails leave the name that letters get.
TABLES: Final = {
    "letters": "emails",
    "principals": "accounts",
    "kept_answers": "stored_responses",
    "waiting_files": "pending_uploads",
}
# By the new name of the table.
RENAMED_COLUMNS: Final = {
    "case_events": {"tells_agency": "visible_to_agency", "speaks_to_agency": "comment_visible_to_agency"},
    "emails": {"told": "events"},
    "import_files": {"place": "position"},
    "pending_uploads": {"kept_at": "uploaded_at"},
    "people": {"principal_id": "account_id"},
    "tokens": {"principal_id": "account_id"},
}
CONSTRAINTS: Final = {
    "emails": {
        "pk_letters": "pk_emails",
        "fk_letters_agency_id": "fk_emails_agency_id",
        "fk_letters_person_id": "fk_emails_person_id",
        "uq_letters_key": "uq_emails_key",
    },
    "accounts": {
        "pk_principals": "pk_accounts",
        "ck_principals_role_given": "ck_accounts_role_given",
        "fk_principals_agency_id": "fk_accounts_agency_id",
        "fk_principals_owner_account_id": "fk_accounts_owner_account_id",
        "uq_principals_name": "uq_accounts_name",
    },
    "stored_responses": {
        "pk_kept_answers": "pk_stored_responses",
        "uq_kept_answers_principal_route_key": "uq_stored_responses_principal_route_key",
    },
    "pending_uploads": {"pk_waiting_files": "pk_pending_uploads"},
    "people": {
        "fk_people_principal_id": "fk_people_account_id",
        "uq_people_principal_id": "uq_people_account_id",
    },
    "tokens": {"fk_tokens_principal_id": "fk_tokens_account_id"},
    "web_sessions": {"fk_web_sessions_oidc_identity_id_oidc_identities": "fk_web_sessions_oidc_identity_id"},
}
INDEXES: Final = {
    "ix_letters_created_at": "ix_emails_created_at",
    "ix_letters_state_next_try_at": "ix_emails_state_next_try_at",
    "ix_principals_agency_id": "ix_accounts_agency_id",
    "ix_principals_name_skeleton": "ix_accounts_name_skeleton",
    "ix_principals_owner_account_id": "ix_accounts_owner_account_id",
    "ix_tokens_principal_id": "ix_tokens_account_id",
}
SEQUENCES: Final = {f"{old}_id_seq": f"{new}_id_seq" for old, new in TABLES.items()}

NEW_TABLES: Final = (
    "aitu_links",
    "aitu_codes",
    "saved_views",
    "journal_verification",
    "changes",
    "change_head",
    "pending_changes",
    "flag_writer",
    "scheduled_jobs",
    "open_data_set",
    "weekly_overviews",
    "project_fingerprints",
    "project_links",
    "former_records",
    "migration_plans",
    "platform_products",
    "inventory_keys",
    "proposed_inventories",
    "requests",
    "approvals",
    "former_flags",
    "coming_changes",
    "policy_texts",
    "policy_versions",
    "agency_counts",
    "daily_counts",
    "government_reports",
    "project_statuses",
    "appeals",
    "letters",
    "letter_series",
    "case_documents",
    "case_templates",
    "case_visits",
    "exemption_documents",
    "inbox_entries",
    "watches",
    "import_mappings",
    "import_rows",
    "import_writes",
    "webhooks",
    "webhook_deliveries",
)
# Beside the folder of this file, also in a wheel.
TEMPLATES: Final = Path(__file__).parents[1] / "case_templates.toml"
TITLES_OF_TEMPLATES: Final = {
    "question": {"kk": "Түсіндіру және құжаттар", "ru": "Пояснения и документы"},
    "reason": {"kk": "Негіздеме", "ru": "Обоснование"},
}
SESSIONS: Final = sa.table("web_sessions", *map(sa.column, ("id", "person_id", "secret_hash", "secret_mac")))
TOKENS: Final = sa.table("tokens", *map(sa.column, ("id", "key_id", "account_id", "secret_hash", "secret_mac")))

# The timeline and decisions of cases, from which the appeals of release 0.2 are read.
APPEALS: Final = sa.table(
    "appeals",
    *map(sa.column, ("case_id", "decision_id", "event_id", "appealed_by", "suspends", "outcome", "new_decision_id")),
    sa.column("appealed_at", Instant()),
    sa.column("decided_at", Instant()),
)
EVENTS: Final = sa.table(
    "case_events", *map(sa.column, ("id", "case_id", "action", "by", "to_status")), sa.column("at", Instant())
)
DECISIONS: Final = sa.table(
    "case_decisions",
    *map(sa.column, ("id", "case_id", "decision", "outcome", "ended_because")),
    sa.column("due_on", sa.Date()),
    sa.column("decided_at", Instant()),
)
ACCEPTING: Final = ("no_breach", "transitional_accepted")
# Where release 0.2 knows no severity "plan".
OF_SEVERITY: Final = (
    ("flags", "severity"),
    ("audit_changes", "severity"),
    ("cases", "severity"),
    ("cases", "from_severity"),
    ("project_statuses", "severity"),
)


def upgrade() -> None:
    """Add what release 0.3 has, and keep all that is there."""
    _add_to_large_tables()
    _add_columns()
    _rename_tables()
    _refer_to_accounts()
    _drop_former_columns()
    _create_accounts()
    _create_journal()
    _create_projects()
    _create_audits()
    _create_cases()
    _create_appeals()
    _create_imports()
    _create_webhooks()
    _move_status()
    _insert_first_rows()
    _admit_accounts_of_agencies()
    _sign_credentials()
    create_guards(op.get_bind())


def downgrade() -> None:
    """Take away what release 0.2 does not know, with what was recorded there."""
    drop_guards(op.get_bind())
    _undo_values()
    _move_status_back()
    for table in reversed(NEW_TABLES):
        op.drop_table(table)
    _add_former_columns()
    _refer_to_names()
    _rename_tables_back()
    _drop_columns()
    _drop_from_large_tables()


def _add_to_large_tables() -> None:
    # Only PostgreSQL knows IF NOT EXISTS here, and only there an interrupted upgrade leaves columns behind.
    again = on_postgresql() or None
    for table, columns in OF_LARGE_TABLES.items():
        for name, kind in columns.items():
            op.add_column(table, sa.Column(name, kind), if_not_exists=again)
    for name, names in INDEXES_OF_PROJECTS.items():
        online_migrations.create_index(name, "projects", names, sqlite_where=sa.text("version > 0"))
    for name, (names, only) in PARTIAL_INDEXES_OF_PROJECTS.items():
        where = sa.text(only)
        online_migrations.create_index(name, "projects", names, sqlite_where=where, postgresql_where=where)
    for name, names in INDEXES_OF_CASES.items():
        online_migrations.create_index(name, "cases", names)
    if on_postgresql():
        names = ["status", sa.text("closed_at DESC NULLS LAST"), sa.text("id DESC")]
        online_migrations.create_index(CLOSED_LAST, "cases", names)
    else:
        op.create_index(SEARCHED, "projects", ["words"])
    _replace_index_of_good_audits(["on", "judged_up_to", "finished_at", "id"])


def _drop_from_large_tables() -> None:
    _replace_index_of_good_audits(["on", "id"])
    if on_postgresql():
        op.drop_index(CLOSED_LAST, "cases")
    else:
        op.drop_index(SEARCHED, "projects")
    for name in INDEXES_OF_CASES:
        op.drop_index(name, "cases")
    for name in (*INDEXES_OF_PROJECTS, *PARTIAL_INDEXES_OF_PROJECTS):
        op.drop_index(name, "projects")
    for table, columns in OF_LARGE_TABLES.items():
        for name in columns:
            op.drop_column(table, name)


def _replace_index_of_good_audits(columns: list[str]) -> None:
    if not on_postgresql():
        op.drop_index(GOOD_AUDITS, "audits")
    online_migrations.create_index(GOOD_AUDITS, "audits", columns, sqlite_where=IS_GOOD, postgresql_where=IS_GOOD)


def _add_columns() -> None:
    for table, columns in COLUMNS.items():
        for name, kind in columns.items():
            op.add_column(table, sa.Column(name, kind))
    for table, filled in FILLED.items():
        for name, (kind, value) in filled.items():
            op.add_column(table, sa.Column(name, kind, nullable=False, server_default=value))


def _drop_columns() -> None:
    added: tuple[Mapping[str, Mapping[str, object]], ...] = (COLUMNS, FILLED)
    for tables in added:
        for table, columns in tables.items():
            for name in columns:
                op.drop_column(table, name)


def _refer_to_accounts() -> None:
    for table, references in REFERENCES.items():
        with op.batch_alter_table(table) as batch:
            for column, target in references.items():
                batch.add_column(sa.Column(column, sa.Integer()))
                batch.create_foreign_key(f"fk_{table}_{column}", target, [column], ["id"])
    op.create_index("ix_agencies_successor_id", "agencies", ["successor_id"])
    _fill("cases", "assignee_account_id", ACCOUNT.format(table="cases", column="assignee"))
    _fill("imports", "account_id", ACCOUNT.format(table="imports", column="principal"))
    proposed = {"table": "case_decisions", "column": "proposed_by"}
    present_or_former = f"coalesce({ACCOUNT.format(**proposed)}, {FORMER_ACCOUNT.format(**proposed)})"
    _fill("case_decisions", "proposed_account_id", present_or_former)
    op.drop_index("ix_cases_assignee", "cases")
    op.drop_column("cases", "assignee")
    op.create_index("ix_cases_assignee_account_id", "cases", ["assignee_account_id"])
    op.drop_index("ix_imports_principal", "imports")
    op.create_index("ix_imports_account_id", "imports", ["account_id"])
    op.drop_index("ix_drafts_principal", "drafts")
    for table in ("drafts", "pending_uploads"):
        _fill(table, "account_id", ACCOUNT.format(table=table, column="principal"))
        # Names of nobody own neither, and nobody reads these.
        op.execute(f"DELETE FROM {table} WHERE account_id IS NULL")  # noqa: S608 - constants
        _keep_owner(table, sa.Column("account_id", sa.Integer(), nullable=False), "principal")
        op.create_index(f"ix_{table}_account_id", table, ["account_id"])


def _refer_to_names() -> None:
    for table in ("drafts", "pending_uploads"):
        op.drop_index(f"ix_{table}_account_id", table)
        op.add_column(table, sa.Column("principal", sa.Text()))
        _fill(table, "principal", NAME.format(table=table, column="account_id"))
        _keep_owner(table, sa.Column("principal", sa.Text(), nullable=False), "account_id")
    op.create_index("ix_drafts_principal", "drafts", ["principal"])
    op.drop_index("ix_imports_account_id", "imports")
    op.create_index("ix_imports_principal", "imports", ["principal"])
    # The one whose name the account had then may have another now.
    _fill("imports", "principal", f"coalesce({NAME.format(table='imports', column='account_id')}, principal)")
    op.drop_index("ix_cases_assignee_account_id", "cases")
    op.add_column("cases", sa.Column("assignee", sa.String(200)))
    _fill("cases", "assignee", NAME.format(table="cases", column="assignee_account_id"))
    op.create_index("ix_cases_assignee", "cases", ["assignee"])
    op.drop_index("ix_agencies_successor_id", "agencies")
    for table in ("agencies", "case_decisions", "cases", "imports"):
        with op.batch_alter_table(table) as batch:
            for column in REFERENCES[table]:
                batch.drop_constraint(f"fk_{table}_{column}", type_="foreignkey")
                batch.drop_column(column)


def _fill(table: str, column: str, value: str) -> None:
    op.execute(f"UPDATE {table} SET {column} = {value}")  # noqa: S608 - constants


def _keep_owner(table: str, kept: sa.Column[Any], dropped: str) -> None:
    """Let the owner of drafts or uploads be one column, which is never NULL, instead of the other."""
    if on_postgresql():
        op.alter_column(table, kept.name, nullable=False)
        op.drop_column(table, dropped)
        return
    of_accounts = kept.name == "account_id"
    own: Mapping[str, tuple[sa.Column[Any], ...]] = {
        "drafts": (
            sa.Column("values", sa.JSON(), nullable=False),
            sa.Column("created_at", Instant(), nullable=False),
            sa.Column("updated_at", Instant(), nullable=False),
        ),
        "pending_uploads": (
            sa.Column("file_name", sa.String(200), nullable=False),
            sa.Column("uploaded_at", Instant(), nullable=False),
            sa.Column("content", sa.LargeBinary(), nullable=False),
        ),
    }
    metadata = sa.MetaData()
    sa.Table("accounts", metadata, sa.Column("id", sa.Integer(), primary_key=True))
    # Spelled out: SQLite forgets the name of a key that counts by itself, as that of drafts does from 0.3 on.
    spelled = sa.Table(
        table,
        metadata,
        sa.Column("id", sa.Integer(), nullable=False),
        *own[table],
        kept,
        sa.PrimaryKeyConstraint("id", name=f"pk_{table}"),
        *([sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=f"fk_{table}_account_id")] * of_accounts),
        sqlite_autoincrement=of_accounts and table == "drafts",
    )
    with op.batch_alter_table(table, copy_from=spelled, recreate="always"):
        pass


def _drop_former_columns() -> None:
    """Drop what only processes of release 0.1 needed, which went on while the schema was upgraded to 0.2."""
    op.drop_index("ix_people_agency_id", "people")
    with op.batch_alter_table("people") as batch:
        batch.drop_constraint("fk_people_agency_id", type_="foreignkey")
        batch.drop_column("agency_id")
        batch.drop_column("role")
    with op.batch_alter_table("accounts") as batch:
        batch.drop_constraint(op.f("ck_accounts_role_given"), type_="check")
        for name, (kind, _) in DEFAULTS_OF_ACCOUNTS.items():
            batch.alter_column(name, existing_type=kind, server_default=None)
    random = "substr(md5(random()::text), 1, 16)" if on_postgresql() else "lower(hex(randomblob(8)))"
    op.execute(f"UPDATE web_sessions SET public_id = {random} WHERE public_id IS NULL")  # noqa: S608 - constants
    with op.batch_alter_table("web_sessions") as batch:
        batch.alter_column("public_id", existing_type=sa.String(16), nullable=False)


def _add_former_columns() -> None:
    with op.batch_alter_table("web_sessions") as batch:
        batch.alter_column("public_id", existing_type=sa.String(16), nullable=True)
    with op.batch_alter_table("accounts") as batch:
        for name, (kind, default) in DEFAULTS_OF_ACCOUNTS.items():
            batch.alter_column(name, existing_type=kind, server_default=default)
        batch.create_check_constraint(op.f("ck_accounts_role_given"), "role <> '-'")
    op.add_column("people", sa.Column("role", sa.String(20)))
    op.add_column("people", sa.Column("agency_id", sa.Integer()))
    for name in ("role", "agency_id"):
        of_account = f"(SELECT accounts.{name} FROM accounts WHERE accounts.id = people.account_id)"  # noqa: S608
        _fill("people", name, of_account)
    with op.batch_alter_table("people") as batch:
        batch.alter_column("role", existing_type=sa.String(20), nullable=False)
        batch.create_foreign_key("fk_people_agency_id", "agencies", ["agency_id"], ["id"])
    op.create_index("ix_people_agency_id", "people", ["agency_id"])


def _move_status() -> None:
    names = ", ".join((*COPIED, *STATUS))
    op.execute(
        f"INSERT INTO project_statuses (project_id, {names}) SELECT id, {names} FROM projects ORDER BY id"  # noqa: S608
    )
    if not on_postgresql():
        # PostgreSQL drops them with their columns.
        for index in ("ix_projects_rare_status", "ix_projects_changed_at_id"):
            op.drop_index(index, "projects")
    for name in STATUS:
        op.drop_column("projects", name)


def _move_status_back() -> None:
    status = sa.Column("freeze_status", sa.String(12), nullable=False, server_default="unaudited")
    op.add_column("projects", status)
    op.add_column("projects", sa.Column("severity", sa.String(10)))
    op.add_column("projects", sa.Column("changed_at", Instant(), nullable=False, server_default=EPOCH))
    stored = ", ".join(
        f"{name} = (SELECT {name} FROM project_statuses WHERE project_id = projects.id)"  # noqa: S608
        for name in STATUS
    )
    op.execute(f"UPDATE projects SET {stored}")  # noqa: S608 - constants
    columns = ["freeze_status", "registered_at", "id"]
    op.create_index(
        "ix_projects_rare_status", "projects", columns, sqlite_where=RARE_STATUS, postgresql_where=RARE_STATUS
    )
    op.create_index("ix_projects_changed_at_id", "projects", ["changed_at", "id"])
    if on_postgresql():
        op.create_index("ix_projects_reported_status", "projects", ["id"], postgresql_include=REPORTED_COLUMNS)


def _rename_tables() -> None:
    for old, new in TABLES.items():
        op.rename_table(old, new)
    for table, columns in RENAMED_COLUMNS.items():
        for old, new in columns.items():
            op.alter_column(table, old, new_column_name=new)
    _rename_objects(CONSTRAINTS, INDEXES, SEQUENCES)


def _rename_tables_back() -> None:
    constraints = {table: _reversed(names) for table, names in CONSTRAINTS.items()}
    _rename_objects(constraints, _reversed(INDEXES), _reversed(SEQUENCES))
    for table, columns in RENAMED_COLUMNS.items():
        for old, new in columns.items():
            op.alter_column(table, new, new_column_name=old)
    for old, new in TABLES.items():
        op.rename_table(new, old)


def _reversed(names: Mapping[str, str]) -> dict[str, str]:
    return {new: old for old, new in names.items()}


def _rename_objects(
    constraints: Mapping[str, Mapping[str, str]], indexes: Mapping[str, str], sequences: Mapping[str, str]
) -> None:
    if not on_postgresql():
        _rename_in_sqlite({name: new for names in constraints.values() for name, new in names.items()} | dict(indexes))
        return
    for table, names in constraints.items():
        for old, new in names.items():
            op.execute(f"ALTER TABLE {table} RENAME CONSTRAINT {old} TO {new}")
    for old, new in indexes.items():
        op.execute(f"ALTER INDEX {old} RENAME TO {new}")
    for old, new in sequences.items():
        op.execute(f"ALTER SEQUENCE {old} RENAME TO {new}")


def _rename_in_sqlite(names: Mapping[str, str]) -> None:
    """Rename constraints and indexes in the text of the schema, the only place where SQLite has these names."""
    connection = op.get_bind()
    name = re.compile(rf"\b({'|'.join(names)})\b")
    connection.exec_driver_sql("PRAGMA writable_schema = ON")
    for row in connection.execute(sa.text("SELECT rowid, name, sql FROM sqlite_master WHERE sql IS NOT NULL")).all():
        sql = name.sub(lambda match: names[match[0]], row.sql)
        if sql != row.sql:
            values = {"id": row.rowid, "sql": sql, "name": names.get(row.name, row.name)}
            connection.execute(sa.text("UPDATE sqlite_master SET name = :name, sql = :sql WHERE rowid = :id"), values)
    connection.exec_driver_sql("PRAGMA writable_schema = RESET")


def _insert_first_rows() -> None:
    for table, row in {
        "change_head": {"id": 1, "seq": 0, "deleted_up_to": 0},
        "journal_verification": {"id": 1, "seq": 0, "hash": FIRST_HASH},
        "open_data_set": {"id": 1, "generation": 0},
        "flag_writer": {"id": 1},
    }.items():
        op.bulk_insert(sa.table(table, *map(sa.column, row)), [row])
    columns = ("kind", "rule", "language", "title", "text", "version")
    templates = sa.table("case_templates", *map(sa.column, columns), sa.column("changed_at", Instant()))
    added = datetime(2026, 11, 26, tzinfo=UTC)
    op.bulk_insert(
        templates,
        [
            {
                "kind": kind,
                "rule": rule,
                "language": language,
                "title": TITLES_OF_TEMPLATES[kind][language],
                "text": texts[f"{kind}_{language}"],
                "version": 1,
                "changed_at": added,
            }
            for rule, texts in tomllib.loads(TEMPLATES.read_text(encoding="utf-8")).items()
            for kind in TITLES_OF_TEMPLATES
            for language in ("kk", "ru")
        ],
    )


def _admit_accounts_of_agencies() -> None:
    """Accounts of agencies that exist are admitted to restricted projects, as they were."""
    op.execute(
        "UPDATE accounts SET restricted_admitted_at = created_at"
        " WHERE role IN ('agency_viewer', 'agency_editor', 'agency_administrator')"
    )


def _sign_credentials() -> None:
    """Give sessions and tokens their keyed hashes, so that they go on."""
    if not current_app.config.get("SECRET_KEY"):
        return
    connection = op.get_bind()
    for row in connection.execute(sa.select(SESSIONS)).all():
        mac = session_mac(row.person_id, row.secret_hash)
        connection.execute(sa.update(SESSIONS).where(SESSIONS.c.id == row.id).values(secret_mac=mac))
    for row in connection.execute(sa.select(TOKENS)).all():
        mac = token_mac(row.key_id, row.account_id, row.secret_hash)
        connection.execute(sa.update(TOKENS).where(TOKENS.c.id == row.id).values(secret_mac=mac))


def _undo_values() -> None:
    """What release 0.2 would read wrongly."""
    # It knows no rejected audits, and no withdrawn projects: they have the status that its next audit gives.
    op.execute("UPDATE audits SET status = 'held' WHERE status = 'rejected'")
    op.execute("UPDATE project_statuses SET freeze_status = 'clear' WHERE freeze_status = 'withdrawn'")
    op.execute("DELETE FROM audit_changes WHERE change IN ('raised', 'lowered')")
    # What is of a plan was flagged low.
    for table, column in OF_SEVERITY:
        severity: sa.ColumnClause[str] = sa.column(column)
        op.execute(sa.update(sa.table(table, severity)).where(severity == "plan").values({column: "low"}))
    op.execute("UPDATE project_statuses SET freeze_status = 'flagged' WHERE freeze_status = 'to_migrate'")
    op.execute("DELETE FROM confirmations WHERE kind = 'fact'")
    # Among a project's own documents, its agency would see those of cases and exemptions.
    op.execute("DELETE FROM case_documents")
    op.execute("DELETE FROM exemption_documents")
    op.execute("DELETE FROM documents WHERE belongs_to IN ('case', 'exemption')")
    # Kept for previews and wrong rows.
    op.execute("DELETE FROM import_files WHERE import_id IN (SELECT id FROM imports WHERE state IN ('done', 'failed'))")
    # It would send messages that wait for Aitu as e-mails.
    op.execute("UPDATE emails SET state = 'dropped' WHERE channel = 'aitu' AND state = 'waiting'")


def _create_accounts() -> None:
    """Links to messengers and saved views."""
    op.create_table(
        "aitu_links",
        sa.Column("person_id", sa.Integer(), sa.ForeignKey("people.id"), primary_key=True, autoincrement=False),
        sa.Column("peer_id", sa.String(36), nullable=False, unique=True),
        sa.Column("channels", sa.String(10), nullable=False),
        sa.Column("linked_at", Instant(), nullable=False),
        sa.Column("rejected_at", Instant()),
    )
    op.create_table(
        "aitu_codes",
        sa.Column("person_id", sa.Integer(), sa.ForeignKey("people.id"), primary_key=True, autoincrement=False),
        sa.Column("code_hash", sa.String(64), nullable=False, unique=True),
        sa.Column("expires_at", Instant(), nullable=False),
    )
    op.create_table(
        "saved_views",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("account_id", sa.Integer(), sa.ForeignKey("accounts.id")),
        sa.Column("agency_id", sa.Integer(), sa.ForeignKey("agencies.id")),
        sa.Column("list", sa.String(10), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("query", sa.JSON(), nullable=False),
        sa.Column("shared", sa.Boolean(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Index(None, "agency_id", "shared"),
        sa.Index("uq_saved_views_account_id_name", "account_id", "name", unique=True),
    )


def _create_journal() -> None:
    """What verified the journal, the change feed and scheduled jobs."""
    op.create_table(
        "journal_verification",
        sa.Column("id", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("verified_at", Instant()),
        sa.Column("whole_at", Instant()),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("fault", sa.Text()),
    )
    op.create_table(
        "changes",
        sa.Column("seq", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("record_id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer()),
        sa.Column("version", sa.Integer()),
        sa.Column("old_status", sa.String(24)),
        sa.Column("new_status", sa.String(24)),
        sa.Column("old_severity", sa.String(10)),
        sa.Column("new_severity", sa.String(10)),
        sa.Column("fields", sa.Text()),
        sa.Column("details", sa.JSON()),
        sa.Column("seen_by", sa.Text()),
        sa.Column("was_restricted", sa.Boolean()),
    )
    op.create_table(
        "change_head",
        sa.Column("id", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("deleted_up_to", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "pending_changes",
        sa.Column("xact", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("position", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("record_id", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("project_id", sa.Integer()),
        sa.Column("version", sa.Integer()),
        sa.Column("old_status", sa.String(24)),
        sa.Column("new_status", sa.String(24)),
        sa.Column("old_severity", sa.String(10)),
        sa.Column("new_severity", sa.String(10)),
        sa.Column("fields", sa.Text()),
        sa.Column("values_before", sa.Text()),
        sa.Column("values_after", sa.Text()),
        sa.Column("seen_by", sa.Text()),
        sa.Column("was_restricted", sa.Boolean()),
        sqlite_with_rowid=False,
    )
    if on_postgresql():
        # Every commit reads and empties it: rows that are gone must not stay long, and none outlives a crash.
        op.execute("ALTER TABLE pending_changes SET UNLOGGED")
        op.execute("ALTER TABLE pending_changes SET (autovacuum_vacuum_scale_factor = 0)")
    op.create_table(
        "flag_writer",
        sa.Column("id", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("audit_id", sa.Integer()),
    )
    op.create_table(
        "scheduled_jobs",
        sa.Column("name", sa.String(60), primary_key=True),
        sa.Column("succeeded_at", Instant()),
        sa.Column("milliseconds", sa.Integer()),
        sa.Column("failed_at", Instant()),
        sa.Column("failure", sa.String(100)),
    )
    op.create_table(
        "open_data_set",
        sa.Column("id", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.Column("content", sa.LargeBinary()),
        sa.Column("sha256", sa.String(64)),
        sa.Column("size", sa.BigInteger()),
        sa.Column("projects", sa.Integer()),
        sa.Column("audited_on", sa.Date()),
        sa.Column("made_at", Instant()),
    )
    op.create_table(
        "weekly_overviews",
        sa.Column("monday", sa.Date(), primary_key=True),
    )


def _create_projects() -> None:
    """Fingerprints, links, and what is asked for and approved."""
    op.create_table(
        "project_fingerprints",
        sa.Column("project_id", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("version", sa.SmallInteger(), nullable=False),
        sa.Column("name_1", sa.SmallInteger()),
        sa.Column("name_2", sa.SmallInteger()),
        sa.Column("name_3", sa.SmallInteger()),
        sa.Column("name_4", sa.SmallInteger()),
        sa.Column("name_5", sa.SmallInteger()),
        sa.Column("name_6", sa.SmallInteger()),
        sa.Column("name_7", sa.SmallInteger()),
        sa.Column("name_8", sa.SmallInteger()),
        sa.Column("purpose_1", sa.SmallInteger()),
        sa.Column("purpose_2", sa.SmallInteger()),
        sa.Column("purpose_3", sa.SmallInteger()),
        sa.Column("purpose_4", sa.SmallInteger()),
        sa.Column("object_code", sa.SmallInteger(), index=True),
        sa.Column("contract_number", sa.SmallInteger(), index=True),
        sa.Column("supplier_bin", sa.SmallInteger()),
        sa.Column("url", sa.SmallInteger()),
    )
    op.create_table(
        "project_links",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("project_id", sa.Integer(), sa.ForeignKey("projects.id"), nullable=False),
        sa.Column("target_id", sa.Integer(), sa.ForeignKey("projects.id"), nullable=False, index=True),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("note", sa.Text()),
        sa.Column("added_at", Instant(), nullable=False),
        sa.Column("added_by", sa.Text(), nullable=False),
        sa.Column("removed_at", Instant()),
        sa.Column("removed_by", sa.Text()),
        partial_index(
            "uq_project_links_in_force", "project_id", "target_id", "kind", only="removed_at IS NULL", unique=True
        ),
    )
    op.create_table(
        "former_records",
        sa.Column("project_id", sa.Integer(), sa.ForeignKey("projects.id"), primary_key=True, autoincrement=False),
        sa.Column(
            "former_id", sa.Integer(), sa.ForeignKey("projects.id"), primary_key=True, autoincrement=False, index=True
        ),
        sa.Column("at", Instant(), nullable=False),
    )
    op.create_table(
        "inventory_keys",
        sa.Column("platform_key", sa.String(200), primary_key=True),
        sa.Column("agency_id", sa.Integer(), sa.ForeignKey("agencies.id"), nullable=False),
        sa.Column("verified_on", sa.Date(), nullable=False),
        sa.Column("inventory_id", sa.Integer(), sa.ForeignKey("inventories.id"), nullable=False),
    )
    op.create_table(
        "proposed_inventories",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
    )
    op.create_table(
        "requests",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("kind", sa.String(30), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("agency_id", sa.Integer(), sa.ForeignKey("agencies.id"), nullable=False, index=True),
        sa.Column("project_id", sa.Integer(), sa.ForeignKey("projects.id"), index=True),
        sa.Column("to_agency_id", sa.Integer(), sa.ForeignKey("agencies.id"), index=True),
        sa.Column("on", sa.Date()),
        sa.Column("act", sa.Text()),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.Column("asked_by", sa.String(200), nullable=False),
        sa.Column("asked_at", Instant(), nullable=False),
        sa.Column("first_decided_by", sa.String(200)),
        sa.Column("first_decided_at", Instant()),
        sa.Column("decided_by", sa.String(200)),
        sa.Column("decided_at", Instant()),
        sa.Column("decision_reason", sa.Text()),
        sa.Column("carried_out_at", Instant()),
        sa.Column("asked_account_id", sa.Integer(), sa.ForeignKey("accounts.id")),
        sa.Column("first_decided_account_id", sa.Integer(), sa.ForeignKey("accounts.id")),
        partial_index("ix_requests_to_carry_out", "on", "id", only="state = 'confirmed' AND carried_out_at IS NULL"),
        partial_index(
            "uq_requests_waiting_agency",
            "kind",
            "agency_id",
            only="state = 'waiting' AND project_id IS NULL",
            unique=True,
        ),
        partial_index(
            "uq_requests_waiting_project",
            "kind",
            "project_id",
            only="state = 'waiting' AND project_id IS NOT NULL",
            unique=True,
        ),
    )
    op.create_table(
        "approvals",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("kind", sa.String(30), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("agency_id", sa.Integer(), sa.ForeignKey("agencies.id"), index=True),
        sa.Column("project_id", sa.Integer(), sa.ForeignKey("projects.id"), index=True),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("seen_digest", sa.String(64), nullable=False),
        sa.Column("proposed_by", sa.String(200), nullable=False),
        sa.Column("proposed_account_id", sa.Integer(), sa.ForeignKey("accounts.id")),
        sa.Column("proposed_role", sa.String(20), nullable=False),
        sa.Column("proposed_at", Instant(), nullable=False),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.Column("decided_by", sa.String(200)),
        sa.Column("decided_at", Instant()),
        sa.Column("decision_reason", sa.Text()),
        partial_index("uq_approvals_waiting", "kind", "subject", only="state = 'waiting'", unique=True),
    )
    op.create_table(
        "migration_plans",
        sa.Column("project_id", sa.Integer(), sa.ForeignKey("projects.id"), primary_key=True, autoincrement=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("wave", sa.String(100)),
        sa.Column("responsible", sa.String(200), nullable=False),
        sa.Column("obstacles", sa.Text()),
        sa.Column("planned_by", sa.Text(), nullable=False),
        sa.Column("planned_at", Instant(), nullable=False),
        sa.Column("confirmed_by", sa.Text()),
        sa.Column("confirmed_at", Instant()),
    )
    op.create_index("ix_migration_plans_month", "migration_plans", ["month"])
    op.create_table(
        "platform_products",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("code", sa.String(50), nullable=False),
        sa.Column("name_kk", sa.String(200), nullable=False),
        sa.Column("name_ru", sa.String(200), nullable=False),
        sa.Column("name_en", sa.String(200)),
        sa.Column("description_kk", sa.String(1000), nullable=False),
        sa.Column("description_ru", sa.String(1000), nullable=False),
        sa.Column("description_en", sa.String(1000)),
        sa.Column("terms", sa.Text(), nullable=False),
        sa.Column("contact", sa.String(200), nullable=False),
        sa.Column("product_state", sa.String(10), nullable=False),
        sa.UniqueConstraint("code", name="uq_platform_products_code"),
    )


def _create_audits() -> None:
    """Former flags, versions of the policy, counts and reports."""
    op.create_table(
        "former_flags",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("flag_id", sa.Integer(), sa.ForeignKey("flags.id"), nullable=False),
        sa.Column("until", Instant(), nullable=False),
        sa.Column("ended_by_audit", sa.Integer(), sa.ForeignKey("audits.id")),
        sa.Column("status", sa.String(10), nullable=False),
        sa.Column("severity", sa.String(10), nullable=False),
        sa.Column("observed", sa.JSON(), nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("accepted_fingerprint", sa.String(64)),
        sa.Column("opened_on", sa.Date(), nullable=False),
        sa.Column("last_seen_on", sa.Date()),
        sa.Column("cleared_on", sa.Date()),
        sa.Column("exemption_id", sa.Integer(), sa.ForeignKey("exemptions.id")),
        sa.Index("ix_former_flags_flag_id", "flag_id", "id"),
    )
    op.create_table(
        "policy_texts",
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("version", sa.String(200), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
    )
    op.create_table(
        "policy_versions",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("version", sa.String(50), nullable=False, unique=True),
        sa.Column("based_on", sa.String(200), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("verdict_cases", sa.JSON(), nullable=False),
        sa.Column("drafted_by", sa.String(200), nullable=False),
        sa.Column("drafted_at", Instant(), nullable=False),
        sa.Column("editors", sa.JSON(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("in_force_from", sa.Date(), unique=True),
        sa.Column("activated_by", sa.String(200)),
        sa.Column("activated_at", Instant()),
        sa.Column("impact_digest", sa.String(64)),
        sa.Column("promise", sa.JSON()),
        sa.Column("checked_at", Instant()),
    )
    op.create_table(
        "agency_counts",
        sa.Column("audit_id", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("agency_id", sa.Integer(), primary_key=True, autoincrement=False, index=True),
        sa.Column("is_restricted", sa.Boolean(), primary_key=True),
        sa.Column("freeze_status", sa.String(12), primary_key=True),
        sa.Column("severity", sa.String(10), primary_key=True),
        sa.Column("projects", sa.Integer(), nullable=False),
        sa.Column("budget_kzt", sa.BigInteger(), nullable=False),
        sa.Column("on_platform", sa.Integer()),
        sa.Column("confirmed_on_platform", sa.Integer()),
    )
    op.create_table(
        "daily_counts",
        sa.Column("audit_id", sa.Integer(), sa.ForeignKey("audits.id"), primary_key=True, autoincrement=False),
        sa.Column("dimension", sa.String(10), primary_key=True),
        sa.Column("member", sa.String(40), primary_key=True),
        sa.Column("is_restricted", sa.Boolean(), primary_key=True),
        sa.Column("status", sa.String(12), primary_key=True),
        sa.Column("severity", sa.String(10), primary_key=True),
        sa.Column("counted", sa.Integer(), nullable=False),
        sa.Column("on_platform", sa.Integer()),
        sa.Column("budget_kzt", sa.BigInteger(), nullable=False),
        sa.Column("confirmed_on_platform", sa.Integer()),
    )
    op.create_table(
        "government_reports",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(10), nullable=False),
        sa.Column("period_end", sa.Date(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("responsible", sa.String(200), nullable=False),
        sa.Column("introduction_kk", sa.Text()),
        sa.Column("introduction_ru", sa.Text()),
        sa.Column("findings_kk", sa.Text()),
        sa.Column("findings_ru", sa.Text()),
        sa.Column("measures_kk", sa.Text()),
        sa.Column("measures_ru", sa.Text()),
        sa.Column("conclusions_kk", sa.Text()),
        sa.Column("conclusions_ru", sa.Text()),
        sa.Column("audit_id", sa.Integer(), sa.ForeignKey("audits.id"), index=True),
        sa.Column("policy_version", sa.String(200)),
        sa.Column("frozen_at", Instant()),
        sa.Column("figures", sa.Text()),
        sa.Column("figures_sha256", sa.String(64)),
        sa.Column("open_figures", sa.Text()),
        sa.Column("open_figures_sha256", sa.String(64)),
        sa.Column("correction_reason", sa.Text()),
        sa.Column("created_by", sa.String(200), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("authors", sa.JSON(), nullable=False),
        sa.Column("submitted_by", sa.String(200)),
        sa.Column("submitted_at", Instant()),
        sa.Column("first_approved_by", sa.String(200)),
        sa.Column("first_approved_at", Instant()),
        sa.Column("second_approved_by", sa.String(200)),
        sa.Column("issued_at", Instant()),
        sa.Column("returned_by", sa.String(200)),
        sa.Column("returned_at", Instant()),
        sa.Column("remark", sa.Text()),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("responsible_account_id", sa.Integer(), sa.ForeignKey("accounts.id"), index=True),
        sa.UniqueConstraint("year", "ordinal", "version"),
    )
    op.create_table(
        "project_statuses",
        sa.Column("project_id", sa.Integer(), sa.ForeignKey("projects.id"), primary_key=True, autoincrement=False),
        sa.Column("agency_id", sa.Integer(), nullable=False, index=True),
        sa.Column("budget_kzt", sa.BigInteger()),
        sa.Column("changed_at", Instant(), nullable=False),
        sa.Column("placement_verified_on", sa.Date()),
        sa.Column("is_restricted", sa.Boolean(), nullable=False),
        sa.Column("freeze_status", sa.String(12), nullable=False),
        sa.Column("severity", sa.String(10)),
        sa.Column("region", sa.String(2)),
        sa.Column("sector", sa.String(2)),
        sa.Column("placement", sa.String(20), nullable=False),
        sa.Index(None, "changed_at", "project_id"),
        partial_index(
            "ix_project_statuses_rare", "freeze_status", only="freeze_status IN ('unaudited', 'exempt', 'accepted')"
        ),
    )
    op.create_table(
        "coming_changes",
        sa.Column("project_id", sa.Integer(), sa.ForeignKey("projects.id"), primary_key=True, autoincrement=False),
        sa.Column("on", sa.Date(), primary_key=True),
        sa.Column("freeze_status", sa.String(12), nullable=False),
        sa.Column("severity", sa.String(10)),
        sa.Column("flagged_for", sa.String(40)),
    )
    op.create_index("ix_coming_changes_on", "coming_changes", ["on"])


def _create_cases() -> None:
    """Letters, documents and templates of cases, and who has seen what."""
    op.create_table(
        "letters",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("number", sa.String(20), nullable=False, unique=True),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("issued_on", sa.Date(), nullable=False),
        sa.Column("issued_at", Instant(), nullable=False),
        sa.Column("case_id", sa.Integer(), sa.ForeignKey("cases.id"), nullable=False, index=True),
        sa.Column("event_id", sa.Integer(), sa.ForeignKey("case_events.id"), nullable=False, unique=True),
        sa.Column("decision_id", sa.Integer(), sa.ForeignKey("case_decisions.id")),
        sa.Column("project_id", sa.Integer(), sa.ForeignKey("projects.id"), nullable=False, index=True),
        sa.Column("agency_id", sa.Integer(), sa.ForeignKey("agencies.id"), nullable=False),
        sa.Column("code", sa.String(16), nullable=False, unique=True),
        sa.Column("data", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Index(None, "issued_on", "id"),
    )
    op.create_table(
        "letter_series",
        sa.Column("year", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("last", sa.Integer(), nullable=False),
    )
    op.create_table(
        "case_documents",
        sa.Column("document_id", sa.Integer(), sa.ForeignKey("documents.id"), primary_key=True, autoincrement=False),
        sa.Column("case_id", sa.Integer(), sa.ForeignKey("cases.id"), nullable=False, index=True),
        sa.Column("event_id", sa.Integer(), sa.ForeignKey("case_events.id"), nullable=False, index=True),
    )
    op.create_table(
        "case_templates",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("rule", sa.String(60)),
        sa.Column("language", sa.String(2), nullable=False),
        sa.Column("title", sa.String(200), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("changed_at", Instant(), nullable=False),
        sa.Column("changed_by", sa.Text()),
        sa.Index(None, "rule", "kind"),
    )
    op.create_table(
        "case_visits",
        sa.Column("case_id", sa.Integer(), sa.ForeignKey("cases.id"), primary_key=True, autoincrement=False),
        sa.Column("account_id", sa.Integer(), sa.ForeignKey("accounts.id"), primary_key=True, autoincrement=False),
        sa.Column("event_id", sa.Integer(), sa.ForeignKey("case_events.id"), nullable=False),
        sa.Column("at", Instant(), nullable=False),
    )
    op.create_table(
        "exemption_documents",
        sa.Column("document_id", sa.Integer(), sa.ForeignKey("documents.id"), primary_key=True, autoincrement=False),
        sa.Column("exemption_id", sa.Integer(), sa.ForeignKey("exemptions.id"), nullable=False, index=True),
    )
    op.create_table(
        "inbox_entries",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("account_id", sa.Integer(), sa.ForeignKey("accounts.id"), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("event_id", sa.Integer(), sa.ForeignKey("case_events.id"), nullable=False, index=True),
        sa.Column("case_id", sa.Integer(), sa.ForeignKey("cases.id"), nullable=False, index=True),
        sa.Column("project_id", sa.Integer(), sa.ForeignKey("projects.id"), nullable=False, index=True),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("read_at", Instant()),
        sa.Index(None, "account_id", "id"),
        partial_index("ix_inbox_entries_unread", "account_id", "id", only="read_at IS NULL"),
        sa.Index("uq_inbox_entries_account_id_event_id", "account_id", "event_id", unique=True),
    )
    op.create_table(
        "watches",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("account_id", sa.Integer(), sa.ForeignKey("accounts.id"), nullable=False, index=True),
        sa.Column("case_id", sa.Integer(), sa.ForeignKey("cases.id")),
        sa.Column("project_id", sa.Integer(), sa.ForeignKey("projects.id")),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Index("uq_watches_case_id_account_id", "case_id", "account_id", unique=True),
        sa.Index("uq_watches_project_id_account_id", "project_id", "account_id", unique=True),
    )


def _create_appeals() -> None:
    """Appeals as records of their own, and a row for each appeal of the timeline."""
    op.create_table(
        "appeals",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("case_id", sa.Integer(), sa.ForeignKey("cases.id"), nullable=False),
        sa.Column("decision_id", sa.Integer(), sa.ForeignKey("case_decisions.id"), nullable=False, unique=True),
        sa.Column("event_id", sa.Integer(), sa.ForeignKey("case_events.id"), nullable=False, unique=True),
        sa.Column("appealed_at", Instant(), nullable=False),
        sa.Column("appealed_by", sa.Text(), nullable=False),
        sa.Column("suspends", sa.Boolean(), nullable=False),
        sa.Column("outcome", sa.String(12)),
        sa.Column("decided_at", Instant()),
        sa.Column("new_decision_id", sa.Integer(), sa.ForeignKey("case_decisions.id"), unique=True),
        sa.Column("in_court_on", sa.Date()),
        sa.Column("settled_on", sa.Date()),
        sa.Column("court_outcome", sa.String(12)),
        partial_index("uq_appeals_open", "case_id", only="outcome IS NULL", unique=True),
        sa.Index(None, "case_id", "id"),
    )
    _record_earlier_appeals(op.get_bind())


def _record_earlier_appeals(connection: sa.Connection) -> None:
    appealed = sa.select(EVENTS.c.case_id).where(EVENTS.c.action == "appeal")
    events, decisions = defaultdict(list), defaultdict(list)
    for event in connection.execute(sa.select(EVENTS).where(EVENTS.c.case_id.in_(appealed)).order_by(EVENTS.c.id)):
        events[event.case_id].append(event)
    approved = sa.select(DECISIONS).where(DECISIONS.c.case_id.in_(appealed), DECISIONS.c.outcome == "approved")
    for decision in connection.execute(approved.order_by(DECISIONS.c.id)):
        decisions[decision.case_id].append(decision)
    rows = [row for case_id in events for row in _appeals_of_case(events[case_id], decisions[case_id])]
    if rows:
        connection.execute(sa.insert(APPEALS), rows)


def _appeals_of_case(events: list[Any], decisions: list[Any]) -> list[Mapping[str, Any]]:
    """Return the appeals of a case, one a decision; the last is open unless the case was decided or closed."""
    rows: dict[int, Mapping[str, Any]] = {}
    for position, event in enumerate(events):
        earlier = [each for each in decisions if each.decided_at <= event.at]
        if event.action != "appeal" or not earlier or earlier[-1].id in rows:
            continue
        decision = earlier[-1]
        new = next((each for each in decisions if each.decided_at > event.at), None)
        ended = next((each for each in events[position + 1 :] if each.to_status == "closed"), None)
        suspends = decision.ended_because == "appealed"
        outcome = None if ended is None else "discontinued"
        decided_at = None if ended is None else ended.at
        if new is not None and (ended is None or new.decided_at <= ended.at):
            outcome, decided_at = _outcome(decision, new, event.at, suspends=suspends), new.decided_at
        else:
            new = None
        rows[decision.id] = {
            "case_id": event.case_id,
            "decision_id": decision.id,
            "event_id": event.id,
            "appealed_at": event.at,
            "appealed_by": event.by,
            "suspends": suspends,
            "outcome": outcome,
            "decided_at": decided_at,
            "new_decision_id": None if new is None else new.id,
        }
    return list(rows.values())


def _outcome(appealed: Any, new: Any, at: Any, *, suspends: bool) -> str:
    """As ``registry/cases/decisions.py`` names it."""
    if new.decision in ACCEPTING and appealed.decision not in ACCEPTING:
        return "revoked"
    if new.decision != appealed.decision:
        return "changed"
    if new.due_on == appealed.due_on:
        return "upheld"
    if new.due_on is None or appealed.due_on is None or not suspends:
        return "changed"
    latest = appealed.due_on + timedelta(days=(new.decided_at - at).days + 1)
    return "upheld" if appealed.due_on < new.due_on <= latest else "changed"


def _create_imports() -> None:
    """Previews of imports, remembered columns, and what they wrote."""
    op.create_table(
        "import_mappings",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("agency_id", sa.Integer(), sa.ForeignKey("agencies.id"), index=True),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("layout", sa.String(64), nullable=False),
        sa.Column("columns", sa.JSON(), nullable=False),
        sa.Column("recorded_at", Instant(), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=False),
    )
    op.create_table(
        "import_rows",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("import_id", sa.Integer(), sa.ForeignKey("imports.id"), nullable=False),
        sa.Column("row", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.String(10), nullable=False),
        sa.Column("record", sa.String(40)),
        sa.Column("name", sa.Text()),
        sa.Column("changes", sa.JSON(), nullable=False),
        sa.Column("would_flag", sa.JSON(), nullable=False),
        sa.Column("question", sa.String(60)),
        sa.Column("answer", sa.String(4)),
        sa.Index(None, "import_id", "row"),
    )
    op.create_table(
        "import_writes",
        sa.Column("import_id", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("number", sa.String(17), primary_key=True),
        sa.Column("version", sa.Integer(), nullable=False),
    )


def _create_webhooks() -> None:
    """Webhooks."""
    op.create_table(
        "webhooks",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("account_id", sa.Integer(), sa.ForeignKey("accounts.id"), nullable=False, index=True),
        sa.Column("role", sa.String(20), nullable=False),
        sa.Column("agency_id", sa.Integer(), sa.ForeignKey("agencies.id")),
        sa.Column("url", sa.String(2000), nullable=False),
        sa.Column("events", sa.JSON(), nullable=False),
        sa.Column("conditions", sa.JSON(), nullable=False),
        sa.Column("encrypted_secret", sa.Text(), nullable=False),
        sa.Column("encrypted_previous_secret", sa.Text()),
        sa.Column("previous_secret_until", Instant()),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("changed_at", Instant(), nullable=False),
        sa.Column("disabled_at", Instant()),
        sa.Column("disabled_reason", sa.String(20)),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("failing_since", Instant()),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("next_batch_at", Instant(), nullable=False),
        sa.Column("lease_until", Instant()),
    )
    op.create_table(
        "webhook_deliveries",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True),
        sa.Column("webhook_id", sa.Integer(), sa.ForeignKey("webhooks.id"), nullable=False),
        sa.Column("seq", sa.BigInteger()),
        sa.Column("message_id", sa.String(60), nullable=False),
        sa.Column("type", sa.String(60), nullable=False),
        sa.Column("subject", sa.String(100), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("next_try_at", Instant(), nullable=False),
        sa.Column("tried_at", Instant()),
        sa.Column("ended_at", Instant(), index=True),
        sa.Column("status", sa.Integer()),
        sa.Column("error", sa.String(30)),
        sa.Column("duration_ms", sa.Integer()),
        partial_index(
            "ix_webhook_deliveries_open", "webhook_id", "subject", "seq", only="state IN ('waiting', 'queued')"
        ),
        partial_index("ix_webhook_deliveries_waiting", "webhook_id", "next_try_at", only="state = 'waiting'"),
        sa.Index(None, "webhook_id", "id"),
        sa.Index("uq_webhook_deliveries_webhook_id_seq", "webhook_id", "seq", unique=True),
    )
