"""Pages of cases: one case with its documents and actions, and actions on several, alone and together."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import date
from functools import partial
from typing import Any, Final

from flask import render_template, request, url_for
from sqlalchemy import select

from registry.accounts.absences import Substitution, substitutions
from registry.accounts.roles import AGENCY_ROLES, Actor, Permission, StepUpRequired
from registry.approvals.models import Approval
from registry.approvals.queries import waiting_about
from registry.audits.pages import active_only, cleared_flags, rule_titles
from registry.audits.verdicts import clearings
from registry.cases import commission, decisions, list_pages, queries, schemas, service
from registry.cases.actions import MAX_AT_ONCE, ON_SEVERAL, BulkResult, act_on_cases, carry_out, of_one, open_cases
from registry.cases.lists import list_cases, show_case, show_cases
from registry.cases.models import AGENCY_SIDE, Case, CaseTemplate
from registry.cases.text_templates import PLACEHOLDERS, filled, find_template, placeholder_values, templates_for
from registry.cases.transitions import newest_appeal
from registry.cases.vocabulary import RULINGS, ActionName, CommissionOutcome, FurtherEvent, Status, TemplateKind
from registry.cases.workflow import ACTIONS, ORDERING
from registry.core.clock import national_calendar, today
from registry.core.database import db, transaction
from registry.core.errors import Conflict, Invalid, NotAllowed, Problem, RegistryError, RouteNotFound, invalid
from registry.core.fields import BaseSchema, Loaded, Text
from registry.core.lists import MAX_LIMIT, Page
from registry.core.translations import LANGUAGE_NAMES, OFFICIAL_LANGUAGES, Language, lazy_text
from registry.core.values import InvalidValue, plain_number, read_day
from registry.exemptions.queries import exemptions_of
from registry.flags.models import AuditRun
from registry.flags.queries import active_flags_of, next_coming_flag
from registry.freeze.policy import policy_in_force
from registry.http.requests import read_files
from registry.http.responses import document_download, make_tag
from registry.letters.queries import letters_of_case
from registry.letters.service import KINDS, preview_letter
from registry.projects.documents import documents_of
from registry.projects.models import Project
from registry.projects.pages import FILE, LETTER, add_letters
from registry.projects.queries import projects_numbered
from registry.projects.visibility import journal_restricted_reads
from registry.signatures.models import SignableAct, Signature
from registry.signatures.pages import is_to_be_signed, sent_signature, signing_page
from registry.signatures.service import SignedAct, shown_signatures, signature_settings
from registry.web import forms
from registry.web.blueprint import Answer, flash_message, pages, redirect_to
from registry.web.current_user import page_locale
from registry.web.errors import error_message, problem_message
from registry.web.formats import day, gettext as _, ngettext
from registry.web.labels import choice_label, display_value, field_label, options

# Initial legal basis of a proposal, in Kazakh and in Russian because the agency receives these texts.


def basis_language() -> Language:
    """Return Kazakh when the page is in Kazakh, else Russian; never English."""
    return "kk" if page_locale() == "kk" else "ru"


def legal_bases(actor: Actor, ids: Sequence[int]) -> dict[Language, str]:
    """Return in each official language the clauses of active flags that all of the cases have."""
    bases = {}
    for language in OFFICIAL_LANGUAGES:
        flags_by_case = queries.flags_of_cases(actor, ids, language).values()
        clauses = [
            [flag["clause"].removesuffix(".") for flag in active_only(flags)] for flags in flags_by_case if flags
        ]
        shared = [each for each in clauses[0] if all(each in others for others in clauses)] if clauses else []
        bases[language] = "; ".join(dict.fromkeys(shared))
    return bases


class RequiredComment(BaseSchema):
    """A comment that the form requires; in the API it is optional (docs/reference/workflow.md)."""

    comment = Text(schemas.MAX_TEXT_LENGTH, required=True)


# The schemas of the API, but for a return: the proposer has to know what to improve.
SCHEMAS: Final[Mapping[str, BaseSchema]] = {
    ActionName.CLAIM: BaseSchema(),
    ActionName.ASSIGN: schemas.CASE_ASSIGNMENT,
    ActionName.PROPOSE: schemas.CASE_PROPOSAL,
    ActionName.COMMENT: schemas.CASE_REMARK,
    **dict.fromkeys((ActionName.ASK, ActionName.REFER), schemas.CASE_LETTER),
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
# What a proposal takes for clients of one language; the form has each text in both.
ONE_LANGUAGE: Final = (*decisions.BILINGUAL, "language")


def control_name(pointer: str) -> str:
    """Return the name of the control of a problem: a text that no language has is asked for in that of the page."""
    name = pointer.lstrip("/")
    return f"{name}_{basis_language()}" if name in decisions.BILINGUAL else name


def field_names(action: str) -> list[str]:
    """Return the names of an action's fields."""
    return [name for name in _schema(action).fields if action != ActionName.PROPOSE or name not in ONE_LANGUAGE]


def load_action(action: str, texts: Mapping[str, str]) -> Loaded:
    """Validate the texts of an action's form; the problems are in the order of the form."""
    schema = _schema(action)
    # The service reports what a proposal lacks, together with what does not fit its decision.
    values, problems = schema.load_filled_texts(texts) if action == ActionName.PROPOSE else schema.load_texts(texts)
    return Loaded(values, tuple(sorted(problems, key=lambda problem: problem.pointer == "/comment")))


def action_name(action: str, status: str) -> str:
    """Return the label of an action's form."""
    return choice_label("case_action", NAMES_IN_STATUS.get((action, status), action))


def cautions_of(status: str, appeal: Mapping[str, Any] | None) -> dict[str, str]:
    """Return warnings to display before an action is submitted, by action."""
    appealing: dict[str, str] = {
        ActionName.APPEAL: _("The decision has no effect from your appeal until a new decision.")
        if policy_in_force().appeal_suspends
        else _("The decision stays in force until another decision replaces it, also after your appeal.")
    }
    if appeal is not None and appeal["outcome"] is None:
        appealing[ActionName.PROPOSE] = _(
            "Your decision answers the appeal. The same decision upholds the appealed one, and its date may be later "
            "by the days of the suspension. Another decision or date changes it; a decision that accepts the flags "
            "revokes it."
        )
    if status != Status.REMEDIATION:
        return appealing
    return appealing | {
        ActionName.CLAIM: _("The order stays in force until another decision replaces it. To end it, withdraw it."),
        "withdraw": _("The order ends, and the case is reviewed again."),
    }


