"""Pages of several cases: work lists, the watch list, the team and its work, and templates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from operator import itemgetter
from typing import Any, Final
from urllib.parse import urlencode

from flask import redirect, render_template, request, url_for

from registry.accounts.absences import substituted_by, substitutions
from registry.accounts.roles import AGENCY_ROLES, Actor, Permission
from registry.agencies.pages import address_with_agency, agency_filter, names_no_agency
from registry.audits.pages import main_findings, rule_titles
from registry.cases.lists import (
    ANY_OPEN,
    CASE_LIST,
    DEFAULT_WATCH_SORT,
    MAX_COUNTED,
    ListTotals,
    count_cases,
    list_cases,
    list_totals,
    list_watched,
    position_of,
)
from registry.cases.models import Case
from registry.cases.orders import APPEAL_LIST, ORDER_LIST
from registry.cases.queries import reviewers
from registry.cases.schemas import TEMPLATE_BODY, TEMPLATE_PATCH
from registry.cases.service import open_case
from registry.cases.team import OF_OTHERS, OF_OVERSIGHT, OF_REVIEWERS, team
from registry.cases.text_templates import (
    FIELDS,
    PLACEHOLDERS,
    TEMPLATE_LIST,
    add_template,
    change_template,
    delete_template,
    find_template,
    find_template_to_change,
)
from registry.cases.vocabulary import ActionName, Status
from registry.cases.workflow import ACTIONS, ORDERING
from registry.core.clock import local_date, now
from registry.core.database import transaction
from registry.core.lists import Listing, Page, RecordList
from registry.core.spreadsheets.writer import Cell
from registry.core.translations import LANGUAGE_NAMES, OFFICIAL_LANGUAGES, lazy_text
from registry.projects.filters import BELOW
from registry.projects.models import Project
from registry.projects.pages import projects_of
from registry.projects.queries import projects_numbered
from registry.saved_views.models import ViewList
from registry.saved_views.pages import view_line
from registry.web.blueprint import Answer, flash_changes, flash_message, pages, parent_page, redirect_to
from registry.web.current_user import page_locale
from registry.web.formats import gettext as _
from registry.web.formats import number
from registry.web.forms import FormPage, answer_form, as_typed, form_field
from registry.web.labels import choice_label, field_label, name_in_page_language, options
from registry.web.lists import (
    ENDINGS,
    TableColumn,
    download_list,
    list_address,
    render_list,
    requested_filters,
    requested_page,
)

# Work list tabs: which roles have which lists, and the number of cases in each.

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
ORDERS: Final = WorkList(lazy_text("Orders"), Permission.ORDERS_READ, {}, "web.orders", counted=False)
APPEALS: Final = WorkList(lazy_text("Appeals"), Permission.ORDERS_READ, {}, "web.appeals", counted=False)
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
    ORDERS,
    APPEALS,
    WorkList(lazy_text("Watch list"), Permission.CASES_READ, {}, "web.watch_list", counted=False),
    ENDING,
    WorkList(lazy_text("Team"), Permission.TEAM_READ, {}, "web.team_work", counted=False),
)
AGENCY: Final = (
    WorkList(lazy_text("To answer"), Permission.CASES_READ, {"status": "awaiting_agency"}),
    WorkList(lazy_text("To correct"), Permission.CASES_READ, {"status": "remediation"}),
    ALL_OPEN,
    CLOSED,
    ORDERS,
    APPEALS,
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
        shown.append(Tab(_(each.text), address + query, here, next(counts) if each.counted else None))
    return shown


def own_assignees(actor: Actor) -> str:
    """Return the filter value of the actor's own cases: the actor and the people whose deputy the actor is today."""
    return ",".join([actor.principal, *substituted_by(actor)])


def usual_list(actor: Actor) -> dict[str, str]:
    """Return the filters of the default list: the agency's open cases or a reviewer's queue."""
    if actor.role in AGENCY_ROLES or not actor.may(Permission.CASES_REVIEW):
        return {"status": ANY_OPEN}
    return {"status": "new"}


# Position in the list from which a case was opened, carried in the query string from case to case.

