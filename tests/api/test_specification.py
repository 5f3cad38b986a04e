"""The specification, its page, and that every route declares who may call it."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from registry.accounts.roles import Permission
from registry.agencies.fields import AGENCY, AGENCY_BODY
from registry.api.blueprint import ApiBlueprint, PermissionNotDeclared, require_declared_permissions
from registry.api.openapi import FOLDER
from registry.api.specification import BLUEPRINTS, make_specification
from registry.app import OPEN_ENDPOINTS
from registry.http.security import REQUIRED_PERMISSION
from registry.settings import CHECKOUT
from tests.api.callers import BASE
from tests.api.routes import declared_routes

COMMITTED = CHECKOUT / "docs" / "openapi.json"


@pytest.mark.parametrize("name", ["openapi.json", "openapi-integrator.json"])
def test_the_committed_specification_is_the_one_that_is_served(client: FlaskClient, name: str) -> None:
    served = client.get(f"{BASE}/{name}")

    assert COMMITTED.with_name(name).read_text(encoding="utf-8") == served.get_data(as_text=True), "run: make openapi"
    assert client.get(f"{BASE}/{name}", headers={"If-None-Match": served.headers["ETag"]}).status_code == 304


def test_document_of_integrators_has_what_they_need_and_no_more() -> None:
    text = COMMITTED.with_name("openapi-integrator.json").read_text(encoding="utf-8")
    document, whole = json.loads(text), json.loads(COMMITTED.read_text(encoding="utf-8"))

    paths = document["paths"]
    count = sum(name != "parameters" for methods in paths.values() for name in methods)
    named = [name for blueprint in BLUEPRINTS for name in blueprint.of_integrators]
    assert set(named) <= set(re.findall(r'"operationId": "(\w+)"', text))
    assert 40 <= count <= 55
    assert {"/api/v1/projects", "/api/v1/changes", "/api/v1/webhooks", "/api/v1/orders"} <= paths.keys()
    assert not {"/api/v1/accounts", "/api/v1/policies", "/api/v1/audits"} & paths.keys()
    assert all(methods.items() <= whole["paths"][path].items() for path, methods in paths.items())
    for kind, name in re.findall(r'"#/components/(\w+)/([^"/]+)"', text):
        assert document["components"][kind][name] == whole["components"][kind][name]
    release = re.findall(r"(?m)^version = (.+)$", (CHECKOUT / "setup.cfg").read_text(encoding="utf-8"))
    assert [document["info"]["version"], whole["info"]["version"]] == release * 2


def test_the_specification_is_made_without_settings_and_database() -> None:
    assert make_specification()["openapi"] == "3.1.0"


def test_every_route_is_documented_with_its_permission_and_errors(app: Flask) -> None:
    specification = json.loads(COMMITTED.read_text(encoding="utf-8"))
    operations = {
        operation["operationId"]: operation
        for methods in specification["paths"].values()
        for name, operation in methods.items()
        if name != "parameters"
    }
    declared = {operation.name: operation for operation in declared_routes(app)}

    assert set(operations) == set(declared)
    for name, operation in operations.items():
        assert operation["x-permission"] == declared[name].permissions[0].value
        assert operation["x-scopes"] == list(
            dict.fromkeys(permission.scope.value for permission in declared[name].permissions)
        )
        assert operation["summary"]
        assert {"401", "403"} <= set(operation["responses"])
        assert ("requestBody" in operation) == (declared[name].body is not None)


def test_every_json_body_has_an_example_and_every_file_a_schema() -> None:
    specification = json.loads(COMMITTED.read_text(encoding="utf-8"))
    without = []
    for path, methods in specification["paths"].items():
        for name, operation in methods.items():
            if name == "parameters":
                continue
            for holder in (operation.get("requestBody", {}), *operation["responses"].values()):
                for kind, content in holder.get("content", {}).items():
                    is_json = kind == "application/json" and content["schema"]
                    is_described = "example" in content if is_json else content["schema"] or kind == "application/json"
                    without += [] if is_described else [(path, name, kind)]
    assert without == []


def test_every_example_in_a_file_is_that_of_an_operation() -> None:
    specification = json.loads(COMMITTED.read_text(encoding="utf-8"))
    operations = {
        operation["operationId"]
        for methods in specification["paths"].values()
        for name, operation in methods.items()
        if name != "parameters"
    }
    for file in CHECKOUT.glob("registry/*/data/examples.json"):
        assert set(json.loads(file.read_text(encoding="utf-8"))["operations"]) <= operations, file


def test_every_example_fits_its_schema() -> None:
    import jsonschema

    specification = json.loads(COMMITTED.read_text(encoding="utf-8"))
    looked_at = 0
    for methods in specification["paths"].values():
        for name, operation in methods.items():
            if name == "parameters":
                continue
            holders = [operation.get("requestBody", {}), *operation["responses"].values()]
            for holder in holders:
                for content in holder.get("content", {}).values():
                    if "example" in content:
                        looked_at += 1
                        jsonschema.validate(
                            content["example"], {**content["schema"], "components": specification["components"]}
                        )
    assert looked_at > 20


def test_integers_that_need_more_than_32_bits_are_int64_and_others_are_not() -> None:
    schemas = json.loads(COMMITTED.read_text(encoding="utf-8"))["components"]["schemas"]

    assert schemas["ProjectRegistration"]["properties"]["budget_kzt"]["format"] == "int64"
    assert schemas["ChangeShown"]["properties"]["seq"]["format"] == "int64"
    assert schemas["Flag"]["properties"]["id"]["format"] == "int64"
    assert "format" not in schemas["ProjectRegistration"]["properties"]["cost_by_year"]["items"]["properties"]["year"]
    # A text or a number: the format would be one of texts.
    assert "format" not in schemas["Flag"]["properties"]["observed"]["additionalProperties"]


def test_every_operation_names_its_roles_and_the_scope_of_tokens() -> None:
    paths = json.loads(COMMITTED.read_text(encoding="utf-8"))["paths"]
    descriptions = [
        operation["description"]
        for methods in paths.values()
        for name, operation in methods.items()
        if name != "parameters"
    ]

    assert all(re.search(r" the token needs the scopes? `", each) for each in descriptions)
    confirmation = paths["/api/v1/audits/{id}/confirmation"]["post"]
    assert confirmation["description"] == "For supervisor; the token needs the scopes `decisions:approve` and `read`."
    assert confirmation["x-scopes"] == ["decisions:approve", "read"]
    assert paths["/api/v1/projects"]["get"]["description"] == "For every role; the token needs the scope `read`."
    assert paths["/api/v1/cases/{case_id}/answer"]["post"]["description"].endswith(
        "For agency_editor, agency_administrator; the token needs the scope `cases:write`."
    )


def test_a_route_that_declares_no_permission_stops_the_start(own_app: Flask) -> None:
    own_app.add_url_rule("/api/v1/secret", "secret", lambda: "all of it")

    with pytest.raises(PermissionNotDeclared, match="/api/v1/secret"):
        require_declared_permissions(own_app, OPEN_ENDPOINTS)


def test_a_route_that_reads_the_body_before_the_permission_stops_the_start(own_app: Flask) -> None:
    blp = ApiBlueprint("wrong", __name__, description="Wrong.")

    @blp.route("/wrong", methods=["POST"])
    @blp.arguments(AGENCY_BODY)
    @blp.requires(Permission.AGENCIES_WRITE)
    @blp.response(200, AGENCY)
    def register(values: dict[str, Any]) -> dict[str, Any]:
        """Register an agency."""
        return values

    own_app.register_blueprint(blp)

    with pytest.raises(PermissionNotDeclared, match="POST /api/v1/wrong"):
        require_declared_permissions(own_app, OPEN_ENDPOINTS)


def test_every_post_takes_an_idempotency_key() -> None:
    key = {"$ref": "#/components/parameters/IdempotencyKey"}
    paths = json.loads(COMMITTED.read_text(encoding="utf-8"))["paths"]
    posts = {path: methods["post"]["parameters"] for path, methods in paths.items() if "post" in methods}

    assert len(posts) > 20
    assert [path for path, parameters in posts.items() if key not in parameters] == []


def test_every_route_that_is_open_is_named_with_its_reason(app: Flask) -> None:
    undeclared = {rule.endpoint for rule in app.url_map.iter_rules()} - {
        operation.endpoint for operation in declared_routes(app)
    }
    # A page says itself what it needs, or why it is open; tests/web tries each.
    undeclared -= {endpoint for endpoint, view in app.view_functions.items() if hasattr(view, REQUIRED_PERMISSION)}

    assert undeclared == set(OPEN_ENDPOINTS)
    assert all(OPEN_ENDPOINTS.values())


def test_the_documentation_page_needs_no_other_host(client: FlaskClient) -> None:
    page = client.get(f"{BASE}/docs")

    assert page.content_type == "text/html; charset=utf-8"
    assert b"http" not in page.data
    assert page.data.index(b"openapi-integrator.json") < page.data.index(b"openapi.json")
    assert client.get("/docs").headers["Location"] == f"{BASE}/docs"
    for name in ("swagger-ui-bundle.js", "swagger-ui.css", "start.js", "favicon-32x32.png"):
        with client.get(f"{BASE}/docs/{name}") as asset:
            assert asset.status_code == 200
    assert client.get(f"{BASE}/docs/README.md").status_code == 404
    assert client.get(f"{BASE}/docs/..%2fopenapi.py").status_code == 404


def test_the_vendored_files_are_as_published() -> None:
    lines = (FOLDER / "SHA256SUMS").read_text(encoding="ascii").splitlines()

    assert len(lines) == 6
    for line in lines:
        digest, name = line.split()
        assert hashlib.sha256(Path(FOLDER, name).read_bytes()).hexdigest() == digest, name


def test_query_parameter_of_several_operations_is_written_once() -> None:
    specification = json.loads(COMMITTED.read_text(encoding="utf-8"))
    limit = {"$ref": "#/components/parameters/Limit"}
    assert limit in specification["paths"]["/api/v1/flags"]["get"]["parameters"]
    written = [
        json.dumps(parameter)
        for methods in specification["paths"].values()
        for name, operation in methods.items()
        for parameter in (operation["parameters"] if name != "parameters" else ())
        if "$ref" not in parameter
    ]
    assert len(written) == len(set(written))
