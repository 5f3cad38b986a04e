"""Limits of a new token: expiry, scopes and addresses. A token that a token creates is never wider than that one."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from registry.accounts.roles import Role, is_within
from registry.accounts.scopes import Scope, default_scopes, scopes_of_role, stored_scopes
from registry.accounts.token_models import Token
from registry.core.errors import Problem
from registry.core.networks import is_range_within, normalised_range

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
