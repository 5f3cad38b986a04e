"""Where somebody stands in the list that a case was opened from, kept in the address from case to case."""

from __future__ import annotations

from typing import Final

from flask import request

from registry.cases.lists import position_of
from registry.cases.models import Case
from registry.web.lists import requested_filters

FILTERS: Final = (
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
    "project",
    "due_on_from",
    "due_on_to",
)


def requested_list() -> dict[str, str]:
    """The filters and the order of the list, nothing when the address names none."""
    filters = requested_filters(FILTERS)
    sort = request.args.get("sort")
    return filters | {"sort": sort} if filters and sort else filters


def requested_position(case: Case) -> dict[str, str]:
    """The list with the place in it that the next case follows; nothing when the case was not opened from a list.

    The place is the one that the case had when it was opened: what is done to it may move it, or take it off the list.
    """
    found = requested_list()
    if not found:
        return {}
    return found | {"cursor": request.args.get("cursor") or position_of(case, found.get("sort"))}
