"""flask-smorest's Blueprint with what this API adds: required permissions, idempotency keys, strong entity tags."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import partial, wraps
from importlib.resources import files
from typing import Any, ClassVar, Final, NoReturn, TypeVar

import flask
import flask_smorest
from flask import Response, after_this_request, g, request
from flask_smorest.exceptions import NotModified, PreconditionFailed
from marshmallow import Schema, ValidationError
from webargs.flaskparser import FlaskParser
from werkzeug.http import http_date
from werkzeug.routing import BaseConverter

from registry.accounts.roles import PERMISSIONS, Actor, Permission, Role, Scope
from registry.api.parameters import PageSchema, QuerySchema, list_query, page_response, parameters_of
from registry.core.database import autocommit_reads, repeated
from registry.core.errors import Invalid, Malformed, RegistryError
from registry.core.fields import body_problems, parameter_problems
from registry.core.lists import ListDeclaration
from registry.http import requests as http_requests
from registry.http.responses import (
    REPLAYED,
    make_tag,
    not_modified,
    request_digest,
    require_fresh,
    require_if_match,
    run_once,
)
from registry.http.security import REQUIRED_PERMISSION, authenticate

# What flask-smorest cannot know of an operation: its permission, its error responses, our own headers.

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
# The mark of operations in the document for integrators.
FOR_INTEGRATORS: Final = "x-integrator"
REQUIRED_PERMISSIONS: Final = "permissions"
RULE: Final = "rule"


def header_reference(name: str) -> dict[str, str]:
    """Return a reference to a header among the components."""
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


def _examples_of(module: str) -> Mapping[str, Any]:
    """Return ``data/examples.json`` beside the module of a blueprint: named ones, and those of operations."""
    file = files(module.rpartition(".")[0]) / "data" / "examples.json"
    return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {"examples": {}, "operations": {}}


def _add_examples(
    examples: Mapping[str, Any], doc: dict[str, Any], doc_info: dict[str, Any], **_kwargs: Any
) -> dict[str, Any]:
    """Callback of flask-smorest's blueprints: add the examples of the request and of the response on success, or of
    the response with a status.
    """
    own = examples["operations"].get(doc_info["manual_doc"]["operationId"], {})
    bodies = {str(status): body for status, body in doc["responses"].items()}
    bodies |= {"request": doc.get("requestBody", {}), "response": doc["responses"][min(doc["responses"])]}
    for side, body in bodies.items():
        for content in body.get("content", {}).values() if side in own else ():
            content["example"] = _written_out(own[side], examples["examples"])
    return doc


def _written_out(example: Any, named: Mapping[str, Any]) -> Any:
    """Return an example in full: ``{"$like": NAME, …}`` is the one of that name with other values.

    ``SLICE/NAME`` is one of another slice.
    """
    if isinstance(example, list):
        return [_written_out(each, named) for each in example]
    if not isinstance(example, dict):
        return example
    values = {name: _written_out(value, named) for name, value in example.items() if name != "$like"}
    if "$like" not in example:
        return values
    of_slice, _, name = example["$like"].rpartition("/")
    others = _examples_of(f"registry.{of_slice}.api")["examples"] if of_slice else named
    return {**_written_out(others[name], others), **values}


def _mark_for_integrators(
    integrator: bool | Collection[str], doc: dict[str, Any], doc_info: dict[str, Any], **_kwargs: Any
) -> dict[str, Any]:
    """Callback of flask-smorest's blueprints: mark what the document for integrators has."""
    operation = doc_info["manual_doc"]["operationId"]
    return doc | {FOR_INTEGRATORS: True} if integrator is True or (integrator and operation in integrator) else doc


def scopes_needed(permissions: Collection[Permission]) -> list[Scope]:
    """Return the scopes that a token needs for these permissions, each once."""
    return list(dict.fromkeys(permission.scope for permission in permissions))


def _who_may(permissions: Collection[Permission]) -> str:
    """Return a sentence on the roles that may call it, and the scopes that a token needs."""
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


API_PREFIX: Final = "/api/v1"
# The attribute of a view that ``requires`` made: the view itself, so that what decorates it further shows.
CHECKED_FIRST: Final = "registry_checked_first"
APIDOC: Final = "_apidoc"
# Whether the request was answered by a stored response.
REPLAYED_HERE: Final = "replayed_here"
TEXT_FILE: Final = {"type": "string"}
# As OpenAPI 3.0 has it: generators know it, and OpenAPI 3.1 has no other word for a whole body.
BINARY_FILE: Final = {"type": "string", "format": "binary"}
JSON_FILE: Final = {"type": "object", "additionalProperties": True}
View = Callable[..., Any]
Shown = TypeVar("Shown")


