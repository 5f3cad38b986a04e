"""Cases are assigned to accounts instead of names; accounts answer for reports to the Government."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

from registry.core.change_triggers import drop_change_triggers
from registry.core.online_migrations import add_reference, create_index, drop_column, drop_index, fill, on_postgresql
from registry.core.record_guards import create_guards

revision = "2026_11_30_152"
down_revision = "2026_11_30_101"
branch_labels = None
depends_on = None

ASSIGNEE: Final = "(SELECT accounts.id FROM accounts WHERE accounts.name = cases.assignee)"
ASSIGNEE_NAME: Final = "(SELECT accounts.name FROM accounts WHERE accounts.id = cases.assignee_account_id)"
# Issued reports have the name of their time, which may be a former one.
RESPONSIBLE: Final = """coalesce(
    (SELECT accounts.id FROM accounts WHERE accounts.name = government_reports.responsible),
    (SELECT min(former_names.account_id) FROM former_names WHERE former_names.name = government_reports.responsible))"""
RESPONSIBLE_NAME: Final = """coalesce(
    (SELECT accounts.name FROM accounts WHERE accounts.id = government_reports.responsible_account_id), responsible)"""


def upgrade() -> None:
    """Replace the name of an assignee by the account, and add the account to the name of who answers for a report."""
    add_reference("cases", "assignee_account_id", "accounts")
    add_reference("government_reports", "responsible_account_id", "accounts")
    fill("cases", {"assignee_account_id": ASSIGNEE})
    fill("government_reports", {"responsible_account_id": RESPONSIBLE})
    create_index("ix_cases_assignee_account_id", "cases", ["assignee_account_id"])
    create_index("ix_government_reports_responsible_account_id", "government_reports", ["responsible_account_id"])
    drop_index("ix_cases_assignee")
    drop_index("ix_cases_status_assignee_id")
    _drop_and_name_columns_anew(("cases", "assignee"))


def downgrade() -> None:
    """Go back to names."""
    op.execute(
        f"UPDATE government_reports SET responsible = {RESPONSIBLE_NAME} WHERE issued_at IS NULL"  # noqa: S608
    )
    op.add_column("cases", sa.Column("assignee", sa.String(200)))
    fill("cases", {"assignee": ASSIGNEE_NAME})
    create_index("ix_cases_assignee", "cases", ["assignee"])
    create_index("ix_cases_status_assignee_id", "cases", ["status", "assignee", "id"])
    drop_index("ix_cases_assignee_account_id")
    drop_index("ix_government_reports_responsible_account_id")
    _drop_and_name_columns_anew(("cases", "assignee_account_id"), ("government_reports", "responsible_account_id"))


def _drop_and_name_columns_anew(*columns: tuple[str, str]) -> None:
    """Drop columns that triggers of changes name, and create these for the columns that stay."""
    if not on_postgresql():
        # PostgreSQL replaces them.
        drop_change_triggers(op.get_bind())
    for table, column in columns:
        drop_column(table, column)
    create_guards(op.get_bind())
