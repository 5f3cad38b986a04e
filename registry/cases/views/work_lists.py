"""Work list tabs: which roles have which lists, and the number of cases in each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from flask import request, url_for

from registry.accounts.absences import substituted_by
from registry.accounts.actors import Actor
from registry.accounts.roles import AGENCY_ROLES, Permission
from registry.cases.lists import count_cases
from registry.cases.workflow import OPEN
from registry.core.translations import lazy_text
from registry.web.formats import gettext
from registry.web.parent_links import parent_page

ANY_OPEN: Final = ",".join(status.value for status in OPEN)
# Placeholder for the actor's name, and those of the people whose deputy the actor is.
ME: Final = "me"
# Filters that define the tabs; all others narrow a tab.
OF_TABS: Final = ("status", "assignee", "overdue", "to_approve")
CASES: Final = "web.cases"


@dataclass(frozen=True, slots=True)
class WorkList:
    """A work list: its page, its filters, the required permission, and whether its cases are counted."""

    text: str
    required_permission: Permission
    filters: Mapping[str, str]
    page: str = CASES
    counted: bool = True


@dataclass(frozen=True, slots=True)
class Tab:
    """A work list on the page. ``here`` is true for the current one."""

    text: str
    address: str
    here: bool
    count: int | None


ALL_OPEN: Final = WorkList(lazy_text("All open"), Permission.CASES_READ, {"status": ANY_OPEN})
CLOSED: Final = WorkList(lazy_text("Closed"), Permission.CASES_READ, {"status": "closed"}, counted=False)
ENDING: Final = WorkList(
    lazy_text("Exemptions ending"), Permission.EXEMPTIONS_READ, {}, "web.exemptions_ending", counted=False
)
OVERSIGHT: Final = (
    WorkList(
        lazy_text("My work"), Permission.CASES_REVIEW, {"status": "under_review,awaiting_confirmation", "assignee": ME}
    ),
    WorkList(lazy_text("Team queue"), Permission.CASES_READ, {"status": "new"}),
    WorkList(lazy_text("Overdue"), Permission.CASES_READ, {"overdue": "true"}),
    WorkList(lazy_text("Waiting for the agency"), Permission.CASES_READ, {"status": "awaiting_agency"}),
    WorkList(lazy_text("Waiting for my approval"), Permission.CASES_APPROVE, {"to_approve": "true"}),
    WorkList(lazy_text("Cleared, to confirm"), Permission.CASES_READ, {"status": "awaiting_confirmation"}),
    ALL_OPEN,
    CLOSED,
    WorkList(lazy_text("Watch list"), Permission.CASES_READ, {}, "web.watch_list", counted=False),
    ENDING,
    WorkList(lazy_text("Team"), Permission.TEAM_READ, {}, "web.team_work", counted=False),
)
AGENCY: Final = (
    WorkList(lazy_text("To answer"), Permission.CASES_READ, {"status": "awaiting_agency"}),
    WorkList(lazy_text("To correct"), Permission.CASES_READ, {"status": "remediation"}),
    ALL_OPEN,
    CLOSED,
    ENDING,
)


def tabs(actor: Actor, filters: Mapping[str, str]) -> list[Tab]:
    """Return the actor's tabs with their counts, from one query."""
    lists = [
        each for each in (AGENCY if actor.role in AGENCY_ROLES else OVERSIGHT) if actor.may(each.required_permission)
    ]
    own = own_assignees(actor)
    filters_of_lists = [{name: own if value == ME else value for name, value in each.filters.items()} for each in lists]
    counted = [list_filters for each, list_filters in zip(lists, filters_of_lists, strict=True) if each.counted]
    counts = iter(count_cases(actor, counted) if counted else ())
    path = parent_page(request.path)
    shown = []
    for each, list_filters in zip(lists, filters_of_lists, strict=True):
        address = url_for(each.page)
        here = path == address and all(filters.get(name) == list_filters.get(name) for name in OF_TABS)
        query = f"?{urlencode(list_filters)}" if list_filters else ""
        shown.append(Tab(gettext(each.text), address + query, here, next(counts) if each.counted else None))
    return shown


def own_assignees(actor: Actor) -> str:
    """Return the filter value of the actor's own cases: the actor and the people whose deputy the actor is today."""
    return ",".join([actor.principal, *substituted_by(actor)])


def usual_list(actor: Actor) -> dict[str, str]:
    """Return the filters of the default list: the agency's open cases or a reviewer's queue."""
    if actor.role in AGENCY_ROLES or not actor.may(Permission.CASES_REVIEW):
        return {"status": ANY_OPEN}
    return {"status": "new"}