class PermissionNotDeclared(RuntimeError):
    """A route of the application does not say who may call it."""


class ProjectName(BaseConverter):
    """What stands for a project's number in its own path; ``check`` and ``batch`` are other routes'."""

    regex = "(?!(?:check|batch)$)[^/]+"


class ReportNumber(BaseConverter):
    """What stands for the number of a report to the Government in its own path; its document is another route's."""

    regex = r"(?![^/]*\.pdf$)[^/]+"


def current_actor() -> Actor:
    """Who calls this endpoint, as ``ApiBlueprint.requires`` found out."""
    actor: Actor = g.actor
    return actor


# The webargs parser of the API: strict JSON, declared query parameters only, every wrong place named by a pointer.


class StrictParser(FlaskParser):
    """Loads what ``Blueprint.arguments`` asks for.

    A wrong query parameter raises Malformed (400), a wrong body Invalid (422). Unknown names are refused by the
    schemas themselves.
    """

    DEFAULT_UNKNOWN_BY_LOCATION = {}  # noqa: RUF012 - as webargs declares it
    __location_map__ = {  # noqa: RUF012 - as webargs declares it
        "query": "load_querystring",
        "json": "load_json",
        "batch_json": "load_batch_json",
        "optional_json": "load_optional_json",
        "merge_patch": "load_merge_patch",
        "patch_to_check": "load_patch_to_check",
        "changes": "load_patch_to_check",
        "multipart": "load_multipart",
    }

    def load_querystring(self, req: flask.Request, schema: Schema) -> Any:  # noqa: ARG002 - webargs' signature
        """Return the query parameters as text. Raises Malformed for unknown, repeated and unusable ones."""
        if not isinstance(schema, QuerySchema):
            raise TypeError(f"{type(schema).__name__} is not a QuerySchema")
        return http_requests.read_query(schema.parameters)

    def load_json(self, req: flask.Request, schema: Schema) -> Any:  # noqa: ARG002 - webargs' signature
        """Return the JSON object of the body. Raises UnsupportedMediaType, PayloadTooLarge and BodyNotReadable."""
        http_requests.require_content_type(http_requests.JSON_TYPE)
        return http_requests.read_object(http_requests.read_bytes())

    def load_optional_json(self, req: flask.Request, schema: Schema) -> Any:
        """Return the same; no body at all is an empty object."""
        if not req.content_length and not http_requests.read_bytes():
            return {}
        return self.load_json(req, schema)

    def load_batch_json(self, req: flask.Request, schema: Schema) -> Any:  # noqa: ARG002 - webargs' signature
        """Return the JSON object of a batch, which may be larger."""
        http_requests.require_content_type(http_requests.JSON_TYPE)
        return http_requests.read_object(http_requests.read_bytes(http_requests.MAX_BATCH))

    def load_merge_patch(self, req: flask.Request, schema: Schema) -> Any:  # noqa: ARG002 - webargs' signature
        """Return the JSON object of a merge patch (RFC 7396)."""
        http_requests.require_content_type(http_requests.MERGE_PATCH)
        return http_requests.read_object(http_requests.read_bytes())

    def load_patch_to_check(self, req: flask.Request, schema: Schema) -> Any:
        """Return the same; as JSON too, which is the type that a check took before."""
        return (
            self.load_json(req, schema)
            if req.mimetype == http_requests.JSON_TYPE
            else self.load_merge_patch(req, schema)
        )

    def load_multipart(self, req: flask.Request, schema: Schema) -> Any:  # noqa: ARG002 - webargs' signature
        """Fields and files of a multipart body in one mapping. Raises as ``load_json`` does."""
        http_requests.require_content_type(http_requests.MULTIPART)
        fields, files = http_requests.read_form()
        return {**fields, **files}

    def handle_error(
        self,
        error: ValidationError,
        req: flask.Request,  # noqa: ARG002 - webargs' signature
        schema: Schema,  # noqa: ARG002 - webargs' signature
        **_kwargs: Any,
    ) -> NoReturn:
        """Raise Malformed for a query, Invalid for a body."""
        ((location, messages),) = error.messages_dict.items()
        if location == "query":
            raise Malformed(parameter_problems(messages)) from error
        raise Invalid(body_problems(messages)) from error


