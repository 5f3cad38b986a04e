"""Audits by people: today's, dry runs of any date, decisions on held ones, and voiding one dated in the future."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select, update
from sqlalchemy.orm import Session

from registry.accounts.roles import Actor, Permission
from registry.accounts.same_person import is_another_person, require_still_may
from registry.approvals.service import require_person
from registry.audits.execution import execute_audit, new_run
from registry.audits.judgement import Judgement
from registry.audits.schedule import exclusive_lock
from registry.cases.models import CASE, Case, CaseEvent
from registry.cases.sync import WAITING_FOR_REVIEWER
from registry.changes.service import number_changes_by_hand
from registry.core.clock import national_calendar, now, rfc3339, today
from registry.core.database import db, require_transaction, transaction
from registry.core.dialects import is_among
from registry.core.errors import Conflict, Invalid, NotAllowed, NotFound, Problem, RegistryError
from registry.flags.former_flags import status_when_reopened
from registry.flags.freeze_status import update_freeze_status
from registry.flags.models import FLAGS, AuditRun, Flag, last_good_audit, lock_flags_for_audit
from registry.freeze.policy import Policy, policy_in_force
from registry.journal import service as journal
from registry.projects.models import STATUS


class AuditNotFound(NotFound):
    """No audit has this id."""


class AuditDateBeforeLast(Conflict):
    """An audit that is no dry run may not precede the last audited date, because the facts of that day are gone."""


def run_audit(
    actor: Actor, on: date | None = None, *, dry_run: bool = False, policy: Policy | None = None, full: bool = False
) -> AuditRun:
    """Audit every project on a date (default: today).

    The date lies between the last audited date and today. A dry run accepts any date and any policy. ``full``: judge
    also the projects of which nothing has changed since the last audit, as a dry run does.
    Raises RoleNotAllowed, Invalid (after today), AuditDateBeforeLast, AuditRunning.
    """
    if policy is not None and not dry_run:
        raise ValueError("another policy is tried in a dry run only")
    actor.require(Permission.AUDITS_RUN)
    day = on or today()
    if not dry_run and day > today():
        raise Invalid([Problem("/on", "audit-date-after-today", {"today": today().isoformat()})])
    # Nothing follows what somebody changed by hand before it has a number.
    number_changes_by_hand()
    run = new_run(actor, day, "manual", policy or policy_in_force(day), dry_run=dry_run)
    judged = Judgement(policy or policy_in_force(day), day, writes=not dry_run, full=full)
    try:
        with exclusive_lock(judged.read):
            if not dry_run:
                require_not_before_last(day)
            # Read again under the lock: a version may have been activated meanwhile.
            judged_by = policy or policy_in_force(day)
            run.policy_version, run.policy_digest = judged_by.version, judged_by.digest
            return execute_audit(actor, run, judged_by, check_threshold=True, judged=judged)
    except RegistryError:
        raise
    except Exception as error:
        failed = new_run(actor, day, "manual", policy or policy_in_force(day), dry_run=dry_run)
        failed.started_at = run.started_at
        save_failed_run(actor, failed, error)
        raise


def find_audit(actor: Actor, audit_id: int) -> AuditRun:
    """Return the audit. Raises RoleNotAllowed and AuditNotFound."""
    actor.require(Permission.AUDITS_READ)
    run = db.session.get(AuditRun, audit_id, populate_existing=True)
    if run is None:
        raise AuditNotFound(id=audit_id)
    return run


def save_failed_run(actor: Actor, run: AuditRun, error: BaseException) -> None:
    """Store the failure of a run that was rolled back. Journal only the first failure of a nightly audit."""
    is_first_failure = run.status != "failed" and not run.dry_run
    run.status, run.finished_at = "failed", now()
    run.failure = f"{type(error).__name__}: {error}"[:2000]
    with transaction() as session:
        session.add(run)
        session.flush()
        if is_first_failure:
            journal.record(actor, "audit.failed", f"audit:{run.id}", {"on": run.on.isoformat()})


def require_not_before_last(day: date) -> None:
    """Raise AuditDateBeforeLast for a day before the last audited date."""
    last = last_good_audit()
    if last is not None and day < last.on:
        raise AuditDateBeforeLast(on=day.isoformat(), last=last.on.isoformat())


# Decisions on held audits: a supervisor confirms one, which then applies its changes, or rejects it; with a reason.


class AuditNotHeld(Conflict):
    """Only a held audit can be confirmed or rejected, and only once."""


class NoAuditHeld(Conflict):
    """No audit of the date waits for a decision, so the change threshold stays in effect."""


def confirm_held_audit(actor: Actor, audit_id: int, reason: str) -> AuditRun:
    """Judge a held run's date again without the change threshold; its row becomes succeeded.

    Raises RoleNotAllowed, AuditNotFound, NeedsTwoPeople for programs and for a command where two people could act,
    AuditNotHeld, AuditDateBeforeLast, AuditRunning.
    """
    actor.require(Permission.AUDITS_CONFIRM)
    on = find_audit(actor, audit_id).on
    require_person(actor)
    number_changes_by_hand()
    judged = Judgement(policy_in_force(on), on)
    with exclusive_lock(judged.read) as session:
        run = _held(session, audit_id)
        require_not_before_last(run.on)
        run.confirmed_by = actor.principal
        policy = policy_in_force(run.on)
        run.policy_version, run.policy_digest = policy.version, policy.digest
        _decide(actor, run, "confirmed", reason)
        return execute_audit(actor, run, policy, check_threshold=False, judged=judged)


def reject_held_audit(actor: Actor, audit_id: int, reason: str) -> AuditRun:
    """End a held run without any change: its numbers come from a mistake. The next audit judges every project again.

    Raises RoleNotAllowed, AuditNotFound, AuditNotHeld, AuditRunning.
    """
    actor.require(Permission.AUDITS_CONFIRM)
    find_audit(actor, audit_id)
    with exclusive_lock() as session:
        run = _held(session, audit_id)
        run.status = "rejected"
        _decide(actor, run, "rejected", reason)
        return run


def latest_held(actor: Actor, on: date | None = None) -> int:
    """Return the id of the latest held audit, of a date or of any. Raises RoleNotAllowed and NoAuditHeld."""
    actor.require(Permission.AUDITS_CONFIRM)
    held = select(AuditRun.id).where(AuditRun.status == "held").order_by(AuditRun.id.desc()).limit(1)
    audit_id = db.session.scalar(held if on is None else held.where(AuditRun.on == on))
    if audit_id is None:
        raise NoAuditHeld(on=(on or today()).isoformat())
    return audit_id


def _held(session: Session, audit_id: int) -> AuditRun:
    statement = select(AuditRun).where(AuditRun.id == audit_id).execution_options(populate_existing=True)
    run = session.scalars(statement).one()
    if run.status != "held":
        raise AuditNotHeld(id=audit_id, status=run.status)
    return run


def _decide(actor: Actor, run: AuditRun, decision: str, reason: str) -> None:
    run.held_decision = {"decision": decision, "reason": reason, "by": actor.principal, "at": rfc3339(now())}
    journal.record(actor, f"audit.{decision}", f"audit:{run.id}", {"on": run.on.isoformat(), "reason": reason})


# Voiding an audit that a wrong clock dated in the future: it no longer counts as the last audited date.
#
# An operator and a supervisor void it together: one proposes, the other confirms. A command does it in one step only
# while the register has fewer than two people of oversight. The audit's changes to flags are undone (``reversal``);
# the next audit updates flags and cases.

# Reversal: undoes what a voided audit did to flags and to the deadlines of cases.
#
# Flags get their state from before the audit, so that no future date remains and the next audit compares with
# earlier facts. Cases keep their status: the next audit moves them to match their flags, and only people close them.


def reverse_flags(audit_id: int, day: date, at: datetime) -> dict[str, int]:
    """Clear the flags that the audit opened, dated ``day``, and reopen those that it cleared. Return the counts.

    A flag that people accepted since stays, from ``day`` on. The next audit restores changed values and severities.
    """
    opened = Flag.opened_by_audit == audit_id
    undecided = Flag.status.in_(("open", "exempt"))
    cleared = (Flag.cleared_by_audit == audit_id, Flag.opened_by_audit != audit_id)
    counts = {"flags_cleared": _count(opened, undecided), "flags_restored": _count(*cleared)}
    clear: dict[str, Any] = {"status": "cleared", "cleared_on": day, "cleared_by_audit": audit_id}
    reopen: dict[str, Any] = {"status": status_when_reopened(), "cleared_on": None, "cleared_by_audit": None}
    _update(Flag, opened, Flag.status == "accepted", opened_on=day, changed_at=at)
    _update(Flag, opened, undecided, **clear, opened_on=day, last_seen_on=None, changed_at=at)
    _update(Flag, *cleared, **reopen, last_seen_on=None, changed_at=at)
    return counts


def reverse_cases(audit_id: int, day: date, at: datetime) -> int:
    """Replace future dates of the cases that the audit opened or moved. Return the number of cases changed."""
    session = require_transaction()
    moved = Case.id.in_(select(CaseEvent.case_id).where(CaseEvent.by == f"audit:{audit_id}"))
    until = national_calendar().after(day, policy_in_force().deadlines.review)
    reviewed = Case.status.in_(WAITING_FOR_REVIEWER)
    late, future, exempt = Case.due_on > until, Case.opened_at > now(), Case.exempt_since > day
    changed = set(session.scalars(select(Case.id).where(moved, (reviewed & late) | future | exempt)))
    _update(Case, moved, reviewed, late, due_on=until)
    _update(Case, moved, future, opened_at=now())
    _update(Case, moved, exempt, exempt_since=day)
    _update(Case, Case.id.in_(changed), version=Case.version + 1, changed_at=at)
    return len(changed)


def _count(*conditions: ColumnElement[bool]) -> int:
    return require_transaction().scalar(select(func.count()).select_from(Flag).where(*conditions)) or 0


def _update(table: Any, *conditions: ColumnElement[bool], **values: Any) -> None:
    require_transaction().execute(
        update(table).where(*conditions).values(**values), execution_options={"synchronize_session": False}
    )


VOIDABLE = ("succeeded", "held")


class AuditNotVoidable(Conflict):
    """Only a succeeded or held audit dated after today, and not a dry run, can be voided."""


class AuditNotLatest(Conflict):
    """A later audit builds on this one and must be voided first."""


class VoidingNotProposed(Conflict):
    """Nobody has proposed to void the audit."""


class VoidingProposalChanged(Conflict):
    """The proposal has been replaced since it was read."""


class VoidingNeedsAPerson(NotAllowed):
    """A service account neither proposes nor confirms: an administrator has the tokens of all of them."""


class VoidingNeedsSecondPerson(NotAllowed):
    """An operator and a supervisor void an audit together; the person with the other role must confirm."""


def is_voidable(run: AuditRun) -> bool:
    """Return True when the audit can be voided, regardless of the actor."""
    return run.status in VOIDABLE and not run.dry_run and run.on > today()


def may_confirm_voiding(actor: Actor, run: AuditRun) -> bool:
    """Return True when the actor may confirm the proposal: another person in the other role."""
    proposal = run.voiding
    if proposal is None or not (actor.is_person and actor.may(Permission.AUDITS_VOID)):
        return False
    proposer = run.voiding_account_id or proposal["proposed_by"]
    return (
        is_another_person(actor, [proposer], datetime.fromisoformat(proposal["proposed_at"]))
        and actor.role.value != proposal["proposed_role"]
    )


def propose_voiding(actor: Actor, audit_id: int, reason: str) -> AuditRun:
    """Propose to void the audit. Replaces an earlier proposal.

    Raises RoleNotAllowed, VoidingNeedsAPerson, AuditNotFound, AuditNotVoidable, AuditNotLatest, AuditRunning.
    """
    _require_person(actor, audit_id)
    with exclusive_lock() as session:
        run = _voidable(session, audit_id)
        run.voiding, run.voiding_account_id = _proposal(actor, reason), actor.account_id
        journal.record(actor, "audit.voiding-proposed", f"audit:{run.id}", {"on": run.on.isoformat(), "reason": reason})
        return run


def confirm_voiding(actor: Actor, audit_id: int, proposed_at: str) -> AuditRun:
    """Void the audit as the second person. ``proposed_at`` identifies the proposal that this person has read.

    Raises RoleNotAllowed, VoidingNeedsAPerson, AuditNotFound, AuditNotVoidable, AuditNotLatest, VoidingNotProposed,
    VoidingNeedsSecondPerson, ProposerLostAccess, VoidingProposalChanged, AuditRunning.
    """
    _require_person(actor, audit_id)
    with exclusive_lock() as session:
        run = _voidable(session, audit_id)
        if run.voiding is None:
            raise VoidingNotProposed(id=run.id)
        if not may_confirm_voiding(actor, run):
            raise VoidingNeedsSecondPerson(id=run.id)
        require_still_may(run.voiding_account_id, run.voiding["proposed_by"], Permission.AUDITS_VOID)
        if run.voiding["proposed_at"] != proposed_at:
            raise VoidingProposalChanged(id=run.id, proposed_by=run.voiding["proposed_by"])
        return _void(actor, run, run.voiding)


def void_audit(actor: Actor, audit_id: int, reason: str) -> AuditRun:
    """Void the audit in one step, for a command while the register has fewer than two people of oversight.

    Raises RoleNotAllowed, NeedsTwoPeople, AuditNotFound, AuditNotVoidable, AuditNotLatest, AuditRunning.
    """
    actor.require(Permission.AUDITS_VOID)
    find_audit(actor, audit_id)
    require_person(actor)
    with exclusive_lock() as session:
        return _void(actor, _voidable(session, audit_id), _proposal(actor, reason))


def _require_person(actor: Actor, audit_id: int) -> None:
    actor.require(Permission.AUDITS_VOID)
    find_audit(actor, audit_id)
    if not actor.is_person:
        raise VoidingNeedsAPerson(id=audit_id)


def _proposal(actor: Actor, reason: str) -> dict[str, Any]:
    return {
        "reason": reason,
        "proposed_by": actor.principal,
        "proposed_role": actor.role.value,
        "proposed_at": rfc3339(now()),
        "confirmed_by": None,
        "confirmed_at": None,
    }


def _voidable(session: Session, audit_id: int) -> AuditRun:
    statement = select(AuditRun).where(AuditRun.id == audit_id).execution_options(populate_existing=True)
    run = session.scalars(statement).one()
    if not is_voidable(run):
        raise AuditNotVoidable(id=run.id, status=run.status, on=run.on.isoformat())
    last = last_good_audit()
    if run.status == "succeeded" and last is not None and last.id != run.id:
        raise AuditNotLatest(id=run.id, last=last.id)
    return run


def _void(actor: Actor, run: AuditRun, proposal: dict[str, Any]) -> AuditRun:
    session = require_transaction()
    lock_flags_for_audit()
    day, at = today(), now()
    last_flags = FLAGS.c.opened_by_audit == run.id, FLAGS.c.cleared_by_audit == run.id
    flagged = set(session.scalars(select(FLAGS.c.project_id).where(or_(*last_flags))))
    counts = {**reverse_flags(run.id, day, at), "cases_corrected": reverse_cases(run.id, day, at)}
    for table in (STATUS, FLAGS, CASE):
        # What the wrong clock dated.
        session.execute(update(table).where(table.c.changed_at > at).values(changed_at=at))
    run.status, run.scheduled_for = "voided", None
    run.voiding = {**proposal, "confirmed_by": actor.principal, "confirmed_at": rfc3339(now())}
    session.flush()
    before = last_good_audit()
    judged = 0 if before is None else before.judged_up_to
    unaudited_again = STATUS.c.project_id.between(judged + 1, run.judged_up_to)
    for some in (is_among(STATUS.c.project_id, flagged), unaudited_again):
        update_freeze_status(at, some)
    counts["missed_voided"] = _void_missed(session, run.voiding)
    journal_entry = {
        "on": run.on.isoformat(),
        "reason": proposal["reason"],
        "proposed_by": proposal["proposed_by"],
        **counts,
    }
    journal.record(actor, "audit.voided", f"audit:{run.id}", journal_entry)
    return run


def _void_missed(session: Session, voiding: dict[str, Any]) -> int:
    """Void the missed dates from today on, which are still to come. Earlier dates were really missed."""
    listed = list(session.scalars(select(AuditRun.id).where(AuditRun.status == "missed", AuditRun.on >= today())))
    session.execute(
        update(AuditRun)
        .where(AuditRun.status == "missed", AuditRun.on >= today())
        .values(status="voided", scheduled_for=None, voiding=voiding),
        execution_options={"synchronize_session": False},
    )
    return len(listed)
