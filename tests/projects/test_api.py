"""Projects over HTTP: check, register, list, read, edit, verdict; their links and objects."""

from __future__ import annotations

import json
import unicodedata
from datetime import date
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from registry.accounts.roles import Role
from registry.agencies.models import Agency
from registry.agencies.service import agency_to_change, change_agency
from registry.core.database import db, transaction
from registry.journal.service import JournalEntry
from registry.projects.links import add_link
from registry.projects.models import Project
from registry.projects.revisions import Revision
from registry.projects.service import find_project, find_project_to_change, restrict_project
from tests.api.callers import Caller, caller, code, codes
from tests.audits.steps import SUPERVISOR, edit
from tests.factories import ADMINISTRATOR, a_project, an_actor, an_agency, audit_without_findings, project_values
from tests.fixtures.web import SignedIn
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


def test_url_with_a_password_or_that_clients_read_differently_is_refused(editor: Caller, agency: Agency) -> None:
    path = f"/projects/{a_project(agency).number}"
    for address, problem in [
        ("https://user:pw@example.kz/", "url-with-credentials"),
        ("https://user@example.kz", "url-with-credentials"),
        ("http://:@example.kz", "url-with-credentials"),
        ("https://example.kz:99999", "url-invalid"),
        ("https://x%40example.kz", "url-invalid"),
        ("https://example.kz/\\@other.kz", "url-invalid"),
        ("https://example.kz:0", "url-invalid"),
    ]:
        answer = editor.change(path, {"url": address})
        assert (answer.status_code, codes(answer)) == (422, {("/url", problem)}), address


def test_url_with_an_at_sign_elsewhere_is_accepted(editor: Caller, agency: Agency) -> None:
    for address in ["https://example.kz/~user@host", "https://example.kz?to=a@b.kz", "http://[::1]:80"]:
        answer = editor.post("/projects", {"agency": agency.bin, **project_values(url=address)})
        assert (answer.status_code, answer.get_json()["url"]) == (201, address), address


@pytest.fixture
def ministry(app: Flask) -> Agency:
    return an_agency()


def link(first: Project, second: Project, kind: str) -> None:
    with transaction():
        add_link(SUPERVISOR, first.number, {"kind": kind, "target": second.number})


def numbers(shown: Any) -> list[str]:
    return [each["number"] for each in shown.get_json()["projects"]]


def test_object_has_the_projects_of_one_code_one_key_and_links(reviewer: Caller, ministry: Agency) -> None:
    first = a_project(ministry, object_code="IS/7", budget_kzt=100, platform_key="qt-1", integrations=["eGov"])
    below = a_project(
        an_agency(ministry),
        object_code="is 7",
        work_type="modification",
        contract_signed_on="2026-03-01",
        object_original_cost_kzt=500,
        budget_kzt=20,
    )
    keyed = a_project(an_agency(ministry), placement="on_platform", platform_key="QT 1", budget_kzt=0)
    part, peer = a_project(an_agency(), budget_kzt=0), a_project(an_agency())
    link(part, keyed, "part_of")
    link(peer, first, "exchanges_data_with")
    a_project(an_agency(), object_code="IS/7", platform_key="qt-1")
    shown = reviewer.get(f"/objects/{below.number}").get_json()
    assert [each["number"] for each in shown["projects"]] == [each.number for each in (first, below, keyed, part)]
    assert shown["object_codes"] == ["IS/7", "is 7"]
    assert shown["platform_keys"] == ["QT 1", "qt-1"]
    assert shown["placements"] == ["off_platform", "on_platform"]
    assert (shown["budget_kzt"], shown["modifications_kzt"], shown["least_cost_kzt"]) == (120, 20, 500)
    assert shown["exchanges_data_with"] == sorted([peer.number, "eGov"])


