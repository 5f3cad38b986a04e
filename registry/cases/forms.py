"""Forms of the case actions: their fields and the service function of each action."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from registry.accounts.actors import Actor
from registry.accounts.roles import AGENCY_ROLES
from registry.cases import appeals, decisions
from registry.cases import service as cases
from registry.cases.models import Case
from registry.cases.reviewers import reviewers
from registry.cases.views.legal_basis import basis_hint
from registry.cases.vocabulary import ActionName, DecisionKind, ReasonCode, Status
from registry.core.field_types import Choice, Day, Kind, Text, YesNo
from registry.web.fields import Field, form_field
from registry.web.labels import choice_label, options
from registry.web.translations import gettext as _

LONG: Final = Text(5000)
COMMENT: Final[Mapping[str, Kind]] = {"comment": LONG}
KINDS: Final[Mapping[str, Mapping[str, Kind]]] = {
    ActionName.CLAIM: {},
    ActionName.ASSIGN: {"assignee": Text(), **COMMENT},
    ActionName.PROPOSE: {
        "decision": Choice(DecisionKind.codes()),
        "reason_code": Choice(ReasonCode.codes()),
        "reason": LONG,
        "legal_basis": LONG,
        "due_on": Day(),
        **COMMENT,
    },
    ActionName.COMMENT: {**COMMENT, "for_agency": YesNo()},
}
REQUIRED: Final[Mapping[str, Sequence[str]]] = {
    ActionName.ASSIGN: ("assignee",),
    ActionName.ANSWER: ("comment",),
    # The proposer has to know what to improve. The comment is optional in the API (docs/reference/workflow.md).
    ActionName.RETURN: ("comment",),
    ActionName.APPEAL: ("comment",),
    ActionName.COMMENT: ("comment",),
}
# While an order is in force, these actions have other names on the pages.
UNDER_ORDER: Final[Mapping[str, str]] = {ActionName.CLAIM: "reopen", ActionName.WITHDRAW: "withdraw_order"}
PLAIN: Final[Mapping[str, Callable[[Actor, Case, str | None], Case]]] = {
    ActionName.CLAIM: cases.claim,
    ActionName.RELEASE: cases.release,
    ActionName.ASK: cases.ask,
    ActionName.ANSWER: cases.answer,
    ActionName.APPROVE: decisions.approve,
    ActionName.RETURN: cases.send_back,
    ActionName.REFER: cases.refer,
    ActionName.CONFIRM: cases.confirm,
    ActionName.WITHDRAW: cases.withdraw,
    ActionName.APPEAL: appeals.appeal,
}


def kinds_of(action: str) -> Mapping[str, Kind]:
    """Return the fields of an action with their types."""
    return KINDS.get(action, COMMENT)


def carry_out(actor: Actor, case: Case, action: str, values: Mapping[str, Any]) -> Case:
    """Run the action with validated values on a locked case. Raises what its service raises."""
    if action == ActionName.ASSIGN:
        return cases.assign(actor, case, values["assignee"], values["comment"])
    if action == ActionName.PROPOSE:
        return decisions.propose(actor, case, values)
    if action == ActionName.COMMENT:
        return cases.say(actor, case, values["comment"], for_agency=values.get("for_agency") is True)
    return PLAIN[action](actor, case, values.get("comment"))


def action_name(action: str, status: str) -> str:
    """Return the label of an action's form. While an order is in force, claiming a case means reopening its review."""
    return choice_label("case_action", UNDER_ORDER.get(action, action) if status == Status.REMEDIATION else action)


def cautions_of(status: str) -> dict[str, str]:
    """Return warnings to display before an action is submitted, by action."""
    if status != Status.REMEDIATION:
        return {}
    return {
        "claim": _("The order stays in force until another decision replaces it. To end it, withdraw it."),
        "withdraw": _("The order ends, and the case is reviewed again."),
    }


def fields_of(actor: Actor, action: str) -> list[Field]:
    """Return the fields of an action's form, named ``<action>-<field>`` because several forms share the page."""
    return [replace(field, name=f"{action}-{field.name}") for field in _fields(actor, action)]


def _fields(actor: Actor, action: str) -> list[Field]:
    note = form_field("comment", "note", label=_("Note for the timeline (optional)"))
    match action:
        case ActionName.CLAIM:
            return []
        case ActionName.ASK:
            return [
                form_field(
                    "comment",
                    "area",
                    label=_("Question"),
                    hint=_(
                        "The agency sees this text. If you leave it empty, the agency is asked to explain the flags."
                    ),
                )
            ]
        case ActionName.ANSWER:
            return [form_field("comment", "area", label=_("Your answer"))]
        case ActionName.APPEAL:
            return [form_field("comment", "area", label=_("Why the decision is wrong"))]
        case ActionName.RETURN:
            return [
                form_field(
                    "comment",
                    "area",
                    label=_("Reason for returning it"),
                    hint=_("For the reviewer, not for the agency."),
                )
            ]
        case ActionName.ASSIGN:
            return [form_field("assignee", "select", choices=[(name, name) for name in reviewers()]), note]
        case ActionName.PROPOSE:
            return [
                form_field("decision", "radios", choices=options("decision")),
                form_field(
                    "reason_code",
                    "select",
                    choices=options("reason_code"),
                    hint=_("Only when there is no breach."),
                    when="no-breach",
                ),
                form_field("reason", "area"),
                form_field("legal_basis", "area", hint=basis_hint()),
                form_field("due_on", "day", hint=_("The date by which it must be moved or stopped."), when="ordered"),
                note,
            ]
        case ActionName.COMMENT if actor.role not in AGENCY_ROLES:
            return [form_field("comment", "area"), form_field("for_agency", "check")]
        case ActionName.COMMENT:
            return [form_field("comment", "area")]
    return [note]
