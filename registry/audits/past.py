"""Audits of the past: facts and verdicts as they were known then, and audits repeated to verify them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from hashlib import sha256
from typing import Any, Final, NamedTuple

from sqlalchemy import and_, or_, select

from registry.accounts.roles import Actor, Permission
from registry.agencies.queries import kinds_known_at
from registry.audits.candidates import (
    READ_ALWAYS,
    Candidate,
    InputDigest,
    Part,
    facts_of_row,
    new_digest,
    parts,
    pasts_of,
    read_by,
)
from registry.audits.judgement import statuses_before, unpacked
from registry.audits.models import AuditInput, PolicyText
from registry.audits.queries import COUNTS
from registry.audits.reconciliation import SEVERITY_LOWERED, SEVERITY_RAISED, ActiveFlag, Plan, reconcile
from registry.audits.service import find_audit
from registry.audits.verdicts import PROJECT_FACTS, represent_verdict
from registry.cases.models import order_facts
from registry.cases.queries import orders_known_at
from registry.core.clock import local_date, rfc3339
from registry.core.database import db, table_of
from registry.core.errors import Conflict
from registry.core.translations import Language
from registry.exemptions.queries import exemptions_known_at
from registry.flags.former_flags import ended_after, flags_known_at, flags_then
from registry.flags.freeze_status import STATUS_OF_RANK, STATUS_RANK, rank_of_flag
from registry.flags.models import FLAGS, SEVERITY_RANK, AuditChange, AuditRun, FlagChange
from registry.freeze.evaluation import evaluate
from registry.freeze.facts import EarlierRevision
from registry.freeze.policy import NOT_JUDGED, Policy, first_policy, policy_in_force
from registry.freeze.policy_file import PolicyInvalid
from registry.freeze.rules import judges_platform, reads_deployments, started_on
from registry.platform.deployments import facts_of_key, last_deployments_known_at
from registry.policies.queries import parsed, version_known_at
from registry.procurement.contract_terms import Contracts, contracts_known_at, with_former
from registry.projects.fields import FIELDS
from registry.projects.former_records import Pasts, former_pasts_known_at
from registry.projects.models import Project
from registry.projects.objects import Siblings, siblings_known_at
from registry.projects.revisions import CONFIRMED, LAW_LOOKS_AT, KnownProject, Revision, projects_known_at
from registry.projects.service import ProjectNotFound
from registry.projects.visibility import among_visible, journal_restricted_reads
from registry.projects.vocabulary import FreezeStatus

# Which past audits can be repeated, and the policy of an audit.

NOT_FINISHED: Final = frozenset({"failed", "missed"})


class AuditNotRepeatable(Conflict):
    """The audit cannot be repeated; the subclass says why."""


class AuditNotFinished(AuditNotRepeatable):
    """The run is no finished audit: it runs, failed, or is a missed date."""


class AuditTooOld(AuditNotRepeatable):
    """The run is older than the records that repeating needs."""


class AuditPolicyMissing(AuditNotRepeatable):
    """The text of the run's policy is not stored."""


def policy_of_digest(digest: str) -> Policy | None:
    """Return the policy with that digest; None when it is not stored, was altered, or is no valid policy any more."""
    text = db.session.scalar(db.select(PolicyText.text).where(PolicyText.digest == digest))
    if text is None or sha256(text.encode()).hexdigest() != digest:
        return None
    try:
        return parsed(text)
    except PolicyInvalid:
        return None


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


# Facts as the register knew them at an earlier moment: the input of a past audit, read again.
#
# Where each comes from: projects and their earlier values from revisions, kinds of agencies from the journal,
# exemptions and orders from their own dates.

READ = (*PROJECT_FACTS, CONFIRMED, "is_restricted", "platform_key")


@dataclass(slots=True)
class KnownPart:
    """Candidates of a part at a moment, and how many of its present projects were in and out of scope."""

    candidates: list[Candidate] = field(default_factory=list)
    restricted_ids: set[int] = field(default_factory=set)
    in_scope: int = 0
    out_of_scope: int = 0


