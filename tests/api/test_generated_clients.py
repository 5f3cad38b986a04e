"""The Python client that a generator makes from the specification; what other generators need of its patterns."""

from __future__ import annotations

import importlib
import inspect
import json
import pkgutil
import re
import subprocess
import sys
import typing
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from textwrap import dedent
from types import ModuleType
from typing import Any
from urllib.parse import parse_qsl, unquote

import httpx
import pytest
from flask import Flask
from sqlalchemy import Connection
from werkzeug.datastructures import FileStorage

from registry.accounts.roles import Role
from registry.settings import CHECKOUT
from tests.api.access_matrix.roles import AGENCY
from tests.api.access_matrix.routes import TRIES, path_of
from tests.api.access_matrix.world_making import a_world
from tests.api.callers import caller
from tests.api.client_flow import assert_flow
from tests.api.routes import Operation, declared_routes
from tests.api.stored_state import taken_back
from tests.factories import a_token, an_agency

# Nothing here hangs on the database.
pytestmark = pytest.mark.sqlite_only

SPECIFICATION = CHECKOUT / "docs" / "openapi.json"
GENERATOR = Path(sys.executable).with_name("openapi-python-client")
TOOLS = CHECKOUT / ".venv" / "typescript" / "node_modules" / ".bin"
# The configuration and the command are those of the guide.
GUIDE = (CHECKOUT / "docs" / "how-to" / "integrator.md").read_text(encoding="utf-8")
CONFIG = dedent(re.findall(r"(?m)^    post_hooks.*\n(?:^    .*\n)+", GUIDE)[0])
OPTIONS = re.findall(r"(?m)^    openapi-python-client generate (.*)$", GUIDE)[0]


def run(*command: str | Path) -> str:
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def typescript(name: str) -> Path:
    """A program of the npm packages that ``scripts/test`` installs."""
    tool = TOOLS / name
    if not tool.exists():
        pytest.fail(f"{tool} is missing. Install npm (on Debian: apt-get install npm) and start scripts/test again.")
    return tool


@pytest.fixture(scope="module")
def python_client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    """The package that openapi-python-client makes, imported."""
    with generated(tmp_path_factory.mktemp("generated"), SPECIFICATION) as package:
        yield package


@contextmanager
def generated(folder: Path, specification: Path) -> Iterator[ModuleType]:
    config = folder / "config.yaml"
    config.write_text(CONFIG, encoding="utf-8")
    places = {"openapi.json": specification, "config.yaml": config, "registry_client": folder / "registry_client"}
    run(GENERATOR, "generate", *(places.get(option, option) for option in OPTIONS.split()), "--fail-on-warning")
    sys.path.insert(0, str(folder))
    try:
        yield importlib.import_module("registry_client")
    finally:
        sys.path.remove(str(folder))
        for name in [name for name in sys.modules if name.partition(".")[0] == "registry_client"]:
            del sys.modules[name]


def test_declared_projects_are_planned_applied_and_stay_and_what_people_typed_is_kept(
    app: Flask, tmp_path: Path
) -> None:
    agency, declared = an_agency(), re.findall(r"(?ms)^```python\n(import json.+?)^```$", GUIDE)[0]
    rows = [
        {"agency": agency.bin, "external_id": f"MZ-{place:02}", "name_ru": f"Система {place}", "budget_kzt": 10 * place}
        | {"object_kind": "system", "work_type": "creation", "stage": "planning", "placement": "unknown"}
        for place in range(1, 21)
    ]
    token = a_token(Role.AGENCY_EDITOR, agency)
    person = caller(app.test_client(), Role.AGENCY_EDITOR, agency)
    over = {"transport": httpx.WSGITransport(app=app)}
    with generated(tmp_path, SPECIFICATION.with_name("openapi-integrator.json")) as package:
        names: dict[str, Any] = {"__name__": "declare"}
        exec(declared, names)

        def declare(*, is_plan: bool) -> list[str]:
            with package.AuthenticatedClient(base_url="http://registry.test", token=token, httpx_args=over) as client:
                return list(names["declare"](client, rows, is_plan=is_plan))

        first_plan, registered = declare(is_plan=True), declare(is_plan=False)
        path = f"/agencies/{agency.bin}/projects/MZ-03"
        assert person.patch(path, {"purpose": "Typed by a person", "budget_kzt": 31}).status_code == 200
        rows[3]["budget_kzt"], rows[4]["budget_kzt"] = 41, -1
        del rows[2]["budget_kzt"]
        plan, applied, again = declare(is_plan=True), declare(is_plan=False), declare(is_plan=False)

    assert [line for line in first_plan if line[0] != " "] == [f"+ MZ-{place:02}" for place in range(1, 21)]
    assert registered == [f"+ MZ-{place:02}" for place in range(1, 21)]
    assert plan == applied
    changed = [line for line in plan if not line.startswith("= ")]
    assert changed[:3] == ["~ MZ-04", "    budget_kzt: 40 -> 41", "! MZ-05"]
    assert changed[3].startswith("    /budget_kzt: ")
    assert [line for line in again if not line.startswith("= ")] == changed[2:]
    kept = person.get(path).get_json()
    assert (kept["purpose"], kept["budget_kzt"], kept["version"]) == ("Typed by a person", 31, 2)


