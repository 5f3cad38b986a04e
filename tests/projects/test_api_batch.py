"""Batches of projects: each item is checked as alone, all are one transaction, and a batch sent again is done once."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Connection, func, select

from registry.accounts.roles import Role
from registry.agencies.models import Agency
from registry.core.database import db, transaction
from registry.journal.service import JournalEntry
from registry.projects.models import Project
from registry.projects.revisions import Revision
from registry.projects.service import find_project_to_change, restrict_project
from tests.api.callers import BASE, Caller, caller, code
from tests.factories import a_project, a_token, an_actor, an_agency, bearer, project_values
from tests.statements import statements


def item(agency: Agency, **values: Any) -> dict[str, Any]:
    return {"agency": agency.bin, **project_values(**values)}


def how_many(column: object) -> int:
    return int(db.session.scalar(select(func.count(column))) or 0)


def codes_of(result: dict[str, Any]) -> set[tuple[str, str]]:
    return {(each["pointer"], each["code"]) for each in result["problem"]["errors"]}


def test_each_project_of_a_batch_is_as_if_registered_alone(editor: Caller, agency: Agency) -> None:
    sent = [item(agency), item(agency, purpose="Второй", cost_by_year=[{"year": 2026, "amount_kzt": 5}])]

    answer = editor.post("/projects/batch", {"items": sent})

    assert answer.status_code == 200
    results = answer.get_json()["items"]
    assert [set(result) for result in results] == [{"status", "outcome", "number"}] * 2
    assert [result["status"] for result in results] == [201, 201]
    for result, values in zip(results, sent, strict=True):
        read = editor.get(f"/projects/{result['number']}").get_json()
        assert {name: read[name] for name in values} == values
        assert (read["version"], read["freeze_status"]) == (1, "unaudited")
        (revision,) = editor.get(f"/projects/{result['number']}/history").get_json()["items"]
        assert {"field": "stage", "old": None, "new": "creation"} in revision["changes"]
    assert [how_many(Project.id), how_many(Revision.id)] == [2, 2]
    journalled = select(JournalEntry.subject).where(JournalEntry.action == "project.registered")
    assert list(db.session.scalars(journalled)) == [f"project:{result['number']}" for result in results]


def test_item_that_cannot_be_registered_names_why_and_the_others_are(
    editor: Caller, agency: Agency, client: object
) -> None:
    a_project(agency, external_id="TAKEN")
    sent = [
        item(agency, external_id="A"),
        item(agency, external_id="TAKEN"),
        item(agency, external_id="A"),
        item(an_agency(), external_id="A"),
        {**item(agency), "stage": "nonsense", "colour": "red"},
        {name: value for name, value in item(agency).items() if name not in ("agency", "object_kind")},
        {**item(agency), "agency": "000140000012"},
        {},
        item(agency, external_id=None),
        item(agency, external_id=None),
    ]

    results = editor.post("/projects/batch", {"items": sent, "atomic": False}).get_json()["items"]

    assert [result["status"] for result in results] == [201, 409, 409, 403, 422, 422, 422, 422, 201, 201]
    assert all(("number" in result) != ("problem" in result) for result in results)
    taken, twice, foreign, wrong, missing, unknown, empty = (result["problem"] for result in results[1:8])
    for problem in (taken, twice):
        assert problem["type"] == "urn:qaztech-registry:problem:external-id-taken"
        assert (problem["instance"], problem["status"]) == ("/api/v1/projects/batch", 409)
    assert foreign["type"].endswith(":agency-not-yours")
    assert codes_of({"problem": wrong}) == {("/stage", "not-a-choice"), ("/colour", "unknown-field")}
    assert codes_of({"problem": missing}) == {("/agency", "required"), ("/object_kind", "required")}
    assert codes_of({"problem": unknown}) == {("/agency", "agency-unknown")}
    assert len(codes_of({"problem": empty})) == 7
    assert how_many(Project.id) == 4


def test_atomic_batch_registers_all_or_nothing(editor: Caller, agency: Agency) -> None:
    good, wrong = item(agency), item(agency, stage="nonsense")

    refused = editor.post("/projects/batch", {"items": [good, wrong, good], "atomic": True}, Accept_Language="en")
    done = editor.post("/projects/batch", {"items": [good, item(agency)], "atomic": True})

    first, second, third = refused.get_json()["items"]
    assert (refused.status_code, first["status"], second["status"], third["status"]) == (200, 424, 422, 409)
    assert first["problem"] | {"trace_id": ""} == {
        "type": "urn:qaztech-registry:problem:batch-not-done",
        "title": "Failed dependency",
        "status": 424,
        "detail": "Nothing was done, because other items of the batch cannot be done.",
        "instance": "/api/v1/projects/batch",
        "trace_id": "",
    }
    assert [result["status"] for result in done.get_json()["items"]] == [201, 201]
    assert how_many(Project.id) == 2


def test_batch_with_the_same_key_is_done_once(editor: Caller, agency: Agency) -> None:
    sent = {"items": [item(agency, external_id=None), item(agency, stage="nonsense")]}

    first = editor.post("/projects/batch", sent, Idempotency_Key="k")
    again = editor.post("/projects/batch", sent, Idempotency_Key="k")
    other = editor.post("/projects/batch", {**sent, "atomic": True}, Idempotency_Key="k")

    assert again.data == first.data
    assert how_many(Project.id) == 1
    assert (other.status_code, code(other)) == (422, "idempotency-key-reused")


@pytest.mark.parametrize(
    ("items", "problem"),
    [
        ([], "number-of-items"),
        ([{}] * 1001, "number-of-items"),
        ({}, "expected-objects"),
        ([{}, []], "expected-objects"),
        (None, "required"),
    ],
)
def test_items_that_are_no_list_of_objects_are_refused_as_a_whole(
    editor: Caller, agency: Agency, items: object, problem: str
) -> None:
    answer = editor.post("/projects/batch", {"items": items})

    assert answer.status_code == 422
    assert [(each["pointer"], each["code"]) for each in answer.get_json()["errors"]] == [("/items", problem)]


@pytest.mark.parametrize("count", [100, pytest.param(1000, marks=pytest.mark.nightly)])
def test_many_projects_of_two_kibibytes_take_few_statements(
    app: Flask, connection: Connection, agency: Agency, count: int
) -> None:
    administrator = caller(app.test_client(), Role.ADMINISTRATOR)
    large = [item(agency, purpose="ұ" * 2000, supplier_name="ұ" * 400) for _ in range(count)]

    with statements(connection) as executed:
        answer = administrator.post("/projects/batch", {"items": large, "atomic": True})

    results = answer.get_json()["items"]
    assert [result["status"] for result in results] == [201] * count
    assert [result["number"] for result in results] == sorted({result["number"] for result in results})
    assert len(executed) < 60


def test_restricted_project_that_the_caller_may_not_see_is_only_taken(app: Flask, agency: Agency) -> None:
    supervisor = an_actor(Role.SUPERVISOR)
    with transaction():
        hidden = find_project_to_change(supervisor, a_project(agency, external_id="SECRET").number)
        restrict_project(supervisor, hidden, True, "Secret")
    administrator = caller(app.test_client(), Role.ADMINISTRATOR)

    (result,) = administrator.post("/projects/batch", {"items": [item(agency, external_id="SECRET")]}).get_json()[
        "items"
    ]

    assert (result["status"], hidden.number in str(result)) == (409, False)


@pytest.mark.on_both
@pytest.mark.parametrize(("mode", "later"), [("register", 409), ("upsert", 200)])
def test_batches_at_once_with_the_same_external_ids_register_each_once(own_app: Flask, mode: str, later: int) -> None:
    with own_app.app_context():
        agency = an_agency()
        sent = [item(agency, external_id=f"X-{number}") for number in range(20)]
        headers = bearer(a_token(Role.AGENCY_EDITOR, agency))
    answers: list[list[int]] = []
    gate = threading.Barrier(6)

    def post(items: list[dict[str, Any]]) -> None:
        client = own_app.test_client()
        gate.wait()
        answer = client.post(f"{BASE}/projects/batch", json={"items": items, "mode": mode}, headers=headers)
        answers.append([result["status"] for result in answer.get_json()["items"]])

    threads = [threading.Thread(target=post, args=(sent[:: (-1) ** number],)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(answers) == sorted([[201] * 20, *([[later] * 20] * 5)])
    with own_app.app_context():
        assert how_many(Project.id) == 20


def outcomes(answer: Any) -> list[str]:
    return [result["outcome"] for result in answer.get_json()["items"]]


def test_upsert_changes_only_the_fields_that_an_item_has_and_its_plan_says_so_before(
    editor: Caller, agency: Agency
) -> None:
    known = a_project(agency, external_id="KNOWN", purpose="Typed by a person", budget_kzt=5, work_type="maintenance")
    change = {"agency": agency.bin, "external_id": "KNOWN", "budget_kzt": 7, "work_type": "creation"}
    sent = {
        "mode": "upsert",
        "items": [
            {**change, "change_reason": "Act 12"},
            item(agency, external_id="NEW", work_started_on="2026-02-01"),
            {"agency": agency.bin, "external_id": "INCOMPLETE"},
        ],
    }

    plan = editor.post("/projects/batch", {**sent, "dry_run": True})
    unclear = editor.post("/projects/batch", {**sent, "dry_run": None})
    untouched = editor.get(f"/projects/{known.number}").get_json()
    done = editor.post("/projects/batch", sent)
    again = editor.post("/projects/batch", sent)

    assert (unclear.status_code, codes_of({"problem": unclear.get_json()})) == (422, {("/dry_run", "required")})
    assert (untouched["version"], untouched["budget_kzt"]) == (1, 5)
    assert outcomes(plan) == outcomes(done) == ["updated", "created", "rejected"]
    planned, new, incomplete = plan.get_json()["items"]
    assert planned["changes"] == [
        {"field": "work_type", "old": "maintenance", "new": "creation"},
        {"field": "budget_kzt", "old": 5, "new": 7},
    ]
    assert (planned["number"], planned["status"], new["status"]) == (known.number, 200, 201)
    assert ("freeze.creation" in new["opened"], new["ended"], "number" in new) == (True, [], False)
    assert codes_of(incomplete) >= {("/stage", "required"), ("/name_kk", "name-required")}
    read = editor.get(f"/projects/{known.number}").get_json()
    assert (read["version"], read["budget_kzt"], read["purpose"]) == (2, 7, "Typed by a person")
    assert editor.get(f"/projects/{known.number}/history").get_json()["items"][1]["reason"] == "Act 12"
    assert outcomes(again) == ["unchanged", "unchanged", "rejected"]
    assert again.get_json()["items"][0]["changes"] == []
    assert how_many(Revision.id) == 3


@pytest.mark.parametrize(
    "change",
    [
        {"placement": "on_platform", "platform_key": "moh-queue"},
        {"stage": "archived", "ended_on": "2026-03-01"},
        {"work_type": "maintenance", "work_started_on": "2025-12-31"},
        {"budget_kzt": 7},
    ],
)
def test_plan_names_the_rules_that_the_check_of_the_change_names(
    editor: Caller, agency: Agency, change: dict[str, Any]
) -> None:
    known = a_project(agency, external_id="KNOWN", work_started_on="2026-02-01")
    named = {"agency": agency.bin, "external_id": "KNOWN", **change}

    plan = editor.post("/projects/batch", {"mode": "upsert", "dry_run": True, "items": [named]})
    checked = editor.post(f"/projects/{known.number}/check", change).get_json()

    (planned,) = plan.get_json()["items"]
    assert planned["changes"] == checked["changes"]
    for name in ("opened", "ended"):
        assert planned[name] == [finding["rule"] for finding in checked[name]]
    assert any(planned[name] for name in ("opened", "ended")) == ("budget_kzt" not in change)


def test_upsert_refuses_what_a_change_alone_would_be_refused_for(app: Flask, editor: Caller, agency: Agency) -> None:
    supervisor = an_actor(Role.SUPERVISOR)
    with transaction():
        hidden = find_project_to_change(supervisor, a_project(agency, external_id="SECRET").number)
        restrict_project(supervisor, hidden, True, "Secret")
    a_project(agency, external_id="KNOWN", work_started_on="2026-02-01")
    foreign = a_project(external_id="F")
    known = {"agency": agency.bin, "external_id": "KNOWN"}
    sent = [
        {**known, "external_id": "SECRET", "budget_kzt": 1},
        {**known, "agency": foreign.agency.bin, "external_id": "F"},
        {**known, "ended_on": "2026-01-01", "stage": None},
        {"agency": agency.bin, "name_ru": "Без номера"},
        {**known, "budget_kzt": 8},
        {**known, "budget_kzt": 9},
    ]

    administrator = caller(app.test_client(), Role.ADMINISTRATOR)
    (secret,) = administrator.post("/projects/batch", {"mode": "upsert", "items": sent[:1]}).get_json()["items"]
    own = editor.post("/projects/batch", {"mode": "upsert", "items": sent[:1], "dry_run": True})
    results = editor.post("/projects/batch", {"mode": "upsert", "items": sent[1:]}).get_json()["items"]
    none = editor.post("/projects/batch", {"mode": "upsert", "atomic": True, "items": sent[3:]})

    assert (secret["status"], secret["problem"]["type"].rpartition(":")[2]) == (422, "invalid")
    assert outcomes(own) == ["updated"]
    read = select(JournalEntry.subject).where(JournalEntry.action == "restricted.read")
    assert list(db.session.scalars(read)) == [f"project:{hidden.number}"]
    assert [result["status"] for result in results] == [403, 422, 422, 200, 422]
    assert codes_of(results[1]) == {
        ("/stage", "required"),
        ("/ended_on", "date-before"),
        ("/work_started_on", "date-after"),
    }
    assert ("/external_id", "required") in codes_of(results[2])
    assert codes_of(results[4]) == {("/external_id", "external-id-twice")}
    assert [result["status"] for result in none.get_json()["items"]] == [422, 424, 422]
    assert editor.get(f"/agencies/{agency.bin}/projects/KNOWN").get_json()["budget_kzt"] == 8


@pytest.mark.parametrize("count", [100, pytest.param(1000, marks=pytest.mark.nightly)])
def test_many_projects_are_changed_with_few_statements(
    app: Flask, connection: Connection, agency: Agency, count: int
) -> None:
    administrator = caller(app.test_client(), Role.ADMINISTRATOR)
    whole = [item(agency, external_id=f"X-{number}") for number in range(count)]
    administrator.post("/projects/batch", {"items": whole})
    changed = [{"agency": agency.bin, "external_id": f"X-{number}", "budget_kzt": 7} for number in range(count)]

    with statements(connection) as executed:
        plan = administrator.post("/projects/batch", {"mode": "upsert", "dry_run": True, "items": changed})
        done = administrator.post("/projects/batch", {"mode": "upsert", "items": changed})

    assert outcomes(plan) == outcomes(done) == ["updated"] * count
    assert len(executed) < 60
