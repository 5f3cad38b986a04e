"""Pages of several cases: work lists, the watch list, the team and its work, and templates."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final
from urllib.parse import urlencode

from flask import render_template, request, url_for

from registry.accounts.absences import substituted_by, substitutions
from registry.accounts.roles import AGENCY_ROLES, Actor, Permission
from registry.agencies.pages import add_list_pages, list_page
from registry.audits.pages import main_findings, rule_titles
from registry.cases import lists as case_lists, text_templates
from registry.cases.models import Case
from registry.cases.queries import OF_OTHERS, OF_OVERSIGHT, OF_REVIEWERS, reviewers, team
from registry.cases.schemas import TEMPLATE_BODY, TEMPLATE_PATCH
from registry.cases.service import open_case
from registry.cases.vocabulary import ActionName, Status
from registry.cases.workflow import ACTIONS, ORDERING
from registry.core.clock import local_date, now
from registry.core.database import transaction
from registry.core.lists import Listing, Page
from registry.core.spreadsheets.writer import Cell
from registry.core.translations import LANGUAGE_NAMES, OFFICIAL_LANGUAGES, lazy_text
from registry.projects.filters import BELOW
from registry.projects.pages import (
    BY_AGENCY,
    ProjectRow,
    budget_cell,
    of_item,
    project_cell,
    record_columns,
    with_projects,
    work_cell,
)
from registry.saved_views.models import ViewList
from registry.saved_views.pages import view_line
from registry.web.blueprint import BOTH, Answer, flash_changes, flash_message, pages, parent_page, redirect_to
from registry.web.current_user import page_locale
from registry.web.formats import NOTHING, days_since, gettext as _, ngettext, numbered, short_day
from registry.web.forms import FormPage, answer_form, as_typed, form_field
from registry.web.labels import choice_label, field_label, name_in_page_language, options, tag_colour
from registry.web.lists import (
    ListCell,
    ListPage,
    Tab,
    TableColumn,
    choice_column,
    filter_fields,
    plain_column,
    record_cell,
    render_list,
    requested_filters,
    requested_page,
    tag_of,
    with_sort,
)

# Work list tabs: which roles have which lists, and the number of cases in each.

# Placeholder for the actor's name, and those of the people whose deputy the actor is.
ME: Final = "me"
# Filters that define the tabs; all others narrow a tab.
OF_TABS: Final = ("status", "assignee", "overdue", "to_approve")
CASES: Final = "web.cases"


@dataclass(frozen=True, slots=True)
class WorkList:
    """A work list: its page, its filters, the required permission, and whether its cases are counted.

    ``in_line``: among the most used lists; the others are below *More lists*.
    """

    text: str
    required_permission: Permission
    filters: Mapping[str, str]
    page: str = CASES
    counted: bool = True
    in_line: bool = True


ALL_OPEN: Final = WorkList(lazy_text("All open"), Permission.CASES_READ, {"status": case_lists.ANY_OPEN})
CLOSED: Final = WorkList(lazy_text("Closed"), Permission.CASES_READ, {"status": "closed"}, counted=False, in_line=False)
ENDING: Final = WorkList(
    lazy_text("Exemptions ending"),
    Permission.EXEMPTIONS_READ,
    {},
    "web.exemptions_ending",
    counted=False,
    in_line=False,
)
ORDERS: Final = WorkList(lazy_text("Orders"), Permission.ORDERS_READ, {}, "web.orders", counted=False, in_line=False)
APPEALS: Final = WorkList(lazy_text("Appeals"), Permission.ORDERS_READ, {}, "web.appeals", counted=False, in_line=False)
OVERSIGHT: Final = (
    WorkList(
        lazy_text("My work"), Permission.CASES_REVIEW, {"status": "under_review,awaiting_confirmation", "assignee": ME}
    ),
    WorkList(lazy_text("Team queue"), Permission.CASES_READ, {"status": "new"}),
    WorkList(lazy_text("Overdue"), Permission.CASES_READ, {"overdue": "true"}),
    WorkList(lazy_text("Waiting for the agency"), Permission.CASES_READ, {"status": "awaiting_agency"}, in_line=False),
    WorkList(lazy_text("Waiting for my approval"), Permission.CASES_APPROVE, {"to_approve": "true"}),
    WorkList(
        lazy_text("Cleared, to confirm"), Permission.CASES_READ, {"status": "awaiting_confirmation"}, in_line=False
    ),
    ALL_OPEN,
    CLOSED,
    ORDERS,
    APPEALS,
    WorkList(lazy_text("Watch list"), Permission.CASES_READ, {}, "web.watch_list", counted=False, in_line=False),
    ENDING,
    WorkList(lazy_text("Team"), Permission.TEAM_READ, {}, "web.team_work", counted=False, in_line=False),
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
    counts = iter(case_lists.count_cases(actor, counted) if counted else ())
    path = parent_page(request.path)
    shown = []
    for each, list_filters in zip(lists, filters_of_lists, strict=True):
        address = url_for(each.page)
        here = path == address and all(filters.get(name) == list_filters.get(name) for name in OF_TABS)
        query = f"?{urlencode(list_filters)}" if list_filters else ""
        count = next(counts) if each.counted else None
        shown.append(Tab(_(each.text), address + query, here, count, each.in_line or here))
    return shown


def own_assignees(actor: Actor) -> str:
    """Return the filter value of the actor's own cases: the actor and the people whose deputy the actor is today."""
    return ",".join([actor.principal, *substituted_by(actor)])


