"""Bearer tokens: table, authentication of requests, issuing and revoking, and service accounts."""

import hashlib
import hmac
import re
import secrets
import string
import zlib
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Final, TypedDict, Unpack

from sqlalchemy import JSON, ColumnElement, ForeignKey, Select, String, Text, and_, bindparam, exists, select, update
from sqlalchemy.orm import Mapped, mapped_column

from registry.accounts import account_management, models, roles
from registry.accounts.account_names import clean_name, name_problems
from registry.accounts.models import Account, AccountKind, Person
from registry.accounts.roles import Actor, Permission, Role, Scope
from registry.accounts.same_person import owner_id, owner_name
from registry.accounts.sessions import SessionEnded, WebSession
from registry.core.clock import now, rfc3339
from registry.core.database import Instant, Model, db, require_transaction, table_of, transaction
from registry.core.errors import Conflict, Invalid, NotAllowed, NotFound, Problem, RegistryError
from registry.core.installation import keep_secret_key, keyed_hash
from registry.core.networks import is_in_ranges, is_range_within, normalised_range
from registry.journal import service as journal

# The table of tokens. Only a hash of a token's secret is stored, and a keyed hash of whose token it is.

# Format of tokens, ``qtr_<key id>_<secret><checksum>``, which secret scanners recognise (docs/reference/api.md).

LETTERS: Final = string.digits + string.ascii_letters
KEY_ID_LENGTH: Final = 10
SECRET_LENGTH: Final = 40
CHECKSUM_LENGTH: Final = 6
TOKEN_PATTERN: Final = re.compile(
    rf"qtr_([0-9A-Za-z]{{{KEY_ID_LENGTH}}})_([0-9A-Za-z]{{{SECRET_LENGTH}}})([0-9A-Za-z]{{{CHECKSUM_LENGTH}}})"
)
KEY_ID: Final = re.compile(rf"[0-9A-Za-z]{{{KEY_ID_LENGTH}}}")


def generate_token() -> tuple[str, str]:
    """Return a new key id and secret."""
    return _letters(KEY_ID_LENGTH), _letters(SECRET_LENGTH)


def token_text(key_id: str, secret: str) -> str:
    """Return the token as it is displayed."""
    return f"qtr_{key_id}_{secret}{checksum(key_id, secret)}"


def parse_token(text: str) -> tuple[str, str] | None:
    """Return the key id and secret of a token; None when it is malformed or its checksum is wrong."""
    match = TOKEN_PATTERN.fullmatch(text)
    if match is None or not hmac.compare_digest(checksum(match[1], match[2]), match[3]):
        return None
    return match[1], match[2]


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


MAX_PURPOSE_LENGTH: Final = 100
TOKENS: Final = b"tokens"


class Token(Model):
    """A token. ``scopes``: None for all, in tokens of earlier versions; so is ``expires_at`` None in some of those.

    ``addresses``: the ranges from which the token is accepted, None for any. ``issued_by``: the key id of the token
    that created it, None for one that was created in a session, on the command line or by an earlier version.
    ``secret_mac``: without the one that the service computed with its secret key, the row is no token. None in those
    that an upgrade without the key found.
    """

    __tablename__ = "tokens"

    id: Mapped[int] = mapped_column(primary_key=True)
    key_id: Mapped[str] = mapped_column(String(KEY_ID_LENGTH), unique=True)
    secret_hash: Mapped[str] = mapped_column(String(64))
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), index=True)
    role: Mapped[str] = mapped_column(String(20))
    agency_id: Mapped[int | None] = mapped_column(ForeignKey("agencies.id"))
    created_at: Mapped[datetime] = mapped_column(Instant)
    expires_at: Mapped[datetime | None] = mapped_column(Instant)
    revoked_at: Mapped[datetime | None] = mapped_column(Instant)
    last_used_at: Mapped[datetime | None] = mapped_column(Instant)
    last_used_from: Mapped[str | None] = mapped_column(Text)
    pending_since: Mapped[datetime | None] = mapped_column(Instant)
    asked_account_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    confirmed_account_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    scopes: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))
    addresses: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))
    purpose: Mapped[str | None] = mapped_column(String(MAX_PURPOSE_LENGTH))
    secret_mac: Mapped[str | None] = mapped_column(String(64))
    issued_by: Mapped[str | None] = mapped_column(String(KEY_ID_LENGTH))


