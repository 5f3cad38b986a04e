"""Reconciliation: compares an audit's findings with the active flags and plans the changes, without writing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, select

from registry.core.database import db
from registry.flags.models import FLAGS, IS_ACTIVE, SEVERITY_RANK
from registry.freeze.findings import Finding
from registry.freeze.vocabulary import Severity

# Change that an audit lists for an existing flag, by its status after the last audit and after this one.
# A flag that is open again is ``reopened``, also where a revoked exemption opened it.
STATUS_CHANGES: Mapping[tuple[str, str], str] = {
    ("open", "exempt"): "exempted",
    ("accepted", "exempt"): "exempted",
    ("open", "accepted"): "accepted",
    ("exempt", "accepted"): "accepted",
    ("accepted", "open"): "unaccepted",
}


# What an audit makes of a project that the last one judged: it gets its first active flag, loses its last one, or keeps
# some and has another highest severity.
NEWLY_FLAGGED: Final = "newly_flagged"
NEWLY_CLEAR: Final = "newly_clear"
SEVERITY_RAISED: Final = "severity_raised"
SEVERITY_LOWERED: Final = "severity_lowered"
TURNS: Final = (NEWLY_FLAGGED, NEWLY_CLEAR, SEVERITY_RAISED, SEVERITY_LOWERED)


class ActiveFlag(NamedTuple):
    """The compared columns of a flag that is not cleared."""

    project_id: int
    id: int
    rule: str
    severity: str
    status: str
    fingerprint: str
    accepted_fingerprint: str | None
    exemption_id: int | None


Flags = dict[int, list[ActiveFlag]]


class Turned(NamedTuple):
    """A project that the change threshold counts: ``kind`` is one of TURNS. With the rules of its flags."""

    project_id: int
    kind: str
    rules: tuple[str, ...]


class Outcome(NamedTuple):
    """A project with flags before or after an audit. ``open_after``: severity, and flag id if the flag existed."""

    project_id: int
    before: Sequence[ActiveFlag]
    after: tuple[Finding, ...]
    open_after: Sequence[tuple[str, int | None]]


@dataclass(slots=True)
class Plan:
    """All writes of an audit, and its counts.

    ``opened``: (project id, finding, exemption id). ``updated``: (flag, finding, new status, accepted fingerprint,
    exemption id). ``reopened``: the flags that are open again, by this audit or since an exemption was revoked.
    ``restated``: (flag, finding, change) of other flags whose status changed since the last audit, by this audit or by
    a decision, or whose severity changed. ``statuses_before``: the status after the last audit, by (project id, rule),
    of flags that people changed since. ``turned``: the projects of the last audit that the change threshold counts.
    ``watch`` is called with the outcome of each project with flags before or after.
    """

    opened: list[tuple[int, Finding, int | None]] = field(default_factory=list)
    updated: list[tuple[ActiveFlag, Finding, str, str | None, int | None]] = field(default_factory=list)
    reopened: list[tuple[ActiveFlag, Finding]] = field(default_factory=list)
    restated: list[tuple[ActiveFlag, Finding, str]] = field(default_factory=list)
    cleared: list[ActiveFlag] = field(default_factory=list)
    statuses_before: Mapping[tuple[int, str], str] = field(default_factory=dict)
    kept: int = 0
    projects_flagged: int = 0
    projects_to_migrate: int = 0
    projects_exempt: int = 0
    turned: list[Turned] = field(default_factory=list)
    watch: Callable[[Outcome], None] | None = None

    def turns(self) -> dict[str, int]:
        """Count the projects of the last audit by what becomes of them, one of TURNS."""
        counted = Counter(each.kind for each in self.turned)
        return {kind: counted[kind] for kind in TURNS}

    def opening(self) -> Iterator[tuple[int, str, str, str]]:
        """Yield (project id, rule, severity, opened) of each flag to open."""
        for project_id, finding, _ in self.opened:
            yield project_id, finding.rule, finding.severity, "opened"

    def projects(self) -> set[int]:
        """Return the ids of the projects of whose flags anything changes or has changed."""
        flags = (flag for each in (self.updated, self.reopened, self.restated) for flag, *_ in each)
        return {*(opened[0] for opened in self.opened), *(flag.project_id for flag in (*flags, *self.cleared))}

    def changed_projects(self) -> Iterator[int]:
        """Yield the ids of the projects whose flags change, and with them perhaps freeze status and severity."""
        yield from (project_id for project_id, _, _ in self.opened)
        for flag, finding, status, _, _ in self.updated:
            if (status, finding.severity) != (flag.status, flag.severity):
                yield flag.project_id
        yield from (flag.project_id for flag in self.cleared)

    def other_changes(self) -> Iterator[tuple[int, str, str, str]]:
        """Yield (project id, rule, severity, change) of all other changes."""
        for flag, finding in self.reopened:
            yield flag.project_id, flag.rule, finding.severity, "reopened"
        for flag, finding, change in self.restated:
            yield flag.project_id, flag.rule, finding.severity, change
        for flag in self.cleared:
            yield flag.project_id, flag.rule, flag.severity, "cleared"


def active_flags(which: ColumnElement[bool], parameters: Mapping[str, Any] | None = None) -> Flags:
    """Return the active flags that fit, by project id."""
    statement = select(*(FLAGS.c[name] for name in ActiveFlag._fields)).where(IS_ACTIVE, which)
    flags_by_project: Flags = {}
    for row in db.session.execute(statement, parameters or {}).all():
        active_flag = ActiveFlag(*row)
        flags_by_project.setdefault(active_flag.project_id, []).append(active_flag)
    return flags_by_project


def reconcile(
    plan: Plan,
    judged: Iterable[tuple[int, tuple[Finding, ...], int | None]],
    active: Flags,
    judged_before: int,
    restricted: Plan,
    restricted_ids: frozenset[int],
) -> None:
    """Plan a part: compare (project id, findings, exemption id) with ``active``, which is emptied.

    ``judged_before`` is the highest project id of the last successful audit; later projects are new registrations,
    which the change threshold does not count. Changes of ``restricted_ids`` are also planned in ``restricted``, for
    separate counts.
    """
    for project_id, findings, exemption_id in judged:
        flags = active.pop(project_id, ())
        if findings or flags:
            _project(plan, project_id, findings, exemption_id, flags, judged_before)
            if project_id in restricted_ids:
                _project(restricted, project_id, findings, exemption_id, flags, judged_before)
    for project_id, flags in active.items():
        _project(plan, project_id, (), None, flags, judged_before)
        if project_id in restricted_ids:
            _project(restricted, project_id, (), None, flags, judged_before)


def _project(
    plan: Plan,
    project_id: int,
    findings: tuple[Finding, ...],
    exemption_id: int | None,
    flags: Sequence[ActiveFlag],
    judged_before: int,
) -> None:
    before = {flag.rule: flag for flag in flags}
    statuses = set()
    open_after: list[tuple[str, int | None]] = []
    for finding in findings:
        flag = before.pop(finding.rule, None)
        if flag is None:
            status = "open" if exemption_id is None else "exempt"
            plan.opened.append((project_id, finding, exemption_id))
        else:
            status = _keep(plan, flag, finding, exemption_id)
        statuses.add(status)
        if status == "open":
            open_after.append((finding.severity, None if flag is None else flag.id))
    plan.cleared += before.values()
    is_flagged = any(severity != Severity.PLAN for severity, _ in open_after)
    plan.projects_flagged += is_flagged
    plan.projects_to_migrate += bool(open_after) and not is_flagged
    plan.projects_exempt += "exempt" in statuses and "open" not in statuses
    kind = _turn(findings, flags) if project_id <= judged_before else None
    if kind is not None:
        plan.turned.append(Turned(project_id, kind, tuple(each.rule for each in findings or flags)))
    if plan.watch is not None:
        plan.watch(Outcome(project_id, flags, findings, open_after))


def _turn(findings: Sequence[Finding], flags: Sequence[ActiveFlag]) -> str | None:
    # The plan flags nobody: its rank is that of no flag.
    before = max((SEVERITY_RANK[flag.severity] for flag in flags), default=0)
    after = max((SEVERITY_RANK[finding.severity] for finding in findings), default=0)
    if before == after:
        return None
    if not before:
        return NEWLY_FLAGGED
    if not after:
        return NEWLY_CLEAR
    return SEVERITY_RAISED if after > before else SEVERITY_LOWERED


def _keep(plan: Plan, flag: ActiveFlag, finding: Finding, exemption_id: int | None) -> str:
    fingerprint = finding.fingerprint
    # Values that a decision did not cover need a new decision, even when the old values return later.
    accepted = flag.accepted_fingerprint if flag.accepted_fingerprint == fingerprint else None
    status = "exempt" if exemption_id is not None else "accepted" if accepted is not None else "open"
    before = plan.statuses_before.get((flag.project_id, flag.rule), flag.status)
    if status == "open" and (flag.status != "open" or before == "exempt"):
        plan.reopened.append((flag, finding))
    else:
        plan.kept += 1
        change = STATUS_CHANGES.get((before, status))
        if change is None and finding.severity != flag.severity:
            change = "raised" if SEVERITY_RANK[finding.severity] > SEVERITY_RANK[flag.severity] else "lowered"
        if change is not None:
            plan.restated.append((flag, finding, change))
    now_is = (status, finding.severity, fingerprint, accepted, exemption_id)
    if now_is != (flag.status, flag.severity, flag.fingerprint, flag.accepted_fingerprint, flag.exemption_id):
        plan.updated.append((flag, finding, status, accepted, exemption_id))
    return status
