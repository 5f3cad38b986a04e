"""Drafts of the policy: begun from another version, changed, compared, exported, deleted; by supervisors only."""

from __future__ import annotations

import tomllib
from datetime import date, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from registry.core.clock import today
from registry.freeze.policy_file import PolicyInvalid, read_policy
from registry.policies.settings import changed_text
from tests.factories import a_token, bearer
from tests.freeze.policy_texts import SHIPPED

DRAFT = {"version": "2026.2", "based_on": "2026.1"}
LATE = {"agency_kind": "central_body", "work_type": "creation", "stage": "creation", "placement": "off_platform"}


@pytest.fixture
def supervisor(app: Flask) -> dict[str, str]:
    return bearer(a_token("supervisor"))


def draft(client: FlaskClient, headers: dict[str, str], **values: Any) -> Any:
    return client.post("/api/v1/policies", headers=headers, json={**DRAFT, **values})


def patch(client: FlaskClient, headers: dict[str, str], **values: Any) -> Any:
    tag = client.get("/api/v1/policies/2026.2", headers=headers).headers["ETag"]
    sent = {**headers, "If-Match": tag}
    return client.patch(
        "/api/v1/policies/2026.2", headers=sent, json=values, content_type="application/merge-patch+json"
    )


def test_draft_has_the_settings_of_its_base_except_those_that_differ(
    client: FlaskClient, supervisor: dict[str, str]
) -> None:
    made = draft(
        client,
        supervisor,
        migration_deadline="2026-12-31",
        deadlines={"answer": 12},
        rules={"freeze.creation": {"severity": "low"}},
    )
    assert made.status_code == 201
    assert made.headers["Location"] == "/api/v1/policies/2026.2"
    shown = made.json
    assert (shown["version"], shown["state"], shown["based_on"]) == ("2026.2", "draft", "2026.1")
    assert shown["in_force_from"] is None
    assert shown["migration_deadline"] == "2026-12-31"
    assert shown["deadlines"] == shown["clocks"] == {"answer": 12, "review": 20, "appeal": 15}
    assert shown["rules"]["freeze.creation"]["severity"] == "low"
    assert shown["rules"]["freeze.creation"]["title_en"] == "New object started under the moratorium"
    assert shown["pilot_limit_months"] == 12


def test_draft_based_on_a_version_without_a_newer_rule_has_it_in_use() -> None:
    start = SHIPPED.index('[rules."integrity.contradiction"]')
    end = SHIPPED.index('[rules."integrity.ended-unconfirmed"]')
    older = read_policy(SHIPPED[:start] + SHIPPED[end:], "policy.toml")
    drafted = read_policy(changed_text(older, "2026.2", {}), "draft")
    assert drafted.rules["integrity.contradiction"].enabled is True
    assert drafted.rules["integrity.unattested"].enabled is False
    switched_off = changed_text(drafted, "2026.2", {"rules": {"integrity.contradiction": {"enabled": False}}})
    again = read_policy(changed_text(read_policy(switched_off, "draft"), "2026.3", {}), "draft")
    assert again.rules["integrity.contradiction"].enabled is False


@pytest.mark.parametrize(
    ("settings", "pointer", "words"),
    [
        ({"pilot_limit_months": 0}, "/pilot_limit_months", "a whole number of months from 1 to 600"),
        ({"cutoff": "soon"}, "/cutoff", "a date such as 2026-01-01"),
        ({"scope": []}, "/scope", "a list of one or more of"),
        ({"deadlines": {"answer": True}}, "/deadlines/answer", "deadlines.answer: expected a whole number"),
        ({"rules": {"freeze.new": {}}}, "/rules/freeze.new", "unknown"),
        ({"rules": {"integrity.unatested": None}}, "/rules/integrity.unatested", "unknown"),
        ({"deadlines": {"awnser": None}}, "/deadlines/awnser", "unknown"),
        ({"rules": {"freeze.creation": {"severity": "dire"}}}, "/rules/freeze.creation/severity", "low, medium, high"),
        ({"rules": {"freeze.creation": {"title_kk": " "}}}, "/rules/freeze.creation/title_kk", "not blank"),
        ({"rules": {"freeze.creation": {"title_kk": "a\u0000"}}}, "/rules/freeze.creation/title_kk", "U+0000"),
        ({"based_on": "1999"}, "/based_on", "1999"),
        ({"colour": "red"}, "/colour", ""),
    ],
)
def test_wrong_setting_is_named(
    client: FlaskClient, supervisor: dict[str, str], settings: dict[str, Any], pointer: str, words: str
) -> None:
    answer = draft(client, supervisor, **settings)
    assert answer.status_code == 422
    (error,) = answer.json["errors"]
    assert error["pointer"] == pointer
    assert words in error["message"]
    assert client.get("/api/v1/policies/2026.2", headers=supervisor).status_code == 404


