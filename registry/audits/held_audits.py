"""Held audits: the change threshold, and what caused the changes that it counted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from itertools import zip_longest
from typing import Any, Final, NamedTuple

from sqlalchemy import select

from registry.agencies.models import Agency
from registry.audits.reconciliation import TURNS, Plan, Turned
from registry.audits.verdicts import CONFIRMED
from registry.cases.models import Order
from registry.core.database import db
from registry.flags.models import AuditRun, HeldCause
from registry.freeze.policy import Policy
from registry.projects.models import Project
from registry.projects.revisions import Revision

# Change threshold: an audit that would change too many projects at once is held for confirmation.


def held_because(plan: Plan, policy: Policy, on: date, last: AuditRun | None) -> dict[str, int] | None:
    """Return why the audit must be held, or None.

    Counts projects that the last successful audit judged: newly flagged, newly clear, and those whose highest severity
    rises or falls while they keep a flag. A count reaches the
    threshold when it is at least the policy's minimum and more than its percentage of all in-scope projects of that
    audit. The threshold does not apply to the first audit, nor when a date named in the policy lies between the two
    audits, both dates included.
    """
    if last is None or any(last.on <= named <= on for named in policy.named_dates):
        return None
    turns = plan.turns()
    for count in turns.values():
        if (
            count >= policy.change_threshold_minimum
            and count * 100 > policy.change_threshold_percent * last.projects_judged
        ):
            return {**turns, "judged_by_last_audit": last.projects_judged}
    return None


# Held causes: by cause, rule and agency, the projects that the change threshold counted of a held audit.
#
# Each project has one cause, the first that applies: the loss of a confirmation, another change of its record, a
# decision that ended its order, a changed agency, a changed policy; otherwise only time has passed.

IDS_AT_ONCE: Final = 5000
# Agencies shown one by one; the others are counted together.
MAX_AGENCIES: Final = 20


class _Origin(NamedTuple):
    agency: str
    is_restricted: bool
    cause: str


def held_causes(turned: Sequence[Turned], run: AuditRun, last: AuditRun) -> dict[str, Any]:
    """Count the projects for the run's ``held_causes``: all of them, and the restricted ones again apart.

    Both have ``causes``, ``rules`` and ``agencies``, each of them code → numbers of projects in the order of TURNS.
    """
    since = last.finished_at or last.started_at
    is_new_policy = run.policy_digest != last.policy_digest
    counts: dict[str, dict[str, dict[str, list[int]]]] = {
        part: {"causes": {}, "rules": {}, "agencies": {}} for part in ("all", "restricted")
    }
    for some in _chunks(turned):
        origins = _origins([each.project_id for each in some], since, is_new_policy)
        for each in some:
            origin = origins[each.project_id]
            for part in ("all", "restricted") if origin.is_restricted else ("all",):
                _count(counts[part]["causes"], origin.cause, each)
                _count(counts[part]["agencies"], origin.agency, each)
                for rule in each.rules:
                    _count(counts[part]["rules"], rule, each)
    return counts


def visible_causes(counts: Mapping[str, Any] | None, *, with_restricted: bool) -> dict[str, Any] | None:
    """Return the causes as lists, most projects first, of what the reader may see; None for an audit without causes.

    ``agencies`` names at most 20; ``other_agencies`` counts the rest.
    """
    if counts is None:
        return None
    lists = {
        name: _listed(rows, {} if with_restricted else counts["restricted"][name], key)
        for name, rows, key in (
            ("causes", counts["all"]["causes"], "cause"),
            ("rules", counts["all"]["rules"], "rule"),
            ("agencies", counts["all"]["agencies"], "agency"),
        )
    }
    agencies = lists["agencies"]
    return {**lists, "agencies": agencies[:MAX_AGENCIES], "other_agencies": len(agencies[MAX_AGENCIES:])}


def _count(rows: dict[str, list[int]], code: str, turned: Turned) -> None:
    rows.setdefault(code, [0] * len(TURNS))[TURNS.index(turned.kind)] += 1


def _listed(rows: Mapping[str, Sequence[int]], hidden: Mapping[str, Sequence[int]], key: str) -> list[dict[str, Any]]:
    listed = []
    for code, counted in rows.items():
        # Audits before changes of severity were counted stored the first two.
        shown = dict(zip(TURNS, _less(counted, hidden.get(code, ())), strict=True))
        if any(shown.values()):
            listed.append({key: code, **shown})
    return sorted(listed, key=lambda row: (-sum(row[kind] for kind in TURNS), row[key]))


def _less(counts: Sequence[int], hidden: Sequence[int]) -> list[int]:
    pairs = zip_longest(counts, hidden, range(len(TURNS)), fillvalue=0)
    return [count - less for count, less, _place in pairs]


def _chunks(turned: Sequence[Turned]) -> Iterator[Sequence[Turned]]:
    for start in range(0, len(turned), IDS_AT_ONCE):
        yield turned[start : start + IDS_AT_ONCE]


def _origins(ids: list[int], since: datetime, is_new_policy: bool) -> dict[int, _Origin]:
    lost, changed = _changed_records(ids, since)
    ended = set(db.session.scalars(select(Order.project_id).where(Order.project_id.in_(ids), Order.ended_at > since)))
    otherwise = HeldCause.POLICY_CHANGED if is_new_policy else HeldCause.TIME_PASSED
    projects = (
        select(Project.id, Project.is_restricted, Agency.bin, Agency.updated_at)
        .join(Agency, Agency.id == Project.agency_id)
        .where(Project.id.in_(ids))
    )
    origins = {}
    for project_id, is_restricted, agency, agency_updated_at in db.session.execute(projects):
        reasons = (
            (project_id in lost, HeldCause.CONFIRMATION_LOST),
            (project_id in changed, HeldCause.RECORD_CHANGED),
            (project_id in ended, HeldCause.ORDER_ENDED),
            (agency_updated_at > since, HeldCause.AGENCY_CHANGED),
            (True, otherwise),
        )
        cause = next(cause for applies, cause in reasons if applies)
        origins[project_id] = _Origin(agency, is_restricted, cause.value)
    return origins


def _changed_records(ids: list[int], since: datetime) -> tuple[set[int], set[int]]:
    """Return the projects that lost a confirmation since then, and all whose record changed."""
    lost, changed = set(), set()
    revisions = select(Revision.project_id, Revision.changes).where(
        Revision.project_id.in_(ids), Revision.version > 1, Revision.at >= since
    )
    for project_id, changes in db.session.execute(revisions):
        changed.add(project_id)
        if _loses_a_confirmation(changes):
            lost.add(project_id)
    return lost, changed


def _loses_a_confirmation(changes: Sequence[Mapping[str, Any]]) -> bool:
    """Return True when the platform withdrew a confirmation. It changes nothing else: an agency that edits what was
    confirmed, such as the platform key, loses the confirmation too, and its edit is the cause.
    """
    withdrawn = any(change["field"] in CONFIRMED and change["new"] is None for change in changes)
    return withdrawn and all(change["field"] in CONFIRMED for change in changes)
