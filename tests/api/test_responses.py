"""What every answer carries, in which order requests are checked, error codes, and deprecated operations."""

from __future__ import annotations

import importlib
import json
import logging
import pkgutil
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

import registry
from registry.accounts.models import account_named
from registry.accounts.roles import Permission, Role, Scope, StepUpRequired, scopes_of_role
from registry.accounts.service import NewPerson, add_person
from registry.accounts.tokens import issue_own_token
from registry.agencies.fields import AGENCY
from registry.agencies.models import Agency
from registry.agencies.service import agency_by_bin
from registry.api import specification
from registry.api.blueprint import ApiBlueprint, Deprecation, scopes_needed
from registry.api.specification import OF_COMMANDS, error_codes, errors_page, field_codes
from registry.core.database import db
from registry.core.errors import RegistryError
from registry.core.translations import message
from registry.http.requests import JsonLines, request_id
from registry.journal.service import JournalEntry
from registry.settings import CHECKOUT
from tests.api.access_matrix.routes import TRIES, send
from tests.api.access_matrix.world import World
from tests.api.access_matrix.world_making import a_world
from tests.api.callers import MERGE_PATCH, Caller, caller, code
from tests.api.routes import declared_routes
from tests.core.test_messages import error_types, written_codes
from tests.factories import ADMINISTRATOR, PASSWORD, a_bin, a_project, a_token, an_actor, an_agency, in_session

LANGUAGE_OF = {
    "kk": "kk",
    "kk-KZ,ru;q=0.8": "kk",
    "ru-RU,ru;q=0.9,en;q=0.1": "ru",
    "en;q=0.2, kk;q=0.4, ru;q=0.3": "kk",
    "kk;q=0, ru;q=0.1": "ru",
    "fr-FR,ru-RU;q=0.4,kk;q=0.9": "kk",
    "ru;q=0.2,*;q=0.1,en;q=0": "ru",
    "en;q=0,*": "kk",
    **dict.fromkeys(("de, fr;q=0.5", "*", "", ";;q=x,,", "*,ru;q=0.3"), "en"),
}


def test_errors_and_verdicts_come_in_the_language_asked_for(editor: Caller, agency: Agency) -> None:
    number = a_project(agency).number
    for asked, language in LANGUAGE_OF.items():
        refused = editor.get("/projects?colour=red", Accept_Language=asked)
        verdict = editor.get(f"/projects/{number}/verdict?on=2026-06-01", Accept_Language=asked)

        assert refused.headers["Content-Language"] == verdict.headers["Content-Language"] == language, asked
        assert refused.get_json()["title"] == message("title-400", language)
        assert "Accept-Language" in refused.headers["Vary"]
        clause = verdict.get_json()["findings"][0]["clause"]
        assert {"kk": "Жарлығы", "ru": "Указ", "en": "decree"}[language] in clause


def test_a_problem_has_the_members_of_rfc_9457(editor: Caller) -> None:
    answer = editor.get("/projects/QT-2026-0000001-5/verdict?on=2026-03-02", X_Request_ID="mine-1")

    assert answer.content_type == "application/problem+json"
    assert re.fullmatch("[0-9a-f]{32}", answer.headers["X-Request-ID"])
    assert answer.get_json() == {
        "type": "urn:qaztech-registry:problem:project-not-found",
        "title": "Not found",
        "status": 404,
        "detail": "There is no project QT-2026-0000001-5.",
        "instance": "/api/v1/projects/QT-2026-0000001-5/verdict",
        "trace_id": answer.headers["X-Request-ID"],
    }


