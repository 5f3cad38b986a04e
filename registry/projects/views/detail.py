"""The page of one project: details, verdict, flags, confirmations and documents."""

from __future__ import annotations

from flask import render_template, request

from registry.accounts.actors import Actor
from registry.accounts.roles import Permission
from registry.approvals.queries import waiting_about
from registry.audits.pages import active_only
from registry.audits.verdicts import verdict_of
from registry.core.errors import Invalid, Problem
from registry.core.pagination import Page
from registry.exemptions.documents import documents_of_exemptions
from registry.exemptions.queries import list_exemptions
from registry.flags.queries import flags_of
from registry.freeze.vocabulary import FINAL_STAGES
from registry.http.downloads import document_download
from registry.http.request_bodies import read_form
from registry.platform.confirmations import confirmations_of
from registry.projects.attestations import attestation_of, may_attest
from registry.projects.documents import (
    DocumentFields,
    DocumentQuotaExceeded,
    add_document,
    documents_of,
    read_document,
)
from registry.projects.former_records import linked_records
from registry.projects.models import Project
from registry.projects.questions import is_asked
from registry.projects.revisions import snapshot
from registry.projects.service import find_project, read_project
from registry.projects.views.links import cases_of_project
from registry.projects.views.related import links_for_page, similar_on_page
from registry.projects.views.sections import CONFIRMED, PARTS, part_title
from registry.projects.withdrawn import ProjectWithdrawn
from registry.requests.queries import requests_of_project
from registry.requests.restoration import withdrawal_in_effect
from registry.web.blueprint import Answer, pages, redirect_to
from registry.web.current_user import page_locale
from registry.web.flash import flash_message
from registry.web.formats import gettext
from registry.web.forms import Form, invalid_form, typed_values

ALL = Page(500)
DOCUMENT = DocumentFields()


@pages.page("/projects/<number>", needs=Permission.PROJECTS_READ)
def project(actor: Actor, number: str) -> Answer:
    """Show the project."""
    return _page(actor, number, Form())


def _page(actor: Actor, number: str, form: Form) -> str:
    language = page_locale()
    known = find_project(actor, number)
    flags = flags_of(actor, known.number, ALL, language).items
    links = links_for_page(actor, known)
    similar = similar_on_page(actor, known)
    former, later = linked_records(actor, known.id)
    exemptions = list_exemptions(actor, {"project": number}, ALL).items
    of_exemptions = documents_of_exemptions([exemption.id for exemption in exemptions])
    documents_by_exemption = {exemption.id: of_exemptions.get(exemption.id, []) for exemption in exemptions}
    # Read last: journalling a restricted read starts a transaction, which expires objects read before.
    project = read_project(actor, number, "project")
    verdict = verdict_of(project, None, language)
    return render_template(
        "projects/detail.html",
        actor=actor,
        project=project,
        status=project.freeze_status,
        has_ended=project.stage in FINAL_STAGES,
        attestation=attestation_of(project),
        may_attest=may_attest(actor, project),
        active=active_only(flags),
        cleared=[flag for flag in flags if flag["status"] == "cleared"],
        verdict=verdict,
        parts=PARTS,
        asked=lambda part: [name for name in PARTS[part] if is_asked(name, snapshot(project))],
        confirmed=CONFIRMED,
        part_title=part_title,
        confirmations=confirmations_of(project.id),
        exemptions=exemptions,
        exemption_documents=documents_by_exemption,
        documents=documents_of(project),
        form=form,
        cases=cases_of_project(actor, number) if actor.may(Permission.CASES_READ) else [],
        requests=requests_of_project(actor, project.id) if actor.may(Permission.REQUESTS_READ) else [],
        approvals=waiting_about(actor, project_id=project.id),
        withdrawal=withdrawal_in_effect(project),
        links=links,
        similar=similar,
        former=former,
        later=later,
    )


@pages.page("/projects/<number>/documents", needs=Permission.DOCUMENTS_WRITE, methods=("POST",), takes_file=True)
def add_project_document(actor: Actor, number: str) -> Answer:
    """Add a document to the project."""
    project = find_project(actor, number)
    try:
        _add_uploaded(actor, project)
    except Invalid as error:
        return _page(actor, number, invalid_form(typed_values(DOCUMENT.fields), error, "file")), 422
    except (DocumentQuotaExceeded, ProjectWithdrawn) as error:
        return _page(actor, number, invalid_form(typed_values(DOCUMENT.fields), error, "file")), 409
    flash_message(gettext("Document saved."))
    return redirect_to("project", number=number, _anchor="documents")


@pages.page("/projects/<number>/documents/<row_id:document_id>", needs=Permission.PROJECTS_READ)
def project_document(actor: Actor, number: str, document_id: int) -> Answer:
    """Download a document; uploaded content is never rendered in the service's origin."""
    document, content = read_document(read_project(actor, number, "document"), document_id)
    return document_download(document.name, content)


def _add_uploaded(actor: Actor, project: Project) -> None:
    upload = read_form()[1].get("file") if _has_file() else None
    values, problems = DOCUMENT.load_texts(typed_values(DOCUMENT.fields))
    if upload is None:
        raise Invalid([Problem("/file", "page-choose-file"), *problems])
    if problems:
        raise Invalid(problems)
    add_document(actor, project, upload.name, upload.content_type, upload.content, **values)


def _has_file() -> bool:
    return bool(request.files.get("file") and request.files["file"].filename)
