"""Promises: whether the first audit by an activated policy changes what the impact showed at its activation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import select

from registry.accounts.actors import Actor
from registry.accounts.roles import Permission
from registry.audits.project_changes import CASES_OPENED, KINDS, ProjectChanges
from registry.cases.models import Case
from registry.core.clock import now
from registry.core.database import db
from registry.flags.audit_runs import AuditRun
from registry.freeze.policy import Policy
from registry.policies.models import PolicyVersion
from registry.projects.models import Project
from registry.projects.visibility import journal_restricted_reads, visible_projects

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
