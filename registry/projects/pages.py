"""Pages of projects: list, detail, registration, edit, links."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from math import ceil
from typing import Any, Final
from urllib.parse import urlencode

from flask import render_template, request, url_for
from sqlalchemy import select
from werkzeug.wrappers import Response

from registry.accounts.roles import Actor, Permission, StepUpRequired
from registry.agencies.pages import add_list_pages, agency_choices, agency_defaults, agency_name, agency_names
from registry.approvals.queries import waiting_about
from registry.approvals.schemas import REMARK
from registry.audits import verdicts
from registry.audits.pages import active_only, rule_titles
from registry.audits.past import AuditPolicyMissing, KnownStatus, status_known_at, values_known_at, verdict_known_at
from registry.cases.lists import order_of_project
from registry.cases.models import Case
from registry.core import errors
from registry.core.clock import local_date
from registry.core.database import db, transaction
from registry.core.fields import AnyDay, BaseSchema, Day
from registry.core.lists import NAME, Listing, Page, parse_known_at
from registry.core.search import NAMES
from registry.core.translations import lazy_text
from registry.core.values import plain_number
from registry.exemptions.queries import EXEMPTION_LIST
from registry.exemptions.service import documents_of_exemptions
from registry.flags.former_flags import FlagsNotKnown
from registry.flags.queries import flags_of
from registry.freeze.policy import policy_in_force
from registry.freeze.vocabulary import FINAL_STAGES, Placement
from registry.http.requests import read_files, read_form
from registry.http.responses import csv_download, document_download, xlsx_download
from registry.journal.read_replica import reads_from_replica, use_read_replica
from registry.platform.confirmations import confirmations_of
from registry.platform.products import products_for
from registry.platform.queries import deployment_of
from registry.projects import documents, fields as project_fields, queries, service
from registry.projects.attestations import attest_project, attestation_of, may_attest, records_to_attest
from registry.projects.drafts import Draft, DraftNotFound, discard_draft, drafts_of, find_draft, save_draft, start_draft
from registry.projects.exports import export_csv, export_workbook, export_xlsx
from registry.projects.filters import BELOW, FILTERS as PROJECT_FILTERS, KIND
from registry.projects.fingerprints import COMPARED
from registry.projects.former_records import REASON, former_records_shown, linked_records
from registry.projects.links import OF_ONE_OBJECT, add_link, links_page, similar_items, similar_to_values
from registry.projects.migration_plans import PLAN_BODY, PLAN_CONFIRMATION, PLANNED, confirm_plan, plan_of, save_plan
from registry.projects.models import Project
from registry.projects.objects import read_object
from registry.projects.revisions import differences, history, snapshot
from registry.projects.schemas import LINK_BODY, PROJECT_BODY, PROJECT_PATCH
from registry.projects.visibility import ProjectWithdrawn, visible_projects
from registry.projects.vocabulary import LinkKind
from registry.requests.approval_kinds import remove_or_propose
from registry.requests.queries import requests_of_project
from registry.requests.service import withdrawal_in_effect
from registry.saved_views.models import ViewList
from registry.saved_views.pages import view_line
from registry.signatures import pages as signing
from registry.signatures.service import shown_signatures, signature_settings
from registry.web import forms, lists
from registry.web.blueprint import BOTH, Answer, flash_changes, flash_message, pages, redirect_to
from registry.web.current_user import page_locale
from registry.web.errors import error_message, flash_outcome, problem_message
from registry.web.formats import (
    NOTHING,
    gettext,
    gettext as _,
    money,
    money_in_short,
    ngettext,
    short_day,
    within_sentence,
)
from registry.web.labels import choice_label, display_value, field_label, name_in_page_language, options

# Sections of a project: the steps of the registration and the sections of its page (``SECTIONS``).

TITLES: Final[Mapping[str, str]] = {
    "what": lazy_text("About the project"),
    "work": lazy_text("Work, stage and hosting"),
    "object": lazy_text("The object"),
    "ai": lazy_text("AI system"),
    "dates": lazy_text("Dates"),
    "money": lazy_text("Contract and money"),
    "people": lazy_text("Responsible person"),
}
# Read-only values displayed with each section.
CONFIRMED: Final[Mapping[str, tuple[str, ...]]] = {
    "what": (),
    "work": ("placement_verified_on",),
    "object": ("onboarding_confirmed_on",),
    "ai": (),
    "dates": ("ending_confirmed_on",),
    "money": (),
    "people": (),
}


def part_title(part: str) -> str:
    """Return the title of a section."""
    return gettext(TITLES[part])


def part_of(field: str) -> str:
    """Return the section of a field; the first section for ``agency``, which is not in ``PARTS``."""
    return next((part for part, fields in project_fields.PARTS.items() if field in fields), "what")


def shown_fields(part: str, values: Mapping[str, Any]) -> list[str]:
    """Return the fields of a section that these values or texts ask, or have, or may ask while the page is open."""
    names = project_fields.PARTS[part]
    return [
        name
        for name in names
        if project_fields.is_asked(name, values)
        or (
            not project_fields.CONDITIONS[name].is_strict
            and (values.get(name) or project_fields.CONDITIONS[name].field in names)
        )
    ]


def shown_parts(values: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """Return the sections that these values or texts have, with all their fields: that of an AI system only with AI."""
    return {part: names for part, names in project_fields.PARTS.items() if shown_fields(part, values)}


def next_part(texts: Mapping[str, str]) -> str | None:
    """Return the first section of a draft with a missing required value or without any answer; None when all have
    some.
    """
    for part, names in shown_parts(texts).items():
        given = [name for name in names if texts.get(name, "").strip() and name not in project_fields.PREFILLED]
        if not given or any(not texts.get(name) for name in names if name in project_fields.REQUIRED):
            return part
    return None


# The values of a project as the texts that its forms have.


def current_texts(project: Project) -> dict[str, str]:
    """Return the texts of all fields."""
    return {
        name: forms.present_text(forms.project_field(name), getattr(project, name)) for name in project_fields.FIELDS
    }


# Project list page with search and filters in the URL, and its export.

# The list takes every filter of the API; those without a field in the form are set by links and saved views.
FILTERS: Final = (*PROJECT_FILTERS, BELOW, KIND)
# The filters that the page offers as selects.
CHOICES: Final = (
    *("freeze_status", "severity", "work_type", "stage", "placement", "sector", "region", "attestation"),
    "migration_plan",
)
SORTS: Final = {
    "-registered_at": lazy_text("Newest first"),
    "-updated_at": lazy_text("Last changed first"),
    "-budget_kzt": lazy_text("Largest budget first"),
    "started_on": lazy_text("Earliest start first"),
    "number": lazy_text("By number"),
}


def _list_page(actor: Actor, filters: Mapping[str, str]) -> lists.ListPage:
    labelled = f"{url_for('web.projects_table', ending='xlsx')}?{urlencode({'header_row': 'labels', **filters})}"
    kinds = () if actor.agency_id else (KIND,)
    return lists.ListPage(
        title=_("Projects"),
        endpoint="projects",
        columns=_columns(actor),
        empty=_("No project matches.") if filters else _("There are no projects yet."),
        words=_("Words in the name, purpose or number"),
        fields=[*lists.filter_fields(*CHOICES, *kinds), ("rule", _("Rule"), list(rule_titles().items()))],
        ticks=[("withdrawn", "include", _("with withdrawn projects"))],
        sorts=SORTS,
        records=queries.PROJECT_LIST,
        groups={
            "agency": (BY_AGENCY["agency"][0], lambda _key, item: item["agency_name"]),
            "freeze_status": (lazy_text("By status"), lambda key, _item: choice_label("freeze_status", key)),
        },
        saved=view_line(actor, ViewList.PROJECTS, lists.with_sort(filters)),
        buttons=[(_("Register a project"), url_for("web.register"))] if actor.may(Permission.PROJECTS_WRITE) else [],
        files=[(_("Workbook to edit and import (XLSX)"), labelled)],
        has_preview=True,
        with_below=True,
    )


def _read(actor: Actor, filters: Mapping[str, str], page: Page) -> Listing:
    shared, only = queries.PROJECT_LIST.split(filters)
    with reads_from_replica():
        listing = queries.list_projects(actor, shared, page, only=only)
    names = agency_names(item["agency"] for item in listing.items)
    return replace(listing, items=[{**item, "agency_name": names[item["agency"]]} for item in listing.items])


def _columns(actor: Actor) -> list[lists.TableColumn]:
    return [
        lists.TableColumn(_("Project"), None, partial(_project_cell, actor), "main"),
        lists.TableColumn(_("Freeze status"), None, _status_cell, "state"),
        lists.TableColumn(_("Hosting, work and stage"), None, work_cell),
        lists.TableColumn(
            field_label("started_on"),
            None,
            lambda item: lists.ListCell(short_day(item["started_on"])),
            "day",
            "started_on",
        ),
        lists.TableColumn(
            field_label("budget_kzt"),
            None,
            lambda item: lists.ListCell(money(item["budget_kzt"])),
            "number",
            "-budget_kzt",
        ),
    ]


def _project_cell(actor: Actor, item: Mapping[str, Any]) -> lists.ListCell:
    address = url_for("web.project", number=item["number"])
    return lists.record_cell(item, address, item["number"], "" if actor.agency_id else item["agency_name"])


def _status_cell(item: Mapping[str, Any]) -> lists.ListCell:
    label, colour = lists.tag_of("freeze_status", item["freeze_status"])
    if item["freeze_status"] != "flagged" or not item["severity"]:
        return lists.ListCell(tag=(label, colour))
    severity, colour = lists.tag_of("severity", item["severity"])
    return lists.ListCell("", f"{field_label('severity')}: {within_sentence(severity)}", tag=(label, colour))


add_list_pages("/projects", "projects", Permission.PROJECTS_READ, FILTERS, _read, _list_page, has_tables=False)


@pages.page(f"/projects.<{lists.ENDINGS}:ending>", needs=Permission.PROJECTS_READ)
def projects_table(actor: Actor, ending: str) -> Answer:
    """Download all projects that match the filters; the file can be edited and imported."""
    shared, only = queries.PROJECT_LIST.split(lists.requested_filters(FILTERS))
    labels_in = page_locale() if "labels" in (request.args.get("header_row"), request.args.get("headers")) else None
    use_read_replica(for_export=True)
    if ending == "csv":
        return csv_download("projects", export_csv(actor, shared, only=only, labels_in=labels_in))
    if labels_in is not None:
        return xlsx_download("projects", lambda path: export_workbook(actor, shared, path, labels_in, only=only))
    return xlsx_download("projects", lambda path: export_xlsx(actor, shared, path, only=only))


# Lists of what belongs to projects: their rows, each with its project, and the columns that they have in common.

ProjectRow = tuple[Mapping[str, Any], Project]


def with_projects(actor: Actor, listing: Listing, name: str = "project") -> Listing:
    """Return a list with each item's project, which it names; without one that was restricted in the meantime."""
    projects = queries.projects_numbered(actor, (item[name] for item in listing.items))
    pairs = zip(listing.keys, listing.items, strict=True)
    rows = [(key, (item, projects[item[name]])) for key, item in pairs if item[name] in projects]
    return replace(listing, items=[row for _key, row in rows], keys=[key for key, _row in rows])