class KnownRegister:
    """The register as known ``at`` a moment."""

    def __init__(self, at: datetime) -> None:
        self.at = at
        self.kinds = kinds_known_at(at)
        self.deployments = last_deployments_known_at(at)

    def siblings(self, policy: Policy, up_to: int | None = None, *, of: int | None = None) -> Siblings:
        """Return what projects counted of others; ``up_to``: the highest id that the audit read; ``of``: of one."""
        return siblings_known_at(self.at, policy, up_to, of=of)

    def contracts(self, policy: Policy, *, of: int | None = None) -> Contracts:
        """Return the contracts of all projects; ``of``: of one and its former records."""
        return contracts_known_at(self.at, policy, of=of)

    def part(
        self, policy: Policy, on: date, part: Part, digest: Any, siblings: Siblings, contracts: Contracts
    ) -> KnownPart:
        """Return what an audit would have read of the part at the moment, and update ``digest`` as it did."""
        known = KnownPart()
        present = [each for each in projects_known_at(self.at, READ, *part) if not each.is_withdrawn]
        known.restricted_ids = {each.id for each in present if each.values["is_restricted"]}
        inside = [each for each in present if self.kinds[each.agency] in policy.scope]
        known.in_scope, known.out_of_scope = len(inside), len(present) - len(inside)
        reported = self.deployments if reads_deployments(policy) else {}
        judged = [
            each
            for each in inside
            if judges_platform(policy) or not _is_verified(each, on) or each.values["platform_key"] in reported
        ]
        known.candidates = list(self._candidates(judged, policy, on, part, digest, siblings, contracts))
        return known

    def project(self, project_id: int, policy: Policy, on: date) -> tuple[Candidate, KnownProject]:
        """Return one project, in whatever scope and placement, with its exemption in force on the date."""
        part = Part(project_id - 1, project_id)
        (project,) = projects_known_at(self.at, READ, *part)
        siblings, contracts = self.siblings(policy, of=project_id), self.contracts(policy, of=project_id)
        (candidate,) = self._candidates([project], policy, on, part, sha256(), siblings, contracts)
        return candidate, project

    def _candidates(
        self,
        projects: list[KnownProject],
        policy: Policy,
        on: date,
        part: Part,
        digest: Any,
        siblings: Siblings,
        contracts: Contracts,
    ) -> Iterator[Candidate]:
        exemptions = exemptions_known_at(self.at, on, *part)
        orders = orders_known_at(self.at, *part)
        for each in projects:
            values = (each.values[name] for name in READ_ALWAYS)
            read = (each.id, each.version, each.registered_at, *values, self.kinds[each.agency])
            order = orders.get(each.id) or order_facts()
            more = read_by(policy, {**each.values, **order, **self._deployments_of(each)})
            digest.update(repr((*read, order["order_migrate_by"], exemptions.get(each.id), *more)).encode())
        former: Pasts = {}
        if policy.edit_severity != NOT_JUDGED:
            former = former_pasts_known_at(self.at, *part)
        present = {each.id: (each.version, each.values) for each in projects}
        past = pasts_of(present, former, siblings, contracts, policy, digest)
        for each in projects:
            kind, order = self.kinds[each.agency], orders.get(each.id) or order_facts()
            of_past = past.get(each.id, ()), former.get(each.id, ()), siblings.get(each.id, ())
            signed, deployed = with_former(contracts, each.id, former.get(each.id, ())), self._deployments_of(each)
            facts = facts_of_row(each.values, kind, each.registered_at, order, deployed, *of_past, signed)
            yield Candidate(each.id, facts, exemptions.get(each.id))

    def _deployments_of(self, project: KnownProject) -> Mapping[str, Any]:
        return facts_of_key(project.values["platform_key"], self.deployments)


def _is_verified(project: KnownProject, on: date) -> bool:
    verified_on = project.values["placement_verified_on"]
    return project.values["placement"] == "on_platform" and verified_on is not None and verified_on <= on


# The verdict on a project from what the register knew at an earlier moment.


def verdict_known_at(project: Project, on: date | None, at: datetime, language: Language) -> dict[str, Any]:
    """Return the verdict on a date (default: the day of ``at``) from what was known ``at`` a moment.

    The policy is that of ``policy_known_at``. Raises ProjectNotFound for a project that was registered
    later, and AuditPolicyMissing.
    """
    if project.registered_at > at:
        raise ProjectNotFound(number=project.number)
    day, policy = on or local_date(at), policy_known_at(at, on)
    candidate, _ = KnownRegister(at).project(project.id, policy, day)
    exempt = candidate.exemption_id is not None
    return represent_verdict(project.number, candidate.facts, day, language, policy, exempt=exempt)


# The record of a project as the register knew it at an earlier moment: its values, and where it stood.

# The columns whose changes are in revisions.
IN_REVISIONS: Final = (
    *FIELDS,
    "placement_verified_on",
    "onboarding_confirmed_on",
    "ending_confirmed_on",
    CONFIRMED,
    "attested_on",
    "is_restricted",
)
REVISION: Final = table_of(Revision).c


class KnownStatus(NamedTuple):
    """Where a project stood: its freeze status, the severity of its highest active flag."""

    freeze_status: str
    severity: str | None


class _Flag(NamedTuple):
    """A flag as it was at the moment."""

    status: str
    severity: str
    changed_at: datetime


def values_known_at(present: Mapping[str, Any], at: datetime) -> dict[str, Any]:
    """Return the values of a project as known ``at`` a moment, with its version and the times of its changes.

    ``present``: the record of now (``read_whole``). Raises ProjectNotFound for one that was registered later.
    """
    return _values(present, _known(present, at))


def status_known_at(present: Mapping[str, Any], at: datetime) -> KnownStatus:
    """Return where a project stood at the moment by the last audit, decision or other kind of its agency.

    Raises ProjectNotFound, FlagsNotKnown before former states of flags were kept, and AuditPolicyMissing.
    """
    return _status(_known(present, at), _flags(present["id"], at), at)