def _schema(action: str) -> BaseSchema:
    return SCHEMAS.get(action, schemas.CASE_COMMENT)


def fields_of(actor: Actor, action: str) -> list[forms.Field]:
    """Return the fields of an action's form, named ``<action>-<field>`` because several forms share the page."""
    return [replace(field, name=f"{action}-{field.name}") for field in _fields_of(actor, action)]


# Label and hint of what an action writes to the agency, the Commission or the reviewer; the first two have a note too.
WRITINGS: Final[Mapping[str, tuple[str, str]]] = {
    ActionName.ASK: (
        lazy_text("Question"),
        lazy_text("The agency sees this text. If you leave it empty, the agency is asked to explain the flags."),
    ),
    ActionName.REFER: (
        lazy_text("Text for the Commission (optional)"),
        lazy_text("The Commission reads it in the letter; the agency does not see it."),
    ),
    ActionName.ANSWER: (lazy_text("Your answer"), ""),
    ActionName.APPEAL: (lazy_text("Why the decision is wrong"), ""),
    ActionName.RETURN: (lazy_text("Reason for returning it"), lazy_text("For the reviewer, not for the agency.")),
}


def _fields_of(actor: Actor, action: str) -> list[forms.Field]:
    note = forms.form_field("comment", "note", label=_("Note that stays inside (optional)"))
    if action in WRITINGS:
        label, hint = WRITINGS[action]
        written = forms.form_field("comment", "area", label=_(label), hint=_(hint) if hint else "")
        return [written, replace(note, name="note")] if action in (ActionName.ASK, ActionName.REFER) else [written]
    match action:
        case ActionName.CLAIM:
            return []
        case ActionName.ASSIGN:
            return [forms.form_field("assignee", "select", choices=_assignees()), note]
        case ActionName.PROPOSE:
            return _proposal_fields(note)
        case ActionName.COMMENT if actor.role not in AGENCY_ROLES:
            return [forms.form_field("comment", "area"), forms.form_field("for_agency", "check")]
        case ActionName.COMMENT:
            return [forms.form_field("comment", "area")]
    return [note]


def _proposal_fields(note: forms.Field) -> list[forms.Field]:
    first = basis_language()
    second = next(language for language in OFFICIAL_LANGUAGES if language != first)
    other = {"kk": _("The texts in Kazakh"), "ru": _("The texts in Russian")}[second]
    both = _("The agency reads these texts. An order needs both languages; any other decision may be in one.")
    no_breach = _("Only when there is no breach.")
    last_day = _("The last day, inclusive, to move it or to stop.")
    reasons = options("reason_code")
    return [
        forms.form_field("decision", "radios", choices=options("decision")),
        forms.form_field("reason_code", "select", choices=reasons, hint=no_breach, when="no-breach"),
        forms.form_field("due_on", "day", hint=last_day, when="ordered"),
        forms.form_field(f"reason_{first}", "area"),
        forms.form_field(f"legal_basis_{first}", "area"),
        replace(forms.form_field(f"reason_{second}", "area", hint=both), fold=other),
        replace(forms.form_field(f"legal_basis_{second}", "area"), fold=other),
        replace(note, fold=_("Note and documents (optional)")),
    ]


def _assignees() -> list[tuple[str, str]]:
    """Return the reviewers; those who are absent today with a note on the deputy, who gets the work too."""
    absent = {each.absent: each for each in substitutions()}
    return [(name, absence_note(name, absent.get(name))) for name in queries.reviewers()]


def absence_note(name: str, absence: Substitution | None) -> str:
    """Return the name, with the absence of that person if there is one."""
    if absence is None:
        return name
    note = _("absent until %(day)s, deputy: %(deputy)s") % {"day": day(absence.last_day), "deputy": absence.deputy}
    return f"{name} ({note})"


# Names and links of audits on a case's timeline.

ACTS_AS: Final = "audit:"


def audit_names(
    actor: Actor, events: Iterable[Mapping[str, Any]], more: Iterable[int] = ()
) -> dict[str, tuple[str, str | None]]:
    """Map ``audit:<id>`` to ``(name, URL)``; the URL is None for actors who may not open audits.

    ``more``: ids of audits that no timeline event names.
    """
    ids = {int(event["by"].removeprefix(ACTS_AS)) for event in events if event["by"].startswith(ACTS_AS)} | set(more)
    runs = db.session.execute(select(AuditRun.id, AuditRun.on, AuditRun.trigger).where(AuditRun.id.in_(ids)))
    opens = actor.may(Permission.AUDITS_READ)
    return {
        f"{ACTS_AS}{run.id}": (
            (_("An audit of %(day)s") if run.trigger == "manual" else _("The nightly audit of %(day)s"))
            % {"day": day(run.on)},
            url_for("web.audit", audit_id=run.id) if opens else None,
        )
        for run in runs
    }


def order_instructions(decision: Mapping[str, Any]) -> list[str]:
    """Return the steps of an order; empty when the decision is no order or no longer in effect."""
    if decision["ended_because"] or decision["decision"] not in ORDERING:
        return []
    due_on = None if decision["due_on"] is None else date.fromisoformat(str(decision["due_on"]))
    return decisions.order_steps(decision["decision"], due_on, page_locale(), _)


# Templates on the page of a case: which ones a form offers, and the form with the chosen text in it.

# The button that fills the field instead of sending the form.
INSERT: Final = "insert"
# The action's field that takes the text, and which templates it offers. A reason has a field for each language.
FIELDS: Final[Mapping[str, tuple[str, TemplateKind]]] = {
    ActionName.ASK: ("comment", TemplateKind.QUESTION),
    ActionName.PROPOSE: ("reason", TemplateKind.REASON),
}


def offered_templates(actor: Actor, actions: Iterable[str], rules: set[str]) -> dict[str, list[tuple[str, str]]]:
    """Map each action that takes a template to the ids and labels of those that fit the rules."""
    titles = rule_titles()
    return {
        action: [
            (str(each.id), _label(each, titles))
            for each in templates_for(actor, FIELDS[action][1], rules, page_locale())
        ]
        for action in actions
        if action in FIELDS
    }


