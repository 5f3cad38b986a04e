"""Bearer tokens: ``qtr_<key id>_<secret><checksum>``, displayed once; only a hash of the secret is stored.

A token belongs to an account and never has a permission that the account currently lacks.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import string
import zlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, ForeignKey, String, bindparam, select, update
from sqlalchemy.orm import Mapped, mapped_column

from registry.accounts.account_names import MAX_NAME_LENGTH, clean_name, name_problems
from registry.accounts.actors import Actor
from registry.accounts.models import (
    Account,
    AccountsNeedAPerson,
    Person,
    account_details,
    account_named,
    find_account,
    is_active,
    new_account,
    require_person,
    role_details,
    role_problems,
)
from registry.accounts.roles import Permission, Role, is_within
from registry.accounts.vocabulary import AccountKind
from registry.core.clock import now, rfc3339
from registry.core.database import Instant, Model, db
from registry.core.errors import Invalid, NotAllowed, NotFound, Problem, RegistryError
from registry.core.transactions import require_transaction, transaction
from registry.journal import service as journal

LETTERS = string.digits + string.ascii_letters
KEY_ID_LENGTH = 10
SECRET_LENGTH = 40
CHECKSUM_LENGTH = 6
TOKEN_PATTERN = re.compile(
    rf"qtr_([0-9A-Za-z]{{{KEY_ID_LENGTH}}})_([0-9A-Za-z]{{{SECRET_LENGTH}}})([0-9A-Za-z]{{{CHECKSUM_LENGTH}}})"
)
KEY_ID = re.compile(rf"[0-9A-Za-z]{{{KEY_ID_LENGTH}}}")
LAST_USED_INTERVAL = timedelta(minutes=5)


class TokenNotAccepted(RegistryError):
    """The token is unknown, malformed, expired, revoked or pending, or its account inactive; not said which."""


class TokenNotFound(NotFound):
    """No token has that key id, or the actor may not see it."""


class PeopleMakeTheirOwnTokens(NotAllowed):
    """Only the person can create tokens for a person's account."""


class Token(Model):
    """A token; the secret itself is not stored."""

    __tablename__ = "tokens"

    id: Mapped[int] = mapped_column(primary_key=True)
    key_id: Mapped[str] = mapped_column(String(KEY_ID_LENGTH), unique=True)
    secret_hash: Mapped[str] = mapped_column(String(64))
    account_id: Mapped[int] = mapped_column("principal_id", ForeignKey("principals.id"), index=True)
    role: Mapped[str] = mapped_column(String(20))
    agency_id: Mapped[int | None] = mapped_column(ForeignKey("agencies.id"))
    created_at: Mapped[datetime] = mapped_column(Instant)
    expires_at: Mapped[datetime | None] = mapped_column(Instant)
    revoked_at: Mapped[datetime | None] = mapped_column(Instant)
    last_used_at: Mapped[datetime | None] = mapped_column(Instant)
    pending_since: Mapped[datetime | None] = mapped_column(Instant)
    asked_by: Mapped[str | None] = mapped_column(String(MAX_NAME_LENGTH))
    confirmed_by: Mapped[str | None] = mapped_column(String(MAX_NAME_LENGTH))


