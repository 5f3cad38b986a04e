"""Pages for oversight actions on a project, of inventories, and of products of the platform."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from flask import render_template, request, url_for

from registry.accounts.roles import Actor, Permission
from registry.agencies.pages import agency_names
from registry.approvals.models import Approval
from registry.cases.commission import DecisionFile, propose_exemption
from registry.core.database import transaction
from registry.core.errors import Conflict, Invalid, NotAllowed, invalid
from registry.core.fields import BaseSchema
from registry.core.lists import Page
from registry.core.values import plain_number
from registry.exemptions.schemas import EXEMPTION_BODY
from registry.freeze.policy import policy_in_force
from registry.http.requests import read_files
from registry.platform.inventory import read_upload, store_upload, take_upload
from registry.platform.products import (
    PRODUCT_BODY,
    PRODUCT_LIST,
    WRITTEN,
    ProductRow,
    ProductState,
    find_product,
    save_product,
)
from registry.platform.queries import INVENTORY_LIST
from registry.platform.schemas import ENDING, ONBOARDING, RESTRICTION, VERIFICATION, FactConfirmation
from registry.projects.documents import documents_of
from registry.projects.models import Project
from registry.projects.queries import projects_numbered
from registry.projects.service import read_project, read_project_to_change
from registry.requests.approval_kinds import propose_restriction
from registry.requests.confirmation import (
    ENDING as ENDING_KIND,
    FACT as FACT_KIND,
    ONBOARDING as ONBOARDING_KIND,
    PLACEMENT as PLACEMENT_KIND,
    confirm_or_propose,
    facts_to_confirm,
)
from registry.requests.platform_approvals import REASON, import_inventory, preview_inventory
from registry.state_systems.pages import document_of, source_name
from registry.state_systems.queries import read_external_confirmation
from registry.web import forms
from registry.web.blueprint import Answer, flash_message, pages, redirect_to
from registry.web.formats import gettext as _
from registry.web.forms import Form, FormPage
from registry.web.labels import labelled_facts, name_in_page_language
from registry.web.lists import render_list, requested_filters, requested_page

# Pages for oversight actions on a project: confirm placement, onboarding and ending, restrict, record exemption.

BOTH: Final = ("GET", "POST")


@pages.page("/projects/<number>/confirm-placement", needs=Permission.PLACEMENTS_CONFIRM, methods=BOTH)
def confirm_placement(actor: Actor, number: str) -> Answer:
    """Confirm that the object is on the platform."""
    page = FormPage(
        _("Confirm the placement on QazTech"),
        _("Confirm"),
        "",
        [
            forms.form_field("platform_key", "text", hint=_("As in the platform inventory.")),
            forms.form_field("verified_on", "day", hint=_("The day on which you saw it there.")),
            forms.form_field("evidence", "area", hint=_("What you checked: a document, a query of the platform.")),
        ],
        VERIFICATION,
        _(
            "You confirm it alone only where the last platform inventory lists the key. Otherwise another person must "
            "approve it, one of you a supervisor: add a PDF or an image to the project first, and tick it here."
        ),
    )
    return _confirmation(actor, number, PLACEMENT_KIND, page, platform_key="platform_key")


@pages.page("/projects/<number>/confirm-onboarding", needs=Permission.PLACEMENTS_CONFIRM, methods=BOTH)
def confirm_project_onboarding(actor: Actor, number: str) -> Answer:
    """Confirm the onboarding, or extend it once."""
    page = FormPage(
        _("Confirm the onboarding"),
        _("Confirm"),
        "",
        [
            forms.form_field(
                "due_on",
                "day",
                hint=_("The date by which the onboarding will be finished. A reviewer can extend it once."),
            ),
            forms.form_field("evidence", "area", hint=_("Required where another person must approve it.")),
        ],
        ONBOARDING,
        _for_two(),
    )
    return _confirmation(actor, number, ONBOARDING_KIND, page, due_on="onboarding_due_on")


@pages.page("/projects/<number>/confirm-ending", needs=Permission.PLACEMENTS_CONFIRM, methods=BOTH)
def confirm_project_ending(actor: Actor, number: str) -> Answer:
    """Confirm that the work ended, with the authorised body's agreement."""
    page = FormPage(
        _("Confirm the ending"),
        _("Confirm"),
        "",
        [
            forms.form_field("ended_on", "day", hint=_("The day on which the work ended, as the act has it.")),
            forms.form_field(
                "consent_number",
                "text",
                hint=_(
                    "The number of the letter in which the authorised body agreed to end the operation of the object."
                ),
            ),
            forms.form_field(
                "evidence", "area", hint=_("What you checked: the act, the letter, and where they are kept.")
            ),
        ],
        ENDING,
        _(
            "You confirm that the work really ended and that the authorised body agreed. The next audit clears the "
            "flag of an unconfirmed ending. When the stage is changed later, the confirmation ends."
        )
        + " "
        + _for_two(),
    )
    return _confirmation(actor, number, ENDING_KIND, page, ended_on="ended_on", consent_number="consent_number")


