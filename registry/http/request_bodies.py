"""Bodies, read strictly: JSON that says one thing only, and files up to their limit."""

from __future__ import annotations

import json
import math
import unicodedata
from dataclasses import dataclass
from typing import Any, NoReturn

from flask import Flask, Response, request
from werkzeug.datastructures import FileStorage
from werkzeug.exceptions import RequestEntityTooLarge

from registry.core.errors import Invalid, Malformed, Problem
from registry.http.http_errors import PayloadTooLarge, UnsupportedMediaType

JSON_TYPE = "application/json"
MERGE_PATCH = "application/merge-patch+json"
MULTIPART = "multipart/form-data"
MAX_BODY = 1024 * 1024
# Of a batch of 1,000 projects with every field filled in.
MAX_BATCH = 8 * 1024 * 1024
MAX_FILE = 20 * 1024 * 1024
# What boundaries, part headers and small fields may take beside the file.
ENVELOPE = 64 * 1024
# werkzeug holds this limit against what it has buffered, files included: a chunk of 64 KiB, and before it the start of
# what may become a boundary. With the size of the chunk itself as the limit, files failed by chance.
FORM_MEMORY = 64 * 1024 + ENVELOPE
MAX_PARTS = 20
# Of a body that is too large so much is read before it is refused: granian closes the connection on the rest, and a
# client that is still sending then sees a broken connection in place of the 413.
MAX_DRAINED = MAX_FILE + 4 * 1024 * 1024
MAX_FILE_NAME_LENGTH = 200


class BodyNotReadable(Malformed):
    """The body is not JSON, or JSON that two readers would read differently."""


@dataclass(frozen=True, slots=True)
class SentFile:
    """A file of a multipart body. ``name`` is its last part only, ``content_type`` what the sender said."""

    name: str
    content_type: str
    content: bytes


def attach_body_drain(app: Flask) -> None:
    """Read what is left of a body that is refused with 413, up to ``MAX_DRAINED``."""

    @app.after_request
    def drain(response: Response) -> Response:
        if response.status_code == 413 and (request.content_length or request.environ.get("wsgi.input_terminated")):
            left = MAX_DRAINED
            while left > 0 and (piece := request.environ["wsgi.input"].read(64 * 1024)):
                left -= len(piece)
        return response


def require_content_type(taken: str) -> None:
    """Raise UnsupportedMediaType unless the body has this type, in UTF-8."""
    charset = request.mimetype_params.get("charset", "utf-8").lower()
    # A quote that is never closed hides what follows it from one reader and not from another.
    whole = (request.content_type or "").count('"') % 2 == 0
    if request.mimetype != taken or charset not in ("utf-8", "utf8", "us-ascii") or not whole:
        raise UnsupportedMediaType(taken=taken)


def read_bytes(most: int = MAX_BODY) -> bytes:
    """Return the whole body. Raises PayloadTooLarge above ``most`` bytes, which is 1 MiB."""
    request.max_content_length = most
    if (request.content_length or 0) > most:
        raise PayloadTooLarge(limit=_mib(most))
    try:
        return request.get_data()
    except RequestEntityTooLarge as error:
        # A body whose size is not said before (chunked).
        raise PayloadTooLarge(limit=_mib(most)) from error


def read_object(raw: bytes) -> dict[str, Any]:
    """Return the JSON object in a body. Raises BodyNotReadable for anything else, duplicate keys and NaN among it."""
    try:
        value = json.loads(
            raw.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_no_constant, parse_float=_finite
        )
        if b"\\ud" in raw.lower():
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError) as error:
        raise BodyNotReadable([Problem("", "json-not-readable")]) from error
    if not isinstance(value, dict):
        raise BodyNotReadable([Problem("", "expected-object")])
    return value


def limit_form() -> None:
    """Set the limits of a multipart body with a file, before anything of it is read."""
    request.max_content_length = MAX_FILE + ENVELOPE
    request.max_form_memory_size = FORM_MEMORY
    request.max_form_parts = MAX_PARTS


def read_form() -> tuple[dict[str, str], dict[str, SentFile]]:
    """Return the fields and files of a multipart body. Raises PayloadTooLarge, and Malformed when a name comes
    twice.
    """
    limit_form()
    if (request.content_length or 0) > MAX_FILE + ENVELOPE:
        raise PayloadTooLarge(limit=_mib(MAX_FILE))
    try:
        sent_files = list(request.files.items(multi=True))
    except RequestEntityTooLarge as error:
        raise PayloadTooLarge(limit=_mib(MAX_FILE)) from error
    try:
        return _collected(sent_files)
    finally:
        for _, sent in sent_files:
            sent.close()


def read_files(name: str) -> list[SentFile]:
    """Return the files of a page's form that were chosen under that name, without the empty part that browsers send
    for none.

    Raises PayloadTooLarge when they are more than a body may hold, and Invalid for a name that cannot be used.
    """
    limit_form()
    try:
        sent = [each for each in request.files.getlist(name) if each.filename]
    except RequestEntityTooLarge as error:
        raise PayloadTooLarge(limit=_mib(MAX_FILE)) from error
    return [SentFile(file_name(each.filename or ""), _type_of(each.mimetype), each.read()) for each in sent]


def _collected(sent_files: list[tuple[str, FileStorage]]) -> tuple[dict[str, str], dict[str, SentFile]]:
    fields: dict[str, str] = {}
    files: dict[str, SentFile] = {}
    for name, text in request.form.items(multi=True):
        _once(name, fields, files)
        fields[name] = text
    for name, sent in sent_files:
        _once(name, fields, files)
        content = sent.read(MAX_FILE + 1)
        if len(content) > MAX_FILE:
            raise PayloadTooLarge(limit=_mib(MAX_FILE))
        files[name] = SentFile(file_name(sent.filename or ""), _type_of(sent.mimetype), content)
    return fields, files


def file_name(sent: str) -> str:
    """Return the last part of a file's name. Raises Invalid when nothing printable of 1 to 200 characters is left."""
    name = sent.replace("\\", "/").rpartition("/")[2].strip()
    if not name or len(name) > MAX_FILE_NAME_LENGTH or any(unicodedata.category(letter)[0] == "C" for letter in name):
        raise Invalid([Problem("/file", "file-name-not-usable", {"limit": MAX_FILE_NAME_LENGTH})])
    return name


def _type_of(sent: str | None) -> str:
    usable = sent is not None and 0 < len(sent) <= 200 and sent.isascii() and sent.isprintable()
    return str(sent) if usable else "application/octet-stream"


def _once(name: str, fields: dict[str, str], files: dict[str, SentFile]) -> None:
    if name in fields or name in files:
        raise Malformed([Problem(f"/{name}", "field-repeated")])


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("a key comes twice")
    return fields


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def form_limit() -> int:
    """Return how many MiB the form of this request may have: with a file, or without."""
    return _mib(MAX_FILE if request.max_content_length == MAX_FILE + ENVELOPE else MAX_BODY)


def _mib(size: int) -> int:
    return size // 1024 // 1024