# Built once at import: it is executed on every request.
FIND_ACTIVE_TOKEN = (
    select(
        Token.id,
        Token.secret_hash,
        Token.role,
        Token.agency_id,
        Token.expires_at,
        Token.last_used_at,
        Account.id.label("account_id"),
        Account.name,
        Account.kind,
        Account.role.label("account_role"),
        Account.agency_id.label("account_agency_id"),
    )
    .join(Account, Account.id == Token.account_id)
    .where(Token.key_id == bindparam("key_id"), Token.revoked_at.is_(None), Token.pending_since.is_(None), is_active())
)


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A new token; ``text`` is displayed once and not stored. If ``pending``, a second person must confirm it."""

    key_id: str
    text: str
    role: Role
    pending: bool = False


def issue(actor: Actor, name: str, role: Role | None, agency_id: int | None, lifetime: timedelta | None) -> IssuedToken:
    """Issue a token for the service account ``name``, which is created with the role if it does not exist.

    Without a role the token has its account's role; a role must not exceed it. The command line may also issue tokens
    for people, and its tokens work immediately. An administrator's token for a service account with a role that decides
    is pending: it is that account's password, and does not work until a second person confirms it. Raises
    RoleNotAllowed, AccountsNeedAPerson, PeopleMakeTheirOwnTokens, AccountNameTaken, Invalid.
    """
    actor.require(Permission.TOKENS_MANAGE)
    require_person(actor)
    name = clean_name(name)
    with transaction():
        account = account_named(name)
        problems = [] if account is not None else name_problems(name)
        if account is None and role is None:
            problems.append(Problem("/role", "new-account-needs-role", {"name": name}))
        if account is None and role is not None:
            problems += role_problems(role, agency_id)
        problems += _lifetime_problems(lifetime)
        if problems:
            raise Invalid(problems)
        if account is None:
            account = new_account(actor, name, AccountKind.SERVICE, role or Role.AGENCY_VIEWER, agency_id)
            journal.record(actor, "account.added", f"account:{name}", account_details(account))
        elif account.is_person and not actor.is_local:
            raise PeopleMakeTheirOwnTokens(name=name)
        pending = not actor.is_local and Role(account.role).needs_two_people
        return _new_token(actor, account, role, agency_id, lifetime, pending=pending)


def issue_own_token(actor: Actor, lifetime: timedelta, role: Role | None = None) -> IssuedToken:
    """Issue a token for the actor, who must be a person. Raises AccountsNeedAPerson and Invalid."""
    if not actor.is_person or actor.account_id is None:
        raise AccountsNeedAPerson
    with transaction():
        account = find_account(actor.account_id, lock=True)
        must_change = select(Person.password_must_change).where(Person.account_id == account.id)
        problems = _lifetime_problems(lifetime)
        if db.session.scalar(must_change):
            problems.append(Problem("/password", "password-must-change"))
        if problems:
            raise Invalid(problems)
        return _new_token(actor, account, role, None, lifetime)


def _lifetime_problems(lifetime: timedelta | None) -> list[Problem]:
    if lifetime is not None and lifetime <= timedelta():
        return [Problem("/expires_in", "lifetime-not-positive")]
    return []


def _new_token(
    actor: Actor,
    account: Account,
    role: Role | None,
    agency_id: int | None,
    lifetime: timedelta | None,
    *,
    pending: bool = False,
) -> IssuedToken:
    role = role or Role(account.role)
    agency_id = account.agency_id if agency_id is None else agency_id
    if not is_within(role, agency_id, Role(account.role), account.agency_id):
        raise Invalid([Problem("/role", "token-wider-than-account", {"role": role.value, "name": account.name})])
    key_id, secret = _letters(KEY_ID_LENGTH), _letters(SECRET_LENGTH)
    created_at = now()
    expires_at = None if lifetime is None else created_at + lifetime
    require_transaction().add(
        Token(
            key_id=key_id,
            secret_hash=_hash(secret),
            account_id=account.id,
            role=role.value,
            agency_id=agency_id,
            created_at=created_at,
            expires_at=expires_at,
            pending_since=created_at if pending else None,
            asked_by=actor.principal if pending else None,
        )
    )
    expiry = None if expires_at is None else rfc3339(expires_at)
    details = {"account": account.name, **role_details(role.value, agency_id), "expires_at": expiry}
    if pending:
        details["pending"] = True
    journal.record(actor, "token.issued", f"token:{key_id}", details)
    return IssuedToken(key_id, f"qtr_{key_id}_{secret}{checksum(key_id, secret)}", role, pending)


def revoke(actor: Actor, key_id: str) -> None:
    """Revoke any token, with effect from its next request. Revoking again has no effect.

    Raises RoleNotAllowed, AccountsNeedAPerson, TokenNotFound.
    """
    require_person(actor)
    with transaction():
        _revoke(actor, find_token(actor, key_id))


def revoke_own_token(actor: Actor, key_id: str) -> None:
    """Revoke a token of the actor's account. Raises TokenNotFound, also for tokens of other accounts."""
    with transaction():
        _revoke(actor, find_own_token(actor, key_id))