class ApiBlueprint(flask_smorest.Blueprint):  # type: ignore[misc] # flask-smorest is untyped
    """A blueprint below ``/api/v1``.

    Decorators in this order: ``requires``, ``deprecated``, ``doc``, ``honours``, ``etag`` of a PATCH, ``arguments``,
    ``idempotent`` where it has options or there is no body, ``etag``, ``response``. ``arguments`` reads ``json``,
    ``batch_json``, ``merge_patch``, ``changes``, ``multipart`` and, by a QuerySchema, ``query``; with
    ``required=False`` no body at all is an empty object.
    """

    ARGUMENTS_PARSER = StrictParser()
    DEFAULT_LOCATION_CONTENT_TYPE_MAPPING: ClassVar[dict[str, str]] = {
        "json": http_requests.JSON_TYPE,
        "batch_json": http_requests.JSON_TYPE,
        "optional_json": http_requests.JSON_TYPE,
        "merge_patch": http_requests.MERGE_PATCH,
        "patch_to_check": http_requests.MERGE_PATCH,
        # What changed, which is no merge patch; its type is accepted, as that of every other PATCH.
        "changes": http_requests.JSON_TYPE,
        "multipart": http_requests.MULTIPART,
    }

    def __init__(
        self, name: str, import_name: str, *, description: str, integrator: bool | Collection[str] = False
    ) -> None:
        """``integrator``: whether its operations are in the document for integrators, or the ids of those that are."""
        super().__init__(name, import_name, url_prefix=API_PREFIX, description=description)
        self.of_integrators: Collection[str] = () if isinstance(integrator, bool) else integrator
        mark = partial(_mark_for_integrators, integrator)
        self._prepare_doc_cbks += [partial(_add_examples, _examples_of(import_name)), complete_operation, mark]
        self.after_request(_add_vary)

    def add_url_rule(self, rule: str, *args: Any, **options: Any) -> None:
        """Register the rule, and note it for the documentation."""
        super().add_url_rule(rule, *args, **options)
        for method, doc_info in self._docs[self._endpoints[-1]].items():
            if method != "parameters":
                doc_info[RULE] = rule

    def requires(
        self, permission: Permission, *others: Permission, operation: str | None = None
    ) -> Callable[[View], View]:
        """Decorator, the outermost: authenticate and check the permissions before the request is read any further.

        ``others``: what the operation needs besides, such as reading the record that it is about; with them come the
        other scopes that a token needs. ``operation``: its id in the documentation. It also refuses query parameters
        where no ``arguments`` reads them.
        """

        def decorate(view: View) -> View:
            if operation is not None:
                view = self.doc(operationId=operation)(view)
            arguments = getattr(view, APIDOC, {}).get("arguments", {}).get("parameters", ())
            reads_query = any(argument["in"] == "query" for argument in arguments)

            @wraps(view)
            def wrapper(*args: Any, **kwargs: Any) -> Any:
                autocommit_reads()
                g.actor = authenticate()
                for each in (permission, *others):
                    g.actor.require(each)
                if not reads_query:
                    http_requests.read_query({})
                return view(*args, **kwargs)

            _document(wrapper, REQUIRED_PERMISSIONS, (permission, *others))
            setattr(wrapper, REQUIRED_PERMISSION, permission)
            setattr(wrapper, CHECKED_FIRST, wrapper)
            return wrapper

        return decorate

    def listing(
        self,
        records: ListDeclaration[Any] | Permission,
        item: Schema | type[Schema],
        example: Any = None,
        *,
        operation: str,
        more: Iterable[http_requests.Parameter] = (),
    ) -> Callable[[View], View]:
        """Decorator of the view of a list, in place of ``requires``, ``doc``, ``arguments`` and ``response``.

        The view takes ListArguments and returns a Listing. ``more``: parameters that are not filters. A permission in
        place of the declaration is that of a list without filters and sorts.
        """
        if isinstance(records, Permission):
            records = ListDeclaration(name=operation, permission=records)
        permission = Permission(records.permission)  # type: ignore[call-arg] # by its code
        query = list_query((*parameters_of(records), *more), records.sorts, counted=records.counted)
        page = PageSchema(item() if isinstance(item, type) else item, counted=records.counted)

        def decorate(view: View) -> View:
            @wraps(view)
            def answer(*args: Any, **kwargs: Any) -> Any:
                return page_response(view(*args, **kwargs))

            shown = None if example is None else {"items": [example], "next": None}
            answer = self.response(200, page, example=shown, headers=LINK)(answer)
            answer = self.doc(operationId=operation)(self.arguments(query, location="query")(answer))
            return self.requires(permission)(answer)

        return decorate

    def idempotent(
        self,
        view: View | None = None,
        *,
        verify: Callable[..., Any] | None = None,
        commits_itself: bool = False,
        secret: str = "",
        collision: type[RegistryError] | tuple[()] = (),
    ) -> Any:
        """Decorator of a POST or PATCH, below ``arguments``: the same ``Idempotency-Key`` gets the first answer again.

        Of a PATCH too that names a state which its first time has ended: ``If-Match`` is compared in the view.

        ``verify``: called with the loaded body and the values of the path outside of the transaction of the key,
        because it asks other services; the view gets what it returns as ``verified``. ``commits_itself``: the view must
        not run inside that transaction either. ``secret``: the property of the response that is shown once; it is not
        stored, and null in the response that is sent again. ``collision``: the error of a view that met another request
        and changed nothing; it is then run again, twice at most.
        """

        def decorate(view: View) -> View:
            @wraps(view)
            def wrapper(*args: Any, **kwargs: Any) -> Response:
                form = next((each for each in args if isinstance(each, Mapping)), {})
                digest = request_digest(form)
                verified: dict[str, Any] = {}

                def verify_first() -> None:
                    if verify is not None:
                        verified["verified"] = verify(args[-1], **kwargs)

                def answer() -> Response:
                    response: Response = view(*args, **kwargs, **verified)
                    if request.method == "PATCH":
                        # Its ``etag`` comes before ``arguments``: set the tag here, so that it is stored.
                        self._set_etag_in_response(response)
                    return response

                def run() -> Response:
                    return run_once(
                        current_actor(),
                        digest,
                        answer,
                        verify=verify_first,
                        commits_itself=commits_itself,
                        secret=secret,
                    )

                response = repeated(run, collision)
                setattr(g, REPLAYED_HERE, REPLAYED in response.headers)
                return response

            _document(wrapper, IDEMPOTENT, True)
            return wrapper

        return decorate if view is None else decorate(view)

    def honours(self, *headers: str) -> Callable[[View], View]:
        """Decorator of an operation that honours these conditional headers, and does not require them.

        ``headers``: names of parameters among the components, ``IfMatch`` or ``IfNoneMatchAny``.
        """

        def decorate(view: View) -> View:
            # The view itself: it only gets documentation.
            _document(view, HONOURED, headers)
            return view

        return decorate

    def deprecated(self, notice: Deprecation) -> Callable[[View], View]:
        """Decorator of an operation that will go, below ``requires``: its responses and the documentation say so.

        Errors do too, but for those that come before it: authentication and permission.
        """

        def decorate(view: View) -> View:
            @wraps(view)
            def wrapper(*args: Any, **kwargs: Any) -> Any:
                after_this_request(notice.add_headers)
                return view(*args, **kwargs)

            _document(wrapper, DEPRECATION, notice)
            return wrapper

        return decorate

    def arguments(
        self, schema: Any, *, location: str = "json", required: bool = True, idempotent: bool = True, **kwargs: Any
    ) -> Any:
        """flask-smorest's, where a body that is not required may be absent, and whose operation is ``idempotent``.

        A PUT is so by itself: without ``idempotent``.
        """
        if location == "json" and not required:
            location = "optional_json"
        read = super().arguments(schema, location=location, required=required, **kwargs)

        def decorate(view: View) -> View:
            is_marked = IDEMPOTENT in getattr(view, APIDOC, {}) or not idempotent or location == "query"
            decorated: View = read(view if is_marked else self.idempotent(view))
            return decorated

        return decorate

    def response(self, status_code: int, schema: Any = None, *, description: str = "Done.", **kwargs: Any) -> Any:
        """flask-smorest's, with ``Content-Language``; a response of another type than JSON is documented as a file."""
        if "content_type" in kwargs and schema == {}:
            schema = _file_schema(kwargs["content_type"])
        respond = super().response(status_code, schema, description=description, **kwargs)

        def decorate(view: View) -> View:
            answer = respond(view)

            @wraps(answer)
            def wrapper(*args: Any, **kwargs: Any) -> Response:
                response: Response = answer(*args, **kwargs)
                if response.is_json:
                    response.headers["Content-Language"] = http_requests.request_locale()
                return response

            return wrapper

        return decorate

    @staticmethod
    def _make_doc_response_schema(schema: Any) -> Any:
        return schema.json_schema() if isinstance(schema, PageSchema) else schema

    def _is_etag_enabled(self) -> bool:
        # flask-smorest's own looks into an Api, which exists only while the specification is made.
        return True

    @staticmethod
    def _generate_etag(etag_data: str | tuple[object, ...], extra_data: Any = None) -> str:  # noqa: ARG004 - the library's
        """Return the tag itself, or what it is made from: not the whole representation, which costs more to make."""
        return etag_data if isinstance(etag_data, str) else make_tag(*etag_data)

    def _check_precondition(self) -> None:
        # An empty If-Match is there, and names no tag: 412, where flask-smorest's own says 428.
        if request.method in self.METHODS_NEEDING_CHECK_ETAG:
            require_if_match()

    def _verify_check_etag(self) -> None:
        # What is sent again is answered from what was stored, whatever the state is by now.
        if not g.get(REPLAYED_HERE):
            super()._verify_check_etag()

    def tagged(self, shown: Shown, etag_data: object) -> Shown:
        """Set the entity tag, and return what is shown."""
        self.set_etag(etag_data)
        return shown

    def _set_etag_in_response(self, response: Response) -> None:
        if REPLAYED not in response.headers:
            super()._set_etag_in_response(response)

    def check_etag(self, etag_data: Any, etag_schema: Any = None) -> None:
        """Compare ``If-Match`` with the tag, also as Flask-Compress gave it with a compressed response."""
        try:
            super().check_etag(etag_data, etag_schema)
        except PreconditionFailed:
            require_fresh(self._generate_etag(etag_data))

    def _check_not_modified(self, etag: str) -> None:
        """Compare weakly (RFC 9110, 13.1.2): a proxy that compresses makes weak tags of ours."""
        if request.method in self.METHODS_CHECKING_NOT_MODIFIED:
            response = not_modified(etag)
            if response is not None:
                raise NotModified(response=response)