@pages.page("/projects/<number>/confirm-fact", needs=Permission.PLACEMENTS_CONFIRM, methods=BOTH)
def confirm_project_fact(actor: Actor, number: str) -> Answer:
    """Confirm a fact of the record with a document."""
    project = read_project_to_change(actor, number, "project")
    known = _from_state_system(actor, project) if request.method != "POST" else {}
    page = FormPage(
        _("Confirm a fact of the record"),
        _("Confirm"),
        "",
        [
            forms.form_field("fact", "radios", choices=labelled_facts(facts_to_confirm(project))),
            forms.form_field("evidence", "area", hint=_("What you checked: the document, and where it is kept.")),
        ],
        FactConfirmation(exclude=("value",)),
        _("Tick a PDF or an image of the project that shows it. When the fact is edited, the confirmation ends.")
        + " "
        + _for_two(),
    )
    return _confirmation(actor, number, FACT_KIND, page, known)


def _from_state_system(actor: Actor, project: Project) -> dict[str, str]:
    """Return the fact and the evidence of a confirmation of another state system, where the address names one."""
    confirmation_id = plain_number(request.args.get("confirmation", ""))
    if confirmation_id is None:
        return {}
    row = read_external_confirmation(actor, confirmation_id)
    if row["project"] != project.number:
        return {}
    evidence = f"{source_name(row['source'])}, {row['reference']}: {document_of(row)}"
    return {"fact": request.args.get("fact", ""), "evidence": evidence}


@pages.page("/projects/<number>/restrict", needs=Permission.PROJECTS_RESTRICT, methods=BOTH)
def restrict(actor: Actor, number: str) -> Answer:
    """Restrict access to the project, or remove the restriction."""
    project = read_project(actor, number, "project")
    is_restricted = not project.is_restricted
    page = FormPage(
        _("Restrict access") if is_restricted else _("Remove the restriction"),
        _("Send the proposal"),
        _back(project),
        [forms.form_field("reason", "area")],
        RESTRICTION,
        _(
            "Only supervisors, auditors and the project’s own agency can see a restricted project. Each view is "
            "recorded in the journal. Another supervisor must approve it."
        ),
        name_in_page_language(project),
    )

    def act(values: dict[str, Any]) -> Answer:
        approval = propose_restriction(actor, number, {**values, "is_restricted": is_restricted})
        flash_message(_("Your proposal is sent. Nothing changes until another supervisor approves it."))
        return redirect_to("approval_page", approval_id=approval.id)

    return forms.answer_form(page, act)


