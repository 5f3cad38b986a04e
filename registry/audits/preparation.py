"""What an audit reads before it locks: every project judged and counted, and the cases that differ from their flags.

Under the lock only what has changed since is read again, by the change feed.
"""

from __future__ import annotations

from datetime import date
from typing import Final

from registry.audits.counting import Counts
from registry.audits.judgement import Judgement
from registry.audits.reconciliation import Plan
from registry.cases.sync import NO_AUDIT, projects_to_sync
from registry.changes.queries import deleted_up_to
from registry.changes.service import changed_since, newest_number
from registry.freeze.policy import Policy

# The cases of more projects than these are compared all: SQLite has at most 32,766 parameters, nine for each.
MANY: Final = 2000


class Preparation:
    """An audit by a policy on a date. ``writes``: it is no dry run, which neither counts nor changes cases."""

    def __init__(self, policy: Policy, on: date, *, writes: bool = True) -> None:
        """Without reading anything."""
        self.policy, self.on = policy, on
        self.judgement = Judgement(policy, on)
        self.counts = Counts(on)
        self._writes = writes
        self._to_sync: frozenset[int] | None = None
        self._number = 0

    def is_for(self, policy: Policy, on: date) -> bool:
        """True when it is for an audit by this policy on this date."""
        return (self.policy.digest, self.on) == (policy.digest, on)

    def read(self) -> None:
        """Judge, count and compare everything, while others write."""
        if self._writes:
            self.counts.count()
            self._number = newest_number()
            self._to_sync = projects_to_sync(self.policy)
        # Last, because it takes longest to judge again what changes meanwhile.
        self.judgement.judge()
        if self._writes:
            self.counts.bring_up_to_date()
            self._to_sync = self._among_changed(frozenset(), NO_AUDIT)

    def projects_to_sync(self, plan: Plan, audit_id: int) -> frozenset[int] | None:
        """The ids of projects whose cases differ from their flags, which the audit has written; None for all."""
        planned = {flag.project_id for flag, *_ in plan.updated} | set(plan.changed_projects())
        return self._among_changed(frozenset(planned), audit_id)

    def _among_changed(self, planned: frozenset[int], audit_id: int) -> frozenset[int] | None:
        if self._to_sync is None or deleted_up_to() > self._number:
            return None
        number = newest_number()
        changed = changed_since(self._number).projects if number > self._number else frozenset()
        projects = self._to_sync | changed | planned
        if len(projects) > MANY:
            return None
        self._number = number
        return projects_to_sync(self.policy, sorted(projects), audit_id) if projects else projects
