"""Edits of a project: merge patch, ETags, and withdrawn confirmations."""

from __future__ import annotations

import pytest

from registry.agencies.models import Agency
from registry.agencies.service import agency_to_change, change_agency
from registry.core.database import transaction
from registry.projects.models import Project
from tests.api.callers import Caller, code, codes
from tests.factories import ADMINISTRATOR, a_project, an_agency, audit_without_findings


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


def test_stale_if_match_is_rejected(editor: Caller, project: Project) -> None:
    path = f"/projects/{project.number}"
    old = editor.get(path).headers["ETag"]
    editor.change(path, {"budget_kzt": 5})

    answer = editor.patch(path, {"budget_kzt": 6}, If_Match=old)

    assert (answer.status_code, code(answer)) == (412, "precondition-failed")
    assert editor.get(path).get_json()["budget_kzt"] == 5


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
