"""Pages of requests: forms that ask, the list of all kinds, and one request with its decision."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from operator import itemgetter
from typing import Any, Final

from flask import render_template, url_for

from registry.accounts.roles import Actor, Permission
from registry.agencies.pages import add_list_pages, agency_names, with_bins
from registry.agencies.service import agency_by_bin, may_act_for
from registry.approvals.schemas import REJECTION, REMARK
from registry.core.errors import Malformed, Problem, invalid
from registry.core.lists import Listing, Page
from registry.core.translations import lazy_text
from registry.platform.models import ConfirmationKind
from registry.projects.documents import documents_of
from registry.projects.models import Project
from registry.projects.queries import projects_numbered
from registry.projects.service import read_project_to_change
from registry.requests import service
from registry.requests.approval_kinds import AGENCY_CHANGE, propose_agency_change
from registry.requests.confirmation import FACT, FACTS, FIELDS_OF, ConfirmationRequestFields, facts_to_confirm
from registry.requests.kinds import is_another_person
from registry.requests.models import Request, RequestKind, RequestState, SuccessionKind
from registry.requests.queries import HANDLERS, REQUEST_LIST, find_request, of_kinds, read_request, show_request
from registry.requests.service import is_in_effect
from registry.requests.succession import beside_projects, touched, visible_ids
from registry.web import forms, labels
from registry.web.blueprint import BOTH, Answer, flash_message, pages, redirect_to
from registry.web.formats import gettext as _, moment, number, numbered, short_day
from registry.web.forms import Form, FormPage
from registry.web.lists import ListCell, ListPage, TableColumn, choice_column

# What the pages of requests show of each kind, and the names of their agencies.

# Where a request names agencies: each kind has a name of its own for the one that gets something.
AGENCIES: Final = ("agency", "successor", "to")
# The choices of the field ``kind`` of a request of each kind.
KINDS: Final[Mapping[str, str]] = {
    RequestKind.SUCCESSION.value: "succession_kind",
    RequestKind.CONFIRMATION.value: "confirmation_kind",
}


def names_of_agencies(items: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Return the names of the agencies of requests by BIN, in the page's language."""
    return agency_names(item[name] for item in items for name in AGENCIES if item.get(name))


def numbers_of_projects(items: Collection[Mapping[str, Any]]) -> set[str]:
    """Return the numbers of the projects that requests name."""
    one = {item[name] for item in items for name in ("project", "duplicate_of") if item.get(name)}
    return one.union(*(item.get("projects") or () for item in items))


def facts_of(shown: Mapping[str, Any]) -> list[tuple[str, str]]:
    """``(label, text)`` of what was asked, but for agencies, projects and people, which are links or sentences."""
    facts = []
    if shown.get("kind") is not None:
        facts.append((_("Kind"), labels.choice_label(KINDS[shown["request_kind"]], shown["kind"])))
    for name in FACTS:
        if shown.get(name) is not None:
            is_value = name == "value"
            text = (
                labels.display_fact(shown[FACT], shown[name]) if is_value else labels.display_value(name, shown[name])
            )
            facts.append((_(CONFIRMATION.inputs[name].label), text))
    is_confirmation = shown["request_kind"] == RequestKind.CONFIRMATION
    facts += [(labels.field_label("act"), shown["act"])] if shown["act"] is not None else []
    facts.append((labels.field_label("evidence" if is_confirmation else "reason"), shown["reason"]))
    if shown["on"] is not None:
        facts.insert(0, (_("Effective from"), labels.display_value("_on", shown["on"])))
    return facts


# Forms that ask for a succession of an agency and for a transfer of a project.

SUCCESSION = HANDLERS[RequestKind.SUCCESSION].body
TRANSFER = HANDLERS[RequestKind.TRANSFER].body
WITHDRAWAL = HANDLERS[RequestKind.WITHDRAWAL].body
CONFIRMATION = HANDLERS[RequestKind.CONFIRMATION].body


def _ask(
    actor: Actor, kind: RequestKind, about: str, page: FormPage, done: str, present: Mapping[str, str] | None = None
) -> Answer:
    """Answer the form by which somebody asks for something about an agency (its BIN) or a project (its number)."""

    def act(values: Mapping[str, Any]) -> Answer:
        request = service.ask(actor, kind, about, dict(values))
        flash_message(done)
        return redirect_to("request_page", request_id=request.id)

    return forms.answer_form(page, act, present)


