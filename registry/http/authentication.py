"""Sign-in by bearer token."""

from __future__ import annotations

from flask import request

from registry.accounts.actors import Actor
from registry.accounts.tokens import TokenNotAccepted, actor_of
from registry.http.http_errors import SignInNeeded
from registry.http.rate_limit import count_request
from registry.http.request_ids import client_request_id, request_id

SCHEME = "bearer"
PRINCIPAL = "registry.principal"


def signed_in() -> Actor:
    """Who calls. Raises SignInNeeded without a token, TokenNotAccepted with one that does not hold, TooManyRequests."""
    scheme, _, token = request.headers.get("Authorization", "").strip().partition(" ")
    if scheme.lower() != SCHEME or not token.strip():
        count_request(None)
        raise SignInNeeded
    try:
        actor = actor_of(token.strip(), request.remote_addr or "", request_id(), client_request_id())
    except TokenNotAccepted:
        count_request(None)
        raise
    # Before it is counted: the log names who was refused for asking too often.
    request.environ[PRINCIPAL] = actor.principal
    count_request(actor.principal)
    return actor