def usual_list(actor: Actor) -> dict[str, str]:
    """Return the filters of the default list: the agency's open cases or a reviewer's queue."""
    if actor.role in AGENCY_ROLES or not actor.may(Permission.CASES_REVIEW):
        return {"status": case_lists.ANY_OPEN}
    return {"status": "new"}


# Position in the list from which a case was opened, carried in the query string from case to case.

FILTERS: Final = (*case_lists.CASE_LIST.filters, BELOW)


def requested_list() -> dict[str, str]:
    """Return the filters and the sort of the list; empty when the query string has none."""
    filters = requested_filters(FILTERS)
    return with_sort(filters) if filters else {}


def requested_position(case: Case) -> dict[str, str]:
    """Return the list with the cursor of the next case; empty when the case was not opened from a list.

    The cursor is taken when the case is opened, because an action may move the case or remove it from the list.
    """
    position = requested_list()
    if not position:
        return {}
    return position | {"cursor": request.args.get("cursor") or case_lists.position_of(case, position.get("sort"))}


def neighbours_of(actor: Actor, position: Mapping[str, str]) -> dict[str, Any]:
    """Return which case of its list the opened one is (``number`` of ``total``, None when unknown), and the address of
    the one before; empty when the case was not opened from a list.
    """
    if not position:
        return {}
    filters = {name: value for name, value in position.items() if name not in ("sort", "cursor")}
    # Two before the next case begins the one before this one.
    totals = case_lists.CASE_LIST.totals(actor, filters, Page(2, position["cursor"], position.get("sort")))
    before = {name: value for name, value in position.items() if name != "cursor"}
    if totals.previous is not None:
        before["cursor"] = totals.previous
    has_previous = totals.before is not None and totals.before > 1
    return {
        "number": totals.before,
        "total": totals.total,
        "previous": f"{url_for('web.next_case')}?{urlencode(before)}" if has_previous else None,
    }


# Columns and rows of cases: of the pages of lists, of short lists on other pages, and of the files.

CaseRow = ProjectRow
# A list of one of these alone has the same cell of the status in each row; the others show proposals and exemptions.
SAME_STATUS: Final = (Status.NEW, Status.UNDER_REVIEW, Status.AWAITING_AGENCY, Status.REMEDIATION)


