"""Recipients of entries: active people who may see the case, and never the person who acted."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, select

from registry.accounts.absences import substitutions
from registry.accounts.agency_tree import AGENCIES
from registry.accounts.models import Account, is_active, is_admitted
from registry.accounts.roles import AGENCY_ROLES, OVERSIGHT_ROLES, PERMISSIONS, Permission, Role
from registry.accounts.vocabulary import AccountKind
from registry.cases.models import Case, CaseEvent
from registry.core.database import db
from registry.inbox.mentions import mentioned_skeletons
from registry.inbox.models import Watch
from registry.projects.models import Project

IS_PERSON: Final = Account.kind == AccountKind.PERSON.value


@dataclass(frozen=True, slots=True)
class EventContext:
    """An entry of a timeline, its case's assignee and what decides who sees it. ``actor_id``: the account that acted.

    ``agency_ids``: the project's agency and those above it, the nearest first.
    """

    event: CaseEvent
    assignee: str | None
    project_id: int
    is_restricted: bool
    agency_ids: tuple[int, ...]
    actor_id: int | None

    def people(self, *conditions: ColumnElement[bool]) -> list[Account]:
        """The people of these conditions who may see the entry, without the one who acted."""
        others = (IS_PERSON, is_active(), Account.id.is_distinct_from(self.actor_id), Account.name != self.event.by)
        accounts = db.session.scalars(select(Account).where(*others, *conditions).order_by(Account.id))
        return [account for account in accounts if self._may_see(account)]

    def named(self, *names: str | None) -> list[Account]:
        """The oversight people with these names, and their deputies of today."""
        known = [name for name in names if name is not None]
        if not known:
            return []
        deputies = {each.absent: each.deputy for each in substitutions()}
        known += [deputies[name] for name in known if name in deputies]
        return self.people(Account.name.in_(known), Account.role.in_(OVERSIGHT_ROLES))

    def who_may(self, permission: Permission) -> list[Account]:
        """The oversight people whose role has the permission."""
        roles = [role.value for role in OVERSIGHT_ROLES if permission in PERMISSIONS[role]]
        return self.people(Account.role.in_(roles))

    def of_agency(self, permission: Permission) -> list[Account]:
        """The people of the project's agency with the permission; without any, of the nearest agency above it."""
        roles = [role.value for role in AGENCY_ROLES if permission in PERMISSIONS[role]]
        people = self.people(Account.agency_id.in_(self.agency_ids), Account.role.in_(roles))
        by_agency = ([each for each in people if each.agency_id == agency_id] for agency_id in self.agency_ids)
        return next((of_one for of_one in by_agency if of_one), [])

    def mentioned(self) -> list[Account]:
        """The people whom the comment mentions and who may read it."""
        mentions = mentioned_skeletons(self.event.comment)
        if not mentions:
            return []
        possible = {name for names in mentions for name in names}
        existing = set(db.session.scalars(select(Account.name_skeleton).where(Account.name_skeleton.in_(possible))))
        meant = {next((name for name in names if name in existing), "") for names in mentions}
        people = self.people(Account.name_skeleton.in_(meant))
        return [each for each in people if self.event.speaks_to_agency or Role(each.role) not in AGENCY_ROLES]

    def watching(self) -> list[Account]:
        """The people who follow the case or its project."""
        of_case = select(Watch.account_id).where(Watch.case_id == self.event.case_id)
        of_project = select(Watch.account_id).where(Watch.project_id == self.project_id)
        return self.people(Account.id.in_(of_case.union(of_project)))

    def _may_see(self, account: Account) -> bool:
        return may_see(
            account.role,
            account.agency_id,
            self.agency_ids,
            is_restricted=self.is_restricted,
            tells_agency=self.event.tells_agency,
            admitted_at=account.restricted_admitted_at,
        )


def may_see(
    role: str,
    agency_id: int | None,
    agency_ids: Collection[int],
    *,
    is_restricted: bool,
    tells_agency: bool,
    admitted_at: datetime | None,
) -> bool:
    """True when a person of that role and agency sees an entry of the timeline of a project of these agencies.

    ``admitted_at``: since when the person is admitted to restricted projects.
    """
    permissions = PERMISSIONS[Role(role)]
    if is_restricted and not is_admitted(role, admitted_at):
        return False
    if Permission.CASES_READ not in permissions or (is_restricted and Permission.RESTRICTED_READ not in permissions):
        return False
    return Role(role) not in AGENCY_ROLES or (tells_agency and agency_id in agency_ids)


def context_of(event_id: int, actor_id: int | None) -> EventContext:
    """The context of an entry of a timeline."""
    statement = (
        select(CaseEvent, Case.assignee, Project.id, Project.is_restricted, Project.agency_id)
        .join(Case, Case.id == CaseEvent.case_id)
        .join(Project, Project.id == Case.project_id)
        .where(CaseEvent.id == event_id)
    )
    event, assignee, project_id, is_restricted, agency_id = db.session.execute(statement).one()
    return EventContext(event, assignee, project_id, is_restricted, agency_and_above(agency_id), actor_id)


def agency_and_above(agency_id: int) -> tuple[int, ...]:
    """An agency and those above it, the nearest first."""
    chain: list[int] = []
    above: int | None = agency_id
    while above is not None and above not in chain:
        chain.append(above)
        above = db.session.scalar(select(AGENCIES.c.parent_id).where(AGENCIES.c.id == above))
    return tuple(chain)
