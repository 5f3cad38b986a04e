"""Batches of projects and projects by external id: each is checked as alone, and sent again it is done once."""

from __future__ import annotations

import threading
from datetime import date
from typing import Any
from urllib.parse import quote

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Connection, func, select

from registry.accounts.roles import Role
from registry.agencies.models import Agency
from registry.core.database import db, transaction
from registry.journal.service import JournalEntry
from registry.projects.models import Project
from registry.projects.revisions import Revision
from registry.projects.service import find_project_to_change, restrict_project
from registry.requests.models import RequestKind
from registry.requests.service import ask, confirm
from tests.api.callers import BASE, Caller, caller, code, codes
from tests.factories import a_project, a_token, an_actor, an_agency, bearer, project_values
from tests.present import Present
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


def test_items_that_are_no_list_of_objects_are_refused_as_a_whole(editor: Caller, agency: Agency) -> None:
    for items, problem in (
        ([], "number-of-items"),
        ([{}] * 1001, "number-of-items"),
        ({}, "expected-objects"),
        ([{}, []], "expected-objects"),
        (None, "required"),
    ):
        answer = editor.post("/projects/batch", {"items": items})

        assert (answer.status_code, codes(answer)) == (422, {("/items", problem)})


@pytest.mark.parametrize("count", [60, pytest.param(1000, marks=pytest.mark.nightly)])
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


def test_plan_names_the_rules_that_the_check_of_the_change_names(editor: Caller, agency: Agency) -> None:
    known = a_project(agency, external_id="KNOWN", work_started_on="2026-02-01")
    for change in (
        {"placement": "on_platform", "platform_key": "moh-queue"},
        {"stage": "archived", "ended_on": "2026-03-01"},
        {"work_type": "maintenance", "work_started_on": "2025-12-31"},
        {"budget_kzt": 7},
    ):
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


@pytest.mark.parametrize("count", [60, pytest.param(1000, marks=pytest.mark.nightly)])
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


def whole(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in project_values(**values).items() if name != "external_id"}


def path_of(agency: Agency, external_id: str) -> str:
    return f"/agencies/{agency.bin}/projects/{quote(external_id, safe='')}"


def count_projects() -> int:
    return int(db.session.scalar(select(func.count(Project.id))) or 0)


def test_put_registers_and_put_again_replaces_all_fields(editor: Caller, agency: Agency) -> None:
    path = path_of(agency, "A-1")

    made = editor.put(path, whole(purpose="Учёт"))
    replaced = editor.put(path, {**whole(stage="pilot"), "change_reason": "Act 12"})
    again = editor.put(path, whole(stage="pilot"))

    number = made.get_json()["number"]
    assert (made.status_code, made.headers["Location"]) == (201, f"/api/v1/projects/{number}")
    assert (made.get_json()["external_id"], made.get_json()["agency"]) == ("A-1", agency.bin)
    assert (replaced.status_code, replaced.get_json()["number"]) == (200, number)
    assert "Location" not in replaced.headers
    assert (replaced.get_json()["stage"], replaced.get_json()["purpose"]) == ("pilot", None)
    read = editor.get(f"/projects/{number}")
    assert (again.status_code, again.get_json()["version"], again.data) == (200, 2, read.data)
    assert again.headers["ETag"] == read.headers["ETag"] != made.headers["ETag"]
    revisions = editor.get(f"/projects/{number}/history").get_json()["items"]
    assert [revision["reason"] for revision in revisions] == [None, "Act 12"]
    changed = select(func.count()).select_from(JournalEntry).where(JournalEntry.action == "project.changed")
    assert db.session.scalar(changed) == 1


def test_external_id_in_a_path_holds_any_character(editor: Caller, agency: Agency) -> None:
    for external_id in [
        "2026/14",
        "/",
        "a/../b",
        "МЗ № 14 «кезек»",
        "a?b#c&d=e",
        "a\nb",
        "x" * 200,
    ]:
        path = path_of(agency, external_id)

        made = editor.put(path, whole())

        assert (made.status_code, made.get_json()["external_id"]) == (201, external_id), external_id
        assert editor.put(path, whole()).status_code == 200, external_id
        assert editor.get(path).get_json()["number"] == made.get_json()["number"], external_id
        assert editor.get(path).headers["ETag"] == made.headers["ETag"], external_id


