"""One project: its facts, where it stands and why, what was confirmed, its documents and history."""

from __future__ import annotations

from urllib.parse import quote

from flask import Response, render_template, request

from registry.accounts.actors import Actor
from registry.accounts.roles import Permission
from registry.audits.verdicts import verdict_of
from registry.audits.views.findings import active_only
from registry.core.errors import Invalid, Problem
from registry.core.pagination import Page
from registry.exemptions.queries import list_exemptions
from registry.flags.queries import flags_of
from registry.http.request_bodies import read_form
from registry.platform.confirmations import confirmations_of
from registry.projects.documents import (
    DOCUMENT_FIELDS,
    DocumentQuotaExceeded,
    add_document,
    documents_of,
    read_document,
)
from registry.projects.models import Project
from registry.projects.revisions import history
from registry.projects.service import find_project, read_project
from registry.projects.views.links import cases_of_project
from registry.projects.views.sections import CONFIRMED, PARTS, part_title
from registry.web.blueprint import Answer, pages, redirect_to
from registry.web.current_user import page_locale
from registry.web.flash import flash_message
from registry.web.forms import Form, accept, invalid_form, typed_values
from registry.web.translations import gettext

ALL = Page(500)


@pages.page("/projects/<number>", needs=Permission.PROJECTS_READ)
def project(actor: Actor, number: str) -> Answer:
    """The whole project on one page."""
    return _page(actor, number, Form())


def _page(actor: Actor, number: str, form: Form) -> str:
    language = page_locale()
    flags = flags_of(actor, find_project(actor, number).id, ALL, language).items
    exemptions = list_exemptions(actor, {"project": number}, ALL).items
    # Last: the journalled reading of a restricted project lets go of rows that were read before.
    found = read_project(actor, number, "project")
    verdict = verdict_of(found, None, language)
    return render_template(
        "projects/detail.html",
        actor=actor,
        project=found,
        status=found.freeze_status,
        standing=active_only(flags),
        cleared=[flag for flag in flags if flag["status"] == "cleared"],
        verdict=verdict,
        parts=PARTS,
        confirmed=CONFIRMED,
        part_title=part_title,
        confirmations=confirmations_of(found.id),
        exemptions=exemptions,
        documents=documents_of(found),
        form=form,
        cases=cases_of_project(actor, number),
    )


@pages.page("/projects/<number>/history", needs=Permission.PROJECTS_READ)
def project_history(actor: Actor, number: str) -> Answer:
    """Every change, the newest first."""
    found = read_project(actor, number, "history")
    return render_template("projects/history.html", project=found, revisions=history(found.id)[::-1])


@pages.page("/projects/<number>/documents", needs=Permission.DOCUMENTS_WRITE, methods=("POST",), takes_file=True)
def add_project_document(actor: Actor, number: str) -> Answer:
    """Keep a document with the project."""
    found = find_project(actor, number)
    try:
        _add_sent(actor, found)
    except Invalid as refused:
        return _page(actor, number, invalid_form(typed_values(DOCUMENT_FIELDS), refused, "file")), 422
    except DocumentQuotaExceeded as refused:
        return _page(actor, number, invalid_form(typed_values(DOCUMENT_FIELDS), refused, "file")), 409
    flash_message(gettext("Document saved."))
    return redirect_to("project", number=number, _anchor="documents")


@pages.page("/projects/<number>/documents/<row_id:document_id>", needs=Permission.PROJECTS_READ)
def project_document(actor: Actor, number: str, document_id: int) -> Answer:
    """A document, always as a download: nothing that somebody uploaded is shown as a page of ours."""
    document, content = read_document(read_project(actor, number, "document"), document_id)
    response = Response(content, content_type="application/octet-stream")
    response.headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(document.name, safe='')}"
    return response


def _add_sent(actor: Actor, found: Project) -> None:
    sent = read_form()[1].get("file") if _chosen() else None
    values, problems = accept(typed_values(DOCUMENT_FIELDS), DOCUMENT_FIELDS)
    if sent is None:
        raise Invalid([Problem("/file", "required"), *problems])
    if problems:
        raise Invalid(problems)
    add_document(actor, found, sent.name, sent.content_type, sent.content, **values)


def _chosen() -> bool:
    return bool(request.files.get("file") and request.files["file"].filename)