@pages.page("/agencies/<bin>/succession", needs=Permission.ORGANISATIONS_PROPOSE, methods=BOTH)
def ask_succession(actor: Actor, bin: str) -> Answer:
    """Propose that another agency succeeds this one."""
    agency = agency_by_bin(bin)
    fields = {name: forms.schema_field(field) for name, field in SUCCESSION.inputs.items() if name != "kind"}
    kind = replace(fields["reason"], name="kind", control="radios", label=_("Kind of succession"))
    fields["projects"] = replace(fields["projects"], control="area")
    has = {**touched(visible_ids(actor, Project.agency_id == agency.id)), **beside_projects(agency)}
    page = FormPage(
        _("Succession of the agency"),
        _("Propose"),
        url_for("web.agency", bin=bin),
        [
            _agency(fields["successor"]),
            replace(kind, choices=labels.options("succession_kind")),
            *list(fields.values())[1:],
        ],
        SUCCESSION,
        intro=_(
            "Projects with their documents, cases and orders, accounts and drafts pass to the successor, and the "
            "agency is closed. Deadlines go on unchanged. A supervisor confirms it."
        ),
        subject=labels.name_in_page_language(agency),
        labels={"kind": _("Kind of succession"), "on": _("Effective from")},
        prepare=lambda texts: with_bins(actor, ["successor"], texts),
        facts=[(labels.choice_label("approval_effect", name), number(count)) for name, count in has.items()],
    )
    done = _("The succession is proposed. A supervisor has to confirm it.")
    return _ask(actor, RequestKind.SUCCESSION, bin, page, done, {"kind": SuccessionKind.MERGER.value})


def _agency(field: forms.Field) -> forms.Field:
    label = _("Name or BIN of the successor") if field.name == "successor" else _("Name or BIN of the new agency")
    return replace(field, control="agency", label=label)


@pages.page("/projects/<number>/transfer", needs=Permission.ORGANISATIONS_PROPOSE, methods=BOTH)
def ask_transfer(actor: Actor, number: str) -> Answer:
    """Propose that another agency gets this project."""
    project = read_project_to_change(actor, number, "transfer")
    fields = {name: forms.schema_field(field) for name, field in TRANSFER.inputs.items()}
    page = FormPage(
        _("Transfer of the project"),
        _("Propose"),
        url_for("web.project", number=number),
        [_agency(fields.pop("to")), *fields.values()],
        TRANSFER,
        intro=_(
            "The project passes to another agency with its documents, cases and orders. Deadlines go on unchanged. A "
            "supervisor confirms it."
        ),
        subject=labels.name_in_page_language(project),
        labels={"on": _("Effective from")},
        prepare=lambda texts: with_bins(actor, ["to"], texts),
    )
    done = _("The transfer is proposed. A supervisor has to confirm it.")
    return _ask(actor, RequestKind.TRANSFER, number, page, done)


@pages.page("/projects/<number>/withdrawal", needs=Permission.PROJECTS_WRITE, methods=BOTH)
def ask_withdrawal(actor: Actor, number: str) -> Answer:
    """Ask to withdraw a project that was registered in error."""
    project = read_project_to_change(actor, number, "withdrawal")
    page = FormPage(
        _("Withdraw the project"),
        _("Ask for the withdrawal"),
        url_for("web.project", number=number),
        [forms.schema_field(field) for field in WITHDRAWAL.inputs.values()],
        WITHDRAWAL,
        intro=_(
            "For a project that was registered in error only. A reviewer decides; two people do while a case is open "
            "or an order in force, and where the project has or had a medium or high flag. The record stays readable "
            "and leaves lists, reports and audits."
        ),
        subject=labels.name_in_page_language(project),
    )
    done = _("You asked to withdraw the project. A reviewer has to decide.")
    return _ask(actor, RequestKind.WITHDRAWAL, number, page, done)


