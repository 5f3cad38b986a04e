"""Token queries; the results never contain secrets."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, select

from registry.accounts.actors import Actor
from registry.accounts.models import Account
from registry.accounts.tokens import Token
from registry.core.database import db


def all_tokens() -> list[dict[str, Any]]:
    """All tokens with their accounts' names, oldest first."""
    return _list_tokens()


def own_tokens(actor: Actor) -> list[dict[str, Any]]:
    """The tokens of the actor's account, oldest first."""
    return _list_tokens(Token.account_id == actor.account_id)


def _list_tokens(*conditions: ColumnElement[bool]) -> list[dict[str, Any]]:
    columns = (
        Token.key_id,
        Account.name.label("principal"),
        Account.kind,
        Token.role,
        Token.agency_id,
        Token.created_at,
        Token.expires_at,
        Token.revoked_at,
        Token.last_used_at,
        Token.pending_since,
    )
    statement = select(*columns).join(Account, Account.id == Token.account_id).where(*conditions).order_by(Token.id)
    return [dict(row) for row in db.session.execute(statement).mappings()]
