"""Authentication by bearer token. A token never has a permission that its account currently lacks."""

from __future__ import annotations

import hmac
from datetime import timedelta
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import Select, and_, bindparam, exists, select, update

from registry.accounts.actors import SESSION_PREFIX, TOKEN_PREFIX, Actor
from registry.accounts.models import Account, Person, is_active, is_admitted
from registry.accounts.roles import Role, is_within
from registry.accounts.scopes import stored_scopes
from registry.accounts.sessions import SessionEnded, WebSession
from registry.accounts.token_models import Token, hash_token_secret, parse_token, token_mac
from registry.accounts.vocabulary import AccountKind
from registry.core.bulk import table_of
from registry.core.clock import now
from registry.core.database import db
from registry.core.errors import RegistryError
from registry.core.networks import is_in_ranges
from registry.core.read_along import columns_read_along, keep_read_along
from registry.core.transactions import transaction

# Whether the session or token of an actor still works, asked inside the transaction of a change.
#
# A new password, another role, a reset or disabling ends every session and token of an account. A request that was
# authenticated before and waits meanwhile must not leave a new way in behind.


def require_credential(actor: Actor) -> None:
    """Raise SessionEnded when the account, the session or the token of the actor has ended.

    The caller has locked the account, so that none of them ends before the open transaction does.
    """
    account_id = actor.account_id
    works = [exists().where(Account.id == account_id, is_active())]
    if actor.is_session:
        begins = WebSession.secret_hash.startswith(actor.credential.removeprefix(SESSION_PREFIX), autoescape=True)
        works.append(exists().where(WebSession.person_id == Person.id, Person.account_id == account_id, begins))
    elif actor.token_key_id is not None:
        unrevoked = Token.revoked_at.is_(None)
        works.append(exists().where(Token.account_id == account_id, Token.key_id == actor.token_key_id, unrevoked))
    if not db.session.scalar(select(and_(*works))):
        raise SessionEnded


LAST_USED_INTERVAL: Final = timedelta(minutes=5)


class TokenNotAccepted(RegistryError):
    """The token is unknown, malformed, expired, revoked or pending, its account inactive, or the caller's address
    outside of its ranges; the response does not say which.
    """


# Built once, after the hooks: it is executed on every request.
@lru_cache(maxsize=1)
def _find_active_token() -> Select[*tuple[Any, ...]]:
    # Of tables: mapped attributes would load by the ORM, a tenth of a millisecond each time.
    token, account = table_of(Token).c, table_of(Account).c
    return (
        select(
            token.id,
            token.secret_hash,
            token.secret_mac,
            token.role,
            token.agency_id,
            token.expires_at,
            token.last_used_at,
            token.scopes,
            token.addresses,
            account.id.label("account_id"),
            account.name,
            account.kind,
            account.role.label("account_role"),
            account.agency_id.label("account_agency_id"),
            account.restricted_admitted_at,
            *columns_read_along(),
        )
        .join_from(table_of(Token), table_of(Account), account.id == token.principal_id)
        .where(
            token.key_id == bindparam("key_id"), token.revoked_at.is_(None), token.pending_since.is_(None), is_active()
        )
    )


def authenticate_token(text: str, source: str, request_id: str, client_request_id: str = "") -> Actor:
    """Authenticate a token that arrived from the address ``source``; its actor. Raises TokenNotAccepted."""
    parsed = parse_token(text)
    if parsed is None:
        raise TokenNotAccepted
    key_id, secret = parsed
    row = db.session.execute(_find_active_token(), {"key_id": key_id}).one_or_none()
    at = now()
    if (
        row is None
        or not _is_genuine(row, key_id, hash_token_secret(secret))
        or (row.expires_at is not None and row.expires_at <= at)
        or not is_within(Role(row.role), row.agency_id, Role(row.account_role), row.account_agency_id)
        or (row.addresses is not None and not is_in_ranges(source, row.addresses))
    ):
        raise TokenNotAccepted
    keep_read_along(row._mapping)
    if row.last_used_at is None or at - row.last_used_at > LAST_USED_INTERVAL:
        with transaction() as session:
            used = {"last_used_at": at, "last_used_from": source}
            session.execute(update(Token).where(Token.id == row.id).values(used))
    return Actor(
        row.name,
        Role(row.role),
        row.agency_id,
        source,
        request_id,
        account_id=row.account_id,
        is_person=row.kind == AccountKind.PERSON,
        credential=f"{TOKEN_PREFIX}{key_id}",
        client_request_id=client_request_id,
        scopes=stored_scopes(row.scopes),
        account_role=None if row.role == row.account_role else Role(row.account_role),
        is_admitted=is_admitted(row.account_role, row.restricted_admitted_at),
    )


def _is_genuine(row: Any, key_id: str, secret_hash: str) -> bool:
    """Whether it is the row's secret, and the row was written by the service."""
    mac = token_mac(key_id, row.account_id, secret_hash)
    return hmac.compare_digest(row.secret_hash, secret_hash) and hmac.compare_digest(row.secret_mac or "", mac)
