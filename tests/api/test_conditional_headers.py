"""``If-Match`` and ``If-None-Match`` are declared wherever they are honoured, and a PATCH is repeated by its key."""

from __future__ import annotations

import json
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Connection

from registry.agencies.models import Agency
from registry.settings import CHECKOUT
from tests.api.access_matrix.roles import AGENCY
from tests.api.access_matrix.routes import TRIES, path_of, prepared
from tests.api.access_matrix.world_making import a_world
from tests.api.callers import MERGE_PATCH, Altered, Caller, code
from tests.api.routes import declared_routes
from tests.api.stored_state import taken_back
from tests.factories import a_project, a_token, an_agency

SPECIFICATION: dict[str, Any] = json.loads((CHECKOUT / "docs" / "openapi.json").read_text(encoding="utf-8"))
HEADERS = {"If-Match", "If-None-Match"}


def declared_headers() -> dict[str, set[str]]:
    """Operation → the conditional headers that it documents."""
    components = SPECIFICATION["components"]["parameters"]
    return {
        operation["operationId"]: HEADERS
        & {
            components[each["$ref"].rpartition("/")[2]]["name"] if "$ref" in each else each["name"]
            for each in operation.get("parameters", ())
        }
        for methods in SPECIFICATION["paths"].values()
        for name, operation in methods.items()
        if name != "parameters"
    }


@pytest.mark.sqlite_only
def test_conditional_headers_are_declared_wherever_they_are_honoured(
    client: FlaskClient, connection: Connection, nightly: bool
) -> None:
    home = an_agency()
    world, declared = a_world(home), declared_headers()
    honoured: dict[str, set[str]] = {}
    for number, operation in enumerate(declared_routes(client.application)):
        # By day every third of those that declare none.
        if not (declared[operation.name] or nightly or number % 3 == 0):
            continue
        role = TRIES[operation.name].sender
        with taken_back(connection):
            call = prepared(operation.name, operation.method, world)
            who = Altered(client, a_token(role, home if role in AGENCY else None))
            if operation.method == "GET":
                with who.get(path_of(operation.name, world)) as answer:
                    tag = answer.headers.get("ETag")
                with who.call("GET", path_of(operation.name, world), headers={"If-None-Match": tag or '"x"'}) as answer:
                    honoured[operation.name] = {"If-None-Match"} if answer.status_code == 304 else set()
            else:
                who.tag = '"old"'
                honoured[operation.name] = {"If-Match"} if call(who).status_code == 412 else set()
    # Only where there is a record already.
    honoured["put_project"].add("If-None-Match")
    assert {name: headers for name, headers in honoured.items() if headers != declared[name]} == {}
    assert len([name for name, headers in honoured.items() if headers]) > 40


def test_every_patch_takes_an_idempotency_key() -> None:
    key = {"$ref": "#/components/parameters/IdempotencyKey"}
    patches = [methods["patch"] for methods in SPECIFICATION["paths"].values() if "patch" in methods]
    assert len(patches) == 9
    assert [each["operationId"] for each in patches if key not in each["parameters"]] == []


def test_patch_that_is_sent_again_gets_its_answer_before_the_tag_is_compared(editor: Caller, agency: Agency) -> None:
    path = f"/projects/{a_project(agency).number}"
    tag = editor.get(path).headers["ETag"]
    first = editor.patch(path, {"budget_kzt": 7}, If_Match=tag, Idempotency_Key="k-1")
    again = editor.patch(path, {"budget_kzt": 7}, If_Match=tag, Idempotency_Key="k-1")
    assert (first.status_code, again.status_code) == (200, 200)
    assert again.get_json() == first.get_json()
    assert again.headers["ETag"] == first.headers["ETag"] == editor.get(path).headers["ETag"]
    assert again.headers["Idempotency-Replayed"] == "true" and "Idempotency-Replayed" not in first.headers
    assert len(editor.get(f"{path}/history").get_json()["items"]) == 2

    assert editor.patch(path, {"budget_kzt": 7}, If_Match=tag).status_code == 412
    other = editor.patch(path, {"budget_kzt": 8}, If_Match=tag, Idempotency_Key="k-1")
    assert (other.status_code, code(other)) == (422, "idempotency-key-reused")
    # An error is not kept: the same key works with the tag of now.
    assert editor.patch(path, {"budget_kzt": 9}, If_Match=tag, Idempotency_Key="k-2").status_code == 412
    new = editor.get(path).headers["ETag"]
    assert editor.patch(path, {"budget_kzt": 9}, If_Match=new, Idempotency_Key="k-2").status_code == 200


def test_check_takes_what_a_patch_takes_and_json_as_before(editor: Caller, agency: Agency) -> None:
    path = f"/projects/{a_project(agency).number}/check"
    for content_type in (MERGE_PATCH, "application/json"):
        answer = editor.call("POST", path, json={"budget_kzt": 7}, content_type=content_type)
        assert (answer.status_code, answer.get_json()["changes"][0]["new"]) == (200, 7)
    assert editor.call("POST", path, data=b"{}", content_type="text/plain").status_code == 415
    content = SPECIFICATION["paths"]["/api/v1/projects/{number}/check"]["post"]["requestBody"]["content"]
    assert list(content) == ["application/merge-patch+json"]
