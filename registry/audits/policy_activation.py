"""Activation of a draft of the policy by another supervisor, with exactly the impact that was shown; taking it back."""

from __future__ import annotations

from datetime import date

from sqlalchemy import select

from registry.accounts.actors import Actor
from registry.accounts.roles import Permission
from registry.accounts.same_person import ProposerLostAccess, is_another_person, may_still, nobody_answers_for
from registry.audits.exclusive_lock import exclusive_lock
from registry.audits.policy_impact import calculate_impact
from registry.core import outbox
from registry.core.clock import now, today
from registry.core.errors import Conflict, Invalid, NotAllowed, Problem
from registry.flags.lock import lock_flags_for_audit
from registry.freeze.current import first_policy
from registry.journal import service as journal
from registry.policies.models import PolicyVersion
from registry.policies.queries import find_policy, forget_activated_versions, parsed
from registry.policies.service import lock_draft, lock_version
from registry.policies.settings import failing, text_in_force_from

MAX_NAMES = 5
# Topics of the outbox.
ACTIVATED = "policy.activated"
WITHDRAWN = "policy.activation-withdrawn"


class PolicyActivationNeedsAPerson(NotAllowed):
    """A service account activates no policy."""


class PolicyActivationNeedsAnotherPerson(NotAllowed):
    """Whoever wrote the draft does not activate it."""


class PolicyVerdictCasesFail(Conflict):
    """Expected verdicts of the draft do not hold."""


class PolicyImpactChanged(Conflict):
    """The facts have moved, or the draft or the day has changed, since the impact was shown."""


class PolicyDateTaken(Conflict):
    """Another version is in force from that day."""


class PolicyNotScheduled(Conflict):
    """The version is not one that was activated for a later day."""


def activate_policy(actor: Actor, version: str, impact_digest: str, on: date) -> PolicyVersion:
    """Put a draft in force from a day, today or later. The first audit by it compares its changes with the impact.

    Raises RoleNotAllowed, PolicyNotFound, Invalid (before today), PolicyActivationNeedsAPerson,
    PolicyActivationNeedsAnotherPerson, ProposerLostAccess, PolicyNotDraft, PolicyDateTaken, PolicyVerdictCasesFail,
    PolicyImpactChanged and AuditRunning.
    """
    actor.require(Permission.POLICIES_ACTIVATE)
    if on < today():
        raise Invalid([Problem("/on", "date-before-today", {"today": today().isoformat()})])
    with exclusive_lock() as session:
        lock_flags_for_audit()
        draft = lock_draft(version)
        _require_another_person(actor, draft)
        other = session.scalar(select(PolicyVersion.version).where(PolicyVersion.in_force_from == on))
        if other is not None:
            raise PolicyDateTaken(other=other, on=on.isoformat())
        policy = parsed(draft.text)
        wrong = failing(draft.verdict_cases, policy)
        if wrong:
            names = ", ".join(wrong[:MAX_NAMES]) + (", …" if len(wrong) > MAX_NAMES else "")
            raise PolicyVerdictCasesFail(version=version, count=len(wrong), names=names)
        impact = calculate_impact(policy, today())
        if impact.digest != impact_digest:
            # Without the new digest: whoever activates has to read the impact that shows it.
            raise PolicyImpactChanged(version=version)
        draft.text = text_in_force_from(policy, on)
        draft.digest = parsed(draft.text).digest
        draft.in_force_from, draft.activated_by, draft.activated_at = on, actor.principal, now()
        draft.impact_digest, draft.promise = impact.digest, impact.promise
        draft.revision += 1
        session.flush()
        forget_activated_versions()
        details = {"on": on.isoformat(), "digest": draft.digest, "impact_digest": impact.digest}
        journal.record(actor, "policy.activated", f"policy:{version}", details)
        outbox.enqueue(ACTIVATED, {"version": version, "by": actor.principal})
    return draft


def withdraw_activation(actor: Actor, version: str) -> PolicyVersion:
    """Take back an activation before its day, as a supervisor: the version is a draft again, no audit has used it.

    Raises RoleNotAllowed, PolicyNotFound, PolicyActivationNeedsAPerson, PolicyNotScheduled and AuditRunning.
    """
    actor.require(Permission.POLICIES_ACTIVATE)
    with exclusive_lock() as session:
        find_policy(actor, version)
        if version == first_policy().version:
            raise PolicyNotScheduled(version=version)
        scheduled = lock_version(version)
        _require_a_person(actor, version)
        on = scheduled.in_force_from
        if on is None or on <= today():
            raise PolicyNotScheduled(version=version)
        scheduled.in_force_from = scheduled.activated_by = scheduled.activated_at = None
        scheduled.impact_digest = scheduled.promise = None
        scheduled.revision += 1
        session.flush()
        forget_activated_versions()
        journal.record(actor, "policy.activation-withdrawn", f"policy:{version}", {"on": on.isoformat()})
        outbox.enqueue(WITHDRAWN, {"version": version, "by": actor.principal})
    return scheduled


def may_activate(actor: Actor, draft: PolicyVersion) -> bool:
    """True when the actor may activate policies, and neither wrote the draft nor owned a program that did."""
    return actor.may(Permission.POLICIES_ACTIVATE) and _is_another_person(actor, draft)


def _require_another_person(actor: Actor, draft: PolicyVersion) -> None:
    _require_a_person(actor, draft.version)
    if not _is_another_person(actor, draft):
        raise PolicyActivationNeedsAnotherPerson(version=draft.version)
    if not any(may_still(name, Permission.POLICIES_WRITE) for name in draft.editors):
        raise ProposerLostAccess(name=draft.editors[-1])


def _require_a_person(actor: Actor, version: str) -> None:
    if not (actor.is_person or actor.is_local):
        raise PolicyActivationNeedsAPerson(version=version)


def _is_another_person(actor: Actor, draft: PolicyVersion) -> bool:
    owned = not any(nobody_answers_for(name) for name in draft.editors)
    return owned and is_another_person(actor, draft.editors, draft.drafted_at)
