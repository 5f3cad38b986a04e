"""The page of one project: details, verdict, flags, confirmations and documents."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from flask import render_template, request

from registry.accounts.actors import Actor
from registry.accounts.roles import Permission
from registry.approvals.queries import waiting_about
from registry.audits.pages import active_only
from registry.audits.past import AuditPolicyMissing, KnownStatus, status_known_at, values_known_at, verdict_known_at
from registry.audits.verdicts import verdict_of
from registry.core.clock import local_date
from registry.core.errors import Conflict, Invalid, NotFound, Problem
from registry.core.fields import AnyDay, BaseSchema
from registry.core.lists import NAME, Page, parse_known_at
from registry.core.transactions import transaction
from registry.exemptions.queries import list_exemptions
from registry.exemptions.service import documents_of_exemptions
from registry.flags.former_flags import FlagsNotKnown
from registry.flags.queries import flags_of
from registry.freeze.vocabulary import FINAL_STAGES
from registry.http.downloads import document_download
from registry.http.request_bodies import read_form
from registry.platform.confirmations import confirmations_of
from registry.projects.attestations import attest_project, attestation_of, may_attest, records_to_attest
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
from registry.projects.revisions import history, snapshot
from registry.projects.service import find_project, find_project_to_change, read_project
from registry.projects.views.links import cases_of_project
from registry.projects.views.related import links_for_page, similar_on_page
from registry.projects.views.sections import CONFIRMED, PARTS, part_title
from registry.projects.visibility import ProjectWithdrawn
from registry.requests.queries import requests_of_project
from registry.requests.service import withdrawal_in_effect
from registry.web.blueprint import Answer, pages, redirect_to
from registry.web.current_user import page_locale
from registry.web.errors import error_message, flash_outcome
from registry.web.flash import flash_message
from registry.web.formats import gettext, ngettext
from registry.web.formats import gettext as _
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


# Pages on which an agency confirms that its records are still true: one record, or several after looking at them.

MAX_AT_ONCE: Final = 100
CHOSEN: Final = "record"


@pages.page("/projects/<number>/attestation", needs=Permission.PROJECTS_ATTEST, methods=("POST",))
def attest(actor: Actor, number: str) -> Answer:
    """Confirm one record, from its page."""
    with flash_outcome(_("You confirmed that the record is true.")):
        _attest(actor, number, request.form.get("version", ""))
    return redirect_to("project", number=number)


@pages.page("/attestations", needs=Permission.PROJECTS_ATTEST)
def attestations(actor: Actor) -> Answer:
    """List the records of the user's agencies whose confirmation is due or overdue, the earliest first."""
    records = records_to_attest(actor, MAX_AT_ONCE)
    rows = [(project, attestation_of(project)) for project in records]
    return render_template("projects/attestations.html", actor=actor, rows=rows)


@pages.page("/attestations/confirmation", needs=Permission.PROJECTS_ATTEST, methods=("POST",))
def attest_chosen(actor: Actor) -> Answer:
    """Confirm the chosen records, each in a transaction of its own: one that was changed meanwhile stops no other."""
    chosen = list(dict.fromkeys(request.form.getlist(CHOSEN)))[:MAX_AT_ONCE]
    if not chosen:
        flash_message(_("Choose at least one record."), "error")
        return redirect_to("attestations")
    confirmed = 0
    for each in chosen:
        number, _separator, version = each.partition(" ")
        try:
            _attest(actor, number, version)
        except (Conflict, NotFound) as error:
            flash_message(error_message(error), "error")
        else:
            confirmed += 1
    if confirmed:
        text = ngettext("You confirmed %(num)s record.", "You confirmed %(num)s records.", confirmed)
        flash_message(text % {"num": confirmed})
    return redirect_to("attestations")


def _attest(actor: Actor, number: str, version: str) -> None:
    # A version that is no number is none of the record's.
    seen = int(version) if version.isascii() and version.isdigit() and len(version) < 10 else 0
    with transaction():
        attest_project(actor, find_project_to_change(actor, number), seen)


# The history of a project: all changes, and the record and the verdict as known on a past date.

MAX_LENGTH: Final = 100


class KnownOn(BaseSchema):
    """The date of the form."""

    known_at = AnyDay()


KNOWN_ON: Final = KnownOn()


@dataclass(frozen=True, slots=True)
class Past:
    """What was known on a date; ``status`` and ``verdict`` are None when the register cannot tell."""

    on: date
    values: dict[str, Any]
    status: KnownStatus | None
    verdict: dict[str, Any] | None

    @property
    def given(self) -> frozenset[str]:
        """The fields that had a value."""
        return frozenset(name for name, value in self.values.items() if value is not None)


@pages.page("/projects/<number>/history", needs=Permission.PROJECTS_READ)
def project_history(actor: Actor, number: str) -> Answer:
    """Show all changes, newest first; for a date above them what was known on it."""
    text = request.args.get(NAME, "").strip()[:MAX_LENGTH]
    project = read_project(actor, number, "history")
    form, past = Form({NAME: text}), None
    try:
        past = _past(project, text) if text else None
        if past:
            # As the form asks for it, also when a link has another notation.
            form = Form({NAME: f"{past.on:%d.%m.%Y}"})
    except Invalid as error:
        form = invalid_form({NAME: text}, error, NAME)
    page = render_template(
        "projects/history.html",
        project=project,
        revisions=history(project.id)[::-1],
        form=form,
        past=past,
        parts=PARTS,
        confirmed=CONFIRMED,
        part_title=part_title,
    )
    return (page, 422) if form.errors else page


def _past(project: Project, text: str) -> Past:
    loaded = KNOWN_ON.load_texts({NAME: text})
    day: date | None = loaded.values.get(NAME)
    if loaded.problems or day is None:
        raise Invalid(loaded.problems or [Problem(NAME, "expected-date")])
    at = parse_known_at(day.isoformat())
    registered = local_date(project.registered_at)
    if day < registered:
        raise Invalid([Problem(NAME, "known-at-before-registration", {"registered": registered.isoformat()})])
    present = {name: getattr(project, name) for name in ("id", "number", "registered_at")}
    values = values_known_at(present, at)
    try:
        status = status_known_at(present, at)
    except (FlagsNotKnown, AuditPolicyMissing):
        status = None
    try:
        verdict = verdict_known_at(project, day, at, page_locale())
    except AuditPolicyMissing:
        verdict = None
    return Past(day, values, status, verdict)
