"""Pages of confirmations from other state systems: the list, the import, and one beside the record."""

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from flask import render_template, request, url_for

from registry.accounts.roles import Actor, Permission
from registry.agencies.pages import add_list_pages
from registry.core.errors import Invalid, Problem
from registry.core.translations import lazy_text
from registry.platform.schemas import FACTS
from registry.procurement.pages import answer_match_decision
from registry.projects.queries import projects_numbered
from registry.state_systems.models import ExternalState
from registry.state_systems.queries import EXTERNAL_LIST, read_external_confirmation
from registry.state_systems.service import decide_external_match, import_confirmations
from registry.state_systems.sources import known_systems, source_names
from registry.web.blueprint import Answer, pages, redirect_to
from registry.web.formats import NOTHING, gettext as _, short_day
from registry.web.forms import Form, uploaded_file
from registry.web.labels import choice_label, display_fact, field_label, name_in_page_language
from registry.web.lists import ListCell, ListPage, TableColumn, filter_fields, tag_of

FILTERS: Final = (
    *("agency", "source", "reference", "document_number", "project", "external_state"),
    *("document_on_from", "document_on_to"),
)
NAME: Final = "external_confirmations"
SORTS: Final = {"-id": lazy_text("Last imported first"), "-document_on": lazy_text("Newest document first")}


def source_name(code: str) -> str:
    """Return the name of a state system in the page's language."""
    return name_in_page_language(source_names(code))


def object_name(row: Mapping[str, Any]) -> str:
    """Return how the source calls the object, else the record."""
    named = {"name_kk": row["name_kk"], "name_ru": row["name_ru"], "name_en": None}
    if any(named.values()):
        return name_in_page_language(named)
    return name_in_page_language(row["record"]) if row["record"] else row["project_number"] or row["platform_key"]


def document_of(row: Mapping[str, Any]) -> str:
    """Return the document of a confirmation with its number and day."""
    kind = choice_label("external_kind", row["kind"])
    number = {"number": row["document_number"], "day": short_day(row["document_on"])}
    return kind + ", " + _("No. %(number)s of %(day)s") % number


def _page(actor: Actor, _filters: Mapping[str, str]) -> ListPage:
    systems = [(code, source_name(code)) for code in known_systems().systems]
    may_import = actor.may(Permission.PLACEMENTS_CONFIRM)
    return ListPage(
        title=_("Confirmations from other state systems"),
        endpoint=NAME,
        columns=[
            TableColumn(_("Object"), object_name, _object_cell, "main"),
            TableColumn(_("Document"), document_of, lambda row: ListCell(document_of(row), source_name(row["source"]))),
            TableColumn(_("Facts"), _facts, lambda row: ListCell(_compared(row))),
            TableColumn(_("Project"), lambda row: row["project"], _project_cell),
        ],
        empty=_("No confirmation matches."),
        about=_(
            "What other state systems confirm by signed files, beside what the records say. Facts that the policy "
            "trusts a system with count at once; others wait for two people."
        ),
        fields=[
            *filter_fields("external_state"),
            *([("source", field_label("source"), systems)] if systems else ()),
        ],
        dates=("document_on",),
        sorts=SORTS,
        records=EXTERNAL_LIST,
        buttons=[(_("Import a signed file"), url_for("web.external_import"))] if may_import else [],
    )


def _object_cell(row: Mapping[str, Any]) -> ListCell:
    address = url_for("web.external_confirmation", confirmation_id=row["id"])
    return ListCell(object_name(row), name_in_page_language(row["agency"]), address)


def _project_cell(row: Mapping[str, Any]) -> ListCell:
    tag = tag_of("external_state", row["external_state"])
    address = url_for("web.project", number=row["project"]) if row["project"] else ""
    return ListCell(row["project"] or NOTHING, "", address, tag)


def _facts(row: Mapping[str, Any]) -> str:
    shown = (f"{field_label(each['fact'])}: {display_fact(each['fact'], each['value'])}" for each in row["facts"])
    return "; ".join(shown)


def _differences(row: Mapping[str, Any]) -> str:
    """Return what the record has instead."""
    differing = [each for each in row["facts"] if row["project"] and each["value"] != each["recorded"]]
    values = [
        NOTHING if each["recorded"] is None else display_fact(each["fact"], each["recorded"]) for each in differing
    ]
    return ": ".join((_("Record"), "; ".join(values))) if values else ""


def _compared(row: Mapping[str, Any]) -> str:
    """Return the facts and what the record has instead: one text, so that a narrow cell has two lines for it."""
    return " · ".join(filter(None, (_facts(row), _differences(row))))


def _usual(_actor: Actor) -> dict[str, str]:
    waiting = (ExternalState.TO_CHECK, ExternalState.DIFFERS, ExternalState.TO_CONFIRM, ExternalState.UNMATCHED)
    return {"external_state": ",".join(waiting)}


add_list_pages("/external-confirmations", NAME, Permission.PROJECTS_READ, FILTERS, EXTERNAL_LIST.read, _page, _usual)


@pages.page(
    "/external-confirmations/import", needs=Permission.PLACEMENTS_CONFIRM, methods=("GET", "POST"), takes_file=True
)
def external_import(actor: Actor) -> Answer:
    """Import a signed file."""
    shown: dict[str, Any] = {
        "systems": [source_name(code) for code in known_systems().systems],
        "counts": None,
        "wrong": (),
    }
    if request.method != "POST":
        return render_template("state_systems/import.html", form=Form(), **shown)
    try:
        shown["counts"] = import_confirmations(actor, *uploaded_file())
    except Invalid as error:
        wrong = [each for each in error.problems if each.pointer.startswith("/file/")]
        problems = [Problem("/file", "signed-payload-invalid")] if wrong else error.problems
        shown["wrong"] = [
            {"row": each.pointer.removeprefix("/file/"), "column": "", "code": each.code, "params": each.params}
            for each in wrong
        ]
        return render_template("state_systems/import.html", form=Form({}, problems), **shown), 422
    return render_template("state_systems/import.html", form=Form(), **shown)


@pages.page("/external-confirmations/<row_id:confirmation_id>", needs=Permission.PROJECTS_READ)
def external_confirmation(actor: Actor, confirmation_id: int) -> Answer:
    """Show a confirmation beside the record of its project."""
    return _confirmation_page(actor, confirmation_id, Form())


@pages.page(
    "/external-confirmations/<row_id:confirmation_id>/match", needs=Permission.PLACEMENTS_CONFIRM, methods=("POST",)
)
def decide_confirmation_match(actor: Actor, confirmation_id: int) -> Answer:
    """Confirm or reject that the confirmation is about a project."""
    return answer_match_decision(
        partial(decide_external_match, actor, confirmation_id),
        partial(_confirmation_page, actor, confirmation_id),
        lambda: redirect_to("external_confirmation", confirmation_id=confirmation_id),
    )


def _confirmation_page(actor: Actor, confirmation_id: int, form: Form) -> str:
    row = read_external_confirmation(actor, confirmation_id)
    return render_template(
        "state_systems/confirmation.html",
        actor=actor,
        row=row,
        form=form,
        project=projects_numbered(actor, [row["project"]]).get(row["project"]) if row["project"] else None,
        title=object_name(row),
        document=document_of(row),
        confirmable=FACTS,
        source=source_name(row["source"]),
    )
