"""Judgement of every project without the flag lock, and what has changed since: audits lock to write, not to judge.

Projects are judged and compared with their flags while others work. Under the lock the change feed tells which projects
have changed meanwhile; only these are judged again. Nothing that a rule reads, and no flag, changes without a change in
the feed, which follows the order of commits: what was read after its number is either unchanged or named there. Links
and contracts are not in it: they are read again and compared; nor are deployments on the platform, of which the
inventories that report them are numbered in that order too.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Final, NamedTuple

from sqlalchemy import Date, bindparam, select

from registry.audits.candidates import (
    Part,
    RestrictedProjects,
    Totals,
    candidates,
    count_projects,
    new_digest,
    parts,
    restricted_projects,
)
from registry.audits.counting import Counts
from registry.audits.reconciliation import ActiveFlag, Outcome, Plan, active_flags, reconcile
from registry.cases.models import Case, CaseDecision, CaseEvent
from registry.cases.sync import NO_AUDIT, projects_to_sync
from registry.changes.service import changed_since, deleted_up_to, newest_seq
from registry.core.clock import now
from registry.core.database import db, in_transaction, table_of
from registry.exemptions.models import Exemption
from registry.exemptions.service import in_force_on
from registry.flags.former_flags import FORMER
from registry.flags.freeze_status import STATUS_OF_RANK, rank_of_flag
from registry.flags.models import AHEAD, FLAGS, IS_ACTIVE, SEVERITY_RANK, last_good_audit
from registry.freeze.evaluation import NextChange, findings_from
from registry.freeze.findings import Finding
from registry.freeze.policy import Policy
from registry.platform.deployments import last_inventory, with_other_deployments
from registry.procurement.contract_terms import Contracts, contracts_of, versions_of_contracts
from registry.projects.former_records import later_records_of
from registry.projects.models import Project
from registry.projects.objects import Siblings, linked_pairs, siblings_of_register
from registry.projects.vocabulary import FreezeStatus

# Flags whose status a decision, or a revoked exemption, changed between audits; the next audit lists the changes.

# Keys of an approval's timeline event, and the status that their flags had before it.
STATUS_BEFORE = {"flags_accepted": "open", "flags_opened": "accepted"}


def statuses_before(since: datetime, until: datetime | None = None) -> Mapping[tuple[int, str], str]:
    """Map (project id, rule) to the flag's earlier status, for each flag that people changed after ``since``.

    ``until``: the last moment to look at, to repeat an audit.
    """
    decided = select(CaseDecision.case_id).where(CaseDecision.decided_at > since)
    approvals = (
        select(Case.project_id, CaseEvent.details)
        .join(Case, Case.id == CaseEvent.case_id)
        .where(CaseEvent.case_id.in_(decided), CaseEvent.action == "approve", CaseEvent.at > since)
        .order_by(CaseEvent.id)
    )
    if until is not None:
        approvals = approvals.where(CaseEvent.at <= until)
    statuses = _exempt_before(since, until)
    for project_id, details in db.session.execute(approvals):
        for key, before in STATUS_BEFORE.items():
            for rule in details.get(key, ()):
                statuses.setdefault((project_id, rule), before)
    return statuses


def _exempt_before(since: datetime, until: datetime | None) -> dict[tuple[int, str], str]:
    revoked = (
        select(FLAGS.c.project_id, FLAGS.c.rule)
        .join(FORMER, FORMER.c.flag_id == FLAGS.c.id)
        .join(Exemption, Exemption.project_id == FLAGS.c.project_id)
        .where(Exemption.revoked_at > since, FORMER.c.until >= Exemption.revoked_at)
        .where(FORMER.c.status == "exempt", FORMER.c.ended_by_audit.is_(None))
    )
    if until is not None:
        revoked = revoked.where(Exemption.revoked_at <= until, FORMER.c.until <= until)
    return dict.fromkeys(db.session.execute(revoked), "exempt")


NOTHING: Final = b""
# With more changes than these, those of one moment are judged before the lock too, this often at most.
FEW: Final = 50
ROUNDS: Final = 3
# A part is compared and kept in units of so many ids: one changed project costs its unit.
IDS_IN_UNIT: Final = 1000
# A project that gets or loses one of these is counted otherwise.
NOT_JUDGED: Final = frozenset({FreezeStatus.WITHDRAWN.value, FreezeStatus.OUT_OF_SCOPE.value})
Verdict = tuple[tuple[Finding, ...], int | None]
# The findings of the date and of each later day that changes them, and the exemption in force on the date.
Ahead = tuple[tuple[NextChange, ...], int | None]
Watch = Callable[[Outcome], None]


@dataclass(slots=True)
class _Read:
    """What is read of projects, in the order of an audit's digest: a line of each project, then its revisions'.

    ``verdicts``: those with findings, ``ahead``: those that time alone will change, by project id.
    """

    lines: list[bytes] = field(default_factory=list)
    projects: int = 0
    verdicts: dict[int, Verdict] = field(default_factory=dict)
    ahead: dict[int, Ahead] = field(default_factory=dict)

    def update(self, line: bytes) -> None:
        """Take the next line, as a hash does. Each is a ``repr``, and has no line break."""
        self.lines.append(line)

    def judge(
        self,
        policy: Policy,
        on: date,
        until: date,
        part: Part,
        siblings: Siblings,
        contracts: Contracts,
        ids: Sequence[int] | None = None,
    ) -> None:
        """Read and judge the projects of a part, or those of these ids, on a day and ahead ``until`` another."""
        for project_id, facts, exemption_id in candidates(policy, on, part, self, ids, siblings, contracts):
            self.projects += 1
            changes = tuple(findings_from(facts, policy, on, until))
            findings = changes[0].findings
            if findings:
                self.verdicts[project_id] = findings, exemption_id
            if len(changes) > 1 or (findings and exemption_id is not None):
                self.ahead[project_id] = changes, exemption_id


@dataclass(slots=True)
class _Unit:
    """Projects of a part that are compared together. ``projects``, ``revisions``: the lines read, compressed."""

    part: Part
    projects: bytes = NOTHING
    revisions: bytes = NOTHING
    verdicts: dict[int, Verdict] = field(default_factory=dict)
    ahead: dict[int, Ahead] = field(default_factory=dict)
    plan: Plan = field(default_factory=Plan)
    restricted: Plan = field(default_factory=Plan)

    def replace(self, ids: frozenset[int], read: _Read) -> bool:
        """Take what was read again of these projects; False when it is what was read before."""
        before = self.projects, self.revisions
        projects = [line for line in _unpacked(self.projects) if _id(line) not in ids]
        revisions = [line for line in _unpacked(self.revisions) if _id(line) not in ids]
        projects += [line for line in read.lines[: read.projects] if _id(line) in ids]
        revisions += [line for line in read.lines[read.projects :] if _id(line) in ids]
        # Stable: revisions of a project stay in their order.
        self.projects, self.revisions = _packed(sorted(projects, key=_id)), _packed(sorted(revisions, key=_id))
        for project_id in ids:
            self.verdicts.pop(project_id, None)
            if project_id in read.verdicts:
                self.verdicts[project_id] = read.verdicts[project_id]
            self.ahead.pop(project_id, None)
            if project_id in read.ahead:
                self.ahead[project_id] = read.ahead[project_id]
        return before != (self.projects, self.revisions)

    def compare(
        self, active: dict[int, list[ActiveFlag]], judged_before: int, restricted_ids: frozenset[int], plan: Plan
    ) -> None:
        """Plan what changes of its flags; ``plan`` is still empty."""
        self.plan, self.restricted = plan, Plan()
        # Flags of projects without findings are left over, and cleared.
        judged = ((project_id, *self.verdicts[project_id]) for project_id in sorted(self.verdicts))
        reconcile(self.plan, judged, active, judged_before, self.restricted, restricted_ids)


class Judgement:
    """Every project judged by a policy on a date, as of one moment, and compared with its flags.

    ``began_at``: when the reading began. ``ahead``: how long time alone may change the findings.
    """

    def __init__(self, policy: Policy, on: date, ahead: timedelta = AHEAD) -> None:
        """Without reading anything."""
        self.policy, self.on, self._until = policy, on, on + ahead
        self.began_at = now()
        self.totals = Totals(0, 0, 0)
        self.restricted = RestrictedProjects(frozenset(), self.totals)
        self._siblings: Siblings = {}
        self._contracts: Contracts = {}
        self._versions: Sequence[Any] = ()
        self._linked: list[tuple[int, int]] = []
        self._inventory = 0
        self._parts: dict[Part, list[_Unit]] | None = None
        self._number = 0
        self._digest: str | None = None
        self._judged_before, self._decided_since = 0, now()

    def judge(self) -> None:
        """Judge every project, and again those that many changes affect meanwhile."""
        self.began_at = now()
        self._number, self._digest = newest_seq(), None
        # Nobody else audits or voids while the exclusive lock is held.
        self._judged_before, self._decided_since = _last_audit()
        self.totals = count_projects(self.policy)
        self.restricted = restricted_projects(self.policy, self.totals.up_to)
        self._inventory = last_inventory()
        # Before what follows from them: a link that is set meanwhile is seen when the judgement is brought up to date.
        self._linked = linked_pairs()
        self._siblings = siblings_of_register(self.policy, self.totals.up_to)
        self._versions = versions_of_contracts(self.policy)
        self._contracts = contracts_of(self.policy)
        self._parts = {part: self._judged(part) for part in parts(self.totals.up_to)}
        self._compare(None)
        self.digest()
        for _ in range(ROUNDS):
            if not in_transaction():
                # SQLite: leave the snapshot, to see what has changed since.
                db.session.rollback()
            if self.bring_up_to_date() <= FEW:
                break

    def bring_up_to_date(self) -> int:
        """Judge again what has changed since; returns of how many projects. Under the flag lock nothing follows."""
        # Changes are deleted after 90 days: only a clock that jumps can reach those of an audit.
        if self._parts is None or deleted_up_to() > self._number:
            self.judge()
            return 0
        number = newest_seq()
        # Deployments are not in the feed: they are no change of a record.
        inventory = last_inventory()
        linked, deployed = linked_pairs(), with_other_deployments(self._inventory)
        versions = versions_of_contracts(self.policy)
        if (number, linked, versions) == (self._number, self._linked, self._versions) and not deployed:
            return 0
        of_contracts = self._with_other_contracts() if versions != self._versions else frozenset()
        self._inventory, self._linked, self._versions = inventory, linked, versions
        changed = changed_since(self._number)
        self._number = number
        # A status may still be that of an earlier policy's scope: it does not show that a project came into the scope.
        moved = any(project_id <= self.totals.up_to for project_id in changed.added | changed.moved)
        if changed.agencies or moved or not NOT_JUDGED.isdisjoint(changed.statuses):
            self.totals = count_projects(self.policy, self.totals.up_to)
        ids = changed.projects | later_records_of(changed.projects) | _projects_of(changed.agencies)
        ids |= self._with_other_siblings() | deployed | of_contracts
        ids = frozenset(project_id for project_id in ids if project_id <= self.totals.up_to)
        if ids:
            self.restricted = restricted_projects(self.policy, self.totals.up_to)
            self._judge_again(ids)
        return len(ids)

    def _with_other_siblings(self) -> frozenset[int]:
        """Read again what projects count of others; returns those for which it is not what it was."""
        before, self._siblings = self._siblings, siblings_of_register(self.policy, self.totals.up_to)
        both = before.keys() | self._siblings.keys()
        return frozenset(each for each in both if before.get(each) != self._siblings.get(each))

    def _with_other_contracts(self) -> frozenset[int]:
        """Read again the contracts of projects; returns those for which they are not what they were."""
        before, self._contracts = self._contracts, contracts_of(self.policy)
        both = before.keys() | self._contracts.keys()
        changed = frozenset(each for each in both if before.get(each) != self._contracts.get(each))
        return changed | later_records_of(changed)

    def plans(self, watch: Watch | None) -> Iterator[tuple[Part, Plan, Plan]]:
        """The plan of each part, and the same for restricted projects alone.

        ``watch`` is called for each project with flags before or after; the parts are compared again for it.
        """
        if watch is not None:
            self._compare(watch)
        for part, units in (self._parts or {}).items():
            plan, restricted = Plan(), Plan()
            for unit in units:
                plan.add(unit.plan)
                restricted.add(unit.restricted)
            yield part, plan, restricted

    def coming_changes(self) -> set[Coming]:
        """Return the rows of ``ComingChange``, by the flags that are accepted now."""
        accepted = select(FLAGS.c.project_id, FLAGS.c.rule, FLAGS.c.accepted_fingerprint)
        of_flags = accepted.where(IS_ACTIVE, FLAGS.c.accepted_fingerprint.is_not(None))
        fingerprints = {(row[0], row[1]): row[2] for row in db.session.execute(of_flags)}
        ends: dict[int, date] = {row.id: row.valid_to for row in db.session.execute(EXEMPTION_ENDS, {"on": self.on})}
        return {
            row
            for units in (self._parts or {}).values()
            for unit in units
            for project_id, ahead in unit.ahead.items()
            for row in _coming(project_id, *ahead, fingerprints, ends)
        }

    def digest(self) -> str:
        """SHA-256 (hex) of the policy, the date and everything that was read: of each part projects, then revisions."""
        if self._digest is None:
            digest = new_digest(self.policy, self.on)
            for units in (self._parts or {}).values():
                for block in (*(unit.projects for unit in units), *(unit.revisions for unit in units)):
                    digest.update(b"".join(_unpacked(block)))
            self._digest = digest.hexdigest()
        return self._digest

    def _judged(self, part: Part) -> list[_Unit]:
        read = _Read()
        read.judge(self.policy, self.on, self._until, part, self._siblings, self._contracts)
        units = [
            _Unit(Part(after, min(after + IDS_IN_UNIT, part.to))) for after in range(part.after, part.to, IDS_IN_UNIT)
        ]
        projects = _by_unit(part, read.lines[: read.projects])
        revisions = _by_unit(part, read.lines[read.projects :])
        for project_id, verdict in read.verdicts.items():
            units[_place(part, project_id)].verdicts[project_id] = verdict
        for project_id, ahead in read.ahead.items():
            units[_place(part, project_id)].ahead[project_id] = ahead
        for place, unit in enumerate(units):
            unit.projects, unit.revisions = _packed(projects.get(place, ())), _packed(revisions.get(place, ()))
        return units

    def _judge_again(self, ids: frozenset[int]) -> None:
        statuses = self._statuses()
        for part, units in (self._parts or {}).items():
            changed = [project_id for project_id in ids if part.after < project_id <= part.to]
            if not changed:
                continue
            read = _Read()
            read.judge(self.policy, self.on, self._until, part, self._siblings, self._contracts, changed)
            for place in sorted({_place(part, project_id) for project_id in changed}):
                unit = units[place]
                of_unit = frozenset(project_id for project_id in changed if _place(part, project_id) == place)
                if unit.replace(of_unit, read):
                    self._digest = None
                flags = active_flags(unit.part)
                unit.compare(flags, self._judged_before, self.restricted.ids, Plan(statuses_before=statuses))

    def _compare(self, watch: Watch | None) -> None:
        statuses = self._statuses()
        for part, units in (self._parts or {}).items():
            active = active_flags(part)
            by_unit: dict[int, dict[int, list[ActiveFlag]]] = {}
            for project_id, flags in active.items():
                by_unit.setdefault(_place(part, project_id), {})[project_id] = flags
            for place, unit in enumerate(units):
                plan = Plan(statuses_before=statuses, watch=watch)
                unit.compare(by_unit.get(place, {}), self._judged_before, self.restricted.ids, plan)

    def _statuses(self) -> Mapping[tuple[int, str], str]:
        return statuses_before(self._decided_since)


def _last_audit() -> tuple[int, datetime]:
    """Return the highest project id that the last good audit read, and its end: decisions since have changed flags."""
    last = last_good_audit()
    if last is None:
        # No flag existed that a decision could change.
        return 0, now()
    return last.judged_up_to, last.finished_at or last.started_at


class Coming(NamedTuple):
    """A row of ``ComingChange``."""

    project_id: int
    on: date
    freeze_status: str
    severity: str | None
    flagged_for: str | None


EXEMPTION_ENDS: Final = select(Exemption.id, Exemption.valid_to).where(in_force_on(bindparam("on", type_=Date)))


def _coming(
    project_id: int,
    changes: tuple[NextChange, ...],
    exemption_id: int | None,
    accepted: Mapping[tuple[int, str], str],
    ends: Mapping[int, date],
) -> Iterator[Coming]:
    """Yield a row for each day after the first change on which the open flags of the project are others."""
    end = date.min if exemption_id is None else ends[exemption_id]
    days = {change.on: change.findings for change in changes}
    after_end = end + timedelta(days=1)
    if changes[0].on < after_end <= changes[0].on + AHEAD:
        days.setdefault(after_end, max(each for each in changes if each.on <= after_end).findings)
    known: dict[str, int] | None = None
    for on in sorted(days):
        ranks, open_now = [], {}
        for finding in days[on]:
            fingerprint = accepted.get((project_id, finding.rule))
            is_accepted = fingerprint is not None and fingerprint == finding.fingerprint
            status = "exempt" if on <= end else "accepted" if is_accepted else "open"
            ranks.append(rank_of_flag(status, finding.severity))
            if status == "open":
                open_now[finding.rule] = SEVERITY_RANK[finding.severity]
        if known is not None:
            new = [rule for rule, rank in open_now.items() if rank > max(known.get(rule, 0), 0)]
            yield Coming(
                project_id,
                on,
                STATUS_OF_RANK[max(ranks)] if ranks else FreezeStatus.CLEAR.value,
                max((each.severity for each in days[on]), key=SEVERITY_RANK.__getitem__, default=None),
                max(new, key=open_now.__getitem__, default=None),
            )
        known = open_now


def _place(part: Part, project_id: int) -> int:
    return (project_id - part.after - 1) // IDS_IN_UNIT


def _by_unit(part: Part, lines: Sequence[bytes]) -> dict[int, list[bytes]]:
    by_unit: dict[int, list[bytes]] = {}
    for line in lines:
        by_unit.setdefault(_place(part, _id(line)), []).append(line)
    return by_unit


def _id(line: bytes) -> int:
    """Return the id of the project, with which each line begins."""
    return int(line[1 : line.index(b",")])


def _packed(lines: Sequence[bytes]) -> bytes:
    return zlib.compress(b"\n".join(lines), 1) if lines else NOTHING


def _unpacked(block: bytes) -> list[bytes]:
    return zlib.decompress(block).splitlines() if block else []


def _projects_of(agencies: frozenset[int]) -> frozenset[int]:
    if not agencies:
        return frozenset()
    project = table_of(Project).c
    return frozenset(db.session.scalars(select(project.id).where(project.agency_id.in_(sorted(agencies)))))


# What an audit reads before it locks: every project judged and counted, and the cases that differ from their flags.
#
# Under the lock only what has changed since is read again, by the change feed.

# The cases of more projects than these are compared all: SQLite has at most 32,766 parameters, nine for each.
MANY: Final = 2000


class Preparation:
    """An audit by a policy on a date. ``writes``: it is no dry run, which neither counts nor changes cases."""

    def __init__(self, policy: Policy, on: date, *, writes: bool = True) -> None:
        """Without reading anything."""
        self.policy, self.on = policy, on
        # A dry run, which may be of any day, does not look ahead.
        self.judgement = Judgement(policy, on, AHEAD if writes else timedelta())
        self.counts = Counts(on)
        self._writes = writes
        self._to_sync: frozenset[int] | None = None
        self._number = 0

    def is_for(self, policy: Policy, on: date) -> bool:
        """Return True when it is for an audit by this policy on this date."""
        return (self.policy.digest, self.on) == (policy.digest, on)

    def read(self) -> None:
        """Judge, count and compare everything, while others write."""
        if self._writes:
            self.counts.count()
            self._number = newest_seq()
            self._to_sync = projects_to_sync(self.policy)
        # Last, because it takes longest to judge again what changes meanwhile.
        self.judgement.judge()
        if self._writes:
            self.counts.bring_up_to_date()
            self._to_sync = self._among_changed(frozenset(), NO_AUDIT)

    def projects_to_sync(self, plan: Plan, audit_id: int) -> frozenset[int] | None:
        """Return the ids of projects whose cases differ from their flags, which the audit has written; None for all."""
        planned = {flag.project_id for flag, *_ in plan.updated} | set(plan.changed_projects())
        return self._among_changed(frozenset(planned), audit_id)

    def _among_changed(self, planned: frozenset[int], audit_id: int) -> frozenset[int] | None:
        if self._to_sync is None or deleted_up_to() > self._number:
            return None
        number = newest_seq()
        changed = changed_since(self._number).projects if number > self._number else frozenset()
        projects = self._to_sync | changed | planned
        if len(projects) > MANY:
            return None
        self._number = number
        return projects_to_sync(self.policy, sorted(projects), audit_id) if projects else projects