def hash_token_secret(secret: str) -> str:
    """Return the stored hash of a token's secret."""
    # The secret has 238 random bits, so a fast hash is sufficient.
    return hashlib.sha256(secret.encode()).hexdigest()


def token_mac(key_id: str, account_id: int, secret_hash: str, secret_key: str | None = None) -> str:
    """Return the keyed hash of a token: its key id, its account and the hash of its secret belong together."""
    return keyed_hash(TOKENS, key_id, account_id, secret_hash, secret_key=secret_key)


# Authentication by bearer token. A token never has a permission that its account currently lacks.

# Whether the session or token of an actor still works, asked inside the transaction of a change.
#
# A new password, another role, a reset or disabling ends every session and token of an account. A request that was
# authenticated before and waits meanwhile must not leave a new way in behind.


def require_credential(actor: Actor) -> None:
    """Raise SessionEnded when the account, the session or the token of the actor has ended.

    The caller has locked the account, so that none of them ends before the open transaction does.
    """
    account_id = actor.account_id
    works = [exists().where(Account.id == account_id, models.is_active())]
    if actor.is_session:
        begins = WebSession.secret_hash.startswith(actor.credential.removeprefix(roles.SESSION_PREFIX), autoescape=True)
        works.append(exists().where(WebSession.person_id == Person.id, Person.account_id == account_id, begins))
    elif actor.token_key_id is not None:
        unrevoked = Token.revoked_at.is_(None)
        works.append(exists().where(Token.account_id == account_id, Token.key_id == actor.token_key_id, unrevoked))
    if not db.session.scalar(select(and_(*works))):
        raise SessionEnded


LAST_USED_INTERVAL: Final = timedelta(minutes=5)


class TokenNotAccepted(RegistryError, status=401):
    """The token is unknown, malformed, expired, revoked or pending, its account inactive, or the caller's address
    outside of its ranges; the response does not say which.
    """


# What a later slice needs of most requests: read in the statement of the sign-in, which saves one of its own.
_READ_ALONG: Final[list[tuple[ColumnElement[Any], Callable[[Any], None]]]] = []


def read_with_sign_in(value: ColumnElement[Any], note: Callable[[Any], None]) -> None:
    """Read a value at each sign-in by token, and give it to ``note``; before the first request."""
    _READ_ALONG.append((value, note))


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
            *(value for value, _ in _READ_ALONG),
        )
        .join_from(table_of(Token), table_of(Account), account.id == token.account_id)
        .where(
            token.key_id == bindparam("key_id"),
            token.revoked_at.is_(None),
            token.pending_since.is_(None),
            models.is_active(),
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
        or not roles.is_within(Role(row.role), row.agency_id, Role(row.account_role), row.account_agency_id)
        or (row.addresses is not None and not is_in_ranges(source, row.addresses))
    ):
        raise TokenNotAccepted
    for (_, note), value in zip(_READ_ALONG, row[len(row) - len(_READ_ALONG) :], strict=True):
        note(value)
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
        credential=f"{roles.TOKEN_PREFIX}{key_id}",
        client_request_id=client_request_id,
        scopes=roles.stored_scopes(row.scopes),
        account_role=None if row.role == row.account_role else Role(row.account_role),
        is_admitted=roles.is_admitted(row.account_role, row.restricted_admitted_at),
    )


def _is_genuine(row: Any, key_id: str, secret_hash: str) -> bool:
    """Return whether it is the row's secret, and the row was written by the service."""
    mac = token_mac(key_id, row.account_id, secret_hash)
    return hmac.compare_digest(row.secret_hash, secret_hash) and hmac.compare_digest(row.secret_mac or "", mac)


# Bearer tokens: issue and revoke them. A token is displayed once; only a hash of its secret is stored.
#
# A token belongs to an account and never has a permission that the account currently lacks.

# Limits of a new token: expiry, scopes and addresses. A token that a token creates is never wider than that one.

DEFAULT_LIFETIME: Final = timedelta(days=90)
MAX_LIFETIME: Final = timedelta(days=366)
MAX_RANGES: Final = 20


class TokenLimits(TypedDict, total=False):
    """What may be asked of a token, and what it is for. Without scopes it has the role's, without addresses any."""

    scopes: Collection[Scope] | None
    addresses: Sequence[str]
    purpose: str | None


