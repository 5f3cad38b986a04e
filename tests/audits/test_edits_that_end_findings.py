"""An edit that ends a serious flag leaves ``integrity.rewritten`` and its case, on whatever way it was made."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from registry.accounts.roles import Role
from registry.agencies.models import Agency
from registry.audits.past import verify_audit
from registry.audits.verdicts import ProposedProject, rules_that_would_flag
from registry.cases.models import Case
from registry.freeze.policy import first_policy, set_policy
from registry.freeze.policy_file import read_policy
from registry.projects.models import CHANGEABLE, Project
from registry.projects.service import find_project
from tests.api.callers import caller, done
from tests.audits.steps import ADMINISTRATOR, AUDITOR, accept, audit, edit, flag, flags_of, table
from tests.factories import a_project, an_agency, project_values
from tests.fixtures.web import SignedIn
from tests.imports.tables import csv_of
from tests.imports.test_projects import run_import
from tests.present import Present

DAY = date(2026, 6, 1)
# What an agency that knows the rules enters over a creation of 2026 (tests/factories.py).
AWAY: dict[str, Any] = {
    "work_type": "maintenance",
    "stage": "operation",
    "contract_signed_on": None,
    "work_started_on": None,
    "object_commissioned_on": "2018-05-14",
}
LEFT = ("integrity.rewritten", "medium", "open")
OBSERVED = {
    "earlier_rules": "freeze.creation",
    "work_type": "maintenance",
    "earlier_work_type": "creation",
    "started_on": None,
    "earlier_started_on": "2026-01-20",
}


@pytest.fixture(autouse=True)
def _today(app: Flask, present: Present) -> None:
    present.set(DAY)


def again(project: Project) -> Project:
    return find_project(ADMINISTRATOR, project.number)


def by_patch(client: FlaskClient, project: Project, agency: Agency, _signed_in: SignedIn) -> None:
    editor = caller(client, Role.AGENCY_EDITOR, agency)
    assert editor.change(f"/projects/{project.number}", {"work_type": "maintenance"}).status_code == 200


def by_put(client: FlaskClient, project: Project, agency: Agency, _signed_in: SignedIn) -> None:
    editor = caller(client, Role.AGENCY_EDITOR, agency)
    names = (*project_values(), "object_commissioned_on")
    values = {name: getattr(project, name) for name in names if name != "external_id"}
    sent = {name: value.isoformat() if isinstance(value, date) else value for name, value in values.items()}
    path = f"/agencies/{agency.bin}/projects/{project.external_id}"
    assert editor.put(path, {**sent, "work_type": "maintenance"}).status_code == 200


def by_import(_client: FlaskClient, project: Project, agency: Agency, _signed_in: SignedIn) -> None:
    row = {"agency": agency.bin, "external_id": project.external_id or "", "work_type": "maintenance"}
    assert run_import(csv_of(row)).updated == 1


def by_form(_client: FlaskClient, project: Project, agency: Agency, signed_in: SignedIn) -> None:
    visit = signed_in(Role.AGENCY_EDITOR, agency)
    fields = {"work_type": "maintenance", "confirmed": "yes", "change_reason": "Act 5"}
    visit.send(f"/projects/{project.number}/edit", version="1", **{**shown(project), **fields})


def shown(project: Project) -> dict[str, str]:
    """What the form of the project holds of required and of decisive fields."""
    plain = ("name_ru", "name_kk", "object_kind", "work_type", "stage", "placement")
    days = ("contract_signed_on", "work_started_on", "object_commissioned_on")
    return {
        **{name: getattr(project, name) for name in plain},
        **{name: getattr(project, name).strftime("%d.%m.%Y") for name in days},
    }


@pytest.mark.parametrize("way", [by_patch, by_put, by_import, by_form])
def test_on_every_way_an_edit_that_ends_a_medium_flag_leaves_one_and_its_case(
    client: FlaskClient, signed_in: SignedIn, way: Callable[[FlaskClient, Project, Agency, SignedIn], None]
) -> None:
    agency = an_agency()
    project = a_project(agency, work_type="development", stage="operation", object_commissioned_on="2018-05-14")
    audit()
    assert flags_of(project) == [("freeze.development", "medium", "open")]
    way(client, again(project), agency, signed_in)
    run = audit()
    assert flags_of(project) == [("freeze.development", "medium", "cleared"), LEFT]
    (case,) = table(Case)
    assert (case["project_id"], case["status"]) == (project.id, "new")
    assert verify_audit(AUDITOR, run.id).matches


def test_dates_removed_from_a_creation_leave_a_medium_flag_with_the_former_values() -> None:
    project = a_project()
    audit()
    edit(project, **AWAY)
    audit()
    assert flags_of(project) == [("freeze.creation", "high", "cleared"), LEFT]
    assert flag(project, "integrity.rewritten")["observed"] == OBSERVED


def test_an_edit_before_the_first_audit_leaves_it_too() -> None:
    project = a_project()
    edit(project, **AWAY)
    audit()
    assert flags_of(project) == [LEFT]


def test_check_shows_what_an_edit_would_leave(client: FlaskClient) -> None:
    agency = an_agency()
    project = a_project(agency)
    editor = caller(client, Role.AGENCY_EDITOR, agency)
    checked = done(editor.post(f"/projects/{project.number}/check", AWAY))
    assert [(each["rule"], each["severity"]) for each in checked["opened"]] == [("integrity.rewritten", "medium")]
    values = {name: getattr(again(project), name) for name in CHANGEABLE}
    removed = {**values, **AWAY, "object_commissioned_on": date(2018, 5, 14)}
    proposed = ProposedProject(again(project).agency_id, project.id, removed)
    assert rules_that_would_flag([proposed]) == [["integrity.rewritten"]]


def test_past_questions_answer_as_the_audit_did(client: FlaskClient, present: Present) -> None:
    project = a_project()
    audit()
    present.move(timedelta(days=1))
    edit(project, **AWAY)
    run = audit()
    present.move(timedelta(days=1))
    edit(project, work_type="creation", contract_signed_on="2026-01-20", work_started_on="2026-02-01", stage="creation")
    later = audit()
    assert flags_of(project)[1:] == [("integrity.rewritten", "medium", "cleared"), ("freeze.creation", "high", "open")]
    auditor = caller(client, Role.AUDITOR)

    def rules(known_at: str) -> list[str]:
        answer = done(auditor.get(f"/projects/{project.number}/verdict?known_at={known_at}"))
        return [finding["rule"] for finding in answer["findings"]]

    assert (rules("2026-06-01"), rules("2026-06-02")) == (["freeze.creation"], ["integrity.rewritten"])
    assert rules("2026-06-03") == ["freeze.creation"]
    assert [verify_audit(AUDITOR, each.id).matches for each in (run, later)] == [True, True]


def test_accepted_correction_stays_accepted_until_what_it_was_for_changes(present: Present) -> None:
    project = a_project()
    audit()
    edit(project, **AWAY)
    audit()
    accept(project, "integrity.rewritten")
    edit(project, budget_kzt=130_000_000)
    present.move(timedelta(days=40))
    audit()
    assert flag(project, "integrity.rewritten")["status"] == "accepted"
    edit(project, work_type="development", work_started_on="2026-05-05", contract_signed_on="2026-05-05")
    audit()
    assert ("freeze.development", "medium", "open") in flags_of(project)
    edit(project, work_type="maintenance", work_started_on="2026-06-30", contract_signed_on="2026-06-30")
    audit()
    assert flag(project, "integrity.rewritten")["status"] == "open"


def test_policy_of_before_judges_no_edits_and_its_audits_are_repeated() -> None:
    now_in_force = first_policy()
    older = read_policy(now_in_force.text.replace('edit_severity = "medium"\n', ""), "older.toml")
    set_policy(older)
    try:
        project = a_project()
        audit()
        edit(project, **AWAY)
        run = audit()
        assert flags_of(project) == [("freeze.creation", "high", "cleared"), ("freeze.legacy", "plan", "open")]
        assert verify_audit(AUDITOR, run.id).matches
        set_policy(now_in_force)
        audit()
        assert LEFT in flags_of(project)
        assert verify_audit(AUDITOR, run.id).matches
    finally:
        set_policy(now_in_force)
