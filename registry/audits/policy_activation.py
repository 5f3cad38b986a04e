"""Policies before they bind: the impact of a version on flags and cases, and its activation as it was promised."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from hashlib import sha256
from typing import Any, Final, NamedTuple

from sqlalchemy import select

from registry.accounts.roles import Actor, Permission
from registry.accounts.same_person import ProposerLostAccess, is_another_person, may_still, nobody_answers_for
from registry.agencies.models import Agency
from registry.approvals.service import require_person
from registry.audits.candidates import Part, candidates, highest_id, in_part, parts, restricted_among
from registry.audits.reconciliation import Outcome, Plan, active_flags, reconcile
from registry.audits.schedule import exclusive_lock
from registry.cases.models import Case
from registry.cases.sync import flags_of_closed_cases, projects_with_open_case
from registry.core.clock import now, today
from registry.core.database import db
from registry.core.errors import Conflict, Invalid, NotAllowed, Problem
from registry.flags.models import FLAGS, SEVERITY_RANK, AuditRun, lock_flags_for_audit
from registry.freeze.evaluation import evaluate
from registry.freeze.findings import Finding
from registry.freeze.policy import Policy, first_policy, policy_in_force
from registry.freeze.vocabulary import Severity
from registry.journal import service as journal
from registry.policies.models import PolicyVersion
from registry.policies.queries import find_policy, forget_activated_versions, parsed
from registry.policies.service import lock_draft, lock_version
from registry.policies.settings import content_digest, failing, text_in_force_from
from registry.procurement.contract_terms import Contracts, contracts_of
from registry.projects.models import Project
from registry.projects.objects import Siblings, siblings_of_register
from registry.projects.visibility import journal_restricted_reads, visible_projects

# The impact of a policy: what an audit of today by it would change, calculated over the real records without writing.
#
# The same candidates, evaluation, reconciliation and rules of case sync as in an audit, part by part. The policy in
# force is evaluated in the same pass, to tell changes of the policy from those that the next audit makes anyway.

# Changes of an audit project by project: newly flagged, cleared, other severity, other rules, cases opened.

KINDS: Final = ("newly_flagged", "cleared", "changed_severity", "changed_rules")
CASES_OPENED: Final = "cases_opened"


class ProjectChange(NamedTuple):
    """What an audit changes for a project: ``kind`` is one of KINDS.

    Severities are those of its highest active flag, None without one. ``rules`` are those of its flags afterwards; of a
    cleared project, those before.
    """

    project_id: int
    kind: str
    severity_before: str | None
    severity_after: str | None
    rules: tuple[str, ...]


@dataclass(slots=True)
class ProjectChanges:
    """Collects the changes of a plan part by part (``Plan.watch``); memory grows with the changes only.

    ``from_severity``: flags of this severity or above open a case. ``cases_opened`` has ids of projects.
    """

    from_severity: str
    changes: list[ProjectChange] = field(default_factory=list)
    cases_opened: list[int] = field(default_factory=list)
    _with_open_flag: dict[int, list[int]] = field(default_factory=dict)

    def add(self, outcome: Outcome) -> None:
        """Compare a project's flags before and after."""
        before = {flag.rule: flag.severity for flag in outcome.before}
        after = {finding.rule: finding.severity for finding in outcome.after}
        if before != after:
            worst_before, worst_after = _worst(before), _worst(after)
            kind = _kind(worst_before, worst_after)
            rules = tuple(sorted(after or before))
            self.changes.append(ProjectChange(outcome.project_id, kind, worst_before, worst_after, rules))
        heavy = Severity(self.from_severity).and_above()
        if any(severity in heavy for severity, _ in outcome.open_after):
            known = [flag_id for _, flag_id in outcome.open_after if flag_id is not None]
            self._with_open_flag[outcome.project_id] = known

    def finish(self, part: Part) -> None:
        """After the last project of a part: which of its projects get a case, as case sync decides."""
        if self._with_open_flag:
            which, parameters = in_part(Case.project_id.expression), part._asdict()
            have_case = set(db.session.scalars(projects_with_open_case(which), parameters))
            reopen = set(db.session.scalars(flags_of_closed_cases(which), parameters))
            self.cases_opened += sorted(
                project_id
                for project_id, flags in self._with_open_flag.items()
                if project_id not in have_case and reopen.isdisjoint(flags)
            )
            self._with_open_flag.clear()

    def promise(self) -> dict[str, Any]:
        """Return the changes as JSON: of each kind the ids of projects, with both severities where these change."""
        made: dict[str, Any] = {kind: [] for kind in (*KINDS, CASES_OPENED)}
        for change in sorted(self.changes):
            made[change.kind].append([change.project_id, change.severity_before, change.severity_after, *change.rules])
        made[CASES_OPENED] = [[project_id] for project_id in sorted(self.cases_opened)]
        return made


