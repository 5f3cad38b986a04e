"""Audits started by people: today's, and dry runs of any date."""

from __future__ import annotations

from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from registry.accounts.actors import Actor
from registry.accounts.roles import Permission
from registry.audits.execution import execute_audit, new_run
from registry.audits.judgement import Preparation
from registry.audits.schedule import exclusive_lock
from registry.changes.service import record_added, record_change
from registry.core import outbox
from registry.core.clock import now, rfc3339, today
from registry.core.database import db
from registry.core.errors import Conflict, Invalid, NotFound, Problem, RegistryError
from registry.core.transactions import transaction
from registry.flags.models import AUDIT_SUBJECT, AuditRun, last_good_audit
from registry.freeze.current import policy_in_force
from registry.freeze.policy import Policy
from registry.journal import service as journal


class AuditNotFound(NotFound):
    """No audit has this id."""


class AuditDateBeforeLast(Conflict):
    """An audit that is no dry run may not precede the last audited date, because the facts of that day are gone."""


def run_audit(
    actor: Actor,
    on: date | None = None,
    *,
    dry_run: bool = False,
    policy: Policy | None = None,
) -> AuditRun:
    """Audit every project on a date (default: today).

    The date lies between the last audited date and today. A dry run accepts any date and any policy.
    Raises RoleNotAllowed, Invalid (after today), AuditDateBeforeLast, AuditRunning.
    """
    if policy is not None and not dry_run:
        raise ValueError("another policy is tried in a dry run only")
    actor.require(Permission.AUDITS_RUN)
    day = on or today()
    if not dry_run and day > today():
        raise Invalid([Problem("/on", "audit-date-after-today", {"today": today().isoformat()})])
    run = new_run(actor, day, "manual", policy or policy_in_force(day), dry_run=dry_run)
    prepared = Preparation(policy or policy_in_force(day), day, writes=not dry_run)
    try:
        with exclusive_lock(prepared.read):
            if not dry_run:
                require_not_before_last(day)
            # Read again under the lock: a version may have been activated meanwhile.
            judged_by = policy or policy_in_force(day)
            run.policy_version, run.policy_digest = judged_by.version, judged_by.digest
            return execute_audit(actor, run, judged_by, check_threshold=True, prepared=prepared)
    except RegistryError:
        raise
    except Exception as error:
        failed = new_run(actor, day, "manual", policy or policy_in_force(day), dry_run=dry_run)
        failed.started_at = run.started_at
        save_failed_run(failed, error)
        raise


def find_audit(actor: Actor, audit_id: int) -> AuditRun:
    """Return the audit. Raises RoleNotAllowed and AuditNotFound."""
    actor.require(Permission.AUDITS_READ)
    run = db.session.get(AuditRun, audit_id, populate_existing=True)
    if run is None:
        raise AuditNotFound(id=audit_id)
    return run


def save_failed_run(run: AuditRun, error: BaseException) -> None:
    """Store the failure of a run that was rolled back. Notify only of the first failure of a nightly audit."""
    is_first_failure = run.status != "failed" and not run.dry_run
    before = run.status
    run.status, run.finished_at = "failed", now()
    run.failure = f"{type(error).__name__}: {error}"[:2000]
    with transaction() as session:
        if run.id is not None and not run.dry_run:
            record_change(AUDIT_SUBJECT, run.id, before)
        session.add(run)
        session.flush()
        if not run.dry_run:
            record_added(AUDIT_SUBJECT, run.id)
        if is_first_failure:
            outbox.enqueue("audit.failed", {"audit": run.id})


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

    Raises RoleNotAllowed, AuditNotFound, AuditNotHeld, AuditDateBeforeLast, AuditRunning.
    """
    actor.require(Permission.AUDITS_CONFIRM)
    on = find_audit(actor, audit_id).on
    prepared = Preparation(policy_in_force(on), on)
    with exclusive_lock(prepared.read) as session:
        run = _held(session, audit_id)
        require_not_before_last(run.on)
        run.confirmed_by = actor.principal
        policy = policy_in_force(run.on)
        run.policy_version, run.policy_digest = policy.version, policy.digest
        _decide(actor, run, "confirmed", reason)
        return execute_audit(actor, run, policy, check_threshold=False, prepared=prepared)


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
    record_change(AUDIT_SUBJECT, run.id, "held")
    run.held_decision = {"decision": decision, "reason": reason, "by": actor.principal, "at": rfc3339(now())}
    journal.record(actor, f"audit.{decision}", f"audit:{run.id}", {"on": run.on.isoformat(), "reason": reason})
    outbox.enqueue(f"audit.{decision}", {"audit": run.id, "by": actor.principal})
