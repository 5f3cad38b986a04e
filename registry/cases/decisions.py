"""Decisions: proposal, approval by a second person, appeal, and their effects on flags and orders."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import exists, func, select

from registry.accounts.roles import Actor
from registry.cases import transitions
from registry.cases.models import CASE, Appeal, Case, CaseDecision, Order
from registry.cases.queries import find_case_to_change
from registry.cases.service import decision_in_effect, end_appeal, end_orders, end_proposal
from registry.cases.vocabulary import ActionName, AppealOutcome, DecisionKind, Status
from registry.cases.workflow import ACCEPTING, NEEDS_DUE_ON, ORDERING, STAGES
from registry.core.clock import local_date, national_calendar, now, rfc3339, today
from registry.core.database import db, require_transaction, transaction
from registry.core.dialects import is_among
from registry.core.errors import Conflict, Invalid, Problem
from registry.core.translations import OFFICIAL_LANGUAGES, Language
from registry.flags.freeze_status import update_freeze_status
from registry.flags.models import FLAGS, IS_ACTIVE, Flag
from registry.freeze.dates import format_deadline
from registry.freeze.policy import policy_in_force
from registry.freeze.vocabulary import Placement, Translate
from registry.projects.edits import OF_OBJECT, object_digest
from registry.projects.models import PROJECT, STATUS
from registry.projects.visibility import require_not_withdrawn
from registry.signatures.service import ActToSign, SignedAct, attach

# Texts of decisions in Kazakh and Russian, beside the one text that clients of one language send and read.

# The texts of a decision that its agency reads.
BILINGUAL: Final = ("reason", "legal_basis")
TEXTS: Final = tuple(f"{name}_{language}" for name in BILINGUAL for language in OFFICIAL_LANGUAGES)
# Letters of the Kazakh alphabet that the Russian one lacks. The Cyrillic і is Belarusian and Ukrainian too; neither
# is an official language here.
KAZAKH_LETTERS: Final = frozenset("ӘәҒғҚқҢңӨөҰұҮүҺһІі")


def language_of(text: str) -> Language:
    """Return ``kk`` for a text with a letter that only Kazakh has, else ``ru``."""
    return "kk" if KAZAKH_LETTERS.intersection(text) else "ru"


def with_both_languages(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values with each text under its language, and the text without a language for those who read that.

    A text without a language goes to ``language``, or else to the language that it is recognised as; where that
    language has a text of its own, it stays as it is. Without one it is the Kazakh text, or the Russian one.
    """
    completed = dict(values)
    for name in BILINGUAL:
        given = values.get(name)
        if given is not None and not any(values.get(f"{name}_{language}") for language in OFFICIAL_LANGUAGES):
            completed[f"{name}_{values.get('language') or language_of(given)}"] = given
        if given is None:
            texts = (values.get(f"{name}_{language}") for language in OFFICIAL_LANGUAGES)
            completed[name] = next((text for text in texts if text), None)
    return completed


def contradictions(values: Mapping[str, Any]) -> list[Problem]:
    """Return a problem for each text without a language that differs from the texts with one."""
    problems = []
    for name in BILINGUAL:
        in_languages = [other for language in OFFICIAL_LANGUAGES if values.get(other := f"{name}_{language}")]
        text = values.get(name)
        if text is not None and in_languages and text not in [values[other] for other in in_languages]:
            problems.append(Problem(f"/{name}", "text-differs", {"other": in_languages[0]}))
    return problems


def order_steps(decision: str, due_on: date | None, language: str, _: Translate) -> list[str]:
    """Return the steps by which an agency carries out an order, for its letter and the page."""
    deadline = {"deadline": "" if due_on is None else format_deadline(due_on, language)}
    if decision == DecisionKind.MIGRATE_BY:
        return [
            _("Move the object to QazTech %(deadline)s.") % deadline,
            _("Then change the facts in the register: the hosting to “%(placement)s”, and the key on QazTech.")
            % {"placement": _(Placement.ON_PLATFORM.label)},
            _(
                "Add a comment to the case and ask for the placement to be confirmed. The order counts as carried out "
                "when it is confirmed."
            ),
        ]
    return [
        _("Stop the work %(deadline)s.") % deadline if due_on else _("Take the object out of use and write it off."),
        _("Then change the facts in the register: the stage to “%(stage)s”, and the date on which it ended.")
        % {"stage": _(STAGES[decision].label)},
        _("Add the act to the documents of the project."),
        _(
            "Add a comment to the case and ask for the ending to be confirmed. The order counts as carried out when it "
            "is confirmed."
        ),
    ]


