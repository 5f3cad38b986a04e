"""Strong entity tags, made from what a representation depends on.

Flask-Compress appends the encoding to the tag of a compressed response (``"abc:zstd"``), because strong tags differ by
encoding (RFC 9110, 8.8.3.3); a request may name a resource's state by each of them.
"""

from __future__ import annotations

import hashlib

from flask import Response, current_app, request
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
    if not any(request.if_match.contains(each) for each in _with_encodings(tag)):
        raise PreconditionFailed


def require_fresh_if_named(tag: str) -> None:
    """Raise PreconditionFailed when the request has an ``If-Match`` and that does not name this tag."""
    if "If-Match" in request.headers:
        require_fresh(tag)


def require_state_if_named(tag: str | None) -> None:
    """Raise PreconditionFailed unless the resource is as ``If-Match`` and ``If-None-Match: *`` say, if they are there.

    ``tag``: None when there is no resource.
    """
    exists = tag is not None
    if ("If-Match" in request.headers and not exists) or (exists and request.if_none_match.star_tag):
        raise PreconditionFailed
    if tag is not None:
        require_fresh_if_named(tag)


def not_modified(tag: str) -> Response | None:
    """A 304 when ``If-None-Match`` names this tag (RFC 9110, 13.1.2)."""
    if "If-None-Match" not in request.headers:
        return None
    known = next((each for each in _with_encodings(tag) if request.if_none_match.contains_weak(each)), None)
    if known is None:
        return None
    response = Response(status=304)
    response.headers["ETag"] = quote_etag(known)
    response.headers.remove("Content-Type")
    return response


def _with_encodings(tag: str) -> list[str]:
    return [tag, *(f"{tag}:{algorithm}" for algorithm in current_app.config["COMPRESS_ALGORITHM"])]