@dataclass(frozen=True, slots=True)
class GrantedLimits:
    """The limits of the token; ``addresses`` are normalised, None for any."""

    expires_at: datetime
    scopes: frozenset[Scope]
    addresses: list[str] | None


def grant_limits(
    lifetime: timedelta | None, limits: TokenLimits, role: Role, at: datetime, *, own: bool, issuing: Token | None
) -> tuple[GrantedLimits, list[Problem]]:
    """Return the limits of a token with that role that is created at ``at``, and the problems of what was asked for.

    ``own``: a token of the account of whoever creates it. ``issuing``: the token that authenticated the request.
    """
    expires_at, problems = _expiry(lifetime, at, issuing)
    scopes, scope_problems = _scopes(limits.get("scopes"), role, issuing, own=own)
    addresses, address_problems = _addresses(limits.get("addresses", ()), issuing)
    return GrantedLimits(expires_at, scopes, addresses), [*problems, *scope_problems, *address_problems]


def role_problems_within(role: Role, account_name: str, issuing: Token | None) -> list[Problem]:
    """Return the problems of the role of a token that a token creates."""
    if issuing is None or roles.is_within(role, issuing.agency_id, Role(issuing.role), issuing.agency_id):
        return []
    return [Problem("/role", "token-wider-than-account", {"role": role.value, "name": account_name})]


def _expiry(lifetime: timedelta | None, at: datetime, issuing: Token | None) -> tuple[datetime, list[Problem]]:
    latest = None if issuing is None else issuing.expires_at
    if lifetime is None:
        by_default = at + DEFAULT_LIFETIME
        return by_default if latest is None else min(by_default, latest), []
    if lifetime <= timedelta():
        return at, [Problem("/expires_in", "lifetime-not-positive")]
    if lifetime > MAX_LIFETIME:
        return at, [Problem("/expires_in", "lifetime-too-long", {"days": MAX_LIFETIME.days})]
    if latest is not None and at + lifetime > latest:
        return at, [Problem("/expires_in", "token-wider-than-token")]
    return at + lifetime, []


def _scopes(
    asked: Collection[Scope] | None, role: Role, issuing: Token | None, *, own: bool
) -> tuple[frozenset[Scope], list[Problem]]:
    allowed = roles.scopes_of_role(role)
    stored = None if issuing is None else roles.stored_scopes(issuing.scopes)
    within = frozenset(Scope) if stored is None else stored
    if asked is None:
        scopes = roles.default_scopes(role) & within
        return scopes, [] if scopes else [Problem("/scopes", "token-wider-than-token")]
    scopes = frozenset(asked)
    problems = [] if scopes else [Problem("/scopes", "scope-missing")]
    problems += [
        Problem("/scopes", "scope-not-of-role", {"scope": scope.value, "role": role.value})
        for scope in Scope
        if scope in scopes - allowed
    ]
    if Scope.DECISIONS_APPROVE in scopes & allowed and not (own and issuing is None):
        problems.append(Problem("/scopes", "scope-only-for-own-tokens", {"scope": Scope.DECISIONS_APPROVE.value}))
    elif not scopes <= within:
        problems.append(Problem("/scopes", "token-wider-than-token"))
    return scopes, problems


def _addresses(asked: Sequence[str], issuing: Token | None) -> tuple[list[str] | None, list[Problem]]:
    within = None if issuing is None else issuing.addresses
    if not asked:
        return within, []
    if len(asked) > MAX_RANGES:
        return None, [Problem("/addresses", "too-many-address-ranges", {"limit": MAX_RANGES})]
    ranges: list[str] = []
    problems = []
    for place, text in enumerate(asked):
        try:
            ranges.append(normalised_range(text))
        except ValueError:
            problems.append(Problem(f"/addresses/{place}", "address-range-invalid", {"value": text}))
    if within is not None and not all(is_range_within(each, within) for each in ranges):
        problems.append(Problem("/addresses", "token-wider-than-token"))
    return ranges, problems


class TokenNotFound(NotFound):
    """No token has that key id, or the actor may not see it."""


class TokenForDisabledAccount(Conflict):
    """No token is created for a disabled account: it would not work, and be taken for one that does."""


