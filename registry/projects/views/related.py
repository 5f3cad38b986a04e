"""Likely duplicates and links of a project, and the pages by which reviewers set links."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from flask import request, url_for

from registry.accounts.actors import Actor
from registry.accounts.roles import Permission
from registry.agencies.pages import agency_names
from registry.core.lists import Page
from registry.core.transactions import transaction
from registry.core.translations import lazy_text
from registry.projects.links import add_link, links_page, remove_link
from registry.projects.models import Project
from registry.projects.schemas import LINK_BODY
from registry.projects.service import read_project
from registry.projects.similarity.fingerprints import COMPARED
from registry.projects.similarity.queries import similar_items, similar_to_values
from registry.projects.views.links import projects_numbered
from registry.projects.vocabulary import LinkKind
from registry.web.blueprint import Answer, pages, redirect_to
from registry.web.current_user import page_locale
from registry.web.flash import flash_message
from registry.web.formats import gettext as _
from registry.web.forms import FormPage, answer_form, form_field, schema_field
from registry.web.labels import choice_label, field_label, name_in_page_language, options

ALL: Final = Page(500)
# What the other project is, at the end that a link leads to.
BACKWARDS: Final[Mapping[str, str]] = {
    LinkKind.DUPLICATE_OF: lazy_text("Has the duplicate"),
    LinkKind.PART_OF: lazy_text("Has the part"),
    LinkKind.REPLACES: lazy_text("Replaced by"),
    LinkKind.EXCHANGES_DATA_WITH: lazy_text("Exchanges data with"),
}


def similar_on_page(actor: Actor, project: Project) -> list[dict[str, Any]] | None:
    """The likely duplicates on a project's page; None for those who neither review nor belong to an agency."""
    if not actor.may(Permission.PROJECTS_LINK) and actor.agency_id is None:
        return None
    values = {name: getattr(project, name) for name in COMPARED}
    return similar_for_page(similar_to_values(actor, project.agency_id, values, project.id))


def similar_for_page(similar: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Likely duplicates with the agency's name, and the reasons as labels."""
    items = similar_items(similar, page_locale())
    names = agency_names(item["agency"] for item in items)
    return [
        {**item, "agency": names[item["agency"]], "reasons": [_reason(reason) for reason in item["reasons"]]}
        for item in items
    ]


def links_for_page(actor: Actor, project: Project) -> list[dict[str, Any]]:
    """The links of a project: what it is to the other project, its number and name, and the note."""
    number = project.number
    links = links_page(actor, project.id, ALL).items
    ends = [(link, link["target"] if link["project"] == number else link["project"]) for link in links]
    named = projects_numbered(actor, (other for _link, other in ends))
    return [
        {
            "id": link["id"],
            "label": _label(link["kind"], forwards=link["project"] == number),
            "number": other,
            "name": name_in_page_language(named[other]),
            "note": link["note"],
            "added_by": link["added_by"],
            "added_at": link["added_at"],
        }
        for link, other in ends
        if other in named
    ]


@pages.page("/projects/<number>/links", needs=Permission.PROJECTS_LINK, methods=("GET", "POST"))
def link_project(actor: Actor, number: str) -> Answer:
    """Link the project to another one."""
    project = read_project(actor, number, "project")
    kind = form_field("kind", "radios", label=_("What this project is to the other"), choices=options("link_kind"))
    page = FormPage(
        _("Link to another project"),
        _("Add the link"),
        url_for("web.project", number=number),
        [kind, *(schema_field(LINK_BODY.inputs[name]) for name in ("target", "note"))],
        LINK_BODY,
        subject=name_in_page_language(project),
    )
    return answer_form(page, lambda values: _add(actor, number, values), {"target": request.args.get("target", "")})


@pages.page("/projects/<number>/links/<row_id:link_id>/removal", needs=Permission.PROJECTS_LINK, methods=("POST",))
def unlink_project(actor: Actor, number: str, link_id: int) -> Answer:
    """Remove a link."""
    with transaction():
        remove_link(actor, number, link_id)
    flash_message(_("Link removed."))
    return redirect_to("project", number=number, _anchor="links")


def _add(actor: Actor, number: str, values: Mapping[str, Any]) -> Answer:
    with transaction():
        add_link(actor, number, values)
    flash_message(_("Link added."))
    return redirect_to("project", number=number, _anchor="links")


def _label(kind: str, *, forwards: bool) -> str:
    return choice_label("link_kind", kind) if forwards else _(BACKWARDS[kind])


def _reason(reason: str) -> str:
    return _("Project name") if reason == "name" else field_label(reason)
