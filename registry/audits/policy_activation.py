"""Activation of a draft of the policy by another supervisor, with exactly the impact that was shown; taking it back."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from sqlalchemy import select

from registry.accounts.actors import Actor
from registry.accounts.roles import Permission
from registry.accounts.same_person import ProposerLostAccess, is_another_person, may_still, nobody_answers_for
from registry.approvals.service import require_person
from registry.audits.exclusive_lock import exclusive_lock
from registry.audits.policy_impact import CASES_OPENED, KINDS, ProjectChanges, calculate_impact
from registry.cases.models import Case
from registry.core import outbox
from registry.core.clock import now, today
from registry.core.database import db
from registry.core.errors import Conflict, Invalid, NotAllowed, Problem
from registry.flags.lock import lock_flags_for_audit
from registry.flags.models import AuditRun
from registry.freeze.current import first_policy
from registry.freeze.policy import Policy
from registry.journal import service as journal
from registry.policies.models import PolicyVersion
from registry.policies.queries import find_policy, forget_activated_versions, parsed
from registry.policies.service import lock_draft, lock_version
from registry.policies.settings import failing, text_in_force_from
from registry.projects.models import Project
from registry.projects.visibility import journal_restricted_reads, visible_projects

# Promises: whether the first audit by an activated policy changes what the impact showed at its activation.

ALL_KINDS: Final = (*KINDS, CASES_OPENED)
SIDES: Final = ("missing", "unexpected")
MAX_SHOWN: Final = 50


def promise_to_check(run: AuditRun, policy: Policy) -> PolicyVersion | None:
    """The activated version whose promise this run is the first to be compared with; None without one."""
    if run.dry_run:
        return None
    waiting = (PolicyVersion.promise.is_not(None), PolicyVersion.checked_at.is_(None))
    return db.session.scalar(select(PolicyVersion).where(PolicyVersion.digest == policy.digest, *waiting))


def check_promise(
    run: AuditRun, version: PolicyVersion, made: ProjectChanges, restricted: frozenset[int], *, carried_out: bool
) -> None:
    """Store with the run how its changes differ from the promise, inside the open transaction.

    A held run stores what it would change, and the run that is carried out is compared again. ``restricted``: ids of
    restricted projects, which are not counted for everybody.
    """
    changed = made.promise()
    if carried_out:
        opened = select(Case.project_id).where(Case.opened_by_audit == run.id)
        changed[CASES_OPENED] = [[project_id] for project_id in sorted(set(db.session.scalars(opened)))]
        version.checked_at = now()
    promised = version.promise or {}
    missing = {kind: _without(promised.get(kind, []), changed[kind]) for kind in ALL_KINDS}
    unexpected = {kind: _without(changed[kind], promised.get(kind, [])) for kind in ALL_KINDS}
    differing = {project_id for side in (missing, unexpected) for ids in side.values() for project_id in ids}
    run.promise_check = {
        "version": version.version,
        "missing": missing,
        "unexpected": unexpected,
        "restricted": sorted(differing & restricted),
    }


def visible_check(check: Mapping[str, Any] | None, *, with_restricted: bool) -> dict[str, Any] | None:
    """The comparison as counts of projects, without restricted ones for readers who may not see them."""
    if check is None:
        return None
    hidden = set() if with_restricted else set(check["restricted"])
    counts = {side: {kind: len(set(ids) - hidden) for kind, ids in check[side].items()} for side in SIDES}
    as_promised = not any(count for side in counts.values() for count in side.values())
    return {"version": check["version"], "as_promised": as_promised, **counts}


def differing_projects(actor: Actor, run: AuditRun) -> dict[str, dict[str, list[str]]]:
    """Numbers of up to 50 visible projects of each kind that differ from the promise: side → kind → numbers.

    Restricted projects among them are journalled as read. Raises RoleNotAllowed.
    """
    actor.require(Permission.AUDITS_READ)
    check = run.promise_check
    if check is None:
        return {}
    listed = {
        side: {kind: ids[:MAX_SHOWN] for kind, ids in check[side].items() if ids} for side in SIDES if check[side]
    }
    expected = {project_id for kinds in listed.values() for ids in kinds.values() for project_id in ids}
    if not expected:
        return {}
    columns = select(Project.id, Project.number, Project.is_restricted)
    rows = db.session.execute(columns.where(Project.id.in_(expected), *visible_projects(actor))).all()
    journal_restricted_reads(actor, (row.number for row in rows if row.is_restricted), "audit changes")
    numbers = {row.id: row.number for row in rows}
    return {
        side: {kind: [numbers[each] for each in ids if each in numbers] for kind, ids in kinds.items()}
        for side, kinds in listed.items()
    }


def _without(changes: list[list[Any]], others: list[list[Any]]) -> list[int]:
    """The projects of the changes that are not among the others."""
    known = {tuple(each) for each in others}
    return sorted({each[0] for each in changes if tuple(each) not in known})


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

    Raises RoleNotAllowed, PolicyNotFound, Invalid (before today), PolicyActivationNeedsAPerson, NeedsTwoPeople for a
    command where two people could act, PolicyActivationNeedsAnotherPerson, ProposerLostAccess, PolicyNotDraft,
    PolicyDateTaken, PolicyVerdictCasesFail, PolicyImpactChanged and AuditRunning.
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
    require_person(actor)
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
