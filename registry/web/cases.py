"""Work lists of cases: the queue with its tabs, each a filter in the address, and what is done from there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from flask import render_template, request, url_for

from registry.access.actors import Actor
from registry.access.roles import AGENCY_ROLES, Permission
from registry.records.policy_in_force import policy_in_force
from registry.review import cases as review
from registry.review.case_lists import list_cases
from registry.review.finding import open_case
from registry.review.workflow import OPEN
from registry.web.case_projects import projects_of
from registry.web.catalogues import gettext, marked, ngettext
from registry.web.forms import refusal_text
from registry.web.lists import asked_filters, asked_page, first_address, next_address
from registry.web.pages import Answer, pages, see
from registry.web.said import say
from registry.web.visitors import page_language

FILTERS: Final = (
    "status",
    "assignee",
    "is_assigned",
    "overdue",
    "severity",
    "rule",
    "sector",
    "region",
    "agency",
    "project",
    "due_on_from",
    "due_on_to",
)
# Those that the page offers as choices; the tabs set the others.
CHOICES: Final = ("severity", "sector", "region")
SORTS: Final = {
    "due_on": marked("What is due first"),
    "-severity": marked("The gravest first"),
    "-opened_at": marked("Newest first"),
}
ANY_OPEN: Final = ",".join(status.value for status in OPEN)
ME: Final = "me"
# (text, filters); ``me`` stands for the person's own name.
OVERSIGHT_TABS: Final = (
    (marked("My work"), {"status": "under_review,awaiting_confirmation", "assignee": ME}, Permission.CASES_REVIEW),
    (marked("Team queue"), {"status": "new"}, Permission.CASES_READ),
    (marked("Overdue"), {"overdue": "true"}, Permission.CASES_READ),
    (marked("Waiting for the agency"), {"status": "awaiting_agency"}, Permission.CASES_READ),
    (marked("Waiting for my approval"), {"status": "awaiting_approval"}, Permission.CASES_APPROVE),
    (marked("Cleared, to confirm"), {"status": "awaiting_confirmation"}, Permission.CASES_READ),
    (marked("All open"), {"status": ANY_OPEN}, Permission.CASES_READ),
    (marked("Closed"), {"status": "closed"}, Permission.CASES_READ),
)
AGENCY_TABS: Final = (
    (marked("To answer"), {"status": "awaiting_agency"}, Permission.CASES_READ),
    (marked("To put right"), {"status": "remediation"}, Permission.CASES_READ),
    (marked("All open"), {"status": ANY_OPEN}, Permission.CASES_READ),
    (marked("Closed"), {"status": "closed"}, Permission.CASES_READ),
)
AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True)
class Tab:
    """A work list. ``here`` is true for the one on the page."""

    text: str
    address: str
    here: bool


@pages.page("/cases", needs=Permission.CASES_READ)
def cases(by: Actor) -> Answer:
    """The cases that the filters leave; without any, the first of the person's lists that is for work."""
    filters = asked_filters(FILTERS)
    if not filters:
        return see("cases", **usual_list(by))
    listing = list_cases(by, filters, asked_page(), page_language())
    language = page_language()
    return render_template(
        "cases.html",
        by=by,
        items=listing.items,
        projects=projects_of(by, listing.items),
        tabs=_tabs(by, filters),
        filters=filters,
        choices=CHOICES,
        rules={name: rule.title[language] for name, rule in policy_in_force().rules.items()},
        sorts=SORTS,
        sort=request.args.get("sort") or "due_on",
        confirming=filters.get("status") == "awaiting_confirmation" and by.may(Permission.CASES_REVIEW),
        next_address=next_address(listing.next),
        first_address=first_address(),
    )


@pages.page("/cases/confirmation", needs=Permission.CASES_REVIEW, methods=("POST",))
def confirm_cases(by: Actor) -> Answer:
    """Confirm the chosen cases; each stands or falls alone, and what fell is told."""
    chosen = [
        int(sent) for sent in request.form.getlist("case") if sent.isascii() and sent.isdigit() and len(sent) < 10
    ]
    confirmed, refused = review.confirm_many(by, chosen[:AT_ONCE])
    count = len(confirmed)
    if chosen:
        say(
            ngettext("%(num)s case is confirmed and closed.", "%(num)s cases are confirmed and closed.", count)
            % {"num": count}
        )
    else:
        say(gettext("No case was chosen."))
    for case_id, refusal in refused:
        say(f"{case_id}: {refusal_text(refusal)}")
    return see("cases", status="awaiting_confirmation")


@pages.page("/projects/<number>/case", needs=Permission.CASES_REVIEW, methods=("POST",))
def open_project_case(by: Actor, number: str) -> Answer:
    """Open a case for a project on the watch list."""
    case = open_case(by, number)
    say(gettext("The case is opened."))
    return see("case", case_id=case.id)


def usual_list(by: Actor) -> dict[str, str]:
    """The filters of the list that somebody begins with: the agency's questions, a reviewer's queue."""
    if by.role in AGENCY_ROLES or not by.may(Permission.CASES_REVIEW):
        return {"status": ANY_OPEN}
    return {"status": "new"}


def _tabs(by: Actor, filters: dict[str, str]) -> list[Tab]:
    tabs = []
    for text, given, permission in AGENCY_TABS if by.role in AGENCY_ROLES else OVERSIGHT_TABS:
        if by.may(permission):
            wanted = {name: by.principal if value == ME else value for name, value in given.items()}
            here = all(filters.get(name) == wanted.get(name) for name in ("status", "assignee", "overdue"))
            tabs.append(Tab(gettext(text), f"{url_for('web.cases')}?{urlencode(wanted)}", here))
    return tabs
