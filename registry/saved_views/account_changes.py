"""What becomes of views when accounts are renamed or change their agency, and when an agency is succeeded."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import select, update

from registry.accounts.models import find_account
from registry.core.transactions import require_transaction
from registry.saved_views.models import SavedView
from registry.saved_views.vocabulary import ViewList

ASSIGNEE: Final = "assignee"
IN_SQL: Final[dict[str, Any]] = {"execution_options": {"synchronize_session": False}}


def leave_shared_views(account_id: int) -> None:
    """Leave shared views to the agency, or to oversight, that the account has left; own ones stay with the account."""
    left = SavedView.agency_id.is_distinct_from(find_account(account_id).agency_id)
    shared = update(SavedView).where(SavedView.account_id == account_id, SavedView.shared.is_(True), left)
    require_transaction().execute(shared.values(account_id=None), **IN_SQL)


def pass_on_views(former_id: int, successor_id: int) -> None:
    """Share with an agency's successor what was shared with the agency."""
    of_former = update(SavedView).where(SavedView.agency_id == former_id)
    require_transaction().execute(of_former.values(agency_id=successor_id), **IN_SQL)


def rename_in_views(account_id: int, old: str, new: str) -> None:  # noqa: ARG001 - the event's arguments
    """Let views of one reviewer's cases be of the same reviewer under the new name."""
    session = require_transaction()
    of_cases = select(SavedView).where(SavedView.list == ViewList.CASES.value).order_by(SavedView.id)
    for view in session.scalars(of_cases):
        names = view.query.get(ASSIGNEE, "").split(",")
        if old in names:
            renamed = ",".join(new if name == old else name for name in names)
            view.query = {**view.query, ASSIGNEE: renamed}
