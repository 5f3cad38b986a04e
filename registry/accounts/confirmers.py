"""Who can confirm a pending account: another person, and where the register has supervisors, one of the two is one.

A fresh register has nobody yet, and says what to do instead: two administrators, or one and the command line, make the
first supervisor. From then on they make nobody of oversight without one.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import NamedTuple

from sqlalchemy import func, select

from registry.accounts.actors import Actor, local_actor
from registry.accounts.former_names import FormerName
from registry.accounts.models import Account, Person, is_active
from registry.accounts.roles import OVERSIGHT_ROLES, PERMISSIONS, Permission, Role
from registry.accounts.vocabulary import AccountKind
from registry.core.database import db
from registry.core.errors import NotAllowed


class ConfirmationNeedsASupervisor(NotAllowed):
    """One of the two people who give somebody a role of oversight is a supervisor."""


class Confirmer(NamedTuple):
    """An account that may confirm others, with every name that it, and others with its address, has or had."""

    account_id: int
    role: Role
    names: frozenset[str]


def confirming_people() -> list[Confirmer]:
    """Everybody who may confirm accounts; for a list of accounts, read once."""
    address = func.lower(Person.email)
    rows = db.session.execute(
        select(Account.id, Account.role, Account.name, FormerName.name.label("former"), address.label("address"))
        .outerjoin(FormerName, FormerName.account_id == Account.id)
        .outerjoin(Person, Person.account_id == Account.id)
        .where(
            Account.kind == AccountKind.PERSON.value,
            Account.role.in_([role.value for role in _confirming_roles()]),
            is_active(),
        )
    ).all()
    people = {row.id: (Role(row.role), row.address or row.id) for row in rows}
    names: dict[str | int, set[str]] = {}
    for row in rows:
        names.setdefault(people[row.id][1], {row.name}).update(name for name in (row.name, row.former) if name)
    return [Confirmer(account_id, role, frozenset(names[person])) for account_id, (role, person) in people.items()]


def has_confirmer(
    account: Account, asked_by: Collection[str] | None = None, people: Sequence[Confirmer] | None = None
) -> bool:
    """True when an active person may confirm the pending account, or a token of it: another one, who did not ask."""
    asked_by = account.asked_by or [] if asked_by is None else asked_by
    people = confirming_people() if people is None else people
    needs_supervisor = _is_missing(account, asked_by, people)
    return any(
        each.account_id != account.id
        and each.names.isdisjoint(asked_by)
        and (each.role is Role.SUPERVISOR or not needs_supervisor)
        for each in people
    )


def supervisor_is_missing(
    actor: Actor, account: Account, asked_by: Collection[str], people: Sequence[Confirmer] | None = None
) -> bool:
    """True when the actor is not enough, beside who asked, to confirm the account or a token of it.

    With a role of oversight one of the two is a supervisor, wherever the register has one beside the account.
    """
    if actor.role is Role.SUPERVISOR:
        return False
    return _is_missing(account, asked_by, confirming_people() if people is None else people)


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
    """The actor of a command that manages accounts: it acts alone only while it counts as a person."""
    return replace(local_actor(Role.ADMINISTRATOR), is_admitted=command_counts_as_person())


def _is_missing(account: Account, asked_by: Collection[str], people: Sequence[Confirmer]) -> bool:
    if not Role(account.role).needs_two_people:
        return False
    others = [each for each in people if each.role is Role.SUPERVISOR and each.account_id != account.id]
    return bool(others) and all(each.names.isdisjoint(asked_by) for each in others)


def _confirming_roles() -> list[Role]:
    return [role for role, permissions in PERMISSIONS.items() if Permission.ACCOUNTS_CONFIRM in permissions]
