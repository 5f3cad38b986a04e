"""Strong entity tags, made from what a representation depends on."""

from __future__ import annotations

import hashlib

from flask import Response, request
from werkzeug.http import quote_etag

from registry.http.http_errors import PreconditionFailed, PreconditionRequired


def make_tag(*parts: object) -> str:
    """The tag of a representation that depends on these values."""
    return hashlib.sha256("\x1f".join(map(str, parts)).encode()).hexdigest()[:32]


def require_if_match() -> None:
    """Raise PreconditionRequired unless the request says which state it changes."""
    if "If-Match" not in request.headers:
        raise PreconditionRequired


def require_fresh(tag: str) -> None:
    """Raise PreconditionFailed unless ``If-Match`` names this tag; weak tags never do (RFC 9110, 13.1.1)."""
    if not request.if_match.contains(tag):
        raise PreconditionFailed


def require_fresh_if_named(tag: str) -> None:
    """Raise PreconditionFailed when the request has an ``If-Match`` and that does not name this tag."""
    if "If-Match" in request.headers:
        require_fresh(tag)


def not_modified(tag: str) -> Response | None:
    """A 304 when ``If-None-Match`` names this tag (RFC 9110, 13.1.2)."""
    if not request.if_none_match.contains_weak(tag):
        return None
    response = Response(status=304)
    response.headers["ETag"] = quote_etag(tag)
    response.headers.remove("Content-Type")
    return response