@pytest.mark.parametrize(
    ("sent", "kept"), [("abc-1", "abc-1"), ("f" * 32, "f" * 32), ("", ""), ("x" * 65, ""), ("a b", ""), ("кілт", "")]
)
def test_request_id_is_made_here_and_the_callers_stands_beside_it(client: FlaskClient, sent: str, kept: str) -> None:
    agency = {"bin": a_bin(), "name_ru": "Орган", "kind": "central_body"}
    answer = caller(client, "administrator").post("/agencies", agency, X_Request_ID=sent)
    made = answer.headers["X-Request-ID"]
    assert re.fullmatch("[0-9a-f]{32}", made) and made != sent
    entry = db.session.scalars(select(JournalEntry).where(JournalEntry.action == "agency.registered")).one()
    assert (entry.request_id, entry.client_request_id) == (made, kept)


def test_journal_entry_leads_to_the_token_of_the_caller(client: FlaskClient) -> None:
    token = a_token("administrator")
    Caller(client, token).post("/agencies", {"bin": a_bin(), "name_ru": "Орган", "kind": "central_body"})
    entry = db.session.scalars(select(JournalEntry).where(JournalEntry.action == "agency.registered")).one()
    assert entry.credential == f"token:{token.split('_')[1]}"


def test_letters_are_not_escaped(editor: Caller, agency: Agency) -> None:
    project = a_project(agency, name_kk="Ғылым әлемі", name_ru=None)

    assert "Ғылым әлемі".encode() in editor.get(f"/projects/{project.number}").data


def test_logs_are_lines_of_json_with_the_request_id_and_without_tokens(app: Flask) -> None:
    record = logging.LogRecord("registry", logging.INFO, "", 0, "request", (), None)
    record.status = 200
    with app.test_request_context("/x", headers={"X-Request-ID": "r-1", "Authorization": "Bearer qtr_secret"}):
        line = JsonLines().format(record)
        made = request_id()

    logged = json.loads(line)
    assert len(logged["trace_id"]) == 32
    assert logged | {"at": "", "trace_id": ""} == {
        "at": "",
        "level": "info",
        "logger": "registry",
        "message": "request",
        "trace_id": "",
        "request_id": made,
        "client_request_id": "r-1",
        "status": 200,
    }


def test_answers_vary_with_who_asks(editor: Caller, agency: Agency) -> None:
    number = a_project(agency).number
    for path in ("/projects", f"/projects/{number}", "/reports/compliance"):
        assert editor.get(path).vary.as_set() == {"accept-language", "authorization", "accept-encoding"}, path


def test_a_patch_is_checked_in_the_order_of_the_contract(
    nobody: Caller, editor: Caller, agency: Agency, as_role: Callable[..., Caller]
) -> None:
    path = f"/projects/{a_project(agency).number}"
    stranger = as_role("agency_editor", an_agency())
    wrong = {"data": b'{"stage": "nonsense"}', "content_type": "text/plain"}
    unreadable = {"data": b"{", "content_type": MERGE_PATCH}
    patch = {**wrong, "content_type": MERGE_PATCH}
    good = {"data": b'{"stage": "pilot"}', "content_type": MERGE_PATCH}
    tag = editor.get(path).headers["ETag"]
    old = {"headers": {"If-Match": '"old"'}}

    assert nobody.call("PATCH", path, **wrong).status_code == 401
    assert as_role("reviewer").call("PATCH", path, **wrong).status_code == 403
    assert stranger.call("PATCH", path, **wrong).status_code == 428
    assert stranger.call("PATCH", path, **wrong, **old).status_code == 415
    assert stranger.call("PATCH", path, **unreadable, **old).status_code == 400
    assert stranger.call("PATCH", path, **patch, **old).status_code == 404
    assert editor.call("PATCH", path, **patch, **old).status_code == 412
    assert editor.call("PATCH", path, **patch, headers={"If-Match": tag}).status_code == 422
    assert editor.call("PATCH", path, **good, headers={"If-Match": tag}).status_code == 200


def test_a_body_is_checked_before_the_entity_tag(administrator: Caller, agency: Agency) -> None:
    path, old = f"/agencies/{agency.bin}", '"old"'

    assert administrator.patch(path, {"region": "nonsense"}, If_Match=old).status_code == 422
    assert administrator.patch(path, {"region": "71"}, If_Match=old).status_code == 412


