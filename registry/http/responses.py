"""Responses: JSON, compression, entity tags, downloads, and responses stored for an Idempotency-Key."""

import hashlib
import logging
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, Any, Final
from urllib.parse import quote

from flask import Flask, Response, current_app, json, request
from flask.globals import request_ctx
from flask.json.provider import DefaultJSONProvider
from flask_compress import Compress
from sqlalchemy import JSON, ColumnElement, LargeBinary, String, Text, UniqueConstraint, delete, select, update
from sqlalchemy.orm import Mapped, mapped_column
from werkzeug.http import quote_etag, unquote_etag

from registry.accounts.roles import Actor, sorted_scopes
from registry.core.clock import json_ready, now, today
from registry.core.database import Instant, Model, db, transaction
from registry.core.dialects import insert_or_ignore
from registry.core.errors import IdempotencyKeyReused, Malformed, PreconditionFailed, PreconditionRequired, Problem
from registry.http.requests import MULTIPART, SentFile

# JSON as this service writes it: letters as they are, keys in the order given.


class PlainJson(DefaultJSONProvider):
    """ASCII escapes would double Cyrillic."""

    ensure_ascii = False
    sort_keys = False
    default = staticmethod(json_ready)

    def dumps(self, obj: Any, **kwargs: Any) -> str:
        """Without spaces between the parts."""
        return super().dumps(obj, **{"separators": (",", ":"), **kwargs})


def init_json(app: Flask) -> None:
    """Make it the application's."""
    app.json = PlainJson(app)


# Compression of responses by Flask-Compress, without encodings that a request excludes.


class AcceptedCompress(Compress):
    """Flask-Compress, whose own choice takes ``gzip;q=0`` for gzip (RFC 9110, 12.5.3: it is not acceptable)."""

    def after_request(self, response: Response | None) -> Response:
        """Compress by what the request accepts; ``*`` is left out where something is excluded."""
        accepted = request.accept_encodings
        if any(quality == 0 for _, quality in accepted):
            usable = [f"{name};q={quality}" for name, quality in accepted if quality > 0 and name != "*"]
            request.environ["HTTP_ACCEPT_ENCODING"] = ", ".join(usable)
        return super().after_request(response)


compress: Final = AcceptedCompress()


# Strong entity tags, made from what a representation depends on.
#
# Flask-Compress appends the encoding to the tag of a compressed response (``"abc:zstd"``), because strong tags
# differ by encoding (RFC 9110, 8.8.3.3); a request may name a resource's state by each of them.


def make_tag(*parts: object) -> str:
    """Return the tag of a representation that depends on these values."""
    return hashlib.sha256("\x1f".join(map(str, parts)).encode()).hexdigest()[:32]


def require_if_match() -> None:
    """Raise PreconditionRequired unless the request says which state it changes."""
    if "If-Match" not in request.headers:
        raise PreconditionRequired


def is_tag(sent: str, tag: str) -> bool:
    """Return True when an ``ETag`` that a client sends back in a body is this tag; weak ones and ``*`` never are."""
    value, is_weak = unquote_etag(sent)
    return not is_weak and value in _with_encodings(tag)


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
    """Return a 304 when ``If-None-Match`` names this tag (RFC 9110, 13.1.2)."""
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


# Downloads: tables, named with the day on which they were true, and documents.

CSV: Final = "text/csv"
XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
NDJSON: Final = "application/x-ndjson"
PDF: Final = "application/pdf"
ZIP: Final = "application/zip"
PIECE: Final = 64 * 1024
log = logging.getLogger(__name__)


def csv_download(name: str, pieces: Iterable[bytes]) -> Response:
    """Return a CSV, sent as it is made."""
    made = Response(_in_context(pieces), content_type=f"{CSV}; charset=utf-8")
    return _named(made, name, "csv")


def ndjson_download(name: str, pieces: Iterable[bytes]) -> Response:
    """Lines of JSON objects, sent as they are made."""
    return _named(Response(_in_context(pieces), content_type=NDJSON), name, "ndjson")


def xlsx_download(name: str, write: Callable[[Path], None]) -> Response:
    """Return a workbook that ``write`` makes, as ``file_download`` does."""
    return file_download(name, "xlsx", XLSX, write)