def with_inserted_text(actor: Actor, case: Case | None, action: str, texts: Mapping[str, str]) -> dict[str, str]:
    """Return the form's texts with the chosen template after what the field has; without a case, as it is stored.

    Raises CaseTemplateNotFound.
    """
    if action not in FIELDS:
        return dict(texts)
    chosen = request.form.get(f"{action}-template", "")
    if not is_id(chosen):
        return dict(texts)
    field, kind = FIELDS[action]
    template = find_template(actor, int(chosen))
    name = f"{action}-{field}_{template.language}" if kind is TemplateKind.REASON else f"{action}-{field}"
    before = texts.get(name, "").strip()
    text = template.text
    if case is not None:
        text = filled(text, placeholder_values(case.project_record, template.language, _deadline(kind, texts)))
    joined = f"{before}\n\n{text}" if before else text
    return {**texts, name: joined[: schemas.MAX_TEXT_LENGTH], f"{action}-template": ""}


def is_id(sent: str) -> bool:
    """Return True for a text that is the id of a record."""
    return plain_number(sent) is not None


def _deadline(kind: TemplateKind, texts: Mapping[str, str]) -> date | None:
    """By when the agency would answer a question asked today; of a proposal the date that is entered, if it is one."""
    if kind is TemplateKind.QUESTION:
        return national_calendar().after(today(), policy_in_force().deadlines.answer)
    return _entered(texts.get(f"{ActionName.PROPOSE.value}-due_on", ""))


def _label(template: CaseTemplate, titles: Mapping[str, str]) -> str:
    about = _("Any rule") if template.rule is None else titles.get(template.rule, template.rule)
    return f"{about}: {template.title} ({LANGUAGE_NAMES[template.language]})"


def _entered(text: str) -> date | None:
    try:
        return date.fromisoformat(read_day(text)) if text.strip() else None
    except (InvalidValue, ValueError):
        return None


# Case page: findings, timeline and the forms of the actions that the person may take now.

# Value of a form's second button: continue with the next case of the list.
NEXT = "next"
# Actions whose forms take documents.
WITH_FILES = (ActionName.ASK, ActionName.ANSWER, ActionName.PROPOSE, ActionName.APPEAL, ActionName.COMMENT)
# The button that displays the letter of an action instead of sending it, and the actions that have one.
PREVIEW: Final = "preview"
WITH_LETTER: Final = (*KINDS, ActionName.PROPOSE, ActionName.APPROVE)
# Entries that are letters between the two sides; the others are when both sides read them.
WRITTEN = (ActionName.ASK, ActionName.ANSWER, ActionName.APPEAL)
SHARED = (ActionName.COMMENT, FurtherEvent.DOCUMENT_ADDED)
# After these actions the person usually continues on the same case.
STAYS = (ActionName.CLAIM, ActionName.COMMENT)
# Banners of actions whose entries of the timeline do not say that something was done.
DONE = {
    ActionName.ASK: lazy_text("Question sent to the agency."),
    ActionName.ANSWER: lazy_text("Answer sent to the reviewer."),
    ActionName.APPEAL: lazy_text("Appeal sent."),
    ActionName.COMMENT: lazy_text("Comment added."),
}


@pages.page("/cases/<row_id:case_id>", needs=Permission.CASES_READ)
def case(actor: Actor, case_id: int) -> Answer:
    """Display the case; with ``preview`` the short form of it beside a list."""
    return _page(actor, case_id)


@pages.page("/cases/<row_id:case_id>/<action>", needs=Permission.CASES_COMMENT, methods=("POST",), takes_file=True)
def act_on_case(actor: Actor, case_id: int, action: str) -> Answer:
    """Run an action on the case. A stale form is rejected: the page shows what changed and keeps the entered values.

    The action's own permission is checked by its service.
    """
    if action not in ACTIONS:
        raise RouteNotFound
    names = field_names(action)
    texts = forms.typed_values(f"{action}-{name}" for name in names)
    if INSERT in request.form:
        return _page(
            actor, case_id, with_inserted_text(actor, queries.find_case(actor, case_id), action, texts), opened=action
        )
    values, problems = load_action(action, {name: texts.get(f"{action}-{name}", "") for name in names})
    if problems:
        return _page(actor, case_id, texts, problems, action), 422
    try:
        if is_to_be_signed() and action in decisions.SIGNABLE:
            return _signing_page(actor, case_id, action, values, texts)
        if PREVIEW in request.form:
            if _is_stale(show_case(actor, queries.find_case(actor, case_id), page_locale())):
                return _page(actor, case_id, texts, opened=action, is_stale=True), 409
            return _page(actor, case_id, texts, opened=action, letter=preview_letter(actor, case_id, action, values))
        signed = _sent_signature(actor, case_id, action, values)
        with transaction():
            case_record = queries.find_case_to_change(actor, case_id)
            place = list_pages.requested_position(case_record)
            if _is_stale(show_case(actor, case_record, page_locale())):
                return _page(actor, case_id, texts, opened=action, is_stale=True), 409
            carry_out(actor, case_record, action, values, signed=signed)
            _add_files(actor, case_record, action)
            # A button of a list, which sends no version, does not show the timeline.
            if "seen" in request.form:
                service.record_visit(actor, case_record, service.last_event_id(case_record))
    except Invalid as error:
        return _page(actor, case_id, texts, error.problems, action), 422
    except (Conflict, NotAllowed) as error:
        return _page(actor, case_id, texts, opened=action, error=error), error.status
    if place and request.form.get("then") == NEXT:
        case = _("Case %(id)s") % {"id": case_id}
        flash_message(f"{case}: {_done(action)}")
        return redirect_to("next_case", **place)
    flash_message(_done(action))
    if action == ActionName.PROPOSE and any(not values.get(name) for name in decisions.TEXTS):
        flash_message(_("The decision is written in one language only. The agency receives it in two."), "information")
    return redirect_to("case", case_id=case_id, **place)


