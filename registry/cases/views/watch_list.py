"""Watch list page and opening a case from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from flask import redirect, render_template, request

from registry.accounts.actors import Actor
from registry.accounts.roles import Permission
from registry.agencies.pages import address_with_agency, agency_filter, names_no_agency
from registry.audits.pages import rule_titles
from registry.cases.queries import open_case
from registry.cases.views.work_lists import tabs
from registry.cases.watch_list import DEFAULT_SORT, list_watched
from registry.core.lists import Listing
from registry.core.spreadsheets.writer import Cell, Rows
from registry.core.translations import lazy_text
from registry.projects.views.links import projects_numbered
from registry.web.blueprint import Answer, pages, redirect_to
from registry.web.current_user import page_locale
from registry.web.flash import flash_message
from registry.web.formats import gettext
from registry.web.labels import choice_label, field_label, name_in_page_language
from registry.web.lists import ENDINGS, download_list, first_address, next_address, requested_filters, requested_page

CHOICES: Final = ("work_type", "stage", "placement", "sector", "region")
FILTERS: Final = ("q", "rule", *CHOICES, "agency")
SORTS: Final = {
    "-registered_at": lazy_text("Newest first"),
    "-budget_kzt": lazy_text("Largest budget first"),
    "started_on": lazy_text("Earliest start first"),
}
COLUMNS: Final = ("work_type", "stage", "placement", "started_on", "budget_kzt")


@pages.page("/cases/watch-list", needs=Permission.CASES_READ)
def watch_list(actor: Actor) -> Answer:
    """List the projects whose findings open no case."""
    address = address_with_agency(actor)
    if address is not None:
        return redirect(address)
    filters = requested_filters(FILTERS)
    nothing = names_no_agency(filters)
    listing = Listing([], None) if nothing else list_watched(actor, filters, requested_page(), page_locale())
    return render_template(
        "cases/watch_list.html",
        actor=actor,
        items=listing.items,
        projects=projects_numbered(actor, (item["number"] for item in listing.items)),
        tabs=tabs(actor, {}),
        filters=filters,
        agency=agency_filter(actor, filters),
        choices=CHOICES,
        rules=rule_titles(),
        sorts=SORTS,
        sort=request.args.get("sort") or DEFAULT_SORT,
        next_address=next_address(listing.next),
        first_address=first_address(),
    )


@pages.page(f"/cases/watch-list.<{ENDINGS}:ending>", needs=Permission.CASES_READ)
def watch_list_table(actor: Actor, ending: str) -> Answer:
    """Download the whole watch list as a table."""
    filters, language = requested_filters(FILTERS), page_locale()
    header = [
        field_label("number"),
        gettext("Project"),
        field_label("bin"),
        field_label("agency"),
        gettext("Flags"),
        gettext("Flagged since"),
        *(field_label(name) for name in COLUMNS),
    ]
    return download_list(
        ending,
        "watch-list",
        header,
        lambda page: list_watched(actor, filters, page, language),
        lambda items: _rows(actor, items),
    )


@pages.page("/projects/<number>/case", needs=Permission.CASES_REVIEW, methods=("POST",))
def open_project_case(actor: Actor, number: str) -> Answer:
    """Open a case for a project on the watch list."""
    case = open_case(actor, number)
    flash_message(gettext("The case is opened."))
    return redirect_to("case", case_id=case.id)


def _rows(actor: Actor, items: Sequence[Mapping[str, Any]]) -> Rows:
    projects = projects_numbered(actor, (item["number"] for item in items))
    return [
        [
            item["number"],
            name_in_page_language(item),
            item["agency"],
            name_in_page_language(projects[item["number"]].agency),
            "; ".join(flag["title"] for flag in item["flags"]),
            min(flag["opened_on"] for flag in item["flags"]),
            *(_cell(name, item[name]) for name in COLUMNS),
        ]
        for item in items
        if item["number"] in projects
    ]


def _cell(name: str, value: Any) -> Cell:
    return choice_label(name, value) if isinstance(value, str) else value
