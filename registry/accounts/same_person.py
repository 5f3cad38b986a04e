"""Whether two names are one account: records have the names of their time, and where two people must act, one must not
pass for two by a new name.
"""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import or_, select, union

from registry.accounts.actors import Actor
from registry.accounts.former_names import FormerName
from registry.accounts.models import Account, account_named
from registry.core.database import db


def names_of(actor: Actor) -> frozenset[str]:
    """Every name that records may have of the actor: that of this request, the present one and former ones."""
    if actor.account_id is None:
        return frozenset({actor.principal})
    present = select(Account.name).where(Account.id == actor.account_id)
    former = select(FormerName.name).where(FormerName.account_id == actor.account_id)
    return frozenset({actor.principal, *db.session.scalars(union(present, former))})


def is_same_person(actor: Actor, name: str) -> bool:
    """True when a record with that name is the actor's."""
    return name == actor.principal or name in names_of(actor)


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