def _signing_page(
    actor: Actor, case_id: int, action: str, values: Mapping[str, Any], texts: Mapping[str, str]
) -> Answer:
    """Show an action that could be taken now, to be signed electronically. Raises what the action would raise."""
    with transaction():
        case_record = queries.find_case_to_change(actor, case_id)
        if _is_stale(show_case(actor, case_record, page_locale())):
            return _page(actor, case_id, texts, opened=action, is_stale=True), 409
        to_sign = decisions.read_act_to_sign(actor, case_id, action, values)
        name = action_name(action, case_record.status)
    signed = to_sign.values
    decided = [(each, value) for each, value in signed.get("decision", {}).items() if each not in decisions.BILINGUAL]
    about = [
        (_("Action"), name),
        (_("Case"), f"{case_id}"),
        (_("Project"), signed["project"]),
        *((field_label(each), display_value(each, value)) for each, value in decided),
        *([(field_label("comment"), signed["comment"])] if "comment" in signed else []),
    ]
    return signing_page(
        actor,
        to_sign,
        rows=about,
        back=url_for("web.case", case_id=case_id),
        has_files=bool(read_files(f"{action}-{FILE}")),
    )


def _sent_signature(actor: Actor, case_id: int, action: str, values: Mapping[str, Any]) -> SignedAct | None:
    """Verify the signature of the form, before the transaction of the action: services are asked."""
    if action not in decisions.SIGNABLE:
        return None
    return sent_signature(actor, partial(decisions.read_act_to_sign, actor, case_id, action, values))


def _add_files(actor: Actor, case_record: Case, action: str) -> None:
    """Add the files of the action's form to the entry that the action has written. Raises Invalid at its field."""
    field = f"{action}-{FILE}"
    files = read_files(field) if action in WITH_FILES else []
    event_id = service.last_event_id(case_record) if files else None
    for each in files:
        parts = (each.name, each.content_type, each.content)
        service.add_case_document(actor, case_record.id, *parts, {}, event_id=event_id)


def _is_stale(view: Mapping[str, Any]) -> bool:
    # A button in a list sends no version of the case; its service checks whether the action is still possible.
    seen = request.form.get("seen")
    return seen is not None and seen != seen_tag(view)


def seen_tag(view: Mapping[str, Any], *more: object) -> str:
    """Return the tag of a case as it is displayed, with what else the page displays of it."""
    # Rule texts depend on the locale, which may change in between.
    compared = {name: value for name, value in view.items() if name != "flags"}
    flags = [(flag["id"], flag["status"], flag["observed"]) for flag in view["flags"]]
    return make_tag("case", json.dumps([compared, flags, *more], default=str, sort_keys=True))


def _done(action: str) -> str:
    """Return what was done, for the banner: most entries of the timeline say so themselves."""
    text = DONE.get(ActionName(action))
    return choice_label("case_event", action) if text is None else _(text)


def _page(
    actor: Actor,
    case_id: int,
    texts: Mapping[str, str] | None = None,
    problems: Sequence[Problem] = (),
    opened: str = "",
    error: RegistryError | None = None,
    *,
    is_stale: bool = False,
    letter: Mapping[Language, Any] | None = None,
) -> str:
    case_record = queries.find_case(actor, case_id)
    view = show_case(actor, case_record, page_locale())
    # Read before what is journalled: a commit forgets what is related to the case.
    project_record = case_record.project_record
    is_withdrawn, documents = project_record.withdrawn_at is not None, documents_of(project_record)
    journal_restricted_reads(actor, [view["project"]] if project_record.is_restricted else [], "case")
    form_values = dict(texts or {})
    flags = _flags_shown(actor, case_record, view)
    returned = queries.returned_proposal(case_record) if "propose" in view["actions"] else None
    if "propose" in view["actions"] and opened != "propose":
        form_values = _proposal_texts(actor, case_id, returned) | form_values
    first = _first(view["actions"], view["status"])
    shown = opened if opened in view["actions"] else first
    actions = {action: fields_of(actor, action) for action in sorted(view["actions"], key=lambda name: name != shown)}
    seen = plain_number(request.form.get("events", ""))
    named = [replace(each, pointer=f"/{opened}-{control_name(each.pointer)}") for each in problems]
    form = forms.Form(form_values, forms.problems_by_control(named, actions.get(opened, ())))
    has_new_events = seen is not None and (is_stale or error is not None)
    approvals = waiting_about(actor, project_id=case_record.project_id)
    place = list_pages.requested_position(case_record)
    sides = service.sides_of(case_record)
    correspondence = [event for event in view["events"] if _is_correspondence(event)]
    exemptions = exemptions_of(case_record.project_id)
    in_force = [each.valid_to for each in exemptions if each.status == "in_force"] if case_record.exempt_since else []
    return render_template(
        "projects/preview.html" if "preview" in request.args else "cases/detail.html",
        actor=actor,
        case=view,
        project=projects_numbered(actor, [view["project"]])[view["project"]],
        **flags,
        actions=actions,
        names={action: action_name(action, view["status"]) for action in actions},
        cautions=cautions_of(view["status"], view["appeal"]),
        documents=documents,
        letters=letters_of_case(actor, case_record, Page(MAX_LIMIT)).items,
        audits=audit_names(actor, view["events"], (each.audit_id for each in flags["clearings"].values())),
        steps_to_obey=order_instructions,
        labels={
            **{field.name: field.label for fields in actions.values() for field in fields},
            **{f"{action}-{FILE}": _("Documents") for action in WITH_FILES},
        },
        templates=offered_templates(actor, actions, {flag["rule"] for flag in flags["active"]}),
        with_files=WITH_FILES,
        with_letter=WITH_LETTER,
        signable=() if signature_settings() is None else decisions.SIGNABLE,
        must_sign="orders" in policy_in_force().signed,
        signatures=_signatures(actor, case_id),
        letter=letter,
        has_files=letter is not None and bool(read_files(f"{opened}-{FILE}")),
        addable=set() if is_withdrawn else _addable(actor, view, sides),
        may_add_documents=not is_withdrawn and actor.may(Permission.CASES_COMMENT),
        opened=shown,
        to_approve=ActionName.APPROVE in actions,
        # Whoever records decisions of the Commission starts with the one that the case waits for.
        commission_due=view["status"] == Status.WITH_COMMISSION
        and actor.may(Permission.EXEMPTIONS_PROPOSE)
        and not any(each["subject"] == f"case:{case_id}" for each in approvals),
        approvals=approvals,
        correspondence=correspondence,
        said=next((event for event in reversed(correspondence) if sides.get(event["id"]) == AGENCY_SIDE), None),
        question=next((event for event in reversed(view["events"]) if event["action"] == ActionName.ASK), None),
        news=service.news_of(actor, case_record, view["events"]),
        estimated_day=_estimated_day(view),
        may_record_court=_may_record_court(actor, view["appeal"]),
        place=place,
        neighbours=list_pages.neighbours_of(actor, place),
        list_filters=list_pages.requested_list(),
        stays=STAYS,
        form=form,
        unsaved_comment=form_values.get(f"{opened}-comment") if opened and opened not in actions else None,
        returned=returned,
        exemptions=exemptions,
        exempt_until=max(in_force, default=None),
        tag=seen_tag(view),
        is_stale=is_stale,
        # The form of an approval is displayed after the step-up; one that was sent without it keeps what was entered.
        confirm_first=ActionName.APPROVE.value if request.method != "POST" and actor.needs_step_up else "",
        asks_step_up=isinstance(error, StepUpRequired),
        error_text=error_message(error) if error is not None else None,
        new_events=view["events"][seen:] if has_new_events else [],
    )


