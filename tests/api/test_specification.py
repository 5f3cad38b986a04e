"""The specification: its page, who may call what, that it is true and adds to the released one, and linters."""

from __future__ import annotations

import copy
import gzip
import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from registry.accounts.roles import Permission, Role
from registry.agencies.fields import AGENCY, AGENCY_BODY
from registry.api.blueprint import ApiBlueprint, PermissionNotDeclared, require_declared_permissions
from registry.api.specification import BLUEPRINTS, FOLDER, make_specification, referenced
from registry.app import OPEN_ENDPOINTS
from registry.http.security import REQUIRED_PERMISSION
from registry.settings import CHECKOUT
from tests.api.breaking_changes import breaking_changes
from tests.api.callers import BASE
from tests.api.live_server import ROLES, served
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


FEW = ("--phases", "examples,fuzzing", "--max-examples", "2", "--seed", "1")
SCHEMATHESIS = Path(sys.executable).with_name("schemathesis")


# Who may register and who may decide: one on each database in a short run, both on both in a long one.
BRIEFLY = {Role.ADMINISTRATOR: pytest.mark.sqlite_only, Role.SUPERVISOR: pytest.mark.postgres_only}


# On every day Python's generated client calls every operation and reads what it returns: test_generated_clients.py.
@pytest.mark.nightly
@pytest.mark.parametrize(
    "role", [pytest.param(role, marks=() if "REGISTRY_TRY_EXAMPLES" in os.environ else BRIEFLY[role]) for role in ROLES]
)
def test_the_service_does_what_its_specification_says(own_app: Flask, role: Role) -> None:
    examples = os.environ.get("REGISTRY_TRY_EXAMPLES")
    how = FEW if examples is None else ("--max-examples", examples)
    with served(own_app) as service:
        tried = subprocess.run(
            [
                SCHEMATHESIS,
                *("--config-file", Path(__file__).with_name("schemathesis.toml")),
                "run",
                f"{service.url}/api/v1/openapi.json",
                *("--header", f"Authorization: Bearer {service.tokens[role]}"),
                *("--checks", "all", "--continue-on-failure", "--warnings", "off"),
                *how,
            ],
            cwd=CHECKOUT,
            env={
                **os.environ,
                "PYTHONPATH": str(CHECKOUT),
                "REGISTRY_TRY_BINS": ",".join(service.bins),
                "NO_COLOR": "1",
            },
            capture_output=True,
            text=True,
            check=False,
        )

    assert tried.returncode == 0, tried.stdout + tried.stderr
    assert "No issues found" in tried.stdout


# Nothing here hangs on the database.

SPECIFICATIONS = [CHECKOUT / "docs" / name for name in ("openapi.json", "openapi-integrator.json")]
TOOLS = CHECKOUT / ".venv" / "linters" / "node_modules" / ".bin"
RULES = CHECKOUT / "tests" / "api" / "linters" / "spectral.yaml"


