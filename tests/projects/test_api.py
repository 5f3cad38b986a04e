"""Projects over HTTP: check, register, list, read, edit, export, verdict."""

from __future__ import annotations

import unicodedata
from datetime import date

import pytest
from flask.testing import FlaskClient

from registry.accounts.roles import Role
from registry.agencies.models import Agency
from registry.agencies.service import agency_to_change, change_agency
from registry.core.database import db, transaction
from registry.projects.models import Project
from registry.projects.revisions import Revision
from tests.api.callers import Caller, caller, codes
from tests.factories import ADMINISTRATOR, a_project, an_agency, audit_without_findings, project_values
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


def test_entry_on_an_ai_system_belongs_to_a_project_that_uses_ai(editor: Caller, agency: Agency) -> None:
    sent = {
        "agency": agency.bin,
        "name_ru": "Чат-бот",
        "object_kind": "service",
        "work_type": "maintenance",
        "stage": "operation",
        "placement": "off_platform",
        "ai_model": "М-1",
        "ai_risk_class": "high",
    }
    expected = {("/ai_model", "only-of-ai"), ("/ai_risk_class", "only-of-ai")}
    assert [codes(editor.post("/projects", {**sent, **answer})) for answer in ({}, {"is_ai": False})] == [expected] * 2
    assert codes(editor.post("/projects", {**sent, "is_ai": "maybe"})) == {("/is_ai", "expected-true-or-false")}

    path = f"/projects/{a_project(agency, is_ai=True, ai_model='М-1', ai_risk_class='high').number}"
    assert codes(editor.change(path, {"is_ai": False, "ai_model": "М-2"})) == {("/ai_model", "only-of-ai")}
    project = editor.change(path, {"is_ai": False}).get_json()
    assert (project["ai_model"], project["ai_risk_class"]) == (None, None)


def test_search_ignores_yo_and_unicode_normalisation(editor: Caller, agency: Agency) -> None:
    number = a_project(agency, name_ru=unicodedata.normalize("NFD", "Реестр учёта ёлок и йода")).number

    for word in ("учета", "учёта", "ЕЛОК", "Ёлок", "йод", unicodedata.normalize("NFD", "йода")):
        assert [item["number"] for item in editor.get(f"/projects?q={word}").get_json()["items"]] == [number], word


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


@pytest.fixture
def project(agency: Agency) -> Project:
    return a_project(agency, name_en="Records", placement="on_platform", platform_key="k-1")


def test_patch_null_clears_a_field_and_an_absent_field_is_unchanged(editor: Caller, project: Project) -> None:
    answer = editor.change(f"/projects/{project.number}", {"name_en": None, "stage": "pilot"})

    assert answer.status_code == 200
    body = answer.get_json()
    assert (body["name_en"], body["stage"], body["name_ru"], body["version"]) == (None, "pilot", project.name_ru, 2)


def test_required_field_cannot_be_cleared(editor: Caller, project: Project) -> None:
    answer = editor.change(f"/projects/{project.number}", {"stage": None, "name_ru": None, "name_kk": " "})

    assert answer.status_code == 422
    assert codes(answer) == {
        ("/stage", "required"),
        ("/name_ru", "name-required"),
        ("/name_kk", "name-required"),
    }


def test_read_only_fields_are_rejected_and_not_ignored(editor: Caller, project: Project) -> None:
    foreign = an_agency()
    for name, value in {
        "agency": foreign.bin,
        "number": "QT-2026-0000001-5",
        "placement_verified_on": "2026-01-05",
        "onboarding_confirmed_on": None,
        "ending_confirmed_on": "2026-01-05",
        "is_restricted": True,
        "started_on": "2020-01-01",
        "version": 7,
        "registered_at": "2020-01-01T00:00:00Z",
        "updated_at": None,
        "freeze_status": "clear",
        "verdict": {},
    }.items():
        answer = editor.change(f"/projects/{project.number}", {name: value})
        assert (answer.status_code, codes(answer)) == (422, {(f"/{name}", "read-only-field")}), name


def test_editing_the_end_date_withdraws_the_ending_confirmation(
    editor: Caller, reviewer: Caller, project: Project
) -> None:
    path = f"/projects/{project.number}"
    editor.change(path, {"stage": "terminated"})
    audit_without_findings()
    sent = {"ended_on": "2026-05-02", "consent_number": "C-1", "evidence": "The act"}
    assert reviewer.post(f"{path}/ending-confirmation", sent).status_code == 200

    assert editor.change(path, {"budget_kzt": 5}).get_json()["ending_confirmed_on"] is not None
    assert editor.change(path, {"ended_on": None}).get_json()["ending_confirmed_on"] is None


def test_if_match_rejects_weak_and_foreign_etags_and_accepts_star(editor: Caller, project: Project) -> None:
    path = f"/projects/{project.number}"
    tag = editor.get(path).headers["ETag"]

    assert tag.startswith('"')
    assert editor.patch(path, {}, If_Match=f"W/{tag}").status_code == 412
    assert editor.patch(path, {}, If_Match='"other"').status_code == 412
    assert editor.patch(path, {}, If_Match=f'"other", {tag}').status_code == 200
    assert editor.patch(path, {}, If_Match="*").status_code == 200


