"""Freeze status in lists: derived from a project's flags and the last successful audit."""

from __future__ import annotations

from datetime import date, timedelta

from flask import Flask

from registry.audits.service import run_audit
from registry.core.lists import Page
from registry.projects.models import Project
from registry.projects.queries import list_projects
from registry.reports.compliance import compliance
from tests.audits.steps import (
    AUDITOR,
    OLD_SYSTEM,
    OPERATOR,
    accept,
    audit,
    create_projects,
    edit,
    exempt,
    flags_of,
    set_verified,
    status_of,
    verify,
)
from tests.factories import a_project, an_agency
from tests.present import Present

DAY = date(2026, 10, 5)


def listed(project: Project) -> tuple[str, str | None]:
    """Return (freeze_status, severity) as in lists."""
    (row,) = list_projects(AUDITOR, {"number": project.number}, Page(limit=1)).items
    assert row["freeze_status"] == status_of(project)
    return row["freeze_status"], row["severity"]


def test_project_is_unaudited_until_first_successful_audit(app: Flask, present: Present) -> None:
    present.set(DAY)
    agency = an_agency()
    first = a_project(agency)
    assert listed(first) == ("unaudited", None)
    audit(dry_run=True)
    assert listed(first) == ("unaudited", None)
    audit()
    second = a_project(agency)
    assert (listed(first), listed(second)) == (("flagged", "high"), ("unaudited", None))
    audit()
    assert listed(second) == ("flagged", "high")


def test_held_audit_leaves_new_projects_unaudited(app: Flask, present: Present) -> None:
    present.set(DAY)
    ids = create_projects(60, placement="on_platform")
    set_verified(ids, date(2026, 10, 1))
    audit()
    present.set(DAY + timedelta(days=1))
    new = a_project()
    set_verified(ids, None)
    assert run_audit(OPERATOR).status == "held"
    assert listed(new) == ("unaudited", None)


def test_out_of_scope_has_precedence(app: Flask, present: Present) -> None:
    present.set(DAY)
    project = a_project(an_agency(kind="private"))
    assert listed(project) == ("out_of_scope", None)
    audit()
    assert listed(project) == ("out_of_scope", None)


def test_project_verified_on_platform_is_clear(app: Flask, present: Present) -> None:
    present.set(DAY)
    project = a_project(placement="on_platform")
    verify(project, DAY)
    audit()
    assert listed(project) == ("clear", None)


def test_severity_is_that_of_highest_active_flag(app: Flask, present: Present) -> None:
    present.set(DAY)
    project = a_project(work_started_on="2025-12-31", contract_signed_on="2026-01-20")
    audit()
    assert listed(project) == ("flagged", "high")
    edit(project, contract_signed_on="2025-12-20")
    audit()
    # The backdated contract was a high flag; the edit that ended it left another.
    assert sorted(flags_of(project)) == [
        ("freeze.transitional", "medium", "open"),
        ("integrity.backdated", "high", "cleared"),
        ("integrity.rewritten", "medium", "open"),
    ]
    assert listed(project) == ("flagged", "medium")


def test_exempt_and_accepted_projects_are_not_clear(app: Flask, present: Present) -> None:
    present.set(DAY)
    exempted, accepted, both = a_project(), a_project(), a_project(**OLD_SYSTEM)
    exempt(exempted, DAY, DAY)
    exempt(both, DAY, DAY)
    audit()
    accept(accepted, "freeze.creation")
    accept(both, "migration.overdue")
    assert listed(accepted) == ("accepted", "high")
    audit()
    assert listed(exempted) == ("exempt", "high")
    assert listed(accepted) == ("accepted", "high")
    assert listed(both) == ("exempt", "plan")
    present.set(DAY + timedelta(days=1))
    audit()
    assert listed(exempted) == ("flagged", "high")
    assert listed(both) == ("accepted", "plan")


def test_project_with_flags_of_the_plan_alone_is_to_migrate_and_not_flagged(app: Flask, present: Present) -> None:
    present.set(DAY)
    old = a_project(**OLD_SYSTEM)
    accepted = a_project(**{**OLD_SYSTEM, "work_type": "modification"})
    audit()
    assert listed(old) == ("to_migrate", "plan")
    assert listed(accepted) == ("flagged", "medium")
    accept(accepted, "freeze.data-gap")
    assert listed(accepted) == ("to_migrate", "medium")
    run = audit()
    assert (run.projects_flagged, run.projects_to_migrate) == (0, 2)


def test_one_open_flag_makes_project_flagged(app: Flask, present: Present) -> None:
    present.set(DAY)
    project = a_project(work_started_on="2025-12-31", contract_signed_on="2026-01-20")
    audit()
    accept(project, "integrity.backdated")
    assert listed(project) == ("flagged", "high")
    accept(project, "freeze.transitional")
    assert listed(project) == ("accepted", "high")


def test_report_counts_equal_lists(app: Flask, present: Present) -> None:
    present.set(DAY)
    agency = an_agency()
    a_project(agency)
    exempt(a_project(agency), DAY, DAY)
    accepted = a_project(agency, **OLD_SYSTEM)
    verify(a_project(agency, placement="on_platform"), DAY)
    a_project(an_agency(kind="private"))
    audit()
    accept(accepted, "migration.overdue")
    a_project(agency)
    totals = compliance(AUDITOR, "agency")["totals"]
    statuses = ("clear", "flagged", "exempt", "accepted", "out_of_scope", "unaudited")
    assert {name: totals[name] for name in statuses} == dict.fromkeys(statuses, 1)
    assert (totals["projects"], totals["flagged_high"], totals["flagged_low"]) == (6, 1, 0)
    assert totals["clear_percent"] == 25.0
