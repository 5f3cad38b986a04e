"""Service accounts: accounts of programs, which authenticate with tokens issued by an administrator."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select

from registry.accounts.account_names import clean_name, name_problems
from registry.accounts.actors import Actor
from registry.accounts.models import (
    Account,
    AccountNotFound,
    account_details,
    find_account,
    new_account,
    require_account_manager,
    role_problems,
)
from registry.accounts.roles import Permission, Role
from registry.accounts.tokens import IssuedToken, issue
from registry.accounts.vocabulary import AccountKind
from registry.core.database import db
from registry.core.errors import Invalid
from registry.core.transactions import transaction
from registry.journal import service as journal


def add_service_account(actor: Actor, name: str, role: Role, agency_id: int | None) -> Account:
    """Add a service account. Raises RoleNotAllowed, AccountsNeedAPerson, Invalid, AccountNameTaken."""
    require_account_manager(actor)
    name = clean_name(name)
    problems = name_problems(name) + role_problems(role, agency_id)
    if problems:
        raise Invalid(problems)
    with transaction():
        account = new_account(actor, name, AccountKind.SERVICE, role, agency_id)
        journal.record(actor, "account.added", f"account:{name}", account_details(account))
    return account


def list_service_accounts(actor: Actor) -> list[Account]:
    """Every service account, by name. Raises RoleNotAllowed."""
    actor.require(Permission.TOKENS_MANAGE)
    statement = select(Account).where(Account.kind == AccountKind.SERVICE.value).order_by(Account.name)
    return list(db.session.scalars(statement))


def find_service_account(actor: Actor, account_id: int) -> Account:
    """The service account with that id. Raises RoleNotAllowed, and AccountNotFound, also for a person's account."""
    actor.require(Permission.TOKENS_MANAGE)
    account = find_account(account_id)
    if account.is_person:
        raise AccountNotFound(id=account_id)
    return account


def issue_service_token(actor: Actor, account_id: int, lifetime: timedelta, role: Role | None = None) -> IssuedToken:
    """Issue a token for the service account, with its role or a narrower one.

    Raises RoleNotAllowed, AccountsNeedAPerson, AccountNotFound, Invalid.
    """
    with transaction():
        account = find_service_account(actor, account_id)
        return issue(actor, account.name, role, None, lifetime)