def case_columns(actor: Actor, place: Mapping[str, Any], *, in_bulk: bool = False) -> list[TableColumn]:
    """Return the columns of a case with its project. Agencies see neither the reviewer nor proposals.

    ``place``: the filters of the list, for the links of its cases; a column that they give one value is in files only.
    ``in_bulk``: with buttons to take a case.
    """
    of_status = place.get("status")
    is_closed = of_status == Status.CLOSED
    to_approve = place.get("to_approve") == "true" or of_status == Status.AWAITING_APPROVAL
    at_work = [
        TableColumn(field_label("due_on"), of_item("due_on"), _due_cell, "day", "due_on"),
        TableColumn(_("Overdue"), lambda row: choice_label("overdue", row[0]["is_overdue"])),
        TableColumn(_("Age"), None, _age_cell, "short", "opened_at"),
    ]
    assignee = TableColumn(
        field_label("assignee"),
        of_item("assignee"),
        None if _is_one(place.get("assignee")) else partial(_assignee_cell, place, in_bulk),
        "person",
        "assignee",
    )
    if in_bulk and of_status == Status.NEW:
        # Nobody is assigned in this list: the column holds the buttons alone.
        assignee = replace(assignee, heading=_("Take"), kind="button", sort="")
    of_proposal = [
        TableColumn(_("Proposed"), lambda row: row[0]["proposal"] and _proposed(row[0])),
        TableColumn(field_label("proposed_by"), lambda row: row[0]["proposal"] and row[0]["proposal"]["proposed_by"]),
    ]
    of_closed = [
        plain_column(
            _("Closed"), lambda row: row[0]["closed_at"] and local_date(row[0]["closed_at"]), "day", "-closed_at"
        ),
        plain_column(field_label("outcome"), lambda row: _outcome(row[0]) or None, "text", "outcome"),
    ]
    status = TableColumn(
        _("Proposed") if to_approve else field_label("status"),
        lambda row: choice_label("case_status", row[0]["status"]),
        None if of_status in SAME_STATUS else partial(_status_cell, to_approve),
        "state",
    )
    in_file = [replace(each, cell=None) for each in ([status, *at_work] if is_closed else of_closed)]
    return [
        TableColumn(_("Case"), lambda row: row[0]["id"], partial(_case_cell, place), "main"),
        *record_columns(None),
        TableColumn(field_label("severity"), lambda row: choice_label("severity", row[0]["severity"])),
        TableColumn(
            _("Flags"),
            lambda row: "; ".join(flag["title"] for flag in main_findings(row[0])),
            partial(_findings_cell, place),
            sort="-severity",
        ),
        *(in_file if is_closed else (status, *at_work)),
        TableColumn(field_label("budget_kzt"), None, budget_cell, "number", "-budget_kzt"),
        *(() if actor.role in AGENCY_ROLES else (assignee, *of_proposal)),
        TableColumn(_("Opened"), lambda row: local_date(row[0]["opened_at"])),
        *(of_closed if is_closed else in_file),
    ]


def _is_one(value: str | None) -> bool:
    return value is not None and "," not in value


def _case_cell(place: Mapping[str, Any], row: CaseRow) -> ListCell:
    case, project = row
    address = url_for("web.case", case_id=case["id"], **place)
    # Narrow columns cut the end: the number of the project, which the preview has too.
    return record_cell(project, address, numbered(case["id"]), name_in_page_language(project.agency), case["project"])


def _findings_cell(place: Mapping[str, Any], row: CaseRow) -> ListCell:
    findings = main_findings(row[0])
    label, colour = tag_of("severity", row[0]["severity"])
    if len(findings) > 1:
        label = f"{label} +{len(findings) - 1}"
    if not findings:
        return ListCell(tag=(label, colour))
    first = findings[0]
    reason = first["reason"] or ""
    if first["cleared_on"]:
        reason = _("cleared on %(day)s") % {"day": short_day(first["cleared_on"])}
    # A list of one rule, or in groups of rules, says its title already.
    is_said = reason and (place.get("sort") == "rule" or place.get("rule") == first["rule"])
    return ListCell(". ".join(filter(None, ("" if is_said else first["title"], reason))), tag=(label, colour))


