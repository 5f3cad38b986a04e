"""Requests: their ids and log, the language that the caller asks for, parameters, and bodies that are read strictly."""

import ipaddress
import json
import logging
import re
import sys
import threading
import time
import unicodedata
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlencode

from flask import Flask, Response, has_request_context, request
from werkzeug.datastructures import FileStorage, LanguageAccept
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.http import parse_accept_header
from werkzeug.routing import BaseConverter, Map, ValidationError

from registry.core.clock import now, rfc3339
from registry.core.errors import Invalid, Malformed, PayloadTooLarge, Problem, UnsupportedMediaType
from registry.core.lists import COUNTS, DEFAULT_LIMIT, MAX_LIMIT, Page
from registry.core.trace_context import current_trace
from registry.core.translations import DEFAULT_LANGUAGE, LANGUAGES, Language
from registry.core.values import plain_number, read_json

# Request ids: made here; on every answer, log line and journal entry. What a caller sends stands beside them.

REQUEST_ID_HEADER = "X-Request-ID"
# Kept with the request itself: flask.g outlives it wherever an application context was pushed before.
REQUEST_ID = "registry.request_id"
# Of the caller, once it is known: for the log.
PRINCIPAL = "registry.principal"
USABLE_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")


def init_request_ids(app: Flask) -> None:
    """Give every request an id and every answer its header."""

    @app.after_request
    def show(response: Response) -> Response:
        response.headers[REQUEST_ID_HEADER] = request_id()
        return response


def request_id() -> str:
    """Return the id of the present request, always the service's own: a caller could send that of another request."""
    if REQUEST_ID not in request.environ:
        request.environ[REQUEST_ID] = uuid.uuid4().hex
    return str(request.environ[REQUEST_ID])


def client_request_id() -> str:
    """Return what the caller sent as ``X-Request-ID``, empty when nothing usable was sent."""
    sent = request.headers.get(REQUEST_ID_HEADER, "")
    return sent if USABLE_REQUEST_ID.fullmatch(sent) else ""


# The language that the caller asks for.

# The first is what ``*`` means.
OFFERED_LANGUAGES: Final = (DEFAULT_LANGUAGE, *(language for language in LANGUAGES if language != DEFAULT_LANGUAGE))


def request_locale() -> Language:
    """Return the best of our languages by ``Accept-Language`` and its q-values, English when none fits."""
    return _best(request.headers.get("Accept-Language", ""))


def _best(header: str) -> Language:
    # Of equal ones ``*`` comes last, the others as they were sent.
    asked = sorted(parse_accept_header(header, LanguageAccept), key=lambda tag: -tag[1])
    refused = {tag.lower() for tag, quality in asked if not quality}
    offered = [language for language in OFFERED_LANGUAGES if language not in refused]
    for tag, quality in asked:
        # As RFC 4647 looks a range up: kk-KZ asks for kk. Werkzeug's own choice tries every exact tag first.
        primary = tag.lower().partition("-")[0]
        fits = [language for language in offered if primary in (language, "*")] if quality else []
        if fits:
            return fits[0]
    return DEFAULT_LANGUAGE


# Structured logs: one JSON object a line, to stderr, with the request id. Tokens and bodies never enter them.

LOG = logging.getLogger("registry")
LETTER_CHECK: Final = "/verify/"
STARTED_AT = "registry.began"
EXTRAS = ("method", "path", "status", "milliseconds", "principal", "source", "audit", "on")
DEFAULT_LEVEL = "info"


class JsonLines(logging.Formatter):
    """Writes a record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line: dict[str, object] = {
            "at": rfc3339(now()),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if has_request_context():
            line["request_id"] = request_id()
            if sent := client_request_id():
                line["client_request_id"] = sent
        if trace := current_trace():
            line["trace_id"] = trace.trace_id
        line |= {name: getattr(record, name) for name in EXTRAS if hasattr(record, name)}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=True)


def log_to_stderr(level: str = DEFAULT_LEVEL) -> None:
    """Send the service's log lines of at least a level to stderr; a second call changes the level only."""
    if not any(isinstance(handler.formatter, JsonLines) for handler in LOG.handlers):
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(JsonLines())
        LOG.addHandler(handler)
    LOG.setLevel(level.upper())