def of_item(name: str) -> Callable[[ProjectRow], Any]:
    """Return the function that reads a value of an item."""
    return lambda row: row[0][name]


def record_columns(cell: Callable[[ProjectRow], lists.ListCell] | None) -> list[lists.TableColumn]:
    """Return the columns of the project and its agency. ``cell``: of the name, None where another column has it."""
    return [
        lists.TableColumn(field_label("number"), lambda row: row[1].number),
        lists.TableColumn(_("Project"), lambda row: name_in_page_language(row[1]), cell, "main"),
        lists.TableColumn(field_label("bin"), lambda row: row[1].agency.bin),
        lists.TableColumn(field_label("agency"), lambda row: name_in_page_language(row[1].agency)),
    ]


def project_cell(row: ProjectRow) -> lists.ListCell:
    """Return the cell of a project's name, with its number and agency."""
    address = url_for("web.project", number=row[1].number)
    return lists.record_cell(row[1], address, row[1].number, name_in_page_language(row[1].agency))


def work_cell(item: Mapping[str, Any]) -> lists.ListCell:
    """Return the cell of the hosting, the kind of work and the stage of a project as lists show it."""
    work, stage, hosting = (choice_label(name, item[name]) for name in ("work_type", "stage", "placement"))
    return lists.ListCell(hosting, f"{work} · {stage}")