# In ``seen`` of a proposal, beside the ids of flags: which object the proposer saw.
OBJECT: Final = "object"


class ProposalOutOfDate(Conflict):
    """The findings, the object or the date changed since the proposal was made; it must be returned, and made again."""


class OrderInOneLanguage(Conflict):
    """A proposal of an earlier version lacks a text in one of the two languages in which an order goes out."""


def propose(
    actor: Actor, case: Case, values: Mapping[str, Any], *, signed: SignedAct | None = None, is_preview: bool = False
) -> Case:
    """Propose a decision from validated values: ``decision``, ``reason_code``, ``due_on``, ``comment``, and the reason
    and the legal basis in Kazakh, in Russian or in both, or as ``reason`` and ``legal_basis`` in ``language``.

    Raises Invalid, the errors of ``authorize`` and of ``attach``. A preview of an order needs no signature.
    """
    step = transitions.authorize(actor, case, "propose")
    problems = proposal_problems(values)
    if problems:
        raise Invalid(problems)
    to_sign = act_to_sign(case, ActionName.PROPOSE, values)
    attach(actor, to_sign, signed, required=not is_preview and _must_be_signed(values["decision"]))
    values = with_both_languages(values)
    case.decisions.append(
        CaseDecision(
            **{name: values.get(name) for name in DECIDED},
            comment=values.get("comment"),
            seen=to_sign.values["seen"],
            proposed_by=actor.principal,
            proposed_account_id=actor.account_id,
            proposed_at=now(),
        )
    )
    return transitions.apply(step, values.get("comment"), details=_journal_details(values))


def approve(
    actor: Actor, case: Case, comment: str | None = None, *, signed: SignedAct | None = None, is_preview: bool = False
) -> Case:
    """Approve the waiting proposal.

    ``no_breach`` and ``transitional_accepted`` accept the case's flags with the values that the proposer saw, and close
    the case. The other decisions become orders, and flags that an earlier decision accepted are open again.

    Raises DecisionNeedsAnotherPerson for the proposer, ProposalOutOfDate, OrderInOneLanguage, and the errors of
    ``authorize`` and of ``attach``. A preview of an order needs no signature.
    """
    step = transitions.authorize(actor, case, "approve")
    proposal = step.proposal
    if proposal is None:
        raise RuntimeError(f"case {case.id} awaits the approval of nothing")
    if proposal.due_on is not None and proposal.due_on < today():
        raise ProposalOutOfDate(case=case.id)
    if proposal.decision in ORDERING and _missing_texts({name: getattr(proposal, name) for name in TEXTS}):
        raise OrderInOneLanguage(case=case.id)
    to_sign = act_to_sign(case, ActionName.APPROVE, {"comment": comment})
    attach(actor, to_sign, signed, required=not is_preview and _must_be_signed(proposal.decision))
    accepts = proposal.decision in ACCEPTING
    # Before anything of it changes.
    appeal_until, appeal_outcome = appeal_terms(case, proposal)
    restated = {"flags_accepted": _accept_flags(case, proposal)} if accepts else {"flags_opened": _open_flags(case)}
    update_freeze_status(now(), STATUS.c.project_id == case.project_id)
    earlier = decision_in_effect(case)
    if earlier is not None:
        earlier.ended_because = "replaced"
    end_orders(case.project_id, "replaced")
    timestamp = now()
    # Before the outcome, after which the database lets nothing of the decision change.
    if not accepts:
        order = Order(
            project_id=case.project_id,
            decision=proposal.decision,
            due_on=proposal.due_on,
            approved_at=timestamp,
            approved_by=actor.principal,
        )
        db.session.add(order)
        db.session.flush()
        proposal.order_id = order.id
    proposal.decide("approved", actor)
    journal_entry = _journal_details({name: getattr(proposal, name) for name in DECIDED}) | {
        "proposed_by": proposal.proposed_by
    }
    proposal.appeal_until = appeal_until
    if appeal_outcome is not None:
        end_appeal(case, appeal_outcome, proposal)
        journal_entry["appeal_outcome"] = appeal_outcome.value
    journal_entry |= {name: rules for name, rules in restated.items() if rules}
    return transitions.apply(
        step, comment, details=journal_entry, decision=proposal.decision, ordered_until=proposal.due_on
    )


