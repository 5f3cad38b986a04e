"""Idempotency-Key: a POST sent again gets its first answer again, and is done once.

The key is claimed first, inside the transaction that the change joins: change and kept answer commit together, and
of two at once the second waits for the first one's end.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from flask import Response, request
from sqlalchemy import delete, select, update

from registry.access.actors import Actor
from registry.http.refusals import IdempotencyKeyReused
from registry.store.clock import now
from registry.store.database import db, insert_unless_there
from registry.store.errors import Malformed, Problem
from registry.store.idempotency import KEPT_FOR, KeptAnswer
from registry.store.transaction import transaction

HEADER = "Idempotency-Key"
LONGEST_KEY = 200
KEPT_HEADERS = ("Content-Type", "Content-Language", "Location", "ETag", "Link")


def answer_once(by: Actor, digest: str, answer: Callable[[], Response]) -> Response:
    """Give the kept answer of this key, or answer and keep that; refusals are not kept.

    Raises Malformed for a key that is not 1 to 200 printable ASCII characters, IdempotencyKeyReused for another body.
    """
    key = request.headers.get(HEADER)
    if key is None:
        return answer()
    if not key or len(key) > LONGEST_KEY or not (key.isascii() and key.isprintable()):
        raise Malformed([Problem(HEADER, "idempotency-key-not-usable", {"limit": LONGEST_KEY})])
    route = f"{request.method} {request.path}"
    with transaction() as session:
        mine = (KeptAnswer.principal == by.principal, KeptAnswer.route == route, KeptAnswer.key == key)
        session.execute(delete(KeptAnswer).where(*mine, KeptAnswer.at < now() - KEPT_FOR))
        claim = insert_unless_there(KeptAnswer).values(
            principal=by.principal, route=route, key=key, request_hash=digest, at=now()
        )
        claimed = session.scalar(claim.on_conflict_do_nothing().returning(KeptAnswer.id))
        if claimed is None:
            return _again(db.session.execute(select(KeptAnswer).where(*mine)).scalar_one(), digest)
        response = answer()
        headers = {name: response.headers[name] for name in KEPT_HEADERS if name in response.headers}
        session.execute(
            update(KeptAnswer)
            .where(KeptAnswer.id == claimed)
            .values(status=response.status_code, headers=headers, body=response.get_data())
        )
    return response


def forget_old_answers() -> None:
    """Delete what was kept longer than 24 hours."""
    with transaction() as session:
        session.execute(delete(KeptAnswer).where(KeptAnswer.at < now() - KEPT_FOR))


def body_digest(raw: bytes) -> str:
    """What two bodies are compared by."""
    return hashlib.sha256(raw).hexdigest()


def _again(kept: KeptAnswer, digest: str) -> Response:
    if kept.request_hash != digest:
        raise IdempotencyKeyReused
    return Response(kept.body or b"", status=kept.status, headers=kept.headers or {})
