"""Hostile bodies, headers, queries, paths, values, files and texts at every declared route."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import pytest
from flask.testing import FlaskClient

from registry.accounts.roles import Role
from registry.core.fields import InputField, Text
from registry.imports.service import import_now
from tests.api.access_matrix.routes import TRIES
from tests.api.callers import caller, codes
from tests.factories import an_actor, an_agency, project_values
from tests.hostile.aims import WRITING, Aim, faults, kind_of, part, state
from tests.hostile.corpus import Case, Share, as_kept, body_of, cases, headers_of, named, tables, text_of, token_of

STATUSES = {"malformed": (400,), "too-large": (413,), "invalid": (422,), "content-type": (415,)}
# How much larger than others a body may be.
LARGER = {"create_many_projects": 8}
WITH_BODY = sorted(name for name, tried in TRIES.items() if tried.body is not None)


# None of these requests reaches the database.
@pytest.mark.sqlite_only
def test_invalid_body_is_rejected_and_writes_nothing(at: dict[str, Aim], share: Share) -> None:
    before = state()
    wrong = []
    for operation in WITH_BODY:
        aim = at[operation]
        assert aim.json_body is not None
        for case in share("bodies", operation):
            headers = {name.replace("-", "_"): value for name, value in headers_of(case).items()}
            raw = body_of(case, aim.body or {"comment": "a"})
            raw *= LARGER.get(operation, 1) if case["expected"] == "too-large" else 1
            if not aim.json_body.required and not raw:
                continue
            problems = faults(aim.send(raw, **headers), STATUSES[case["expected"]])
            wrong += [(operation, named(case), *problems)] if problems else []

    assert wrong == []
    assert state() == before


@pytest.mark.sqlite_only
def test_hostile_header_is_rejected_or_ignored(at: dict[str, Aim], share: Share) -> None:
    before = state()
    wrong = []
    for operation, aim in at.items():
        for case in share("headers", operation):
            expected = case["expected"]
            applies = case["on"] in ("any", aim.operation.method) and (
                case["on"] != "PATCH" or aim.operation.needs_if_match
            )
            if not applies or (expected == "good" and aim.operation.method in WRITING):
                continue
            with aim.send(**{name.replace("-", "_"): value for name, value in headers_of(case).items()}) as answer:
                if expected == "good":
                    problems = [] if answer.status_code == aim.good else [f"{answer.status_code}"]
                else:
                    problems = faults(answer, (expected,))
            wrong += [(operation, named(case), *problems)] if problems else []

    assert wrong == []
    assert state() == before


@pytest.mark.sqlite_only
def test_hostile_query_is_rejected_before_any_action(at: dict[str, Aim], share: Share) -> None:
    before = state()
    wrong = []
    for operation, aim in at.items():
        for case in share("queries", operation):
            if case["on"] == ("write" if aim.operation.method in WRITING else "list"):
                answer = aim.send(path=f"{aim.path}{'&' if '?' in aim.path else '?'}{case['query']}")
                problems = faults(answer, (400,))
                wrong += [(operation, named(case), *problems)] if problems else []

    assert wrong == []
    assert state() == before


def test_hostile_path_is_not_found(at: dict[str, Aim], share: Share) -> None:
    before = state()
    wrong = []
    for operation, aim in at.items():
        asked, own = TRIES[operation].path.split("/"), aim.path.split("/")
        for case in share("paths", operation) if "{" in TRIES[operation].path else ():
            path = "/".join(case["segment"] if "{" in part else kept for part, kept in zip(asked, own, strict=True))
            with aim.send(path=path) as answer:
                problems = faults(answer, (404, 405))
            wrong += [(operation, named(case), *problems)] if problems else []

    assert wrong == []
    assert state() == before


def test_every_body_is_covered(at: dict[str, Aim]) -> None:
    json_bodies = {name for name, aim in at.items() if aim.json_body is not None}
    forms = {name for name, aim in at.items() if aim.takes_form}

    assert json_bodies == set(WITH_BODY)
    assert forms == {name for name, tried in TRIES.items() if tried.form is not None}


VALUES = cases("values")
LISTED_TEXTS = {kind for case in VALUES for kind in case.get("accepted_by", ()) if kind.startswith("text")}
# Fields that identify something existing; another value is not found.
REFERENCES = ("project", "target", "assignee", "agency", "successor", "to", "duplicate_of", "documents", "based_on")
# The limits of a token: lists are read by the schema, and judged by the service when the schema has no other problem.
# Likewise the settings of a policy, which the parser of policy files judges, and the query of a view, which the list
# judges.
TOKEN_LIMITS = ("lifetime", "scopes", "addresses", "project_numbers", "query", "setting", "verdict_cases", "version")


def with_everywhere(aim: Aim, token: str, fields: int | None = None) -> bytes:
    """Return a body with the value in every field, or in the first ones."""
    return ("{" + ",".join(f"{json.dumps(name)}:{token}" for name in list(aim.fields)[:fields]) + "}").encode()


def refused_fields(aim: Aim, case: Case) -> set[str]:
    return {
        name
        for name, field in aim.fields.items()
        if not is_accepted(field, case) or (case.get("missing") and field.required)
    }


def is_accepted(field: InputField, case: Case) -> bool:
    """Whether the corpus expects the value to be valid; for texts of another limit than it lists, by their length."""
    if type(field) is Text and kind_of(field) not in LISTED_TEXTS:
        return "text5000" in case["accepted_by"] and (not case.get("text") or len(text_of(case).strip()) <= field.limit)
    if kind_of(field) in TOKEN_LIMITS:
        return case["name"] == "null"
    return kind_of(field) in case["accepted_by"]


# Each body has a value that is refused before the database gets any; what is stored is tried on both.
@pytest.mark.sqlite_only
def test_invalid_value_names_its_field_and_writes_nothing(at: dict[str, Aim], share: Share) -> None:
    before = state()
    wrong = []
    for operation in (name for name, tried in TRIES.items() if tried.body is not None):
        for case in share("values", operation):
            problems = value_faults(at[operation], case)
            wrong += [(operation, named(case), *problems)] if problems else []

    assert wrong == []
    assert state() == before


def value_faults(aim: Aim, case: Case) -> list[str]:
    malformed = case.get("expected") == "malformed"
    expected = set() if malformed else refused_fields(aim, case)
    if not (malformed or expected) or not aim.fields:
        return []
    # One is enough, and in all of them what is too deep would be above the size limit.
    answer = aim.send(with_everywhere(aim, token_of(case), 1 if malformed else None))
    problems = faults(answer, (400,) if malformed else (422,))
    if problems or malformed:
        return problems
    pointers = {pointer for pointer, _ in codes(answer)}
    named_at_once = {name for name in expected if kind_of(aim.fields[name]) not in TOKEN_LIMITS}
    problems = [f"{name} is not named" for name in named_at_once if f"/{name}" not in pointers]
    # Of a project that states that it uses no AI, the one more answer on it is refused.
    kept = set() if case.get("missing") else set(aim.fields) - expected - {*REFERENCES, "ai_personal_data"}
    return problems + [f"{name} is refused" for name in kept if f"/{name}" in pointers]


def test_strange_identifier_is_not_found(at: dict[str, Aim]) -> None:
    asked = (("create_case", "project"), ("create_exemption", "project"), ("assign_case", "assignee"))
    before = state()
    wrong = []
    for operation, name in asked:
        for case in VALUES:
            if "text200" in case.get("accepted_by", ()):
                answer = at[operation].send(
                    json.dumps({**at[operation].body, name: json.loads(token_of(case))}).encode()
                )
                problems = faults(answer, (404, 422))
                wrong += [(operation, named(case), *problems)] if problems else []

    assert wrong == []
    assert state() == before


def test_search_text_is_never_a_pattern(at: dict[str, Aim]) -> None:
    asked = at["list_all_projects"].actor
    wrong = []
    for case in VALUES:
        if "text" in case and len(text_of(case)) < 600:
            for name in ("q", "agency", "platform_key"):
                answer = asked.call("GET", "/projects", query_string={name: text_of(case)})
                if answer.status_code != 200:
                    problems = faults(answer, (400,))
                    wrong += [(name, named(case), *problems)] if problems else []

    assert wrong == []


FORMS = sorted(name for name, tried in TRIES.items() if tried.form is not None)
TABLES = ("create_import", "create_platform_inventory", "import_procurement_contracts")


def form_of(case: Case, aim: Aim) -> bytes:
    if "body" in case or "hex" in case:
        return bytes.fromhex(case.get("hex", ""))
    more = [part(case["extra"], "x" * case.get("times", 1))] if "extra" in case else []
    more += [part(f"field{number}", "x") for number in range(case.get("extras", 0))]
    if "repeat" in case:
        more.append(part('file"; filename="other.csv', b"x", "text/csv", closed=False))
    options: dict[str, Any] = {"name": case["rename"]} if "rename" in case else {}
    if "filename" in case:
        options["filename"] = case["filename"] * case.get("times", 1)
    if case.get("drop_filename"):
        options["filename"] = None
    if "type" in case:
        options["kind"] = case["type"].replace("LONG", "a/" + "b" * 5_000)
    raw = aim.form(*more, **options)
    return raw[: -case["cut"]] if "cut" in case else raw


# Strange texts are stored on both databases by test_kept_texts.py.
@pytest.mark.sqlite_only
# Werkzeug leaves a form's temporary files open when it stops reading it.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("operation", FORMS)
def test_invalid_form_is_rejected_and_strange_file_name_is_harmless(
    at: dict[str, Aim], share: Share, operation: str
) -> None:
    aim = at[operation]
    wrong = []
    for case in share("files", operation):
        before = state()
        headers = {name.replace("-", "_"): value for name, value in headers_of(case).items()}
        headers.setdefault("Content_Type", "multipart/form-data; boundary=limit")
        answer = aim.send(form_of(case, aim), **headers)
        if case["expected"] == "accepted":
            problems = [] if answer.status_code == aim.good else [answer.get_json()]
        else:
            problems = [*faults(answer, (400, 413, 415, 422)), *([] if state() == before else ["wrote something"])]
        wrong += [(named(case), *problems)] if problems else []

    assert wrong == []


# What is no table is refused before anything is written.
@pytest.mark.sqlite_only
@pytest.mark.parametrize("operation", TABLES)
def test_file_that_is_no_table_is_rejected_immediately(at: dict[str, Aim], operation: str) -> None:
    aim = at[operation]
    before = state()
    wrong = []
    for case, content in tables():
        hostile = Aim(aim.operation, aim.path, aim.actor, aim.good, aim.body, ("list.csv", content))
        problems = faults(hostile.send(), (422,))
        wrong += [(named(case), *problems)] if problems else []

    assert wrong == []
    assert state() == before


STRANGE = [case for case in cases("values") if "text" in case and not case.get("missing") and case["accepted_by"]]
LIMITS = {"text200": 200, "text500": 500, "text5000": 5000}
# Names of accounts have letters, digits and some punctuation only (registry/accounts/account_names.py).
OWN_RULES = ("name", "owner", "to", "responsible")
# Of requests and approvals.
DECISIONS = ("confirm_", "refuse_", "cancel_", "approve_proposal", "reject_proposal")
# Fields that do not fit the others of the valid body, and texts in which braces are placeholders.
NOT_BESIDE = {
    "ask_confirmation": ("consent_number", "value"),
    # A key that the inventory does not list needs a document.
    "confirm_placement": ("platform_key",),
    "create_case_template": ("text",),
    "patch_case_template": ("text",),
}
Undone = Callable[[], AbstractContextManager[None]]


def packed(kind: str) -> list[str]:
    """Return the texts that the type accepts, joined by a character that is not trimmed, in packs of maximum length."""
    packs: list[str] = []
    for case in STRANGE:
        if kind in case["accepted_by"]:
            text = f"{text_of(case)}\N{MIDDLE DOT}"
            if len(text) > LIMITS[kind]:
                text = text[:-1]
            if packs and len(packs[-1]) + len(text) <= LIMITS[kind]:
                packs[-1] += text
            else:
                packs.append(text)
    return packs


def bodies(aim: Aim) -> Iterator[dict[str, str]]:
    """Return bodies with every pack in every text field."""
    packs = {name: packed(kind_of(field)) for name, field in aim.fields.items() if kind_of(field) in LIMITS}
    for name in REFERENCES + OWN_RULES + NOT_BESIDE.get(aim.operation.name, ()):
        packs.pop(name, None)
    for turn in range(max(map(len, packs.values()), default=0)):
        yield {name: of[turn % len(of)] for name, of in packs.items()}


def test_strange_but_valid_text_is_stored_unchanged(at: dict[str, Aim], each_example: Undone) -> None:
    for operation in (name for name, tried in TRIES.items() if tried.body is not None):
        aim = at[operation]
        for texts in bodies(aim):
            with each_example():
                # Texts on AI systems are of projects that use AI.
                of_ai = {"is_ai": True} if "is_ai" in aim.fields else {}
                answer = aim.send(json.dumps({**aim.body, **of_ai, **texts}).encode())
                shown = answer.get_json()
                # Texts for many cases have placeholders in braces, and others are refused.
                if {each["code"] for each in shown.get("errors", ())} == {"placeholder-unknown"}:
                    assert operation == "propose_many_cases" and "{" in str(texts)
                    continue
                # What a case's status does not allow is rejected for that reason, not for its text.
                assert answer.status_code in (aim.good, 409), (operation, shown)
                if answer.status_code < 300:
                    if operation.startswith(DECISIONS) and "decision_reason" in shown:
                        # ``reason`` is why it was asked.
                        shown["reason"] = shown["decision_reason"]
                    kept = {name: as_kept(text) for name, text in texts.items() if name in shown}
                    assert {name: shown[name] for name in kept} == kept, operation


def test_strange_text_survives_history_and_exports(at: dict[str, Aim], client: FlaskClient) -> None:
    agency = an_agency()
    admin, administrator = caller(client, Role.ADMINISTRATOR), an_actor(Role.ADMINISTRATOR)
    sent = list(bodies(at["patch_project"]))
    for texts in sent:
        made = admin.post("/projects", {"agency": agency.bin, **project_values(is_ai=True)})
        path = f"/projects/{made.get_json()['number']}"
        changed = admin.patch(path, texts, If_Match=made.headers["ETag"])
        shown = admin.get(path).get_json()
        last_changes = admin.get(f"{path}/history").get_json()["items"][-1]["changes"]

        expected = {name: as_kept(text) for name, text in texts.items()}
        assert changed.status_code == 200, changed.get_json()
        assert {name: shown[name] for name in texts} == expected
        assert {change["field"]: change["new"] for change in last_changes} == expected

    for format_ in ("csv", "xlsx"):
        with admin.get(f"/exports/projects.{format_}?agency={agency.bin}") as export:
            run = import_now(administrator, "projects", False, f"again.{format_}", export.data)
        # A text that is returned changed would count as an update.
        assert (run.state, run.unchanged, run.total) == ("done", len(sent), len(sent)), format_
