"""Projects by external id: one PUT registers or replaces, whatever the id holds, whoever else sends the same."""

from __future__ import annotations

import threading
from datetime import date
from typing import Any
from urllib.parse import quote

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from registry.accounts.roles import Role
from registry.agencies.models import Agency
from registry.core.database import db, transaction
from registry.journal.service import JournalEntry
from registry.projects.models import Project
from registry.projects.service import find_project_to_change, restrict_project
from registry.requests.models import RequestKind
from registry.requests.service import ask, confirm
from tests.api.callers import BASE, Caller, caller, code, codes
from tests.factories import a_project, a_token, an_actor, an_agency, bearer, project_values
from tests.present import Present


def whole(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in project_values(**values).items() if name != "external_id"}


def path_of(agency: Agency, external_id: str) -> str:
    return f"/agencies/{agency.bin}/projects/{quote(external_id, safe='')}"


def how_many() -> int:
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


@pytest.mark.parametrize(
    ("external_id", "problem"),
    [("x" * 201, "too-long"), ("a\x00b", "control-character"), ("  ", "required"), ("\u200b", "required")],
)
def test_external_id_that_no_project_can_have_is_invalid_and_found_nowhere(
    editor: Caller, agency: Agency, external_id: str, problem: str
) -> None:
    answer = editor.put(path_of(agency, external_id), whole())
    read = editor.get(path_of(agency, external_id))

    assert (answer.status_code, codes(answer)) == (422, {("/external_id", problem)})
    assert (read.status_code, code(read)) == (404, "external-id-not-found")
    assert how_many() == 0


def test_ids_that_are_not_utf_8_are_refused_and_not_taken_for_one_another(editor: Caller, agency: Agency) -> None:
    # Three letters in cp1251, and three others: decoded, both are three times U+FFFD.
    first, second = (f"/agencies/{agency.bin}/projects/{path}" for path in ("%EF%F0%EE", "%ED%E5%F2"))

    answers = [editor.put(path, whole()) for path in (first, second)]

    assert [(answer.status_code, codes(answer)) for answer in answers] == [(422, {("/external_id", "not-usable")})] * 2
    assert editor.get(second).status_code == 404
    assert how_many() == 0


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
        assert how_many() == 1
        assert db.session.scalar(select(Project.version)) == 10
