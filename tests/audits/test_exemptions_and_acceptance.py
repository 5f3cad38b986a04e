"""Exemptions and acceptances in audits."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from flask import Flask

from registry.cases.sync import revoke_exemption
from registry.core.database import db
from registry.flags.models import Flag
from registry.projects.models import Project
from tests.audits.steps import SUPERVISOR, accept, audit, changes, edit, exempt, flag, flag_counts, flags_of, table
from tests.factories import a_project
from tests.present import Present

DAY = date(2026, 10, 5)
RULE = "freeze.creation"


def days(number: int) -> date:
    return DAY + timedelta(days=number)


def freeze_status(project: Project) -> str:
    db.session.refresh(project)
    return project.freeze_status


def revoke(exemption_id: int) -> None:
    revoke_exemption(SUPERVISOR, exemption_id, "the Commission took it back")


def test_exemption_takes_effect_at_next_audit(app: Flask, present: Present) -> None:
    present.set(DAY)
    project = a_project()
    audit()
    exemption = exempt(project, DAY, days(30))
    assert flag(project, RULE)["status"] == "open"
    run = audit()
    assert (flag(project, RULE)["status"], flag(project, RULE)["exemption_id"]) == ("exempt", exemption.id)
    assert flag_counts(run) == (0, 1, 0, 0)
    assert (run.projects_flagged, run.projects_exempt) == (0, 1)


def test_project_exempt_at_first_audit_gets_exempt_flags(app: Flask, present: Present) -> None:
    present.set(DAY)
    project = a_project()
    exemption = exempt(project, DAY, days(30))
    run = audit()
    assert changes(run) == [(project.number, RULE, "opened")]
    assert (flag(project, RULE)["status"], flag(project, RULE)["exemption_id"]) == ("exempt", exemption.id)
    assert (run.projects_flagged, run.projects_exempt) == (0, 1)


@pytest.mark.parametrize(("valid_from", "valid_to", "status"), [(0, 0, "exempt"), (1, 9, "open"), (-9, -1, "open")])
def test_exemption_is_in_force_from_first_to_last_day(
    app: Flask, present: Present, valid_from: int, valid_to: int, status: str
) -> None:
    present.set(DAY)
    project = a_project()
    exempt(project, days(valid_from), days(valid_to))
    audit()
    assert flags_of(project) == [(RULE, "high", status)]


def test_flag_reopens_day_after_exemption_ends(app: Flask, present: Present) -> None:
    present.set(DAY)
    project = a_project()
    exempt(project, DAY, days(2))
    audit()
    before = flag(project, RULE)
    present.set(days(2))
    assert flag_counts(audit()) == (0, 1, 0, 0)
    assert flag(project, RULE) == before
    present.set(days(3))
    run = audit()
    assert changes(run) == [(project.number, RULE, "reopened")]
    again = flag(project, RULE)
    assert (again["id"], again["status"], again["exemption_id"]) == (before["id"], "open", None)
    assert (run.projects_flagged, run.projects_exempt) == (1, 0)


def test_revoked_exemption_ends_at_once_and_the_next_audit_lists_it(app: Flask, present: Present) -> None:
    present.set(DAY)
    project = a_project()
    exemption = exempt(project, DAY, days(30))
    audit()
    present.move(timedelta(hours=1))
    revoke(exemption.id)
    assert (flag(project, RULE)["status"], flag(project, RULE)["exemption_id"]) == ("open", None)
    assert freeze_status(project) == "flagged"
    run = audit()
    assert changes(run) == [(project.number, RULE, "reopened")]
    assert (flag(project, RULE)["status"], run.flags_reopened) == ("open", 1)


def test_acceptance_counts_again_when_an_exemption_is_revoked(app: Flask, present: Present) -> None:
    present.set(DAY)
    project = a_project()
    audit()
    accept(project, RULE)
    exemption = exempt(project, DAY, days(30))
    audit()
    revoke(exemption.id)
    assert (flag(project, RULE)["status"], freeze_status(project)) == ("accepted", "accepted")


def test_accepted_flag_stays_accepted_while_values_are_unchanged(app: Flask, present: Present) -> None:
    present.set(DAY)
    project = a_project()
    audit()
    accept(project, RULE)
    before = table(Flag)
    # Other fields may change, because the rule does not observe them.
    edit(project, budget_kzt=1, name_ru="Другое имя", stage="testing")
    present.set(days(40))
    run = audit()
    assert table(Flag) == before
    assert (flag_counts(run), run.projects_flagged) == ((0, 1, 0, 0), 0)


def test_accepted_flag_reopens_on_change_and_stays_open_on_return(app: Flask, present: Present) -> None:
    present.set(DAY)
    project = a_project()
    audit()
    accept(project, RULE)
    edit(project, contract_signed_on="2026-01-19")
    assert changes(audit()) == [(project.number, RULE, "reopened")]
    assert (flag(project, RULE)["status"], flag(project, RULE)["accepted_fingerprint"]) == ("open", None)
    edit(project, contract_signed_on="2026-01-20")
    run = audit()
    assert (flag(project, RULE)["status"], flag_counts(run)) == ("open", (0, 1, 0, 0))


def test_exemption_precedes_acceptance_and_restores_it(app: Flask, present: Present) -> None:
    present.set(DAY)
    project = a_project()
    audit()
    accept(project, RULE)
    exempt(project, DAY, DAY)
    run = audit()
    assert (flag(project, RULE)["status"], run.projects_exempt) == ("exempt", 1)
    present.set(days(1))
    run = audit()
    assert (flag(project, RULE)["status"], run.projects_exempt, run.projects_flagged) == ("accepted", 0, 0)
    assert flag_counts(run) == (0, 1, 0, 0)


def test_value_change_under_exemption_ends_acceptance(app: Flask, present: Present) -> None:
    present.set(DAY)
    project = a_project()
    audit()
    accept(project, RULE)
    exempt(project, DAY, DAY)
    edit(project, contract_signed_on="2026-01-19")
    audit()
    assert flag(project, RULE)["status"] == "exempt"
    present.set(days(1))
    assert changes(audit()) == [(project.number, RULE, "reopened")]


def test_acceptance_of_one_rule_leaves_other_flags_open(app: Flask, present: Present) -> None:
    present.set(DAY)
    project = a_project(work_started_on="2025-12-31", contract_signed_on="2026-01-20")
    audit()
    accept(project, "freeze.transitional")
    audit()
    assert sorted(flags_of(project)) == [
        ("freeze.transitional", "medium", "accepted"),
        ("integrity.backdated", "high", "open"),
    ]