FILTERS: Final = (*CASE_LIST.filters, BELOW)


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


def neighbours_of(actor: Actor, position: Mapping[str, str]) -> dict[str, Any]:
    """Return which case of its list the opened one is (``number`` of ``total``, None when unknown), and the address of
    the one before; empty when the case was not opened from a list.
    """
    if not position:
        return {}
    filters = {name: value for name, value in position.items() if name not in ("sort", "cursor")}
    # Two before the next case begins the one before this one.
    totals = list_totals(actor, filters, Page(2, position["cursor"], position.get("sort")))
    before = {name: value for name, value in position.items() if name != "cursor"}
    if totals.previous is not None:
        before["cursor"] = totals.previous
    has_previous = totals.before is not None and totals.before > 1
    return {
        "number": totals.before,
        "total": totals.total,
        "previous": f"{url_for('web.next_case')}?{urlencode(before)}" if has_previous else None,
    }


# Columns and rows of case exports: the content of the list page as texts and dates.


def case_columns(actor: Actor) -> list[TableColumn]:
    """Return the columns of a case with its project. Agencies see neither the reviewer nor proposals."""
    oversight_only: list[TableColumn] = [
        (field_label("assignee"), lambda row: row[0]["assignee"]),
        (_("Proposed"), lambda row: row[0]["proposal"] and choice_label("decision", row[0]["proposal"]["decision"])),
        (field_label("proposed_by"), lambda row: row[0]["proposal"] and row[0]["proposal"]["proposed_by"]),
    ]
    return [
        (_("Case"), lambda row: row[0]["id"]),
        (field_label("number"), lambda row: row[0]["project"]),
        (_("Project"), lambda row: name_in_page_language(row[1])),
        (field_label("bin"), lambda row: row[0]["agency"]),
        (field_label("agency"), lambda row: name_in_page_language(row[1].agency)),
        (field_label("severity"), lambda row: choice_label("severity", row[0]["severity"])),
        (_("Flags"), lambda row: "; ".join(flag["title"] for flag in main_findings(row[0]))),
        (field_label("status"), lambda row: choice_label("case_status", row[0]["status"])),
        (field_label("due_on"), lambda row: row[0]["due_on"]),
        (_("Overdue"), lambda row: choice_label("overdue", row[0]["is_overdue"])),
        *(() if actor.role in AGENCY_ROLES else oversight_only),
        (_("Opened"), lambda row: local_date(row[0]["opened_at"])),
        (_("Closed"), lambda row: row[0]["closed_at"] and local_date(row[0]["closed_at"])),
        (field_label("outcome"), lambda row: row[0]["outcome"] and choice_label("outcome", row[0]["outcome"])),
    ]


def with_projects(actor: Actor, cases: Sequence[Mapping[str, Any]]) -> list[tuple[Mapping[str, Any], Project]]:
    """Return the cases with their projects."""
    projects = projects_of(actor, cases)
    return [(case, projects[case["project"]]) for case in cases if case["project"] in projects]


