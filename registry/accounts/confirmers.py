"""Who can confirm a pending account: another person, and where the register has supervisors, one of the two is one.

A fresh register has nobody yet, and says what to do instead: two administrators, or one and the command line, make the
first supervisor. From then on they make nobody of oversight without one.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from sqlalchemy import ColumnElement, Select, func, or_, select

from registry.accounts.actors import Actor, local_actor
from registry.accounts.former_names import FormerName
from registry.accounts.models import Account, is_active
from registry.accounts.roles import OVERSIGHT_ROLES, PERMISSIONS, Permission, Role
from registry.accounts.vocabulary import AccountKind
from registry.core.database import db
from registry.core.errors import NotAllowed


class ConfirmationNeedsASupervisor(NotAllowed):
    """One of the two people who give somebody a role of oversight is a supervisor."""


def has_confirmer(account: Account, asked_by: Collection[str] | None = None) -> bool:
    """True when an active person may confirm the pending account, or a token of it: another one, who did not ask."""
    asked_by = account.asked_by or [] if asked_by is None else asked_by
    needs_supervisor = _is_missing(account, asked_by)
    statement = _people(Role.SUPERVISOR) if needs_supervisor else _people(*_confirming_roles())
    return db.session.scalar(_without(statement, account, asked_by).limit(1)) is not None


def supervisor_is_missing(actor: Actor, account: Account, asked_by: Collection[str]) -> bool:
    """True when the actor is not enough, beside who asked, to confirm the account or a token of it.

    With a role of oversight one of the two is a supervisor, wherever the register has one beside the account.
    """
    return actor.role is not Role.SUPERVISOR and _is_missing(account, asked_by)


def require_supervisor(actor: Actor, account: Account, asked_by: Collection[str]) -> None:
    """Raise ConfirmationNeedsASupervisor unless one of the two people is a supervisor where one has to be."""
    if supervisor_is_missing(actor, account, asked_by):
        raise ConfirmationNeedsASupervisor(name=account.name)


def command_counts_as_person() -> bool:
    """True while the register has fewer than two people of oversight: then a command on the server is one of two."""
    people = select(func.count(Account.id)).where(
        Account.kind == AccountKind.PERSON.value,
        Account.role.in_([role.value for role in OVERSIGHT_ROLES]),
        Account.disabled_at.is_(None),
        Account.pending_since.is_(None),
    )
    return (db.session.scalar(people) or 0) < 2


def command_actor() -> Actor:
    """The actor of a command that manages accounts: it admits some to restricted projects only while it is a person."""
    return replace(local_actor(Role.ADMINISTRATOR), is_admitted=command_counts_as_person())


def _is_missing(account: Account, asked_by: Collection[str]) -> bool:
    if not Role(account.role).needs_two_people:
        return False
    others = _people(Role.SUPERVISOR).where(Account.id != account.id)
    if db.session.scalar(others.limit(1)) is None:
        return False
    return db.session.scalar(others.where(_has_name(asked_by)).limit(1)) is None


def _confirming_roles() -> list[Role]:
    return [role for role, permissions in PERMISSIONS.items() if Permission.ACCOUNTS_CONFIRM in permissions]


def _people(*roles: Role) -> Select[int]:
    """The ids of active people with one of the roles."""
    kinds = (Account.kind == AccountKind.PERSON.value, Account.role.in_([role.value for role in roles]), is_active())
    return select(Account.id).where(*kinds)


def _without(people: Select[int], account: Account, asked_by: Collection[str]) -> Select[int]:
    return people.where(Account.id != account.id, ~_has_name(asked_by))


def _has_name(names: Collection[str]) -> ColumnElement[bool]:
    former = select(FormerName.account_id).where(FormerName.name.in_(names))
    return or_(Account.name.in_(names), Account.id.in_(former))