def budget_cell(row: ProjectRow) -> lists.ListCell:
    """Return the cell of the project's budget."""
    return lists.ListCell(NOTHING if row[1].budget_kzt is None else money_in_short(row[1].budget_kzt))


# The group of a list by the agencies of its projects.
BY_AGENCY: Final = {"agency": (lazy_text("By agency"), lambda _key, row: name_in_page_language(row[1].agency))}


# Related records for pages: the cases of a project.


def cases_of_project(actor: Actor, number: str) -> list[Case]:
    """Return the cases of a project if the actor may see it, newest first."""
    statement = (
        select(Case)
        .join(Case.project_record)
        .where(Project.number == number, *visible_projects(actor))
        .order_by(Case.id.desc())
    )
    return list(db.session.scalars(statement))


# The letters that a form adds to a case or an exemption: files with one kind, description and pair of numbers.

LETTER: Final = documents.LetterFields()
FILE: Final = "file"


def add_letters(texts: Mapping[str, str], add: Callable[..., object]) -> None:
    """Add all chosen files or none, each by its name, content type, content and what is said of all of them.

    Raises Invalid, also without a file, and what ``add`` raises.
    """
    values, problems = LETTER.load_texts({name: texts.get(name, "") for name in LETTER.fields})
    files = read_files(FILE)
    if not files:
        problems = (errors.Problem("/file", "page-choose-file"), *problems)
    if problems:
        raise errors.Invalid(problems)
    with transaction():
        for each in files:
            add(each.name, each.content_type, each.content, values)
    flash_message(ngettext("%(num)s document saved.", "%(num)s documents saved.", len(files)) % {"num": len(files)})


# Likely duplicates and links of a project, and the pages by which reviewers set links.

ALL: Final = Page(500)
# What the other project is, at the end that a link leads to.
BACKWARDS: Final[Mapping[str, str]] = {
    LinkKind.DUPLICATE_OF: lazy_text("Has the duplicate"),
    LinkKind.PART_OF: lazy_text("Has the part"),
    LinkKind.REPLACES: lazy_text("Replaced by"),
    LinkKind.EXCHANGES_DATA_WITH: lazy_text("Exchanges data with"),
}


def similar_on_page(actor: Actor, project: Project) -> list[dict[str, Any]] | None:
    """Return the likely duplicates on a project's page; None for those who neither review nor belong to an agency."""
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
    """Return the links of a project: what it is to the other project, its number and name, and the note."""
    number = project.number
    links = links_page(actor, project.id, ALL).items
    ends = [(link, link["target"] if link["project"] == number else link["project"]) for link in links]
    named = queries.projects_numbered(actor, (other for _link, other in ends))
    return [
        {
            "id": link["id"],
            "label": _label(link["kind"], forwards=link["project"] == number),
            "number": other,
            "name": name_in_page_language(named[other]),
            "note": link["note"],
            "is_of_object": link["kind"] in OF_ONE_OBJECT,
            "added_by": link["added_by"],
            "added_at": link["added_at"],
        }
        for link, other in ends
        if other in named
    ]


@pages.page("/projects/<number>/links", needs=Permission.PROJECTS_LINK, methods=BOTH)
def link_project(actor: Actor, number: str) -> Answer:
    """Link the project to another one."""
    project = service.read_project(actor, number, "project")
    kind = forms.form_field(
        "kind", "radios", label=_("What this project is to the other"), choices=options("link_kind")
    )
    page = forms.FormPage(
        _("Link to another project"),
        _("Add the link"),
        url_for("web.project", number=number),
        [kind, *(forms.schema_field(LINK_BODY.inputs[name]) for name in ("target", "note"))],
        LINK_BODY,
        subject=name_in_page_language(project),
    )
    return forms.answer_form(
        page, lambda values: _add(actor, number, values), {"target": request.args.get("target", "")}
    )