@pytest.mark.parametrize("name", ["object_code", "platform_key", "name_ru"])
def test_project_stays_on_the_object_that_an_edit_took_it_from(reviewer: Caller, ministry: Agency, name: str) -> None:
    names = {"name_kk": None, "name_ru": "Водный кадастр"}
    first = a_project(ministry, **{**names, name: "Реестр плотин, этап 1"})
    second = a_project(ministry, **{**names, "name_ru": "Учёт каналов", name: "Реестр плотин, этап 1"})
    edit(find_project(SUPERVISOR, second.number), **{name: "Учёт лесов"})
    assert numbers(reviewer.get(f"/objects/{second.number}")) == [first.number, second.number]


def test_object_is_found_by_its_code_with_a_slash(reviewer: Caller, ministry: Agency) -> None:
    project = a_project(ministry, object_code="IS/7")
    assert numbers(reviewer.get("/objects/IS/7")) == [project.number]


def test_restricted_projects_and_those_of_others_are_neither_named_nor_counted(
    client: FlaskClient, reviewer: Caller, ministry: Agency
) -> None:
    own, hidden = (a_project(ministry, object_code="IS-7", budget_kzt=100) for _ in range(2))
    below = an_agency(ministry)
    sister = a_project(below, object_code="IS-7", budget_kzt=20)
    with transaction():
        restrict_project(SUPERVISOR, find_project_to_change(SUPERVISOR, hidden.number), True, "Secret")
    shown = reviewer.get("/objects/IS-7")
    assert (numbers(shown), shown.get_json()["budget_kzt"]) == ([own.number, sister.number], 120)
    of_sister = caller(client, Role.AGENCY_EDITOR, below).get(f"/objects/{sister.number}")
    assert (numbers(of_sister), of_sister.get_json()["budget_kzt"]) == ([sister.number], 20)
    assert code(reviewer.get(f"/objects/{hidden.number}")) == "object-not-found"
    assert code(reviewer.get("/objects/unknown")) == "object-not-found"


def test_page_of_an_object_names_its_projects(signed_in: SignedIn, ministry: Agency) -> None:
    began = {"work_type": "modification", "contract_signed_on": date(2026, 3, 1), "object_original_cost_kzt": 980}
    first, second = (
        a_project(ministry, object_code="IS-7", name_ru=name, budget_kzt=130, **began)
        for name in ("Кадастр", "Плотины")
    )
    visit = signed_in(Role.REVIEWER)
    page = visit.get(f"/projects/{first.number}")
    assert f'/objects/{first.number}"' in page.text
    shown = visit.get(f"/objects/{first.number}").text
    assert first.number in shown and second.number in shown
    assert str(ministry.name_ru) in shown and "260 ₸ (26.6%)" in shown.replace("\xa0", " ")


def restrict(number: str) -> None:
    supervisor = an_actor(Role.SUPERVISOR)
    with transaction():
        restrict_project(supervisor, find_project_to_change(supervisor, number), True, "Secret")


def registered(count: int, agency: Agency | None = None) -> list[str]:
    return [a_project(agency).number for _ in range(count)]


def linked(caller: Caller, project: str, kind: str, target: str) -> int:
    answer = caller.post(f"/projects/{project}/links", {"kind": kind, "target": target})
    assert answer.status_code == 201, answer.data
    return int(answer.get_json()["id"])


def items(caller: Caller, number: str) -> list[tuple[str, str, str]]:
    answer = caller.get(f"/projects/{number}/links")
    assert answer.status_code == 200
    return [(item["project"], item["kind"], item["target"]) for item in answer.get_json()["items"]]


