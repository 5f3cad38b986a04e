"""The specification against that of the last release: nothing breaks a client that is not argued here."""

from __future__ import annotations

import copy
import gzip
import json
from collections.abc import Callable
from typing import Any

import pytest

from registry.settings import CHECKOUT
from tests.api.breaking_changes import breaking_changes

RELEASED = CHECKOUT / "tests" / "data" / "openapi-0.3.0.json.gz"
CURRENT = CHECKOUT / "docs" / "openapi.json"
# Since that release, each with its reason. A new release starts with an empty list.
ARGUED: dict[str, str] = {}
Change = Callable[[dict[str, Any]], object]


def test_nothing_breaks_clients_of_the_last_release_that_is_not_argued() -> None:
    released = json.loads(gzip.decompress(RELEASED.read_bytes()))
    current = json.loads(CURRENT.read_text(encoding="utf-8"))

    assert breaking_changes(released, current) == sorted(ARGUED)


def a_specification() -> dict[str, Any]:
    schemas = {
        "Item": {
            "type": "object",
            "required": ["id"],
            "properties": {
                "id": {"type": "integer"},
                "kind": {"type": "string", "enum": ["a", "b"]},
                "part": {"$ref": "#/components/schemas/Item"},
                "words": {"type": "array", "items": {"type": "string"}},
            },
        },
        "Sent": {
            "type": "object",
            "required": ["name"],
            "additionalProperties": False,
            "properties": {
                "name": {"type": ["string", "null"], "maxLength": 200},
                "kind": {"type": "string", "enum": ["a", "b"]},
                "count": {"type": "integer", "minimum": 0},
            },
        },
    }
    item = {"application/json": {"schema": {"$ref": "#/components/schemas/Item"}}}
    kind = {"name": "kind", "in": "query", "schema": {"type": "array", "items": {"type": "string", "enum": ["a", "b"]}}}
    get = {"operationId": "read", "parameters": [kind], "responses": {"200": {"description": "", "content": item}}}
    sent = {"application/json": {"schema": {"$ref": "#/components/schemas/Sent"}}}
    post = {"operationId": "make", "requestBody": {"content": sent}, "responses": {"201": {"description": ""}}}
    return {"paths": {"/items": {"get": get, "post": post}}, "components": {"schemas": schemas}}


def shown(of: dict[str, Any]) -> dict[str, Any]:
    return of["components"]["schemas"]["Item"]  # type: ignore[no-any-return]


def sent(of: dict[str, Any]) -> dict[str, Any]:
    return of["components"]["schemas"]["Sent"]  # type: ignore[no-any-return]


def operation(of: dict[str, Any], method: str) -> dict[str, Any]:
    return of["paths"]["/items"][method]  # type: ignore[no-any-return]


BREAKING: dict[str, Change] = {
    "GET /items: removed": lambda of: of["paths"]["/items"].pop("get"),
    "GET /items: operationId renamed": lambda of: operation(of, "get").update(operationId="show"),
    "GET /items: parameter query kind removed": lambda of: operation(of, "get").update(parameters=[]),
    "GET /items: parameter query kind required": lambda of: operation(of, "get")["parameters"][0].update(required=True),
    "GET /items: parameter query q new and required": lambda of: operation(of, "get")["parameters"].append(
        {"name": "q", "in": "query", "required": True, "schema": {"type": "string"}}
    ),
    "GET /items: parameter query kind[]: b not accepted": lambda of: operation(of, "get")["parameters"][0]["schema"][
        "items"
    ].update(enum=["a", "c"]),
    "GET /items: 200 removed": lambda of: operation(of, "get").update(responses={"204": {"description": ""}}),
    "GET /items: 200 application/json removed": lambda of: operation(of, "get")["responses"]["200"].pop("content"),
    "GET /items: 200/kind: removed": lambda of: shown(of)["properties"].pop("kind"),
    "GET /items: 200/id: not always there": lambda of: shown(of).update(required=[]),
    "GET /items: 200/id: may be null": lambda of: shown(of)["properties"]["id"].update(type=["integer", "null"]),
    "GET /items: 200/words[]: may be anything": lambda of: shown(of)["properties"]["words"].pop("items"),
    "POST /items: body required": lambda of: operation(of, "post")["requestBody"].update(required=True),
    "POST /items: body removed": lambda of: operation(of, "post").pop("requestBody"),
    "POST /items: body application/json removed": lambda of: operation(of, "post")["requestBody"].update(content={}),
    "POST /items: body/kind: removed": lambda of: sent(of)["properties"].pop("kind"),
    "POST /items: body/kind: required": lambda of: sent(of)["required"].append("kind"),
    "POST /items: body/kind: a not accepted": lambda of: sent(of)["properties"]["kind"].update(enum=["b"]),
    "POST /items: body/name: null not accepted": lambda of: sent(of)["properties"]["name"].update(type="string"),
    "POST /items: body/name: maxLength lower": lambda of: sent(of)["properties"]["name"].update(maxLength=100),
    "POST /items: body/count: minimum higher": lambda of: sent(of)["properties"]["count"].update(minimum=1),
    "POST /items: body/count: anything not accepted": lambda of: sent(of)["properties"]["count"].update(enum=[1]),
}


@pytest.mark.parametrize(("described", "change"), BREAKING.items())
def test_breaking_change_is_found(described: str, change: Change) -> None:
    old = a_specification()
    new = copy.deepcopy(old)
    change(new)

    assert breaking_changes(old, new) == [described]
