"""Which past audits can be repeated, and the policy of an audit."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import select

from registry.audits.policy_texts import policy_of_digest
from registry.core.database import db
from registry.core.errors import Conflict
from registry.flags.audit_runs import AuditRun
from registry.freeze.current import policy_in_force
from registry.freeze.policy import Policy

NOT_FINISHED: Final = frozenset({"failed", "missed"})


class AuditNotRepeatable(Conflict):
    """The audit cannot be repeated; the subclass says why."""


class AuditNotFinished(AuditNotRepeatable):
    """The run is no finished audit: it runs, failed, or is a missed date."""


class AuditTooOld(AuditNotRepeatable):
    """The run is older than the records that repeating needs."""


class AuditPolicyMissing(AuditNotRepeatable):
    """The text of the run's policy is not stored."""


def policy_of_run(run: AuditRun) -> Policy:
    """Return the policy that the audit used. Raises AuditPolicyMissing."""
    policy = policy_of_digest(run.policy_digest)
    if policy is None and run.policy_digest == policy_in_force().digest:
        return policy_in_force()
    if policy is None:
        raise AuditPolicyMissing(id=run.id, version=run.policy_version)
    return policy


def run_known_at(at: datetime) -> AuditRun | None:
    """Return the audit that was the last good one at the moment, also when it was voided later."""
    good = (AuditRun.status.in_(("succeeded", "voided")), AuditRun.dry_run.is_(False), AuditRun.finished_at <= at)
    run: AuditRun | None = db.session.scalar(
        select(AuditRun).where(*good).order_by(AuditRun.finished_at.desc(), AuditRun.id.desc()).limit(1)
    )
    return run


def policy_known_at(at: datetime) -> Policy:
    """Return the policy of the last good audit at the moment; before the first audit the one in force now.

    Raises AuditPolicyMissing.
    """
    run = run_known_at(at)
    return policy_in_force() if run is None else policy_of_run(run)
