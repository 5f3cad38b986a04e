"""Work lists of cases: the queue with its tabs, each a set of filters, and bulk confirmation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from flask import render_template, request

from registry.accounts.actors import Actor
from registry.accounts.roles import Permission
from registry.agencies.views.filter_choices import agency_filter
from registry.audits.views.findings import rule_titles
from registry.cases import service as review
from registry.cases.lists import list_cases
from registry.cases.views.downloads import case_header, case_rows
from registry.cases.views.list_position import FILTERS, requested_list
from registry.cases.views.work_lists import OF_TABS, tabs, usual_list
from registry.core.translations import lazy_text
from registry.projects.views.links import projects_of
from registry.web.blueprint import Answer, pages, redirect_to
from registry.web.current_user import page_locale
from registry.web.downloads import ENDINGS, download_list
from registry.web.error_messages import error_message
from registry.web.flash import flash_message
from registry.web.lists import first_address, next_address, requested_filters, requested_page
from registry.web.translations import gettext, ngettext

# Filters offered on the page; the tabs set the others.
CHOICES: Final = ("severity", "sector", "region")
SORTS: Final = {
    "due_on": lazy_text("Earliest due date first"),
    "-severity": lazy_text("Highest severity first"),
    "-opened_at": lazy_text("Newest first"),
}
AT_ONCE: Final = 500
CONFIRMED: Final = {"status": "awaiting_confirmation"}


@pages.page("/cases", needs=Permission.CASES_READ)
def cases(actor: Actor) -> Answer:
    """List the cases that match the filters; without filters, the person's first work list."""
    filters = requested_filters(FILTERS)
    if not filters:
        return redirect_to("cases", **usual_list(actor))
    return _page(actor, filters)


def _page(actor: Actor, filters: Mapping[str, str], *, none_chosen: bool = False) -> str:
    listing = list_cases(actor, filters, requested_page(), page_locale())
    return render_template(
        "cases/list.html",
        actor=actor,
        items=listing.items,
        projects=projects_of(actor, listing.items),
        tabs=tabs(actor, filters),
        filters=filters,
        kept=[name for name in filters if name not in (*CHOICES, "rule")],
        narrowed=any(name not in OF_TABS for name in filters),
        place=requested_list(),
        agency=agency_filter(actor, filters),
        choices=CHOICES,
        rules=rule_titles(),
        sorts=SORTS,
        sort=request.args.get("sort") or "due_on",
        confirming=filters.get("status") == CONFIRMED["status"] and actor.may(Permission.CASES_REVIEW),
        none_chosen=none_chosen,
        next_address=next_address(listing.next),
        first_address=first_address(),
    )


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


@pages.page("/cases/confirmation", needs=Permission.CASES_REVIEW, methods=("POST",))
def confirm_cases(actor: Actor) -> Answer:
    """Confirm the selected cases, each independently; failures become error messages on the next page."""
    chosen = [
        int(sent) for sent in request.form.getlist("case") if sent.isascii() and sent.isdigit() and len(sent) < 10
    ]
    if not chosen:
        return _page(actor, requested_filters(FILTERS) or CONFIRMED, none_chosen=True), 422
    confirmed, failed = review.confirm_many(actor, chosen[:AT_ONCE])
    count = len(confirmed)
    if confirmed:
        flash_message(
            ngettext("%(num)s case is confirmed and closed.", "%(num)s cases are confirmed and closed.", count)
            % {"num": count}
        )
    for case_id, error in failed:
        name = gettext("Case %(id)s") % {"id": case_id}
        flash_message(f"{name}: {error_message(error)}", "error")
    return redirect_to("cases", **(requested_list() or CONFIRMED))
