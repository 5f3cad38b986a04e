"""Changes of accounts: disable, enable, change role, and confirmation by a second person.

Every change except a confirmation ends all sessions and tokens of the account; they are never restored.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import and_, delete, func, or_, select, update

from registry.accounts import confirmations, models
from registry.accounts.account_management import (
    find_managed_account,
    find_other_account,
    is_own,
    require_account_manager,
    require_may_give,
)
from registry.accounts.agency_tree import require_open_agency
from registry.accounts.invitations import can_be_invited, delete_invitation, send_invitation
from registry.accounts.models import Account, OidcIdentity, Person
from registry.accounts.passwords import FIRST_HALVES, NO_PASSWORD, generate_halves, hash_password
from registry.accounts.roles import Actor, Permission, Role
from registry.accounts.same_person import owned_by, people_of
from registry.accounts.sessions import WebSession, end_sessions_of
from registry.accounts.tokens import Token, revoke_tokens_of
from registry.accounts.vocabulary import AccountKind
from registry.core.clock import now
from registry.core.database import db, require_transaction, transaction
from registry.core.errors import Conflict, Invalid
from registry.core.installation import encrypt
from registry.journal import service as journal


class AccountNotPending(Conflict):
    """The account is not pending."""


class LastAdministrator(Conflict):
    """The account is the only active administrator: without it nobody could manage accounts on the pages."""


class LastSupervisor(Conflict):
    """The account is the only active supervisor: without it administrators could give roles of oversight alone."""


class AddressOfAnotherAccount(Conflict):
    """Another person's account has the same e-mail address: one person would have both, and could act as two."""


class AccountChanged(Conflict):
    """The account's role is not the one that was to be confirmed."""


def disable_account(actor: Actor, account_id: int) -> None:
    """Disable an account and end its access.

    Raises RoleNotAllowed, AccountNotFound, NotYourself, AccountNotYours, LastAdministrator, LastSupervisor.
    """
    require_account_manager(actor)
    with transaction():
        alike = lock_last_ones(account_id)
        account = find_managed_account(actor, account_id)
        if account.disabled_at is None:
            require_another_administrator(account, alike)
            require_another_supervisor(actor, account, alike)
            account.disabled_at = now()
            end_access(account)
            delete_invitation(account.id)
            # They go on working: programs depend on them. Whoever disabled their owner finds them another one.
            owned = owned_by(account.id)
            details = {**models.account_details(account), **({"service_accounts": ", ".join(owned)} if owned else {})}
            journal.record(actor, "account.disabled", f"account:{account.name}", details)


def enable_account(actor: Actor, account_id: int) -> None:
    """Enable an account; its earlier sessions and tokens stay ended.

    Raises RoleNotAllowed, AccountNotFound, NotYourself, AccountNotYours.
    """
    require_account_manager(actor)
    with transaction():
        account = find_managed_account(actor, account_id)
        if account.disabled_at is not None:
            account.disabled_at = None
            # Earlier versions did not revoke the tokens of a disabled account.
            end_access(account)
            models.require_confirmation(actor, account)
            models.settle_admission(actor, account)
            journal.record(actor, "account.enabled", f"account:{account.name}", models.account_details(account))


def change_role(actor: Actor, account_id: int, role: Role, agency_id: int | None) -> None:
    """Change the role and agency of an account.

    Raises RoleNotAllowed, AccountNotFound, NotYourself, AccountNotYours, RoleNotYoursToGive, LastAdministrator,
    Invalid.
    """
    require_account_manager(actor)
    problems = models.role_problems(role, agency_id)
    if problems:
        raise Invalid(problems)
    with transaction():
        require_open_agency(agency_id)
        alike = lock_last_ones(account_id)
        account = find_managed_account(actor, account_id)
        require_may_give(actor, role, agency_id)
        before = models.role_details(account.role, account.agency_id)
        if (account.role, account.agency_id) != (role.value, agency_id):
            require_another_administrator(account, alike)
            require_another_supervisor(actor, account, alike)
            account.role, account.agency_id = role.value, agency_id
            end_access(account)
            models.require_confirmation(actor, account)
            models.settle_admission(actor, account)
            details = models.account_details(account)
            changes = [
                {"field": field, "old": before[field], "new": details[field]}
                for field in before
                if before[field] != details[field]
            ]
            action = "account.moved" if before["role"] == role.value else "account.role-changed"
            journal.record(actor, action, f"account:{account.name}", {**details, "changes": changes})
            if before["agency"] != details["agency"]:
                models.agency_changed_of_account.publish(account.id)