def lint(name: str, *arguments: object) -> str:
    """The output of a program of the npm packages that ``scripts/test`` installs; it must end with success."""
    tool = TOOLS / name
    if not tool.exists():
        pytest.fail(f"{tool} is missing. Install npm (on Debian: apt-get install npm) and start scripts/test again.")
    # Redocly would report its use to its maker, and ask for a newer release.
    quiet = {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"}
    command = [str(tool), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | quiet)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.sqlite_only
def test_specification_keeps_the_strict_rules_of_redocly() -> None:
    assert "valid" in lint("redocly", "lint", *SPECIFICATIONS, "--extends", "recommended-strict")


@pytest.mark.sqlite_only
@pytest.mark.nightly
def test_specification_keeps_the_rules_of_spectral() -> None:
    printed = lint("spectral", "lint", *SPECIFICATIONS, "--ruleset", RULES, "--fail-severity", "hint")
    assert "No results" in printed


RELEASED = CHECKOUT / "tests" / "data" / "openapi-0.3.0.json.gz"
CURRENT = CHECKOUT / "docs" / "openapi.json"
# Since that release, each with its reason. A new release starts with an empty list.
ARGUED: dict[str, str] = {
    f"{operation}: body/verdict_cases[]/{part}: anything not accepted": (
        "0.3.0 accepted no other code either; its specification described the requests as it describes answers"
    )
    for operation in ("POST /api/v1/policies", "PATCH /api/v1/policies/{version}")
    for part in (
        "expected[]",
        *(f"facts/{name}" for name in ("agency_kind", "ai_risk_class", "placement", "stage", "work_type")),
    )
}
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


SPECIFICATION: dict[str, Any] = json.loads((CHECKOUT / "docs" / "openapi.json").read_text(encoding="utf-8"))
# Every other property of an answer is always there.
HELD = ("Audit.held_because", "AuditJustRun.held_because")
SOMETIMES = {
    # Letters of earlier versions have neither head nor signature.
    ("IssuedLetter.data", "appeal_outcome"),
    *(
        (f"IssuedLetter.data.texts.{language}", name)
        for language in ("kk", "ru")
        for name in ("issuer", "number", "addressee", "signature")
    ),
    ("AuditJustRun", "changes"),
    ("Case.events", "for_agency"),
    ("Problem", "errors"),
    ("ChangeShown", "record"),
    *(("ProjectBatchResult.items", name) for name in ("number", "changes", "opened", "ended", "problem")),
    # Only with parameters of the list: ``count`` of a page, and records beside its items.
    ("", "count"),
    ("ShortProject", "agency_record"),
    ("ShortProject", "active_flags"),
    ("Flag", "project_record"),
    ("CaseSummary", "project_record"),
    ("Case", "project_record"),
    ("SuccessionShown", "equal_external_ids"),
    ("SuccessionShown", "effects"),
    ("TransferShown", "effects"),
    ("TransferShown", "equal_external_ids"),
    ("WithdrawalShown", "people_needed"),
    ("ConfirmationRequestShown", "document_names"),
    # In a single approval alone; a kind counts only what it touches.
    *(("ApprovalShown", name) for name in ("changes", "effects", "documents", "needs_supervisor")),
    *(
        (f"{each}.effects", name)
        for each in ("ApprovalShown", "SuccessionShown", "TransferShown")
        for name in (
            *("projects", "out_of_scope", "into_scope", "flags", "cases"),
            *("restricted", "readers", "confirmed", "lost", "deployments", "set_back"),
            *("people", "service_accounts", "drafts", "agencies_below"),
        )
    ),
    # Totals without restricted projects say so; what held an audit is counted by cause.
    ("", "without_restricted"),
    *((each, name) for each in HELD for name in ("severity_raised", "severity_lowered")),
    *(("Import.undone.left", name) for name in ("agency", "fields", "count", "rules")),
    ("Project", "known_at"),
    ("JudgedProject", "known_at"),
    *(
        (f"{report}.items", f"name_{each}")
        for report in ("AiSystemsShown", "Compliance")
        for each in ("kk", "ru", "en")
    ),
}


def operations() -> Iterator[dict[str, Any]]:
    for methods in SPECIFICATION["paths"].values():
        yield from (operation for name, operation in methods.items() if name != "parameters")


def objects(schema: Any, name: str, done: set[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every object in a schema, by the name of its component and the properties that lead to it."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        if name not in done:
            done.add(name)
            yield from objects(SPECIFICATION["components"]["schemas"][name], name, done)
        return
    if "items" in schema:
        yield from objects(schema["items"], name, done)
    if "properties" in schema:
        yield name, schema
        for inner, property_ in schema["properties"].items():
            yield from objects(property_, f"{name}.{inner}", done)


def objects_of_answers() -> list[tuple[str, dict[str, Any]]]:
    done: set[str] = set()
    responses = [response for operation in operations() for response in operation["responses"].values()]
    responses += SPECIFICATION["components"]["responses"].values()
    contents = [content for response in responses for content in response.get("content", {}).values()]
    return [item for content in contents for item in objects(content.get("schema", {}), "", done)]


def test_answers_state_every_property_as_required() -> None:
    answers = objects_of_answers()

    assert len(answers) > 30
    missing = {
        (name, property_)
        for name, schema in answers
        for property_ in schema["properties"]
        if property_ not in schema.get("required", [])
    }
    assert missing == SOMETIMES


def test_answers_stay_open_to_new_properties_and_bodies_to_send_closed() -> None:
    assert all(schema.get("additionalProperties", True) is not False for _, schema in objects_of_answers())
    sent = [
        content["schema"]
        for operation in operations()
        for content in operation.get("requestBody", {}).get("content", {}).values()
    ]
    assert len(sent) > 20
    for schema in sent:
        (_, body), *_ = objects(schema, "", set())
        assert body["additionalProperties"] is False


def test_required_fields_of_a_project_are_never_null_in_answers() -> None:
    schemas = SPECIFICATION["components"]["schemas"]
    properties = {
        name: schemas[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
        for name, schema in schemas["Project"]["properties"].items()
    }

    never = {name for name, schema in properties.items() if "null" not in schema["type"]}
    assert never == {
        "number", "agency", "object_kind", "work_type", "stage", "placement", "is_restricted", "version",
        "registered_at", "updated_at", "changed_at", "freeze_status", "known_at",
    }  # fmt: skip


def test_every_branch_of_a_choice_of_schemas_has_a_type() -> None:
    def branches(part: Any) -> Iterator[dict[str, Any]]:
        if isinstance(part, dict):
            yield from part.get("anyOf", [])
            for inner in part.values():
                yield from branches(inner)
        elif isinstance(part, list):
            for inner in part:
                yield from branches(inner)

    choices = list(branches(SPECIFICATION))
    assert choices
    assert all("type" in branch for branch in choices)


def test_codes_that_are_sent_are_closed_also_where_answers_have_the_same_ones() -> None:
    schemas = SPECIFICATION["components"]["schemas"]
    bodies = [each["requestBody"] for each in operations() if "requestBody" in each]
    sent = referenced(bodies, SPECIFICATION)["schemas"]

    assert "PolicyDraft" in sent
    assert "x-extensible-enum" not in json.dumps([*bodies, *(schemas[name] for name in sorted(sent))])
    facts = schemas["PolicySettings"]["properties"]["verdict_cases"]["items"]["properties"]["facts"]["properties"]
    assert facts["agency_kind"] == {"$ref": "#/components/schemas/AgencyKind"}


def test_codes_of_a_vocabulary_are_written_once() -> None:
    def enums(part: Any) -> Iterator[tuple[object, ...]]:
        if isinstance(part, dict):
            yield from [tuple(part["enum"])] if isinstance(part.get("enum"), list) else []
            for inner in part.values():
                yield from enums(inner)
        elif isinstance(part, list):
            for inner in part:
                yield from enums(inner)

    schemas = SPECIFICATION["components"]["schemas"]
    assert schemas["WorkType"]["enum"] == ["creation", "development", "modification", "maintenance", "migration"]
    assert schemas["FundingOrNull"]["type"] == ["string", "null"] and schemas["FundingOrNull"]["enum"][-1] is None
    written = list(enums(SPECIFICATION))
    for name in (
        "AgencyKind",
        "CaseStatus",
        "FreezeStatus",
        "Region",
        "Role",
        "Sector",
        "Severity",
        "Stage",
        "WorkType",
    ):
        assert written.count(tuple(schemas[name]["enum"])) == 1, name