def test_a_post_is_checked_in_the_order_of_the_contract(
    nobody: Caller, editor: Caller, reviewer: Caller, agency: Agency
) -> None:
    path = f"/projects/{a_project(agency).number}/placement-verification"
    missing = "/projects/QT-2026-9999999-9/placement-verification"
    text = {"data": b"{}", "content_type": "text/plain"}
    good = {"platform_key": "k", "verified_on": "2026-01-12", "evidence": "List"}

    assert nobody.call("POST", missing, **text).status_code == 401
    assert editor.call("POST", missing, **text).status_code == 403
    assert reviewer.call("POST", missing, **text).status_code == 415
    assert reviewer.post(missing, {}).status_code == 422
    assert reviewer.post(missing, good).status_code == 404
    # The record says that it lives elsewhere.
    assert reviewer.post(path, good).status_code == 409


def test_invalid_token_is_reported_as_invalid(editor: Caller, nobody: Caller) -> None:
    missing = nobody.get("/projects")
    wrong = nobody.call("GET", "/projects", headers={"Authorization": "Bearer qtr_nonsense"})
    other = nobody.call("GET", "/projects", headers={"Authorization": "Basic YTpi"})

    assert (code(missing), missing.headers["WWW-Authenticate"]) == (
        "authentication-required",
        'Bearer realm="registry"',
    )
    assert code(wrong) == "token-not-accepted"
    assert wrong.headers["WWW-Authenticate"] == 'Bearer realm="registry", error="invalid_token"'
    assert code(other) == "authentication-required"


