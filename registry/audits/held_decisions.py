"""Decisions on held audits: a supervisor confirms one, which then applies its changes, or rejects it; with a reason."""

from __future__ import annotations

from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from registry.accounts.actors import Actor
from registry.accounts.roles import Permission
from registry.audits.exclusive_lock import exclusive_lock
from registry.audits.execution import execute_audit
from registry.audits.preparation import Preparation
from registry.audits.service import find_audit, require_not_before_last
from registry.changes.service import record_change
from registry.core import outbox
from registry.core.clock import now, rfc3339, today
from registry.core.database import db
from registry.core.errors import Conflict
from registry.flags.audit_runs import AUDIT_SUBJECT, AuditRun
from registry.freeze.current import policy_in_force
from registry.journal import service as journal


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
