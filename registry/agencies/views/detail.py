"""The page of an agency, and the agencies as a tree, one level at a time."""

from __future__ import annotations

from typing import Any, Final

from flask import render_template, request

from registry.accounts.actors import Actor
from registry.accounts.roles import Permission
from registry.agencies.queries import agencies_above, open_agencies_below
from registry.agencies.service import agency_by_bin
from registry.approvals.queries import waiting_about
from registry.cases.views.work_lists import ANY_OPEN
from registry.core.collation import kazakh_key
from registry.core.pagination import Page
from registry.reports.agency_overview import agency_overview
from registry.reports.compliance import UNFLAGGED
from registry.reports.views.compliance import PATTERNS, share_class
from registry.requests.queries import list_requests
from registry.web.blueprint import Answer, pages
from registry.web.labels import name_in_page_language

MAX_REQUESTS: Final = 10
MAX_AGENCIES: Final = 500


@pages.page("/agencies/<bin>", needs=Permission.AGENCIES_READ)
def agency(actor: Actor, bin: str) -> Answer:
    """Show an agency: those around it, its projects, cases and orders, and its requests."""
    shown = agency_by_bin(bin)
    return render_template(
        "agencies/detail.html",
        actor=actor,
        agency=shown,
        overview=agency_overview(actor, shown),
        unflagged_statuses=UNFLAGGED,
        any_open=ANY_OPEN,
        share_class=share_class,
        share_patterns=PATTERNS,
        requests=_requests(actor, bin),
        approvals=waiting_about(actor, subject=f"agency:{bin}"),
    )


def _requests(actor: Actor, bin_number: str) -> list[Any]:
    """The newest requests of the agency, for those who may read requests."""
    if not actor.may(Permission.REQUESTS_READ):
        return []
    return list_requests(actor, {"agency": bin_number}, Page(MAX_REQUESTS)).items


@pages.page("/agencies/tree", needs=Permission.AGENCIES_READ)
def agency_tree(actor: Actor) -> Answer:
    """List the open agencies at the top, or directly below one, each with how many are directly below it."""
    number = request.args.get("within") or None
    top = None if number is None else agency_by_bin(number)
    rows = open_agencies_below(top, MAX_AGENCIES + 1)
    ordered = sorted(rows[:MAX_AGENCIES], key=lambda row: kazakh_key(name_in_page_language(row[0])))
    return render_template(
        "agencies/tree.html",
        actor=actor,
        above=[] if top is None else [*agencies_above(top), top],
        rows=[{"agency": each, "below": below} for each, below in ordered],
        is_cut=len(rows) > MAX_AGENCIES,
    )