def test_external_id_that_no_project_can_have_is_invalid_and_found_nowhere(editor: Caller, agency: Agency) -> None:
    for external_id, problem in (
        ("x" * 201, "too-long"),
        ("a\x00b", "control-character"),
        ("  ", "required"),
        ("\u200b", "required"),
    ):
        answer = editor.put(path_of(agency, external_id), whole())
        read = editor.get(path_of(agency, external_id))

        assert (answer.status_code, codes(answer)) == (422, {("/external_id", problem)})
        assert (read.status_code, code(read)) == (404, "external-id-not-found")
    assert count_projects() == 0


def test_ids_that_are_not_utf_8_are_refused_and_not_taken_for_one_another(editor: Caller, agency: Agency) -> None:
    # Three letters in cp1251, and three others: decoded, both are three times U+FFFD.
    first, second = (f"/agencies/{agency.bin}/projects/{path}" for path in ("%EF%F0%EE", "%ED%E5%F2"))

    answers = [editor.put(path, whole()) for path in (first, second)]

    assert [(answer.status_code, codes(answer)) for answer in answers] == [(422, {("/external_id", "not-usable")})] * 2
    assert editor.get(second).status_code == 404
    assert count_projects() == 0


def test_put_has_the_checks_of_registration_and_edit(editor: Caller, agency: Agency) -> None:
    path, wrong = path_of(agency, "A-1"), {**whole(ended_on="2026-01-01"), "stage": "nonsense"}

    registered = editor.put(path, wrong)
    editor.put(path, whole())
    replaced = editor.put(path, wrong)
    named_twice = editor.put(path, {**whole(), "external_id": "A-1", "agency": agency.bin, "colour": "red"})
    empty = editor.put(path, {})

    expected = {("/stage", "not-a-choice"), ("/ended_on", "date-before"), ("/work_started_on", "date-after")}
    assert [codes(registered), codes(replaced)] == [expected, expected]
    assert codes(named_twice) == {
        ("/external_id", "read-only-field"),
        ("/agency", "read-only-field"),
        ("/colour", "unknown-field"),
    }
    assert {pointer for pointer, _ in codes(empty)} == {
        "/object_kind", "/work_type", "/stage", "/placement", "/name_kk", "/name_ru",
    }  # fmt: skip
    assert editor.get(path).get_json()["version"] == 1


def test_patch_changes_only_the_fields_that_it_has(editor: Caller, agency: Agency) -> None:
    path = path_of(agency, "2026/14")
    missing = editor.patch(path, {"budget_kzt": 7})
    tag = editor.put(path, whole(purpose="Учёт", budget_kzt=5)).headers["ETag"]

    changed = editor.patch(path, {"budget_kzt": 7, "change_reason": "Act 12"})
    stale = editor.patch(path, {"budget_kzt": 8}, If_Match=tag)
    fresh = editor.patch(path, {"purpose": None}, If_Match=changed.headers["ETag"])
    wrong = editor.patch(path, {"stage": None, "agency": agency.bin})

    assert (missing.status_code, code(missing)) == (404, "external-id-not-found")
    assert (changed.status_code, changed.get_json()["budget_kzt"], changed.get_json()["purpose"]) == (200, 7, "Учёт")
    assert (stale.status_code, fresh.status_code, fresh.get_json()["purpose"]) == (412, 200, None)
    assert fresh.headers["ETag"] == editor.get(path).headers["ETag"]
    assert codes(wrong) == {("/stage", "required"), ("/agency", "read-only-field")}


def test_put_honours_preconditions(editor: Caller, agency: Agency) -> None:
    path = path_of(agency, "A-1")

    stale_new = editor.put(path, whole(), If_Match='"abc"')
    made = editor.put(path, whole(), If_None_Match="*")
    second = editor.put(path, whole(stage="pilot"), If_None_Match="*")
    stale = editor.put(path, whole(stage="pilot"), If_Match='"abc"')
    fresh = editor.put(path, whole(stage="pilot"), If_Match=made.headers["ETag"])

    assert [answer.status_code for answer in (stale_new, made, second, stale, fresh)] == [412, 201, 412, 412, 200]


