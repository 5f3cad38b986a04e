"""Judgement of projects for an audit: of all, or of those on which the verdict may have changed since the last audit.

A verdict holds until a fact that it reads changes or until a day that is stored (``ComingChange``). Whatever rules
read, and every flag, is named in the change feed when it changes; numbers follow the order of commits, so nothing is
missed that was committed after a number was read. An audit therefore continues the last one: it judges what the feed
names, what is due, and what counts others that changed. Full audits judge every project while others work, and are
brought up to date under the lock in the same way.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from hashlib import blake2b
from importlib.metadata import version
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Date, bindparam, select, union

from registry.audits.candidates import InputDigest, Part, candidates, highest_id, in_part, parts, restricted_among
from registry.audits.models import AuditInput
from registry.audits.reconciliation import Flags, Outcome, Plan, active_flags, reconcile
from registry.cases.models import Case, CaseDecision, CaseEvent
from registry.changes.service import changed_since, deleted_up_to, newest_seq
from registry.core.clock import now
from registry.core.database import db, table_of
from registry.core.dialects import is_among
from registry.exemptions.models import Exemption
from registry.exemptions.service import in_force_on
from registry.flags.former_flags import FORMER
from registry.flags.freeze_status import STATUS_OF_RANK, rank_of_flag, wrong_freeze_statuses
from registry.flags.models import AHEAD, COMING, FLAGS, SEVERITY_RANK, AuditRun, last_good_audit
from registry.freeze.evaluation import NextChange, findings_from
from registry.freeze.findings import Finding
from registry.freeze.policy import Policy
from registry.journal.service import changes_written_by
from registry.platform.deployments import projects_with_deployments
from registry.procurement.contract_terms import Contracts, contracts_of, projects_with_contracts
from registry.projects.former_records import later_records_of
from registry.projects.models import Project
from registry.projects.objects import Siblings, are_counted, siblings_of_register
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


# The last audit that this one may continue, and as of what it judged.

FULL_EVERY: Final = timedelta(days=7)
# After more changes than these every project is judged: they are read at once, under the lock.
MANY: Final = 30_000
IDS_AT_ONCE: Final = 5000
PROGRAM: Final = version("qaztech-registry")
ID_SIZE: Final = 4
COUNTED_SIZE: Final = 8
Counted = Mapping[int, bytes]
Accepted = Mapping[tuple[int, str], str]
Watch = Callable[[Outcome], None]


class Basis(NamedTuple):
    """As of what projects were judged: the day, the number of the last change, and digests of what each counted of
    others. ``own``: the changes that the audit then made itself.
    """

    on: date
    changes: int
    counted: Counted
    own: range = range(0)


class Continued(NamedTuple):
    """The last good audit, with the day of the full one that it continues, or is."""

    run: AuditRun
    full_id: int
    full_on: date
    basis: Basis


def last_to_continue(policy: Policy) -> Continued | None:
    """Return the last good audit if what it found still holds but for what changed since; None when it may not.

    It may not when policy, program or what the database keeps of it are others, or when a later one was voided: what
    that one had stored of later days remains. Nobody audits an earlier date.
    """
    run = last_good_audit()
    read = None if run is None else db.session.get(AuditInput, run.id)
    if run is None or read is None or read.counted is None:
        return None
    if (run.policy_digest, read.program) != (policy.digest, PROGRAM):
        return None
    newest = newest_seq()
    own = changes_written_by("audit.succeeded", f"audit:{run.id}")
    if not deleted_up_to() <= read.changes <= newest or newest - read.changes - len(own) > MANY:
        return None
    full = run if run.continues is None else db.session.get_one(AuditRun, run.continues)
    return Continued(run, full.id, full.on, Basis(run.on, read.changes, unpacked_counted(read.counted), own))


def packed(ids: Collection[int]) -> bytes:
    """Return ids as bytes."""
    return b"".join(each.to_bytes(ID_SIZE) for each in sorted(ids))


def unpacked(block: bytes) -> list[int]:
    """Return the ids of ``packed``."""
    return [int.from_bytes(block[place : place + ID_SIZE]) for place in range(0, len(block), ID_SIZE)]


def packed_counted(counted: Counted) -> bytes:
    """Return digests by id as bytes."""
    return b"".join(key.to_bytes(ID_SIZE) + counted[key] for key in sorted(counted))


def unpacked_counted(block: bytes) -> dict[int, bytes]:
    """Return what ``packed_counted`` was made of."""
    rows = (block[place : place + ID_SIZE + COUNTED_SIZE] for place in range(0, len(block), ID_SIZE + COUNTED_SIZE))
    return {int.from_bytes(row[:ID_SIZE]): row[ID_SIZE:] for row in rows}


def _digests(siblings: Siblings) -> dict[int, bytes]:
    return {
        project_id: blake2b(repr(counted).encode(), digest_size=COUNTED_SIZE).digest()
        for project_id, counted in siblings.items()
    }


class Judged(NamedTuple):
    """The findings of the date and of each later day that changes them, and the exemption in force on the date."""

    changes: tuple[NextChange, ...]
    exemption_id: int | None

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Those of the date."""
        return self.changes[0].findings