def test_link_shows_at_both_projects_and_is_journalled(reviewer: Caller, editor: Caller, agency: Agency) -> None:
    first, second = registered(2, agency)

    answer = reviewer.post(f"/projects/{first}/links", {"kind": "duplicate_of", "target": second, "note": "Twice"})

    assert answer.status_code == 201
    body = answer.get_json()
    assert answer.headers["Location"] == f"/api/v1/projects/{first}/links/{body['id']}"
    assert (body["project"], body["kind"], body["target"], body["note"]) == (first, "duplicate_of", second, "Twice")
    assert body["added_by"]
    for number in (first, second):
        assert items(reviewer, number) == items(editor, number) == [(first, "duplicate_of", second)]
    entry = db.session.scalars(select(JournalEntry).where(JournalEntry.action == "project.linked")).one()
    assert entry.subject == f"link:{body['id']}"
    details = json.loads(entry.details)
    assert details.pop("written_rows")["count"] == 1
    assert details == {
        "link_kind": "duplicate_of",
        "project": first,
        "target": second,
        "note": "Twice",
    }


def test_link_that_exists_is_returned_and_not_added_again(reviewer: Caller) -> None:
    first, second = registered(2)

    assert linked(reviewer, first, "part_of", second) == linked(reviewer, first, "part_of", second)
    assert linked(reviewer, second, "exchanges_data_with", first) == linked(
        reviewer, first, "exchanges_data_with", second
    )

    assert len(items(reviewer, first)) == 2


def test_removed_link_is_gone_once_and_can_be_added_again(reviewer: Caller) -> None:
    first, second = registered(2)
    path = f"/projects/{second}/links/{linked(reviewer, first, 'replaces', second)}"

    assert [reviewer.call("DELETE", path).status_code for _ in range(2)] == [204, 204]

    assert items(reviewer, first) == []
    entries = select(JournalEntry).where(JournalEntry.action == "project.unlinked")
    assert len(db.session.scalars(entries).all()) == 1
    linked(reviewer, first, "replaces", second)
    assert items(reviewer, first) == [(first, "replaces", second)]


@pytest.mark.parametrize("kind", ["duplicate_of", "part_of"])
def test_link_of_one_object_is_removed_by_two_people(
    reviewer: Caller, supervisor: Caller, administrator: Caller, kind: str
) -> None:
    first, second = registered(2)
    number = linked(reviewer, first, kind, second)
    path = f"/projects/{second}/links/{number}"

    assert codes(reviewer.call("DELETE", path)) == {("/reason", "required")}
    proposed = reviewer.call("DELETE", f"{path}?reason=Two%20objects")

    assert proposed.status_code == 202
    approval = proposed.get_json()
    assert (approval["kind"], approval["subject"], approval["project"]) == ("link_removal", f"link:{number}", second)
    assert approval["changes"] == [
        {"name": "link_kind", "before": kind, "after": None},
        {"name": "target", "before": first, "after": None},
    ]
    assert items(reviewer, first) == [(first, kind, second)]
    approve = f"{approval_of(proposed)}/approval"
    assert code(reviewer.post(approve, {})) == "needs-another-person"
    assert code(administrator.post(approve, {})) == "role-not-allowed"
    assert supervisor.post(approve, {}).status_code == 200
    assert items(reviewer, first) == []


def test_proposal_to_remove_a_link_hides_a_project_that_was_restricted_since(
    reviewer: Caller, supervisor: Caller
) -> None:
    first, second = registered(2)
    path = f"/projects/{first}/links/{linked(reviewer, first, 'part_of', second)}?reason=Other"
    approval = approval_of(reviewer.call("DELETE", path))
    restrict(second)

    assert second not in reviewer.get(approval).text
    assert code(supervisor.post(f"{approval}/approval", {})) == "approval-out-of-date"
    reviewer.post(f"{approval}/cancellation", {})
    again = supervisor.call("DELETE", path)
    assert (again.get_json()["project"], code(reviewer.get(approval_of(again)))) == (second, "approval-not-found")


def approval_of(proposed: TestResponse) -> str:
    return str(proposed.headers["Location"]).removeprefix("/api/v1")


def test_link_belongs_to_its_projects_only(reviewer: Caller) -> None:
    first, second, third = registered(3)
    number = linked(reviewer, first, "replaces", second)

    assert code(reviewer.call("DELETE", f"/projects/{third}/links/{number}")) == "link-not-found"
    assert code(reviewer.call("DELETE", f"/projects/{first}/links/{number + 1}")) == "link-not-found"