def logged_path(path: str) -> str:
    """Return the path without the code of a letter's check, which proves that somebody holds the letter."""
    return f"{LETTER_CHECK}-" if path.startswith(LETTER_CHECK) else path


def init_request_log(app: Flask) -> None:
    """Log every request when it is answered."""

    @app.before_request
    def begin() -> None:
        request.environ[STARTED_AT] = time.perf_counter()

    @app.after_request
    def end(response: Response) -> Response:
        began = request.environ.get(STARTED_AT)
        extra = {
            "method": request.method,
            "path": logged_path(request.path),
            "status": response.status_code,
            "milliseconds": None if began is None else round((time.perf_counter() - began) * 1000, 1),
            "principal": request.environ.get(PRINCIPAL),
            "source": request.remote_addr,
        }
        LOG.info("request", extra=extra)
        return response


# Warnings in the log when a proxy seems to stand before the service whose X-Forwarded-For is not believed.

FORWARDED_FOR: Final = "X-Forwarded-For"
WARNING_INTERVAL_S: Final = 600.0
ADVICE: Final = (
    "behind a proxy every caller has the proxy's address, and the limits of one stop all of them: "
    "set REGISTRY_TRUSTED_PROXIES to the number of proxies"
)
FORWARDED_FOR_IGNORED: Final = f"{FORWARDED_FOR} arrived while REGISTRY_TRUSTED_PROXIES is 0; {ADVICE}"
REACHABLE_WITHOUT_PROXY: Final = f"other machines can reach the service and REGISTRY_TRUSTED_PROXIES is 0; {ADVICE}"


class ForwardedWarning:
    """Logs that the header is ignored, at most once in ten minutes of this process."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._warned_at: float | None = None

    def warn(self) -> None:
        """Log it unless it was logged a short while ago."""
        with self._lock:
            current = self._clock()
            if self._warned_at is not None and current - self._warned_at < WARNING_INTERVAL_S:
                return
            self._warned_at = current
        LOG.warning(FORWARDED_FOR_IGNORED)


def attach_forwarded_warning(app: Flask, trusted_proxies: int, warning: ForwardedWarning | None = None) -> None:
    """Watch every request for the header; nothing to do where it is believed."""
    if trusted_proxies:
        return
    watched = warning or ForwardedWarning()

    @app.before_request
    def watch() -> None:
        if FORWARDED_FOR in request.headers:
            watched.warn()


def warn_at_start(host: str, trusted_proxies: int) -> None:
    """Log a warning when the service listens for other machines and believes no proxy."""
    if not trusted_proxies and not _is_loopback(host):
        LOG.warning(REACHABLE_WITHOUT_PROXY)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


# What stands for a record in addresses: ids of rows, and the references of agencies.

ROW_ID: Final = "row_id"
EXTERNAL_ID: Final = "external_id"


class RowIdConverter(BaseConverter):
    """The id of a row: a positive number that the database's integers hold, in ASCII digits."""

    regex = "[1-9][0-9]{0,9}"
    LARGEST = 2**31 - 1

    def __init__(self, url_map: Map) -> None:
        super().__init__(url_map)

    def to_python(self, value: str) -> int:
        """Return the number; a larger one names no row."""
        number = int(value)
        if number > self.LARGEST:
            raise ValidationError
        return number


class ExternalIdConverter(BaseConverter):
    """An agency's own reference: the rest of the path, decoded, with every character that it has."""

    regex = "(?s:.+)"
    part_isolating = False


# Query parameters: only those that a route declares. A parameter of a list may be repeated, any other not.


