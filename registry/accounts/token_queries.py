"""Token queries; the results never contain secrets."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import aliased

from registry.accounts.account_management import visible_accounts
from registry.accounts.actors import Actor
from registry.accounts.models import Account, is_active
from registry.accounts.roles import Permission
from registry.accounts.token_models import Token
from registry.core.clock import now
from registry.core.database import db

INACTIVE_AFTER: Final = timedelta(days=90)
ENDING_WITHIN: Final = timedelta(days=14)


def all_tokens(actor: Actor) -> list[dict[str, Any]]:
    """The tokens that the actor sees, with their accounts' names, oldest first. Raises RoleNotAllowed."""
    actor.require(Permission.TOKENS_READ)
    return _list_tokens(visible_accounts(actor))


def own_tokens(actor: Actor) -> list[dict[str, Any]]:
    """The tokens of the actor's account, oldest first."""
    return _list_tokens(Token.account_id == actor.account_id)


def inactive_tokens(actor: Actor) -> list[dict[str, Any]]:
    """The working tokens that the actor sees and nobody used for 90 days, oldest first. Raises RoleNotAllowed."""
    actor.require(Permission.TOKENS_READ)
    unused = func.coalesce(Token.last_used_at, Token.created_at) <= now() - INACTIVE_AFTER
    return _list_tokens(visible_accounts(actor), *is_working(), unused)


def ending_tokens(actor: Actor) -> list[dict[str, Any]]:
    """The working tokens that the actor sees and that end within 14 days, oldest first. Raises RoleNotAllowed."""
    actor.require(Permission.TOKENS_READ)
    return _list_tokens(visible_accounts(actor), *is_working(), Token.expires_at <= now() + ENDING_WITHIN)


def is_working() -> list[ColumnElement[bool]]:
    """The SQL conditions for tokens, joined with their accounts, that are accepted now."""
    unexpired = or_(Token.expires_at.is_(None), Token.expires_at > now())
    return [Token.revoked_at.is_(None), Token.pending_since.is_(None), unexpired, is_active()]


def _list_tokens(*conditions: ColumnElement[bool]) -> list[dict[str, Any]]:
    owner = aliased(Account)
    columns = (
        Token.key_id,
        Account.name.label("principal"),
        Account.kind,
        owner.name.label("owner"),
        Token.role,
        Token.agency_id,
        Token.scopes,
        Token.addresses,
        Token.created_at,
        Token.expires_at,
        Token.revoked_at,
        Token.last_used_at,
        Token.last_used_from,
        Token.pending_since,
    )
    statement = (
        select(*columns)
        .join(Account, Account.id == Token.account_id)
        .outerjoin(owner, owner.id == Account.owner_account_id)
        .where(*conditions)
        .order_by(Token.id)
    )
    return [dict(row) for row in db.session.execute(statement).mappings()]
