"""Every table, imported, so that metadata is whole for migrations and for foreign keys by name."""

from registry.access import principals, tokens
from registry.records import (
    agencies,
    audit_runs,
    case_tables,
    confirmations,
    documents,
    exemptions,
    flags,
    import_runs,
    installation,
    inventories,
    orders,
    project_numbers,
    project_table,
    revisions,
)
from registry.store import idempotency, journal, outbox

TABLES = (
    principals,
    tokens,
    agencies,
    audit_runs,
    case_tables,
    confirmations,
    documents,
    exemptions,
    flags,
    import_runs,
    installation,
    inventories,
    orders,
    project_numbers,
    project_table,
    revisions,
    idempotency,
    journal,
    outbox,
)