@dataclass(frozen=True, slots=True)
class Parameter:
    """A query parameter: its name, its meaning and JSON Schema. ``required``: a request without it is malformed.

    ``former``: the name that it had; it goes on working, and is not documented.
    """

    name: str
    description: str
    schema: dict[str, Any] = field(default_factory=lambda: {"type": "string"})
    required: bool = False
    former: str = ""

    @property
    def takes_several(self) -> bool:
        """Whether it takes several values, with commas or repeated."""
        return bool(self.schema.get("type") == "array")


LIMIT: Final = Parameter(
    "limit",
    "How many items a page has at most.",
    {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT},
)
CURSOR: Final = Parameter("cursor", "`next` of the page before.", {"type": "string", "pattern": "^[0-9A-Za-z_-]+$"})
COUNT: Final = Parameter(
    "count",
    "Adds the number of items of all pages, as `count`: `exact`, or `estimated` from statistics, which is fast for any "
    "number.",
    {"type": "string", "enum": list(COUNTS)},
)
SORT: Final = "sort"


def page_parameters(sorts: tuple[str, ...]) -> tuple[Parameter, ...]:
    """Return the parameters of a paged list that can be sorted by these fields."""
    if not sorts:
        return (LIMIT, CURSOR)
    words = [*sorts, *(f"-{name}" for name in sorts)]
    text = "The field to sort by; a leading `-` turns the order round."
    return (LIMIT, CURSOR, Parameter(SORT, text, {"type": "string", "enum": words}))


def read_query(known: Mapping[str, Parameter]) -> dict[str, str]:
    """Return the parameters that were sent, several values of one with commas: ``a=x&a=y`` means ``a=x,y``.

    Raises Malformed naming each that is unknown, not text, or repeated where one value is taken.
    """
    problems = []
    accepted: dict[str, str] = {}
    for name, values in request.args.lists():
        parameter = known.get(name) or next((each for each in known.values() if name and each.former == name), None)
        if parameter is None:
            problems.append(Problem(name, "unknown-parameter", {"name": name}))
        elif (len(values) > 1 and not parameter.takes_several) or parameter.name in accepted:
            problems.append(Problem(name, "parameter-repeated"))
        elif any(ord(letter) < 32 or letter in "\x7f\ufffd" for letter in "".join(values)):
            problems.append(Problem(name, "not-usable"))
        else:
            accepted[parameter.name] = ",".join(values)
    if problems:
        raise Malformed(problems)
    return accepted


def take_page(sent: dict[str, str]) -> Page:
    """Take limit, cursor, sort and count out of the parameters.

    Raises Malformed for a limit outside 1 to 500 and for a sort without a field; which fields a list has, it knows.
    """
    limit = sent.pop(LIMIT.name, None)
    number = DEFAULT_LIMIT
    if limit is not None:
        number = plain_number(limit, 4) or 0
        if not 1 <= number <= MAX_LIMIT:
            raise Malformed([Problem(LIMIT.name, "limit-out-of-range", {"largest": MAX_LIMIT})])
    sort = sent.pop(SORT, None)
    if sort == "":
        raise Malformed([Problem(SORT, "value-missing")])
    count = sent.pop(COUNT.name, None)
    if count is not None and count not in COUNTS:
        raise Malformed([Problem(COUNT.name, "not-a-choice", {"options": ", ".join(COUNTS)})])
    return Page(number, sent.pop(CURSOR.name, None), sort, count)


def next_link(cursor: str) -> str:
    """Return the ``Link`` header that leads to the next page of this very list."""
    query = [(name, value) for name, value in request.args.items(multi=True) if name != CURSOR.name]
    return f'<{request.path}?{urlencode([*query, (CURSOR.name, cursor)])}>; rel="next"'


# Bodies, read strictly: JSON that says one thing only, and files up to their limit.

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
        value = read_json(raw)
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


def form_limit() -> int:
    """Return how many MiB the form of this request may have: with a file, or without."""
    return _mib(MAX_FILE if request.max_content_length == MAX_FILE + ENVELOPE else MAX_BODY)


def _mib(size: int) -> int:
    return size // 1024 // 1024