def test_restricted_project_is_taken_for_who_may_not_see_it(
    client: FlaskClient, editor: Caller, agency: Agency
) -> None:
    supervisor = an_actor(Role.SUPERVISOR)
    with transaction():
        hidden = find_project_to_change(supervisor, a_project(agency, external_id="A-1").number)
        restrict_project(supervisor, hidden, True, "Secret")
    administrator = caller(client, Role.ADMINISTRATOR)

    for body, headers in (({}, {}), (whole(stage="nonsense"), {}), (whole(), {"If_Match": '"abc"'})):
        answers = [administrator.put(path_of(agency, name), body, **headers) for name in ("A-1", "UNKNOWN")]
        texts = [
            {name: value for name, value in answer.get_json().items() if name not in ("instance", "trace_id")}
            for answer in answers
        ]
        assert texts[0] == texts[1]
        assert answers[0].status_code == answers[1].status_code == (412 if headers else 422)
    refused = administrator.put(path_of(agency, "A-1"), whole(), If_None_Match="*")

    assert (refused.status_code, code(refused)) == (409, "external-id-taken")
    assert hidden.number not in refused.text
    assert administrator.get(path_of(agency, "A-1")).status_code == 404
    assert editor.put(path_of(agency, "A-1"), whole()).status_code == 200
    reads = select(func.count()).select_from(JournalEntry).where(JournalEntry.action == "restricted.read")
    before = db.session.scalar(reads)
    assert editor.get(path_of(agency, "A-1")).status_code == 200
    assert (before, db.session.scalar(reads)) == (0, 1)


def test_withdrawn_project_is_neither_replaced_nor_changed(editor: Caller, agency: Agency) -> None:
    number = editor.put(path_of(agency, "A-1"), whole()).get_json()["number"]
    asked = ask(an_actor(Role.ADMINISTRATOR, name="first"), RequestKind.WITHDRAWAL, number, {"reason": "Twice."})
    confirm(an_actor(Role.SUPERVISOR, name="second"), RequestKind.WITHDRAWAL, asked.id)

    replaced, changed = (
        editor.put(path_of(agency, "A-1"), whole()),
        editor.patch(path_of(agency, "A-1"), {"stage": "pilot"}),
    )
    items = [{"agency": agency.bin, "external_id": "A-1", "stage": "pilot"}]
    (planned,) = editor.post("/projects/batch", {"mode": "upsert", "dry_run": True, "items": items}).get_json()["items"]

    assert [(answer.status_code, code(answer)) for answer in (replaced, changed)] == [(409, "project-withdrawn")] * 2
    assert (planned["status"], planned["problem"]["type"].rpartition(":")[2]) == (409, "project-withdrawn")


def test_former_agency_names_its_successor_which_has_the_ids(client: FlaskClient, present: Present) -> None:
    present.set(date(2026, 9, 30))
    former, successor = an_agency(), an_agency()
    moved, clashing = (a_project(former, external_id=external_id) for external_id in ("A-1", "B-1"))
    kept = a_project(successor, external_id="B-1")
    body = {"successor": successor.bin, "on": date(2026, 9, 30), "act": "No. 17", "reason": "They merge."}
    asked = ask(an_actor(Role.ADMINISTRATOR, name="first"), RequestKind.SUCCESSION, former.bin, body)
    confirm(an_actor(Role.SUPERVISOR, name="second"), RequestKind.SUCCESSION, asked.id)
    editor = caller(client, Role.AGENCY_EDITOR, successor)

    refused = editor.put(path_of(former, "A-1"), whole(), Accept_Language="en")
    numbers = {
        external_id: editor.put(path_of(successor, external_id), whole()).get_json()["number"]
        for external_id in ("A-1", "B-1", f"{former.bin}:B-1")
    }

    assert (refused.status_code, code(refused)) == (409, "agency-closed")
    assert successor.bin in refused.get_json()["detail"]
    assert numbers == {"A-1": moved.number, "B-1": kept.number, f"{former.bin}:B-1": clashing.number}


@pytest.mark.on_both
def test_puts_at_once_make_one_project(own_app: Flask) -> None:
    with own_app.app_context():
        agency = an_agency()
        headers = bearer(a_token(Role.AGENCY_EDITOR, agency))
        address = BASE + path_of(agency, "A/1")
    answers: list[tuple[int, str]] = []
    gate = threading.Barrier(10)

    def put(budget: int) -> None:
        client = own_app.test_client()
        gate.wait()
        answer = client.put(address, json=whole(budget_kzt=budget), headers=headers)
        answers.append((answer.status_code, answer.get_json()["number"]))

    threads = [threading.Thread(target=put, args=(number,)) for number in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(status for status, _ in answers) == [200] * 9 + [201]
    assert len({number for _, number in answers}) == 1
    with own_app.app_context():
        assert count_projects() == 1
        assert db.session.scalar(select(Project.version)) == 10
