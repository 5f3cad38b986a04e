"""What follows the rename of an account: the responsible person of reports that are not issued."""

from __future__ import annotations

from sqlalchemy import update

from registry.core.transactions import require_transaction
from registry.government_reports.models import GovernmentReport
from registry.government_reports.vocabulary import GovernmentReportStatus


def rename_in_open_reports(account_id: int, old: str, new: str) -> None:  # noqa: ARG001 - the event's arguments
    """Move the responsibility to the new name; issued versions keep the names of their time."""
    is_open = GovernmentReport.status != GovernmentReportStatus.ISSUED.value
    owned = update(GovernmentReport).where(GovernmentReport.responsible == old, is_open)
    require_transaction().execute(owned.values(responsible=new, revision=GovernmentReport.revision + 1))