def appeal_terms(case: Case, proposal: CaseDecision) -> tuple[date | None, AppealOutcome | None]:
    """Return the last day to appeal a decision that is approved today, and what it makes of the open appeal.

    After the decision on an appeal, the agency's way is the court, until an audit finds something else.
    """
    appealed, on_appeal = transitions.appealed_decision(case), transitions.order_on_appeal(case)
    if appealed is not None and on_appeal is None:
        return None, outcome_of_appeal(case, appealed, proposal)
    if on_appeal is None or _findings(on_appeal) != _findings(proposal):
        return national_calendar().after(today(), policy_in_force().deadlines.appeal), None
    return None, None


DECIDED = ("decision", "reason_code", *BILINGUAL, *TEXTS, "due_on")


def _missing_texts(values: Mapping[str, Any]) -> list[str]:
    return [name for name in TEXTS if not values.get(name)]


def proposal_problems(values: Mapping[str, Any]) -> list[Problem]:
    """Validate the fields of a proposal against each other; each field is already valid by its type."""
    given = with_both_languages(values)
    problems = [Problem(f"/{name}", "required") for name in ("decision", *BILINGUAL) if given.get(name) is None]
    problems += contradictions(values)
    decision, due_on, code = values.get("decision"), values.get("due_on"), values.get("reason_code")
    if decision is None:
        return problems
    if decision == "no_breach" and code is None:
        problems.append(Problem("/reason_code", "required"))
    if decision != "no_breach" and code is not None:
        problems.append(Problem("/reason_code", "not-with-this-decision", {"decision": decision}))
    if decision in NEEDS_DUE_ON and due_on is None:
        problems.append(Problem("/due_on", "required"))
    if decision in ACCEPTING and due_on is not None:
        problems.append(Problem("/due_on", "not-with-this-decision", {"decision": decision}))
    elif due_on is not None and due_on < today():
        problems.append(Problem("/due_on", "date-before-today", {"today": today().isoformat()}))
    if decision in ORDERING and not problems:
        problems = [Problem(f"/{name}", "order-in-both-languages") for name in _missing_texts(given)]
    return problems


def _accept_flags(case: Case, proposal: CaseDecision) -> list[str]:
    """Accept the active flags as the proposer saw them. Return the rules of the flags that were open."""
    flags = _active_flags(case)
    # An audit between proposal and approval may have changed the findings, and nobody reviewed the new ones.
    is_changed = any(proposal.seen.get(str(flag.id)) != flag.fingerprint for flag in flags)
    # Proposals of earlier versions know no object.
    if is_changed or proposal.seen.get(OBJECT, digest := _object_digest(case)) != digest:
        raise ProposalOutOfDate(case=case.id)
    opened = [flag.rule for flag in flags if flag.status == "open"]
    for flag in flags:
        flag.accepted_fingerprint = flag.fingerprint
        if flag.status != "exempt":
            flag.status = "accepted"
    _mark(flags)
    return opened


def _findings(decision: CaseDecision) -> dict[str, str]:
    return {name: value for name, value in decision.seen.items() if name != OBJECT}


def _object_digest(case: Case) -> str:
    """Of the case's project, locked: nobody makes another object of it until the commit."""
    columns = [PROJECT.c[name] for name in OF_OBJECT]
    project = select(*columns).where(PROJECT.c.id == case.project_id).with_for_update()
    return object_digest(require_transaction().execute(project).mappings().one())


