"""Page to record the Commission's decision on a referred case, with its file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from flask import render_template, request

from registry.accounts.actors import Actor
from registry.accounts.roles import Permission
from registry.cases.commission import CaseNotWithCommission, DecisionFile, propose_commission_decision
from registry.cases.models import Case
from registry.cases.queries import find_case, read_case
from registry.cases.schemas import COMMISSION_DECISION
from registry.cases.vocabulary import CommissionOutcome, Status
from registry.core.errors import Conflict, Invalid, NotAllowed, Problem
from registry.http.error_handlers import status_of
from registry.http.request_bodies import read_files
from registry.web.blueprint import Answer, pages, redirect_to
from registry.web.flash import flash_message
from registry.web.formats import gettext as _
from registry.web.forms import Field, Form, form_field, invalid_form, problems_by_control, schema_field, typed_values
from registry.web.labels import options

FILE: Final = "file"
GRANTED: Final = ("valid_from", "valid_to", "scope", "conditions")


@pages.page(
    "/cases/<row_id:case_id>/commission-decision",
    needs=Permission.EXEMPTIONS_PROPOSE,
    methods=("GET", "POST"),
    takes_file=True,
)
def decide_by_commission(actor: Actor, case_id: int) -> Answer:
    """Record the decision. What an exemption has is asked only when it is granted."""
    if request.method != "POST":
        case = read_case(actor, case_id, "case")
        if case.status != Status.WITH_COMMISSION:
            raise CaseNotWithCommission(case=case.id, status=case.status)
        return _form(case, Form())
    texts = typed_values(COMMISSION_DECISION.fields)
    # Fields that the page hides after another choice are not part of what was sent.
    sent = texts if texts.get("outcome") != CommissionOutcome.REFUSED else _without(texts, GRANTED)
    values, problems = COMMISSION_DECISION.load_texts({name: sent.get(name, "") for name in COMMISSION_DECISION.fields})
    files = [DecisionFile(each.name, each.content_type, each.content) for each in read_files(FILE)]
    if not files:
        problems = (*problems, Problem(f"/{FILE}", "page-choose-file"))
    case = find_case(actor, case_id)
    if problems:
        return _form(case, Form(texts, problems_by_control(problems, _fields()))), 422
    try:
        approval = propose_commission_decision(actor, case_id, values, files)
    except (Invalid, Conflict, NotAllowed) as error:
        failed = invalid_form(texts, error, FILE)
        return _form(find_case(actor, case_id), failed), status_of(error)
    flash_message(_("Your proposal is sent. Nothing changes until a supervisor approves it."))
    return redirect_to("approval_page", approval_id=approval.id)


def _without(texts: Mapping[str, str], names: tuple[str, ...]) -> dict[str, str]:
    return {name: text for name, text in texts.items() if name not in names}


def _fields() -> list[Field]:
    inputs = COMMISSION_DECISION.inputs
    note = form_field("comment", "note", label=_("Note for the timeline (optional)"))
    return [
        form_field("outcome", "radios", label=_("What the Commission decided"), choices=options("commission_outcome")),
        *(schema_field(inputs[name]) for name in ("decision_number", "decided_on", *GRANTED)),
        note,
    ]


def _form(case: Case, form: Form) -> str:
    fields = _fields()
    labels = {field.name: field.label for field in fields}
    return render_template(
        "cases/commission_decision.html", case=case, form=form, fields=fields, granted=GRANTED, labels=labels
    )
