"""Lists of people for pages, and the history of an account."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import contains_eager

from registry.accounts.account_management import visible_accounts
from registry.accounts.actors import Actor
from registry.accounts.agency_tree import AGENCIES
from registry.accounts.former_names import FormerName
from registry.accounts.models import Account, Person, is_active
from registry.accounts.queries import ACCOUNT_SORTS, account_conditions
from registry.accounts.roles import PERMISSIONS, Permission
from registry.accounts.vocabulary import AccountKind
from registry.core.collation import kazakh_key
from registry.core.database import db
from registry.core.lists import Listing, Page, after, build_page, order_by
from registry.journal.service import JournalEntry

FILTERS: Final = ("q", "role", "agency", "below", "status")
BELOW: Final = "below"
NAME: Final = ACCOUNT_SORTS["name"]
HISTORY_LENGTH: Final = 50


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """An entry of the journal about an account."""

    at: str
    principal: str
    role: str
    action: str
    details: dict[str, Any]


def list_people(actor: Actor, filters: Mapping[str, str], page: Page) -> Listing:
    """A page of people whom the actor sees, by name: the ``person`` of each row.

    The filters are those of ``list_accounts``; ``below=true`` includes the agencies below ``agency``. Raises
    RoleNotAllowed, and Malformed for an invalid filter or cursor.
    """
    actor.require(Permission.PEOPLE_READ)
    statement = (
        select(Person, NAME.column.label("_sort"), Account.id.label("_id"))
        .join(Person.account)
        .options(contains_eager(Person.account))
        .where(visible_accounts(actor), *_conditions(filters))
        .execution_options(populate_existing=True)
    )
    if page.cursor is not None:
        statement = statement.where(after(NAME, Account.id.expression, False, page.cursor))
    statement = statement.order_by(*order_by(NAME, Account.id.expression, False)).limit(page.limit + 1)
    rows = [{"person": row[0], "_sort": row[1], "_id": row[2]} for row in db.session.execute(statement)]
    return build_page(rows, page, NAME, False)


@dataclass(frozen=True, slots=True)
class PeopleCounts:
    """How many people can sign in, and how many were invited and have no password yet."""

    active: int
    invited: int


def active_and_invited_people(actor: Actor) -> PeopleCounts:
    """Count the people whom the actor sees. Raises RoleNotAllowed."""
    actor.require(Permission.PEOPLE_READ)
    invited = Account.invited_at.is_not(None) & Account.disabled_at.is_(None) & Account.pending_since.is_(None)
    counts = (func.count().filter(is_active()), func.count().filter(invited))
    statement = (
        select(*counts).select_from(Account).where(Account.kind == AccountKind.PERSON.value, visible_accounts(actor))
    )
    return PeopleCounts(*db.session.execute(statement).one())


def count_people(actor: Actor, filters: Mapping[str, str]) -> int:
    """How many people the list has on all its pages. Raises what ``list_people`` raises."""
    actor.require(Permission.PEOPLE_READ)
    matching = select(func.count(Person.id)).join(Person.account).where(visible_accounts(actor), *_conditions(filters))
    return db.session.execute(matching).scalar_one()


def matching_people(actor: Actor, filters: Mapping[str, str], most: int) -> list[Person]:
    """The people of the list on all its pages, by name, at most so many. Raises what ``list_people`` raises."""
    actor.require(Permission.PEOPLE_READ)
    statement = select(Person).join(Person.account).where(visible_accounts(actor), *_conditions(filters))
    statement = statement.options(contains_eager(Person.account)).order_by(NAME.column, Account.id).limit(most)
    return list(db.session.scalars(statement))


def account_history(actor: Actor, account: Account) -> list[HistoryEntry]:
    """The newest entries of the journal about an account that the actor sees. Raises RoleNotAllowed."""
    actor.require(Permission.PEOPLE_READ)
    former = db.session.scalars(select(FormerName.name).where(FormerName.account_id == account.id))
    statement = (
        select(JournalEntry)
        .where(JournalEntry.subject.in_([f"account:{name}" for name in (account.name, *former)]))
        .order_by(JournalEntry.seq.desc())
        .limit(HISTORY_LENGTH)
    )
    return [
        HistoryEntry(entry.at, entry.principal, entry.role, entry.action, json.loads(entry.details))
        for entry in db.session.scalars(statement)
    ]


def _conditions(filters: Mapping[str, str]) -> list[ColumnElement[bool]]:
    shared = {name: value for name, value in filters.items() if name != BELOW}
    if "agency" in shared and filters.get(BELOW) != "true":
        number = shared.pop("agency")
        agency_ids = select(AGENCIES.c.id).where(AGENCIES.c.bin == number)
        # Checks the number as the filter with the agencies below does.
        return [*account_conditions({**shared, "agency": number}), Account.agency_id.in_(agency_ids)]
    return account_conditions(shared)


def people_by_account(account_ids: Sequence[int]) -> dict[int, Person]:
    """The people of accounts, by the id of the account."""
    people = db.session.scalars(select(Person).where(Person.account_id.in_(account_ids)))
    return {person.account_id: person for person in people}


def people_to_choose(actor: Actor, permissions: Collection[Permission] = ()) -> list[Account]:
    """The active people whom the actor sees and whose role has the permissions, by name. Raises RoleNotAllowed."""
    actor.require(Permission.PEOPLE_READ)
    roles = [role.value for role, has in PERMISSIONS.items() if has.issuperset(permissions)]
    statement = select(Account).where(
        Account.kind == AccountKind.PERSON.value, Account.role.in_(roles), is_active(), visible_accounts(actor)
    )
    return sorted(db.session.scalars(statement), key=lambda account: kazakh_key(account.name))


def people_of_agencies(
    agency_ids: Collection[int | None], permission: Permission, without: Collection[int] = ()
) -> list[str]:
    """The names of active people of these agencies whose role has the permission, without some accounts."""
    roles = [role.value for role, permissions in PERMISSIONS.items() if permission in permissions]
    statement = select(Account.name).where(
        Account.kind == AccountKind.PERSON.value,
        Account.role.in_(roles),
        Account.agency_id.in_([each for each in agency_ids if each is not None]),
        Account.id.not_in(without),
        is_active(),
    )
    return sorted(db.session.scalars(statement), key=kazakh_key)
