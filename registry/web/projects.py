"""The list of projects: searched and filtered in the address, and exported as it stands on the screen."""

from __future__ import annotations

from typing import Final

from flask import Response, render_template, request, stream_with_context

from registry.access.actors import Actor
from registry.access.roles import Permission
from registry.records.exports import export_csv
from registry.records.policy_in_force import policy_in_force
from registry.records.project_lists import list_projects
from registry.web.catalogues import marked
from registry.web.lists import asked_filters, asked_page, first_address, next_address
from registry.web.pages import Answer, pages
from registry.web.visitors import page_language

FILTERS: Final = (
    "q",
    "freeze_status",
    "severity",
    "rule",
    "work_type",
    "stage",
    "placement",
    "sector",
    "region",
    "agency",
    "onboarding_due_on_to",
    "is_restricted",
)
# Those that the page offers as choices; the others come by links.
CHOICES: Final = ("freeze_status", "severity", "work_type", "stage", "placement", "sector", "region")
SORTS: Final = {
    "-registered_at": marked("Newest first"),
    "-updated_at": marked("Last changed first"),
    "-budget_kzt": marked("Largest budget first"),
    "started_on": marked("Earliest beginning first"),
    "number": marked("By number"),
}


@pages.page("/projects", needs=Permission.PROJECTS_READ)
def projects(by: Actor) -> Answer:
    """The projects that the filters leave."""
    filters = asked_filters(FILTERS)
    listing = list_projects(by, filters, asked_page())
    language = page_language()
    rules = {name: rule.title[language] for name, rule in policy_in_force().rules.items()}
    return render_template(
        "projects.html",
        by=by,
        items=listing.items,
        filters=filters,
        choices=CHOICES,
        rules=rules,
        sorts=SORTS,
        sort=request.args.get("sort") or "-registered_at",
        next_address=next_address(listing.next),
        first_address=first_address(),
    )


@pages.page("/projects.csv", needs=Permission.PROJECTS_READ)
def projects_csv(by: Actor) -> Answer:
    """The same projects, all of them, as a table that can be changed and imported again."""
    pieces = export_csv(by, asked_filters(FILTERS))
    response = Response(stream_with_context(pieces), content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = "attachment; filename=projects.csv"
    return response
