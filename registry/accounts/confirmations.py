"""Who can confirm pending accounts and tokens, and confirmation of tokens.

A fresh register has nobody yet, and says what to do instead: two administrators, or one and the command line, make the
first supervisor. From then on they make nobody of oversight without one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import aliased

from registry.accounts.account_management import require_unchanged
from registry.accounts.models import Account, Person, find_account, is_active, require_person, role_details
from registry.accounts.roles import OVERSIGHT_ROLES, PERMISSIONS, Actor, Permission, Role, local_actor
from registry.accounts.same_person import is_another_person, people_of
from registry.accounts.tokens import Token, find_any_token
from registry.accounts.vocabulary import AccountKind
from registry.core.clock import now
from registry.core.database import db, transaction
from registry.core.errors import Conflict, NotAllowed
from registry.journal import service as journal


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
            Account.kind == AccountKind.PERSON.value,
            Account.role.in_([role.value for role in _confirming_roles()]),
            is_active(),
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
        Account.kind == AccountKind.PERSON.value,
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
    require_person(actor)
    with transaction() as session:
        require_unchanged(actor)
        token = find_any_token(key_id)
        session.refresh(token, with_for_update=True)
        account = find_account(token.account_id)
        of_account = select(Token.id).join(Account, Account.id == Token.account_id)
        waits = session.scalar(of_account.where(Token.id == token.id, *_waiting()))
        if token.pending_since is None or waits is None:
            raise TokenNotPending(key_id=key_id)
        asker = None if token.asked_account_id is None else find_account(token.asked_account_id)
        asked_by = [] if asker is None else [asker.id]
        require_second_person(actor, account, asked_by, token.pending_since)
        require_supervisor(actor, account, asked_by)
        details = {"account": account.name, **role_details(token.role, token.agency_id)}
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
