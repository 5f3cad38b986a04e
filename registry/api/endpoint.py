"""Answers a request to a declared route: the checks in their order, the view, and the answer's headers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Response, json, request
from werkzeug.http import quote_etag

from registry.accounts.actors import Actor
from registry.accounts.roles import Permission
from registry.api.declared import Answer, Call, Declared, FormBody, JsonBody, View
from registry.api.loading import load_values
from registry.core.errors import Invalid, Malformed, Problem
from registry.core.field_types import InvalidValue, Kind
from registry.core.pagination import Listing, Page
from registry.core.schema_fields import Body
from registry.core.transactions import autocommit_reads, transaction
from registry.http.authentication import authenticate
from registry.http.etag import not_modified, require_fresh, require_if_match
from registry.http.idempotency import body_digest, run_once
from registry.http.locale import request_locale
from registry.http.query_parameters import next_link, page_parameters, read_query, take_page
from registry.http.request_bodies import (
    JSON_TYPE,
    MULTIPART,
    SentFile,
    read_bytes,
    read_form,
    read_object,
    require_content_type,
)

Form = tuple[Mapping[str, str], Mapping[str, SentFile]]


def answer_request(declared: Declared, view: View, path: Mapping[str, Any]) -> Response:
    """Check in the order 401, 404, 403, 400, 415, 428, 413, 412, 422, then answer."""
    actor = None
    subject = None
    autocommit_reads()
    if isinstance(declared.needs, Permission):
        actor = authenticate()
        if declared.subject is not None:
            subject = declared.subject(actor, **path)
        actor.require(declared.needs)
    query = read_query((*declared.query, *(page_parameters(declared.sorts) if declared.paged else ())))
    page = take_page(query) if declared.paged else Page()
    raw, form = _read_body(declared)
    if declared.if_match:
        require_if_match()
    call = Call(actor, request_locale(), path, subject, query, page)
    if actor is None or request.method != "POST":
        return _perform(declared, view, call, raw, form)
    return run_once(
        actor,
        _digest(raw, form),
        lambda: _perform(declared, view, call, raw, form),
        commits_itself=declared.commits_itself,
    )


def _read_body(declared: Declared) -> tuple[bytes, Form]:
    match declared.body:
        case JsonBody(may_be_empty=True) if not request.content_length and not read_bytes():
            return b"{}", ({}, {})
        case JsonBody(content_type=taken):
            require_content_type(taken)
            if declared.if_match:
                require_if_match()
            return read_bytes(), ({}, {})
        case FormBody():
            require_content_type(MULTIPART)
            return b"", read_form()
    return b"", ({}, {})


def _perform(declared: Declared, view: View, call: Call, raw: bytes, form: Form) -> Response:
    if declared.locks is None:
        return _answer(declared, view, _with_body(declared, call, call.subject, raw, form))
    with transaction():
        subject = declared.locks(_actor(call), **call.path)
        if declared.if_match and declared.tag is not None:
            require_fresh(declared.tag(subject))
        return _answer(declared, view, _with_body(declared, call, subject, raw, form))


def _with_body(declared: Declared, call: Call, subject: Any, raw: bytes, form: Form) -> Call:
    values: Mapping[str, Any] = {}
    problems: list[Problem] = []
    fields, files = form
    match declared.body:
        case JsonBody(schema=schema, joins_problems=joins_problems):
            values, problems = load_values(schema, read_object(raw))
            if problems and not joins_problems:
                raise Invalid(problems)
        case FormBody(properties=properties, required=required):
            values = fields
            _require_parts(properties, required, form)
    return Call(call.actor, call.language, call.path, subject, call.query, call.page, values, tuple(problems), files)


def _require_parts(properties: Mapping[str, Any], required: tuple[str, ...], form: Form) -> None:
    fields, files = form
    sent = {**fields, **files}
    problems = [Problem(f"/{name}", "unknown-field") for name in sent if name not in properties]
    problems += [Problem(f"/{name}", "required") for name in required if name not in sent]
    for name, schema in properties.items():
        is_file = schema.get("format") == "binary"
        if is_file and name in fields:
            problems.append(Problem(f"/{name}", "expected-file"))
        if not is_file and name in files:
            problems.append(Problem(f"/{name}", "expected-text"))
    if problems:
        raise Invalid(problems)


def _answer(declared: Declared, view: View, call: Call) -> Response:
    given = view(call)
    if isinstance(given, Response):
        return given
    answer = given if isinstance(given, Answer) else Answer(given)
    if answer.tag is not None and request.method in ("GET", "HEAD"):
        unchanged = not_modified(answer.tag)
        if unchanged is not None:
            return _varying(unchanged)
    body, schema = answer.body, declared.answers.schema
    response = Response(
        json.dumps(_dumped(schema, body)), status=answer.status or declared.answers.status, content_type=JSON_TYPE
    )
    response.headers["Content-Language"] = call.language
    _varying(response)
    if answer.location is not None:
        response.headers["Location"] = answer.location
    if answer.tag is not None:
        response.headers["ETag"] = quote_etag(answer.tag)
    if isinstance(body, Listing) and body.next is not None:
        response.headers["Link"] = next_link(body.next)
    return response


def _varying(response: Response) -> Response:
    # A 304 too: it tells a cache what the stored answer depends on (RFC 9110, 15.4.5).
    response.vary.add("Accept-Language")
    response.vary.add("Authorization")
    return response


def _dumped(schema: Any, body: Any) -> Any:
    if isinstance(body, Listing):
        return {"items": [_dumped(schema, item) for item in body.items], "next": body.next}
    if isinstance(schema, Body) and isinstance(body, Mapping):
        return schema.shown(body)
    return body if schema is None else schema.dump(body)


def _digest(raw: bytes, form: Form) -> str:
    # A multipart boundary differs each time the same form is sent.
    fields, files = form
    parts: list[Any] = [request.mimetype, sorted(request.args.items()), sorted(fields.items())]
    parts += [[name, file.name, file.content_type, body_digest(file.content)] for name, file in sorted(files.items())]
    return body_digest(json.dumps(parts).encode("utf-8", "replace") + raw)


def _actor(call: Call) -> Actor:
    return call.by


def parameter_value(call: Call, name: str, kind: Kind) -> Any:
    """The value of a query parameter, None when it is not sent. Raises Malformed for one that its kind refuses."""
    sent = call.query.get(name)
    if sent is None:
        return None
    try:
        value = kind.accept(sent)
    except InvalidValue as refused:
        raise Malformed([Problem(name, refused.code, refused.params)]) from refused
    if value is None:
        raise Malformed([Problem(name, "value-missing")])
    return value
