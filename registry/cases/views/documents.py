"""Pages of the documents of a case: add one to an entry of the timeline, or as an entry of its own, and download."""

from __future__ import annotations

from typing import Final

from flask import render_template, request

from registry.accounts.actors import Actor
from registry.accounts.roles import AGENCY_ROLES, Permission
from registry.cases.details import show_case
from registry.cases.documents import add_case_document, read_case_document
from registry.cases.queries import find_case, read_case
from registry.core.errors import Conflict, Invalid
from registry.core.transactions import transaction
from registry.http.downloads import document_download
from registry.http.error_handlers import status_of
from registry.projects.views.links import FILE, LETTER, chosen_letters
from registry.web.blueprint import Answer, pages, redirect_to
from registry.web.current_user import page_locale
from registry.web.flash import flash_message
from registry.web.formats import ngettext
from registry.web.forms import Form, invalid_form, typed_values

MAX_DIGITS: Final = 9


@pages.page(
    "/cases/<row_id:case_id>/documents/new", needs=Permission.CASES_COMMENT, methods=("GET", "POST"), takes_file=True
)
def add_documents_to_case(actor: Actor, case_id: int) -> Answer:
    """Add one or several documents to an entry of the timeline (``event``), or as entries of their own."""
    event_id = _event()
    if request.method != "POST":
        return _form(actor, case_id, event_id, Form())
    texts = typed_values((*LETTER.fields, "for_agency"))
    try:
        count = _add(actor, case_id, event_id, texts)
    except (Invalid, Conflict) as error:
        return _form(actor, case_id, event_id, invalid_form(texts, error, FILE)), status_of(error)
    flash_message(ngettext("%(num)s document saved.", "%(num)s documents saved.", count) % {"num": count})
    return redirect_to("case", case_id=case_id, _anchor="timeline")


@pages.page("/cases/<row_id:case_id>/documents/<row_id:document_id>", needs=Permission.CASES_READ)
def case_document(actor: Actor, case_id: int, document_id: int) -> Answer:
    """Download a document; uploaded content is never rendered in the service's origin."""
    document, content = read_case_document(actor, read_case(actor, case_id, "document"), document_id)
    return document_download(document.name, content)


def _add(actor: Actor, case_id: int, event_id: int | None, texts: dict[str, str]) -> int:
    """Save all chosen files or none. Returns how many."""
    files, values = chosen_letters(texts)
    for_agency = texts.get("for_agency") == "yes"
    with transaction():
        for each in files:
            add_case_document(
                actor,
                case_id,
                each.name,
                each.content_type,
                each.content,
                values,
                event_id=event_id,
                for_agency=for_agency,
            )
    return len(files)


def _event() -> int | None:
    text = request.values.get("event", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS else None


def _form(actor: Actor, case_id: int, event_id: int | None, form: Form) -> str:
    view = show_case(actor, find_case(actor, case_id), page_locale())
    event = next((each for each in view["events"] if each["id"] == event_id), None)
    asks_for_agency = event is None and actor.role not in AGENCY_ROLES
    return render_template("cases/documents.html", case=view, event=event, form=form, asks_for_agency=asks_for_agency)