def file_download(name: str, ending: str, content_type: str, write: Callable[[Path], None]) -> Response:
    """Return a file that ``write`` makes at the path it is given; what that raises, this raises."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{name}.{ending}"
        write(path)
        # The open file outlives its name: it is gone when the answer is sent, or when the process dies.
        file = path.open("rb")
    made = Response(_pieces(file), content_type=content_type)
    made.call_on_close(file.close)
    return _named(made, name, ending)


def pdf_download(name: str, content: bytes) -> Response:
    """Return a PDF; the same document always has the same name."""
    response = Response(content, content_type=PDF)
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.pdf"'
    return response


def _in_context(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The pieces, made in the context of this request, which stays open until the last one.

    Flask's ``stream_with_context`` enters it again after its teardown. That has ended the session: what is streamed
    would be read by another one, from the primary and with the timeouts of a short request. The first piece is made
    now, so that an error at it still is an answer: later ones can only break the download off, and are logged.
    """
    following = iter(pieces)
    first = next(following, b"")
    context = request_ctx._get_current_object()  # type: ignore[attr-defined] # as Flask's own function did until 3.1.2

    def in_context() -> Iterator[bytes]:
        with context:
            yield b""
            yield first
            try:
                yield from following
            except Exception:
                log.exception("a download broke off")
                raise

    made = in_context()
    # Enters the context now.
    next(made)
    return made


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while piece := file.read(PIECE):
            yield piece


def _named(response: Response, name: str, ending: str) -> Response:
    response.headers["Content-Disposition"] = f'attachment; filename="{name}-{today().isoformat()}.{ending}"'
    return response


def document_download(name: str, content: bytes) -> Response:
    """Return a document as a download, never with the sender's own type: no browser shows it as a page of this
    service.
    """
    response = Response(content, content_type="application/octet-stream")
    response.headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(name, safe='')}"
    return response


# Idempotency-Key: a POST sent again gets its first answer again, and is done once.
#
# The key is claimed first, inside the transaction that the change joins: change and stored response commit together,
# and of two at once the second waits for the first one's end. An audit must not be inside another transaction: a
# second one would wait instead of answering 409, and a failed one could not be stored. Its response is stored after
# its own commit; should the process die between the two, the same key audits again, which changes nothing.

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


IDEMPOTENCY_KEY = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
MAX_KEY_LENGTH = 200
STORED_HEADERS = ("Cache-Control", "Content-Type", "Content-Language", "Location", "ETag", "Link")


def run_once(
    actor: Actor,
    digest: str,
    answer: Callable[[], Response],
    *,
    verify: Callable[[], None],
    commits_itself: bool,
    secret: str = "",
) -> Response:
    """Return the stored response of this key, or answer and store that; error responses are not stored.

    ``verify``: called before the answer, outside of any transaction. ``commits_itself``: so is the answer made, and
    it is kept afterwards. ``secret``: a property of the JSON object that is answered once and stored as null.
    Raises Malformed for a key that is not 1 to 200 printable ASCII characters, IdempotencyKeyReused for another body,
    and for a token of the same account with another role, agency or scopes, which may not read what this one may.
    """
    key = request.headers.get(IDEMPOTENCY_KEY)
    if key is None:
        verify()
        return answer()
    if not key or len(key) > MAX_KEY_LENGTH or not (key.isascii() and key.isprintable()):
        raise Malformed([Problem(IDEMPOTENCY_KEY, "idempotency-key-not-usable", {"limit": MAX_KEY_LENGTH})])
    scopes = "" if actor.scopes is None else f" {','.join(sorted_scopes(actor.scopes))}"
    digest = body_digest(f"{actor.role.value} {actor.agency_id}{scopes} {digest}".encode())
    scope = {"principal": actor.principal, "route": f"{request.method} {request.path}", "key": key}
    # Only looked for: a claim that outlived its process would keep the key from ever being answered.
    fresh = StoredResponse.at >= now() - RETENTION
    if db.session.scalar(select(StoredResponse.id).where(*_same(scope), fresh)) is not None:
        return _stored_response(scope, digest)
    verify()
    if not commits_itself:
        with transaction():
            claimed = _claim(scope, digest)
            if claimed is None:
                return _stored_response(scope, digest)
            response = answer()
            _store(claimed, response, secret)
        return response
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
