"""Hostile values in each field of each JSON body: rejected by pointer, or stored unchanged."""

from __future__ import annotations

import json

import pytest

from registry.core.fields import InputField, Text
from tests.api.access_matrix.routes import TRIES
from tests.api.callers import codes
from tests.hostile.aims import Aim, faults, kind_of, state
from tests.hostile.corpus import Case, Share, cases, named, text_of, token_of

VALUES = cases("values")
LISTED_TEXTS = {kind for case in VALUES for kind in case.get("accepted_by", ()) if kind.startswith("text")}
# Fields that identify something existing; another value is not found.
REFERENCES = ("project", "target", "assignee", "agency", "successor", "to", "duplicate_of", "documents", "based_on")
# The limits of a token: lists are read by the schema, and judged by the service when the schema has no other problem.
# Likewise the settings of a policy, which the parser of policy files judges, and the query of a view, which the list
# judges.
TOKEN_LIMITS = ("lifetime", "scopes", "addresses", "project_numbers", "query", "setting", "verdict_cases", "version")


def with_everywhere(aim: Aim, token: str) -> bytes:
    """Return a body with the value in every field."""
    return ("{" + ",".join(f"{json.dumps(name)}:{token}" for name in aim.fields) + "}").encode()


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
    answer = aim.send(with_everywhere(aim, token_of(case)))
    problems = faults(answer, (400,) if malformed else (422,))
    if problems or malformed:
        return problems
    pointers = {pointer for pointer, _ in codes(answer)}
    named_at_once = {name for name in expected if kind_of(aim.fields[name]) not in TOKEN_LIMITS}
    problems = [f"{name} is not named" for name in named_at_once if f"/{name}" not in pointers]
    kept = set() if case.get("missing") else set(aim.fields) - expected - set(REFERENCES)
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
