"""Tokens that a second person has to confirm: those that an administrator issued for oversight service accounts."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, or_, select

from registry.accounts.account_changes import ConfirmationNeedsAnotherPerson
from registry.accounts.account_management import require_unchanged
from registry.accounts.actors import Actor
from registry.accounts.confirmers import confirming_people, has_confirmer, require_supervisor, supervisor_is_missing
from registry.accounts.models import Account, find_account, require_person, role_details
from registry.accounts.roles import Permission
from registry.accounts.same_person import names_of_person
from registry.accounts.token_models import KEY_ID, Token
from registry.accounts.tokens import TokenNotFound
from registry.core.clock import now
from registry.core.database import db
from registry.core.errors import Conflict
from registry.core.transactions import transaction
from registry.journal import service as journal


class TokenNotPending(Conflict):
    """The token waits for no confirmation, or has ended meanwhile."""


def confirm_token(actor: Actor, key_id: str) -> None:
    """Confirm a pending token: it works from the next request on.

    Raises RoleNotAllowed, AccountsNeedAPerson, RightsChanged, TokenNotFound, TokenNotPending, and
    ConfirmationNeedsAnotherPerson for whoever issued it, ConfirmationNeedsASupervisor.
    """
    actor.require(Permission.ACCOUNTS_CONFIRM)
    require_person(actor)
    with transaction():
        require_unchanged(actor)
        token = _find_locked(key_id)
        account = find_account(token.account_id)
        if token.pending_since is None or not _is_unended(token) or account.disabled_at is not None:
            raise TokenNotPending(key_id=key_id)
        if token.asked_by in names_of_person(actor) and not actor.is_local:
            raise ConfirmationNeedsAnotherPerson(name=account.name)
        asked_by = [token.asked_by or ""]
        if not actor.is_local:
            require_supervisor(actor, account, asked_by)
        elif has_confirmer(account, asked_by):
            # A command is as good as a second person only where there is none.
            raise ConfirmationNeedsAnotherPerson(name=account.name)
        details = {"account": account.name, **role_details(token.role, token.agency_id), "asked_by": token.asked_by}
        token.pending_since, token.confirmed_by = None, actor.principal
        journal.record(actor, "token.confirmed", f"token:{key_id}", details)


def pending_tokens(actor: Actor) -> list[dict[str, Any]]:
    """The tokens that wait for a confirmation, the longest waiting first. Raises RoleNotAllowed."""
    actor.require(Permission.ACCOUNTS_CONFIRM, step_up=False)
    columns = (Token.key_id, Account.name, Token.role, Token.asked_by, Token.pending_since)
    statement = select(Account, *columns).join(Account, Account.id == Token.account_id).where(*_waiting())
    own, people = names_of_person(actor), confirming_people()
    return [
        {
            **dict(zip((column.key for column in columns), row, strict=True)),
            "asked_by_actor": row[3] in own,
            "can_confirm": actor.is_person
            and row[3] not in own
            and not supervisor_is_missing(actor, account, [str(row[3])], people),
        }
        for account, *row in db.session.execute(statement.order_by(Token.pending_since, Token.id)).all()
    ]


def _waiting() -> list[ColumnElement[bool]]:
    unexpired = or_(Token.expires_at.is_(None), Token.expires_at > now())
    return [Token.pending_since.is_not(None), Token.revoked_at.is_(None), unexpired, Account.disabled_at.is_(None)]


def _is_unended(token: Token) -> bool:
    return token.revoked_at is None and (token.expires_at is None or token.expires_at > now())


def _find_locked(key_id: str) -> Token:
    statement = select(Token).where(Token.key_id == key_id).execution_options(populate_existing=True)
    token = db.session.scalar(statement.with_for_update()) if KEY_ID.fullmatch(key_id) else None
    if token is None:
        raise TokenNotFound(key_id=key_id)
    return token