class PeopleMakeTheirOwnTokens(NotAllowed):
    """Only the person can create tokens for a person's account."""


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A new token; ``text`` is displayed once and not stored. If ``pending``, a second person must confirm it."""

    key_id: str
    text: str
    role: Role
    pending: bool = False


def issue(
    actor: Actor,
    name: str,
    role: Role | None,
    agency_id: int | None,
    lifetime: timedelta | None = None,
    *,
    owner_account_id: int | None = None,
    **limits: Unpack[TokenLimits],
) -> IssuedToken:
    """Issue a token for the service account ``name``, which is created with the role if it does not exist.

    Without a role the token has its account's role; a role must not exceed it. The lifetime is by default 90 days, the
    scopes are all of the role but ``decisions:approve``, and the addresses any. A new account belongs to the owner, by
    default to the actor. The command line may also issue tokens for people, and its tokens work immediately. An
    administrator's token for a service account with an oversight role is pending: it is that account's password, and
    does not work until a second person confirms it. Raises RoleNotAllowed, AccountsNeedAPerson, RoleNotYoursToGive,
    AccountNotFound, AccountNotYours, PeopleMakeTheirOwnTokens, AccountNameTaken, TokenForDisabledAccount, Invalid.
    """
    actor.require(Permission.TOKENS_MANAGE)
    models.require_person(actor)
    name = clean_name(name)
    with transaction():
        account_management.require_unchanged(actor)
        account = models.account_named(name)
        problems = [] if account is not None else name_problems(name)
        if account is None and role is None:
            problems.append(Problem("/role", "new-account-needs-role", {"name": name}))
        if account is None and role is not None:
            problems += models.role_problems(role, agency_id)
        if account is not None and account.is_person and not actor.is_local:
            raise PeopleMakeTheirOwnTokens(name=name)
        if account is not None:
            account_management.require_may_manage(actor, account)
            # Locked, so that nobody disables it meanwhile.
            account = models.find_account(account.id, lock=True)
            if account.disabled_at is not None:
                raise TokenForDisabledAccount(name=account.name)
        token_role = role or (Role.AGENCY_VIEWER if account is None else Role(account.role))
        # No wider than the token that asks for it in scopes, addresses and expiry; its role is the account's.
        issuing = None if actor.token_key_id is None else find_any_token(actor.token_key_id)
        granted, limit_problems = grant_limits(lifetime, limits, token_role, now(), own=False, issuing=issuing)
        if problems or limit_problems:
            raise Invalid(problems + limit_problems)
        if account is None:
            account = _new_service_account(actor, name, token_role, agency_id, owner_account_id)
        else:
            models.end_admission(actor, account)
        pending = not actor.acts_alone and Role(account.role).needs_two_people
        purpose = limits.get("purpose")
        return _new_token(actor, account, token_role, agency_id, granted, pending=pending, purpose=purpose)


def issue_own_token(
    actor: Actor, lifetime: timedelta | None = None, role: Role | None = None, **limits: Unpack[TokenLimits]
) -> IssuedToken:
    """Issue a token for the actor, who must be a person, with the defaults of ``issue``.

    Only here may ``decisions:approve`` be given. A token creates no token that is wider than itself.
    Raises AccountsNeedAPerson, Invalid, SessionEnded when the actor's session or token has ended meanwhile, and
    StepUpRequired when the token may do what needs a step-up.
    """
    if not actor.is_person or actor.account_id is None:
        raise models.AccountsNeedAPerson
    with transaction():
        account = models.find_account(actor.account_id, lock=True)
        account_management.require_unchanged(actor)
        require_credential(actor)
        issuing = None if actor.token_key_id is None else find_any_token(actor.token_key_id)
        token_role = role or actor.role
        granted, problems = grant_limits(lifetime, limits, token_role, now(), own=True, issuing=issuing)
        must_change = select(Person.password_must_change).where(Person.account_id == account.id)
        if db.session.scalar(must_change):
            problems.append(Problem("/password", "password-must-change"))
        problems += role_problems_within(token_role, account.name, issuing)
        if problems:
            raise Invalid(problems)
        if roles.needs_step_up(token_role, granted.scopes):
            actor.require_step_up()
        return _new_token(actor, account, token_role, None, granted, purpose=limits.get("purpose"))


def _new_token(
    actor: Actor,
    account: Account,
    role: Role,
    agency_id: int | None,
    granted: GrantedLimits,
    *,
    pending: bool = False,
    purpose: str | None = None,
) -> IssuedToken:
    agency_id = account.agency_id if agency_id is None else agency_id
    if not roles.is_within(role, agency_id, Role(account.role), account.agency_id):
        raise Invalid([Problem("/role", "token-wider-than-account", {"role": role.value, "name": account.name})])
    if purpose is not None and (len(purpose) > MAX_PURPOSE_LENGTH or not purpose.isprintable()):
        raise Invalid([Problem("/purpose", "too-long", {"limit": MAX_PURPOSE_LENGTH, "length": len(purpose)})])
    key_id, secret = generate_token()
    secret_hash = hash_token_secret(secret)
    created_at, scopes = now(), roles.sorted_scopes(granted.scopes)
    require_transaction().add(
        Token(
            key_id=key_id,
            secret_hash=secret_hash,
            secret_mac=token_mac(key_id, account.id, secret_hash),
            account_id=account.id,
            role=role.value,
            agency_id=agency_id,
            created_at=created_at,
            expires_at=granted.expires_at,
            pending_since=created_at if pending else None,
            asked_account_id=actor.account_id if pending else None,
            scopes=scopes,
            addresses=granted.addresses,
            purpose=purpose,
            issued_by=actor.token_key_id,
        )
    )
    details: dict[str, Any] = {
        "account": account.name,
        **models.role_details(role.value, agency_id),
        "expires_at": rfc3339(granted.expires_at),
        "scopes": ", ".join(scopes),
    }
    if granted.addresses is not None:
        details["addresses"] = ", ".join(granted.addresses)
    if actor.token_key_id is not None:
        details["issued_by"] = actor.token_key_id
    if purpose is not None:
        details["purpose"] = purpose
    if pending:
        details["pending"] = True
    journal.record(actor, "token.issued", f"token:{key_id}", details)
    return IssuedToken(key_id, token_text(key_id, secret), role, pending)


def revoke(actor: Actor, key_id: str) -> None:
    """Revoke a token, with effect from its next request, and the tokens of its account that it created.

    Revoking again has no effect.

    Raises RoleNotAllowed, AccountsNeedAPerson, TokenNotFound, AccountNotYours.
    """
    actor.require(Permission.TOKENS_MANAGE)
    models.require_person(actor)
    with transaction():
        account_management.require_unchanged(actor)
        token = find_token(actor, key_id)
        account_management.require_may_manage(actor, models.find_account(token.account_id))
        _revoke(actor, token)


def revoke_own_token(actor: Actor, key_id: str) -> None:
    """Revoke a token of the actor's account. Raises TokenNotFound, also for tokens of other accounts."""
    with transaction():
        _revoke(actor, find_own_token(actor, key_id))