def _flags_shown(actor: Actor, case_record: Case, view: Mapping[str, Any]) -> dict[str, Any]:
    """Return the flags of the case and what else is flagged on its project, for the template."""
    on_project = active_flags_of(actor, [view["project"]], page_locale())[view["project"]]
    own = {flag["id"] for flag in view["flags"]}
    cleared = cleared_flags(view["flags"])
    return {
        "active": active_only(view["flags"]),
        "others": [flag for flag in on_project if flag["id"] not in own],
        "coming": next_coming_flag(case_record.project_id),
        "rules": rule_titles(),
        "cleared": cleared,
        "clearings": clearings(case_record.project_id, [flag["id"] for flag in cleared]),
    }


def _signatures(actor: Actor, case_id: int) -> list[Signature]:
    """Return the signatures of the case, with those of decisions of the Commission on it; the agency sees neither these
    nor those of proposals.
    """
    if actor.role in AGENCY_ROLES:
        return [each for each in shown_signatures(f"case:{case_id}") if each.act != SignableAct.PROPOSAL]
    about = db.session.scalars(select(Approval.id).where(Approval.subject == f"case:{case_id}"))
    return shown_signatures(f"case:{case_id}", *(f"approval:{each}" for each in about))


def _may_record_court(actor: Actor, appeal: Mapping[str, Any] | None) -> bool:
    """True for oversight between the decision on an appeal and the court's ruling."""
    is_decided = appeal is not None and appeal["new_decision_id"] is not None and appeal["settled_on"] is None
    return is_decided and actor.may(Permission.CASES_REVIEW)


def _estimated_day(view: Mapping[str, Any]) -> date | None:
    """Return the first day off up to the due date that is only estimated; the due date of an order is chosen, not
    counted.
    """
    if view["due_on"] is None or view["status"] == Status.REMEDIATION:
        return None
    return next(iter(national_calendar().estimated_between(today(), view["due_on"])), None)


def _is_correspondence(event: Mapping[str, Any]) -> bool:
    """True for what both sides read: questions, answers, appeals, and remarks and documents that are not internal."""
    if event["action"] in WRITTEN:
        return True
    return (
        event["action"] in SHARED
        and bool(event.get("for_agency", True))
        and bool(event["comment"] or event["documents"])
    )


def _addable(actor: Actor, view: Mapping[str, Any], sides: Mapping[int, str]) -> set[int]:
    """Return the ids of the entries to which the person may add documents: of actions that say something, by the own
    side.
    """
    own = {event_id for event_id, side in sides.items() if service.may_add_to(actor, side)}
    return {event["id"] for event in view["events"] if event["action"] in WITH_FILES and event["id"] in own}


def _proposal_texts(actor: Actor, case_id: int, returned: queries.ReturnedProposal | None) -> dict[str, str]:
    """Return initial values for a proposal: the returned proposal, or the clauses of the findings."""
    if returned is None:
        return {f"propose-legal_basis_{language}": text for language, text in legal_bases(actor, [case_id]).items()}
    values = decisions.with_both_languages(
        {name: getattr(returned.proposal, name) for name in (*decisions.DECIDED, "comment")}
    )
    return {f"propose-{name}": forms.as_typed(values[name]) for name in field_names("propose")}


def _first(actions: list[str], status: str) -> str:
    """Return the action whose form is expanded: the one that moves the case on; none when only a comment is possible.

    While an order is in force, reopening the review is not suggested.
    """
    claiming = () if status == Status.REMEDIATION else (ActionName.CLAIM,)
    moving = (ActionName.APPROVE, ActionName.ANSWER, ActionName.CONFIRM, *claiming, ActionName.PROPOSE)
    return next((name for name in moving if name in actions), "")


# Store that a person has seen a case, by the button or by the script of its page.

MAX_ENTRY_DIGITS = 15
# Sent by the script, which displays no page afterwards.
QUIET = "quiet"


@pages.page("/cases/<row_id:case_id>/visit", needs=Permission.CASES_READ, methods=("POST",))
def see_case(actor: Actor, case_id: int) -> Answer:
    """Store the visit, and display the case again without marks."""
    event = plain_number(sent := request.form.get("event", ""), MAX_ENTRY_DIGITS)
    if event is None:
        raise invalid("/event", "event-not-of-case", id=sent[:MAX_ENTRY_DIGITS])
    with transaction():
        case = queries.find_case(actor, case_id)
        place = list_pages.requested_position(case)
        service.record_visit(actor, case, event)
    return ("", 204) if QUIET in request.form else redirect_to("case", case_id=case_id, **place)


# Pages of the documents of a case: add one to an entry of the timeline, or as an entry of its own, and download.


