"""What the routes of the API declare, read back from their decorators."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import flask
from marshmallow import Schema

from registry.accounts.roles import Permission
from registry.api.blueprint import APIDOC, REQUIRED_PERMISSIONS, ApiBlueprint, views_of


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
        for method, view in views_of(app, rule.endpoint, rule.methods or set()):
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


def _body(doc: Mapping[str, Any]) -> RequestBody | None:
    types = ApiBlueprint.DEFAULT_LOCATION_CONTENT_TYPE_MAPPING
    for argument in doc.get("arguments", {}).get("parameters", ()):
        if argument["in"] in types:
            return RequestBody(argument["schema"], types[argument["in"]], argument["required"])
    return None
