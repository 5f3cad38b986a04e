"""Lists of people: search, filters, last sign-in, and the history of an account."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import contains_eager

from registry.accounts.account_management import visible_accounts
from registry.accounts.actors import Actor
from registry.accounts.agency_tree import AGENCIES, subtree
from registry.accounts.models import Account, Person, is_active
from registry.accounts.roles import Permission, Role
from registry.accounts.vocabulary import AccountKind, AccountStatus
from registry.core.database import db
from registry.core.errors import Malformed, Problem
from registry.core.filters import ChoiceFilter, conditions
from registry.core.pagination import Listing, Page, SortKey, after, build_page, order_by
from registry.core.value_checks import control_character
from registry.journal.service import JournalEntry

FILTERS: Final = ("q", "role", "agency", "below", "status")
NAME: Final = SortKey("name", Account.name.expression, str)
MAX_SEARCH_LENGTH: Final = 200
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
    """A page of people whom the actor sees, by name: ``person`` and ``last_signed_in_at`` of each.

    ``q`` is part of the name or address; ``below=true`` includes the agencies below ``agency``. Raises RoleNotAllowed,
    and Malformed for an invalid filter or cursor.
    """
    actor.require(Permission.PEOPLE_READ)
    statement = (
        select(
            Person,
            last_signed_in().label("last_signed_in_at"),
            Account.name.label("_sort"),
            Account.id.label("_id"),
        )
        .join(Person.account)
        .options(contains_eager(Person.account))
        .where(visible_accounts(actor), *_conditions(actor, filters))
        .execution_options(populate_existing=True)
    )
    if page.cursor is not None:
        statement = statement.where(after(NAME, Account.id.expression, False, page.cursor))
    statement = statement.order_by(*order_by(NAME, Account.id.expression, False)).limit(page.limit + 1)
    rows = [
        {
            "person": row.Person,
            "last_signed_in_at": None if row.last_signed_in_at is None else instant(row.last_signed_in_at),
            "_sort": row[2],
            "_id": row[3],
        }
        for row in db.session.execute(statement)
    ]
    return build_page(rows, page, NAME, False)


def last_signed_in() -> ColumnElement[str | None]:
    """Scalar subquery: when the person of the account last signed in, as the journal writes it, or NULL."""
    statement = (
        select(JournalEntry.at)
        .where(JournalEntry.principal == Account.name, JournalEntry.action == "person.signed-in")
        .order_by(JournalEntry.seq.desc())
        .limit(1)
    )
    return statement.correlate(Account).scalar_subquery()


def last_signed_in_at(account: Account) -> datetime | None:
    """When the person last signed in; None for never."""
    at = db.session.scalar(select(last_signed_in()).select_from(Account).where(Account.id == account.id))
    return None if at is None else instant(at)


def account_history(actor: Actor, account: Account) -> list[HistoryEntry]:
    """The newest entries of the journal about an account that the actor sees. Raises RoleNotAllowed."""
    actor.require(Permission.PEOPLE_READ)
    statement = (
        select(JournalEntry)
        .where(JournalEntry.subject == f"account:{account.name}")
        .order_by(JournalEntry.seq.desc())
        .limit(HISTORY_LENGTH)
    )
    return [
        HistoryEntry(entry.at, entry.principal, entry.role, entry.action, json.loads(entry.details))
        for entry in db.session.scalars(statement)
    ]


def instant(at: str) -> datetime:
    """The instant that an entry of the journal has as text."""
    return datetime.fromisoformat(at)


def _conditions(actor: Actor, filters: Mapping[str, str]) -> list[ColumnElement[bool]]:
    of_columns = {"role": ChoiceFilter(Account.role.expression, tuple(role.value for role in Role))}
    criteria = conditions(of_columns, {name: value for name, value in filters.items() if name in of_columns})
    if "q" in filters:
        criteria.append(Account.id.in_(_ids_with(actor, filters["q"])))
    if "agency" in filters:
        criteria.append(_of_agency(filters["agency"], below=filters.get("below") == "true"))
    if "status" in filters:
        criteria.append(_of_status(filters["status"]))
    return criteria


def _ids_with(actor: Actor, text: str) -> list[int]:
    """The ids of accounts with each word in the name or the address.

    Matched in Python: SQLite's lower() does not support Cyrillic, and people are some thousands at most.
    """
    if len(text) > MAX_SEARCH_LENGTH or control_character(text) is not None:
        raise Malformed([Problem("q", "not-usable")])
    words = text.casefold().split()
    rows = db.session.execute(
        select(Account.id, Account.name, Person.email)
        .join(Person, Person.account_id == Account.id)
        .where(Account.kind == AccountKind.PERSON.value, visible_accounts(actor))
    )
    return [row.id for row in rows if all(word in f"{row.name}\n{row.email or ''}".casefold() for word in words)]


def _of_agency(number: str, *, below: bool) -> ColumnElement[bool]:
    agency_id = db.session.scalar(select(AGENCIES.c.id).where(AGENCIES.c.bin == number)) if number.isascii() else None
    if agency_id is None:
        raise Malformed([Problem("agency", "agency-unknown", {"bin": number})])
    return Account.agency_id.in_(select(subtree(agency_id).c.id)) if below else Account.agency_id == agency_id


def _of_status(status: str) -> ColumnElement[bool]:
    disabled, pending = Account.disabled_at.is_not(None), Account.pending_since.is_not(None)
    invited = Account.invited_at.is_not(None)
    match status:
        case AccountStatus.DISABLED:
            return disabled
        case AccountStatus.PENDING:
            return ~disabled & pending
        case AccountStatus.INVITED:
            return ~disabled & ~pending & invited
        case AccountStatus.ACTIVE:
            return ~disabled & ~pending & ~invited
    raise Malformed([Problem("status", "not-a-choice", {"options": ", ".join(AccountStatus.codes())})])


def emails_of(account_ids: Sequence[int]) -> dict[int, str | None]:
    """The e-mail addresses of people by account."""
    rows = db.session.execute(select(Person.account_id, Person.email).where(Person.account_id.in_(account_ids)))
    return {row.account_id: row.email for row in rows}


def people_to_choose(actor: Actor) -> list[str]:
    """The names of active people whom the actor sees. Raises RoleNotAllowed."""
    actor.require(Permission.PEOPLE_READ)
    statement = select(Account.name).where(
        Account.kind == AccountKind.PERSON.value, is_active(), visible_accounts(actor)
    )
    return list(db.session.scalars(statement.order_by(Account.name)))
