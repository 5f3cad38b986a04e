"""Which past audits can be repeated, and the policy of an audit."""

from __future__ import annotations

from datetime import date, datetime
from typing import Final

from sqlalchemy import and_, or_, select

from registry.audits.policy_texts import policy_of_digest
from registry.core.clock import local_date, rfc3339
from registry.core.database import db
from registry.core.errors import Conflict
from registry.flags.audit_runs import AuditRun
from registry.freeze.current import first_policy, policy_in_force
from registry.freeze.policy import Policy
from registry.policies.queries import version_known_at

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


def require_repeatable(run: AuditRun) -> Policy:
    """Return the policy that the audit used. Raises AuditNotFinished, AuditTooOld and AuditPolicyMissing."""
    if run.status in NOT_FINISHED or run.input_digest is None:
        raise AuditNotFinished(id=run.id, status=run.status)
    if run.known_at is None:
        raise AuditTooOld(id=run.id)
    return policy_of_run(run)


def run_known_at(at: datetime, until: date | None = None) -> AuditRun | None:
    """Return the audit that was the last good one at the moment, also when it was voided later.

    ``until``: of those that judged this day or an earlier one.
    """
    voided_later = and_(AuditRun.status == "voided", AuditRun.voiding["confirmed_at"].as_string() > rfc3339(at))
    good = (or_(AuditRun.status == "succeeded", voided_later), AuditRun.dry_run.is_(False), AuditRun.finished_at <= at)
    of_days = () if until is None else (AuditRun.on <= until,)
    run: AuditRun | None = db.session.scalar(
        select(AuditRun).where(*good, *of_days).order_by(AuditRun.finished_at.desc(), AuditRun.id.desc()).limit(1)
    )
    return run


def policy_known_at(at: datetime, on: date | None = None) -> Policy:
    """Return the policy in force on a day (default: that of ``at``) by what was known at the moment.

    It is the last version for that day or an earlier one that had been activated. Before the first one it is the policy
    file, as the last good audit of that day or an earlier one used it; without one, as it is now. Raises
    AuditPolicyMissing.
    """
    day = local_date(at) if on is None else on
    version = version_known_at(at, day)
    if version is not None:
        return version
    run = run_known_at(at, day)
    return first_policy() if run is None else policy_of_run(run)