def test_project_is_not_linked_to_itself(reviewer: Caller) -> None:
    (number,) = registered(1)
    for kind in ("duplicate_of", "part_of", "replaces", "exchanges_data_with"):
        answer = reviewer.post(f"/projects/{number}/links", {"kind": kind, "target": number})
        assert codes(answer) == {("/target", "link-to-itself")}, kind


@pytest.mark.parametrize("kind", ["duplicate_of", "part_of", "replaces"])
def test_directed_links_make_no_circle(reviewer: Caller, kind: str) -> None:
    first, second, third = registered(3)
    linked(reviewer, first, kind, second)
    linked(reviewer, second, kind, third)

    for number in (second, third):
        answer = reviewer.post(f"/projects/{number}/links", {"kind": kind, "target": first})
        assert answer.status_code == 409
        assert code(answer) == "link-circle"
    other = "replaces" if kind != "replaces" else "part_of"
    linked(reviewer, third, other, first)


def test_link_with_a_restricted_project_is_hidden_like_the_project(
    reviewer: Caller, supervisor: Caller, editor: Caller, agency: Agency
) -> None:
    (open_,), (secret,) = registered(1), registered(1, agency)
    number = linked(reviewer, open_, "part_of", secret)
    restrict(secret)

    assert items(reviewer, open_) == []
    assert items(supervisor, open_) == [(open_, "part_of", secret)]
    # The agency of the one sees nothing of the other.
    assert items(editor, secret) == []
    assert code(reviewer.call("DELETE", f"/projects/{open_}/links/{number}")) == "link-not-found"
    assert codes(reviewer.post(f"/projects/{open_}/links", {"kind": "part_of", "target": secret})) == {
        ("/target", "project-unknown")
    }
    read = select(JournalEntry.details).where(
        JournalEntry.action == "restricted.read", JournalEntry.subject == f"project:{secret}"
    )
    assert '{"what":"links"}' in set(db.session.scalars(read))


def test_journal_hides_links_of_restricted_projects(
    reviewer: Caller, supervisor: Caller, administrator: Caller
) -> None:
    first, second, third = registered(3)
    hidden = [linked(reviewer, first, "replaces", second), linked(reviewer, second, "replaces", third)]
    shown = linked(reviewer, first, "replaces", third)
    reviewer.call("DELETE", f"/projects/{first}/links/{hidden[0]}")
    restrict(second)
    restricted_both = linked(supervisor, second, "exchanges_data_with", first)
    restrict(first)

    def subjects(caller: Caller) -> list[str]:
        read = caller.get("/journal?limit=500").get_json()["items"]
        return sorted(entry["subject"] for entry in read if entry["subject"].startswith("link:"))

    expected = sorted(f"link:{number}" for number in (hidden[0], hidden[0], hidden[1], shown, restricted_both))
    assert subjects(supervisor) == expected
    assert subjects(administrator) == []


def test_page_proposes_to_remove_a_link_of_one_object_and_removes_another_at_once(
    reviewer: Caller, signed_in: SignedIn
) -> None:
    first, second = registered(2)
    of_object, other = (linked(reviewer, first, kind, second) for kind in ("part_of", "replaces"))
    visit = signed_in(Role.REVIEWER)
    project = f"/projects/{first}"
    paths = [f"{project}/links/{number}/removal" for number in (of_object, other)]
    shown = visit.get(project).text
    assert f'<a class="govuk-link screen-only" href="{paths[0]}"' in shown and f'action="{paths[1]}"' in shown

    assert visit.send(paths[0], follow=False).status_code == 422
    proposed = visit.send(paths[0], follow=False, reason="Two objects")
    assert second in visit.get(proposed.headers["Location"]).text
    assert visit.send(paths[1], project, follow=False).status_code == 303

    assert items(reviewer, first) == [(first, "part_of", second)]
