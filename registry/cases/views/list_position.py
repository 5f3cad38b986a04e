"""Position in the list from which a case was opened, carried in the query string from case to case."""

from __future__ import annotations

from typing import Final

from flask import request

from registry.cases.lists import position_of
from registry.cases.models import Case
from registry.projects.agency_filters import BELOW
from registry.web.lists import requested_filters

FILTERS: Final = (
    "q",
    "status",
    "assignee",
    "is_assigned",
    "overdue",
    "to_approve",
    "severity",
    "rule",
    "sector",
    "region",
    "agency",
    BELOW,
    "project",
    "outcome",
    "due_on",
    "due_on_from",
    "due_on_to",
    "opened_at_from",
    "opened_at_to",
    "closed_at_from",
    "closed_at_to",
    "changed_at_from",
    "changed_at_to",
    "is_null",
)


def requested_list() -> dict[str, str]:
    """Return the filters and the sort of the list; empty when the query string has none."""
    filters = requested_filters(FILTERS)
    sort = request.args.get("sort")
    return filters | {"sort": sort} if filters and sort else filters


def requested_position(case: Case) -> dict[str, str]:
    """Return the list with the cursor of the next case; empty when the case was not opened from a list.

    The cursor is taken when the case is opened, because an action may move the case or remove it from the list.
    """
    position = requested_list()
    if not position:
        return {}
    return position | {"cursor": request.args.get("cursor") or position_of(case, position.get("sort"))}
