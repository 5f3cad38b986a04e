"""Who may do what, from docs/reference/api.md, and how a route is called rightly."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from registry.accounts.roles import Role
from tests.api.access_matrix.world import World

ALL = set(Role)
AGENCY = {Role.AGENCY_VIEWER, Role.AGENCY_EDITOR, Role.AGENCY_ADMINISTRATOR}
OVERSIGHT = ALL - AGENCY
# Leaders read figures and records only.
CASE_READERS = ALL - {Role.LEADER}
AUDIT_READERS = OVERSIGHT - {Role.LEADER}
EDITORS = {Role.AGENCY_EDITOR, Role.AGENCY_ADMINISTRATOR}
WRITERS = {*EDITORS, Role.ADMINISTRATOR}
CONFIRMERS = {Role.REVIEWER, Role.SUPERVISOR, Role.OPERATOR}
IMPORTERS_OF_CONTRACTS = {*CONFIRMERS, Role.ADMINISTRATOR}
REVIEWERS = {Role.REVIEWER, Role.SUPERVISOR}
VERIFIERS = {Role.AUDITOR, Role.OPERATOR}
MANAGERS = {Role.AGENCY_ADMINISTRATOR, Role.ADMINISTRATOR}
JOURNAL_READERS = {Role.SUPERVISOR, Role.AUDITOR, Role.ADMINISTRATOR}
TOKEN_READERS = {*MANAGERS, Role.AUDITOR}
APPROVERS = {*CONFIRMERS, Role.ADMINISTRATOR, Role.AGENCY_ADMINISTRATOR}
REPORT_READERS = {Role.REVIEWER, Role.SUPERVISOR, Role.AUDITOR}
SEE_RESTRICTED = {Role.SUPERVISOR, Role.AUDITOR, *AGENCY}


@dataclass(frozen=True)
class Try:
    """How a route is called rightly, who may, who may but does not see it, and whether its subject is an agency's.

    ``of_project``: its subject is hidden with a restricted project.
    """

    path: str
    allowed: set[Role]
    good: int = 200
    body: Callable[[World], dict[str, Any]] | None = None
    owned: bool = True
    form: Callable[[World], dict[str, Any]] | None = None
    unseen: frozenset[Role] | set[Role] = frozenset()
    of_project: bool = True

    @property
    def sender(self) -> Role:
        """A role that may, or where only who made the record may, one that does not find it."""
        senders = self.allowed - self.unseen or self.unseen
        return next(each for each in Role if each in senders)
