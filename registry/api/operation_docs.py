"""What flask-smorest cannot know of an operation: its permission, its error responses, our own headers."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

from flask import Response
from werkzeug.http import http_date

from registry.accounts.roles import PERMISSIONS, SCOPE_OF, Permission, Role, Scope

# Notices that an operation will be removed: ``Deprecation`` (RFC 9745) and ``Sunset`` (RFC 8594).

# The key of the notice in the documentation of a view.
DEPRECATION: Final = "deprecation"
SHORTEST: Final = timedelta(days=365)
POLICY: Final = "/help/api#versions"


@dataclass(frozen=True, slots=True)
class Deprecation:
    """From which day an operation is deprecated, the first day on which it may be gone, and what to use in its place.

    ``successor``: its address, such as ``/api/v1/projects``. Raises ValueError for less than a year between the days.
    """

    since: date
    sunset: date
    successor: str

    def __post_init__(self) -> None:
        if self.sunset - self.since < SHORTEST:
            raise ValueError(f"an operation stays for a year: {self.since} to {self.sunset} is less")

    def add_headers(self, response: Response) -> Response:
        """Add the notice to a response."""
        response.headers["Deprecation"] = f"@{int(_midnight(self.since).timestamp())}"
        response.headers["Sunset"] = http_date(_midnight(self.sunset))
        response.headers.add("Link", f'<{self.successor}>; rel="successor-version"')
        response.headers.add("Link", f'<{POLICY}>; rel="deprecation"; type="text/html"')
        return response


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


ERROR_NAMES: Final = {
    400: "Malformed",
    401: "AuthenticationRequired",
    403: "NotAllowed",
    404: "NotFound",
    409: "Conflict",
    410: "Gone",
    412: "Stale",
    413: "PayloadTooLarge",
    415: "UnsupportedMediaType",
    422: "Invalid",
    428: "PreconditionRequired",
    429: "TooManyRequests",
    500: "InternalError",
    503: "DatabaseUnavailable",
}
TEXT: Final = {"type": "string"}
LOCATION: Final = {"Location": {"description": "Where the new resource is.", "schema": TEXT}}
LINK: Final = {"Link": {"description": 'The next page, `rel="next"`; absent on the last.', "schema": TEXT}}
CONTENT_DISPOSITION: Final = {"Content-Disposition": {"description": "The file's name.", "schema": TEXT}}
ETAG: Final = {"description": "The strong entity tag of the representation.", "schema": TEXT}
RETRY_AFTER: Final = {"description": "The seconds to wait.", "schema": {"type": "integer", "minimum": 1}}
# Components, by which every success refers to them.
RATE_LIMIT_HEADERS: Final = {
    "RateLimit-Policy": {
        "description": 'How many requests (`q`) within how many seconds (`w`): `"principal";q=60000;w=60`. Of a caller '
        "without a token the policy is `address`. Absent when the service sets no limit.",
        "schema": TEXT,
    },
    "RateLimit": {
        "description": "How many requests are left (`r`), and the seconds until there are more (`t`).",
        "schema": TEXT,
    },
}
IDEMPOTENCY_REPLAYED: Final = {
    "description": "`true` when this is the stored response to an earlier request with the same `Idempotency-Key`.",
    "schema": {"type": "string", "enum": ["true"]},
}
HEADER_COMPONENTS: Final = {**RATE_LIMIT_HEADERS, "Idempotency-Replayed": IDEMPOTENCY_REPLAYED}
# Set on the view by ApiBlueprint, read here.
IDEMPOTENT: Final = "idempotent"
HONOURED: Final = "honoured"
REQUIRED_PERMISSIONS: Final = "permissions"
RULE: Final = "rule"


def header_reference(name: str) -> dict[str, str]:
    """A reference to a header among the components."""
    return {"$ref": f"#/components/headers/{name}"}


def complete_operation(doc: dict[str, Any], doc_info: dict[str, Any], *, method: str, **_kwargs: Any) -> dict[str, Any]:
    """Callback of flask-smorest's blueprints: complete an operation that its own callbacks began."""
    permissions: tuple[Permission, ...] = doc_info[REQUIRED_PERMISSIONS]
    doc["x-permission"] = permissions[0].value
    doc["x-scopes"] = [scope.value for scope in scopes_needed(permissions)]
    own = ["AcceptLanguage", *(["IdempotencyKey"] if doc_info.get(IDEMPOTENT) else [])]
    doc["parameters"] = [*own, *doc_info.get(HONOURED, ()), *doc.get("parameters", [])]
    responses = doc["responses"]
    # flask-smorest puts a 422 at every operation that has arguments, a query among them.
    responses.pop(422, None)
    if 304 in responses:
        responses[304] = {"description": "Not changed since the tag in `If-None-Match`."}
    for status, response in responses.items():
        if int(status) < 300:
            replayed = ["Idempotency-Replayed"] if doc_info.get(IDEMPOTENT) else []
            response["headers"] = {
                **response.get("headers", {}),
                **{name: header_reference(name) for name in (*RATE_LIMIT_HEADERS, *replayed)},
            }
    responses |= {status: ERROR_NAMES[status] for status in _error_statuses(doc, doc_info, method)}
    notice: Deprecation | None = doc_info.get(DEPRECATION)
    if notice is not None:
        doc |= {"deprecated": True, "x-sunset": notice.sunset.isoformat(), "x-successor": notice.successor}
    text = {name: " ".join(words.split()) for name, words in doc_info["docstring"].items()}
    description = " ".join(filter(None, (text.get("description"), _who_may(permissions))))
    doc_info["docstring"] = {"summary": text["summary"].rstrip("."), "description": description}
    return doc


def scopes_needed(permissions: Collection[Permission]) -> list[Scope]:
    """The scopes that a token needs for these permissions, each once."""
    return list(dict.fromkeys(SCOPE_OF[permission] for permission in permissions))


def _who_may(permissions: Collection[Permission]) -> str:
    """A sentence on the roles that may call it, and the scopes that a token needs."""
    roles = [role.value for role in Role if PERMISSIONS[role].issuperset(permissions)]
    who = "every role" if len(roles) == len(Role) else ", ".join(roles)
    scopes = [f"`{scope.value}`" for scope in scopes_needed(permissions)]
    return f"For {who}; the token needs the scope{'s' if len(scopes) > 1 else ''} {' and '.join(scopes)}."


def _error_statuses(doc: dict[str, Any], doc_info: dict[str, Any], method: str) -> list[int]:
    statuses = {400, 401, 403, 429, 500, 503}
    if "<" in doc_info[RULE]:
        statuses.add(404)
    if method != "get":
        statuses.add(409)
    if method == "post":
        statuses.add(422)
    if "requestBody" in doc:
        statuses |= {413, 415, 422}
    if HONOURED in doc_info:
        statuses.add(412)
    if 428 in doc["responses"]:
        statuses |= {412, 428}
    return sorted(statuses)