class Coming(NamedTuple):
    """A row of ``ComingChange``."""

    project_id: int
    on: date
    freeze_status: str
    severity: str | None
    flagged_for: str | None

    @classmethod
    def stored(cls, which: ColumnElement[bool], parameters: Mapping[str, int] | None = None) -> set[Coming]:
        """Return the stored rows that fit."""
        statement = select(*(COMING.c[name] for name in cls._fields)).where(which)
        return set(map(cls._make, db.session.execute(statement, parameters or {})))


class _ToJudge(NamedTuple):
    ids: frozenset[int]
    siblings: Siblings
    counted: Counted


class Judgement:
    """Projects judged by a policy on a date, for an audit that compares them with their flags.

    ``compared``: the projects of which flags or stored days may change, with None where no rule can match; nothing
    changes of others. ``judged``: those that an audit has judged which continues another (``continued``); None for all.
    ``expected``: of a full audit, those that one that continued the last would have judged; None where none could.
    ``wrong_statuses``, ``wrong_days``: then, those whose stored status does not follow from their flags, and those of
    which stored days are others than they are now. ``placed``: those that have been given a status since the last audit
    by the scope: registered, or of agencies that changed. It may have been that of another policy, put back meanwhile.
    """

    def __init__(self, policy: Policy, on: date, *, writes: bool = True, full: bool = False) -> None:
        """Without reading anything. ``full``: judge every project in any case, as a dry run does (not ``writes``)."""
        self.policy, self.on, self._writes, self._is_full = policy, on, writes, full or not writes
        # A dry run, which may be of any day, does not look ahead.
        self.until = on + AHEAD if writes else on
        self.began_at = now()
        self.up_to = 0
        self.compared: dict[int, Judged | None] = {}
        self.judged: frozenset[int] | None = None
        self.continued: Continued | None = None
        self.expected: frozenset[int] | None = None
        self.wrong_statuses: frozenset[int] = frozenset()
        self.wrong_days: frozenset[int] = frozenset()
        self.placed: frozenset[int] = frozenset()
        self._basis: Basis | None = None
        self._input = InputDigest(0)
        self._judged_before, self._decided_since = 0, now()

    def is_for(self, policy: Policy, on: date) -> bool:
        """Return True when it is for an audit by this policy on this date."""
        return (self.policy.digest, self.on) == (policy.digest, on)

    def read(self) -> None:
        """Judge every project while others write, unless the audit continues the last one."""
        self.began_at = now()
        if self._to_continue() is None:
            self._judge_all()

    def bring_up_to_date(self) -> int:
        """Under the lock, judge what has changed: since every project was judged, or since the last audit.

        Returns the number of these projects.
        """
        basis = self._basis
        if basis is None or not deleted_up_to() <= basis.changes >= newest_seq() - MANY:
            self.continued = self._to_continue()
            basis = self._judge_all() if self.continued is None else self.continued.basis
        # Before the highest id: what is registered between the two is judged by this audit or by the next one.
        number = newest_seq()
        if self.continued is not None:
            self.until = self.continued.full_on + AHEAD
            self._begin()
        else:
            # With what was registered while every project was judged.
            self.up_to = highest_id()
            self._input.extend(self.up_to)
            if self._writes and (last := last_to_continue(self.policy)) is not None:
                self.expected = self._to_judge(last.basis).ids
                self.placed = self._placed_since(last)
        to_judge = self._to_judge(basis)
        self._basis = Basis(self.on, number, to_judge.counted)
        if self.continued is not None:
            self.judged = to_judge.ids
        ordered = sorted(to_judge.ids)
        for start in range(0, len(ordered), IDS_AT_ONCE):
            ids = ordered[start : start + IDS_AT_ONCE]
            self._input.forget(ids)
            read = self._read(Part(0, self.up_to), to_judge.siblings, None, ids)
            self.compared.update((project_id, read.get(project_id)) for project_id in ids)
        return len(ordered)

    def plan(self, watch: Watch | None = None) -> tuple[Plan, Plan]:
        """Plan what changes of flags, and the same for restricted projects alone.

        ``watch`` is called for each project that is compared and has flags before or after.
        """
        plan, restricted = Plan(statuses_before=statuses_before(self._decided_since), watch=watch), Plan()
        active = active_flags(is_among(FLAGS.c.project_id, self.compared))
        reconcile(
            plan, _verdicts(self.compared), active, self._judged_before, restricted, restricted_among(self.compared)
        )
        return plan, restricted

    def coming_changes(self) -> tuple[set[Coming], set[Coming]]:
        """Return which rows of ``ComingChange`` are no more and which are new, by the flags that are accepted now.

        Where one of a project is no more, all that it has are new.
        """
        stored = Coming.stored(is_among(COMING.c.project_id, self.compared))
        accepted = _accepted(active_flags(is_among(FLAGS.c.project_id, [*filter(self.compared.get, self.compared)])))
        coming = self._coming(self.compared, accepted, _exemption_ends(self.on))
        gone = stored - coming
        again = {each.project_id for each in gone}
        return gone, {each for each in coming if each.project_id in again or each not in stored}

    def digest(self) -> str:
        """SHA-256 (hex) of the policy, the date and everything that was read."""
        before = None if self.continued is None else self.continued.run.input_digest
        return self._input.hexdigest(self.policy, self.on, before, self.judged)

    def input_of(self, audit_id: int, *, may_be_continued: bool) -> dict[str, Any]:
        """Return the row of ``AuditInput``."""
        if self._basis is None:
            raise RuntimeError("nothing was judged")
        return {
            "audit_id": audit_id,
            "program": PROGRAM,
            "changes": self._basis.changes,
            "counted": packed_counted(self._basis.counted) if may_be_continued else None,
            "judged": None if self.judged is None else packed(self.judged),
        }

    def _to_continue(self) -> Continued | None:
        last = None if self._is_full else last_to_continue(self.policy)
        return None if last is None or self.on - last.full_on >= FULL_EVERY else last

    def _begin(self) -> None:
        # Nobody else audits or voids while the exclusive lock is held.
        last = last_good_audit()
        if last is not None:
            self._judged_before, self._decided_since = last.judged_up_to, last.finished_at or last.started_at
        self.up_to = highest_id()
        self._input = InputDigest(self.up_to)

    def _judge_all(self) -> Basis:
        """Judge every project, and keep those of which something differs."""
        number = newest_seq()
        self._begin()
        siblings, contracts = siblings_of_register(self.policy, self.up_to), contracts_of(self.policy)
        statuses, ends = statuses_before(self._decided_since), _exemption_ends(self.on)
        last = last_to_continue(self.policy) if self._writes else None
        known_until = None if last is None else last.full_on + AHEAD
        self.wrong_statuses = frozenset() if last is None else wrong_freeze_statuses(self.policy)
        wrong_days: set[int] = set()
        self.compared = {}
        for part in parts(self.up_to):
            read = self._read(part, siblings, contracts)
            active = active_flags(in_part(FLAGS.c.project_id), part._asdict())
            differing: set[int] = set()
            if self._writes:
                stored = Coming.stored(in_part(COMING.c.project_id), part._asdict())
                rows = stored ^ self._coming(read, _accepted(active), ends)
                differing = {each.project_id for each in rows}
                wrong_days |= {each.project_id for each in rows if known_until is not None and each.on <= known_until}
            plan = Plan(statuses_before=statuses)
            reconcile(plan, _verdicts(read), active, self._judged_before, Plan(), frozenset())
            self.compared |= {project_id: read.get(project_id) for project_id in differing | plan.projects()}
        self.wrong_days = frozenset(wrong_days)
        self._basis = Basis(self.on, number, _digests(siblings))
        return self._basis

    def _read(
        self, part: Part, siblings: Siblings, contracts: Contracts | None, ids: Sequence[int] | None = None
    ) -> dict[int, Judged]:
        read = candidates(self.policy, self.on, part, self._input, ids, siblings, contracts)
        return {
            project_id: Judged(tuple(findings_from(facts, self.policy, self.on, self.until)), exemption_id)
            for project_id, facts, exemption_id in read
        }

    def _to_judge(self, basis: Basis) -> _ToJudge:
        """Find the projects on which the verdict may be another one than as of ``basis``."""
        changed = changed_since(basis.changes, basis.own)
        ids = changed.projects | _projects_of(changed.agencies) | _due(basis.on, self.on)
        ids |= projects_with_contracts(changed.others.get("contract", ()))
        ids |= projects_with_deployments(changed.others.get("deployment", ()))
        ids |= later_records_of(ids)
        siblings: Siblings = {}
        counted = basis.counted
        is_counted = not ids.isdisjoint(counted) or bool(changed.agencies) or "link" in changed.others
        if is_counted or are_counted(self.policy, ids):
            siblings = siblings_of_register(self.policy, self.up_to)
            counted = _digests(siblings)
            both = basis.counted.keys() | counted.keys()
            ids |= {each for each in both if basis.counted.get(each) != counted.get(each)}
        return _ToJudge(frozenset(each for each in ids if each <= self.up_to), siblings, counted)

    def _placed_since(self, last: Continued) -> frozenset[int]:
        if not self.wrong_statuses:
            return frozenset()
        changed = changed_since(last.basis.changes, last.basis.own)
        registered = {each for each in self.wrong_statuses if each > last.run.judged_up_to}
        return _projects_of(changed.agencies) | registered

    def _coming(self, judged: Mapping[int, Judged | None], accepted: Accepted, ends: Mapping[int, date]) -> set[Coming]:
        return {
            row
            for project_id, each in judged.items()
            if each is not None and (len(each.changes) > 1 or (each.findings and each.exemption_id is not None))
            for row in _coming(project_id, *each, accepted, ends, self.until)
        }