@pages.page("/agencies/<bin>/change", needs=Permission.ORGANISATIONS_PROPOSE, methods=BOTH)
def propose_change_of_agency(actor: Actor, bin: str) -> Answer:
    """Propose another kind or parent of an agency."""
    agency = agency_by_bin(bin)
    page = FormPage(
        _("Propose another kind or parent"),
        _("Send the proposal"),
        url_for("web.agency", bin=bin),
        [forms.schema_field(field) for field in AGENCY_CHANGE.inputs.values()],
        AGENCY_CHANGE,
        _("They decide what the moratorium binds and who can read restricted projects. A supervisor must approve it."),
        labels.name_in_page_language(agency),
    )

    def act(values: Mapping[str, Any]) -> Answer:
        approval = propose_agency_change(actor, bin, values)
        flash_message(_("Your proposal is sent. Nothing changes until a supervisor approves it."))
        return redirect_to("approval_page", approval_id=approval.id)

    return forms.answer_form(page, act, {"kind": agency.kind, "parent_bin": agency.parent_bin or ""})


# The form by which an agency asks for a confirmation, and attaches documents of the project.

# The kind is in the path.
FORM: Final = ConfirmationRequestFields(exclude=("kind",))
PATH: Final = f"/projects/<number>/confirmation-request/<any({','.join(ConfirmationKind.codes())}):kind>"


# What the form of a fact takes from the record.
OF_RECORD: Final = ("fact", "value")


@pages.page(PATH, needs=Permission.PROJECTS_WRITE, methods=BOTH)
def ask_confirmation(actor: Actor, number: str, kind: str) -> Answer:
    """Ask to confirm the placement, the onboarding or the ending."""
    project = read_project_to_change(actor, number, "confirmation")
    fields = [
        forms.schema_field(CONFIRMATION.inputs[name])
        for name in (*FIELDS_OF[kind], "evidence")
        if name not in OF_RECORD
    ]
    if kind == FACT:
        fields.insert(0, forms.form_field("fact", "radios", choices=labels.labelled_facts(facts_to_confirm(project))))
    documents = [(str(each["id"]), each["name"]) for each in documents_of(project)]
    if documents:
        label = _("Documents of the project that show it")
        fields.append(forms.form_field("documents", "checkboxes", label=label, choices=documents))
    titles = {
        ConfirmationKind.PLACEMENT: _("Ask for confirmation of the placement"),
        ConfirmationKind.ONBOARDING: _("Ask for confirmation of the onboarding"),
        ConfirmationKind.ENDING: _("Ask for confirmation of the ending"),
        ConfirmationKind.FACT: _("Ask for confirmation of a fact"),
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
        subject=labels.name_in_page_language(project),
    )

    def act(values: Mapping[str, Any]) -> Answer:
        if kind == FACT:
            if not values.get("fact"):
                # Its value has no field that could be missing.
                raise invalid("/fact", "required")
            values = {**values, "value": str(getattr(project, values["fact"]))}
        asked = service.ask(actor, RequestKind.CONFIRMATION, number, {**values, "kind": kind})
        flash_message(_("Your request is sent. An operator or a reviewer decides."))
        return redirect_to("request_page", request_id=asked.id)

    known = {name: forms.as_typed(getattr(project, name, None)) for name in FIELDS_OF[kind]}
    return forms.answer_form(page, act, known)


# Pages of requests: the list of all kinds, and one request with its decision.

KIND: Final = "request_kind"
FILTERS: Final = ("state", "agency", "project")
# Decisions that need a reason.
WITH_REASON: Final = ("refusal", "restoration")


def _requests(actor: Actor, filters: Mapping[str, str], page: Page) -> Listing:
    """Return a page of requests, each with the names of its project and agency."""
    kinds = filters[KIND].split(",") if KIND in filters else []
    if not set(kinds) <= set(RequestKind.codes()):
        raise Malformed([Problem(KIND, "not-a-choice", {"options": ", ".join(RequestKind.codes())})])
    narrowed = {name: value for name, value in filters.items() if name != KIND}
    listing = REQUEST_LIST.read(actor, narrowed, page, only=of_kinds(map(RequestKind, kinds)))
    agencies, projects = names_of_agencies(listing.items), projects_numbered(actor, numbers_of_projects(listing.items))
    items = [{**each, "of": (projects.get(each["project"]), agencies[each["agency"]])} for each in listing.items]
    return replace(listing, items=items)