@pages.page(
    "/cases/<row_id:case_id>/documents/new", needs=Permission.CASES_COMMENT, methods=("GET", "POST"), takes_file=True
)
def add_documents_to_case(actor: Actor, case_id: int) -> Answer:
    """Add one or several documents to an entry of the timeline (``event``), or as entries of their own."""
    event_id = _event_of_document()
    if request.method != "POST":
        return _document_form(actor, case_id, event_id, forms.Form())
    texts = forms.typed_values((*LETTER.fields, "for_agency"))
    for_agency = texts.get("for_agency") == "yes"
    try:
        add_letters(
            texts,
            lambda *file: service.add_case_document(actor, case_id, *file, event_id=event_id, for_agency=for_agency),
        )
    except (Invalid, Conflict) as error:
        return _document_form(actor, case_id, event_id, forms.invalid_form(texts, error, FILE)), error.status
    return redirect_to("case", case_id=case_id, _anchor="timeline")


@pages.page("/cases/<row_id:case_id>/documents/<row_id:document_id>", needs=Permission.CASES_READ)
def case_document(actor: Actor, case_id: int, document_id: int) -> Answer:
    """Download a document; uploaded content is never rendered in the service's origin."""
    document, content = service.read_case_document(actor, queries.read_case(actor, case_id, "document"), document_id)
    return document_download(document.name, content)


def _event_of_document() -> int | None:
    text = request.values.get("event", "")
    return int(text) if is_id(text) else None


def _document_form(actor: Actor, case_id: int, event_id: int | None, form: forms.Form) -> str:
    view = show_case(actor, queries.find_case(actor, case_id), page_locale())
    event = next((each for each in view["events"] if each["id"] == event_id), None)
    asks_for_agency = event is None and actor.role not in AGENCY_ROLES
    return render_template("cases/documents.html", case=view, event=event, form=form, asks_for_agency=asks_for_agency)


# Page to record the Commission's decision on a referred case, with its file.

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
        case = queries.read_case(actor, case_id, "case")
        if case.status != Status.WITH_COMMISSION:
            raise commission.CaseNotWithCommission(case=case.id, status=case.status)
        return _commission_form(case, forms.Form())

    def act(values: dict[str, Any], files: list[commission.DecisionFile]) -> Answer:
        approval = commission.propose_commission_decision(actor, case_id, values, files)
        flash_message(_("Your proposal is sent. Nothing changes until a supervisor approves it."))
        return redirect_to("approval_page", approval_id=approval.id)

    # Fields that the page hides after another choice are not part of what was sent.
    hidden = GRANTED if request.form.get("outcome") == CommissionOutcome.REFUSED else ()
    fields = [field for field in _commission_fields() if field.name not in hidden]
    return _answer_with_files(
        schemas.COMMISSION_DECISION, fields, lambda form: _commission_form(queries.find_case(actor, case_id), form), act
    )


def _answer_with_files(
    schema: BaseSchema,
    fields: Sequence[forms.Field],
    show: Callable[[forms.Form], str],
    act: Callable[[dict[str, Any], list[commission.DecisionFile]], Answer],
) -> Answer:
    """Carry out a form with at least one file, or show it again with what was entered and what is wrong."""
    texts = forms.typed_values(schema.fields)
    values, problems = schema.load_texts({field.name: texts.get(field.name, "") for field in fields})
    files = [commission.DecisionFile(each.name, each.content_type, each.content) for each in read_files(FILE)]
    if not files:
        problems = (*problems, Problem(f"/{FILE}", "page-choose-file"))
    if problems:
        return show(forms.Form(texts, forms.problems_by_control(problems, fields))), 422
    try:
        return act(values, files)
    except (Invalid, Conflict, NotAllowed) as error:
        return show(forms.invalid_form(texts, error, FILE)), error.status


def _commission_fields() -> list[forms.Field]:
    inputs = schemas.COMMISSION_DECISION.inputs
    note = forms.form_field("comment", "note", label=_("Note that stays inside (optional)"))
    return [
        forms.form_field(
            "outcome", "radios", label=_("What the Commission decided"), choices=options("commission_outcome")
        ),
        *(forms.schema_field(inputs[name]) for name in ("decision_number", "decided_on", *GRANTED)),
        note,
    ]


def _commission_form(case: Case, form: forms.Form) -> str:
    fields = _commission_fields()
    labels = {field.name: field.label for field in fields}
    return render_template(
        "cases/commission_decision.html", case=case, form=form, fields=fields, granted=GRANTED, labels=labels
    )


@pages.page("/cases/<row_id:case_id>/court", needs=Permission.CASES_REVIEW, methods=("GET", "POST"), takes_file=True)
def record_court_of_case(actor: Actor, case_id: int) -> Answer:
    """Record that the agency went to court after its appeal, and later how the court ruled."""
    case = queries.read_case(actor, case_id, "case")
    appeal = newest_appeal(case)
    if appeal is None or appeal.new_decision_id is None or appeal.settled_on is not None:
        raise commission.NotForCourt(case=case.id)
    fields = _court_fields(is_ruling=appeal.in_court_on is not None)
    if request.method != "POST":
        return _court_form(case, fields, forms.Form())

    def act(values: dict[str, Any], files: list[commission.DecisionFile]) -> Answer:
        commission.record_court(actor, case_id, values, files)
        flash_message(_("Saved. The agency sees the entry and the document on its case."))
        return redirect_to("case", case_id=case_id)

    return _answer_with_files(
        schemas.COURT_RECORD, fields, lambda form: _court_form(queries.find_case(actor, case_id), fields, form), act
    )


def _court_fields(*, is_ruling: bool) -> list[forms.Field]:
    asked = [forms.schema_field(schemas.COURT_RECORD.inputs["on"])]
    if is_ruling:
        asked.append(
            forms.form_field(
                "court_outcome",
                "radios",
                choices=[(each.value, choice_label("court_outcome", each)) for each in RULINGS],
            )
        )
    return [*asked, forms.form_field("comment", "note", label=_("Note that stays inside (optional)"))]


def _court_form(case: Case, fields: Sequence[forms.Field], form: forms.Form) -> str:
    labels = {field.name: field.label for field in fields}
    return render_template("cases/court.html", case=case, form=form, fields=fields, labels=labels)


# Actions on several chosen cases: the form of an action, review one by one, and approval together.

