"""Facts as the register knew them at an earlier moment: the input of a past audit, read again.

Where each comes from: projects and their earlier values from revisions, kinds of agencies from the journal, exemptions
and orders from their own dates.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from hashlib import sha256
from typing import Any

from registry.agencies.queries import kinds_known_at
from registry.audits.candidates import Candidate, Part, facts_of_row, pasts_of
from registry.audits.verdicts import PROJECT_FACTS
from registry.cases.known_orders import migrate_by_known_at
from registry.exemptions.known_exemptions import exemptions_known_at
from registry.freeze.policy import NOT_JUDGED, Policy
from registry.projects.former_records import Pasts, former_pasts_known_at
from registry.projects.known_projects import KnownProject, projects_known_at

READ = (*PROJECT_FACTS, "is_restricted")


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

    def part(self, policy: Policy, on: date, part: Part, digest: Any) -> KnownPart:
        """Return what an audit would have read of the part at the moment, and update ``digest`` as it did."""
        known = KnownPart()
        present = [each for each in projects_known_at(self.at, READ, *part) if not each.is_withdrawn]
        known.restricted_ids = {each.id for each in present if each.values["is_restricted"]}
        inside = [each for each in present if self.kinds[each.agency] in policy.scope]
        known.in_scope, known.out_of_scope = len(inside), len(present) - len(inside)
        judged = [each for each in inside if not _is_verified(each, on)]
        known.candidates = list(self._candidates(judged, policy, on, part, digest))
        return known

    def project(self, project_id: int, policy: Policy, on: date) -> tuple[Candidate, KnownProject]:
        """Return one project, in whatever scope and placement, with its exemption in force on the date."""
        part = Part(project_id - 1, project_id)
        (project,) = projects_known_at(self.at, READ, *part)
        (candidate,) = self._candidates([project], policy, on, part, sha256())
        return candidate, project

    def _candidates(
        self, projects: list[KnownProject], policy: Policy, on: date, part: Part, digest: Any
    ) -> Iterator[Candidate]:
        exemptions = exemptions_known_at(self.at, on, *part)
        orders = migrate_by_known_at(self.at, *part)
        for each in projects:
            values = (each.values[name] for name in PROJECT_FACTS)
            read = (each.id, each.version, each.registered_at, *values, self.kinds[each.agency])
            digest.update(repr((*read, orders.get(each.id), exemptions.get(each.id))).encode())
        former: Pasts = {}
        if policy.edit_severity != NOT_JUDGED:
            former = former_pasts_known_at(self.at, *part)
        past = pasts_of({each.id: (each.version, each.values) for each in projects}, former, policy, digest)
        for each in projects:
            kind, due = self.kinds[each.agency], orders.get(each.id)
            of_past = past.get(each.id, ()), former.get(each.id, ())
            facts = facts_of_row(each.values, kind, each.registered_at, due, *of_past)
            yield Candidate(each.id, facts, exemptions.get(each.id))


def _is_verified(project: KnownProject, on: date) -> bool:
    verified_on = project.values["placement_verified_on"]
    return project.values["placement"] == "on_platform" and verified_on is not None and verified_on <= on