# Work lists: the queue with its tabs, each a set of filters.

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
# No action of a case: its page, and from there the next of the chosen ones.
REVIEW: Final = "review"
BULK_LABELS: Final[Mapping[str, str]] = {
    ActionName.CLAIM: lazy_text("Take"),
    ActionName.CONFIRM: lazy_text("Confirm"),
    ActionName.ASSIGN: lazy_text("Assign"),
    ActionName.ASK: lazy_text("Ask the agencies"),
    ActionName.PROPOSE: lazy_text("Propose a decision"),
    ActionName.APPROVE: lazy_text("Approve the decisions"),
    REVIEW: lazy_text("Review one by one"),
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
    sort = page.sort or CASE_LIST.default_sort
    if names_no_agency(filters):
        listing, totals = Listing([], None), ListTotals(0, 0, None)
    else:
        listing, totals = list_cases(actor, filters, page, page_locale()), list_totals(actor, filters, page)
    is_closed = filters.get("status") == Status.CLOSED.value
    offered_reviewers, agency = _offered_reviewers(actor, filters), agency_filter(actor, filters, with_below=True)
    fields = {"q", *CHOICES, "rule", *DATES, *(OF_CLOSED if is_closed else ()), *((BELOW,) if agency else ())}
    if offered_reviewers:
        fields.add("assignee")
    lists = tabs(actor, filters)
    kept = [name for name in filters if name not in fields]
    named = (*(OF_TABS if any(each.here for each in lists) else ()), *(("agency",) if agency else ()))
    return render_list(
        "cases/list.html",
        listing,
        actor=actor,
        projects=projects_of(actor, listing.items),
        is_closed=is_closed,
        totals_text=_totals_text(totals, len(listing.items)),
        offered_reviewers=offered_reviewers,
        tabs=lists,
        filters=filters,
        kept=kept,
        unnamed=[name for name in kept if name not in named],
        narrowed=any(name not in (*OF_TABS, "q") for name in filters),
        place=requested_list(),
        saved=view_line(actor, ViewList.CASES, requested_list()),
        agency=agency,
        choices=CHOICES,
        rules=rule_titles(),
        sorts=_offered_sorts(actor, sort, is_closed=is_closed),
        sort=sort,
        actions=_offered_actions(actor, filters) if actor.may(Permission.CASES_REVIEW) else [],
        bulk_labels={name: _(text) for name, text in BULK_LABELS.items()},
        none_chosen=none_chosen,
        previous_address=None if totals.previous is None else list_address(cursor=totals.previous),
    )


def _totals_text(totals: ListTotals, shown: int) -> str:
    if totals.before is None:
        return _("More than %(count)s cases") % {"count": number(MAX_COUNTED)}
    first, last = number(totals.before + 1), number(totals.before + shown)
    if totals.total is None:
        text = _("Cases %(first)s–%(last)s of more than %(count)s")
        return text % {"first": first, "last": last, "count": number(MAX_COUNTED)}
    text = _("Cases %(first)s–%(last)s of %(count)s")
    return text % {"first": first, "last": last, "count": number(totals.total)}


def _offered_actions(actor: Actor, filters: Mapping[str, str]) -> list[str]:
    """Return the actions of the actor that some status of the list permits. The service checks each case."""
    status = Status.AWAITING_APPROVAL if filters.get("to_approve") == "true" else filters.get("status", "")
    statuses = [code for code in status.split(",") if code in Status.codes()] or list(Status.codes())
    names = [name for name in BULK_LABELS if name in ACTIONS and actor.may(ACTIONS[name].needs)]
    possible = [name for name in names if any(Status(code) in ACTIONS[name].transitions for code in statuses)]
    return [*possible, REVIEW] if possible else []


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
        case_columns(actor),
        lambda page: list_cases(actor, filters, page, language),
        lambda items: with_projects(actor, items),
    )


@pages.page("/cases/next", needs=Permission.CASES_READ)
def next_case(actor: Actor) -> Answer:
    """Redirect to the next case of the list, or to the list after its last case."""
    items = list_cases(actor, requested_filters(FILTERS), requested_page(1), page_locale()).items
    if items:
        return redirect_to("case", case_id=items[0]["id"], **requested_list())
    flash_message(_("That was the last case of this list."), "information")
    return redirect_to("cases", **requested_list())


def no_case_chosen(actor: Actor) -> str:
    """Return the list with the error that none of its cases is chosen."""
    return _page(actor, requested_filters(FILTERS) or usual_list(actor), none_chosen=True)


# Watch list page and opening a case from it.

WATCH_CHOICES: Final = ("work_type", "stage", "placement", "sector", "region")
WATCH_FILTERS: Final = ("q", "rule", *WATCH_CHOICES, "agency")
WATCH_SORTS: Final = {
    "-registered_at": lazy_text("Newest first"),
    "-budget_kzt": lazy_text("Largest budget first"),
    "started_on": lazy_text("Earliest start first"),
}
WATCH_COLUMNS: Final = ("work_type", "stage", "placement", "started_on", "budget_kzt")