def accepted_since(ids: Collection[int]) -> dict[int, datetime]:
    """Return when the last acceptance was proposed, of those of the projects that have accepted flags."""
    accepted = exists().where(
        FLAGS.c.project_id == Case.project_id, IS_ACTIVE, FLAGS.c.accepted_fingerprint == FLAGS.c.fingerprint
    )
    proposed = (
        select(Case.project_id, func.max(CaseDecision.proposed_at).label("at"))
        .join(Case, Case.id == CaseDecision.case_id)
        .where(is_among(CASE.c.project_id, ids), CaseDecision.decision.in_(sorted(ACCEPTING)))
        .where(CaseDecision.outcome == "approved", accepted)
        .group_by(Case.project_id)
    )
    return {row.project_id: row.at for row in db.session.execute(proposed)}


def _open_flags(case: Case) -> list[str]:
    """Reopen the accepted flags: after an order, flags stay open until an audit finds that the facts changed.

    Return the rules of the flags that were accepted.
    """
    flags = _active_flags(case)
    accepted = [flag for flag in flags if flag.status == "accepted"]
    for flag in flags:
        flag.accepted_fingerprint = None
    for flag in accepted:
        flag.status = "open"
    _mark(flags)
    return [flag.rule for flag in accepted]


def _mark(flags: Sequence[Flag]) -> None:
    for flag in flags:
        flag.changed_at = now()
    db.session.flush()


def _active_flags(case: Case) -> list[Flag]:
    """Return the active flags of the case's project. The caller holds the flag lock."""
    statement = select(Flag).where(Flag.project_id == case.project_id, Flag.status != "cleared").order_by(Flag.id)
    return list(db.session.scalars(statement.execution_options(populate_existing=True)))


def _journal_details(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: value.isoformat() if isinstance(value, date) else value
        for name in DECIDED
        if (value := values.get(name)) is not None
    }


# What a person signs who signs an action electronically: what it does, and what the person saw.

SIGNABLE: Final = (ActionName.PROPOSE, ActionName.APPROVE, ActionName.APPEAL)


def act_to_sign(case: Case, action: str, values: Mapping[str, Any]) -> ActToSign:
    """Return what a proposal, an approval or an appeal is about, before it, from the locked case and the values.

    Whoever approves signs the proposal as it is stored, and not its number alone.
    """
    return ActToSign(f"case.{action}", f"case:{case.id}", _signed_values(case, action, values))


def read_act_to_sign(actor: Actor, case_id: int, action: str, values: Mapping[str, Any]) -> ActToSign:
    """Return the same of an action that could be taken now. Raises CaseNotFound, Invalid and the errors of
    ``authorize``.
    """
    with transaction():
        case = find_case_to_change(actor, case_id)
        transitions.authorize(actor, case, action)
        if action == ActionName.PROPOSE and (problems := proposal_problems(values)):
            raise Invalid(problems)
        return act_to_sign(case, action, values)


def _must_be_signed(decision: str) -> bool:
    return decision in ORDERING and "orders" in policy_in_force().signed


def _signed_values(case: Case, action: str, values: Mapping[str, Any]) -> dict[str, Any]:
    about: dict[str, Any] = {"project": case.project_record.number}
    if values.get("comment") is not None:
        about["comment"] = values["comment"]
    proposal = transitions.waiting_proposal(case)
    if action == ActionName.PROPOSE:
        return about | {"decision": _journal_details(with_both_languages(values)), "seen": _seen(case)}
    if action == ActionName.APPROVE and proposal is not None:
        return about | {
            "decision": _journal_details({name: getattr(proposal, name) for name in DECIDED}),
            "seen": proposal.seen,
            "proposed": {"id": proposal.id, "by": proposal.proposed_by, "at": rfc3339(proposal.proposed_at)},
        }
    if action == ActionName.APPEAL and (appealed := decision_in_effect(case)) is not None:
        return about | {
            "decision": _journal_details({name: getattr(appealed, name) for name in DECIDED}),
            "proposed": {"id": appealed.id, "by": appealed.proposed_by, "at": rfc3339(appealed.proposed_at)},
        }
    return about


def _seen(case: Case) -> dict[str, str]:
    return {OBJECT: _object_digest(case)} | {str(flag.id): flag.fingerprint for flag in _active_flags(case)}