def rekey_tokens(actor: Actor, previous_key: str) -> tuple[int, int]:
    """Let the tokens of the previous secret key go on under the present one, which is the registry's from now on.

    Without a previous key none goes on. Returns how many go on, and how many belong to neither key: nobody knows who
    wrote those, and they stay invalid. Raises RoleNotAllowed.
    """
    actor.require(Permission.TOKENS_MANAGE)
    rekeyed = foreign = 0
    with transaction() as session:
        for token in session.scalars(select(Token).where(Token.revoked_at.is_(None)).order_by(Token.id)):
            signed = (token.key_id, token.account_id, token.secret_hash)
            if token.secret_mac == token_mac(*signed):
                continue
            if previous_key and token.secret_mac == token_mac(*signed, previous_key):
                token.secret_mac = token_mac(*signed)
                rekeyed += 1
            else:
                foreign += 1
        keep_secret_key(replace=True)
        journal.record(actor, "tokens.rekeyed", "database:registry", {"rekeyed": rekeyed, "foreign": foreign})
    return rekeyed, foreign


def find_token(actor: Actor, key_id: str) -> Token:
    """Return a token of an account that the actor sees. Raises RoleNotAllowed and TokenNotFound."""
    actor.require(Permission.TOKENS_READ)
    return find_any_token(key_id, account_management.visible_accounts(actor))


def find_own_token(actor: Actor, key_id: str) -> Token:
    """Return a token of the actor's account. Raises TokenNotFound, also for tokens of other accounts."""
    return find_any_token(key_id, Token.account_id == actor.account_id)