@pages.page("/projects/<number>/exemption", needs=Permission.EXEMPTIONS_PROPOSE, methods=BOTH, takes_file=True)
def record_project_exemption(actor: Actor, number: str) -> Answer:
    """Propose to record a decision of the Commission."""
    project = read_project_to_change(actor, number, "project")
    page = FormPage(
        _("Record a decision of the Commission"),
        _("Send the proposal"),
        _back(project),
        [
            *(forms.schema_field(field) for name, field in EXEMPTION_BODY.inputs.items() if name != "project"),
            forms.form_field("file", "file", label=_("The decision"), hint=_("A PDF or a scanned image.")),
        ],
        EXEMPTION_BODY,
        _(
            "The Commission under the President decides; staff refer the case and record the decision. Another person, "
            "a supervisor, must approve the record. It takes effect at the next audit after that."
        ),
        name_in_page_language(project),
    )

    def act(values: dict[str, Any]) -> Answer:
        files = [DecisionFile(each.name, each.content_type, each.content) for each in read_files("file")]
        if not files:
            raise invalid("/file", "page-choose-file")
        approval = propose_exemption(actor, {**values, "project": number}, files)
        flash_message(_("Your proposal is sent. Nothing changes until a supervisor approves it."))
        return redirect_to("approval_page", approval_id=approval.id)

    return forms.answer_form(page, act)


def _confirmation(
    actor: Actor, number: str, kind: str, page: FormPage, known: Mapping[str, str] | None = None, **present: str
) -> Answer:
    """Display the form of a confirmation, or confirm; ``present``: the columns of the project that its fields show,
    ``known``: texts of fields.
    """
    project = read_project_to_change(actor, number, "project")
    fields = [*page.fields, *_documents(project)]
    page = replace(page, back=_back(project), fields=fields, subject=name_in_page_language(project))

    def act(values: dict[str, Any]) -> Answer:
        if kind == FACT_KIND:
            values["value"] = str(getattr(project, values["fact"]))
        _project, approval = confirm_or_propose(actor, number, kind, values)
        if approval is not None:
            flash_message(_("Your proposal is sent. Nothing changes until another person approves it."))
            return redirect_to("approval_page", approval_id=approval.id)
        flash_message(_("Saved. Flags change at the next audit."))
        return redirect_to("project", number=number)

    texts = {name: forms.as_typed(getattr(project, column)) for name, column in present.items()}
    return forms.answer_form(page, act, {**texts, **(known or {})})


def _documents(project: Project) -> list[forms.Field]:
    documents = [(str(each["id"]), each["name"]) for each in documents_of(project)]
    label = _("Documents of the project that show it")
    return [forms.form_field("documents", "checkboxes", label=label, choices=documents)] if documents else []


def _for_two() -> str:
    return _(
        "While the project has a medium or high flag, another person must approve it, one of you a supervisor: add a "
        "PDF or an image to the project first, and tick it here."
    )


def _back(project: Project) -> str:
    return url_for("web.project", number=project.number)


# Inventory pages: upload, preview, apply.


class Applying(BaseSchema):
    """How a previewed inventory is applied."""

    reason = REASON


APPLYING: Final = Applying()
# Of those that were applied, and of the keys that were not deployed for the longest time.
SHOWN_INVENTORIES: Final = 10
SHOWN_KEYS: Final = 50


@pages.page("/inventory", needs=Permission.PLACEMENTS_CONFIRM, methods=("GET", "POST"), takes_file=True)
def inventory(actor: Actor) -> Answer:
    """Upload an inventory and preview its effect; nothing is written."""
    if request.method != "POST":
        return _upload(actor, Form())
    try:
        name, content = forms.uploaded_file()
        summary = preview_inventory(actor, name, content)
    except Invalid as error:
        return _upload(actor, forms.invalid_form({}, error, "file")), 422
    return _preview(actor, Form(), summary, store_upload(actor, name, content))


def _upload(actor: Actor, form: Form) -> str:
    applied = INVENTORY_LIST.read(actor, {}, Page(SHOWN_INVENTORIES)).items
    return render_template("platform/inventory.html", form=form, summary=None, applied=applied)


