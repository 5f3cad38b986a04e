"""The form by which an agency asks for a confirmation, and attaches documents of the project."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from flask import url_for

from registry.accounts.actors import Actor
from registry.accounts.roles import Permission
from registry.platform.vocabulary import ConfirmationKind
from registry.projects.documents import documents_of
from registry.projects.service import read_project_to_change
from registry.requests import service
from registry.requests.confirmation import ConfirmationRequestFields
from registry.requests.confirmed_facts import FIELDS_OF
from registry.requests.handlers import HANDLERS
from registry.requests.vocabulary import RequestKind
from registry.web.blueprint import Answer, pages, redirect_to
from registry.web.flash import flash_message
from registry.web.formats import gettext as _
from registry.web.forms import FormPage, answer_form, as_typed, form_field, schema_field
from registry.web.labels import name_in_page_language

HANDLER: Final = HANDLERS[RequestKind.CONFIRMATION]
# The kind is in the path.
FORM: Final = ConfirmationRequestFields(exclude=("kind",))
PATH: Final = f"/projects/<number>/confirmation-request/<any({','.join(ConfirmationKind.codes())}):kind>"


@pages.page(PATH, needs=Permission.PROJECTS_WRITE, methods=("GET", "POST"))
def ask_confirmation(actor: Actor, number: str, kind: str) -> Answer:
    """Ask to confirm the placement, the onboarding or the ending."""
    project = read_project_to_change(actor, number, "confirmation")
    inputs = HANDLER.body.inputs
    fields = [schema_field(inputs[name]) for name in (*FIELDS_OF[kind], "evidence")]
    documents = [(str(each["id"]), each["name"]) for each in documents_of(project)]
    if documents:
        label = _("Documents of the project that show it")
        fields.append(form_field("documents", "checkboxes", label=label, choices=documents))
    titles = {
        ConfirmationKind.PLACEMENT: _("Ask for confirmation of the placement"),
        ConfirmationKind.ONBOARDING: _("Ask for confirmation of the onboarding"),
        ConfirmationKind.ENDING: _("Ask for confirmation of the ending"),
    }
    page = FormPage(
        titles[ConfirmationKind(kind)],
        _("Send the request"),
        url_for("web.project", number=number),
        fields,
        FORM,
        intro=_(
            "An operator or a reviewer checks the evidence and confirms, or declines with a reason. Add documents to "
            "the project first, and tick here those that show it."
        ),
        subject=name_in_page_language(project),
    )

    def act(values: Mapping[str, Any]) -> Answer:
        asked = service.ask(actor, RequestKind.CONFIRMATION, number, {**values, "kind": kind})
        flash_message(_("Your request is sent. An operator or a reviewer decides."))
        return redirect_to("request_page", request_id=asked.id)

    known = {name: as_typed(getattr(project, name, None)) for name in FIELDS_OF[kind]}
    return answer_form(page, act, known)