def _status_cell(to_approve: bool, row: CaseRow) -> ListCell:
    """Return the cell of the status; of the proposal where each case of the list has one."""
    case = row[0]
    tag = tag_of("case_status", case["status"])
    # While an exemption is in force the case waits for its end, no longer for the Commission.
    if case["status"] == Status.WITH_COMMISSION and case["exempt_since"]:
        tag = choice_label("case_event", "exempted"), tag_colour("freeze_status", "exempt")
    if case["proposal"] and to_approve:
        return ListCell(tag=(_proposed(case), tag[1]))
    if case["proposal"]:
        return ListCell("", f"{_proposed(case)}, {case['proposal']['proposed_by']}", tag=tag)
    return ListCell("", _outcome(case), tag=tag)


def _due_cell(row: CaseRow) -> ListCell:
    late = row[0]["is_overdue"]
    return ListCell(short_day(row[0]["due_on"]), _("Overdue") if late else "", is_late=late)


def _age_cell(row: CaseRow) -> ListCell:
    days = days_since(row[0]["opened_at"])
    return ListCell(ngettext("%(num)s day", "%(num)s days", days) % {"num": days})


def _assignee_cell(place: Mapping[str, Any], in_bulk: bool, row: CaseRow) -> ListCell:
    case = row[0]
    if in_bulk and case["assignee"] is None and case["status"] == Status.NEW:
        address = url_for("web.act_on_case", case_id=case["id"], action=ActionName.CLAIM, **place)
        return ListCell(button=(_("Take"), address), row=_("Case %(id)s") % {"id": case["id"]})
    return ListCell(case["assignee"] or NOTHING)


def _outcome(case: Mapping[str, Any]) -> str:
    return choice_label("outcome", case["outcome"]) if case["outcome"] else ""


def _proposed(case: Mapping[str, Any]) -> str:
    return choice_label("decision", case["proposal"]["decision"])


# Work lists: the queue with its tabs, each a set of filters.

# Filters offered on the page; the tabs set the others.
CHOICES: Final = ("severity", "sector", "region")
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


def _read(actor: Actor, filters: Mapping[str, str], page: Page) -> Listing:
    return with_projects(actor, case_lists.list_cases(actor, filters, page, page_locale()))


def _list_page(actor: Actor, filters: Mapping[str, str]) -> ListPage:
    lists = tabs(actor, filters)
    place: Mapping[str, Any] = with_sort(filters)
    is_closed = filters.get("status") == Status.CLOSED.value
    left_out = (*(() if is_closed else OF_CLOSED_ONLY), *(NOT_FOR_AGENCIES if actor.role in AGENCY_ROLES else ()))
    here = next((each.text for each in lists if each.here), _("Cases"))
    actions = _offered_actions(actor, filters) if actor.may(Permission.CASES_REVIEW) else []
    addresses = {url_for("web.act_on_chosen_cases", action=each, **place): _(BULK_LABELS[each]) for each in actions}
    titles = rule_titles()
    fields = [*filter_fields(*CHOICES), ("rule", _("Rule"), list(titles.items()))]
    if reviewers_offered := _offered_reviewers(actor, filters):
        fields.append(("assignee", field_label("assignee"), reviewers_offered))
    return ListPage(
        title=_("Cases"),
        endpoint="cases",
        caption=here,
        columns=case_columns(actor, place, in_bulk=bool(actions)),
        empty=_("There are no cases here."),
        about="" if actor.may(Permission.RESTRICTED_READ) else _("Without restricted projects."),
        words=_("Number, or words in the name of the project or agency"),
        fields=[*fields, *(filter_fields("outcome") if is_closed else ())],
        dates=("opened_at", *(("closed_at",) if is_closed else ())),
        sorts={name: text for name, text in SORTS.items() if name.removeprefix("-") not in left_out},
        implied=OF_TABS if any(each.here for each in lists) else (),
        records=case_lists.CASE_LIST,
        groups={"rule": (lazy_text("By rule"), lambda rule, _row: titles.get(rule, _("No active flag"))), **BY_AGENCY},
        actions=addresses,
        row_id=lambda row: row[0]["id"],
        amount=lambda row: row[1].budget_kzt,
        tabs=lists,
        saved=view_line(actor, ViewList.CASES, place),
        has_preview=True,
        with_below=True,
        help=None if actor.role in AGENCY_ROLES else ("reviewer", "work-through-cases", _("How to work through cases")),
    )


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


