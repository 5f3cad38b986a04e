"""What the routes of the API declare, read back from their decorators."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import flask
from marshmallow import Schema

from registry.accounts.roles import Permission
from registry.api.blueprint import APIDOC, CHECKED_FIRST, ApiBlueprint, PermissionNotDeclared
from registry.api.operation_docs import REQUIRED_PERMISSIONS
from registry.http.authentication import REQUIRED_PERMISSION


@dataclass(frozen=True, slots=True)
class RequestBody:
    """The body of an operation: its schema, its content type, and whether it may be absent."""

    schema: Schema
    content_type: str
    required: bool


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one route.

    ``permissions``: all that it needs, its own first. ``needs_if_match``: it answers 428 without ``If-Match``.
    """

    name: str
    endpoint: str
    method: str
    rule: str
    permissions: tuple[Permission, ...]
    body: RequestBody | None
    needs_if_match: bool


def declared_routes(app: flask.Flask) -> Iterator[Operation]:
    """Every operation of the API."""
    for rule in app.url_map.iter_rules():
        for method, view in _views(app, rule.endpoint, rule.methods or set()):
            doc = getattr(view, APIDOC, None)
            if doc is not None:
                yield Operation(
                    doc["manual_doc"]["operationId"],
                    rule.endpoint,
                    method,
                    rule.rule,
                    doc[REQUIRED_PERMISSIONS],
                    _body(doc),
                    bool(doc.get("etag")) and method in ApiBlueprint.METHODS_NEEDING_CHECK_ETAG,
                )


def require_declared_permissions(app: flask.Flask, open_endpoints: Mapping[str, str]) -> None:
    """Raise PermissionNotDeclared for a route that neither declares a permission nor is named as open.

    A route of the API must also check its permission before anything else: ``requires`` is its outermost decorator.
    """
    missing = [
        f"{method} {rule.rule}"
        for rule in app.url_map.iter_rules()
        if rule.endpoint not in open_endpoints
        for method, view in _views(app, rule.endpoint, rule.methods or set())
        if not hasattr(view, REQUIRED_PERMISSION) or getattr(view, CHECKED_FIRST, view) is not view
    ]
    if missing:
        raise PermissionNotDeclared(f"routes without a declared permission: {', '.join(sorted(missing))}")


def _views(app: flask.Flask, endpoint: str, methods: set[str]) -> Iterator[tuple[str, Callable[..., Any]]]:
    view = app.view_functions[endpoint]
    method_view = getattr(view, "view_class", None)
    for method in sorted(methods - {"HEAD", "OPTIONS"}):
        yield method, view if method_view is None else getattr(method_view, method.lower())


def _body(doc: Mapping[str, Any]) -> RequestBody | None:
    types = ApiBlueprint.DEFAULT_LOCATION_CONTENT_TYPE_MAPPING
    for argument in doc.get("arguments", {}).get("parameters", ()):
        if argument["in"] in types:
            return RequestBody(argument["schema"], types[argument["in"]], argument["required"])
    return None