def record_known_at(present: Mapping[str, Any], at: datetime) -> dict[str, Any]:
    """Return everything that the record showed at the moment, and the moment as ``known_at``.

    ``changed_at`` is when the record or a flag of it had last changed. Raises as ``status_known_at``.
    """
    known, flags = _known(present, at), _flags(present["id"], at)
    values, status = _values(present, known), _status(known, flags, at)
    began = started_on(EarlierRevision(**{name: values[name] for name in LAW_LOOKS_AT}), policy_known_at(at))
    changed = present["changed_at"]
    if changed > at:
        changed = max([values["updated_at"], *(flag.changed_at for flag in flags)])
    return {**values, "started_on": began, **status._asdict(), "changed_at": changed, "known_at": at}


def _known(present: Mapping[str, Any], at: datetime) -> KnownProject:
    if present["registered_at"] > at:
        raise ProjectNotFound(number=present["number"])
    (known,) = projects_known_at(at, IN_REVISIONS, present["id"] - 1, present["id"])
    return known


def _values(present: Mapping[str, Any], known: KnownProject) -> dict[str, Any]:
    edited, withdrawn = _edited_at(known)
    return {
        "number": present["number"],
        "agency": known.agency,
        **known.values,
        "withdrawn_at": withdrawn,
        "version": known.version,
        "registered_at": known.registered_at,
        "updated_at": edited,
    }


def _edited_at(known: KnownProject) -> tuple[datetime, datetime | None]:
    """Return when the version was written, and when the project was withdrawn if it was then."""
    revisions = db.session.execute(
        select(REVISION.at, REVISION.changes)
        .where(REVISION.project_id == known.id, REVISION.version <= known.version)
        .order_by(REVISION.version.desc())
        .limit(None if known.is_withdrawn else 1)
    ).all()
    withdrawn = next(
        (row.at for row in revisions if any(change["field"] == "freeze_status" for change in row.changes)), None
    )
    return revisions[0].at, withdrawn if known.is_withdrawn else None


def _flags(project_id: int, at: datetime) -> list[_Flag]:
    """Return the flags of the project that existed at the moment."""
    then = flags_known_at(at)
    columns = (then.c.status, then.c.severity, then.c.changed_at)
    return [_Flag(*row) for row in db.session.execute(select(*columns).where(then.c.project_id == project_id))]


def _status(known: KnownProject, flags: Sequence[_Flag], at: datetime) -> KnownStatus:
    active, run = [flag for flag in flags if flag.status in STATUS_RANK], run_known_at(at)
    severity = max((flag.severity for flag in active), key=SEVERITY_RANK.__getitem__, default=None)
    if known.is_withdrawn:
        return KnownStatus(FreezeStatus.WITHDRAWN.value, severity)
    policy = policy_known_at(at) if run is None else policy_of_run(run)
    if kinds_known_at(at)[known.agency] not in policy.scope:
        return KnownStatus(FreezeStatus.OUT_OF_SCOPE.value, severity)
    if run is None or known.id > run.judged_up_to:
        return KnownStatus(FreezeStatus.UNAUDITED.value, severity)
    worst = max((rank_of_flag(flag.status, flag.severity) for flag in active), default=None)
    return KnownStatus(FreezeStatus.CLEAR.value if worst is None else STATUS_OF_RANK[worst], severity)


# Verification of a past audit: repeats it from revisions and its policy, and compares it with what was recorded.
#
# It uses the evaluation and the reconciliation of the audit itself, and writes nothing.

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
    siblings, contracts = register.siblings(policy, run.judged_up_to), register.contracts(policy)
    # Earlier versions stored no input, and their digest is of all lines in their order.
    read = db.session.get(AuditInput, run.id)
    digest = new_digest(policy, run.on) if read is None else InputDigest(run.judged_up_to)
    repeated = _Repeated()
    for part in parts(run.judged_up_to):
        known = register.part(policy, run.on, part, digest, siblings, contracts)
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
    if isinstance(digest, InputDigest):
        # Of one that continued another, only the projects that it judged.
        ids = None if read is None or read.judged is None else unpacked(read.judged)
        repeated.digest = digest.hexdigest(policy, run.on, None if last is None else last.input_digest, ids)
    else:
        repeated.digest = digest.hexdigest()
    return repeated


def _counts(plan: Plan, in_scope: int, out_of_scope: int) -> dict[str, int]:
    return {
        "projects_judged": in_scope,
        "projects_out_of_scope": out_of_scope,
        "projects_flagged": plan.projects_flagged,
        "projects_to_migrate": plan.projects_to_migrate,
        "projects_exempt": plan.projects_exempt,
        "flags_opened": len(plan.opened),
        "flags_kept": plan.kept,
        "flags_reopened": len(plan.reopened),
        "flags_cleared": len(plan.cleared),
        **{name: plan.turns()[name] for name in SEVERITY_COUNTS},
    }


def _flags_before(run: AuditRun, part: Part) -> list[ActiveFlag]:
    """Return the active flags before the audit changed any, in the order in which it read them."""
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