def test_python_client_has_the_names_of_the_guide(python_client: ModuleType) -> None:
    imports = re.findall(r"(?m)^    from (registry_client\S*) import (.+)$", GUIDE)
    assert len(imports) == 4
    for module, text in imports:
        names = text.split(", ")
        # As the statement does, this also imports names that are modules.
        imported = __import__(module, fromlist=names)
        assert [name for name in names if not hasattr(imported, name)] == []


def test_python_client_runs_the_flow(app: Flask, python_client: ModuleType) -> None:
    agency = an_agency()
    from registry_client import models
    from registry_client.api.audits import create_audit
    from registry_client.api.cases import answer_case, ask_case, claim_case, list_all_cases
    from registry_client.api.changes import follow_changes
    from registry_client.api.flags import export_flags_as_csv, list_all_flags
    from registry_client.api.projects import create_project, patch_project, read_one_project

    def client(token: str) -> Any:
        over = {"transport": httpx.WSGITransport(app=app)}
        return python_client.AuthenticatedClient(base_url="http://registry.test", token=token, httpx_args=over)

    with client(a_token(Role.AGENCY_EDITOR, agency)) as own, client(a_token(Role.SUPERVISOR)) as oversight:
        registration = models.ProjectRegistration(
            agency=agency.bin,
            name_ru="Система",
            object_kind=models.ObjectKind.SYSTEM,
            work_type=models.WorkType.CREATION,
            stage=models.Stage.PLANNING,
            placement=models.Placement.UNKNOWN,
            budget_kzt=5_000_000_000,
        )
        made = create_project.sync(client=own, body=registration, idempotency_key="python-1")
        number = made.number
        seen = {"number": number, "budget": made.budget_kzt, "findings": len(made.verdict.findings)}

        tag = read_one_project.sync_detailed(number, client=own).headers["ETag"]
        edit = {"client": own, "body": models.ProjectPatch(name_ru="Система учёта"), "if_match": tag}
        seen["name"] = patch_project.sync(number, **edit).name_ru
        seen["stale"] = patch_project.sync_detailed(number, **edit).status_code

        seen["audit"] = create_audit.sync(client=oversight, body=models.AuditOrder()).status
        seen["flags"] = [flag.rule for flag in list_all_flags.sync(client=own, project=[number]).items]
        case = list_all_cases.sync(client=oversight, project=[number]).items[0].id
        claim_case.sync(case, client=oversight, body=models.CaseComment())
        asked = ask_case.sync(case, client=oversight, body=models.CaseComment(comment="Which contract?"))
        answered = answer_case.sync(case, client=own, body=models.CaseComment(comment="No. 17"))
        seen["case"] = [asked.status, answered.status]

        changes = follow_changes.sync(client=own, after=0, limit=500)
        seen["changes"] = sorted({change.type_ for change in changes.items})
        exported = export_flags_as_csv.sync(client=own, project=[number])
        seen["exported"] = len(exported.splitlines()) - 1
    assert_flow(seen)


@cache
def modules_of(python_client: ModuleType) -> list[str]:
    return [module.name for module in pkgutil.walk_packages(python_client.__path__, "registry_client.")]


def called(python_client: ModuleType, operation: Operation, path: str, sent: Mapping[str, Any], client: Any) -> Any:
    """The detailed answer to an operation, called as a program would: by the names of the generated module."""
    (name,) = [
        each
        for each in modules_of(python_client)
        if re.fullmatch(rf"registry_client\.api\.\w+\.{operation.name}", each)
    ]
    function = importlib.import_module(name).sync_detailed
    rule = re.sub(r"<(?:\w+:)?(\w+)>", r"(?P<\1>[^/]+)", operation.rule)
    plain, _, query = f"/api/v1{path}".partition("?")
    match = re.fullmatch(rule, plain)
    assert match is not None, (rule, plain)
    types = typing.get_type_hints(function)
    # Generators put an underscore behind names that Python has already: id, bin.
    own = {name if name in types else f"{name}_": unquote(value) for name, value in match.groupdict().items()}
    given = [int(value) if types[name] is int else value for name, value in own.items()]
    parameters = inspect.signature(function).parameters
    named: dict[str, Any] = {
        name if name in parameters else f"{name}_": int(value) if value.isdigit() and name != "of" else value
        for name, value in parse_qsl(query)
    }
    if "if_match" in parameters and operation.needs_if_match:
        named["if_match"] = "*"
    if "by" in named:
        named["by"] = next(each for each in typing.get_args(types["by"]) if hasattr(each, "__members__"))(named["by"])
    if "body" in parameters:
        (model,) = [
            each
            for each in (types["body"], *typing.get_args(types["body"]))
            if hasattr(each, "from_dict") and each.__name__ != "Unset"
        ][:1]
        body = model.from_dict(
            {name: value.read() if isinstance(value, FileStorage) else value for name, value in sent.items()}
        )
        for field, value in sent.items():
            if isinstance(value, FileStorage):
                getattr(body, field).file_name, getattr(body, field).mime_type = value.filename, value.content_type
        named["body"] = body
    return function(*given, client=client, **named)