@pages.page("/projects/<number>/links/<row_id:link_id>/removal", needs=Permission.PROJECTS_LINK, methods=BOTH)
def unlink_project(actor: Actor, number: str, link_id: int) -> Answer:
    """Remove a link, or propose to, where another person must approve it."""
    project = service.read_project(actor, number, "project")
    page = forms.FormPage(
        _("Remove the link"),
        _("Send the proposal"),
        url_for("web.project", number=number, _anchor="links"),
        [forms.form_field("reason", "area", hint=_("How you know that the two are different objects."))],
        REMARK,
        _("The findings of both projects rest on the link. Another person must approve it, one of you a supervisor."),
        name_in_page_language(project),
    )

    def act(values: Mapping[str, Any]) -> Answer:
        approval = remove_or_propose(actor, number, link_id, values.get("reason"))
        if approval is None:
            flash_message(_("Link removed."))
            return redirect_to("project", number=number, _anchor="links")
        flash_message(_("Your proposal is sent. Nothing changes until another person approves it."))
        return redirect_to("approval_page", approval_id=approval.id)

    return forms.answer_form(page, act)


def _add(actor: Actor, number: str, values: Mapping[str, Any]) -> Answer:
    with transaction():
        add_link(actor, number, values)
    flash_message(_("Link added."))
    return redirect_to("project", number=number, _anchor="links")


def _label(kind: str, *, forwards: bool) -> str:
    return choice_label("link_kind", kind) if forwards else _(BACKWARDS[kind])


def _reason(reason: str) -> str:
    return _("Project name") if reason == "name" else field_label(reason)


# The page of one project: details, verdict, flags, confirmations and documents.

DOCUMENT = documents.DocumentFields()


@pages.page("/projects/<number>", needs=Permission.PROJECTS_READ)
def project(actor: Actor, number: str) -> Answer:
    """Show the project; with ``preview`` the short form of it beside a list."""
    return _detail_page(actor, number, forms.Form())


