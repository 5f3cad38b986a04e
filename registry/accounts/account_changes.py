"""Changes of accounts: disable, enable, change role, and confirmation by a second person.

Every change except a confirmation ends all sessions and tokens of the account; they are never restored.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, and_, delete, func, or_, select, update
from sqlalchemy.orm import aliased

from registry.accounts import account_management, models, passwords
from registry.accounts.agency_tree import require_open_agency
from registry.accounts.models import Account, Person
from registry.accounts.roles import OVERSIGHT_ROLES, PERMISSIONS, Actor, Permission, Role, local_actor
from registry.accounts.same_person import is_another_person, owned_by, people_of
from registry.accounts.sessions import WebSession, end_sessions_of
from registry.accounts.tokens import Token, find_any_token, revoke_tokens_of
from registry.core.clock import now
from registry.core.database import db, require_transaction, transaction
from registry.core.errors import Conflict, Invalid, NotAllowed
from registry.core.installation import encrypt
from registry.journal import service as journal

# Who can confirm pending accounts and tokens, and confirmation of tokens.
#
# A fresh register has nobody yet, and says what to do instead: two administrators, or one and the command line, make
# the first supervisor. From then on they make nobody of oversight without one.


class ConfirmationNeedsASupervisor(NotAllowed):
    """One of the two people who give somebody a role of oversight is a supervisor."""


class ConfirmationNeedsAnotherPerson(NotAllowed):
    """The administrator who created or changed the account cannot confirm it."""


class Confirmer(NamedTuple):
    """An account that may confirm others, with every one of these that has its e-mail address."""

    account_id: int
    role: Role
    accounts: frozenset[int]


def confirming_people() -> list[Confirmer]:
    """Everybody who may confirm accounts; for a list of accounts, read once."""
    address = func.lower(Person.email)
    rows = db.session.execute(
        select(Account.id, Account.role, address.label("address"))
        .outerjoin(Person, Person.account_id == Account.id)
        .where(
            Account.kind == models.AccountKind.PERSON.value,
            Account.role.in_([role.value for role in _confirming_roles()]),
            models.is_active(),
        )
    ).all()
    alike: dict[str | int, set[int]] = defaultdict(set)
    for row in rows:
        alike[row.address or row.id].add(row.id)
    return [Confirmer(row.id, Role(row.role), frozenset(alike[row.address or row.id])) for row in rows]


def has_confirmer(
    account: Account, asked_by: Collection[int | str] | None = None, people: Sequence[Confirmer] | None = None
) -> bool:
    """Return True when an active person may confirm the pending account, or a token of it: another one, who did not
    ask.
    """
    asked_by = account.asked_by or [] if asked_by is None else asked_by
    people = confirming_people() if people is None else people
    needs_supervisor = _is_missing(account, asked_by, people)
    return any(
        each.account_id != account.id
        and each.accounts.isdisjoint(asked_by)
        and (each.role is Role.SUPERVISOR or not needs_supervisor)
        for each in people
    )


def supervisor_is_missing(
    actor: Actor, account: Account, asked_by: Collection[int | str], people: Sequence[Confirmer] | None = None
) -> bool:
    """Return True when the actor is not enough, beside who asked, to confirm the account or a token of it.

    With a role of oversight one of the two is a supervisor, wherever the register has one beside the account.
    """
    if actor.role is Role.SUPERVISOR:
        return False
    return _is_missing(account, asked_by, confirming_people() if people is None else people)


def require_second_person(actor: Actor, account: Account, asked_by: Collection[int | str], since: datetime) -> None:
    """Raise ConfirmationNeedsAnotherPerson for who asked since then, and for a command where somebody could confirm."""
    # A command is as good as a second person only where there is none.
    if has_confirmer(account, asked_by) if actor.is_local else not is_another_person(actor, asked_by, since):
        raise ConfirmationNeedsAnotherPerson(name=account.name)


def require_supervisor(actor: Actor, account: Account, asked_by: Collection[int | str]) -> None:
    """Raise ConfirmationNeedsASupervisor unless one of the two people is a supervisor where one has to be."""
    if not actor.is_local and supervisor_is_missing(actor, account, asked_by):
        raise ConfirmationNeedsASupervisor(name=account.name)


def command_counts_as_person() -> bool:
    """True while the register has fewer than two people of oversight: then a command on the server is one of two."""
    people = select(func.count(Account.id)).where(
        Account.kind == models.AccountKind.PERSON.value,
        Account.role.in_([role.value for role in OVERSIGHT_ROLES]),
        Account.disabled_at.is_(None),
        Account.pending_since.is_(None),
    )
    return (db.session.scalar(people) or 0) < 2


def command_actor() -> Actor:
    """Return the actor of a command that manages accounts: it acts alone only while it counts as a person."""
    return replace(local_actor(Role.ADMINISTRATOR), is_admitted=command_counts_as_person())


def _is_missing(account: Account, asked_by: Collection[int | str], people: Sequence[Confirmer]) -> bool:
    if not Role(account.role).needs_two_people:
        return False
    others = [each for each in people if each.role is Role.SUPERVISOR and each.account_id != account.id]
    return bool(others) and all(each.accounts.isdisjoint(asked_by) for each in others)


def _confirming_roles() -> list[Role]:
    return [role for role, permissions in PERMISSIONS.items() if Permission.ACCOUNTS_CONFIRM in permissions]


# Tokens that a second person has to confirm: those that an administrator issued for oversight service accounts.


class TokenNotPending(Conflict):
    """The token waits for no confirmation, or has ended meanwhile."""


def confirm_token(actor: Actor, key_id: str) -> None:
    """Confirm a pending token: it works from the next request on.

    Raises RoleNotAllowed, AccountsNeedAPerson, RightsChanged, TokenNotFound, TokenNotPending, and
    ConfirmationNeedsAnotherPerson for whoever issued it, ConfirmationNeedsASupervisor.
    """
    actor.require(Permission.ACCOUNTS_CONFIRM)
    models.require_person(actor)
    with transaction() as session:
        account_management.require_unchanged(actor)
        token = find_any_token(key_id)
        session.refresh(token, with_for_update=True)
        account = models.find_account(token.account_id)
        of_account = select(Token.id).join(Account, Account.id == Token.account_id)
        waits = session.scalar(of_account.where(Token.id == token.id, *_waiting()))
        if token.pending_since is None or waits is None:
            raise TokenNotPending(key_id=key_id)
        asker = None if token.asked_account_id is None else models.find_account(token.asked_account_id)
        asked_by = [] if asker is None else [asker.id]
        require_second_person(actor, account, asked_by, token.pending_since)
        require_supervisor(actor, account, asked_by)
        details = {"account": account.name, **models.role_details(token.role, token.agency_id)}
        details["asked_by"] = None if asker is None else asker.name
        token.pending_since, token.confirmed_account_id = None, actor.account_id
        journal.record(actor, "token.confirmed", f"token:{key_id}", details)


def pending_tokens(actor: Actor) -> list[dict[str, Any]]:
    """Return the tokens that wait for a confirmation, the longest waiting first. Raises RoleNotAllowed."""
    actor.require(Permission.ACCOUNTS_CONFIRM, step_up=False)
    asker, own, people = aliased(Account), people_of(actor), confirming_people()
    columns = (Token.key_id, Account.name, Token.role, asker.name.label("asked_by"), Token.pending_since)
    statement = select(Account, Token.asked_account_id, *columns).join(Account, Account.id == Token.account_id)
    statement = statement.outerjoin(asker, asker.id == Token.asked_account_id).where(*_waiting())
    return [
        {
            **dict(zip((column.key for column in columns), row, strict=True)),
            "asked_by_actor": asker_id in own,
            "can_confirm": actor.is_person
            and asker_id not in own
            and not supervisor_is_missing(actor, account, [asker_id or 0], people),
        }
        for account, asker_id, *row in db.session.execute(statement.order_by(Token.pending_since, Token.id)).all()
    ]


def _waiting() -> list[ColumnElement[bool]]:
    unexpired = or_(Token.expires_at.is_(None), Token.expires_at > now())
    return [Token.pending_since.is_not(None), Token.revoked_at.is_(None), unexpired, Account.disabled_at.is_(None)]


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
    account_management.require_account_manager(actor)
    with transaction():
        alike = lock_last_ones(account_id)
        account = account_management.find_managed_account(actor, account_id)
        if account.disabled_at is None:
            require_another_administrator(account, alike)
            require_another_supervisor(actor, account, alike)
            account.disabled_at = now()
            end_access(account)
            passwords.delete_invitation(account.id)
            # They go on working: programs depend on them. Whoever disabled their owner finds them another one.
            owned = owned_by(account.id)
            details = {**models.account_details(account), **({"service_accounts": ", ".join(owned)} if owned else {})}
            journal.record(actor, "account.disabled", f"account:{account.name}", details)


def enable_account(actor: Actor, account_id: int) -> None:
    """Enable an account; its earlier sessions and tokens stay ended.

    Raises RoleNotAllowed, AccountNotFound, NotYourself, AccountNotYours.
    """
    account_management.require_account_manager(actor)
    with transaction():
        account = account_management.find_managed_account(actor, account_id)
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
    account_management.require_account_manager(actor)
    problems = models.role_problems(role, agency_id)
    if problems:
        raise Invalid(problems)
    with transaction():
        require_open_agency(agency_id)
        alike = lock_last_ones(account_id)
        account = account_management.find_managed_account(actor, account_id)
        account_management.require_may_give(actor, role, agency_id)
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
    halves = passwords.generate_halves() if _gets_password(models.find_account(account_id)) else None
    kept = None if halves is None else passwords.hash_password("".join(halves))
    with transaction():
        account = account_management.find_other_account(actor, account_id)
        if account.pending_since is None:
            raise AccountNotPending(name=account.name)
        asked_by, askers, since = account.asked_by or [], ", ".join(account.askers), account.pending_since
        require_second_person(actor, account, asked_by, since)
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
        require_supervisor(actor, account, asked_by)
        account.pending_since, account.asked_by, account.confirmed_account_id = None, None, actor.account_id
        if role.needs_two_people:
            unlink_by_address(actor, account)
        models.settle_admission(actor, account)
        if kept is not None and halves is not None:
            first_half = None if actor.is_local else encrypt(passwords.FIRST_HALVES, halves[0])
            values = {"password_hash": kept, "password_set_at": now(), "password_must_change": True}
            values["first_half"] = first_half
            db.session.execute(update(Person).where(Person.account_id == account.id).values(**values))
            account.invited_at = None
            end_access(account)
        details = {**models.account_details(account), "asked_by": askers}
        journal.record(actor, "account.confirmed", f"account:{account.name}", details)
        if account.invited_at is not None and address is not None:
            passwords.send_invitation(actor, account, address)
    if halves is None:
        return None
    return "".join(halves) if actor.is_local else halves[1]


def _gets_password(account: Account) -> bool:
    """True for a person, but for one who is invited, and one who signs in at the OpenID Connect provider only."""
    stored = db.session.scalar(select(Person.password_hash).where(Person.account_id == account.id))
    if account.invited_at is not None:
        return not passwords.can_be_invited(email_of(account))
    return stored is not None and stored != passwords.NO_PASSWORD


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
    others = [
        each for each in pending if not account_management.is_own(actor, each) and own.isdisjoint(each.asked_by or ())
    ]
    people = confirming_people() if others else []
    return frozenset(each.id for each in others if _is_first_of_two(each) or _completes(actor, each, people))


def _is_first_of_two(account: Account) -> bool:
    """True for an account from the OpenID Connect provider that two people confirm, and nobody has yet."""
    return account.asked_by == [account.id]


def _completes(actor: Actor, account: Account, people: Sequence[Confirmer] | None = None) -> bool:
    return not supervisor_is_missing(actor, account, account.asked_by or (), people)


def lock_last_ones(account_id: int) -> list[int]:
    """Return the active people with the account's role, an administrator's or supervisor's, locked until the
    transaction ends.

    None for other accounts.

    The account itself is locked with them, and all in the order of ids as everywhere: two who disable each other wait
    instead. Without it, an account that somebody has just disabled would be locked last, against that order.
    """
    people = (Account.kind == models.AccountKind.PERSON.value, models.is_active())
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
    linked = (models.OidcIdentity.account_id == account.id, models.OidcIdentity.created_at != account.created_at)
    for identity in session.scalars(select(models.OidcIdentity).where(*linked)):
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
        account = account_management.find_other_account(actor, account_id)
        if account.pending_since is None or account.disabled_at is not None:
            raise AccountNotPending(name=account.name)
        account.disabled_at = now()
        end_access(account)
        passwords.delete_invitation(account.id)
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
    count = sum(account.kind == models.AccountKind.PERSON for account in accounts)
    return {"people": count, "service_accounts": len(accounts) - count}
