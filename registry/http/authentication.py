"""Sign-in by bearer token."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from flask import request

from registry.accounts.roles import Actor, Permission
from registry.accounts.tokens import TokenNotAccepted, authenticate_token
from registry.http.http_errors import AuthenticationRequired
from registry.http.rate_limit import check_rate_limit
from registry.http.request_context import client_request_id, request_id

# What a route outside the API declares of itself: the permission that it needs, or why it is open.

REQUIRED_PERMISSION: Final = "registry_needs"


@dataclass(frozen=True, slots=True)
class Public:
    """A route that answers without signing in, with the reason."""

    because: str


RequiredPermission = Permission | Public


SCHEME = "bearer"
PRINCIPAL = "registry.principal"


def authenticate() -> Actor:
    """Return the caller, by bearer token. Raises AuthenticationRequired, TokenNotAccepted and TooManyRequests."""
    try:
        actor = authenticate_again()
    except (AuthenticationRequired, TokenNotAccepted):
        check_rate_limit(None)
        raise
    # Before it is counted: the log names who was refused for asking too often.
    request.environ[PRINCIPAL] = actor.principal
    check_rate_limit(actor.principal)
    return actor


def authenticate_again() -> Actor:
    """Return the same, not counted for the rate limit: the caller as they are now, for a request that has waited."""
    scheme, _, token = request.headers.get("Authorization", "").strip().partition(" ")
    if scheme.lower() != SCHEME or not token.strip():
        raise AuthenticationRequired
    return authenticate_token(token.strip(), request.remote_addr or "", request_id(), client_request_id())