@pages.page("/cases/watch-list", needs=Permission.CASES_READ)
def watch_list(actor: Actor) -> Answer:
    """List the projects whose findings open no case."""
    address = address_with_agency(actor)
    if address is not None:
        return redirect(address)
    filters = requested_filters(WATCH_FILTERS)
    nothing = names_no_agency(filters)
    listing = Listing([], None) if nothing else list_watched(actor, filters, requested_page(), page_locale())
    return render_list(
        "cases/watch_list.html",
        listing,
        actor=actor,
        projects=projects_numbered(actor, (item["number"] for item in listing.items)),
        tabs=tabs(actor, {}),
        filters=filters,
        agency=agency_filter(actor, filters),
        choices=WATCH_CHOICES,
        rules=rule_titles(),
        sorts=WATCH_SORTS,
        sort=request.args.get("sort") or DEFAULT_WATCH_SORT,
    )


@pages.page(f"/cases/watch-list.<{ENDINGS}:ending>", needs=Permission.CASES_READ)
def watch_list_table(actor: Actor, ending: str) -> Answer:
    """Download the whole watch list as a table."""
    filters, language = requested_filters(WATCH_FILTERS), page_locale()
    columns: list[TableColumn] = [
        (field_label("number"), lambda row: row[0]["number"]),
        (_("Project"), lambda row: name_in_page_language(row[0])),
        (field_label("bin"), lambda row: row[0]["agency"]),
        (field_label("agency"), lambda row: name_in_page_language(row[1].agency)),
        (_("Flags"), lambda row: "; ".join(flag["title"] for flag in row[0]["flags"])),
        (_("Flagged since"), lambda row: min(flag["opened_on"] for flag in row[0]["flags"])),
        *((field_label(name), partial(_watch_cell, name)) for name in WATCH_COLUMNS),
    ]

    def with_their_projects(items: Sequence[Mapping[str, Any]]) -> list[tuple[Mapping[str, Any], Project]]:
        projects = projects_numbered(actor, (item["number"] for item in items))
        return [(item, projects[item["number"]]) for item in items if item["number"] in projects]

    return download_list(
        ending,
        "watch-list",
        columns,
        lambda page: list_watched(actor, filters, page, language),
        with_their_projects,
    )


@pages.page("/projects/<number>/case", needs=Permission.CASES_REVIEW, methods=("POST",))
def open_project_case(actor: Actor, number: str) -> Answer:
    """Open a case for a project on the watch list."""
    case = open_case(actor, number)
    flash_message(_("The case is opened."))
    return redirect_to("case", case_id=case.id)


def _watch_cell(name: str, row: tuple[Mapping[str, Any], Project]) -> Cell:
    value: Cell = row[0][name]
    return choice_label(name, value) if isinstance(value, str) else value


# The page on the team's work, for supervisors.

OTHERS: Final[Mapping[str, str]] = {"supervisors": lazy_text("Supervisors"), "agencies": lazy_text("Agencies")}


@pages.page("/cases/team", needs=Permission.TEAM_READ)
def team_work(actor: Actor) -> Answer:
    """Show load, age, overdue cases and time to decision, by person, by others and by rule."""
    work = team(actor)
    return render_template(
        "cases/team.html",
        actor=actor,
        tabs=tabs(actor, dict(request.args)),
        people=[_team_row(row, _of_person(row["key"]), OF_REVIEWERS) for row in work["people"]],
        others=[_team_row(row, {}, OF_OTHERS[row["key"]]) for row in work["others"]],
        names_of_others={key: _(name) for key, name in OTHERS.items()},
        rules=[_team_row(row, {"rule": row["key"]}, OF_OVERSIGHT) for row in work["rules"]],
        titles=rule_titles(),
        absent={each.absent: each.deputy for each in substitutions()},
        any_open=ANY_OPEN,
    )


def _of_person(name: str | None) -> dict[str, str]:
    return {"is_assigned": "false"} if name is None else {"assignee": name}


