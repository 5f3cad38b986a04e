"""Tables and columns are named after what they hold: accounts, e-mails, letters, stored responses, uploads."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import sqlalchemy as sa
from alembic import op

from registry.core import online_migrations

revision = "2026_11_30_100"
down_revision = "2026_11_30_98"
branch_labels = None
depends_on = None

# In this order: e-mails leave the name that letters get.
TABLES: Final = {
    "letters": "emails",
    "case_letters": "letters",
    "principals": "accounts",
    "kept_answers": "stored_responses",
    "waiting_files": "pending_uploads",
}
# By the new name of the table.
COLUMNS: Final = {
    "case_events": {"tells_agency": "visible_to_agency", "speaks_to_agency": "comment_visible_to_agency"},
    "emails": {"told": "events"},
    "import_files": {"place": "position"},
    "pending_uploads": {"kept_at": "uploaded_at"},
    "people": {"principal_id": "account_id"},
    "tokens": {"principal_id": "account_id"},
}
# By the new name of the table; in the order of the tables.
CONSTRAINTS: Final = {
    "emails": {
        "pk_letters": "pk_emails",
        "fk_letters_agency_id": "fk_emails_agency_id",
        "fk_letters_person_id": "fk_emails_person_id",
        "uq_letters_key": "uq_emails_key",
    },
    "letters": {
        "pk_case_letters": "pk_letters",
        "fk_case_letters_agency_id_agencies": "fk_letters_agency_id",
        "fk_case_letters_case_id_cases": "fk_letters_case_id",
        "fk_case_letters_decision_id_case_decisions": "fk_letters_decision_id",
        "fk_case_letters_event_id_case_events": "fk_letters_event_id",
        "fk_case_letters_project_id_projects": "fk_letters_project_id",
        "uq_case_letters_code": "uq_letters_code",
        "uq_case_letters_event_id": "uq_letters_event_id",
        "uq_case_letters_number": "uq_letters_number",
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
    "approvals": {"fk_approvals_proposed_account_id_principals": "fk_approvals_proposed_account_id"},
    "case_visits": {"fk_case_visits_account_id_principals": "fk_case_visits_account_id"},
    "people": {
        "fk_people_principal_id": "fk_people_account_id",
        "uq_people_principal_id": "uq_people_account_id",
    },
    "saved_views": {"fk_saved_views_account_id_principals": "fk_saved_views_account_id"},
    "tokens": {"fk_tokens_principal_id": "fk_tokens_account_id"},
    "webhooks": {"fk_webhooks_account_id_principals": "fk_webhooks_account_id"},
}
INDEXES: Final = {
    "ix_letters_created_at": "ix_emails_created_at",
    "ix_letters_state_next_try_at": "ix_emails_state_next_try_at",
    "ix_case_letters_case_id": "ix_letters_case_id",
    "ix_case_letters_issued_on_id": "ix_letters_issued_on_id",
    "ix_case_letters_project_id": "ix_letters_project_id",
    "ix_principals_agency_id": "ix_accounts_agency_id",
    "ix_principals_name_skeleton": "ix_accounts_name_skeleton",
    "ix_principals_owner_account_id": "ix_accounts_owner_account_id",
    "ix_tokens_principal_id": "ix_tokens_account_id",
}
SEQUENCES: Final = {f"{old}_id_seq": f"{new}_id_seq" for old, new in TABLES.items()}


def upgrade() -> None:
    """Rename tables, their columns, and what is named after them."""
    for old, new in TABLES.items():
        op.rename_table(old, new)
    for table, columns in COLUMNS.items():
        for old, new in columns.items():
            op.alter_column(table, old, new_column_name=new)
    _rename_objects(CONSTRAINTS, INDEXES, SEQUENCES)


def downgrade() -> None:
    """Give them the former names."""
    constraints = {table: _reversed(names) for table, names in reversed(CONSTRAINTS.items())}
    _rename_objects(constraints, _reversed(INDEXES), _reversed(SEQUENCES))
    for table, columns in COLUMNS.items():
        for old, new in columns.items():
            op.alter_column(table, new, new_column_name=old)
    for old, new in reversed(TABLES.items()):
        op.rename_table(new, old)


def _reversed(names: Mapping[str, str]) -> dict[str, str]:
    return {new: old for old, new in reversed(names.items())}


def _rename_objects(
    constraints: Mapping[str, Mapping[str, str]], indexes: Mapping[str, str], sequences: Mapping[str, str]
) -> None:
    if not online_migrations.on_postgresql():
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
