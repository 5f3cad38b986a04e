"""``POST /projects/{number}/check``: what an edit would open and end, without saving it."""

from __future__ import annotations

from datetime import date

import pytest
from flask.testing import FlaskClient

from registry.accounts.roles import Role
from registry.agencies.models import Agency
from registry.core.database import db
from registry.projects.models import Project
from registry.projects.revisions import Revision
from tests.api.callers import Caller, caller, codes
from tests.factories import a_project, an_agency
from tests.present import Present

KEPT = {"work_type": "maintenance", "stage": "operation", "placement": "on_platform", "contract_signed_on": None}


@pytest.fixture
def editor(client: FlaskClient, present: Present) -> Caller:
    present.set(date(2026, 9, 30))
    return caller(client, Role.AGENCY_EDITOR, an_agency())


def unverified() -> Project:
    """A project of the editor's agency that only its unconfirmed placement flags."""
    agency = db.session.query(Agency).one()
    return a_project(agency, **KEPT, work_started_on=None)


def test_the_verdict_is_that_of_the_edit_and_nothing_is_saved(editor: Caller) -> None:
    project = unverified()
    edit = {"work_type": "creation", "stage": "creation", "placement": "unknown", "work_started_on": "2026-02-16"}

    checked = editor.post(f"/projects/{project.number}/check", edit).get_json()

    assert (checked["project"], checked["outcome"], checked["is_reason_required"]) == (project.number, "flagged", True)
    assert "freeze.creation" in [finding["rule"] for finding in checked["opened"]]
    assert [finding["rule"] for finding in checked["ended"]] == ["platform.unverified"]
    assert {"field": "stage", "old": "operation", "new": "creation"} in checked["changes"]
    assert db.session.query(Revision).count() == 1
    now = editor.get(f"/projects/{project.number}/verdict").get_json()["findings"]
    assert [finding["rule"] for finding in now] == ["platform.unverified"]

    etag = editor.get(f"/projects/{project.number}").headers["ETag"]
    assert editor.patch(f"/projects/{project.number}", edit, If_Match=etag).status_code == 200
    saved = editor.get(f"/projects/{project.number}/verdict").get_json()
    assert saved["findings"] == checked["findings"]


def test_an_edit_without_an_effect_changes_nothing(editor: Caller) -> None:
    project = unverified()

    checked = editor.post(f"/projects/{project.number}/check", {"budget_kzt": project.budget_kzt}).get_json()

    named = ("outcome", "changes", "opened", "ended", "is_reason_required")
    assert {name: checked[name] for name in named} == {
        "outcome": "flagged",
        "changes": [],
        "opened": [],
        "ended": [],
        "is_reason_required": False,
    }


def test_wrong_values_are_the_errors_of_the_edit(editor: Caller) -> None:
    answer = editor.post(f"/projects/{unverified().number}/check", {"budget_kzt": -1, "stage": "x"})

    assert answer.status_code == 422
    assert {pointer for pointer, _code in codes(answer)} == {"/budget_kzt", "/stage"}
