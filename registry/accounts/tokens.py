"""Bearer tokens: issue and revoke them. A token is displayed once; only a hash of its secret is stored.

A token belongs to an account and never has a permission that the account currently lacks.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, select, update

from registry.accounts.account_management import (
    require_may_give,
    require_may_manage,
    require_unchanged,
    visible_accounts,
)
from registry.accounts.account_names import clean_name, name_problems
from registry.accounts.actors import Actor
from registry.accounts.events import token_issued
from registry.accounts.models import (
    Account,
    AccountsNeedAPerson,
    Person,
    account_details,
    account_named,
    end_admission,
    find_account,
    new_account,
    require_person,
    role_details,
    role_problems,
)
from registry.accounts.roles import Permission, Role, is_within
from registry.accounts.same_person import owner_id, owner_name
from registry.accounts.scopes import Scope, default_scopes, needs_step_up, scopes_of_role, sorted_scopes, stored_scopes
from registry.accounts.token_authentication import require_credential
from registry.accounts.token_models import (
    KEY_ID,
    MAX_PURPOSE_LENGTH,
    Token,
    generate_token,
    hash_token_secret,
    token_mac,
    token_text,
)
from registry.accounts.vocabulary import AccountKind
from registry.core.clock import now, rfc3339
from registry.core.database import db
from registry.core.errors import Conflict, Invalid, NotAllowed, NotFound, Problem
from registry.core.installation import keep_secret_key
from registry.core.networks import is_range_within, normalised_range
from registry.core.transactions import require_transaction, transaction
from registry.journal import service as journal

# Limits of a new token: expiry, scopes and addresses. A token that a token creates is never wider than that one.

DEFAULT_LIFETIME: Final = timedelta(days=90)
MAX_LIFETIME: Final = timedelta(days=366)
MAX_RANGES: Final = 20


@dataclass(frozen=True, slots=True)
class TokenLimits:
    """What was asked for: None stands for the default, no addresses for any address."""

    lifetime: timedelta | None = None
    scopes: Collection[Scope] | None = None
    addresses: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class GrantedLimits:
    """The limits of the token; ``addresses`` are normalised, None for any."""

    expires_at: datetime
    scopes: frozenset[Scope]
    addresses: list[str] | None


def grant_limits(
    asked: TokenLimits, role: Role, at: datetime, *, own: bool, issuing: Token | None = None
) -> tuple[GrantedLimits, list[Problem]]:
    """The limits of a token with that role that is created at ``at``, and the problems of what was asked for.

    ``own``: a token of the account of whoever creates it. ``issuing``: the token that authenticated the request.
    """
    expires_at, problems = _expiry(asked.lifetime, at, issuing)
    scopes, scope_problems = _scopes(asked.scopes, role, issuing, own=own)
    addresses, address_problems = _addresses(asked.addresses, issuing)
    return GrantedLimits(expires_at, scopes, addresses), [*problems, *scope_problems, *address_problems]


def role_problems_within(role: Role, account_name: str, issuing: Token | None) -> list[Problem]:
    """The problems of the role of a token that a token creates."""
    if issuing is None or is_within(role, issuing.agency_id, Role(issuing.role), issuing.agency_id):
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
    allowed = scopes_of_role(role)
    stored = None if issuing is None else stored_scopes(issuing.scopes)
    within = frozenset(Scope) if stored is None else stored
    if asked is None:
        scopes = default_scopes(role) & within
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
    scopes: Collection[Scope] | None = None,
    addresses: Sequence[str] = (),
    owner_account_id: int | None = None,
    purpose: str | None = None,
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
    require_person(actor)
    name = clean_name(name)
    with transaction():
        require_unchanged(actor)
        account = account_named(name)
        problems = [] if account is not None else name_problems(name)
        if account is None and role is None:
            problems.append(Problem("/role", "new-account-needs-role", {"name": name}))
        if account is None and role is not None:
            problems += role_problems(role, agency_id)
        if account is not None and account.is_person and not actor.is_local:
            raise PeopleMakeTheirOwnTokens(name=name)
        if account is not None:
            require_may_manage(actor, account)
            # Locked, so that nobody disables it meanwhile.
            account = find_account(account.id, lock=True)
            if account.disabled_at is not None:
                raise TokenForDisabledAccount(name=account.name)
        token_role = role or (Role.AGENCY_VIEWER if account is None else Role(account.role))
        limits = TokenLimits(lifetime, scopes, addresses)
        # No wider than the token that asks for it in scopes, addresses and expiry; its role is the account's.
        issuing = None if actor.token_key_id is None else _find(actor.token_key_id)
        granted, limit_problems = grant_limits(limits, token_role, now(), own=False, issuing=issuing)
        if problems or limit_problems:
            raise Invalid(problems + limit_problems)
        if account is None:
            require_may_give(actor, token_role, agency_id)
            owner = owner_id(actor, owner_account_id)
            account = new_account(actor, name, AccountKind.SERVICE, token_role, agency_id, owner)
            details = {**account_details(account), "owner": owner_name(account)}
            journal.record(actor, "account.added", f"account:{name}", details)
        else:
            end_admission(actor, account)
        pending = not actor.acts_alone and Role(account.role).needs_two_people
        return _new_token(actor, account, token_role, agency_id, granted, pending=pending, purpose=purpose)


def issue_own_token(
    actor: Actor,
    lifetime: timedelta | None = None,
    role: Role | None = None,
    *,
    scopes: Collection[Scope] | None = None,
    addresses: Sequence[str] = (),
    purpose: str | None = None,
) -> IssuedToken:
    """Issue a token for the actor, who must be a person, with the defaults of ``issue``.

    Only here may ``decisions:approve`` be given. A token creates no token that is wider than itself.
    Raises AccountsNeedAPerson, Invalid, SessionEnded when the actor's session or token has ended meanwhile, and
    StepUpRequired when the token may do what needs a step-up.
    """
    if not actor.is_person or actor.account_id is None:
        raise AccountsNeedAPerson
    with transaction():
        account = find_account(actor.account_id, lock=True)
        require_unchanged(actor)
        require_credential(actor)
        issuing = None if actor.token_key_id is None else _find(actor.token_key_id)
        token_role = role or actor.role
        limits = TokenLimits(lifetime, scopes, addresses)
        granted, problems = grant_limits(limits, token_role, now(), own=True, issuing=issuing)
        must_change = select(Person.password_must_change).where(Person.account_id == account.id)
        if db.session.scalar(must_change):
            problems.append(Problem("/password", "password-must-change"))
        problems += role_problems_within(token_role, account.name, issuing)
        if problems:
            raise Invalid(problems)
        if needs_step_up(token_role, granted.scopes):
            actor.require_step_up()
        return _new_token(actor, account, token_role, None, granted, purpose=purpose)


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
    if not is_within(role, agency_id, Role(account.role), account.agency_id):
        raise Invalid([Problem("/role", "token-wider-than-account", {"role": role.value, "name": account.name})])
    if purpose is not None and (len(purpose) > MAX_PURPOSE_LENGTH or not purpose.isprintable()):
        raise Invalid([Problem("/purpose", "too-long", {"limit": MAX_PURPOSE_LENGTH, "length": len(purpose)})])
    key_id, secret = generate_token()
    secret_hash = hash_token_secret(secret)
    created_at, scopes = now(), sorted_scopes(granted.scopes)
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
            asked_by=actor.principal if pending else None,
            scopes=scopes,
            addresses=granted.addresses,
            purpose=purpose,
            issued_by=actor.token_key_id,
        )
    )
    details: dict[str, Any] = {
        "account": account.name,
        **role_details(role.value, agency_id),
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
    if account.is_person:
        token_issued.publish(account.id)
    return IssuedToken(key_id, token_text(key_id, secret), role, pending)


def revoke(actor: Actor, key_id: str) -> None:
    """Revoke a token, with effect from its next request, and the tokens of its account that it created.

    Revoking again has no effect.

    Raises RoleNotAllowed, AccountsNeedAPerson, TokenNotFound, AccountNotYours.
    """
    actor.require(Permission.TOKENS_MANAGE)
    require_person(actor)
    with transaction():
        require_unchanged(actor)
        token = find_token(actor, key_id)
        require_may_manage(actor, find_account(token.account_id))
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
    """A token of an account that the actor sees. Raises RoleNotAllowed and TokenNotFound."""
    actor.require(Permission.TOKENS_READ)
    return _find(key_id, visible_accounts(actor))


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
    statement = select(Token).join(Account, Account.id == Token.account_id)
    token = db.session.scalar(statement.where(Token.key_id == key_id, *conditions)) if valid else None
    if token is None:
        raise TokenNotFound(key_id=key_id)
    return token


def _revoke(actor: Actor, token: Token) -> None:
    """Revoke the token, and the tokens of its account that it created: whoever stole it may have made them to stay."""
    session = require_transaction()
    # Locked, so that none of them creates another one meanwhile.
    account = find_account(token.account_id, lock=True)
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