def test_version_is_taken_once(client: FlaskClient, supervisor: dict[str, str]) -> None:
    assert draft(client, supervisor).status_code == 201
    assert draft(client, supervisor).status_code == 409
    assert draft(client, supervisor, version="2026.1").status_code == 409
    assert draft(client, supervisor, version="no such/name").status_code == 422


def test_draft_is_deleted_only_in_the_state_that_was_read(client: FlaskClient, supervisor: dict[str, str]) -> None:
    read = draft(client, supervisor).headers["ETag"]
    patch(client, supervisor, pilot_limit_months=6)
    stale = client.delete("/api/v1/policies/2026.2", headers={**supervisor, "If-Match": read})
    assert stale.status_code == 412
    now = client.get("/api/v1/policies/2026.2", headers=supervisor).headers["ETag"]
    assert client.delete("/api/v1/policies/2026.2", headers={**supervisor, "If-Match": now}).status_code == 204


def test_draft_is_changed_and_deleted(client: FlaskClient, supervisor: dict[str, str]) -> None:
    draft(client, supervisor, pilot_limit_months=6)
    changed = patch(client, supervisor, verification_grace_days=14)
    assert changed.status_code == 200
    assert (changed.json["pilot_limit_months"], changed.json["verification_grace_days"]) == (6, 14)
    assert patch(client, supervisor, change_threshold_percent=101).status_code == 422
    assert client.delete("/api/v1/policies/2026.2", headers=supervisor).status_code == 204
    assert client.get("/api/v1/policies/2026.2", headers=supervisor).status_code == 404


def test_version_in_force_is_never_edited(client: FlaskClient, supervisor: dict[str, str]) -> None:
    tag = client.get("/api/v1/policies/2026.1", headers=supervisor).headers["ETag"]
    sent = {**supervisor, "If-Match": tag}
    answer = client.patch(
        "/api/v1/policies/2026.1",
        headers=sent,
        json={"pilot_limit_months": 6},
        content_type="application/merge-patch+json",
    )
    assert answer.status_code == 409
    assert client.delete("/api/v1/policies/2026.1", headers=supervisor).status_code == 409


def test_draft_based_on_a_version_without_facts_to_confirm_takes_over_what_the_register_has(
    client: FlaskClient, supervisor: dict[str, str]
) -> None:
    assert client.get("/api/v1/policies/2026.1", headers=supervisor).json["confirmed_facts"] is None
    table = draft(client, supervisor).json["confirmed_facts"]
    assert date.fromisoformat(table["taken_over_before"]) == today() + timedelta(days=1)
    assert (table["consent_number"], table["object_commissioned_on"]) == (0, 100_000_000)


def test_comparison_names_each_setting_as_in_the_file(client: FlaskClient, supervisor: dict[str, str]) -> None:
    rules = {"freeze.creation": {"enabled": False}}
    draft(client, supervisor, pilot_limit_months=6, rules=rules, confirmed_facts=None)
    answer = client.get("/api/v1/policies/2026.2/comparison?with=2026.1", headers=supervisor)
    assert answer.json == {
        "version": "2026.2",
        "compared_with": "2026.1",
        "differences": [
            {"setting": "pilot_limit_months", "before": 12, "after": 6},
            {"setting": 'rules."freeze.creation".enabled', "before": True, "after": False},
        ],
    }
    assert client.get("/api/v1/policies/2026.2/comparison?with=1999", headers=supervisor).status_code == 404


