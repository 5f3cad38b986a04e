"""Owners of service accounts: the people who answer for them."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import aliased

from registry.accounts.account_management import (
    find_managed_account,
    require_account_manager,
    sees_account,
    visible_accounts,
)
from registry.accounts.actors import Actor
from registry.accounts.models import Account, AccountNotFound, find_account
from registry.accounts.roles import Permission
from registry.accounts.same_person import OWNER_CHANGED
from registry.accounts.vocabulary import AccountKind
from registry.core.database import db
from registry.core.errors import invalid
from registry.core.transactions import transaction
from registry.journal import service as journal


def owner_id(actor: Actor, requested_id: int | None) -> int | None:
    """The id of the owner of a new service account: the requested person, by default the actor.

    The command line has no account: what it creates without an owner is listed by ``ownerless_accounts``. Raises
    Invalid at ``/owner`` unless the owner is an active person whom the actor sees.
    """
    if requested_id is None:
        return actor.account_id
    try:
        owner = find_account(requested_id)
    except AccountNotFound:
        raise invalid("/owner", "owner-not-usable") from None
    if not owner.is_person or owner.status != "active" or not sees_account(actor, owner):
        raise invalid("/owner", "owner-not-usable")
    return owner.id


def owner_name(account: Account) -> str | None:
    """The name of the owner of a service account."""
    return owner_names([account]).get(account.id)


def owner_names(accounts: Sequence[Account]) -> dict[int, str]:
    """The names of the owners of service accounts, by the id of the account; without those that have none."""
    owner_ids = {each.owner_account_id for each in accounts if each.owner_account_id is not None}
    rows = db.session.execute(select(Account.id, Account.name).where(Account.id.in_(owner_ids))) if owner_ids else ()
    names = {row.id: row.name for row in rows}
    return {each.id: names[each.owner_account_id] for each in accounts if each.owner_account_id is not None}


def count_owned_accounts(account_id: int) -> int:
    """How many service accounts the person answers for."""
    counted = select(func.count(Account.id)).where(Account.owner_account_id == account_id)
    return db.session.execute(counted).scalar_one()


def change_owner(actor: Actor, account_id: int, owner_account_id: int) -> None:
    """Give a service account another owner; sessions and tokens go on.

    Raises RoleNotAllowed, AccountsNeedAPerson, AccountNotFound, also for a person's account, AccountNotYours, Invalid.
    """
    require_account_manager(actor)
    with transaction():
        account = find_managed_account(actor, account_id)
        if account.is_person:
            raise AccountNotFound(id=account_id)
        before, account.owner_account_id = owner_name(account), owner_id(actor, owner_account_id)
        after = owner_name(account)
        if before != after:
            details = {"previous_owner": before, "owner": after}
            journal.record(actor, OWNER_CHANGED, f"account:{account.name}", details)


def owned_by(account_id: int) -> list[str]:
    """The names of the service accounts in use that a person answers for."""
    owned = (Account.owner_account_id == account_id, Account.disabled_at.is_(None))
    return list(db.session.scalars(select(Account.name).where(*owned).order_by(Account.name)))


def ownerless_accounts(actor: Actor) -> list[Account]:
    """The service accounts in use that nobody answers for: without an owner, or with a disabled one, by name.

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
            visible_accounts(actor),
        )
        .order_by(Account.name)
    )
    return list(db.session.scalars(statement))
