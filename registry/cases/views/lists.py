"""Lists of cases: work lists with their tabs, where a page of them stands, and exports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from flask import redirect, render_template, request

from registry.accounts.actors import Actor
from registry.accounts.roles import AGENCY_ROLES, Permission
from registry.agencies.pages import address_with_agency, agency_filter, names_no_agency
from registry.audits.pages import main_findings, rule_titles
from registry.cases.lists import DEFAULT_SORT, MAX_COUNTED, ListTotals, list_cases, list_totals, position_of
from registry.cases.models import Case
from registry.cases.queries import reviewers
from registry.cases.views.work_lists import OF_TABS, tabs, usual_list
from registry.cases.vocabulary import ActionName, Status
from registry.cases.workflow import ACTIONS
from registry.core.clock import local_date
from registry.core.lists import Listing
from registry.core.spreadsheets.writer import Cell, Rows
from registry.core.translations import lazy_text
from registry.projects.filters import BELOW
from registry.projects.models import Project
from registry.projects.views.links import projects_of
from registry.saved_views.pages import view_line
from registry.saved_views.vocabulary import ViewList
from registry.web.blueprint import Answer, pages, redirect_to
from registry.web.current_user import page_locale
from registry.web.flash import flash_message
from registry.web.formats import gettext, number
from registry.web.formats import gettext as _
from registry.web.labels import choice_label, field_label, name_in_page_language
from registry.web.lists import (
    ENDINGS,
    download_list,
    first_address,
    list_address,
    next_address,
    requested_filters,
    requested_page,
)

# Position in the list from which a case was opened, carried in the query string from case to case.

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


# Columns and rows of case exports: the content of the list page as texts and dates.


def case_header(actor: Actor) -> list[str]:
    """Return the column headings. Agencies see neither the reviewer nor proposals."""
    oversight_only = (
        [] if actor.role in AGENCY_ROLES else [field_label("assignee"), _("Proposed"), field_label("proposed_by")]
    )
    return [
        _("Case"),
        field_label("number"),
        _("Project"),
        field_label("bin"),
        field_label("agency"),
        field_label("severity"),
        _("Flags"),
        field_label("status"),
        field_label("due_on"),
        _("Overdue"),
        *oversight_only,
        _("Opened"),
        _("Closed"),
    ]


def case_rows(actor: Actor, items: Sequence[Mapping[str, Any]]) -> Rows:
    """Return one row per case."""
    projects = projects_of(actor, items)
    return [_row(actor, item, projects[item["project"]]) for item in items if item["project"] in projects]


def _row(actor: Actor, item: Mapping[str, Any], project: Project) -> list[Cell]:
    oversight_only: list[Cell] = []
    if actor.role not in AGENCY_ROLES:
        proposal = item["proposal"]
        oversight_only = [item["assignee"], None, None]
        if proposal is not None:
            oversight_only[1:] = [choice_label("decision", proposal["decision"]), proposal["proposed_by"]]
    return [
        item["id"],
        item["project"],
        name_in_page_language(project),
        item["agency"],
        name_in_page_language(project.agency),
        choice_label("severity", item["severity"]),
        "; ".join(flag["title"] for flag in main_findings(item)),
        choice_label("case_status", item["status"]),
        item["due_on"],
        choice_label("overdue", item["is_overdue"]),
        *oversight_only,
        local_date(item["opened_at"]),
        local_date(item["closed_at"]) if item["closed_at"] is not None else None,
    ]


# Work lists of cases: the queue with its tabs, each a set of filters, and bulk confirmation.

# Filters offered on the page; the tabs set the others.
CHOICES: Final = ("severity", "sector", "region")
DATES: Final = ("opened_at_from", "opened_at_to")
OF_CLOSED: Final = ("outcome", "closed_at_from", "closed_at_to")
SORTS: Final = {
    "due_on": lazy_text("Earliest due date first"),
    "-severity": lazy_text("Highest severity first"),
    "-opened_at": lazy_text("Newest first"),
    "opened_at": lazy_text("Oldest first"),
    "-budget_kzt": lazy_text("Largest budget first"),
    "assignee": lazy_text("By reviewer"),
    "-closed_at": lazy_text("Last closed first"),
    "outcome": lazy_text("By outcome"),
}
# The other directions, by the headings of the table.
REVERSED: Final = {
    "-due_on": lazy_text("Latest due date first"),
    "severity": lazy_text("Lowest severity first"),
    "budget_kzt": lazy_text("Smallest budget first"),
    "-assignee": lazy_text("By reviewer, last first"),
    "closed_at": lazy_text("First closed first"),
    "-outcome": lazy_text("By outcome, last first"),
}
# Orders of closed cases only, and of lists that show the reviewer.
OF_CLOSED_ONLY: Final = ("closed_at", "outcome")
NOT_FOR_AGENCIES: Final = ("assignee",)
BULK_LABELS: Final = {
    ActionName.CLAIM: lazy_text("Take"),
    ActionName.CONFIRM: lazy_text("Confirm"),
    ActionName.ASSIGN: lazy_text("Assign"),
    ActionName.ASK: lazy_text("Ask the agencies"),
}


@pages.page("/cases", needs=Permission.CASES_READ)
def cases(actor: Actor) -> Answer:
    """List the cases that match the filters; without filters, the person's first work list."""
    filters = requested_filters(FILTERS)
    if not filters:
        return redirect_to("cases", **usual_list(actor))
    address = address_with_agency(actor)
    return _page(actor, filters) if address is None else redirect(address)


