"""Reconciliation: what the rules found tonight against the flags that stand. It plans and writes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from operator import attrgetter
from typing import Any

from sqlalchemy import select

from registry.freeze.findings import Finding
from registry.records.flags import Flag
from registry.store.database import db

ROWS_AT_ONCE = 2000


@dataclass(frozen=True, slots=True)
class Standing:
    """A flag that is not cleared, in what reconciliation compares."""

    project_id: int
    id: int
    rule: str
    severity: str
    status: str
    fingerprint: str
    accepted_fingerprint: str | None
    exemption_id: int | None


@dataclass(slots=True)
class Plan:
    """Everything that an audit would write, and its counts.

    ``opened``: (project id, finding, exemption id). ``updated``: (flag, finding, new status, accepted fingerprint,
    exemption id). ``changes``: (project id, rule, severity, opened|reopened|cleared).
    """

    opened: list[tuple[int, Finding, int | None]] = field(default_factory=list)
    updated: list[tuple[Standing, Finding, str, str | None, int | None]] = field(default_factory=list)
    cleared: list[int] = field(default_factory=list)
    changes: list[tuple[int, str, str, str]] = field(default_factory=list)
    kept: int = 0
    reopened: int = 0
    projects_flagged: int = 0
    projects_exempt: int = 0
    newly_flagged: int = 0
    newly_clear: int = 0


def standing_flags(up_to: int) -> Iterator[Standing]:
    """Stream the standing flags of projects up to an id, in the order of project ids."""
    columns = [getattr(Flag, name) for name in Standing.__dataclass_fields__]
    statement = select(*columns).where(Flag.status != "cleared", Flag.project_id <= up_to).order_by(Flag.project_id)
    with db.session.execute(statement.execution_options(yield_per=ROWS_AT_ONCE)) as rows:
        for row in rows:
            yield Standing(*row)


def reconcile(
    judged: Iterable[tuple[int, tuple[Finding, ...], int | None]], standing: Iterable[Standing], judged_before: int
) -> Plan:
    """Compare (project id, findings, exemption id) with the standing flags, both in the order of project ids.

    ``judged_before`` is the highest project id of the last good audit: later ones are new registrations, which the
    safety belt does not count.
    """
    plan = Plan()
    groups = groupby(standing, key=attrgetter("project_id"))
    flagged, flags = _next(groups)
    for project_id, findings, exemption_id in judged:
        while flagged is not None and flagged < project_id:
            _project(plan, flagged, (), None, flags, judged_before)
            flagged, flags = _next(groups)
        if flagged == project_id:
            _project(plan, project_id, findings, exemption_id, flags, judged_before)
            flagged, flags = _next(groups)
        elif findings:
            _project(plan, project_id, findings, exemption_id, [], judged_before)
    while flagged is not None:
        _project(plan, flagged, (), None, flags, judged_before)
        flagged, flags = _next(groups)
    return plan


def _next(groups: Any) -> tuple[int | None, list[Standing]]:
    project_id, flags = next(groups, (None, ()))
    return project_id, list(flags)


def _project(
    plan: Plan,
    project_id: int,
    findings: tuple[Finding, ...],
    exemption_id: int | None,
    flags: list[Standing],
    judged_before: int,
) -> None:
    before = {flag.rule: flag for flag in flags}
    statuses = set()
    for finding in findings:
        flag = before.pop(finding.rule, None)
        if flag is None:
            statuses.add("open" if exemption_id is None else "exempt")
            plan.opened.append((project_id, finding, exemption_id))
            plan.changes.append((project_id, finding.rule, finding.severity, "opened"))
        else:
            statuses.add(_keep(plan, flag, finding, exemption_id))
    for flag in before.values():
        plan.cleared.append(flag.id)
        plan.changes.append((project_id, flag.rule, flag.severity, "cleared"))
    plan.projects_flagged += "open" in statuses
    plan.projects_exempt += "exempt" in statuses and "open" not in statuses
    if project_id <= judged_before:
        plan.newly_flagged += bool(findings) and not flags
        plan.newly_clear += bool(flags) and not findings


def _keep(plan: Plan, flag: Standing, finding: Finding, exemption_id: int | None) -> str:
    fingerprint = finding.fingerprint
    # Values that a decision did not see need a decision of their own, even when the old ones come back.
    accepted = flag.accepted_fingerprint if flag.accepted_fingerprint == fingerprint else None
    status = "exempt" if exemption_id is not None else "accepted" if accepted is not None else "open"
    if status == "open" and flag.status != "open":
        plan.reopened += 1
        plan.changes.append((flag.project_id, flag.rule, finding.severity, "reopened"))
    else:
        plan.kept += 1
    now_is = (status, finding.severity, fingerprint, accepted, exemption_id)
    if now_is != (flag.status, flag.severity, flag.fingerprint, flag.accepted_fingerprint, flag.exemption_id):
        plan.updated.append((flag, finding, status, accepted, exemption_id))
    return status