def find_token(actor: Actor, key_id: str) -> Token:
    """Any token by its key id. Raises RoleNotAllowed and TokenNotFound."""
    actor.require(Permission.TOKENS_MANAGE)
    return _find(key_id)


def find_own_token(actor: Actor, key_id: str) -> Token:
    """A token of the actor's account. Raises TokenNotFound, also for tokens of other accounts."""
    return _find(key_id, Token.account_id == actor.account_id)


def revoke_tokens_of(account_id: int) -> None:
    """Revoke all tokens of an account, in the open transaction."""
    unrevoked = (Token.account_id == account_id) & Token.revoked_at.is_(None)
    require_transaction().execute(update(Token).where(unrevoked).values(revoked_at=now()))


def _find(key_id: str, *conditions: ColumnElement[bool]) -> Token:
    # PostgreSQL rejects NUL in a parameter.
    valid = KEY_ID.fullmatch(key_id) is not None
    token = db.session.scalar(select(Token).where(Token.key_id == key_id, *conditions)) if valid else None
    if token is None:
        raise TokenNotFound(key_id=key_id)
    return token


def _revoke(actor: Actor, token: Token) -> None:
    if token.revoked_at is None:
        token.revoked_at = now()
        account = find_account(token.account_id).name
        journal.record(actor, "token.revoked", f"token:{token.key_id}", {"account": account})


def authenticate_token(text: str, source: str, request_id: str, client_request_id: str = "") -> Actor:
    """Authenticate a token and return its actor. Raises TokenNotAccepted."""
    match = TOKEN_PATTERN.fullmatch(text)
    if match is None or not hmac.compare_digest(checksum(match[1], match[2]), match[3]):
        raise TokenNotAccepted
    row = db.session.execute(FIND_ACTIVE_TOKEN, {"key_id": match[1]}).one_or_none()
    at = now()
    if (
        row is None
        or not hmac.compare_digest(row.secret_hash, _hash(match[2]))
        or (row.expires_at is not None and row.expires_at <= at)
        or not is_within(Role(row.role), row.agency_id, Role(row.account_role), row.account_agency_id)
    ):
        raise TokenNotAccepted
    if row.last_used_at is None or at - row.last_used_at > LAST_USED_INTERVAL:
        with transaction() as session:
            session.execute(update(Token).where(Token.id == row.id).values(last_used_at=at))
    return Actor(
        row.name,
        Role(row.role),
        row.agency_id,
        source,
        request_id,
        account_id=row.account_id,
        is_person=row.kind == AccountKind.PERSON,
        credential=f"token:{match[1]}",
        client_request_id=client_request_id,
    )


def checksum(key_id: str, secret: str) -> str:
    """Six letters that reveal a mistyped or truncated token without a query, and let secret scanners verify a match."""
    number = zlib.crc32(f"{key_id}_{secret}".encode())
    letters = ""
    for _ in range(CHECKSUM_LENGTH):
        number, digit = divmod(number, len(LETTERS))
        letters = LETTERS[digit] + letters
    return letters


def _letters(count: int) -> str:
    return "".join(secrets.choice(LETTERS) for _ in range(count))


def _hash(secret: str) -> str:
    # The secret has 238 random bits, so a fast hash is sufficient.
    return hashlib.sha256(secret.encode()).hexdigest()