def confirm_account(actor: Actor, account_id: int, role: Role, email: str | None = None) -> str | None:
    """Confirm a pending account with the role, and the address if given, that the confirming person was displayed.

    A person who has no password yet is invited. A person with a password gets a new one, to be changed at the first
    sign-in, so that whoever requested the account knows no working one. Its second half is returned, for the person;
    another administrator is shown the first one (``passwords.py``), so that nobody but the person knows both. The
    command line, which needs no second person, gets the whole password. Returns None for other accounts. An account
    that nobody here requested, because it comes from the OpenID Connect provider, stays pending after the first
    confirmation when its role requires two people. Raises SignInBusy, RoleNotAllowed, AccountsNeedAPerson,
    AccountNotFound, NotYourself, ConfirmationNeedsAnotherPerson, ConfirmationNeedsASupervisor, AccountNotPending,
    AddressOfAnotherAccount, and AccountChanged when the role or the address has changed since it was displayed.
    """
    actor.require(Permission.ACCOUNTS_CONFIRM)
    models.require_person(actor)
    halves = generate_halves() if _gets_password(models.find_account(account_id)) else None
    kept = None if halves is None else hash_password("".join(halves))
    with transaction():
        account = find_other_account(actor, account_id)
        if account.pending_since is None:
            raise AccountNotPending(name=account.name)
        asked_by, askers, since = account.asked_by or [], ", ".join(account.askers), account.pending_since
        confirmations.require_second_person(actor, account, asked_by, since)
        address = email_of(account)
        # Whoever requested the account may have given it a password since the first look.
        same_kind = _gets_password(account) is (kept is not None)
        if account.role != role.value or (email is not None and email != (address or "")) or not same_kind:
            raise AccountChanged(name=account.name, role=account.role)
        if role.needs_two_people and not actor.is_local:
            _require_own_address(account, address)
        if asked_by == [account.id] and role.needs_two_people and not actor.is_local:
            account.asked_by = [account.id, actor.who]
            journal.record(actor, "account.requested", f"account:{account.name}", models.account_details(account))
            return None
        confirmations.require_supervisor(actor, account, asked_by)
        account.pending_since, account.asked_by, account.confirmed_account_id = None, None, actor.account_id
        if role.needs_two_people:
            unlink_by_address(actor, account)
        models.settle_admission(actor, account)
        if kept is not None and halves is not None:
            first_half = None if actor.is_local else encrypt(FIRST_HALVES, halves[0])
            values = {"password_hash": kept, "password_set_at": now(), "password_must_change": True}
            values["first_half"] = first_half
            db.session.execute(update(Person).where(Person.account_id == account.id).values(**values))
            account.invited_at = None
            end_access(account)
        details = {**models.account_details(account), "asked_by": askers}
        journal.record(actor, "account.confirmed", f"account:{account.name}", details)
        if account.invited_at is not None and address is not None:
            send_invitation(actor, account, address)
    if halves is None:
        return None
    return "".join(halves) if actor.is_local else halves[1]


def _gets_password(account: Account) -> bool:
    """True for a person, but for one who is invited, and one who signs in at the OpenID Connect provider only."""
    stored = db.session.scalar(select(Person.password_hash).where(Person.account_id == account.id))
    if account.invited_at is not None:
        return not can_be_invited(email_of(account))
    return stored is not None and stored != NO_PASSWORD


def _require_own_address(account: Account, address: str | None) -> None:
    same = select(Account.name).join(Person, Person.account_id == Account.id)
    others = (func.lower(Person.email) == (address or "").lower(), Account.id != account.id)
    other = db.session.scalar(same.where(*others, Account.disabled_at.is_(None)).order_by(Account.id).limit(1))
    if other is not None:
        raise AddressOfAnotherAccount(name=account.name, other=other)


def email_of(account: Account) -> str | None:
    """Return the e-mail address of the account's person."""
    return db.session.scalar(select(Person.email).where(Person.account_id == account.id))


def pending_accounts(actor: Actor) -> list[Account]:
    """Return the accounts waiting for confirmation, oldest first. Raises RoleNotAllowed."""
    actor.require(Permission.ACCOUNTS_CONFIRM, step_up=False)
    waiting = select(Account).where(Account.pending_since.is_not(None), Account.disabled_at.is_(None))
    return list(db.session.scalars(waiting.order_by(Account.pending_since, Account.id)))


def can_confirm(actor: Actor, account: Account) -> bool:
    """Return True when the account is pending and the actor may confirm it, not having created or changed it."""
    return account.id in confirmable(actor, [account])


def confirmable(actor: Actor, accounts: Sequence[Account]) -> frozenset[int]:
    """Return the ids of the accounts that the actor may confirm, with one query for all of them."""
    if not actor.is_person or not actor.may(Permission.ACCOUNTS_CONFIRM):
        return frozenset()
    pending = [each for each in accounts if each.pending_since is not None and each.disabled_at is None]
    own = people_of(actor) if pending else set()
    others = [each for each in pending if not is_own(actor, each) and own.isdisjoint(each.asked_by or ())]
    people = confirmations.confirming_people() if others else []
    return frozenset(each.id for each in others if _is_first_of_two(each) or _completes(actor, each, people))


def _is_first_of_two(account: Account) -> bool:
    """True for an account from the OpenID Connect provider that two people confirm, and nobody has yet."""
    return account.asked_by == [account.id]


def _completes(actor: Actor, account: Account, people: Sequence[confirmations.Confirmer] | None = None) -> bool:
    return not confirmations.supervisor_is_missing(actor, account, account.asked_by or (), people)


