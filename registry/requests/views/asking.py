"""Forms that ask for a succession of an agency and for a transfer of a project."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from flask import url_for

from registry.accounts.actors import Actor
from registry.accounts.roles import Permission
from registry.agencies.pages import with_bins
from registry.agencies.service import agency_by_bin
from registry.projects.service import read_project_to_change
from registry.requests import service
from registry.requests.agency_change import AGENCY_CHANGE, propose_agency_change
from registry.requests.handlers import HANDLERS
from registry.requests.vocabulary import RequestKind, SuccessionKind
from registry.web.blueprint import Answer, pages, redirect_to
from registry.web.flash import flash_message
from registry.web.formats import gettext as _
from registry.web.forms import Field, FormPage, answer_form, schema_field
from registry.web.labels import name_in_page_language, options

SUCCESSION = HANDLERS[RequestKind.SUCCESSION]
TRANSFER = HANDLERS[RequestKind.TRANSFER]
WITHDRAWAL = HANDLERS[RequestKind.WITHDRAWAL]
CONFIRMATION = HANDLERS[RequestKind.CONFIRMATION]


@pages.page("/agencies/<bin>/succession", needs=Permission.ORGANISATIONS_PROPOSE, methods=("GET", "POST"))
def ask_succession(actor: Actor, bin: str) -> Answer:
    """Propose that another agency succeeds this one."""
    agency = agency_by_bin(bin)
    fields = {name: schema_field(field) for name, field in SUCCESSION.body.inputs.items() if name != "kind"}
    kind = replace(fields["reason"], name="kind", control="radios", label=_("Kind of succession"))
    fields["projects"] = replace(fields["projects"], control="area")
    page = FormPage(
        _("Succession of the agency"),
        _("Propose"),
        url_for("web.agency", bin=bin),
        [_agency(fields["successor"]), replace(kind, choices=options("succession_kind")), *list(fields.values())[1:]],
        SUCCESSION.body,
        intro=_(
            "Projects with their documents, cases and orders, accounts and drafts pass to the successor, and the "
            "agency is closed. Deadlines go on unchanged. A supervisor confirms it."
        ),
        subject=name_in_page_language(agency),
        labels={"kind": _("Kind of succession"), "on": _("Effective from")},
        prepare=lambda texts: with_bins(actor, ["successor"], texts),
    )

    def act(values: Mapping[str, Any]) -> Answer:
        request = service.ask(actor, RequestKind.SUCCESSION, bin, dict(values))
        flash_message(_("The succession is proposed. A supervisor has to confirm it."))
        return redirect_to("request_page", request_id=request.id)

    return answer_form(page, act, {"kind": SuccessionKind.MERGER.value})


def _agency(field: Field) -> Field:
    label = _("Name or BIN of the successor") if field.name == "successor" else _("Name or BIN of the new agency")
    return replace(field, control="agency", label=label)


@pages.page("/projects/<number>/transfer", needs=Permission.ORGANISATIONS_PROPOSE, methods=("GET", "POST"))
def ask_transfer(actor: Actor, number: str) -> Answer:
    """Propose that another agency gets this project."""
    project = read_project_to_change(actor, number, "transfer")
    fields = {name: schema_field(field) for name, field in TRANSFER.body.inputs.items()}
    page = FormPage(
        _("Transfer of the project"),
        _("Propose"),
        url_for("web.project", number=number),
        [_agency(fields.pop("to")), *fields.values()],
        TRANSFER.body,
        intro=_(
            "The project passes to another agency with its documents, cases and orders. Deadlines go on unchanged. A "
            "supervisor confirms it."
        ),
        subject=name_in_page_language(project),
        labels={"on": _("Effective from")},
        prepare=lambda texts: with_bins(actor, ["to"], texts),
    )

    def act(values: Mapping[str, Any]) -> Answer:
        request = service.ask(actor, RequestKind.TRANSFER, number, dict(values))
        flash_message(_("The transfer is proposed. A supervisor has to confirm it."))
        return redirect_to("request_page", request_id=request.id)

    return answer_form(page, act)


@pages.page("/projects/<number>/withdrawal", needs=Permission.PROJECTS_WRITE, methods=("GET", "POST"))
def ask_withdrawal(actor: Actor, number: str) -> Answer:
    """Ask to withdraw a project that was registered in error."""
    project = read_project_to_change(actor, number, "withdrawal")
    page = FormPage(
        _("Withdraw the project"),
        _("Ask for the withdrawal"),
        url_for("web.project", number=number),
        [schema_field(field) for field in WITHDRAWAL.body.inputs.values()],
        WITHDRAWAL.body,
        intro=_(
            "For a project that was registered in error only. A reviewer decides; two people do while a case is open "
            "or an order in force, and where the project has or had a medium or high flag. The record stays readable "
            "and leaves lists, reports and audits."
        ),
        subject=name_in_page_language(project),
    )

    def act(values: Mapping[str, Any]) -> Answer:
        request = service.ask(actor, RequestKind.WITHDRAWAL, number, dict(values))
        flash_message(_("You asked to withdraw the project. A reviewer has to decide."))
        return redirect_to("request_page", request_id=request.id)

    return answer_form(page, act)


@pages.page("/agencies/<bin>/change", needs=Permission.ORGANISATIONS_PROPOSE, methods=("GET", "POST"))
def propose_change_of_agency(actor: Actor, bin: str) -> Answer:
    """Propose another kind or parent of an agency."""
    agency = agency_by_bin(bin)
    page = FormPage(
        _("Propose another kind or parent"),
        _("Send the proposal"),
        url_for("web.agency", bin=bin),
        [schema_field(field) for field in AGENCY_CHANGE.inputs.values()],
        AGENCY_CHANGE,
        _("They decide what the moratorium binds and who can read restricted projects. A supervisor must approve it."),
        name_in_page_language(agency),
    )

    def act(values: Mapping[str, Any]) -> Answer:
        approval = propose_agency_change(actor, bin, values)
        flash_message(_("Your proposal is sent. Nothing changes until a supervisor approves it."))
        return redirect_to("approval_page", approval_id=approval.id)

    return answer_form(page, act, {"kind": agency.kind, "parent_bin": agency.parent_bin or ""})