def test_an_address_or_method_that_does_not_exist_is_a_problem_too(editor: Caller) -> None:
    method = editor.call("DELETE", "/projects")

    assert code(editor.get("/nothing")) == "route-not-found"
    assert (method.status_code, code(method)) == (405, "method-not-allowed")
    assert set(method.headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS", "POST"}
    assert editor.get("/projects/").status_code == 404


def test_head_answers_as_get_without_a_body(editor: Caller, agency: Agency) -> None:
    path = f"/projects/{a_project(agency).number}"

    head, get = editor.call("HEAD", path), editor.get(path)

    assert (head.status_code, head.data) == (200, b"")
    assert head.headers["ETag"] == get.headers["ETag"]
    assert head.headers["Content-Length"] == get.headers["Content-Length"]


PAGE = CHECKOUT / "docs" / "reference" / "errors.md"


def test_page_of_the_reference_has_every_code() -> None:
    assert PAGE.read_text(encoding="utf-8") == errors_page(), "run: make openapi"


def test_every_error_of_every_module_is_listed_with_its_status() -> None:
    for module in pkgutil.walk_packages(registry.__path__, "registry."):
        importlib.import_module(module.name)
    kinds = [kind for kind in error_types(RegistryError) if kind.__module__.startswith("registry.")]
    raised = {kind.code for kind in kinds if not any(part in kind.__module__ for part in OF_COMMANDS)}
    codes = error_codes()
    assert raised == set(codes)
    assert len(codes) > 170
    assert (codes["project-not-found"], codes["role-not-allowed"], codes["changes-expired"]) == (404, 403, 410)


def test_every_code_of_a_field_is_listed() -> None:
    assert written_codes() - {*field_codes(), *error_codes()} == set()


def test_specification_has_the_codes_and_stays_open(editor: Caller) -> None:
    specification = json.loads((CHECKOUT / "docs" / "openapi.json").read_text(encoding="utf-8"))
    problem = specification["components"]["schemas"]["Problem"]["properties"]
    types = problem["type"]["x-extensible-enum"]
    assert [each.rpartition(":")[2] for each in types] == list(error_codes())
    assert "enum" not in problem["type"]
    answer = editor.get("/projects/QT-2026-9999999-9")
    assert code(answer) == "project-not-found" and answer.get_json()["type"] in types
    assert "too-many-values" in problem["errors"]["items"]["properties"]["code"]["x-extensible-enum"]


NOTICE = Deprecation(date(2026, 12, 15), date(2027, 12, 15), "/api/v1/agencies")


def a_blueprint() -> ApiBlueprint:
    blp = ApiBlueprint("former", __name__, description="What will go.")

    @blp.route("/bodies/<bin>")
    @blp.requires(Permission.AGENCIES_READ)
    @blp.deprecated(NOTICE)
    @blp.doc(operationId="read_body")
    @blp.response(200, AGENCY)
    def read_body(bin: str) -> object:
        """Read an agency."""
        return agency_by_bin(bin)

    return blp


def test_responses_of_a_deprecated_operation_say_so_errors_too(own_app: Flask) -> None:
    own_app.register_blueprint(a_blueprint())
    with own_app.app_context():
        agency = an_agency()
        who = caller(own_app.test_client(), Role.AUDITOR)

        read, missing = who.get(f"/bodies/{agency.bin}"), who.get("/bodies/1")
        other = who.get(f"/agencies/{agency.bin}")

    assert [answer.status_code for answer in (read, missing, other)] == [200, 404, 200]
    for answer in (read, missing):
        assert answer.headers["Deprecation"] == "@1797292800"
        assert answer.headers["Sunset"] == "Wed, 15 Dec 2027 00:00:00 GMT"
        assert answer.headers.getlist("Link") == [
            '</api/v1/agencies>; rel="successor-version"',
            '</help/api#versions>; rel="deprecation"; type="text/html"',
        ]
    assert "Deprecation" not in other.headers


def test_specification_of_a_deprecated_operation_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(specification, "BLUEPRINTS", (a_blueprint(),))

    operation = specification.make_specification()["paths"]["/api/v1/bodies/{bin}"]["get"]

    assert (operation["deprecated"], operation["x-sunset"], operation["x-successor"]) == (
        True,
        "2027-12-15",
        "/api/v1/agencies",
    )


def test_operation_stays_for_a_year_at_least() -> None:
    with pytest.raises(ValueError, match="stays for a year"):
        Deprecation(date(2026, 12, 15), date(2027, 12, 14), "/api/v1/agencies")


@pytest.fixture
def home(client: FlaskClient) -> Agency:
    return an_agency()


@pytest.fixture
def world(home: Agency) -> World:
    return a_world(home)


def limited(client: FlaskClient, role: Role, *scopes: Scope) -> Caller:
    """A person's own token with these scopes only."""
    name = f"{role.value} with {len(scopes)}"
    if account_named(name) is None:
        add_person(ADMINISTRATOR, NewPerson(name, role), PASSWORD)
    account = account_named(name)
    person = in_session(replace(an_actor(role, name=name), account_id=account.id))
    return Caller(client, issue_own_token(person, scopes=scopes).text)


@pytest.mark.parametrize("role", [Role.SUPERVISOR, Role.ADMINISTRATOR])
def test_token_without_a_scope_is_refused_where_it_is_needed(client: FlaskClient, world: World, role: Role) -> None:
    operations = list(declared_routes(client.application))
    wrong = []
    for scope in Scope:
        others = sorted(scopes_of_role(role) - {scope})
        who = limited(client, role, *others)
        for operation in operations:
            if role not in TRIES[operation.name].allowed or scope not in scopes_needed(operation.permissions):
                continue
            with send(who, operation.name, operation.method, world) as answer:
                body = answer.get_json()
                if (answer.status_code, code(answer)) != (403, "scope-not-granted") or scope not in body["detail"]:
                    wrong.append(f"{operation.name} without {scope}: {answer.status_code} {answer.data[:200]!r}")
    assert wrong == []


def test_step_up_is_answered_with_403() -> None:
    assert StepUpRequired(minutes=15).status == 403
