"""Report of an impact: which projects change and how, by agency and by region, with sums in whole tenge.

Restricted projects are counted apart and not named: naming one is a read for the journal, and an impact writes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import select

from registry.agencies.models import Agency
from registry.audits.policy_impact import BECAUSE_OF_FACTS, BECAUSE_OF_POLICY, Impact
from registry.audits.project_changes import CASES_OPENED, KINDS
from registry.core.database import db
from registry.projects.models import Project

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
    """The impact as JSON. Every list has every project that is not restricted; sums and groups add up to the lists."""
    by_id = {change.project_id: change for change in impact.changes.changes}
    cases = sorted(impact.changes.cases_opened)
    about = _about(sorted({*by_id, *cases}))
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
    """The groups with most newly flagged projects first."""
    rows: list[dict[str, Any]] = [{key: name, **counts} for name, counts in groups.items()]
    return sorted(rows, key=lambda row: (-row["newly_flagged"], -row["cleared"], row[key] or ""))


def _about(ids: Sequence[int]) -> dict[int, _About]:
    return dict(_rows(ids))


def _rows(ids: Sequence[int]) -> Iterator[tuple[int, _About]]:
    columns = select(
        Project.id, Project.number, Agency.bin, Project.region, Project.budget_kzt, Project.is_restricted
    ).join(Agency, Agency.id == Project.agency_id)
    for start in range(0, len(ids), IDS_AT_ONCE):
        some = ids[start : start + IDS_AT_ONCE]
        for row in db.session.execute(columns.where(Project.id.in_(some))):
            yield row.id, _About(row.number, row.bin, row.region, row.budget_kzt, row.is_restricted)
