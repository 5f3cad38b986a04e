"""Lists of tokens, without their secrets."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, select

from registry.accounts.actors import Actor
from registry.accounts.models import Account
from registry.accounts.tokens import Token
from registry.core.database import db


def all_tokens() -> list[dict[str, Any]]:
    """What is kept of every token, oldest first, with its account's name."""
    return _listed()


def own_tokens(actor: Actor) -> list[dict[str, Any]]:
    """What is kept of the tokens of the account that acts, oldest first."""
    return _listed(Token.account_id == actor.account_id)


def _listed(*conditions: ColumnElement[bool]) -> list[dict[str, Any]]:
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