def _team_row(row: Mapping[str, Any], links: Mapping[str, str], waiting: Sequence[Status]) -> dict[str, Any]:
    """Return the row with the age of the oldest case in days, and the filters of the lists that it counts."""
    oldest = row["oldest_opened_at"]
    statuses = ",".join(status.value for status in waiting)
    return {
        **row,
        "oldest_days": None if oldest is None else (now() - oldest).days,
        "links": links,
        "waiting": statuses,
    }


# Pages of the templates of questions and reasons, for supervisors: list, add, change, delete.

BOTH: Final = ("GET", "POST")


@pages.page("/cases/templates", needs=Permission.CASES_LEAD)
def case_templates(actor: Actor) -> Answer:
    """List the templates, narrowed by kind, rule and language."""
    filters = requested_filters(TEMPLATE_LIST.filters)
    return render_list(
        "cases/text_templates.html",
        TEMPLATE_LIST.read(actor, filters, requested_page()),
        filters=filters,
        kinds=options("template_kind"),
        rules=list(rule_titles().items()),
        titles=rule_titles(),
        language_names=LANGUAGE_NAMES,
        languages_of_texts=[(code, LANGUAGE_NAMES[code]) for code in OFFICIAL_LANGUAGES],
    )


@pages.page("/cases/templates/new", needs=Permission.CASES_LEAD, methods=BOTH)
def new_case_template(actor: Actor) -> Answer:
    """Add a template."""

    def act(values: dict[str, Any]) -> Answer:
        with transaction():
            add_template(actor, values)
        flash_message(_("Template added."))
        return redirect_to("case_templates")

    return answer_form(_template_form(_("Add a template"), _("Add")), act)


@pages.page("/cases/templates/<row_id:template_id>", needs=Permission.CASES_LEAD, methods=BOTH)
def case_template(actor: Actor, template_id: int) -> Answer:
    """Change a template."""
    template = find_template(actor, template_id)

    def act(values: dict[str, Any]) -> Answer:
        with transaction():
            changes = change_template(actor, find_template_to_change(actor, template_id), values)
        flash_changes(changes)
        return redirect_to("case_templates")

    present = {name: as_typed(getattr(template, name)) for name in FIELDS}
    page = replace(
        _template_form(_("Change the template"), _("Save")),
        schema=TEMPLATE_PATCH,
        edits=True,
        revision=template.version,
    )
    return answer_form(page, act, present)


@pages.page("/cases/templates/<row_id:template_id>/deletion", needs=Permission.CASES_LEAD, methods=("POST",))
def delete_case_template(actor: Actor, template_id: int) -> Answer:
    """Delete a template; the journal keeps its text."""
    with transaction():
        delete_template(actor, find_template_to_change(actor, template_id))
    flash_message(_("Template deleted."))
    return redirect_to("case_templates")


def _template_form(title: str, submit: str) -> FormPage:
    hint = _("These are filled in: %(names)s.") % {"names": ", ".join(f"{{{name}}}" for name in PLACEHOLDERS)}
    languages = [(code, LANGUAGE_NAMES[code]) for code in OFFICIAL_LANGUAGES]
    return FormPage(
        title,
        submit,
        url_for("web.case_templates"),
        [
            form_field("kind", "radios", label=_("Used for"), choices=options("template_kind")),
            form_field(
                "rule", "select", hint=_("Without a rule the template is offered on every case."), choices=_rules()
            ),
            form_field("language", "radios", label=_("Language"), choices=languages),
            form_field("title", "text", label=_("Title")),
            form_field("text", "area", label=_("Text"), hint=hint),
        ],
        TEMPLATE_BODY,
        labels={"kind": _("Used for")},
    )


def _rules() -> list[tuple[str, str]]:
    return list(rule_titles().items())


# The register of orders.

ORDER_CHOICES: Final = ("sector", "region")
ORDER_FILTERS: Final = (
    "state",
    "fulfilment_claimed",
    "decision",
    *ORDER_CHOICES,
    "agency",
    "project",
    "due_on_from",
    "due_on_to",
)
ORDER_SORTS: Final = {"due_on": lazy_text("Earliest due date first"), "-id": lazy_text("Newest first")}