add_list_pages("/cases", "cases", Permission.CASES_READ, FILTERS, _read, _list_page, usual_list)


@pages.page("/cases/next", needs=Permission.CASES_READ)
def next_case(actor: Actor) -> Answer:
    """Redirect to the next case of the list, or to the list after its last case."""
    items = case_lists.list_cases(actor, requested_filters(FILTERS), requested_page(1), page_locale()).items
    if items:
        return redirect_to("case", case_id=items[0]["id"], **requested_list())
    flash_message(_("That was the last case of this list."), "information")
    return redirect_to("cases", **requested_list())


def no_case_chosen(actor: Actor) -> str:
    """Return the list with the error that none of its cases is chosen."""
    filters = requested_filters(FILTERS) or usual_list(actor)
    return list_page(actor, filters, _read, replace(_list_page(actor, filters), none_chosen=True))


# Watch list page and opening a case from it.

WATCH_CHOICES: Final = ("work_type", "stage", "placement", "sector", "region")
WATCH_FILTERS: Final = ("q", "rule", *WATCH_CHOICES, "agency")
WATCH_SORTS: Final = {
    "-registered_at": lazy_text("Newest first"),
    "-budget_kzt": lazy_text("Largest budget first"),
    "started_on": lazy_text("Earliest start first"),
}
WATCH_COLUMNS: Final = ("work_type", "stage", "placement", "started_on", "budget_kzt")


def _watch_page(actor: Actor, _filters: Mapping[str, str]) -> ListPage:
    about = _(
        "The flags on these projects are too weak to open a case automatically. Open a case where a review is needed."
    )
    if actor.role in AGENCY_ROLES:
        about = _(
            "The flags on these projects are too weak to open a case. You do not have to do anything; each project’s "
            "page says how to correct them."
        )
    may_open = actor.may(Permission.CASES_REVIEW)
    return ListPage(
        title=_("Watch list"),
        endpoint="watch_list",
        columns=[
            *record_columns(project_cell),
            TableColumn(_("Flags"), lambda row: "; ".join(flag["title"] for flag in row[0]["flags"]), _watched_flags),
            plain_column(_("Flagged since"), lambda row: min(flag["opened_on"] for flag in row[0]["flags"]), "day"),
            TableColumn(_("Hosting, work and stage"), None, lambda row: work_cell(row[0])),
            *(TableColumn(field_label(name), partial(_watch_cell, name)) for name in WATCH_COLUMNS),
            TableColumn(field_label("budget_kzt"), None, budget_cell, "number"),
            *((TableColumn(_("Open a case"), None, _open_case_cell, "state"),) if may_open else ()),
        ],
        empty=_("No project is on the watch list."),
        about=about,
        fields=[*filter_fields(*WATCH_CHOICES), ("rule", _("Rule"), list(rule_titles().items()))],
        sorts=WATCH_SORTS,
        records=case_lists.WATCH_LIST,
        groups=BY_AGENCY,
        has_preview=True,
        tabs=tabs(actor, {}),
        actions={url_for("web.open_chosen_cases"): _("Open cases for the chosen projects")} if may_open else {},
        row_id=lambda row: row[0]["number"],
        row_name="project",
        amount=lambda row: row[0]["budget_kzt"],
    )


def _watch_cell(name: str, row: CaseRow) -> Cell:
    value: Cell = row[0][name]
    return choice_label(name, value) if isinstance(value, str) else value