def _file_schema(content_type: str) -> dict[str, Any]:
    if content_type.startswith("text/"):
        return TEXT_FILE
    # Clients parse JSON whatever the schema says, and would take the object for bytes.
    return JSON_FILE if content_type == http_requests.JSON_TYPE else BINARY_FILE


def _document(view: View, name: str, value: object) -> None:
    # Copied, because ``wraps`` shares it with the function that is wrapped; not deeply, as flask-smorest does so itself
    # before it changes what is in it: a tenth of the time of the start.
    setattr(view, APIDOC, {**getattr(view, APIDOC, {}), name: value})


def _add_vary(response: Response) -> Response:
    # A 304 too: it tells a cache what the stored response depends on (RFC 9110, 15.4.5).
    response.vary.update(("Accept-Language", "Authorization"))
    return response


def require_declared_permissions(app: flask.Flask, open_endpoints: Mapping[str, str]) -> None:
    """Raise PermissionNotDeclared for a route that neither declares a permission nor is named as open.

    A route of the API must also check its permission before anything else: ``requires`` is its outermost decorator.
    """
    missing = [
        f"{method} {rule.rule}"
        for rule in app.url_map.iter_rules()
        if rule.endpoint not in open_endpoints
        for method, view in views_of(app, rule.endpoint, rule.methods or set())
        if not hasattr(view, REQUIRED_PERMISSION) or getattr(view, CHECKED_FIRST, view) is not view
    ]
    if missing:
        raise PermissionNotDeclared(f"routes without a declared permission: {', '.join(sorted(missing))}")


def views_of(app: flask.Flask, endpoint: str, methods: set[str]) -> Iterator[tuple[str, Callable[..., Any]]]:
    """The view of each method of an endpoint."""
    view = app.view_functions[endpoint]
    method_view = getattr(view, "view_class", None)
    for method in sorted(methods - {"HEAD", "OPTIONS"}):
        yield method, view if method_view is None else getattr(method_view, method.lower())