def lock_last_ones(account_id: int) -> list[int]:
    """Return the active people with the account's role, an administrator's or supervisor's, locked until the
    transaction ends.

    None for other accounts.

    The account itself is locked with them, and all in the order of ids as everywhere: two who disable each other wait
    instead. Without it, an account that somebody has just disabled would be locked last, against that order.
    """
    people = (Account.kind == AccountKind.PERSON.value, models.is_active())
    role = db.session.scalar(select(Account.role).where(Account.id == account_id, *people))
    if role not in (Role.ADMINISTRATOR, Role.SUPERVISOR):
        return []
    alike = (Account.role == role, *people)
    locked = select(Account.id).where(or_(Account.id == account_id, and_(*alike))).order_by(Account.id)
    db.session.execute(locked.with_for_update())
    return list(db.session.scalars(select(Account.id).where(*alike).order_by(Account.id)))


def require_another_administrator(account: Account, alike: list[int]) -> None:
    """Raise LastAdministrator when the account is the only administrator of those who were locked."""
    if account.role == Role.ADMINISTRATOR and alike == [account.id]:
        raise LastAdministrator(name=account.name)


def require_another_supervisor(actor: Actor, account: Account, alike: list[int]) -> None:
    """Raise LastSupervisor when the account is the only supervisor of those who were locked.

    Administrators who could put it out of action would be alone again. The command line may.
    """
    if not actor.is_local and account.role == Role.SUPERVISOR and alike == [account.id]:
        raise LastSupervisor(name=account.name)


def end_access(account: Account) -> None:
    """End every session and token of the account, inside the open transaction."""
    person_id = db.session.scalar(select(Person.id).where(Person.account_id == account.id))
    if person_id is not None:
        end_sessions_of(person_id)
    revoke_tokens_of(account.id)


def unlink_by_address(actor: Actor, account: Account) -> None:
    """Unlink identities that an e-mail address led to the account, in the open transaction; their sessions end.

    Whoever requests an oversight role for an account may have set an address of their own there before, and linked
    themselves. The confirmed address links the right person at the next sign-in.
    """
    session = require_transaction()
    linked = (OidcIdentity.account_id == account.id, OidcIdentity.created_at != account.created_at)
    for identity in session.scalars(select(OidcIdentity).where(*linked)):
        session.execute(delete(WebSession).where(WebSession.oidc_identity_id == identity.id))
        session.delete(identity)
        details = {"issuer": identity.issuer, "subject": identity.subject}
        journal.record(actor, "account.identity-unlinked", f"account:{account.name}", details)
    session.flush()


# Rejecting a pending account, which is disabled by it.


def reject_account(actor: Actor, account_id: int) -> None:
    """Reject a pending account: it is disabled, and whoever enables it again must have it confirmed.

    Also whoever requested the account may withdraw the request like this: nobody gains access by it. Raises
    RoleNotAllowed, AccountsNeedAPerson, AccountNotFound, NotYourself, AccountNotPending.
    """
    actor.require(Permission.ACCOUNTS_CONFIRM)
    models.require_person(actor)
    with transaction():
        account = find_other_account(actor, account_id)
        if account.pending_since is None or account.disabled_at is not None:
            raise AccountNotPending(name=account.name)
        account.disabled_at = now()
        end_access(account)
        delete_invitation(account.id)
        details = {**models.account_details(account), "asked_by": ", ".join(account.askers)}
        journal.record(actor, "account.rejected", f"account:{account.name}", details)


# Accounts pass to another agency with their roles and tokens; people sign in again, and then act for it.

# SQLAlchemy must not evaluate the conditions in Python: nothing of these tables has been loaded.
IN_SQL: Final[dict[str, Any]] = {"execution_options": {"synchronize_session": False}}


def pass_on_accounts(actor: Actor, former_id: int, to_id: int, details: Mapping[str, Any]) -> dict[str, int]:
    """Give every account of an agency to another one, in the open transaction; returns how many people and services.

    Disabled, pending and invited accounts stay so. Absences and what belongs to an account go with it.
    """
    session = require_transaction()
    statement = select(Account).where(Account.agency_id == former_id).order_by(Account.id).with_for_update(of=Account)
    accounts = list(session.scalars(statement.execution_options(populate_existing=True)))
    before = models.role_details("", former_id)["agency"]
    for account in accounts:
        account.agency_id, account.changed_at = to_id, now()
        entry = {**details, "previous_agency": before, **models.role_details(account.role, to_id)}
        journal.record(actor, "account.passed-on", f"account:{account.name}", entry)
    session.flush()
    session.execute(update(Token).where(Token.agency_id == former_id).values(agency_id=to_id), **IN_SQL)
    passed_on = [account.id for account in accounts]
    for start in range(0, len(passed_on), 1000):
        people = select(Person.id).where(Person.account_id.in_(passed_on[start : start + 1000]))
        session.execute(delete(WebSession).where(WebSession.person_id.in_(people)), **IN_SQL)
    count = sum(account.kind == AccountKind.PERSON for account in accounts)
    return {"people": count, "service_accounts": len(accounts) - count}