# Actions with a form of their own, between the list and the result.
WITH_FORM: Final = (ActionName.ASSIGN, ActionName.ASK, ActionName.PROPOSE)
# What is done on pages of the chosen cases alone: their list has their ids as its filter.
ON_OWN_PAGES: Final = {list_pages.REVIEW: "next_case", ActionName.APPROVE.value: "approve_chosen_cases"}
# Sent by the form of an action, and not by the list.
READY: Final = "ready"
DONE_TO_SEVERAL: Final[dict[str, Callable[[int], str]]] = {
    ActionName.CLAIM: lambda count: ngettext("%(num)s case is taken.", "%(num)s cases are taken.", count),
    ActionName.ASSIGN: lambda count: ngettext("%(num)s case is assigned.", "%(num)s cases are assigned.", count),
    ActionName.ASK: lambda count: ngettext("%(num)s question is sent.", "%(num)s questions are sent.", count),
    ActionName.CONFIRM: lambda count: ngettext(
        "%(num)s case is confirmed and closed.", "%(num)s cases are confirmed and closed.", count
    ),
    ActionName.PROPOSE: lambda count: ngettext(
        "%(num)s decision is proposed.", "%(num)s decisions are proposed.", count
    ),
    ActionName.APPROVE: lambda count: ngettext(
        "%(num)s decision is approved.", "%(num)s decisions are approved.", count
    ),
    "open": lambda count: ngettext("%(num)s case is opened.", "%(num)s cases are opened.", count),
}
# What the page of the result offers for the same cases, which their list has no longer.
FOLLOWING: Final[Mapping[str, Sequence[str]]] = {
    ActionName.CLAIM: (ActionName.PROPOSE, ActionName.ASK, list_pages.REVIEW),
}
OPENING: Final = lazy_text("Open the cases")


@pages.page("/cases/bulk/<action>", needs=Permission.CASES_REVIEW, methods=("POST",))
def act_on_chosen_cases(actor: Actor, action: str) -> Answer:
    """Run an action on the chosen cases, each independently; some actions ask for their fields first."""
    if action not in (*ON_SEVERAL, *ON_OWN_PAGES):
        raise RouteNotFound
    chosen = _sent_ids(request.form.getlist("case"))
    if not chosen:
        return list_pages.no_case_chosen(actor), 422
    if action in ON_OWN_PAGES:
        return redirect_to(ON_OWN_PAGES[action], **_set_of(chosen))
    names = field_names(action)
    texts = forms.typed_values(f"{action}-{name}" for name in names)
    if action in WITH_FORM and READY not in request.form:
        return _bulk_form(actor, action, chosen, forms.Form(_first_texts(actor, action, chosen)))
    if INSERT in request.form:
        return _bulk_form(actor, action, chosen, forms.Form(with_inserted_text(actor, None, action, texts)))
    values, problems = load_action(action, {name: texts.get(f"{action}-{name}", "") for name in names})
    if problems:
        return _bulk_form(actor, action, chosen, _form_with(action, texts, problems)), 422
    try:
        if PREVIEW in request.form:
            return _bulk_form(actor, action, chosen, forms.Form(texts), _first_letter(actor, action, chosen, values))
        result = act_on_cases(actor, action, chosen, values)
    except Invalid as error:
        return _bulk_form(actor, action, chosen, _form_with(action, texts, error.problems)), 422
    if action in WITH_FORM and result.refused:
        left = [case_id for case_id, _problem in result.refused]
        return _bulk_form(actor, action, left, forms.Form(texts), result=result)
    return _bulk_result(action, choice_label("case_action", action), result)


@pages.page("/cases/watch-list/opening", needs=Permission.CASES_REVIEW, methods=("POST",))
def open_chosen_cases(actor: Actor) -> Answer:
    """Open cases for the chosen projects of the watch list, each independently."""
    chosen = request.form.getlist("project")[:MAX_AT_ONCE]
    if not chosen:
        flash_message(_("Choose at least one project"), "error")
        return redirect_to("watch_list")
    return _bulk_result("open", _(OPENING), open_cases(actor, chosen), back=url_for("web.watch_list"))


def _sent_ids(sent: Iterable[str]) -> list[int]:
    return [int(each) for each in sent if is_id(each)][:MAX_AT_ONCE]


def _set_of(ids: Iterable[int]) -> dict[str, str]:
    """Return the filters of the list that has these cases alone, in the order of the list from which they come."""
    sort = list_pages.requested_list().get("sort")
    return {"id": ",".join(map(str, ids)), **({"sort": sort} if sort else {})}


def _first_texts(actor: Actor, action: str, chosen: list[int]) -> dict[str, str]:
    if action != ActionName.PROPOSE:
        return {}
    return {f"propose-legal_basis_{language}": text for language, text in legal_bases(actor, chosen).items()}


def _form_with(action: str, texts: Mapping[str, str], problems: Iterable[Problem]) -> forms.Form:
    return forms.Form(texts, [replace(each, pointer=f"/{action}-{control_name(each.pointer)}") for each in problems])


def _first_letter(actor: Actor, action: str, chosen: list[int], values: Mapping[str, Any]) -> dict[Language, Any]:
    """Preview the letter of the first case on which the action is possible; empty when it is on none."""
    for case_id in chosen:
        with suppress(RegistryError):
            return preview_letter(actor, case_id, action, of_one(queries.find_case(actor, case_id), action, values))
    return {}


def _bulk_form(
    actor: Actor,
    action: str,
    chosen: list[int],
    form: forms.Form,
    letter: Mapping[Language, Any] | None = None,
    result: BulkResult[int] | None = None,
) -> str:
    fields = [replace(field, fold="" if field.control == "note" else field.fold) for field in fields_of(actor, action)]
    items = _cases_of(actor, chosen)
    rules = [{flag["rule"] for flag in active_only(item["flags"])} for item in items]
    result = result or BulkResult([], [])
    _flash_done(action, result)
    return _bulk_page(
        choice_label("case_action", action),
        result,
        action=action,
        items=items,
        projects=projects_numbered(actor, (item["project"] for item in items)),
        fields=fields,
        labels={field.name: field.label for field in fields},
        form=form,
        letter=letter,
        with_letter=WITH_LETTER,
        placeholders=", ".join(f"{{{name}}}" for name in PLACEHOLDERS) if action == ActionName.PROPOSE else "",
        templates=offered_templates(actor, [action], set.intersection(*rules) if rules else set()),
    )


