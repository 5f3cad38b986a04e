"""The OpenAPI operation of a declared route."""

from __future__ import annotations

import inspect
from typing import Any

from registry.accounts.roles import Permission
from registry.api.declared import Declared, FormBody, JsonBody
from registry.http.query_parameters import Parameter, page_parameters
from registry.http.request_bodies import MULTIPART

ERROR_NAMES = {
    400: "Malformed",
    401: "AuthenticationRequired",
    403: "NotAllowed",
    404: "NotFound",
    409: "Conflict",
    412: "Stale",
    413: "PayloadTooLarge",
    415: "UnsupportedMediaType",
    422: "Invalid",
    428: "PreconditionRequired",
    429: "TooManyRequests",
    500: "InternalError",
    503: "DatabaseUnavailable",
}
HEADERS = {
    "ETag": "The strong entity tag of the representation.",
    "Location": "Where the new resource is.",
    "Link": 'The next page, `rel="next"`; absent on the last.',
    "Content-Disposition": "The file's name.",
}


def operation_of(declared: Declared, docstring: str) -> dict[str, Any]:
    """The operation as OpenAPI 3.1 has it; schemas stand in it as marshmallow instances, which apispec resolves."""
    summary, _, description = inspect.cleandoc(docstring).partition("\n")
    operation: dict[str, Any] = {
        "operationId": declared.operation,
        "summary": summary.strip().rstrip("."),
        "parameters": _parameters(declared),
        "responses": _responses(declared),
    }
    if description.strip():
        operation["description"] = " ".join(description.split())
    if isinstance(declared.needs, Permission):
        operation["x-permission"] = declared.needs.value
    else:
        operation["security"] = []
    body = _request_body(declared)
    if body is not None:
        operation["requestBody"] = body
    return operation


def _parameters(declared: Declared) -> list[Any]:
    found: list[Any] = ["AcceptLanguage"]
    if declared.method == "POST":
        found.append("IdempotencyKey")
    if declared.if_match:
        found.append("IfMatch")
    if declared.method == "GET" and "ETag" in declared.answers.headers:
        found.append("IfNoneMatch")
    own = (*declared.query, *(page_parameters(declared.sorts) if declared.paged else ()))
    return [*found, *(_query_parameter(parameter) for parameter in own)]


def _query_parameter(parameter: Parameter) -> dict[str, Any]:
    described = {
        "name": parameter.name,
        "in": "query",
        "description": parameter.description,
        "required": False,
        "schema": parameter.schema,
    }
    # Several values of one parameter stand in it with commas.
    return described | ({"style": "form", "explode": False} if parameter.takes_several else {})


def _request_body(declared: Declared) -> dict[str, Any] | None:
    match declared.body:
        case JsonBody(schema=schema, example=example, content_type=taken, may_be_empty=may_be_empty):
            return {"required": not may_be_empty, "content": {taken: {"schema": schema, "example": dict(example)}}}
        case FormBody(properties=properties, required=required):
            schema_of_form = {
                "type": "object",
                "properties": dict(properties),
                "required": list(required),
                "additionalProperties": False,
            }
            return {"required": True, "content": {MULTIPART: {"schema": schema_of_form}}}
    return None


def _responses(declared: Declared) -> dict[str, Any]:
    answers = declared.answers
    schema: Any = answers.schema
    if answers.lists:
        items = {"type": "array", "items": schema} if schema is not None else {"type": "array"}
        schema = {
            "type": "object",
            "properties": {"items": items, "next": {"type": ["string", "null"]}},
            "required": ["items", "next"],
        }
    good: dict[str, Any] = {"description": answers.description or "Done."}
    if schema is not None:
        content: dict[str, Any] = {"schema": schema}
        if answers.example is not None:
            content["example"] = answers.example
        good["content"] = {kind: dict(content) for kind in answers.content_types}
    elif answers.content_types:
        good["content"] = {kind: {} for kind in answers.content_types}
    headers = (*answers.headers, *(("Link",) if declared.paged else ()))
    if headers:
        good["headers"] = {name: {"description": HEADERS[name], "schema": {"type": "string"}} for name in headers}
    responses: dict[str, Any] = {str(answers.status): good}
    if declared.method == "GET" and "ETag" in answers.headers:
        responses["304"] = {"description": "Not changed since the tag in `If-None-Match`."}
    responses |= {str(status): ERROR_NAMES[status] for status in _errors(declared)}
    return responses


def _errors(declared: Declared) -> list[int]:
    found = {400, 429, 500, 503}
    if isinstance(declared.needs, Permission):
        found |= {401, 403}
    if "<" in declared.rule:
        found.add(404)
    if declared.method != "GET":
        found.add(409)
    if declared.method == "POST":
        found.add(422)
    if declared.body is not None:
        found |= {413, 415, 422}
    if declared.if_match:
        found |= {412, 428}
    return sorted(found)
