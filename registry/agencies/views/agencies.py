"""Pages of agencies: list, register, edit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from flask import render_template, url_for

from registry.accounts.actors import Actor
from registry.accounts.roles import Permission
from registry.agencies.fields import APPROVED_FIELDS
from registry.agencies.queries import list_agencies
from registry.agencies.schemas import AGENCY_BODY, AGENCY_PATCH
from registry.agencies.service import agency_by_bin, agency_to_change, change_agency, register_agency
from registry.core.transactions import transaction
from registry.web.blueprint import Answer, pages, redirect_to
from registry.web.fields import present_text, schema_field
from registry.web.flash import flash_changes, flash_message
from registry.web.form_pages import FormPage, answer_form
from registry.web.lists import first_address, next_address, requested_filters, requested_page
from registry.web.translations import gettext as _

FILTERS: Final = ("q", "kind", "region")


@pages.page("/agencies", needs=Permission.AGENCIES_READ)
def agencies(actor: Actor) -> Answer:
    """List all agencies."""
    filters = requested_filters(FILTERS)
    listing = list_agencies(actor, filters, requested_page(50))
    return render_template(
        "agencies/list.html",
        actor=actor,
        items=listing.items,
        filters=filters,
        next_address=next_address(listing.next),
        first_address=first_address(),
    )


@pages.page("/agencies/new", needs=Permission.AGENCIES_WRITE, methods=("GET", "POST"))
def new_agency(actor: Actor) -> Answer:
    """Register an agency."""
    page = FormPage(
        _("Register an agency"),
        _("Register"),
        url_for("web.agencies"),
        [schema_field(field) for field in AGENCY_BODY.inputs.values()],
        AGENCY_BODY,
    )

    def act(values: Mapping[str, Any]) -> Answer:
        register_agency(actor, values)
        flash_message(_("The agency is registered."))
        return redirect_to("agencies", q=values["bin"])

    return answer_form(page, act)


@pages.page("/agencies/<bin>/edit", needs=Permission.AGENCIES_WRITE, methods=("GET", "POST"))
def edit_agency(actor: Actor, bin: str) -> Answer:
    """Change an agency."""
    agency = agency_by_bin(bin)
    page = FormPage(
        _("Change the agency"),
        _("Save changes"),
        url_for("web.agencies"),
        [schema_field(field) for field in AGENCY_PATCH.inputs.values() if field.name not in APPROVED_FIELDS],
        AGENCY_PATCH,
        _("Kind and parent of an agency change by a proposal, on the page of the agency."),
        subject=bin,
        edits=True,
    )

    def act(values: Mapping[str, Any]) -> Answer:
        with transaction():
            changes = change_agency(actor, agency_to_change(bin), values)
        flash_changes(changes)
        return redirect_to("agencies", q=bin)

    return answer_form(
        page, act, {field.name: present_text(field, getattr(agency, field.name)) for field in page.fields}
    )
