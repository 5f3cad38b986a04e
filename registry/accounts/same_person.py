"""Four eyes: whether two names are one person, and whether the first of two people still counts.

Records have the names of their time. Where two people must act, one must not pass for two: by a new name, by a second
account with the same e-mail address, or by a service account of their own.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, func, or_, select, union

from registry.accounts.actors import Actor
from registry.accounts.former_names import FormerName
from registry.accounts.models import Account, Person, account_named
from registry.accounts.roles import PERMISSIONS, Permission, Role
from registry.core.clock import rfc3339
from registry.core.database import db
from registry.core.errors import Conflict
from registry.journal.service import JournalEntry

OWNER_CHANGED: Final = "account.owner-changed"


class ProposerLostAccess(Conflict):
    """Who proposed, or decided first, has lost access or the role, and is no longer one of two people."""


def names_of(actor: Actor) -> frozenset[str]:
    """Every name that records may have of the actor: that of this request, the present one and former ones."""
    if actor.account_id is None:
        return frozenset({actor.principal})
    return frozenset({actor.principal, *_names(Account.id == actor.account_id)})


def names_of_person(actor: Actor) -> frozenset[str]:
    """``names_of``, and those of every account that has the same e-mail address."""
    if actor.account_id is None:
        return frozenset({actor.principal})
    address = func.lower(Person.email)
    own = select(address).where(Person.account_id == actor.account_id, Person.email.is_not(None)).scalar_subquery()
    alike = Account.id.in_(select(Person.account_id).where(address == own))
    return frozenset({actor.principal, *_names(or_(Account.id == actor.account_id, alike))})


def is_another_person(actor: Actor, names: Collection[str], since: datetime) -> bool:
    """True when none of the names, under which somebody acted since a moment, is the actor's.

    A program acts for whoever owned it then, whoever owns it later.
    """
    own = names_of_person(actor)
    return own.isdisjoint(names) and not any(_acted_for(own, name, since) for name in names)


def nobody_answers_for(name: str) -> bool:
    """True when a service account with that name has no owner, so that anybody may have its token."""
    account = account_ever_named(name)
    return account is not None and not account.is_person and account.owner_account_id is None


def may_still(name: str, permission: Permission) -> bool:
    """True when whoever acted under the name is active and has the permission; also for commands, without account."""
    account = account_ever_named(name)
    return account is None or (account.status == "active" and permission in PERMISSIONS[Role(account.role)])


def require_still_may(name: str, permission: Permission) -> None:
    """Raise ProposerLostAccess unless whoever acted under the name still may."""
    if not may_still(name, permission):
        raise ProposerLostAccess(name=name)


def account_ever_named(name: str) -> Account | None:
    """The account that has the name, or had it; None without one."""
    account = account_named(name)
    if account is not None or not name.isprintable():
        return account
    had = select(FormerName.account_id).where(FormerName.name == name)
    return db.session.scalar(select(Account).where(Account.id.in_(had)))


def present_names(names: Collection[str]) -> dict[str, str]:
    """The present name of each account that has or had one of the names; without names that no account had."""
    had = (
        select(FormerName.name, Account.name)
        .join(Account, Account.id == FormerName.account_id)
        .where(FormerName.name.in_(names))
    )
    has = select(Account.name, Account.name).where(Account.name.in_(names))
    return {name: present for statement in (had, has) for name, present in db.session.execute(statement)}


def every_name_of(names: Collection[str]) -> frozenset[str]:
    """The names, and every other one that an account with one of them has or had."""
    # PostgreSQL rejects NUL, and no name has unprintable characters.
    usable = [name for name in names if name.isprintable()]
    had = select(FormerName.account_id).where(FormerName.name.in_(usable))
    accounts = select(Account.id).where(or_(Account.name.in_(usable), Account.id.in_(had)))
    present = select(Account.name).where(Account.id.in_(accounts))
    former = select(FormerName.name).where(FormerName.account_id.in_(accounts))
    return frozenset({*names, *db.session.scalars(union(present, former))})


def _acted_for(people: Collection[str], name: str, since: datetime) -> bool:
    """Whether a service account with that name is owned by one of the people, or was since then."""
    account = account_ever_named(name)
    if account is None or account.is_person:
        return False
    if account.owner_account_id is not None and not _names(Account.id == account.owner_account_id).isdisjoint(people):
        return True
    subjects = [f"account:{each}" for each in _names(Account.id == account.id)]
    later = (JournalEntry.action == OWNER_CHANGED, JournalEntry.at >= rfc3339(since))
    changes = db.session.scalars(select(JournalEntry.details).where(JournalEntry.subject.in_(subjects), *later))
    return any(json.loads(details)["previous_owner"] in people for details in changes)


def _names(which: ColumnElement[bool]) -> frozenset[str]:
    """The present and former names of the accounts that fit."""
    present = select(Account.name).where(which)
    former = select(FormerName.name).join(Account, Account.id == FormerName.account_id).where(which)
    return frozenset(db.session.scalars(union(present, former)))
