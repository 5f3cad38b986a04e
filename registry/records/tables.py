"""Every table, imported, so that metadata is whole for migrations and for foreign keys by name."""

from registry.access import password_sign_in, people, principals, sessions, tokens
from registry.records import (
    agencies,
    audit_runs,
    case_tables,
    confirmations,
    documents,
    drafts,
    exemptions,
    flags,
    import_runs,
    installation,
    inventories,
    orders,
    project_numbers,
    project_table,
    revisions,
    waiting_files,
)
from registry.store import idempotency, journal, outbox

TABLES = (
    password_sign_in,
    people,
    principals,
    sessions,
    tokens,
    agencies,
    audit_runs,
    case_tables,
    confirmations,
    documents,
    drafts,
    exemptions,
    flags,
    import_runs,
    installation,
    inventories,
    orders,
    project_numbers,
    project_table,
    revisions,
    waiting_files,
    idempotency,
    journal,
    outbox,
)
