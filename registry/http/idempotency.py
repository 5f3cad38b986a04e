"""Idempotency-Key: a POST sent again gets its first answer again, and is done once.

The key is claimed first, inside the transaction that the change joins: change and stored response commit together, and
of two at once the second waits for the first one's end. An audit must not be inside another transaction: a second one
would wait instead of answering 409, and a failed one could not be stored. Its response is stored after its own commit;
should the process die between the two, the same key audits again, which changes nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from flask import Response, json, request
from sqlalchemy import JSON, ColumnElement, LargeBinary, String, Text, UniqueConstraint, delete, select, update
from sqlalchemy.orm import Mapped, mapped_column

from registry.accounts.roles import Actor, sorted_scopes
from registry.core.clock import now
from registry.core.database import Instant, Model, db, transaction
from registry.core.dialects import insert_or_ignore
from registry.core.errors import Malformed, Problem
from registry.http.http_errors import IdempotencyKeyReused
from registry.http.request_bodies import MULTIPART, SentFile

# Idempotency: stored responses to POST requests with an Idempotency-Key.
#
# A repeated request with the same key, principal, route and body gets the first response again for 24 hours.

RETENTION = timedelta(hours=24)


class StoredResponse(Model):
    """The first response to a POST with an Idempotency-Key, written in the same transaction as the change."""

    __tablename__ = "stored_responses"

    id: Mapped[int] = mapped_column(primary_key=True)
    principal: Mapped[str] = mapped_column(Text)
    route: Mapped[str] = mapped_column(Text)
    key: Mapped[str] = mapped_column(String(200))
    request_hash: Mapped[str] = mapped_column(String(64))
    status: Mapped[int | None]
    headers: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    body: Mapped[bytes | None] = mapped_column(LargeBinary)
    at: Mapped[datetime] = mapped_column(Instant)

    __table_args__ = (UniqueConstraint("principal", "route", "key"),)


HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
MAX_KEY_LENGTH = 200
STORED_HEADERS = ("Cache-Control", "Content-Type", "Content-Language", "Location", "ETag", "Link")


def run_once(
    actor: Actor, digest: str, answer: Callable[[], Response], *, commits_itself: bool, secret: str = ""
) -> Response:
    """Return the stored response of this key, or answer and store that; error responses are not stored.

    ``commits_itself``: the answer is made outside of any transaction and kept after it. ``secret``: a property of the
    JSON object that is answered once and stored as null.
    Raises Malformed for a key that is not 1 to 200 printable ASCII characters, IdempotencyKeyReused for another body,
    and for a token of the same account with another role, agency or scopes, which may not read what this one may.
    """
    key = request.headers.get(HEADER)
    if key is None:
        return answer()
    if not key or len(key) > MAX_KEY_LENGTH or not (key.isascii() and key.isprintable()):
        raise Malformed([Problem(HEADER, "idempotency-key-not-usable", {"limit": MAX_KEY_LENGTH})])
    scopes = "" if actor.scopes is None else f" {','.join(sorted_scopes(actor.scopes))}"
    digest = body_digest(f"{actor.role.value} {actor.agency_id}{scopes} {digest}".encode())
    scope = {"principal": actor.principal, "route": f"{request.method} {request.path}", "key": key}
    if not commits_itself:
        with transaction():
            claimed = _claim(scope, digest)
            if claimed is None:
                return _stored_response(scope, digest)
            response = answer()
            _store(claimed, response, secret)
        return response
    # Only looked for: a claim that outlived its process would keep the key from ever being answered.
    fresh = StoredResponse.at >= now() - RETENTION
    if db.session.scalar(select(StoredResponse.id).where(*_same(scope), fresh)) is not None:
        return _stored_response(scope, digest)
    response = answer()
    with transaction():
        claimed = _claim(scope, digest)
        if claimed is not None:
            _store(claimed, response, secret)
    return response


def delete_old_responses() -> None:
    """Delete what was kept longer than 24 hours."""
    with transaction() as session:
        session.execute(delete(StoredResponse).where(StoredResponse.at < now() - RETENTION))


def request_digest(form: Mapping[str, object]) -> str:
    """Return what two requests are compared by: the body as it was sent, or the loaded ``form`` of a multipart body.

    A multipart boundary differs each time the same form is sent.
    """
    parts: list[object] = [request.mimetype, sorted(request.args.items())]
    if request.mimetype != MULTIPART:
        return body_digest(json.dumps([*parts, []]).encode("utf-8", "replace") + request.get_data())
    for name, value in sorted(form.items()):
        if isinstance(value, SentFile):
            parts.append([name, value.name, value.content_type, body_digest(value.content)])
        else:
            parts.append([name, value])
    return body_digest(json.dumps(parts).encode("utf-8", "replace"))


def body_digest(raw: bytes) -> str:
    """Return what two requests are compared by."""
    return hashlib.sha256(raw).hexdigest()


def _same(scope: Mapping[str, str]) -> list[ColumnElement[bool]]:
    return [getattr(StoredResponse, name) == value for name, value in scope.items()]


def _claim(scope: Mapping[str, str], digest: str) -> int | None:
    """Return the id of the key's new row; None when it has one that is not too old."""
    db.session.execute(delete(StoredResponse).where(*_same(scope), StoredResponse.at < now() - RETENTION))
    claim = insert_or_ignore(StoredResponse).values(**scope, request_hash=digest, at=now())
    return db.session.scalar(claim.on_conflict_do_nothing().returning(StoredResponse.id))


def _store(claimed: int, response: Response, secret: str) -> None:
    headers = {name: response.headers[name] for name in STORED_HEADERS if name in response.headers}
    body = response.get_data()
    if secret:
        body = json.dumps({**json.loads(body), secret: None}).encode()
    values = {"status": response.status_code, "headers": headers, "body": body}
    db.session.execute(update(StoredResponse).where(StoredResponse.id == claimed).values(**values))


def _stored_response(scope: Mapping[str, str], digest: str) -> Response:
    kept = db.session.execute(select(StoredResponse).where(*_same(scope))).scalar_one()
    if kept.request_hash != digest:
        raise IdempotencyKeyReused
    return Response(kept.body or b"", status=kept.status, headers={**(kept.headers or {}), REPLAYED: "true"})
