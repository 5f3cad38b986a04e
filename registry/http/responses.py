"""Responses: JSON, entity tags and downloads."""

from __future__ import annotations

import hashlib
import logging
import tempfile
from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime
from pathlib import Path
from typing import IO, Any, Final
from urllib.parse import quote

from flask import Flask, Response, current_app, request
from flask.globals import request_ctx
from flask.json.provider import DefaultJSONProvider
from flask_compress import Compress
from werkzeug.http import quote_etag

from registry.core.clock import rfc3339, today
from registry.http.http_errors import PreconditionFailed, PreconditionRequired

# Responses: JSON as this service writes it, and compression.

# JSON as this service writes it: letters as they are, keys in the order given.


def plain(value: Any) -> Any:
    """Dates as ``YYYY-MM-DD``, instants as RFC 3339; Flask's own would be HTTP dates. Raises TypeError for the rest."""
    if isinstance(value, datetime):
        return rfc3339(value)
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no form in JSON")


class PlainJson(DefaultJSONProvider):
    """ASCII escapes would double Cyrillic."""

    ensure_ascii = False
    sort_keys = False
    default = staticmethod(plain)

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
    """Return a workbook that ``write`` makes at the path it is given; what that raises, this raises."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{name}.xlsx"
        write(path)
        # The open file outlives its name: it is gone when the answer is sent, or when the process dies.
        file = path.open("rb")
    made = Response(_pieces(file), content_type=XLSX)
    made.call_on_close(file.close)
    return _named(made, name, "xlsx")


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
