"""Forms of the case actions: their fields and the service function of each action."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from registry.accounts.absences import Substitution, substitutions
from registry.accounts.actors import Actor
from registry.accounts.roles import AGENCY_ROLES
from registry.audits.pages import active_only
from registry.cases import appeals, decisions
from registry.cases import service as cases
from registry.cases.decisions import BILINGUAL
from registry.cases.models import Case
from registry.cases.queries import flags_of_cases, reviewers
from registry.cases.schemas import CASE_ASSIGNMENT, CASE_COMMENT, CASE_PROPOSAL, CASE_REMARK, MAX_TEXT_LENGTH
from registry.cases.vocabulary import ActionName, Status
from registry.core.base_schema import BaseSchema, Loaded
from registry.core.fields import Text
from registry.core.translations import OFFICIAL_LANGUAGES, Language
from registry.freeze.current import policy_in_force
from registry.web.current_user import page_locale
from registry.web.formats import day
from registry.web.formats import gettext as _
from registry.web.forms import Field, form_field
from registry.web.labels import choice_label, options

# Initial legal basis of a proposal, in Kazakh and in Russian because the agency receives these texts.


def basis_language() -> Language:
    """Return Kazakh when the page is in Kazakh, else Russian; never English."""
    return "kk" if page_locale() == "kk" else "ru"


def legal_bases(actor: Actor, case_id: int) -> dict[Language, str]:
    """Return the clauses of the case's active flags in each official language."""
    bases = {}
    for language in OFFICIAL_LANGUAGES:
        flags = active_only(flags_of_cases(actor, [case_id], language)[case_id])
        bases[language] = "; ".join(dict.fromkeys(flag["clause"] for flag in flags))
    return bases


class RequiredComment(BaseSchema):
    """A comment that the form requires; in the API it is optional (docs/reference/workflow.md)."""

    comment = Text(MAX_TEXT_LENGTH, required=True)


# The schemas of the API, but for a return: the proposer has to know what to improve.
SCHEMAS: Final[Mapping[str, BaseSchema]] = {
    ActionName.CLAIM: BaseSchema(),
    ActionName.ASSIGN: CASE_ASSIGNMENT,
    ActionName.PROPOSE: CASE_PROPOSAL,
    ActionName.COMMENT: CASE_REMARK,
    **dict.fromkeys((ActionName.ANSWER, ActionName.RETURN, ActionName.APPEAL), RequiredComment()),
}
# What is withdrawn depends on what the case waits for, and while an order is in force claiming it reopens the review.
NAMES_IN_STATUS: Final[Mapping[tuple[str, str], str]] = {
    (ActionName.CLAIM, Status.REMEDIATION): "reopen",
    (ActionName.WITHDRAW, Status.REMEDIATION): "withdraw_order",
    (ActionName.WITHDRAW, Status.AWAITING_AGENCY): "withdraw_question",
    (ActionName.WITHDRAW, Status.AWAITING_APPROVAL): "withdraw_proposal",
    (ActionName.WITHDRAW, Status.WITH_COMMISSION): "withdraw_referral",
}
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


# What a proposal takes for clients of one language; the form has each text in both.
ONE_LANGUAGE: Final = (*BILINGUAL, "language")


def control_name(pointer: str) -> str:
    """Return the name of the control of a problem: a text that no language has is asked for in that of the page."""
    name = pointer.lstrip("/")
    return f"{name}_{basis_language()}" if name in BILINGUAL else name


def field_names(action: str) -> list[str]:
    """Return the names of an action's fields."""
    return [name for name in _schema(action).fields if action != ActionName.PROPOSE or name not in ONE_LANGUAGE]


def load_action(action: str, texts: Mapping[str, str]) -> Loaded:
    """Validate the texts of an action's form; the problems are in the order of the form."""
    schema = _schema(action)
    # The service reports what a proposal lacks, together with what does not fit its decision.
    values, problems = schema.load_filled_texts(texts) if action == ActionName.PROPOSE else schema.load_texts(texts)
    return Loaded(values, tuple(sorted(problems, key=lambda problem: problem.pointer == "/comment")))


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
    """Return the label of an action's form."""
    return choice_label("case_action", NAMES_IN_STATUS.get((action, status), action))


def cautions_of(status: str) -> dict[str, str]:
    """Return warnings to display before an action is submitted, by action."""
    appealing: dict[str, str] = {
        ActionName.APPEAL: _("An order does not bind your agency from your appeal until a new decision.")
        if policy_in_force().appeal_suspends
        else _("An order stays in force until another decision replaces it, also after your appeal.")
    }
    if status != Status.REMEDIATION:
        return appealing
    return appealing | {
        ActionName.CLAIM: _("The order stays in force until another decision replaces it. To end it, withdraw it."),
        "withdraw": _("The order ends, and the case is reviewed again."),
    }


def _schema(action: str) -> BaseSchema:
    return SCHEMAS.get(action, CASE_COMMENT)


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
            return [form_field("assignee", "select", choices=_assignees()), note]
        case ActionName.PROPOSE:
            first = basis_language()
            second = next(language for language in OFFICIAL_LANGUAGES if language != first)
            other = {"kk": _("The texts in Kazakh (optional)"), "ru": _("The texts in Russian (optional)")}[second]
            both = _("The agency receives its letter in both languages: write the other one if you can.")
            return [
                form_field("decision", "radios", choices=options("decision")),
                form_field(
                    "reason_code",
                    "select",
                    choices=options("reason_code"),
                    hint=_("Only when there is no breach."),
                    when="no-breach",
                ),
                form_field(f"reason_{first}", "area"),
                form_field(f"legal_basis_{first}", "area"),
                form_field("due_on", "day", hint=_("The date by which it must be moved or stopped."), when="ordered"),
                replace(form_field(f"reason_{second}", "area", hint=both), fold=other),
                replace(form_field(f"legal_basis_{second}", "area"), fold=other),
                replace(note, fold=_("Note and documents (optional)")),
            ]
        case ActionName.COMMENT if actor.role not in AGENCY_ROLES:
            return [form_field("comment", "area"), form_field("for_agency", "check")]
        case ActionName.COMMENT:
            return [form_field("comment", "area")]
    return [note]


def _assignees() -> list[tuple[str, str]]:
    """Return the reviewers; those who are absent today with a note on the deputy, who gets the work too."""
    absent = {each.absent: each for each in substitutions()}
    return [(name, absence_note(name, absent.get(name))) for name in reviewers()]


def absence_note(name: str, absence: Substitution | None) -> str:
    """Return the name, with the absence of that person if there is one."""
    if absence is None:
        return name
    note = _("absent until %(day)s, deputy: %(deputy)s") % {"day": day(absence.last_day), "deputy": absence.deputy}
    return f"{name} ({note})"
