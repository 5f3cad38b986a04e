"""Token queries; the results never contain secrets."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, case, false, func, not_, or_, select

from registry.accounts.account_management import visible_accounts
from registry.accounts.actors import Actor
from registry.accounts.agency_tree import AGENCIES
from registry.accounts.models import Account, is_active
from registry.accounts.queries import OWNER, page_of
from registry.accounts.roles import Permission, Role
from registry.accounts.token_models import Token
from registry.accounts.vocabulary import AccountKind, TokenStatus
from registry.core.clock import now
from registry.core.database import db
from registry.core.lists import ChoiceFilter, ColumnFilter, Listing, Page, SortKey, conditions

TOKEN_SORTS: Final[Mapping[str, SortKey]] = {
    "id": SortKey("id", Token.id.expression, int),
    "expires_at": SortKey("expires_at", Token.expires_at.expression, datetime, nullable=True),
    "last_used_at": SortKey("last_used_at", Token.last_used_at.expression, datetime, nullable=True),
}
INACTIVE_AFTER: Final = timedelta(days=90)
ENDING_WITHIN: Final = timedelta(days=14)


def page_of_tokens(actor: Actor, listed: str, page: Page) -> Listing:
    """A page of ``all`` tokens that the actor sees, of ``inactive`` or of ``ending`` ones, the newest first.

    Raises RoleNotAllowed and Malformed.
    """
    actor.require(Permission.TOKENS_READ)
    conditions_of = {"all": list, "inactive": _inactive, "ending": _ending}
    statement = _tokens().where(visible_accounts(actor), *conditions_of[listed]())
    return page_of(statement, Token.id, TOKEN_SORTS, page, "-id")


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
    return _list_tokens(visible_accounts(actor), *_inactive())


def ending_tokens(actor: Actor) -> list[dict[str, Any]]:
    """The working tokens that the actor sees and that end within 14 days, oldest first. Raises RoleNotAllowed."""
    actor.require(Permission.TOKENS_READ)
    return _list_tokens(visible_accounts(actor), *_ending())


def _inactive() -> list[ColumnElement[bool]]:
    return [*is_working(), func.coalesce(Token.last_used_at, Token.created_at) <= now() - INACTIVE_AFTER]


def _ending() -> list[ColumnElement[bool]]:
    return [*is_working(), Token.expires_at <= now() + ENDING_WITHIN]


def is_working() -> list[ColumnElement[bool]]:
    """The SQL conditions for tokens, joined with their accounts, that are accepted now."""
    unexpired = or_(Token.expires_at.is_(None), Token.expires_at > now())
    return [Token.revoked_at.is_(None), Token.pending_since.is_(None), unexpired, is_active()]


def _list_tokens(*where: ColumnElement[bool]) -> list[dict[str, Any]]:
    return [dict(row) for row in db.session.execute(_tokens().where(*where).order_by(Token.id)).mappings()]


def list_tokens(actor: Actor, raw: Mapping[str, str], page: Page) -> Listing:
    """A page of the actor's own tokens and of those that the role lists, the newest first unless sorted otherwise.

    Raises Malformed.
    """
    listed = visible_accounts(actor) if actor.may(Permission.TOKENS_READ) else false()
    own = Token.account_id == actor.account_id
    statement = _tokens().where(or_(own, listed), *conditions(token_filters(), raw))
    return page_of(statement, Token.id, TOKEN_SORTS, page, "-id")


def token_row(key_id: str) -> Mapping[str, Any]:
    """A token as a mapping, whoever asks."""
    return dict(db.session.execute(_tokens().where(Token.key_id == key_id)).mappings().one())


def _tokens() -> Select[Any]:
    return (
        select(
            Token.key_id,
            Account.name.label("account"),
            Token.account_id,
            Account.kind,
            Account.role.label("account_role"),
            Token.role,
            AGENCIES.c.bin.label("agency"),
            Token.agency_id,
            Token.scopes,
            Token.addresses,
            Token.purpose,
            _token_status().label("status"),
            Token.created_at,
            Token.expires_at,
            Token.revoked_at,
            Token.last_used_at,
            Token.last_used_from,
            Token.pending_since,
            Token.issued_by,
            OWNER.name.label("owner"),
        )
        .join(Account, Account.id == Token.account_id)
        .outerjoin(AGENCIES, AGENCIES.c.id == Token.agency_id)
        .outerjoin(OWNER, OWNER.id == Account.owner_account_id)
    )


def _token_status() -> ColumnElement[str]:
    return case(
        (Token.revoked_at.is_not(None), TokenStatus.REVOKED.value),
        (Token.expires_at <= now(), TokenStatus.EXPIRED.value),
        (Account.disabled_at.is_not(None), TokenStatus.DISABLED.value),
        (or_(Token.pending_since.is_not(None), not_(is_active())), TokenStatus.PENDING.value),
        else_=TokenStatus.VALID.value,
    )


def token_filters() -> Mapping[str, ColumnFilter]:
    """The filters of tokens; the status is evaluated as of now."""
    return {
        "kind": ChoiceFilter(Account.kind.expression, AccountKind.codes()),
        "role": ChoiceFilter(Token.role.expression, Role.codes()),
        "status": ChoiceFilter(_token_status(), TokenStatus.codes()),
    }