def test_python_client_calls_every_operation(
    app: Flask, connection: Connection, python_client: ModuleType, nightly: bool
) -> None:
    home = an_agency()
    world, wrong, count = a_world(home), [], 0
    over = {"transport": httpx.WSGITransport(app=app)}
    # By day every fifth; test_python_client_reads_answers_of_tomorrow calls each that answers JSON.
    for operation in list(declared_routes(app))[:: 1 if nightly else 5]:
        tried = TRIES[operation.name]
        role = tried.sender
        with taken_back(connection):
            make = tried.form or tried.body
            sent = make(world) if make else {}
            token = a_token(role, home if role in AGENCY else None)
            with python_client.AuthenticatedClient(
                base_url="http://registry.test", token=token, httpx_args=over
            ) as client:
                answer = called(python_client, operation, path_of(operation.name, world), sent, client)
            count += 1
            # Understood, that is: whether it is done too is what the access matrix tries.
            if answer.status_code != tried.good and answer.status_code in (400, 401, 403, 405, 415, 428, 500, 503):
                wrong.append((operation.name, answer.status_code, answer.content[:200]))
            if answer.status_code != 204 and answer.parsed is None and answer.content:
                wrong.append((operation.name, "not parsed", answer.headers.get("content-type")))
    assert wrong == []
    assert count > (150 if nightly else 30)


# What a later release adds to an answer: a code, and a property.
NEW = ("code-of-tomorrow", "added_tomorrow")


def tomorrow(schema: Any, value: Any, schemas: Mapping[str, Any]) -> Any:
    """An answer as a later release may send it: another property in each object, another code in each vocabulary."""
    if "$ref" in schema:
        return tomorrow(schemas[schema["$ref"].rpartition("/")[2]], value, schemas)
    if isinstance(value, dict) and "properties" in schema:
        shown = {name: tomorrow(schema["properties"].get(name, {}), each, schemas) for name, each in value.items()}
        return shown | {"added_tomorrow": {"why": "A later release."}}
    if isinstance(value, list) and "items" in schema:
        return [tomorrow(schema["items"], each, schemas) for each in value]
    return "code-of-tomorrow" if "x-extensible-enum" in schema and value is not None else value


def answers_of_tomorrow() -> Iterator[tuple[str, str, int, Any]]:
    """Operation, method, status and answer, made from the documented example, of each operation that answers JSON."""
    specification = json.loads(SPECIFICATION.read_text(encoding="utf-8"))
    for methods in specification["paths"].values():
        for method, operation in methods.items():
            for status, response in operation["responses"].items() if method != "parameters" else ():
                content = response.get("content", {}).get("application/json")
                if status.startswith("2") and content and "example" in content:
                    answer = tomorrow(content["schema"], content["example"], specification["components"]["schemas"])
                    yield operation["operationId"], method, int(status), answer


def test_python_client_reads_answers_of_tomorrow(app: Flask, connection: Connection, python_client: ModuleType) -> None:
    world = a_world(an_agency())
    operations, wrong, codes = {each.name: each for each in declared_routes(app)}, [], 0
    for name, _, status, answer in answers_of_tomorrow():
        tried, codes = TRIES[name], codes + json.dumps(answer).count("code-of-tomorrow")
        with taken_back(connection):
            make = tried.form or tried.body
            sent = make(world) if make else {}
        transport = httpx.MockTransport(
            lambda _request, status=status, answer=answer: httpx.Response(status, json=answer)
        )
        with python_client.AuthenticatedClient(
            base_url="http://registry.test",
            token="t",
            httpx_args={"transport": transport},
        ) as client:
            read = called(python_client, operations[name], path_of(name, world), sent, client).parsed
        kept = "null" if read is None else json.dumps(read.to_dict())
        if [kept.count(each) for each in NEW] != [json.dumps(answer).count(each) for each in NEW]:
            wrong.append((name, answer, kept))
    assert wrong == []
    assert codes > 100


def patterns(part: Any) -> Iterator[str]:
    """Every regular expression of the specification."""
    if isinstance(part, dict):
        if isinstance(part.get("pattern"), str):
            yield part["pattern"]
        for inner in part.values():
            yield from patterns(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from patterns(inner)


def test_patterns_are_valid_in_ecmascript_and_safe_in_source_code() -> None:
    unique = sorted(set(patterns(json.loads(SPECIFICATION.read_text(encoding="utf-8")))))
    assert len(unique) >= 8
    for pattern in unique:
        # Generators put them into raw string literals, which a quotation mark would end.
        assert not set(pattern) & set("\"'`\n"), pattern
        re.compile(pattern)
    typescript("tsc")
    run("node", "--eval", f"for (const each of {json.dumps(unique)}) new RegExp(each, 'u')")