def _watched(actor: Actor, filters: Mapping[str, str], page: Page) -> Listing:
    return with_projects(actor, case_lists.list_watched(actor, filters, page, page_locale()), "number")


def _watched_flags(row: CaseRow) -> ListCell:
    return ListCell(". ".join(f"{flag['title']}. {flag['reason'] or ''}" for flag in row[0]["flags"]))


def _open_case_cell(row: CaseRow) -> ListCell:
    address = url_for("web.open_project_case", number=row[0]["number"])
    return ListCell(button=(_("Open a case"), address), row=row[0]["number"])


add_list_pages("/cases/watch-list", "watch_list", Permission.CASES_READ, WATCH_FILTERS, _watched, _watch_page)


@pages.page("/projects/<number>/case", needs=Permission.CASES_REVIEW, methods=("POST",))
def open_project_case(actor: Actor, number: str) -> Answer:
    """Open a case for a project on the watch list."""
    case = open_case(actor, number)
    flash_message(_("The case is opened."))
    return redirect_to("case", case_id=case.id)


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
        any_open=case_lists.ANY_OPEN,
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


@pages.page("/cases/templates", needs=Permission.CASES_LEAD)
def case_templates(actor: Actor) -> Answer:
    """List the templates, narrowed by kind, rule and language."""
    filters = requested_filters(text_templates.TEMPLATE_LIST.filters)
    return render_list(
        "cases/text_templates.html",
        text_templates.TEMPLATE_LIST.read(actor, filters, requested_page()),
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
            text_templates.add_template(actor, values)
        flash_message(_("Template added."))
        return redirect_to("case_templates")

    return answer_form(_template_form(_("Add a template"), _("Add")), act)


@pages.page("/cases/templates/<row_id:template_id>", needs=Permission.CASES_LEAD, methods=BOTH)
def case_template(actor: Actor, template_id: int) -> Answer:
    """Change a template."""
    template = text_templates.find_template(actor, template_id)

    def act(values: dict[str, Any]) -> Answer:
        with transaction():
            changes = text_templates.change_template(
                actor, text_templates.find_template_to_change(actor, template_id), values
            )
        flash_changes(changes)
        return redirect_to("case_templates")

    present = {name: as_typed(getattr(template, name)) for name in text_templates.FIELDS}
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
        text_templates.delete_template(actor, text_templates.find_template_to_change(actor, template_id))
    flash_message(_("Template deleted."))
    return redirect_to("case_templates")


def _template_form(title: str, submit: str) -> FormPage:
    hint = _("These are filled in: %(names)s.") % {
        "names": ", ".join(f"{{{name}}}" for name in text_templates.PLACEHOLDERS)
    }
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
OF_ORDERS: Final = ("state", "fulfilment_claimed", "decision")
ORDER_FILTERS: Final = (*OF_ORDERS, *ORDER_CHOICES, "agency", "project", "due_on_from", "due_on_to")
ORDER_SORTS: Final = {"due_on": lazy_text("Earliest due date first"), "-id": lazy_text("Newest first")}


def _record_columns() -> list[TableColumn]:
    """The columns of the project and decision of an order or appeal."""
    return [*record_columns(_record_cell), choice_column(field_label("decision"), of_item("decision"), "decision")]


def _record_cell(row: CaseRow) -> ListCell:
    case, number = row[0]["case"], row[1].number
    address = url_for("web.case", case_id=case) if case else url_for("web.project", number=number)
    return record_cell(row[1], address, number, name_in_page_language(row[1].agency))


def _orders(actor: Actor, filters: Mapping[str, str], page: Page) -> Listing:
    return with_projects(actor, case_lists.ORDER_LIST.read(actor, filters, page))


def _orders_page(actor: Actor, _filters: Mapping[str, str]) -> ListPage:
    return ListPage(
        title=_("Orders"),
        endpoint="orders",
        columns=[
            *_record_columns(),
            TableColumn(field_label("due_on"), of_item("due_on"), _order_due_cell, "state", "due_on"),
            TableColumn(_("Days left"), of_item("days_left")),
            TableColumn(_("State"), lambda row: choice_label("order_state", row[0]["state"]), _order_cell, "state"),
            TableColumn(
                field_label("fulfilment_claimed"),
                lambda row: choice_label("fulfilment_claimed", row[0]["fulfilment_claimed"]),
            ),
            TableColumn(field_label("budget_kzt"), None, budget_cell, "number", "-budget_kzt"),
            TableColumn(_("Case"), of_item("case")),
        ],
        empty=_("There are no orders here."),
        about=_(
            "What agencies were ordered to do, and how far they are. The case has the reason, the letter and the next "
            "step."
        ),
        fields=[
            ("state", _("State"), options("order_state")),
            ("fulfilment_claimed", field_label("fulfilment_claimed"), [("true", _("Yes")), ("false", _("No"))]),
            ("decision", field_label("decision"), [each for each in options("decision") if each[0] in ORDERING]),
            *filter_fields(*ORDER_CHOICES),
        ],
        sorts=ORDER_SORTS,
        records=case_lists.ORDER_LIST,
        groups=BY_AGENCY,
        has_preview=True,
        tabs=tabs(actor, {}),
    )


def _order_due_cell(row: CaseRow) -> ListCell:
    due_on, left = row[0]["due_on"], row[0]["days_left"]
    if left is None:
        return ListCell(short_day(due_on))
    one, many = ("%(num)s day left", "%(num)s days left") if left >= 0 else ("%(num)s day late", "%(num)s days late")
    return ListCell(short_day(due_on), ngettext(one, many, abs(left)) % {"num": abs(left)}, is_late=left < 0)


def _order_cell(row: CaseRow) -> ListCell:
    claimed = _("Reported as carried out, not confirmed") if row[0]["fulfilment_claimed"] else ""
    return ListCell("", claimed, tag=tag_of("order_state", row[0]["state"]))


add_list_pages("/orders", "orders", Permission.ORDERS_READ, ORDER_FILTERS, _orders, _orders_page)


# The register of appeals.

APPEAL_FILTERS: Final = ("state", "outcome", *ORDER_CHOICES, "agency", "project")
APPEAL_SORTS: Final = {"-id": lazy_text("Newest first"), "id": lazy_text("Oldest first")}


def _appeals(actor: Actor, filters: Mapping[str, str], page: Page) -> Listing:
    return with_projects(actor, case_lists.APPEAL_LIST.read(actor, filters, page))


def _appeals_page(actor: Actor, _filters: Mapping[str, str]) -> ListPage:
    return ListPage(
        title=_("Appeals"),
        endpoint="appeals",
        columns=[
            *_record_columns(),
            plain_column(_("Appealed"), lambda row: local_date(row[0]["appealed_at"]), "day"),
            choice_column(_("State"), of_item("state"), "appeal_state", "state"),
            plain_column(field_label("due_on"), of_item("due_on"), "day"),
            choice_column(field_label("appeal_outcome"), of_item("outcome"), "appeal_outcome"),
            choice_column(field_label("court_outcome"), of_item("court_outcome"), "court_outcome"),
            TableColumn(_("Case"), of_item("case")),
        ],
        empty=_("There are no appeals here."),
        about=_(
            "Appeals of agencies, what became of them, and what the court decided. Two people who neither proposed nor "
            "approved a decision decide on its appeal, one of them a supervisor."
        ),
        fields=[
            ("state", _("State"), options("appeal_state")),
            ("outcome", field_label("appeal_outcome"), options("appeal_outcome")),
            *filter_fields(*ORDER_CHOICES),
        ],
        sorts=APPEAL_SORTS,
        records=case_lists.APPEAL_LIST,
        has_preview=True,
        tabs=tabs(actor, {}),
    )


add_list_pages("/appeals", "appeals", Permission.ORDERS_READ, APPEAL_FILTERS, _appeals, _appeals_page)
