"""The page of flags: what the audits found, over all projects that the user may see."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from flask import url_for

from registry.accounts.roles import Actor, Permission
from registry.agencies.pages import add_list_pages
from registry.audits.pages import rule_titles
from registry.core.clock import today
from registry.core.lists import Listing, Page
from registry.core.translations import lazy_text
from registry.flags.models import FlagStatus
from registry.flags.queries import FLAG_LIST, list_flags
from registry.projects.filters import BELOW
from registry.projects.pages import (
    BY_AGENCY,
    ProjectRow,
    budget_cell,
    of_item,
    project_cell,
    record_columns,
    with_projects,
)
from registry.saved_views.models import ViewList
from registry.saved_views.pages import view_line
from registry.web.current_user import page_locale
from registry.web.formats import NOTHING, gettext as _, ngettext, numbered
from registry.web.labels import choice_label, field_label, options
from registry.web.lists import (
    ListCell,
    ListPage,
    TableColumn,
    choice_column,
    filter_fields,
    plain_column,
    tag_of,
    with_sort,
)

SORTS: Final = {
    "-opened_on": lazy_text("Newest first"),
    "opened_on": lazy_text("Oldest first"),
    "-severity": lazy_text("Highest severity first"),
    "-budget_kzt": lazy_text("Largest budget first"),
}


def _read(actor: Actor, filters: Mapping[str, str], page: Page) -> Listing:
    shared, only = FLAG_LIST.split(filters)
    return with_projects(actor, list_flags(actor, shared, page, page_locale(), only=only))


def _page(actor: Actor, filters: Mapping[str, str]) -> ListPage:
    titles = rule_titles()
    state = choice_column(_("State"), of_item("status"), "flag_status", "state")
    reads_cases = actor.may(Permission.CASES_READ)
    return ListPage(
        title=_("Flags"),
        endpoint="flags",
        columns=[
            *record_columns(project_cell),
            TableColumn(_("Rule"), of_item("title"), _rule_cell),
            TableColumn(field_label("reason"), of_item("reason")),
            TableColumn(field_label("severity"), lambda row: choice_label("severity", row[0]["severity"])),
            # A list of one state need not say it in each row.
            state if filters.get("status") not in FlagStatus.codes() else replace(state, cell=None),
            plain_column(_("Flagged since"), of_item("opened_on"), "day", "-opened_on"),
            TableColumn(_("Open for"), None, _age_cell, "short"),
            TableColumn(field_label("cleared_on"), of_item("cleared_on")),
            TableColumn(field_label("budget_kzt"), lambda row: row[1].budget_kzt, budget_cell, "number", "-budget_kzt"),
            *((TableColumn(_("Case"), of_item("case"), _case_cell, "short"),) if reads_cases else ()),
        ],
        empty=_("There are no flags here."),
        about=_("What the audits found. A project that several rules flag is here several times; sums count it once."),
        words=_("Words in the name, purpose or number"),
        fields=[
            ("status", _("State"), options("flag_status")),
            ("rule", _("Rule"), list(titles.items())),
            *filter_fields("severity", "sector", "region"),
        ],
        dates=("opened_on",),
        sorts=SORTS,
        records=FLAG_LIST,
        groups={"rule": (lazy_text("By rule"), lambda rule, _row: titles.get(rule, rule)), **BY_AGENCY},
        saved=view_line(actor, ViewList.FLAGS, with_sort(filters)),
        has_preview=True,
        with_below=True,
    )


def _rule_cell(row: ProjectRow) -> ListCell:
    flag = row[0]
    return ListCell(". ".join(filter(None, (flag["title"], flag["reason"]))), tag=tag_of("severity", flag["severity"]))


def _age_cell(row: ProjectRow) -> ListCell:
    days = ((row[0]["cleared_on"] or today()) - row[0]["opened_on"]).days
    return ListCell(ngettext("%(num)s day", "%(num)s days", days) % {"num": days})


def _case_cell(row: ProjectRow) -> ListCell:
    case = row[0]["case"]
    return ListCell(NOTHING) if case is None else ListCell(numbered(case), "", url_for("web.case", case_id=case))


add_list_pages(
    "/flags",
    "flags",
    Permission.PROJECTS_READ,
    (*FLAG_LIST.filters, BELOW),
    _read,
    _page,
    lambda _actor: {"status": FlagStatus.OPEN.value},
)
