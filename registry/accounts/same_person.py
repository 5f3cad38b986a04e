"""Four eyes: whether two names are one person, and whether the first of two people still counts.

Records have the names of their time. Where two people must act, one must not pass for two: by a new name, by a second
account with the same e-mail address, or by a service account of their own.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, func, or_, select, union
from sqlalchemy.orm import aliased

from registry.accounts import account_management
from registry.accounts.account_names import FormerName
from registry.accounts.models import Account, AccountKind, AccountNotFound, Person, find_account
from registry.accounts.roles import PERMISSIONS, Actor, Permission, Role
from registry.core.clock import rfc3339
from registry.core.database import db, transaction
from registry.core.errors import Conflict, invalid
from registry.journal import service as journal
from registry.journal.service import JournalEntry

# Owners of service accounts: the people who answer for them.


def owner_id(actor: Actor, requested_id: int | None) -> int | None:
    """Return the id of the owner of a new service account: the requested person, by default the actor.

    The command line has no account: what it creates without an owner is listed by ``ownerless_accounts``. Raises
    Invalid at ``/owner`` unless the owner is an active person whom the actor sees.
    """
    if requested_id is None:
        return actor.account_id
    try:
        owner = find_account(requested_id)
    except AccountNotFound:
        raise invalid("/owner", "owner-not-usable") from None
    if not owner.is_person or owner.status != "active" or not account_management.sees_account(actor, owner):
        raise invalid("/owner", "owner-not-usable")
    return owner.id


def owner_name(account: Account) -> str | None:
    """Return the name of the owner of a service account."""
    return owner_names([account]).get(account.id)


def owner_names(accounts: Sequence[Account]) -> dict[int, str]:
    """Return the names of the owners of service accounts, by the id of the account; without those that have none."""
    owner_ids = {each.owner_account_id for each in accounts if each.owner_account_id is not None}
    rows = db.session.execute(select(Account.id, Account.name).where(Account.id.in_(owner_ids))) if owner_ids else ()
    names = {row.id: row.name for row in rows}
    return {each.id: names[each.owner_account_id] for each in accounts if each.owner_account_id is not None}


def count_owned_accounts(account_id: int) -> int:
    """Return how many service accounts the person answers for."""
    counted = select(func.count(Account.id)).where(Account.owner_account_id == account_id)
    return db.session.execute(counted).scalar_one()


def change_owner(actor: Actor, account_id: int, owner_account_id: int) -> None:
    """Give a service account another owner; sessions and tokens go on.

    Raises RoleNotAllowed, AccountsNeedAPerson, AccountNotFound, also for a person's account, AccountNotYours, Invalid.
    """
    account_management.require_account_manager(actor)
    with transaction():
        account = account_management.find_managed_account(actor, account_id)
        if account.is_person:
            raise AccountNotFound(id=account_id)
        before, account.owner_account_id = owner_name(account), owner_id(actor, owner_account_id)
        after = owner_name(account)
        if before != after:
            details = {"previous_owner": before, "owner": after}
            journal.record(actor, OWNER_CHANGED, f"account:{account.name}", details)


def owned_by(account_id: int) -> list[str]:
    """Return the names of the service accounts in use that a person answers for."""
    owned = (Account.owner_account_id == account_id, Account.disabled_at.is_(None))
    return list(db.session.scalars(select(Account.name).where(*owned).order_by(Account.name)))


def ownerless_accounts(actor: Actor) -> list[Account]:
    """Return the service accounts in use that nobody answers for: without an owner, or with a disabled one, by name.

    Raises RoleNotAllowed.
    """
    actor.require(Permission.TOKENS_READ)
    owner = aliased(Account)
    statement = (
        select(Account)
        .outerjoin(owner, owner.id == Account.owner_account_id)
        .where(
            Account.kind == AccountKind.SERVICE.value,
            Account.disabled_at.is_(None),
            owner.id.is_(None) | owner.disabled_at.is_not(None),
            account_management.visible_accounts(actor),
        )
        .order_by(Account.name)
    )
    return list(db.session.scalars(statement))


OWNER_CHANGED: Final = "account.owner-changed"
ACCOUNT_CHANGED: Final = "account.changed"
# After each of these an account is admitted to restricted projects once more, or waits for it.
ENDS_ADMISSION: Final = ("account.admission-ended", "account.moved", "account.role-changed", "account.enabled")
# How long before the first of two acts an address that was given up still shows that two accounts are one person's.
GIVEN_UP_FOR: Final = timedelta(days=30)


class ProposerLostAccess(Conflict):
    """Who proposed, or decided first, has lost access or the role, and is no longer one of two people."""


def names_of(actor: Actor) -> frozenset[str]:
    """Return every name that records may have of the actor: that of this request, the present one and former ones."""
    if actor.account_id is None:
        return frozenset({actor.principal})
    return frozenset({actor.principal, *_names(Account.id == actor.account_id)})


def people_of(actor: Actor) -> set[int | str]:
    """Return ``Actor.who``, and the accounts that have the same e-mail address."""
    address = func.lower(Person.email)
    addresses = select(address).where(Person.account_id == actor.account_id, Person.email.is_not(None))
    alike = (
        () if actor.account_id is None else db.session.scalars(select(Person.account_id).where(address.in_(addresses)))
    )
    return {actor.who, *alike}


def acted(actor: Actor, account_id: ColumnElement[Any], name: ColumnElement[Any]) -> ColumnElement[bool]:
    """Return the SQL condition for what the actor's person did: by account, by the name of the time where there is
    none.
    """
    # No account has the id 0; of an empty list the database would not compare the name.
    by_account = account_id.in_({each for each in people_of(actor) if isinstance(each, int)} or {0})
    return func.coalesce(by_account, name == actor.principal)


def is_another_person(actor: Actor, people: Collection[int | str], since: datetime) -> bool:
    """Return True when none of the people who acted since a moment is the actor.

    Each is ``Actor.who``: the id of the account, or the principal of a command.
    A program acts for whoever owned it then, whoever owns it later. An address that was given up since then, or
    shortly before it, counts too: otherwise an edit of it between the two acts would make two people of one.
    """
    if actor.who in people:
        return False
    theirs = {each for each in people if isinstance(each, int)}
    own = set() if actor.account_id is None else {actor.account_id}
    known = _identities({*own, *theirs}, own)
    owners = _owners([known[each] for each in theirs if known[each].is_service], since)
    theirs |= owners
    if not owners <= known.keys():
        known |= _identities(owners)
    addresses = _addresses_of(known, own)
    own |= {each for each, identity in known.items() if not identity.addresses.isdisjoint(addresses)}
    if not own.isdisjoint(theirs):
        return False
    _add_former_addresses(known.values(), since)
    return _addresses_of(known, own).isdisjoint(_addresses_of(known, theirs))


def nobody_answers_for(who: int | str) -> bool:
    """Return True for a service account that has no owner, so that anybody may have its token."""
    account = find_account(who) if isinstance(who, int) else None
    return account is not None and not account.is_person and account.owner_account_id is None


def may_still(who: int | str | Account | None, permission: Permission) -> bool:
    """Return True when the account is active and has the permission; also for commands, without account."""
    account = find_account(who) if isinstance(who, int) else who
    return not isinstance(account, Account) or (
        account.status == "active" and permission in PERMISSIONS[Role(account.role)]
    )


def require_still_may(who: int | None, name: str, permission: Permission) -> None:
    """Raise ProposerLostAccess unless the account, which had that name, still may."""
    if not may_still(who, permission):
        raise ProposerLostAccess(name=name)


def lost_admission_since(actor: Actor, since: datetime) -> bool:
    """Return True when the account was since given to somebody who may not read what it read, or could have been."""
    subjects = [f"account:{name}" for name in names_of(actor)]
    later = (JournalEntry.action.in_(ENDS_ADMISSION), JournalEntry.at >= rfc3339(since))
    ended = select(JournalEntry.seq).where(JournalEntry.subject.in_(subjects), *later).limit(1)
    return db.session.scalar(ended) is not None


def account_ever_named(name: str) -> int | None:
    """Return the id of the account that has the name, or had it; None without one."""
    return db.session.scalar(accounts_ever_named([name]))


def accounts_ever_named(names: Collection[str]) -> Select[int]:
    """Return the ids of the accounts that have or had one of the names."""
    # PostgreSQL rejects NUL, and no name has unprintable characters.
    usable = [name for name in names if name.isprintable()]
    had = select(FormerName.account_id).where(FormerName.name.in_(usable))
    return select(Account.id).where(or_(Account.name.in_(usable), Account.id.in_(had)))


def every_name_of(names: Collection[str]) -> frozenset[str]:
    """Return the names, and every other one that an account with one of them has or had."""
    return frozenset({*names, *_names(Account.id.in_(accounts_ever_named(names)))})


def _addresses_of(known: Mapping[int, _Identity], account_ids: Collection[int]) -> set[str]:
    return {address for each in account_ids for address in known[each].addresses}


@dataclass(slots=True)
class _Identity:
    """What shows whose an account is: its names, its e-mail address, and who owns a service account."""

    is_service: bool
    owner_id: int | None
    names: set[str]
    addresses: set[str]


def _identities(account_ids: Collection[int], alike: Collection[int] = ()) -> dict[int, _Identity]:
    """Return the accounts, and those that have the same e-mail address as one of ``alike``."""
    address = func.lower(Person.email)
    theirs = select(address).where(Person.account_id.in_(alike), Person.email.is_not(None))
    ids = union(
        select(Account.id).where(Account.id.in_(account_ids)), select(Person.account_id).where(address.in_(theirs))
    )
    statement = (
        select(Account.id, Account.kind, Account.owner_account_id, Person.email, Account.name, FormerName.name)
        .outerjoin(Person, Person.account_id == Account.id)
        .outerjoin(FormerName, FormerName.account_id == Account.id)
        .where(Account.id.in_(ids))
    )
    identities: dict[int, _Identity] = {}
    for account_id, kind, owner, email, name, former_name in db.session.execute(statement):
        addresses = set() if email is None else {email.lower()}
        new = _Identity(kind == AccountKind.SERVICE, owner, {name}, addresses)
        identity = identities.setdefault(account_id, new)
        if former_name is not None:
            identity.names.add(former_name)
    return identities


def _owners(services: Collection[_Identity], since: datetime) -> set[int]:
    """Who owns one of these service accounts, or owned it since then."""
    if not services:
        return set()
    changes = _changes_since(OWNER_CHANGED, {name for each in services for name in each.names}, since)
    names = [change["previous_owner"] for _, change in changes if change["previous_owner"] is not None]
    former = set(db.session.scalars(accounts_ever_named(names))) if names else set()
    return {each.owner_id for each in services if each.owner_id is not None} | former


def _add_former_addresses(identities: Collection[_Identity], since: datetime) -> None:
    """Add the e-mail addresses that each account had since then or shortly before."""
    by_name = {name: each for each in identities for name in each.names}
    for name, change in _changes_since(ACCOUNT_CHANGED, by_name, since - GIVEN_UP_FOR):
        old = {each["old"] for each in change.get("changes", ()) if each["field"] == "email"}
        by_name[name].addresses |= {address.lower() for address in old if address is not None}


def _changes_since(action: str, names: Collection[str], since: datetime) -> list[tuple[str, dict[str, Any]]]:
    """Return the entries with that action about the accounts with these names: each name with its details."""
    subjects = [f"account:{name}" for name in names]
    later = (JournalEntry.action == action, JournalEntry.at >= rfc3339(since))
    entries = select(JournalEntry.subject, JournalEntry.details).where(JournalEntry.subject.in_(subjects), *later)
    return [(subject.partition(":")[2], json.loads(details)) for subject, details in db.session.execute(entries)]


def _names(which: ColumnElement[bool]) -> frozenset[str]:
    """Return the present and former names of the accounts that fit."""
    former = select(FormerName.name).join(Account, Account.id == FormerName.account_id)
    return frozenset(db.session.scalars(union(select(Account.name).where(which), former.where(which))))
