"""Changes of an audit project by project: newly flagged, cleared, other severity, other rules, cases opened."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from registry.audits.candidates import Part, in_part
from registry.audits.reconciliation import Outcome
from registry.cases.models import Case
from registry.cases.sync_queries import flags_of_closed_cases, projects_with_open_case
from registry.core.database import db
from registry.flags.models import SEVERITY_RANK
from registry.freeze.vocabulary import Severity

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
        """The changes as JSON: of each kind the ids of projects, with both severities where these change."""
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