def _kind(before: str | None, after: str | None) -> str:
    if before is None:
        return "newly_flagged"
    if after is None:
        return "cleared"
    return "changed_severity" if before != after else "changed_rules"


def _worst(severities: dict[str, str]) -> str | None:
    return max(severities.values(), key=SEVERITY_RANK.__getitem__, default=None)


BECAUSE_OF_POLICY: Final = "policy"
BECAUSE_OF_FACTS: Final = "facts"


@dataclass(frozen=True, slots=True)
class Impact:
    """What an audit by ``policy`` on ``as_of`` would change. ``promise`` as in ``ProjectChanges``.

    ``because_of_policy``: ids of the projects on which the policy in force has another verdict. ``digest`` is the
    SHA-256 (hex) of what the policy asks, the day, and exactly these changes.
    """

    policy: Policy
    compared_with: str
    as_of: date
    changes: ProjectChanges
    promise: dict[str, Any]
    because_of_policy: frozenset[int]
    digest: str


def impact_of(actor: Actor, version: str) -> Impact:
    """Return the impact of a version as of today. Raises RoleNotAllowed and PolicyNotFound."""
    actor.require(Permission.POLICIES_WRITE)
    return calculate_impact(find_policy(actor, version).policy, today())


def calculate_impact(policy: Policy, as_of: date) -> Impact:
    """Judge every project by the policy, and compare with the flags that there are."""
    present = policy_in_force(as_of)
    changes = ProjectChanges(policy.case_from_severity)
    other_verdict: set[int] = set()
    up_to = highest_id()
    siblings = {policy: siblings_of_register(policy, up_to), present: siblings_of_register(present, up_to)}
    contracts = contracts_of(policy) or contracts_of(present)
    for part in parts(up_to):
        # A plan of its own for each part, so that memory does not grow with the register.
        plan = Plan(watch=changes.add)
        reconcile(
            plan,
            _judge(policy, present, as_of, part, siblings, contracts, other_verdict),
            active_flags(in_part(FLAGS.c.project_id), part._asdict()),
            0,
            Plan(),
            frozenset(),
        )
        changes.finish(part)
    promise = changes.promise()
    return Impact(
        policy=policy,
        compared_with=present.version,
        as_of=as_of,
        changes=changes,
        promise=promise,
        because_of_policy=frozenset(other_verdict),
        digest=_digest(policy, as_of, promise),
    )


class _NoDigest:
    """Takes the place of the digest of everything read, which an impact does not need."""

    def update(self, data: bytes) -> None:
        """Ignore the data."""


def _judge(
    policy: Policy,
    present: Policy,
    on: date,
    part: Part,
    siblings: Mapping[Policy, Siblings],
    contracts: Contracts,
    other_verdict: set[int],
) -> Iterator[tuple[int, tuple[Finding, ...], int | None]]:
    both = replace(policy, scope=policy.scope | present.scope)
    read = candidates(both, on, part, _NoDigest(), siblings=siblings[policy], contracts=contracts)
    for project_id, facts, exemption_id in read:
        findings = evaluate(facts, policy, on)
        before = replace(facts, siblings=siblings[present].get(project_id, ()))
        if _rules(findings) != _rules(evaluate(before, present, on)):
            other_verdict.add(project_id)
        yield project_id, findings, exemption_id


def _rules(findings: tuple[Finding, ...]) -> list[tuple[str, str]]:
    return [(finding.rule, finding.severity) for finding in findings]


