"""Verification of a past audit: repeats it from revisions and its policy, and compares it with what was recorded.

It uses the evaluation and the reconciliation of the audit itself, and writes nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from sqlalchemy import select

from registry.accounts.actors import Actor
from registry.accounts.roles import Permission
from registry.audits.candidates import Part, new_digest, parts
from registry.audits.judgement import statuses_before
from registry.audits.past import AuditTooOld, KnownRegister, require_repeatable
from registry.audits.reconciliation import SEVERITY_LOWERED, SEVERITY_RAISED, ActiveFlag, Plan, reconcile
from registry.audits.restricted_counts import COUNTS
from registry.audits.service import find_audit
from registry.core.bulk import table_of
from registry.core.database import db
from registry.flags.former_flags import ended_after, flags_then
from registry.flags.models import FLAGS, AuditChange, AuditRun
from registry.flags.vocabulary import FlagChange
from registry.freeze.evaluation import evaluate
from registry.freeze.policy import Policy
from registry.projects.models import Project
from registry.projects.visibility import among_visible, journal_restricted_reads

CHANGE: Final = table_of(AuditChange).c
SEVERITY_COUNTS: Final = (SEVERITY_RAISED, SEVERITY_LOWERED)


class Compared(NamedTuple):
    """A value of an audit, as it was recorded and as it is when repeated."""

    name: str
    recorded: Any
    repeated: Any


class Difference(NamedTuple):
    """A flag (``what`` = flag) or a change of one (``change``) that differs; None where it does not exist."""

    project: str
    rule: str
    what: str
    recorded: str | None
    repeated: str | None


@dataclass(frozen=True, slots=True)
class Verification:
    """A repeated audit. ``counts`` has all counts and is empty for those who may not see restricted projects.

    ``differences`` has those of the projects that the actor may see; ``matches`` is about all of them.
    """

    audit_id: int
    digest: Compared
    counts: list[Compared]
    differences: list[Difference]
    matches: bool


@dataclass(slots=True)
class _Repeated:
    counts: Counter[str] = field(default_factory=Counter)
    digest: str = ""
    # By (project id, rule): what differs, as (what, recorded, repeated).
    differing: list[tuple[int, str, str, str | None, str | None]] = field(default_factory=list)


def verify_audit(actor: Actor, audit_id: int) -> Verification:
    """Repeat the audit and compare. Takes about as long as the audit took.

    Differences on restricted projects are journalled as read. Raises RoleNotAllowed, AuditNotFound, AuditNotFinished,
    AuditTooOld and AuditPolicyMissing.
    """
    actor.require(Permission.AUDITS_VERIFY)
    run = find_audit(actor, audit_id)
    policy = require_repeatable(run)
    repeated = _repeat(run, policy)
    digest = Compared("input_digest", run.input_digest, repeated.digest)
    names = [*COUNTS, *(name for name in SEVERITY_COUNTS if getattr(run, name) is not None)]
    counts = [Compared(name, getattr(run, name), repeated.counts[name]) for name in names]
    equal = all(each.recorded == each.repeated for each in (digest, *counts))
    return Verification(
        audit_id=audit_id,
        digest=digest,
        counts=counts if actor.may(Permission.RESTRICTED_READ) else [],
        differences=_visible(actor, repeated.differing),
        matches=equal and not repeated.differing,
    )


def _repeat(run: AuditRun, policy: Policy) -> _Repeated:
    if run.known_at is None:
        raise AuditTooOld(id=run.id)
    last = None if run.compared_with is None else db.session.get(AuditRun, run.compared_with)
    since = (last and last.finished_at) or run.started_at
    before = statuses_before(since, run.known_at)
    register = KnownRegister(run.known_at)
    digest = new_digest(policy, run.on)
    repeated = _Repeated()
    for part in parts(run.judged_up_to):
        known = register.part(policy, run.on, part, digest)
        judged = (
            (each.project_id, evaluate(each.facts, policy, run.on), each.exemption_id) for each in known.candidates
        )
        plan = Plan(statuses_before=before)
        flags = _flags_before(run, part)
        active: dict[int, list[ActiveFlag]] = {}
        for flag in flags:
            active.setdefault(flag.project_id, []).append(flag)
        reconcile(plan, judged, active, 0 if last is None else last.judged_up_to, Plan(), frozenset())
        repeated.counts.update(_counts(plan, known.in_scope, known.out_of_scope))
        repeated.differing += _differing("change", _recorded_changes(run, part), _planned_changes(run, plan))
        if run.status in ("succeeded", "voided") and not run.dry_run:
            repeated.differing += _differing("flag", _flags_after(run, part), _planned_flags(flags, plan))
    repeated.digest = digest.hexdigest()
    return repeated


def _counts(plan: Plan, in_scope: int, out_of_scope: int) -> dict[str, int]:
    return {
        "projects_judged": in_scope,
        "projects_out_of_scope": out_of_scope,
        "projects_flagged": plan.projects_flagged,
        "projects_exempt": plan.projects_exempt,
        "flags_opened": len(plan.opened),
        "flags_kept": plan.kept,
        "flags_reopened": len(plan.reopened),
        "flags_cleared": len(plan.cleared),
        **{name: plan.turns()[name] for name in SEVERITY_COUNTS},
    }


def _flags_before(run: AuditRun, part: Part) -> list[ActiveFlag]:
    """The active flags before the audit changed any, in the order in which it read them."""
    existed = (FLAGS.c.project_id > part.after) & (FLAGS.c.project_id <= part.to) & (FLAGS.c.id <= run.flags_up_to)
    then = flags_then(existed, ended_after(run.former_flags_up_to or 0))
    return [ActiveFlag(*(row[name] for name in ActiveFlag._fields)) for row in then if row["status"] != "cleared"]


def _flags_after(run: AuditRun, part: Part) -> dict[tuple[int, str], str]:
    existed = (FLAGS.c.id <= run.flags_up_to) | (FLAGS.c.opened_by_audit == run.id)
    in_part = (FLAGS.c.project_id > part.after) & (FLAGS.c.project_id <= part.to)
    then = flags_then(in_part & existed, ended_after(run.former_flags_up_to or 0, but_by=run.id))
    return {(row["project_id"], row["rule"]): _text(row) for row in then if row["status"] != "cleared"}


def _planned_flags(before: Iterable[ActiveFlag], plan: Plan) -> dict[tuple[int, str], str]:
    flags = {(flag.project_id, flag.rule): _text(flag._asdict()) for flag in before}
    for flag, finding, status, _, _ in plan.updated:
        new = {"status": status, "severity": finding.severity, "fingerprint": finding.fingerprint}
        flags[flag.project_id, flag.rule] = _text(new)
    for project_id, finding, exemption_id in plan.opened:
        status = "open" if exemption_id is None else "exempt"
        new = {"status": status, "severity": finding.severity, "fingerprint": finding.fingerprint}
        flags[project_id, finding.rule] = _text(new)
    for flag in plan.cleared:
        del flags[flag.project_id, flag.rule]
    return flags


def _text(flag: Mapping[str, Any]) -> str:
    return f"{flag['status']} {flag['severity']} {flag['fingerprint'][:12]}"


def _recorded_changes(run: AuditRun, part: Part) -> dict[tuple[int, str], str]:
    statement = select(CHANGE.project_id, CHANGE.rule, CHANGE.change, CHANGE.severity).where(
        CHANGE.audit_id == run.id, CHANGE.project_id > part.after, CHANGE.project_id <= part.to
    )
    return _changes(db.session.execute(statement.order_by(CHANGE.id)))


def _planned_changes(run: AuditRun, plan: Plan) -> dict[tuple[int, str], str]:
    planned = (*plan.opening(), *plan.other_changes())
    # Audits before these were counted did not list them.
    left_out = (FlagChange.RAISED, FlagChange.LOWERED) if run.severity_raised is None else ()
    return _changes(
        (project_id, rule, change, severity) for project_id, rule, severity, change in planned if change not in left_out
    )


def _changes(rows: Iterable[tuple[int, str, str, str]]) -> dict[tuple[int, str], str]:
    return {(project_id, rule): f"{change} {severity}" for project_id, rule, change, severity in rows}


def _differing(
    what: str, recorded: Mapping[tuple[int, str], str], repeated: Mapping[tuple[int, str], str]
) -> Iterator[tuple[int, str, str, str | None, str | None]]:
    for project_id, rule in sorted(recorded.keys() | repeated.keys()):
        was, is_now = recorded.get((project_id, rule)), repeated.get((project_id, rule))
        if was != is_now:
            yield project_id, rule, what, was, is_now


def _visible(actor: Actor, differing: list[tuple[int, str, str, str | None, str | None]]) -> list[Difference]:
    ids = sorted({each[0] for each in differing})
    numbers: dict[int, str] = {}
    restricted = []
    for start in range(0, len(ids), 1000):
        some = select(Project.id, Project.number, Project.is_restricted).where(
            Project.id.in_(ids[start : start + 1000]), *among_visible(actor, Project.id.expression)
        )
        for project_id, number, is_restricted in db.session.execute(some):
            numbers[project_id] = number
            restricted += [number] if is_restricted else []
    journal_restricted_reads(actor, restricted, "audit verification")
    return [
        Difference(numbers[project_id], rule, what, recorded, repeated)
        for project_id, rule, what, recorded, repeated in differing
        if project_id in numbers
    ]
