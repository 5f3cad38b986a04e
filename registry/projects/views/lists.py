"""Project list page with search and filters in the URL, and its export."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from flask import redirect, render_template, request

from registry.accounts.actors import Actor
from registry.accounts.roles import Permission
from registry.agencies.pages import address_with_agency, agency_filter, agency_names, names_no_agency
from registry.audits.pages import rule_titles
from registry.core.lists import Listing
from registry.core.translations import lazy_text
from registry.http.downloads import csv_download, xlsx_download
from registry.journal.read_replica import reads_from_replica, use_read_replica
from registry.projects.exports import export_csv, export_xlsx
from registry.projects.filters import BELOW, KIND, split_agency_filters
from registry.projects.filters import FILTERS as PROJECT_FILTERS
from registry.projects.queries import list_projects
from registry.saved_views.pages import view_line
from registry.saved_views.vocabulary import ViewList
from registry.web.blueprint import Answer, pages
from registry.web.current_user import page_locale
from registry.web.lists import ENDINGS, first_address, next_address, requested_filters, requested_page

# The list takes every filter of the API; those without a field in the form are set by links and saved views.
FILTERS: Final = (*PROJECT_FILTERS, BELOW, KIND)
# The filters that the page offers as selects.
CHOICES: Final = ("freeze_status", "severity", "work_type", "stage", "placement", "sector", "region", "attestation")
FIELDS: Final = frozenset({"q", *CHOICES, "rule", "agency", BELOW, KIND, "withdrawn"})
HIDDEN_FILTERS: Final = tuple(name for name in FILTERS if name not in FIELDS)
SORTS: Final = {
    "-registered_at": lazy_text("Newest first"),
    "-updated_at": lazy_text("Last changed first"),
    "-budget_kzt": lazy_text("Largest budget first"),
    "started_on": lazy_text("Earliest start first"),
    "number": lazy_text("By number"),
}


@pages.page("/projects", needs=Permission.PROJECTS_READ)
def projects(actor: Actor) -> Answer:
    """List the projects that match the filters."""
    address = address_with_agency(actor)
    if address is not None:
        return redirect(address)
    filters = requested_filters(FILTERS)
    sort = request.args.get("sort")
    listing = Listing([], None) if names_no_agency(filters) else _listing(actor, filters)
    return render_template(
        "projects/list.html",
        actor=actor,
        items=listing.items,
        filters=filters,
        agencies=agency_names(item["agency"] for item in listing.items) if actor.agency_id is None else {},
        agency=agency_filter(actor, filters, with_below=True),
        choices=CHOICES if actor.agency_id is not None else (*CHOICES, KIND),
        kept=HIDDEN_FILTERS,
        rules=rule_titles(),
        sorts=SORTS,
        sort=sort or "-registered_at",
        saved=view_line(actor, ViewList.PROJECTS, filters | ({"sort": sort} if sort else {})),
        next_address=next_address(listing.next),
        first_address=first_address(),
    )


def _listing(actor: Actor, filters: Mapping[str, str]) -> Listing:
    shared, only = split_agency_filters(filters)
    with reads_from_replica():
        return list_projects(actor, shared, requested_page(), only=only)


@pages.page(f"/projects.<{ENDINGS}:ending>", needs=Permission.PROJECTS_READ)
def projects_table(actor: Actor, ending: str) -> Answer:
    """Download all projects that match the filters; the file can be edited and imported."""
    shared, only = split_agency_filters(requested_filters(FILTERS))
    labels_in = page_locale() if "labels" in (request.args.get("header_row"), request.args.get("headers")) else None
    use_read_replica(for_export=True)
    if ending == "csv":
        return csv_download("projects", export_csv(actor, shared, only=only, labels_in=labels_in))
    return xlsx_download("projects", lambda path: export_xlsx(actor, shared, path, only=only, labels_in=labels_in))