def _list_page(_actor: Actor, _filters: Mapping[str, str]) -> ListPage:
    return ListPage(
        title=_("Requests"),
        endpoint="requests",
        columns=[
            TableColumn(_("Request"), None, _request_cell, "main"),
            choice_column(_("State"), itemgetter("state"), "request_state", "state"),
            TableColumn(_("Effective from"), None, lambda item: ListCell(short_day(item["on"])), "day"),
            TableColumn(_("Asked by"), None, lambda item: ListCell(item["asked_by"], moment(item["asked_at"]))),
        ],
        empty=_("There are no requests here."),
        about=_("What one person asks for and another person decides."),
        fields=[
            (KIND, _("Kind of request"), labels.options(KIND)),
            ("state", _("State"), labels.options("request_state")),
        ],
        has_tables=False,
    )


def _request_cell(item: Mapping[str, Any]) -> ListCell:
    project, agency = item["of"]
    below = (item["project"], "" if project is None else labels.name_in_page_language(project), agency)
    title = f"{labels.choice_label(KIND, item[KIND])} {numbered(item['id'])}"
    return ListCell(title, " · ".join(filter(None, below)), url_for("web.request_page", request_id=item["id"]))


add_list_pages(
    "/requests", "requests", Permission.REQUESTS_READ, (*FILTERS, KIND), _requests, _list_page, has_tables=False
)


@pages.page("/requests/<row_id:request_id>", needs=Permission.REQUESTS_READ)
def request_page(actor: Actor, request_id: int) -> Answer:
    """Show a request and, to whoever may decide it, the decision."""
    return _page(actor, read_request(actor, request_id), Form())


def _confirmed(request: Request) -> str:
    """Return what became of a request that was confirmed just now."""
    if request.details.get("approval") and request.state == RequestState.WAITING:
        return _("Your proposal is sent. Nothing changes until another person approves it.")
    if request.state == RequestState.WAITING:
        return _("You have confirmed the request. It waits for the second person.")
    return (
        _("The request is confirmed and has taken effect.")
        if request.carried_out_at
        else _("The request is confirmed. It takes effect on its day.")
    )


DECISIONS: Final[Mapping[str, Callable[..., Request]]] = {
    "confirmation": service.confirm,
    "refusal": service.refuse,
    "cancellation": service.cancel,
    "restoration": lambda actor, _kind, request_id, reason: service.restore_project(actor, request_id, reason),
}
DONE: Final = {
    "refusal": lazy_text("The request is refused."),
    "cancellation": lazy_text("The request is cancelled."),
    "restoration": lazy_text("The project is restored."),
}
DECIDE: Final = f"/requests/<row_id:request_id>/<any({','.join(DECISIONS)}):decision>"


@pages.page(DECIDE, needs=Permission.REQUESTS_READ, methods=("POST",))
def decide_request(actor: Actor, request_id: int, decision: str) -> Answer:
    """Confirm, refuse or cancel the request, or undo it. The permission of each is checked by its service."""
    request = find_request(actor, request_id)

    def act(reason: str | None) -> Answer:
        decided = DECISIONS[decision](actor, RequestKind(request.kind), request_id, reason)
        flash_message(_(DONE[decision]) if decision in DONE else _confirmed(decided))
        return redirect_to("request_page", request_id=request_id)

    schema = REJECTION if decision in WITH_REASON else REMARK
    return forms.answer_decision(schema, act, lambda form: _page(actor, find_request(actor, request_id), form))


def _page(actor: Actor, request: Request, form: Form) -> str:
    handler = HANDLERS[RequestKind(request.kind)]
    shown = show_request(actor, request)
    waits = request.state == RequestState.WAITING
    return render_template(
        "requests/detail.html",
        actor=actor,
        request=shown,
        facts=facts_of(shown),
        agencies=names_of_agencies([shown]),
        projects=projects_numbered(actor, numbers_of_projects([shown])),
        form=form,
        here=url_for("web.request_page", request_id=request.id),
        may_decide=waits and actor.may(handler.decides),
        may_confirm=is_another_person(actor, request) and actor.is_person,
        may_restore=is_in_effect(request) and actor.may(Permission.CASES_APPROVE),
        may_cancel=request.is_open and actor.may(handler.asks) and _has_project(actor, request),
    )


def _has_project(actor: Actor, request: Request) -> bool:
    """False for an agency that has passed the project on since."""
    project = request.project_record
    return project is None or may_act_for(actor, project.agency_id)