def test_etag_changes_with_the_freeze_status(editor: Caller, project: Project, agency: Agency) -> None:
    path = f"/projects/{project.number}"
    before = editor.get(path)
    with transaction():
        change_agency(ADMINISTRATOR, agency_to_change(agency.bin), {"kind": "private"}, approved={})

    after = editor.get(path)

    assert after.get_json()["freeze_status"] == "out_of_scope"
    assert after.get_json()["version"] == before.get_json()["version"]
    assert after.headers["ETag"] != before.headers["ETag"]


KEPT = {"work_type": "maintenance", "stage": "operation", "placement": "on_platform", "contract_signed_on": None}


@pytest.fixture
def checking_editor(client: FlaskClient, present: Present) -> Caller:
    present.set(date(2026, 9, 30))
    return caller(client, Role.AGENCY_EDITOR, an_agency())


def unverified() -> Project:
    """A project of the editor's agency that only its unconfirmed placement flags."""
    agency = db.session.query(Agency).one()
    return a_project(agency, **KEPT, work_started_on=None)


def test_the_verdict_is_that_of_the_edit_and_nothing_is_saved(checking_editor: Caller) -> None:
    project = unverified()
    edit = {"work_type": "creation", "stage": "creation", "placement": "unknown", "work_started_on": "2026-02-16"}

    checked = checking_editor.post(f"/projects/{project.number}/check", edit).get_json()

    assert (checked["project"], checked["outcome"], checked["is_reason_required"]) == (project.number, "flagged", True)
    assert "freeze.creation" in [finding["rule"] for finding in checked["opened"]]
    assert [finding["rule"] for finding in checked["ended"]] == ["platform.unverified"]
    assert {"field": "stage", "old": "operation", "new": "creation"} in checked["changes"]
    assert db.session.query(Revision).count() == 1
    now = checking_editor.get(f"/projects/{project.number}/verdict").get_json()["findings"]
    assert [finding["rule"] for finding in now] == ["platform.unverified"]

    etag = checking_editor.get(f"/projects/{project.number}").headers["ETag"]
    assert checking_editor.patch(f"/projects/{project.number}", edit, If_Match=etag).status_code == 200
    saved = checking_editor.get(f"/projects/{project.number}/verdict").get_json()
    assert saved["findings"] == checked["findings"]


def test_an_edit_without_an_effect_changes_nothing(checking_editor: Caller) -> None:
    project = unverified()

    checked = checking_editor.post(f"/projects/{project.number}/check", {"budget_kzt": project.budget_kzt}).get_json()

    named = ("outcome", "changes", "opened", "ended", "is_reason_required")
    assert {name: checked[name] for name in named} == {
        "outcome": "flagged",
        "changes": [],
        "opened": [],
        "ended": [],
        "is_reason_required": False,
    }


def test_wrong_values_are_the_errors_of_the_edit(checking_editor: Caller) -> None:
    answer = checking_editor.post(f"/projects/{unverified().number}/check", {"budget_kzt": -1, "stage": "x"})

    assert answer.status_code == 422
    assert {pointer for pointer, _code in codes(answer)} == {"/budget_kzt", "/stage"}


@pytest.mark.parametrize(
    ("address", "language", "text"),
    [
        ("https://user:pw@example.kz/", "kk", "пайдаланушы аты мен құпиясөз болмауы керек"),
        ("https://user@example.kz", "ru", "не должно быть имени пользователя и пароля"),
        ("http://:@example.kz", "en", "must not contain a user name or password"),
    ],
)
def test_url_with_user_name_or_password_is_rejected(
    editor: Caller, agency: Agency, address: str, language: str, text: str
) -> None:
    number = a_project(agency).number
    body = {"agency": agency.bin, **project_values(url=address)}

    registered = editor.post("/projects", body, Accept_Language=language)
    changed = editor.change(f"/projects/{number}", {"url": address})

    assert (registered.status_code, codes(registered)) == (422, {("/url", "url-with-credentials")})
    assert (changed.status_code, codes(changed)) == (422, {("/url", "url-with-credentials")})
    assert text in registered.get_json()["errors"][0]["message"]


def test_url_that_clients_read_differently_is_refused(editor: Caller, agency: Agency) -> None:
    for address in [
        "https://example.kz:99999",
        "https://x%40example.kz",
        "https://example.kz/\\@other.kz",
        "https://example.kz:0",
    ]:
        answer = editor.post("/projects", {"agency": agency.bin, **project_values(url=address)})
        assert (answer.status_code, codes(answer)) == (422, {("/url", "url-invalid")}), address


def test_url_with_an_at_sign_elsewhere_is_accepted(editor: Caller, agency: Agency) -> None:
    for address in ["https://example.kz/~user@host", "https://example.kz?to=a@b.kz", "http://[::1]:80"]:
        answer = editor.post("/projects", {"agency": agency.bin, **project_values(url=address)})
        assert (answer.status_code, answer.get_json()["url"]) == (201, address), address