def revoke_tokens_of(account_id: int) -> None:
    """Revoke all tokens of an account, in the open transaction."""
    unrevoked = (Token.account_id == account_id) & Token.revoked_at.is_(None)
    require_transaction().execute(update(Token).where(unrevoked).values(revoked_at=now()))


def find_any_token(key_id: str, *conditions: ColumnElement[bool]) -> Token:
    """Return the token, whoever asks; ``conditions`` on it and its account. Raises TokenNotFound."""
    # PostgreSQL rejects NUL in a parameter.
    valid = KEY_ID.fullmatch(key_id) is not None
    statement = select(Token).join(Account, Account.id == Token.account_id)
    token = db.session.scalar(statement.where(Token.key_id == key_id, *conditions)) if valid else None
    if token is None:
        raise TokenNotFound(key_id=key_id)
    return token


def _revoke(actor: Actor, token: Token) -> None:
    """Revoke the token, and the tokens of its account that it created: whoever stole it may have made them to stay."""
    session = require_transaction()
    # Locked, so that none of them creates another one meanwhile.
    account = models.find_account(token.account_id, lock=True)
    session.refresh(token)
    generation = [token]
    while generation:
        for each in generation:
            if each.revoked_at is None:
                each.revoked_at = now()
                issued_by = {} if each.issued_by is None else {"issued_by": each.issued_by}
                journal.record(actor, "token.revoked", f"token:{each.key_id}", {"account": account.name, **issued_by})
        created = Token.issued_by.in_([each.key_id for each in generation])
        own = select(Token).where(created, Token.account_id == account.id).order_by(Token.id)
        generation = list(session.scalars(own).all())


# Service accounts: accounts of programs, which authenticate with tokens issued by an administrator.


def add_service_account(
    actor: Actor, name: str, role: Role, agency_id: int | None, owner_account_id: int | None = None
) -> Account:
    """Add a service account; its owner is by default the actor.

    Raises RoleNotAllowed, AccountsNeedAPerson, RoleNotYoursToGive, Invalid, AccountNameTaken.
    """
    account_management.require_account_manager(actor)
    name = clean_name(name)
    problems = name_problems(name) + models.role_problems(role, agency_id)
    if problems:
        raise Invalid(problems)
    with transaction():
        account_management.require_unchanged(actor)
        return _new_service_account(actor, name, role, agency_id, owner_account_id)


def _new_service_account(
    actor: Actor, name: str, role: Role, agency_id: int | None, owner_account_id: int | None
) -> Account:
    account_management.require_may_give(actor, role, agency_id)
    owner = owner_id(actor, owner_account_id)
    account = models.new_account(actor, name, AccountKind.SERVICE, role, agency_id, owner)
    details = {**models.account_details(account), "owner": owner_name(account)}
    journal.record(actor, "account.added", f"account:{name}", details)
    return account


def list_service_accounts(actor: Actor) -> list[Account]:
    """Return the service accounts that the actor sees, by name. Raises RoleNotAllowed."""
    actor.require(Permission.TOKENS_READ)
    statement = select(Account).where(
        Account.kind == AccountKind.SERVICE.value, account_management.visible_accounts(actor)
    )
    return list(db.session.scalars(statement.order_by(Account.name)))


def find_service_account(actor: Actor, account_id: int) -> Account:
    """Return the service account with that id. Raises RoleNotAllowed, and AccountNotFound, also for a person's
    account.
    """
    actor.require(Permission.TOKENS_READ)
    account = models.find_account(account_id)
    if account.is_person or not account_management.sees_account(actor, account):
        raise models.AccountNotFound(id=account_id)
    return account


def issue_service_token(
    actor: Actor,
    account_id: int,
    lifetime: timedelta | None = None,
    role: Role | None = None,
    **limits: Unpack[TokenLimits],
) -> IssuedToken:
    """Issue a token for the service account, with its role or a narrower one and the defaults of ``issue``.

    Raises RoleNotAllowed, AccountsNeedAPerson, AccountNotFound, AccountNotYours, TokenForDisabledAccount, Invalid.
    """
    with transaction():
        account = find_service_account(actor, account_id)
        return issue(actor, account.name, role, None, lifetime, **limits)
