"""Pages of the documents of an exemption: add and download."""

from __future__ import annotations

from typing import Final

from flask import render_template, request

from registry.accounts.actors import Actor
from registry.accounts.roles import Permission
from registry.core.errors import Conflict, Invalid, NotAllowed
from registry.core.transactions import transaction
from registry.exemptions.documents import add_exemption_document, read_exemption_document
from registry.exemptions.queries import read_exemption
from registry.http.downloads import document_download
from registry.http.error_handlers import status_of
from registry.projects.views.letters import FILE, LETTER, chosen_letters
from registry.web.blueprint import Answer, pages, redirect_to
from registry.web.flash import flash_message
from registry.web.formats import ngettext
from registry.web.forms import Form, invalid_form, typed_values

ADD: Final = "/exemptions/<row_id:exemption_id>/documents/new"


@pages.page(ADD, needs=Permission.EXEMPTIONS_RECORD, methods=("GET", "POST"), takes_file=True)
def add_documents_to_exemption(actor: Actor, exemption_id: int) -> Answer:
    """Add one or several documents to an exemption."""
    if request.method != "POST":
        return _form(actor, exemption_id, Form())
    texts = typed_values(LETTER.fields)
    try:
        count = _add(actor, exemption_id, texts)
    except (Invalid, Conflict, NotAllowed) as error:
        return _form(actor, exemption_id, invalid_form(texts, error, FILE)), status_of(error)
    flash_message(ngettext("%(num)s document saved.", "%(num)s documents saved.", count) % {"num": count})
    return redirect_to("project", number=read_exemption(actor, exemption_id).project, _anchor="confirmed")


@pages.page("/exemptions/<row_id:exemption_id>/documents/<row_id:document_id>", needs=Permission.EXEMPTIONS_READ)
def exemption_document(actor: Actor, exemption_id: int, document_id: int) -> Answer:
    """Download a document; uploaded content is never rendered in the service's origin."""
    document, content = read_exemption_document(read_exemption(actor, exemption_id), document_id)
    return document_download(document.name, content)


def _add(actor: Actor, exemption_id: int, texts: dict[str, str]) -> int:
    """Save all chosen files or none. Returns how many."""
    files, values = chosen_letters(texts)
    with transaction():
        for each in files:
            add_exemption_document(actor, exemption_id, each.name, each.content_type, each.content, values)
    return len(files)


def _form(actor: Actor, exemption_id: int, form: Form) -> str:
    return render_template("exemptions/documents.html", exemption=read_exemption(actor, exemption_id), form=form)