def _render_records(
    actor: Actor, template: str, records: RecordList[Any], names: Sequence[str], **shown: Any
) -> Answer:
    """Render a list of orders or appeals: only those that match the filters of these names."""
    address = address_with_agency(actor)
    if address is not None:
        return redirect(address)
    filters = requested_filters(names)
    return render_list(
        template,
        Listing([], None) if names_no_agency(filters) else records.read(actor, filters, requested_page()),
        actor=actor,
        tabs=tabs(actor, {}),
        filters=filters,
        agency=agency_filter(actor, filters),
        choices=ORDER_CHOICES,
        sort=request.args.get("sort") or records.default_sort,
        **shown,
    )


@pages.page("/orders", needs=Permission.ORDERS_READ)
def orders(actor: Actor) -> Answer:
    """List the orders that match the filters."""
    decisions = [(code, label) for code, label in options("decision") if code in ORDERING]
    shown = {"states": options("order_state"), "decisions": decisions, "sorts": ORDER_SORTS}
    return _render_records(actor, "cases/orders.html", ORDER_LIST, ORDER_FILTERS, **shown)


@pages.page(f"/orders.<{ENDINGS}:ending>", needs=Permission.ORDERS_READ)
def orders_table(actor: Actor, ending: str) -> Answer:
    """Download all matching orders as a table."""
    filters = requested_filters(ORDER_FILTERS)
    columns: list[TableColumn] = [
        (field_label("number"), itemgetter("project")),
        (_("Project"), name_in_page_language),
        (field_label("bin"), itemgetter("agency")),
        (field_label("agency"), lambda row: name_in_page_language(row["agency_names"])),
        (field_label("decision"), lambda row: choice_label("decision", row["decision"])),
        (field_label("due_on"), itemgetter("due_on")),
        (_("Days left"), itemgetter("days_left")),
        (_("State"), lambda row: choice_label("order_state", row["state"])),
        (field_label("fulfilment_claimed"), lambda row: choice_label("fulfilment_claimed", row["fulfilment_claimed"])),
        (_("Case"), itemgetter("case")),
    ]
    return download_list(ending, "orders", columns, lambda page: ORDER_LIST.read(actor, filters, page))


# The register of appeals.

APPEAL_FILTERS: Final = ("state", "outcome", *ORDER_CHOICES, "agency", "project")
APPEAL_SORTS: Final = {"-id": lazy_text("Newest first"), "id": lazy_text("Oldest first")}


@pages.page("/appeals", needs=Permission.ORDERS_READ)
def appeals(actor: Actor) -> Answer:
    """List the appeals that match the filters."""
    shown = {"states": options("appeal_state"), "outcomes": options("appeal_outcome"), "sorts": APPEAL_SORTS}
    return _render_records(actor, "cases/appeals.html", APPEAL_LIST, APPEAL_FILTERS, **shown)


@pages.page(f"/appeals.<{ENDINGS}:ending>", needs=Permission.ORDERS_READ)
def appeals_table(actor: Actor, ending: str) -> Answer:
    """Download all matching appeals as a table."""
    filters = requested_filters(APPEAL_FILTERS)
    columns: list[TableColumn] = [
        (field_label("number"), itemgetter("project")),
        (_("Project"), name_in_page_language),
        (field_label("bin"), itemgetter("agency")),
        (field_label("agency"), lambda row: name_in_page_language(row["agency_names"])),
        (field_label("decision"), lambda row: choice_label("decision", row["decision"])),
        (_("Appealed"), lambda row: local_date(row["appealed_at"])),
        (_("State"), lambda row: choice_label("appeal_state", row["state"])),
        (field_label("due_on"), itemgetter("due_on")),
        (field_label("appeal_outcome"), lambda row: row["outcome"] and choice_label("appeal_outcome", row["outcome"])),
        (
            field_label("court_outcome"),
            lambda row: row["court_outcome"] and choice_label("court_outcome", row["court_outcome"]),
        ),
        (_("Case"), itemgetter("case")),
    ]
    return download_list(ending, "appeals", columns, lambda page: APPEAL_LIST.read(actor, filters, page))