def _verdicts(judged: Mapping[int, Judged | None]) -> Iterator[tuple[int, tuple[Finding, ...], int | None]]:
    for project_id in sorted(judged):
        each = judged[project_id]
        # Flags of projects without findings are left over, and cleared.
        if each is not None and each.findings:
            yield project_id, each.findings, each.exemption_id


def _projects_of(agencies: frozenset[int]) -> frozenset[int]:
    if not agencies:
        return frozenset()
    project = table_of(Project).c
    return frozenset(db.session.scalars(select(project.id).where(is_among(project.agency_id, sorted(agencies)))))


def _due(before: date, on: date) -> frozenset[int]:
    """Return the projects on which time alone changes the verdict after a day, or an exemption begins or ends."""
    # The end of an exemption in force is a coming change of projects with findings; nothing hangs on it of others.
    coming = select(COMING.c.project_id).where(COMING.c.on > before, COMING.c.on <= on)
    began = select(Exemption.project_id).where(Exemption.valid_from > before, Exemption.valid_from <= on)
    return frozenset(db.session.scalars(union(coming, began)))


def _accepted(flags: Flags) -> dict[tuple[int, str], str]:
    return {
        (flag.project_id, flag.rule): flag.accepted_fingerprint
        for of_project in flags.values()
        for flag in of_project
        if flag.accepted_fingerprint is not None
    }


def _exemption_ends(on: date) -> dict[int, date]:
    return {row.id: row.valid_to for row in db.session.execute(EXEMPTION_ENDS, {"on": on})}


EXEMPTION_ENDS: Final = select(Exemption.id, Exemption.valid_to).where(in_force_on(bindparam("on", type_=Date)))


def _coming(
    project_id: int,
    changes: tuple[NextChange, ...],
    exemption_id: int | None,
    accepted: Accepted,
    ends: Mapping[int, date],
    until: date,
) -> Iterator[Coming]:
    """Yield a row for each day after the first change on which the open flags of the project are others."""
    end = date.min if exemption_id is None else ends[exemption_id]
    days = {change.on: change.findings for change in changes}
    after_end = end + timedelta(days=1)
    if changes[0].on < after_end <= until:
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