def _detail_page(actor: Actor, number: str, form: forms.Form) -> str:
    language = page_locale()
    known = service.find_project(actor, number)
    flags = flags_of(actor, known.number, ALL, language).items
    links = links_for_page(actor, known)
    similar = similar_on_page(actor, known)
    former, later = linked_records(actor, known.id)
    exemptions = EXEMPTION_LIST.read(actor, {"project": number}, ALL).items
    of_exemptions = documents_of_exemptions([exemption.id for exemption in exemptions])
    documents_by_exemption = {exemption.id: of_exemptions.get(exemption.id, []) for exemption in exemptions}
    # Read last: journalling a restricted read starts a transaction, which expires objects read before.
    project = service.read_project(actor, number, "project")
    verdict = verdicts.verdict_of(project, None, language)
    return render_template(
        "projects/preview.html" if "preview" in request.args else "projects/detail.html",
        actor=actor,
        project=project,
        status=project.freeze_status,
        has_ended=project.stage in FINAL_STAGES,
        attestation=attestation_of(project),
        signatures=shown_signatures(f"project:{project.number}"),
        plan=plan_of(project.id),
        may_attest=may_attest(actor, project),
        active=active_only(flags),
        order=order_of_project(actor, project.id),
        cleared=[flag for flag in flags if flag["status"] == "cleared"],
        verdict=verdict,
        fact_states={each["fact"]: each["state"] for each in verdict["facts"]},
        upcoming=verdicts.later_changes(verdict),
        parts=shown_parts(snapshot(project)),
        asked=lambda part: [
            name for name in project_fields.PARTS[part] if project_fields.is_asked(name, snapshot(project))
        ],
        confirmed=CONFIRMED,
        part_title=part_title,
        confirmations=confirmations_of(project.id),
        deployment=deployment_of(project),
        exemptions=exemptions,
        exempt_until=max((each.valid_to for each in exemptions if each.status == "in_force"), default=None),
        exemption_documents=documents_by_exemption,
        documents=documents.documents_of(project),
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


@pages.page("/objects/<path:code>", needs=Permission.PROJECTS_READ)
def digital_object(actor: Actor, code: str) -> Answer:
    """Show the projects on one object, where it is hosted and what it costs."""
    shown = read_object(actor, code)
    cost = shown["least_cost_kzt"]
    return render_template(
        "projects/object.html",
        code=code,
        object=shown,
        placements=[choice_label("placement", each) for each in shown["placements"]],
        products=products_for(shown["texts"]),
        agencies=agency_names(project["agency"] for project in shown["projects"]),
        limit=policy_in_force().modification_limit_percent,
        # Rounded up to a tenth, as in the findings.
        share=ceil(1000 * shown["modifications_kzt"] / cost) / 10 if cost else None,
    )


@pages.page("/projects/<number>/documents", needs=Permission.DOCUMENTS_WRITE, methods=("POST",), takes_file=True)
def add_project_document(actor: Actor, number: str) -> Answer:
    """Add a document to the project."""
    project = service.find_project(actor, number)
    try:
        _add_uploaded(actor, project)
    except errors.Invalid as error:
        return _detail_page(actor, number, forms.invalid_form(forms.typed_values(DOCUMENT.fields), error, "file")), 422
    except (documents.DocumentQuotaExceeded, ProjectWithdrawn) as error:
        return _detail_page(actor, number, forms.invalid_form(forms.typed_values(DOCUMENT.fields), error, "file")), 409
    flash_message(gettext("Document saved."))
    return redirect_to("project", number=number, _anchor="documents")


@pages.page("/projects/<number>/documents/<row_id:document_id>", needs=Permission.PROJECTS_READ)
def project_document(actor: Actor, number: str, document_id: int) -> Answer:
    """Download a document; uploaded content is never rendered in the service's origin."""
    document, content = documents.read_document(service.read_project(actor, number, "document"), document_id)
    return document_download(document.name, content)


def _add_uploaded(actor: Actor, project: Project) -> None:
    upload = read_form()[1].get("file") if _has_file() else None
    values, problems = DOCUMENT.load_texts(forms.typed_values(DOCUMENT.fields))
    if upload is None:
        raise errors.Invalid([errors.Problem("/file", "page-choose-file"), *problems])
    if problems:
        raise errors.Invalid(problems)
    documents.add_document(actor, project, upload.name, upload.content_type, upload.content, **values)


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


MONTH: Final = re.compile(r"[0-9]{1,2}\.[0-9]{4}")


@pages.page("/projects/<number>/migration-plan", needs=Permission.PROJECTS_WRITE, methods=BOTH)
def migration_plan(actor: Actor, number: str) -> Answer:
    """Write the migration plan of a project."""
    project = service.read_project_to_change(actor, number, "migration plan")
    plan = plan_of(project.id)
    fields = [forms.schema_field(PLAN_BODY.inputs[name]) for name in PLANNED]
    fields[0] = replace(fields[0], control="text", hint=_("Month and year: 03.2027"))
    page = forms.FormPage(
        _("Migration plan"),
        _("Save the plan"),
        url_for("web.project", number=number),
        fields,
        PLAN_BODY,
        intro=_("A plan that is changed waits to be confirmed again by oversight."),
        subject=name_in_page_language(project),
        prepare=_with_day,
    )

    def act(values: dict[str, Any]) -> None:
        with transaction():
            save_plan(actor, number, values)

    stored = {} if plan is None else {name: getattr(plan, name) for name in PLANNED}
    present = {field.name: forms.present_text(field, stored[field.name]) for field in page.fields if stored}
    if plan is not None:
        present["month"] = f"{plan.month:%m.%Y}"
    return forms.answer_form(page, act, present, done=_("The plan is saved."))


def _with_day(texts: dict[str, str]) -> tuple[dict[str, str], list[errors.Problem]]:
    """Convert a month such as ``03.2027`` to its first day; a whole date stays."""
    text = texts["month"].strip()
    texts = {**texts, "month": f"01.{text}" if MONTH.fullmatch(text) else text}
    _values, problems = PLAN_BODY.load_texts(texts)
    return texts, [errors.Problem("/month", "page-enter-month") for each in problems if each.pointer == "/month"][:1]


@pages.page("/projects/<number>/migration-plan/confirmation", needs=Permission.CASES_REVIEW, methods=("POST",))
def confirm_migration_plan(actor: Actor, number: str) -> Answer:
    """Confirm the migration plan, from the page of the project."""
    values, problems = PLAN_CONFIRMATION.load_texts({"planned_at": request.form.get("planned_at", "")})
    if problems:
        raise errors.Malformed(problems)
    with flash_outcome(_("You confirmed the migration plan.")), transaction():
        confirm_plan(actor, number, values["planned_at"])
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
        except (errors.Conflict, errors.NotFound) as error:
            flash_message(error_message(error), "error")
        else:
            confirmed += 1
    if confirmed:
        text = ngettext("You confirmed %(num)s record.", "You confirmed %(num)s records.", confirmed)
        flash_message(text % {"num": confirmed})
    return redirect_to("attestations")


def _attest(actor: Actor, number: str, version: str) -> None:
    # A version that is no number is none of the record's.
    with transaction():
        attest_project(actor, service.find_project_to_change(actor, number), plain_number(version) or 0)


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
    project = service.read_project(actor, number, "history")
    form, past = forms.Form({NAME: text}), None
    try:
        past = _past(project, text) if text else None
        if past:
            # As the form asks for it, also when a link has another notation.
            form = forms.Form({NAME: f"{past.on:%d.%m.%Y}"})
    except errors.Invalid as error:
        form = forms.invalid_form({NAME: text}, error, NAME)
    page = render_template(
        "projects/history.html",
        project=project,
        revisions=history(project.id)[::-1],
        form=form,
        past=past,
        parts=project_fields.PARTS,
        confirmed=CONFIRMED,
        part_title=part_title,
    )
    return (page, 422) if form.errors else page


def _past(project: Project, text: str) -> Past:
    loaded = KNOWN_ON.load_texts({NAME: text})
    day: date | None = loaded.values.get(NAME)
    if loaded.problems or day is None:
        raise errors.Invalid(loaded.problems or [errors.Problem(NAME, "expected-date")])
    at = parse_known_at(day.isoformat())
    registered = local_date(project.registered_at)
    if day < registered:
        raise errors.Invalid(
            [errors.Problem(NAME, "known-at-before-registration", {"registered": registered.isoformat()})]
        )
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


# Edit pages of a project: by section or whole, with the verdict before saving and detection of concurrent edits.

VERSION: Final = "version"
# Buttons and marks of the pages between the form and the saving.
BACK: Final = "back_to_form"
ASKED: Final = "asked"
CONFIRMATION: Final = "confirmed"
Parts = Mapping[str, Sequence[str]]


@pages.page("/projects/<number>/edit", needs=Permission.PROJECTS_WRITE, methods=BOTH, keeps_entries=True)
def edit_project(actor: Actor, number: str, resumed: bool) -> Answer:
    """Change any field of a project."""
    return _edit(actor, number, None, resumed)


@pages.page("/projects/<number>/edit/<section>", needs=Permission.PROJECTS_WRITE, methods=BOTH, keeps_entries=True)
def edit_section(actor: Actor, number: str, section: str, resumed: bool) -> Answer:
    """Change the fields of one section."""
    if section not in project_fields.PARTS:
        raise errors.RouteNotFound
    return _edit(actor, number, section, resumed)


def _edit(actor: Actor, number: str, section: str | None, resumed: bool) -> Answer:
    """Show the form with the current values; a POST saves the changed fields, once their effect was shown."""
    if request.method != "POST":
        project = service.read_project_to_change(actor, number, "project")
        return _form(project, forms.Form(current_texts(project)), section)
    texts = queries.with_budget(forms.typed_values(project_fields.FIELDS))
    if resumed:
        project = service.read_project_to_change(actor, number, "project")
        flash_message(gettext("You are signed in again. What you entered is below and not saved yet."), "information")
        return _form(project, forms.Form({**current_texts(project), **texts}), section, tuple(texts))
    with transaction():
        project = service.find_project_to_change(actor, number)
        seen = _form_version(project)
        since = history(project.id)[seen:]
        edited = _own_changes(project, texts, since)
        form = forms.Form({**current_texts(project), **edited})
        if since:
            # Nothing is saved until the user has seen the concurrent changes.
            return _form(project, form, section, tuple(edited), since), 409
        if BACK in request.form:
            return _form(project, form, section, tuple(edited))
        return _save(actor, project, section, edited)


def _by_control(problems: Iterable[errors.Problem]) -> list[errors.Problem]:
    return forms.problems_by_control(problems, [forms.project_field(name) for name in project_fields.FIELDS])


def _save(actor: Actor, project: Project, section: str | None, edited: Mapping[str, str]) -> Answer:
    """Save the changes, or show the page that stands before it: errors, further questions, the effect."""
    values, problems = PROJECT_PATCH.load_filled_texts(edited)
    loaded, reason_problems = PROJECT_PATCH.load_filled_texts({REASON: request.form.get(REASON, "")})
    reason = loaded.get(REASON)
    try:
        before, after = service.planned_change(actor, project, values, problems)
    except (errors.Invalid, errors.Conflict) as error:
        form = forms.invalid_form({**current_texts(project), **edited}, error, "external_id")
        form = replace(form, problems=_by_control(form.problems))
        wrong = [name for name, _ in form.errors]
        return _form(project, form, section, (*edited, *wrong)), 422
    needed = [] if ASKED in request.form else project_fields.newly_asked(before, after)
    if section is None:
        # The form with all facts asks the others.
        needed = [name for name in needed if name in project_fields.PARTS["ai"]]
    if needed:
        return _follow_up(project, section, edited, needed)
    changes = differences(before, after)
    required = verdicts.is_reason_required(changes)
    if required and reason is None and not reason_problems:
        reason_problems = (errors.Problem(f"/{REASON}", "change-reason-required"),)
    if any(change["field"] in verdicts.PROJECT_FACTS for change in changes):
        if CONFIRMATION not in request.form:
            return _confirmation(project, section, edited, after, forms.Form(), required)
        if reason_problems:
            texts = {REASON: request.form.get(REASON, "")}
            return _confirmation(project, section, edited, after, forms.Form(texts, reason_problems), required), 422
    flash_changes(service.change_project(actor, project, values, (), reason))
    return _to_project(project, section)


def _to_project(project: Project, section: str | None) -> Response:
    return redirect_to("project", number=project.number, _anchor=None if section is None else f"facts-{section}")


def _form(
    project: Project,
    form: forms.Form,
    section: str | None,
    further: Sequence[str] = (),
    since: Sequence[Mapping[str, Any]] = (),
) -> str:
    """Return the form of a section, or of all; ``further``: fields of other sections that were changed or are wrong."""
    parts: dict[str, Sequence[str]] = {
        part: names
        for part, names in project_fields.PARTS.items()
        if part in shown_parts(form.values) or {*further} & {*names}
    }
    if section is not None:
        shown = shown_fields(section, form.values)
        others = {part: [name for name in names if name in further] for part, names in project_fields.PARTS.items()}
        parts = {section: queries.in_order({*shown, *others.pop(section)}, project_fields.PARTS[section])}
        parts |= {part: names for part, names in others.items() if names}
    return _edit_page(project, form, parts, section, since=since)


def _follow_up(project: Project, section: str | None, edited: Mapping[str, str], needed: Sequence[str]) -> str:
    """Return the page that asks what the changed answers need."""
    parts = {part: [name for name in names if name in needed] for part, names in project_fields.PARTS.items()}
    form = forms.Form(current_texts(project))
    hidden = {**edited, ASKED: "yes"}
    return _edit_page(project, form, {part: names for part, names in parts.items() if names}, section, hidden=hidden)


def _edit_page(
    project: Project,
    form: forms.Form,
    parts: Parts,
    section: str | None,
    *,
    hidden: Mapping[str, str] | None = None,
    since: Sequence[Mapping[str, Any]] = (),
) -> str:
    return render_template(
        "projects/edit.html",
        project=project,
        form=form,
        section=section,
        parts={part: [forms.project_field(name) for name in names] for part, names in parts.items()},
        part_title=part_title,
        conditions={} if section is None else project_fields.CONDITIONS,
        hidden=hidden or {},
        since=since,
        to_project=_project_address(project, section),
    )


def _confirmation(
    project: Project,
    section: str | None,
    edited: Mapping[str, str],
    after: Mapping[str, Any],
    form: forms.Form,
    required: bool,
) -> str:
    before = {name: getattr(project, name) for name in after}
    return render_template(
        "projects/edit_check.html",
        project=project,
        form=form,
        changes=differences(before, after),
        verdict=verdicts.verdict_after_change(project, after, page_locale()),
        reason=forms.schema_field(PROJECT_PATCH.inputs[REASON]) if required else None,
        hidden={**edited, ASKED: "yes", CONFIRMATION: "yes"},
        back_to_form=BACK,
        to_project=_project_address(project, section),
    )


def _project_address(project: Project, section: str | None) -> str:
    return url_for("web.project", number=project.number, _anchor=None if section is None else f"facts-{section}")


def _form_version(project: Project) -> int:
    return min(plain_number(request.form.get(VERSION, "")) or 0, project.version) or project.version


def _own_changes(project: Project, texts: Mapping[str, str], since: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return the texts that differ from the values with which the form was opened."""
    opened_with = current_texts(project)
    for revision in reversed(since):
        for change in revision["changes"]:
            if change["field"] in project_fields.FIELDS:
                opened_with[change["field"]] = _typed_before(change["field"], change["old"])
    return forms.changed_texts(texts, opened_with)


def _typed_before(name: str, old: Any) -> str:
    # A revision stores dates as ISO 8601 text.
    value = date.fromisoformat(old) if old and isinstance(project_fields.FIELDS.get(name), Day) else old
    return forms.present_text(forms.project_field(name), value)


# Registration: short pages, each with what the answers before it ask, and its own errors.

STEPS: Final = tuple(project_fields.PARTS)
CHECK: Final = "check"


@pages.page("/register/<row_id:draft_id>/<step>", needs=Permission.PROJECTS_WRITE, methods=BOTH, keeps_entries=True)
def register_step(actor: Actor, draft_id: int, step: str, resumed: bool) -> Answer:
    """One step of the form. Entered values are saved even when invalid."""
    if step not in STEPS:
        raise errors.RouteNotFound
    draft = find_draft(actor, draft_id)
    if request.method != "POST":
        return _step(actor, draft, step, forms.Form(draft.values))
    typed = queries.with_budget({**draft.values, **forms.typed_values(("agency", *project_fields.PARTS[step]))})
    if resumed:
        flash_message(gettext("You are signed in again. What you entered is below and not saved yet."), "information")
        return _step(actor, draft, step, forms.Form(typed))
    before = dict(draft.values)
    draft = save_draft(actor, draft_id, typed)
    if "autosave" in request.form:
        return Response(status=204)
    if "leave" in request.form:
        flash_message(gettext("Draft saved. You can find it here."))
        return redirect_to("register")
    form = _form_with_errors(actor, draft.values, step)
    if form is not None:
        return _step(actor, draft, step, form), 422
    return _next(draft, step, before)


def _next(draft: Draft, step: str, before: Mapping[str, str]) -> Response:
    """Return the next step; for a change from the last page back to it, or to what the change asks."""
    later = [part for part in shown_parts(draft.values) if STEPS.index(part) > STEPS.index(step)]
    if CHECK in request.values:
        needed = project_fields.newly_asked(before, draft.values)
        later = [part for part in later if set(project_fields.PARTS[part]) & set(needed)]
    following = next(iter(later), None)
    if following is None:
        return redirect_to("register_check", draft_id=draft.id)
    again = {CHECK: "yes"} if CHECK in request.values else {}
    return redirect_to("register_step", draft_id=draft.id, step=following, **again)


def load_draft(texts: Mapping[str, str]) -> tuple[str | None, dict[str, Any], Sequence[errors.Problem]]:
    """Return the agency, the values and the problems of the questions that a draft asks."""
    asked = {name: text for name, text in queries.asked_texts(texts).items() if name in PROJECT_BODY.fields}
    values, problems = PROJECT_BODY.load_filled_texts(asked)
    return values.pop("agency", None), values, problems


def field_of(error: errors.RegistryError) -> str:
    """Return the field of an error of the service that names none."""
    return "external_id" if isinstance(error, errors.Conflict) else "agency"


def _form_with_errors(actor: Actor, texts: Mapping[str, str], step: str) -> forms.Form | None:
    """Return the form with what is wrong on this page, None when nothing is; later pages have not been answered yet."""
    agency, values, known = load_draft(texts)
    problems = project_fields.merge_problems(known, project_fields.cross_field_problems(values))
    here = [problem for problem in problems if part_of(problem.pointer[1:]) == step]
    if here:
        return forms.Form(texts, _by_control(here))
    if step == STEPS[0]:
        try:
            service.check_reference(actor, agency, values.get("external_id"))
        except (errors.Invalid, errors.Conflict, errors.NotAllowed) as error:
            return forms.invalid_form(texts, error, field_of(error))
    return None


def _step(actor: Actor, draft: Draft, step: str, form: forms.Form) -> str:
    fields = [forms.project_field(name) for name in shown_fields(step, form.values)]
    if step == STEPS[0]:
        choices = agency_choices(actor)
        agency = forms.schema_field(PROJECT_BODY.inputs["agency"])
        fields.insert(0, replace(agency, control="select", choices=choices) if choices else agency)
    # The section of an AI system that the draft does not ask for any more is there until it is left.
    steps = [part for part in STEPS if part == step or part in shown_parts(form.values)]
    place = steps.index(step)
    back = url_for("web.register_step", draft_id=draft.id, step=steps[place - 1]) if place else url_for("web.register")
    checking = CHECK in request.values
    return render_template(
        "projects/register_step.html",
        form=form,
        fields=fields,
        conditions=project_fields.CONDITIONS,
        title=part_title(step),
        place=place + 1,
        count=len(steps) + 1,
        back=url_for("web.register_check", draft_id=draft.id) if checking else back,
        check=CHECK if checking else None,
    )


# The last page of a registration: all answers, similar projects and the verdict.


@pages.page("/register/<row_id:draft_id>/check", needs=Permission.PROJECTS_WRITE, methods=BOTH)
def register_check(actor: Actor, draft_id: int) -> Answer:
    """Show all values and the verdict; a POST registers the project."""
    draft = find_draft(actor, draft_id)
    if request.method != "POST":
        return _check(actor, draft, forms.Form())
    agency, values, problems = load_draft(draft.values)
    texts = forms.typed_values((REASON,))
    loaded, wrong = PROJECT_BODY.load_filled_texts(texts)
    of_reason = [problem for problem in wrong if problem.pointer == f"/{REASON}"]
    to_sign = service.registration_to_sign(agency, values, loaded.get(REASON))
    try:
        if signing.is_to_be_signed():
            service.check_project(actor, agency, values, (*problems, *of_reason))
            return signing.signing_page(
                actor,
                to_sign,
                rows=[
                    (field_label("agency"), agency_name(agency)),
                    *((field_label(name), display_value(name, value)) for name, value in to_sign.values.items()),
                ],
                back=url_for("web.register_check", draft_id=draft_id),
            )
        signed = signing.sent_signature(actor, lambda: to_sign)
        with transaction():
            project = service.register_project(
                actor, agency, values, (*problems, *of_reason), loaded.get(REASON), signed=signed
            )
            discard_draft(actor, draft_id)
    except (errors.Invalid, errors.Conflict, errors.NotAllowed) as error:
        problems = error.problems if isinstance(error, errors.Invalid) else ()
        form = forms.Form(texts, [problem for problem in problems if problem.pointer == f"/{REASON}"])
        return _check(actor, draft, form, error if {signing.SIGN, signing.SIGNATURE} & {*request.form} else None), 422
    flash_message(gettext("The project is registered under the number %s.") % project.number)
    return redirect_to("project", number=project.number)


def _check(actor: Actor, draft: Draft, form: forms.Form, of_signature: errors.RegistryError | None = None) -> str:
    agency_bin, values, problems = load_draft(draft.values)
    verdict, wrong, similar, former = None, [], [], None
    try:
        agency = service.check_project(actor, agency_bin, values, problems)
        former = former_records_shown(actor, agency.id, values)
        verdict = verdicts.verdict_to_check(agency, values, None, page_locale(), former.pasts)
        similar = similar_for_page(similar_to_values(actor, agency.id, values))
    except errors.Invalid as error:
        wrong = [
            (part_of(problem.pointer[1:]), problem.pointer[1:], problem_message(problem))
            for problem in _by_control(error.problems)
        ]
    except (errors.Conflict, errors.NotAllowed) as error:
        wrong = [(STEPS[0], field_of(error), error_message(error))]
    is_refused = of_signature is not None and not wrong and not form.errors
    is_on_platform = values.get("placement") == Placement.ON_PLATFORM
    parts = {
        part: [name for name in names if project_fields.is_asked(name, draft.values)]
        for part, names in shown_parts(draft.values).items()
    }
    return render_template(
        "projects/register_check.html",
        draft=draft,
        signable=signature_settings() is not None,
        of_signature=error_message(of_signature) if is_refused and of_signature is not None else None,
        asks_step_up=isinstance(of_signature, StepUpRequired),
        form=form,
        former=former,
        agency=agency_name(agency_bin),
        values=values,
        verdict=verdict,
        upcoming=None if verdict is None else verdicts.later_changes(verdict),
        similar=similar,
        products=[] if is_on_platform else products_for(values.get(name) for name in (*NAMES, "purpose")),
        errors=wrong,
        parts=parts,
        part_title=part_title,
        last_step=STEPS[-1],
        without_year=queries.without_year(values),
    )


# Drafts of registrations: list, start, copy of a project, and deletion.


@pages.page("/register", needs=Permission.PROJECTS_WRITE, methods=BOTH)
def register(actor: Actor) -> Answer:
    """List the drafts; a POST creates a new one, or one with the entries of a draft that was deleted just now."""
    if request.method != "POST":
        return render_template("projects/register.html", drafts=drafts_of(actor), deleted={})
    entries = forms.typed_values(PROJECT_BODY.fields)
    with transaction():
        draft = start_draft(actor)
        save_draft(actor, draft.id, entries or agency_defaults(actor))
    if entries:
        flash_message(gettext("The draft is back."))
        return redirect_to("register")
    return redirect_to("register_step", draft_id=draft.id, step=next(iter(project_fields.PARTS)))


@pages.page("/register/<row_id:draft_id>", needs=Permission.PROJECTS_WRITE)
def register_resume(actor: Actor, draft_id: int) -> Answer:
    """Go on with a draft where answers are missing."""
    part = next_part(find_draft(actor, draft_id).values)
    if part is None:
        return redirect_to("register_check", draft_id=draft_id)
    return redirect_to("register_step", draft_id=draft_id, step=part)


@pages.page("/projects/<number>/copy", needs=Permission.PROJECTS_WRITE, methods=("POST",))
def copy_project(actor: Actor, number: str) -> Response:
    """Start a draft with the values of a project, without its own reference; confirmations are not values."""
    with transaction():
        project = service.read_project(actor, number, "project")
        texts = {name: text for name, text in current_texts(project).items() if text and name != "external_id"}
        draft = start_draft(actor)
        save_draft(actor, draft.id, {"agency": project.agency.bin, **texts})
    flash_message(gettext("This draft has the values of %s. Change what is different.") % number)
    return redirect_to("register_step", draft_id=draft.id, step=next(iter(project_fields.PARTS)))


@pages.page("/register/deleted", needs=Permission.PROJECTS_WRITE, methods=("POST",))
def register_discard(actor: Actor) -> Answer:
    """Delete a draft. The page has its entries, so that the deletion can be undone."""
    draft_id = plain_number(request.form.get("draft", "")) or 0
    try:
        entries = find_draft(actor, draft_id).values
    except DraftNotFound:
        return redirect_to("register")
    discard_draft(actor, draft_id)
    return render_template("projects/register.html", drafts=drafts_of(actor), deleted=entries or {"agency": ""})