def test_exported_file_is_the_same_policy(client: FlaskClient, supervisor: dict[str, str]) -> None:
    made = draft(
        client, supervisor, pilot_limit_months=6, rules={"freeze.legacy": {"title_ru": 'Объект "вне"\tплатформы'}}
    )
    answer = client.get("/api/v1/policies/2026.2/file", headers=supervisor)
    assert answer.content_type == "application/toml; charset=utf-8"
    policy = read_policy(answer.text, "exported")
    assert (policy.version, policy.pilot_limit_months, policy.digest) == ("2026.2", 6, made.json["digest"])
    assert tomllib.loads(answer.text)["rules"]["freeze.legacy"]["title_ru"] == 'Объект "вне"\tплатформы'
    first = client.get("/api/v1/policies/2026.1/file", headers=supervisor).text
    assert "# The freeze policy" in first


def test_exported_file_has_the_expected_verdicts_and_is_read_again(
    client: FlaskClient, supervisor: dict[str, str]
) -> None:
    facts = {**LATE, "contract_signed_on": "2026-01-20", "budget_kzt": 1, "consent_number": 'No. "7"'}
    case = {"name": "A new object of 2026", "on": "2026-03-01", "facts": facts, "expected": ["freeze.creation"]}
    draft(client, supervisor, verdict_cases=[case, {**case, "name": "Another", "expected": []}])
    text = client.get("/api/v1/policies/2026.2/file", headers=supervisor).text
    first, second = tomllib.loads(text)["verdict_cases"]
    assert (first["name"], first["on"], first["expected"]) == (case["name"], date(2026, 3, 1), ["freeze.creation"])
    assert first["facts"] == {**facts, "contract_signed_on": date(2026, 1, 20)}
    assert (second["name"], second["expected"]) == ("Another", [])
    assert read_policy(text, "exported").version == "2026.2"
    wrong = text.replace('stage = "creation"', 'stage = "lost"', 1).replace("expected = []", 'expected = ["no.rule"]')
    with pytest.raises(PolicyInvalid) as raised:
        read_policy(wrong, "exported")
    assert [problem.partition(": ")[2].partition(":")[0] for problem in raised.value.problems] == [
        "verdict_cases[1].facts.stage",
        "verdict_cases[2].expected",
    ]


def test_only_supervisors_draft_and_see_drafts(client: FlaskClient, supervisor: dict[str, str]) -> None:
    draft(client, supervisor)
    for role in ("reviewer", "auditor", "operator", "administrator"):
        headers = bearer(a_token(role))
        assert draft(client, headers, version="2026.3").status_code == 403
        assert client.get("/api/v1/policies/2026.2", headers=headers).status_code == 404
        listed = client.get("/api/v1/policies", headers=headers).json["items"]
        assert [each["version"] for each in listed] == ["2026.1"]
    listed = client.get("/api/v1/policies", headers=supervisor).json["items"]
    assert [(each["version"], each["state"]) for each in listed] == [("2026.2", "draft"), ("2026.1", "in_force")]


def test_expected_verdicts_run_at_each_change_of_a_draft(client: FlaskClient, supervisor: dict[str, str]) -> None:
    case = {
        "name": "A new object of 2026",
        "on": "2026-03-01",
        "facts": {**LATE, "contract_signed_on": "2026-01-20", "work_started_on": "2026-02-01", "budget_kzt": 1},
        "expected": ["freeze.creation"],
    }
    made = draft(client, supervisor, verdict_cases=[case]).json
    (shown,) = made["verdict_cases"]
    assert (shown["name"], shown["on"], shown["expected"]) == (case["name"], case["on"], case["expected"])
    assert {name: value for name, value in shown["facts"].items() if value is not None} == case["facts"]
    assert (shown["found"], shown["passes"]) == (["freeze.creation"], True)
    changed = patch(client, supervisor, rules={"freeze.creation": {"enabled": False}}).json
    assert (changed["verdict_cases"][0]["found"], changed["verdict_cases"][0]["passes"]) == (["freeze.legacy"], False)
    copied = draft(client, supervisor, version="2026.3", based_on="2026.2").json
    assert [each["name"] for each in copied["verdict_cases"]] == ["A new object of 2026"]


