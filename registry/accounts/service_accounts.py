"""Service accounts: accounts of programs, which authenticate with tokens issued by an administrator."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import timedelta

from sqlalchemy import select

from registry.accounts.account_management import (
    require_account_manager,
    require_may_give,
    require_unchanged,
    sees_account,
    visible_accounts,
)
from registry.accounts.account_names import clean_name, name_problems
from registry.accounts.actors import Actor
from registry.accounts.models import (
    Account,
    AccountNotFound,
    account_details,
    find_account,
    new_account,
    role_problems,
)
from registry.accounts.roles import Permission, Role
from registry.accounts.same_person import owner_id, owner_name
from registry.accounts.scopes import Scope
from registry.accounts.tokens import IssuedToken, issue
from registry.accounts.vocabulary import AccountKind
from registry.core.database import db
from registry.core.errors import Invalid
from registry.core.transactions import transaction
from registry.journal import service as journal


def add_service_account(
    actor: Actor, name: str, role: Role, agency_id: int | None, owner_account_id: int | None = None
) -> Account:
    """Add a service account; its owner is by default the actor.

    Raises RoleNotAllowed, AccountsNeedAPerson, RoleNotYoursToGive, Invalid, AccountNameTaken.
    """
    require_account_manager(actor)
    name = clean_name(name)
    problems = name_problems(name) + role_problems(role, agency_id)
    if problems:
        raise Invalid(problems)
    require_may_give(actor, role, agency_id)
    with transaction():
        require_unchanged(actor)
        owner = owner_id(actor, owner_account_id)
        account = new_account(actor, name, AccountKind.SERVICE, role, agency_id, owner)
        details = {**account_details(account), "owner": owner_name(account)}
        journal.record(actor, "account.added", f"account:{name}", details)
    return account


def list_service_accounts(actor: Actor) -> list[Account]:
    """The service accounts that the actor sees, by name. Raises RoleNotAllowed."""
    actor.require(Permission.TOKENS_READ)
    statement = select(Account).where(Account.kind == AccountKind.SERVICE.value, visible_accounts(actor))
    return list(db.session.scalars(statement.order_by(Account.name)))


def find_service_account(actor: Actor, account_id: int) -> Account:
    """The service account with that id. Raises RoleNotAllowed, and AccountNotFound, also for a person's account."""
    actor.require(Permission.TOKENS_READ)
    account = find_account(account_id)
    if account.is_person or not sees_account(actor, account):
        raise AccountNotFound(id=account_id)
    return account


def issue_service_token(
    actor: Actor,
    account_id: int,
    lifetime: timedelta | None = None,
    role: Role | None = None,
    *,
    scopes: Collection[Scope] | None = None,
    addresses: Sequence[str] = (),
    purpose: str | None = None,
) -> IssuedToken:
    """Issue a token for the service account, with its role or a narrower one and the defaults of ``issue``.

    Raises RoleNotAllowed, AccountsNeedAPerson, AccountNotFound, AccountNotYours, TokenForDisabledAccount, Invalid.
    """
    with transaction():
        account = find_service_account(actor, account_id)
        return issue(actor, account.name, role, None, lifetime, scopes=scopes, addresses=addresses, purpose=purpose)
