"""What happens to an account after it was made: disabled, enabled, given another role, confirmed by a second person.

Each change that takes something away ends every session and token of the account; what ended stays ended.
"""

from __future__ import annotations

from sqlalchemy import select, update

from registry.accounts.actors import Actor
from registry.accounts.models import (
    Account,
    Person,
    account_details,
    ask_for_confirmation,
    find_account,
    require_account_manager,
    require_person,
    role_problems,
)
from registry.accounts.passwords import generate_password, hash_password
from registry.accounts.roles import Permission, Role
from registry.accounts.sessions import end_sessions_of
from registry.accounts.tokens import revoke_tokens_of
from registry.core.clock import now
from registry.core.database import db
from registry.core.errors import Conflict, Invalid, NotAllowed
from registry.core.transactions import transaction
from registry.journal import service as journal


class NotYourself(NotAllowed):
    """Nobody changes the own account: another administrator does."""


class ConfirmationNeedsAnotherPerson(NotAllowed):
    """Who asked for the account never confirms it."""


class AccountNotPending(Conflict):
    """The account waits for no confirmation."""


class AccountChanged(Conflict):
    """The account has another role than the one that was to be confirmed."""


def disable_account(actor: Actor, account_id: int) -> None:
    """Disable an account: it is out on its next request. Raises RoleNotAllowed, AccountNotFound, NotYourself."""
    require_account_manager(actor)
    with transaction():
        account = find_other_account(actor, account_id)
        if account.disabled_at is None:
            account.disabled_at = now()
            end_access(account)
            journal.record(actor, "account.disabled", f"account:{account.name}", account_details(account))


def enable_account(actor: Actor, account_id: int) -> None:
    """Enable an account; its earlier sessions and tokens stay ended.

    Raises RoleNotAllowed, AccountNotFound, NotYourself.
    """
    require_account_manager(actor)
    with transaction():
        account = find_other_account(actor, account_id)
        if account.disabled_at is not None:
            account.disabled_at = None
            # Of an account that was disabled by an earlier version, tokens are not revoked yet.
            end_access(account)
            ask_for_confirmation(actor, account)
            journal.record(actor, "account.enabled", f"account:{account.name}", account_details(account))


def change_role(actor: Actor, account_id: int, role: Role, agency_id: int | None) -> None:
    """Give an account another role. Raises RoleNotAllowed, AccountNotFound, NotYourself, and Invalid at the agency."""
    require_account_manager(actor)
    problems = role_problems(role, agency_id)
    if problems:
        raise Invalid(problems)
    with transaction():
        account = find_other_account(actor, account_id)
        if (account.role, account.agency_id) != (role.value, agency_id):
            account.role, account.agency_id = role.value, agency_id
            copies = {"old_role": role.value, "old_agency_id": agency_id}
            db.session.execute(update(Person).where(Person.account_id == account.id).values(**copies))
            end_access(account)
            ask_for_confirmation(actor, account)
            journal.record(actor, "account.role-changed", f"account:{account.name}", account_details(account))


def confirm_account(actor: Actor, account_id: int, role: Role) -> str | None:
    """Confirm a pending account with the role that the person who confirms was shown.

    A person gets a new password, which is returned, to be handed over and changed at the first sign-in: whoever asked
    for the account knows none that works. None for a service account. Raises SignInBusy, RoleNotAllowed,
    AccountsNeedAPerson, AccountNotFound, NotYourself, ConfirmationNeedsAnotherPerson for whoever asked for it,
    AccountNotPending, and AccountChanged when the role is another one by now.
    """
    actor.require(Permission.ACCOUNTS_CONFIRM)
    require_person(actor)
    password = generate_password() if find_account(account_id).is_person else None
    kept = None if password is None else hash_password(password)
    with transaction():
        account = find_other_account(actor, account_id)
        if account.pending_since is None:
            raise AccountNotPending(name=account.name)
        asked_by = account.asked_by or []
        if actor.principal in asked_by:
            raise ConfirmationNeedsAnotherPerson(name=account.name)
        if account.role != role.value:
            raise AccountChanged(name=account.name, role=account.role)
        account.pending_since, account.asked_by, account.confirmed_by = None, None, actor.principal
        if kept is not None:
            values = {"password_hash": kept, "password_set_at": now(), "password_must_change": True}
            db.session.execute(update(Person).where(Person.account_id == account.id).values(**values))
            end_access(account)
        details = {**account_details(account), "asked_by": ", ".join(asked_by)}
        journal.record(actor, "account.confirmed", f"account:{account.name}", details)
    return password


def pending_accounts(actor: Actor) -> list[Account]:
    """The accounts that wait for a confirmation, the longest waiting first. Raises RoleNotAllowed."""
    actor.require(Permission.ACCOUNTS_CONFIRM)
    waiting = select(Account).where(Account.pending_since.is_not(None), Account.disabled_at.is_(None))
    return list(db.session.scalars(waiting.order_by(Account.pending_since, Account.id)))


def can_confirm(actor: Actor, account: Account) -> bool:
    """Whether the person who acts may confirm the account: it waits for that, and is not asked for by the person."""
    return (
        actor.may(Permission.ACCOUNTS_CONFIRM)
        and actor.is_person
        and account.pending_since is not None
        and account.disabled_at is None
        and actor.principal not in (account.name, *(account.asked_by or ()))
    )


def find_other_account(actor: Actor, account_id: int) -> Account:
    """The account, locked until the transaction ends. Raises AccountNotFound, and NotYourself for the own one."""
    account = find_account(account_id, lock=True)
    if account.id == actor.account_id or account.name == actor.principal:
        raise NotYourself(name=account.name)
    return account


def end_access(account: Account) -> None:
    """End every session and token of the account, inside the open transaction."""
    person_id = db.session.scalar(select(Person.id).where(Person.account_id == account.id))
    if person_id is not None:
        end_sessions_of(person_id)
    revoke_tokens_of(account.id)