# Appeals: which decision an agency can appeal, until when, and what an appeal ends.


class NothingToAppeal(Conflict):
    """No decision on the case is in effect."""


class AppealPending(Conflict):
    """The decision is appealed already, and there is no new one yet."""


class AppealDecided(Conflict):
    """The decision is the one on an appeal: the next instance is the court."""


class AppealTooLate(Conflict):
    """The appeal period is over."""


class AnotherCaseOpen(Conflict):
    """A later case of the project is open; the agency raises its objection there."""


def appeal(actor: Actor, case: Case, comment: str | None = None, *, signed: SignedAct | None = None) -> Case:
    """Appeal the decision in effect, within the policy's working days, once.

    The case is in the queue again, for people who neither proposed nor approved the decision; a waiting proposal or
    question is withdrawn. Whether the appeal suspends the decision is a value of the policy: then its order ends, or
    the flags that it accepted are open again; else it stays in force until another decision replaces it.

    Raises ProjectWithdrawn, NothingToAppeal, AppealPending, AppealDecided, AppealTooLate, AnotherCaseOpen, and the
    errors of ``authorize`` and of ``attach``.
    """
    step = transitions.authorize(actor, case, "appeal")
    require_not_withdrawn(case.project_record)
    decision = _to_appeal(case)
    attach(actor, act_to_sign(case, ActionName.APPEAL, {"comment": comment}), signed)
    end_proposal(step.proposal, "withdrawn", actor)
    suspends = policy_in_force().appeal_suspends
    if suspends:
        end_orders(case.project_id, "appealed")
        decision.ended_because = "appealed"
        if decision.decision in ACCEPTING:
            _open_flags(case)
            update_freeze_status(now(), STATUS.c.project_id == case.project_id)
    case.assign_to(None, None)
    if case.status != Status.NEW:
        # The time for the decision on the appeal begins, also when a second review was under way.
        case.due_on = case.review_days_left = None
    transitions.apply(step, comment)
    case.appeals.append(
        Appeal(
            decision_id=decision.id,
            event_id=case.events[-1].id,
            appealed_at=now(),
            appealed_by=actor.principal,
            suspends=suspends,
        )
    )
    db.session.flush()
    return case


def can_be_appealed(case: Case) -> bool:
    """Return True when the case has a decision that its agency may appeal now."""
    try:
        require_not_withdrawn(case.project_record)
        _to_appeal(case)
    except Conflict:
        return False
    return True


def outcome_of_appeal(case: Case, appealed: CaseDecision, new: CaseDecision) -> AppealOutcome:
    """Return what a new decision makes of the appealed one.

    It is upheld by the same decision with the same date, or, when the appeal had suspended it, with one that is later
    by at most the days of the suspension.
    """
    if new.decision in ACCEPTING and appealed.decision not in ACCEPTING:
        return AppealOutcome.REVOKED
    if new.decision != appealed.decision:
        return AppealOutcome.CHANGED
    if new.due_on == appealed.due_on:
        return AppealOutcome.UPHELD
    made = transitions.newest_appeal(case)
    if made is None or not made.suspends or new.due_on is None or appealed.due_on is None:
        return AppealOutcome.CHANGED
    suspended = today() - local_date(made.appealed_at)
    is_upheld = appealed.due_on < new.due_on <= appealed.due_on + suspended
    return AppealOutcome.UPHELD if is_upheld else AppealOutcome.CHANGED


def _to_appeal(case: Case) -> CaseDecision:
    made = transitions.newest_appeal(case)
    if made is not None and made.outcome is None:
        raise AppealPending(case=case.id)
    decision = decision_in_effect(case)
    if decision is None:
        raise NothingToAppeal(case=case.id)
    if decision.appeal_until is None:
        raise AppealDecided(case=case.id)
    if today() > decision.appeal_until:
        raise AppealTooLate(case=case.id, until=decision.appeal_until.isoformat())
    other = select(Case.id).where(
        Case.project_id == case.project_id, Case.id != case.id, Case.status != Status.CLOSED.value
    )
    open_already = db.session.scalar(other)
    if open_already is not None:
        raise AnotherCaseOpen(case=case.id, other=open_already)
    return decision
