"""The public page: search, downloads, and a page for each project with its public fields."""

from __future__ import annotations

from typing import Final

from flask import render_template, request

from registry.agencies.views.choices import agency_names
from registry.core.translations import lazy_text
from registry.open_data.public_fields import AGENCY_PREFIX, PUBLIC_FIELDS, PublicField
from registry.open_data.queries import (
    FILTERS,
    MAX_COUNT,
    count_public_projects,
    list_public_projects,
    read_public_project,
)
from registry.open_data.service import stored_set
from registry.open_data.views.files import OPEN, publication
from registry.web.blueprint import Answer, pages
from registry.web.labels import name_in_page_language
from registry.web.lists import first_address, next_address, requested_filters, requested_page
from registry.web.public_pages import cacheable_page

AGENCY: Final = "agency"
CHOICES: Final[dict[str, PublicField]] = {field.name: field for field in PUBLIC_FIELDS if field.name in FILTERS}
# What has a line of its own on the page of a project: the rest is its heading and its agency.
SHOWN: Final = tuple(
    field
    for field in PUBLIC_FIELDS
    if field.name != AGENCY and not field.name.startswith(("name_", AGENCY_PREFIX)) and field.name != "freeze_status"
)
OFFERED: Final = (
    ("open_data_csv", lazy_text("CSV: all public projects")),
    ("open_data_package", lazy_text("Data Package: the columns explained in three languages")),
    ("open_data_catalogue", lazy_text("DCAT-AP: for data portals")),
)


@pages.page("/open-data", needs=OPEN, without_session=True)
def open_data() -> Answer:
    """Search the public projects."""
    published = publication()
    filters, agency = requested_filters(FILTERS), request.args.get(AGENCY, "").strip()
    listing = list_public_projects(filters, agency, requested_page())
    page = render_template(
        "open_data/list.html",
        items=listing.items,
        agencies=agency_names(item[AGENCY] for item in listing.items),
        filters=filters,
        agency=agency,
        choices=CHOICES,
        count=count_public_projects(filters, agency),
        most=MAX_COUNT,
        offered=OFFERED,
        stored=stored_set(),
        licence=published.licence,
        next_address=next_address(listing.next),
        first_address=first_address(),
    )
    return cacheable_page(page)


@pages.page("/open-data/projects/<number>", needs=OPEN, without_session=True)
def open_data_project(number: str) -> Answer:
    """The public fields of one project."""
    publication()
    project = read_public_project(number)
    agency = {name.removeprefix(AGENCY_PREFIX): value for name, value in project.items() if AGENCY_PREFIX in name}
    page = render_template(
        "open_data/project.html", project=project, agency_name=name_in_page_language(agency), fields=SHOWN
    )
    return cacheable_page(page)
