"""Projects over HTTP: check, register, list, read, verdict."""

from __future__ import annotations

import unicodedata
from datetime import date

from registry.agencies.models import Agency
from tests.api.callers import Caller, codes
from tests.factories import a_project, project_values
from tests.present import Present


def test_registration_returns_the_verdict(editor: Caller, agency: Agency, present: Present) -> None:
    present.set(date(2026, 3, 2))
    sent = {"agency": agency.bin, **project_values()}

    answer = editor.post("/projects", sent)

    assert answer.status_code == 201
    body = answer.get_json()
    assert {name: body[name] for name in sent} == sent
    assert body["started_on"] == "2026-01-20"
    assert body["freeze_status"] == "unaudited"
    assert body["version"] == 1
    assert body["registered_at"] == "2026-03-02T07:00:00.000000Z"
    verdict = body.pop("verdict")
    assert verdict["project"] == body["number"]
    assert verdict["on"] == "2026-03-02"
    assert verdict["outcome"] == "flagged"
    assert verdict["findings"][0]["rule"] == "freeze.creation"
    assert set(verdict["findings"][0]) >= {"severity", "observed", "required", "remedy", "clause"}
    read = editor.get(f"/projects/{body['number']}")
    assert answer.headers["Location"] == f"/api/v1/projects/{body['number']}"
    assert read.get_json() == body
    assert read.headers["ETag"] == answer.headers["ETag"]


def test_check_returns_the_same_verdict_without_registering(editor: Caller, agency: Agency, present: Present) -> None:
    present.set(date(2026, 3, 2))
    sent = {"agency": agency.bin, **project_values(placement="on_platform", platform_key="k-1")}

    checked = editor.post("/projects/check", sent)

    assert checked.status_code == 200
    assert editor.get("/projects").get_json()["items"] == []
    registered = editor.post("/projects", sent).get_json()["verdict"]
    assert checked.get_json()["project"] is None
    assert [(f["rule"], f["severity"]) for f in checked.get_json()["findings"]] == [("platform.unverified", "low")]
    assert [f["rule"] for f in registered["findings"]] == ["platform.unverified"]


def test_all_field_and_cross_field_problems_are_reported_together(editor: Caller, agency: Agency) -> None:
    answer = editor.post(
        "/projects",
        {
            "agency": agency.bin,
            "name_ru": "  ",
            "object_kind": "castle",
            "work_type": "creation",
            "stage": "",
            "budget_kzt": -1,
            "is_ai": "yes",
            "url": "ftp://x",
            "work_started_on": "2026-05-01",
            "ended_on": "2026-04-01",
            "number": "QT-2026-0000001-5",
            "freeze_status": "clear",
            "nonsense": 1,
        },
    )

    assert answer.status_code == 422
    assert codes(answer) == {
        ("/name_kk", "name-required"),
        ("/name_ru", "name-required"),
        ("/object_kind", "not-a-choice"),
        ("/stage", "not-a-choice"),
        ("/placement", "required"),
        ("/budget_kzt", "number-out-of-range"),
        ("/is_ai", "expected-true-or-false"),
        ("/url", "url-invalid"),
        ("/ended_on", "date-before"),
        ("/work_started_on", "date-after"),
        ("/number", "read-only-field"),
        ("/freeze_status", "read-only-field"),
        ("/nonsense", "unknown-field"),
    }


def test_search_ignores_yo_and_unicode_normalisation(editor: Caller, agency: Agency) -> None:
    number = a_project(agency, name_ru=unicodedata.normalize("NFD", "Реестр учёта ёлок и йода")).number

    for word in ("учета", "учёта", "ЕЛОК", "Ёлок", "йод", unicodedata.normalize("NFD", "йода")):
        assert [item["number"] for item in editor.get(f"/projects?q={word}").get_json()["items"]] == [number], word


def test_list_has_the_short_shape(editor: Caller, agency: Agency) -> None:
    project = a_project(agency)

    items = editor.get("/projects?work_type=creation&q=учёта").get_json()["items"]

    assert len(items) == 1
    assert items[0]["number"] == project.number
    assert set(items[0]) == {
        "number",
        "agency",
        "external_id",
        "name_kk",
        "name_ru",
        "name_en",
        "object_kind",
        "work_type",
        "stage",
        "placement",
        "started_on",
        "budget_kzt",
        "sector",
        "region",
        "freeze_status",
        "severity",
        "updated_at",
        "changed_at",
    }


def test_pages_of_projects_are_linked_and_keep_their_filters(editor: Caller, agency: Agency) -> None:
    made = {a_project(agency).number for _ in range(5)}

    first = editor.get("/projects?limit=3&placement=off_platform&sort=number")
    second = editor.get(first.headers["Link"].partition("/api/v1")[2].partition(">")[0])

    assert {item["number"] for answer in (first, second) for item in answer.get_json()["items"]} == made
    assert second.get_json()["next"] is None
    assert "placement=off_platform" in first.headers["Link"]


def test_verdict_is_returned_for_any_date(editor: Caller, agency: Agency) -> None:
    project = a_project(agency)

    before = editor.get(f"/projects/{project.number}/verdict?on=2025-12-31")
    after = editor.get(f"/projects/{project.number}/verdict?on=2026-06-01")

    assert (before.get_json()["outcome"], before.get_json()["findings"]) == ("clear", [])
    assert after.get_json()["outcome"] == "flagged"


def test_verdict_says_until_when_it_holds_and_what_holds_then(editor: Caller, agency: Agency) -> None:
    pilot = a_project(agency, stage="pilot", pilot_started_on="2026-02-14")
    verdict = editor.get(f"/projects/{pilot.number}/verdict?on=2026-03-02").get_json()
    assert "freeze.pilot-limit" not in [finding["rule"] for finding in verdict["findings"]]
    assert verdict["valid_until"] == "2027-02-15"
    assert "freeze.pilot-limit" in [finding["rule"] for finding in verdict["next_findings"]]


def test_history_begins_with_the_registration(editor: Caller, agency: Agency) -> None:
    project = a_project(agency, budget_kzt=1000)
    editor.change(f"/projects/{project.number}", {"budget_kzt": 2000})

    items = editor.get(f"/projects/{project.number}/history").get_json()["items"]

    assert [set(item) for item in items] == [{"at", "by", "changes", "reason"}] * 2
    assert {"field": "budget_kzt", "old": None, "new": 1000} in items[0]["changes"]
    assert items[1]["changes"] == [{"field": "budget_kzt", "old": 1000, "new": 2000}]