def test_expected_verdict_may_be_on_an_ai_system(client: FlaskClient, supervisor: dict[str, str]) -> None:
    facts = {**LATE, "is_ai": True, "ai_risk_class": "high", "ai_reviewed_on": "2025-02-01"}
    case = {"name": "An old entry", "on": "2026-03-01", "facts": facts, "expected": ["ai.outdated", "freeze.data-gap"]}
    rules = {"ai.outdated": {"enabled": True}}
    (shown,) = draft(client, supervisor, rules=rules, verdict_cases=[case]).json["verdict_cases"]
    assert (shown["facts"]["is_ai"], shown["passes"]) == (True, True)
    assert shown["found"] == ["freeze.data-gap", "ai.outdated"]


def test_wrong_places_of_expected_verdicts_are_named(client: FlaskClient, supervisor: dict[str, str]) -> None:
    case = {"name": "", "on": "2026-03-01", "facts": {**LATE, "stage": "lost", "size": 1}, "expected": ["freeze.new"]}
    answer = draft(client, supervisor, verdict_cases=[case, 5])
    assert answer.status_code == 422
    assert sorted(error["pointer"] for error in answer.json["errors"]) == [
        "/verdict_cases/0/expected",
        "/verdict_cases/0/facts/size",
        "/verdict_cases/0/facts/stage",
        "/verdict_cases/0/name",
        "/verdict_cases/1",
    ]


def test_targets_follow_the_deadline_until_a_draft_sets_its_own(
    client: FlaskClient, supervisor: dict[str, str]
) -> None:
    made = draft(client, supervisor, migration_deadline="2027-03-31")
    assert made.json["targets"] == {"2027-03-31": 100}
    changed = patch(client, supervisor, targets={"2026-12-31": 80, "2027-03-31": 100})
    assert changed.json["targets"] == {"2026-12-31": 80, "2027-03-31": 100}
    exported = client.get("/api/v1/policies/2026.2/file", headers=supervisor).text
    assert tomllib.loads(exported)["targets"] == {"2026-12-31": 80, "2027-03-31": 100}
    compared = client.get("/api/v1/policies/2026.2/comparison?with=2026.1", headers=supervisor).json
    assert {"setting": "targets.2026-12-31", "before": None, "after": 80} in compared["differences"]
    wrong = patch(client, supervisor, targets={"31.12.2026": 80})
    assert wrong.status_code == 422
    assert wrong.json["errors"][0]["pointer"] == "/targets/31.12.2026"


@pytest.mark.parametrize("day", ["9999-12-31", "2101-01-01", "1991-12-15"])
def test_date_of_an_expected_verdict_is_one_from_which_rules_can_count(
    client: FlaskClient, supervisor: dict[str, str], day: str
) -> None:
    case = {"name": "far", "on": "2026-03-01", "facts": {**LATE, "stage": "pilot", "pilot_started_on": day}}
    answer = draft(client, supervisor, verdict_cases=[{**case, "expected": []}])
    assert answer.status_code == 422
    assert [(each["pointer"], each["code"]) for each in answer.json["errors"]] == [
        ("/verdict_cases/0/facts/pilot_started_on", "date-out-of-range")
    ]


def test_version_is_not_called_as_the_page_of_new_drafts(client: FlaskClient, supervisor: dict[str, str]) -> None:
    answer = draft(client, supervisor, version="new")
    assert answer.status_code == 422
    (error,) = answer.json["errors"]
    assert (error["pointer"], error["code"]) == ("/version", "policy-version-reserved")
    assert "Choose another name" in error["message"]
    assert draft(client, supervisor, version="new.1").status_code == 201