@pages.page("/inventory/<row_id:waiting>/apply", needs=Permission.PLACEMENTS_CONFIRM, methods=("POST",))
def apply_waiting_inventory(actor: Actor, waiting: int) -> Answer:
    """Apply the previewed inventory, or propose it where a second person must approve it."""
    texts = forms.typed_values(("reason",))
    values, problems = APPLYING.load_texts(texts)
    if problems:
        return _preview(
            actor, Form(texts, problems), preview_inventory(actor, *read_upload(actor, waiting)), waiting
        ), 422
    try:
        with transaction():
            name, content = take_upload(actor, waiting)
            done = import_inventory(actor, name, content, values.get("reason"))
    except (Invalid, Conflict, NotAllowed) as error:
        summary = preview_inventory(actor, *read_upload(actor, waiting))
        return _preview(actor, forms.invalid_form(texts, error, "reason"), summary, waiting), 422
    if isinstance(done, Approval):
        flash_message(_("Your proposal is sent. Nothing changes until another person approves it."))
        return redirect_to("approval_page", approval_id=done.id)
    flash_message(
        _("The inventory is applied: %(matched)s confirmed, %(lost)s lost their confirmation.")
        % {"matched": done["matched"], "lost": done["lost"]}
    )
    return redirect_to("inventory")


def _preview(actor: Actor, form: Form, summary: Mapping[str, Any], waiting: int) -> str:
    rows = summary["rows"]
    numbers = [
        *rows["lost"],
        *rows["shared"],
        *rows["flagged"],
        *rows["changed_since_audit"],
        *(row["number"] for row in rows["mismatched"]),
    ]
    return render_template(
        "platform/inventory.html",
        form=form,
        summary=summary,
        waiting=waiting,
        deployments=rows["deployments"][:SHOWN_KEYS],
        idle_days=policy_in_force().idle_days,
        projects=projects_numbered(actor, numbers),
        agencies=agency_names(row["agency"] for row in rows["unregistered"]),
    )


# Products of the platform: list, register, change.


@pages.page("/platform-products", needs=Permission.PROJECTS_READ)
def products(actor: Actor) -> Answer:
    """List the products of the platform."""
    filters = requested_filters(("product_state",))
    listing = PRODUCT_LIST.read(actor, filters, requested_page())
    return render_list("platform/products.html", listing, actor=actor, filters=filters)


@pages.page("/platform-products/new", needs=Permission.PRODUCTS_WRITE, methods=BOTH)
def new_product(actor: Actor) -> Answer:
    """Register a product of the platform."""
    code = forms.form_field("code", "text", hint=_("Small Latin letters, digits and hyphens, such as qt-sign."))
    page = _product_page(_("Register a product of the platform"), _("Register a product"))
    page = replace(page, fields=[code, *page.fields], schema=ProductRow())

    def act(values: dict[str, Any]) -> Answer:
        return _save_product(actor, values.pop("code"), values, is_new=True)

    return forms.answer_form(page, act, {"product_state": ProductState.IN_USE.value})


@pages.page("/platform-products/<code>/edit", needs=Permission.PRODUCTS_WRITE, methods=BOTH)
def edit_product(actor: Actor, code: str) -> Answer:
    """Change a product of the platform."""
    product = find_product(code)
    page = _product_page(_("Change the product of the platform"), _("Save changes"))
    page = replace(page, subject=name_in_page_language(product), edits=True)
    present = {name: getattr(product, name) for name in WRITTEN}
    texts = {field.name: forms.present_text(field, present[field.name]) for field in page.fields}
    return forms.answer_form(page, lambda values: _save_product(actor, code, {**present, **values}), texts)


def _product_page(title: str, submit: str) -> FormPage:
    fields = [forms.schema_field(PRODUCT_BODY.inputs[name]) for name in WRITTEN]
    return FormPage(title, submit, url_for("web.products"), fields, PRODUCT_BODY)


def _save_product(actor: Actor, code: str, values: Mapping[str, Any], *, is_new: bool = False) -> Answer:
    save_product(actor, code, values, is_new=is_new)
    flash_message(_("Saved."))
    return redirect_to("products", _anchor=code)