def _page(actor: Actor, filters: Mapping[str, str], *, none_chosen: bool = False) -> str:
    page = requested_page()
    sort = page.sort or DEFAULT_SORT
    if names_no_agency(filters):
        listing, totals = Listing([], None), ListTotals(0, 0, None)
    else:
        listing, totals = list_cases(actor, filters, page, page_locale()), list_totals(actor, filters, page)
    is_closed = filters.get("status") == Status.CLOSED.value
    offered_reviewers, agency = _offered_reviewers(actor, filters), agency_filter(actor, filters, with_below=True)
    fields = {"q", *CHOICES, "rule", *DATES, *(OF_CLOSED if is_closed else ()), *((BELOW,) if agency else ())}
    if offered_reviewers:
        fields.add("assignee")
    return render_template(
        "cases/list.html",
        actor=actor,
        items=listing.items,
        projects=projects_of(actor, listing.items),
        is_closed=is_closed,
        totals_text=_totals_text(totals, len(listing.items)),
        offered_reviewers=offered_reviewers,
        tabs=tabs(actor, filters),
        filters=filters,
        kept=[name for name in filters if name not in fields],
        narrowed=any(name not in (*OF_TABS, "q") for name in filters),
        place=requested_list(),
        saved=view_line(actor, ViewList.CASES, requested_list()),
        agency=agency,
        choices=CHOICES,
        rules=rule_titles(),
        sorts=_offered_sorts(actor, sort, is_closed=is_closed),
        sort=sort,
        actions=_offered_actions(filters) if actor.may(Permission.CASES_REVIEW) else [],
        bulk_labels={name: gettext(text) for name, text in BULK_LABELS.items()},
        none_chosen=none_chosen,
        next_address=next_address(listing.next),
        previous_address=None if totals.previous is None else list_address(cursor=totals.previous),
        first_address=first_address(),
    )


def _totals_text(totals: ListTotals, shown: int) -> str:
    if totals.before is None:
        return gettext("More than %(count)s cases") % {"count": number(MAX_COUNTED)}
    first, last = number(totals.before + 1), number(totals.before + shown)
    if totals.total is None:
        text = gettext("Cases %(first)s–%(last)s of more than %(count)s")
        return text % {"first": first, "last": last, "count": number(MAX_COUNTED)}
    text = gettext("Cases %(first)s–%(last)s of %(count)s")
    return text % {"first": first, "last": last, "count": number(totals.total)}


def _offered_actions(filters: Mapping[str, str]) -> list[str]:
    """Return the actions that some status of the list permits. The service checks each case."""
    statuses = [code for code in filters.get("status", "").split(",") if code in Status.codes()] or list(Status.codes())
    return [name for name in BULK_LABELS if any(Status(code) in ACTIONS[name].transitions for code in statuses)]


def _offered_reviewers(actor: Actor, filters: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return the choices of the filter on reviewers; none for agencies, and for a list of several reviewers' cases."""
    if actor.role in AGENCY_ROLES or "," in filters.get("assignee", ""):
        return []
    given = filters.get("assignee")
    return [(name, name) for name in sorted({*reviewers(), *([given] if given else [])})]


def _offered_sorts(actor: Actor, sort: str, *, is_closed: bool) -> dict[str, str]:
    left_out = (*(() if is_closed else OF_CLOSED_ONLY), *(NOT_FOR_AGENCIES if actor.role in AGENCY_ROLES else ()))
    offered = {name: text for name, text in SORTS.items() if name.removeprefix("-") not in left_out}
    return offered | {name: text for name, text in {**SORTS, **REVERSED}.items() if name == sort}


@pages.page(f"/cases.<{ENDINGS}:ending>", needs=Permission.CASES_READ)
def cases_table(actor: Actor, ending: str) -> Answer:
    """Download all matching cases as a table."""
    filters, language = requested_filters(FILTERS), page_locale()
    return download_list(
        ending,
        "cases",
        case_header(actor),
        lambda page: list_cases(actor, filters, page, language),
        lambda items: case_rows(actor, items),
    )


@pages.page("/cases/next", needs=Permission.CASES_READ)
def next_case(actor: Actor) -> Answer:
    """Redirect to the next case of the list, or to the list after its last case."""
    items = list_cases(actor, requested_filters(FILTERS), requested_page(1), page_locale()).items
    if items:
        return redirect_to("case", case_id=items[0]["id"], **requested_list())
    flash_message(gettext("That was the last case of this list."), "information")
    return redirect_to("cases", **requested_list())


def no_case_chosen(actor: Actor) -> str:
    """Return the list with the error that none of its cases is chosen."""
    return _page(actor, requested_filters(FILTERS) or usual_list(actor), none_chosen=True)