def _bulk_result(action: str, title: str, result: BulkResult[Any], back: str | None = None) -> str:
    _flash_done(action, result)
    following = FOLLOWING.get(action, ()) if result.done else ()
    place: Mapping[str, Any] = list_pages.requested_list()
    addresses = {
        url_for("web.act_on_chosen_cases", action=each, **place): _(list_pages.BULK_LABELS[each]) for each in following
    }
    return _bulk_page(title, result, back=back, following=addresses)


def _flash_done(action: str, result: BulkResult[Any]) -> None:
    count = len(result.done)
    if count:
        flash_message(DONE_TO_SEVERAL[action](count) % {"num": count})


def _bulk_page(title: str, result: BulkResult[Any], **shown: Any) -> str:
    return render_template(
        "cases/bulk.html",
        title=title,
        done=result.done,
        refused=[(subject, problem_message(problem)) for subject, problem in result.refused],
        place=list_pages.requested_list(),
        **{"form": None, "back": None, "following": {}, **shown},
    )


def _cases_of(actor: Actor, ids: Sequence[int]) -> list[Mapping[str, Any]]:
    """Return the visible ones of these cases as lists display them."""
    if not ids:
        return []
    chosen = {"id": ",".join(map(str, ids))}
    return list_cases(actor, chosen, Page(MAX_LIMIT, sort=request.args.get("sort")), page_locale()).items


# Approval together: the chosen proposals in one table, with what differs between them.

COMPARED: Final = ("decision", "due_on", "reason_code", *decisions.TEXTS, "comment", "proposed_by")
# A name that is shorter is not looked for in texts.
MIN_NAME: Final = 4


@pages.page("/cases/approval", needs=Permission.CASES_APPROVE, methods=("GET", "POST"))
def approve_chosen_cases(actor: Actor) -> Answer:
    """Display the proposals on the chosen cases, and approve the ticked ones as they were displayed."""
    chosen = _sent_ids(request.args.get("id", "").split(","))
    if request.method != "POST":
        return _approval_page(actor, chosen, forms.Form(), ticked=chosen)
    action, ticked = ActionName.APPROVE.value, _sent_ids(request.form.getlist("case"))
    texts = forms.typed_values([f"{action}-comment"])
    values, problems = load_action(action, {"comment": texts.get(f"{action}-comment", "")})
    form = _form_with(action, texts, problems)
    if problems:
        return _approval_page(actor, chosen, form, ticked=ticked), 422
    of = request.form.get("letter", "")
    if is_id(of):
        return _approval_page(actor, chosen, form, ticked=ticked, letter_of=int(of))
    if not ticked:
        return _approval_page(actor, chosen, form, error=_("Choose at least one case")), 422
    try:
        result = act_on_cases(actor, action, ticked, values, is_as_seen=_is_as_displayed(actor))
    except StepUpRequired as error:
        return _approval_page(actor, chosen, form, ticked=ticked, needs_step_up=True), error.status
    if not result.refused:
        return _bulk_result(action, choice_label("case_action", action), result)
    _flash_done(action, result)
    refused = {case_id: problem_message(problem) for case_id, problem in result.refused}
    return _approval_page(actor, [each for each in chosen if each not in result.done], form, refused=refused)


def _is_as_displayed(actor: Actor) -> Callable[[Case], bool]:
    """Return the check of a locked case against the digest that the page sent for it."""

    def check(case: Case) -> bool:
        (item,) = show_cases(actor, [case], page_locale())
        return request.form.get(f"seen-{case.id}") == seen_tag(item, case.project_record.version)

    return check


def _approval_page(
    actor: Actor,
    chosen: Sequence[int],
    form: forms.Form,
    *,
    ticked: Sequence[int] = (),
    refused: Mapping[int, str] | None = None,
    letter_of: int | None = None,
    needs_step_up: bool = False,
    error: str | None = None,
) -> str:
    # First: it is rolled back, and so is what was read before.
    letter: Mapping[Language, Any] | None = None
    if letter_of is not None and letter_of in chosen:
        try:
            letter = preview_letter(actor, letter_of, ActionName.APPROVE, {})
        except RegistryError as problem:
            error = error_message(problem)
    cases = _cases_of(actor, chosen)
    items = [item for item in cases if item["status"] == Status.AWAITING_APPROVAL]
    projects = projects_numbered(actor, (item["project"] for item in items))
    same, others = compared_proposals([(item["proposal"], projects[item["project"]]) for item in items])
    return render_template(
        "cases/approval.html",
        items=items,
        projects=projects,
        same=same,
        others=others,
        tags={item["id"]: seen_tag(item, projects[item["project"]].version) for item in items},
        answers=queries.last_answers([item["id"] for item in items]),
        left_out=[item for item in cases if item not in items],
        ticked=ticked,
        refused=refused or {},
        letter=letter,
        letter_of=letter_of,
        fields=fields_of(actor, ActionName.APPROVE),
        form=form,
        needs_step_up=needs_step_up,
        error_text=error,
        place=list_pages.requested_list(),
    )


def compared_proposals(
    proposals: Sequence[tuple[Mapping[str, Any], Project]],
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return what all the proposals have in common, and of each what it has alone.

    In texts, what is filled in for each case counts as the same; the common ones have its placeholder instead.
    """
    general = [{name: _general(name, proposal, project) for name in COMPARED} for proposal, project in proposals]
    first = general[0] if general else {}
    same = {name: value for name, value in first.items() if all(each[name] == value for each in general)}
    alone = [
        {name: proposal[name] for name in COMPARED if name not in same and proposal[name]} for proposal, _ in proposals
    ]
    return {name: value for name, value in same.items() if value}, alone


def _general(name: str, proposal: Mapping[str, Any], project: Project) -> Any:
    value = proposal[name]
    if name not in decisions.TEXTS or not value:
        return value
    due_on = date.fromisoformat(proposal["due_on"]) if proposal["due_on"] else None
    for placeholder, text in placeholder_values(project, name[-2:], due_on).items():
        if len(text) >= MIN_NAME:
            value = value.replace(text, f"{{{placeholder}}}")
    return value