def _digest(policy: Policy, as_of: date, promise: dict[str, Any]) -> str:
    exact = [content_digest(policy), as_of.isoformat(), promise]
    return sha256(json.dumps(exact, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


# Report of an impact: which projects change and how, by agency and by region, with sums in whole tenge.
#
# Restricted projects are counted apart and not named: naming one is a read for the journal, and an impact writes
# nothing.

IDS_AT_ONCE: Final = 10_000
ALL_KINDS: Final = (*KINDS, CASES_OPENED)


class _About(NamedTuple):
    """What the report says of a project."""

    number: str
    agency: str
    region: str | None
    budget_kzt: int | None
    is_restricted: bool


def impact_report(impact: Impact) -> dict[str, Any]:
    """Return the impact as JSON. Every list has every project that is not restricted; sums and groups add up to the
    lists.
    """
    by_id = {change.project_id: change for change in impact.changes.changes}
    cases = sorted(impact.changes.cases_opened)
    about = dict(_rows(sorted({*by_id, *cases})))
    lists: dict[str, list[dict[str, Any]]] = {kind: [] for kind in ALL_KINDS}
    restricted = dict.fromkeys(ALL_KINDS, 0)
    agencies: dict[str, dict[str, int]] = {}
    regions: dict[str | None, dict[str, int]] = {}
    sums = dict.fromkeys(ALL_KINDS, 0)

    def add(kind: str, project_id: int, **more: Any) -> None:
        project = about[project_id]
        if project.is_restricted:
            restricted[kind] += 1
            return
        shown = {"project": project.number, "agency": project.agency, "region": project.region}
        lists[kind].append({**shown, "budget_kzt": project.budget_kzt, **more})
        sums[kind] += project.budget_kzt or 0
        agencies.setdefault(project.agency, dict.fromkeys(ALL_KINDS, 0))[kind] += 1
        regions.setdefault(project.region, dict.fromkeys(ALL_KINDS, 0))[kind] += 1

    for project_id, change in sorted(by_id.items()):
        add(
            change.kind,
            project_id,
            severity_before=change.severity_before,
            severity=change.severity_after,
            rules=list(change.rules),
            because=BECAUSE_OF_POLICY if project_id in impact.because_of_policy else BECAUSE_OF_FACTS,
        )
    for project_id in cases:
        add(CASES_OPENED, project_id)
    return {
        "version": impact.policy.version,
        "compared_with": impact.compared_with,
        "as_of": impact.as_of,
        "digest": impact.digest,
        **lists,
        "by_agency": _groups("agency", agencies),
        "by_region": _groups("region", regions),
        "sums": {f"{kind}_kzt": total for kind, total in sums.items()},
        "restricted": restricted,
    }


def _groups(key: str, groups: Mapping[Any, Mapping[str, int]]) -> list[dict[str, Any]]:
    """Return the groups with most newly flagged projects first."""
    rows: list[dict[str, Any]] = [{key: name, **counts} for name, counts in groups.items()]
    return sorted(rows, key=lambda row: (-row["newly_flagged"], -row["cleared"], row[key] or ""))


def _rows(ids: Sequence[int]) -> Iterator[tuple[int, _About]]:
    columns = select(
        Project.id, Project.number, Agency.bin, Project.region, Project.budget_kzt, Project.is_restricted
    ).join(Agency, Agency.id == Project.agency_id)
    for start in range(0, len(ids), IDS_AT_ONCE):
        some = ids[start : start + IDS_AT_ONCE]
        for row in db.session.execute(columns.where(Project.id.in_(some))):
            yield row.id, _About(row.number, row.bin, row.region, row.budget_kzt, row.is_restricted)


# Activation of a draft of the policy by another supervisor, with exactly the impact that was shown; taking it back.

# Promises: whether the first audit by an activated policy changes what the impact showed at its activation.

SIDES: Final = ("missing", "unexpected")
MAX_SHOWN: Final = 50


def promise_to_check(run: AuditRun, policy: Policy) -> PolicyVersion | None:
    """Return the activated version whose promise this run is the first to be compared with; None without one."""
    if run.dry_run:
        return None
    waiting = (PolicyVersion.promise.is_not(None), PolicyVersion.checked_at.is_(None))
    return db.session.scalar(select(PolicyVersion).where(PolicyVersion.digest == policy.digest, *waiting))


def check_promise(run: AuditRun, version: PolicyVersion, made: ProjectChanges, *, carried_out: bool) -> None:
    """Store with the run how its changes differ from the promise, inside the open transaction.

    A held run stores what it would change, and the run that is carried out is compared again. Restricted projects are
    not counted for everybody.
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
        "restricted": sorted(restricted_among(differing)),
    }


def visible_check(check: Mapping[str, Any] | None, *, with_restricted: bool) -> dict[str, Any] | None:
    """Return the comparison as counts of projects, without restricted ones for readers who may not see them."""
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
    """Return the projects of the changes that are not among the others."""
    known = {tuple(each) for each in others}
    return sorted({each[0] for each in changes if tuple(each) not in known})


MAX_NAMES = 5


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
    return scheduled


def may_activate(actor: Actor, draft: PolicyVersion) -> bool:
    """Return True when the actor may activate policies, and neither wrote the draft nor owned a program that did."""
    return actor.may(Permission.POLICIES_ACTIVATE) and _is_another_person(actor, draft)


def _require_another_person(actor: Actor, draft: PolicyVersion) -> None:
    _require_a_person(actor, draft.version)
    require_person(actor)
    if not _is_another_person(actor, draft):
        raise PolicyActivationNeedsAnotherPerson(version=draft.version)
    if not any(may_still(who, Permission.POLICIES_WRITE) for who in draft.editors):
        raise ProposerLostAccess(name=draft.drafted_by)


def _require_a_person(actor: Actor, version: str) -> None:
    if not (actor.is_person or actor.is_local):
        raise PolicyActivationNeedsAPerson(version=version)


def _is_another_person(actor: Actor, draft: PolicyVersion) -> bool:
    owned = not any(nobody_answers_for(who) for who in draft.editors)
    return owned and is_another_person(actor, draft.editors, draft.drafted_at)
