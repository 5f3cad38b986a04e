"""Audit counts: they add up, and each flag has correct dates."""

from __future__ import annotations

from datetime import date, timedelta

from flask import Flask
from sqlalchemy import func, select

from registry.core.database import db, transaction
from registry.flags.models import AuditRun, Flag
from tests.audits.steps import (
    OLD_SYSTEM,
    accept,
    audit,
    changes,
    counts,
    edit,
    exempt,
    flag,
    flag_counts,
    flags_of,
    table,
    verify,
)
from tests.factories import a_project, an_agency
from tests.present import Present

DAY = date(2026, 10, 5)
NEXT = DAY + timedelta(days=1)


def active_flags() -> int:
    return db.session.scalar(select(func.count()).select_from(Flag).where(Flag.status != "cleared")) or 0


def adds_up(run: AuditRun) -> None:
    """Check that each active flag was counted once."""
    assert run.flags_opened + run.flags_kept + run.flags_reopened == active_flags()


def test_first_audit_counts_projects_and_flags(app: Flask, present: Present) -> None:
    present.set(DAY)
    agency = an_agency()
    a_project(agency)
    # Two rules match one project: its declared start is before the freeze, its contract under it.
    a_project(agency, work_started_on="2025-12-31", contract_signed_on="2026-01-20")
    exempt(a_project(agency, **OLD_SYSTEM), DAY, DAY)
    verify(a_project(agency, placement="on_platform"), DAY)
    a_project(an_agency(kind="private"))
    a_project(an_agency(kind="national_security"))
    run = audit()
    assert counts(run) == {
        "projects_judged": 4,
        "projects_out_of_scope": 2,
        "projects_flagged": 2,
        "projects_exempt": 1,
        "opened": 4,
        "kept": 0,
        "reopened": 0,
        "cleared": 0,
    }
    adds_up(run)


def test_exempt_and_accepted_flags_count_as_kept(app: Flask, present: Present) -> None:
    present.set(DAY)
    accepted, exempted, plain = a_project(), a_project(), a_project()
    audit()
    accept(accepted, "freeze.creation")
    exempt(exempted, DAY, DAY)
    run = audit()
    assert flag_counts(run) == (0, 3, 0, 0)
    assert (run.projects_flagged, run.projects_exempt) == (1, 1)
    assert changes(run) == [(exempted.number, "freeze.creation", "exempted")]
    assert [flags_of(project)[0][2] for project in (accepted, exempted, plain)] == ["accepted", "exempt", "open"]
    adds_up(run)


def test_cleared_flag_has_last_seen_date_and_both_audits(app: Flask, present: Present) -> None:
    present.set(DAY)
    project = a_project(placement="on_platform", **OLD_SYSTEM)
    opening = audit()
    present.set(DAY + timedelta(days=2))
    audit()
    present.set(DAY + timedelta(days=5))
    verify(project, DAY + timedelta(days=4))
    clearing = audit()
    assert flag_counts(clearing) == (0, 0, 0, 1)
    assert changes(clearing) == [(project.number, "platform.unverified", "cleared")]
    cleared = flag(project, "platform.unverified")
    assert (cleared["status"], cleared["opened_on"]) == ("cleared", DAY)
    assert cleared["last_seen_on"] == DAY + timedelta(days=2)
    assert cleared["cleared_on"] == DAY + timedelta(days=5)
    assert (cleared["opened_by_audit"], cleared["cleared_by_audit"]) == (opening.id, clearing.id)


def test_returning_finding_opens_new_flag(app: Flask, present: Present) -> None:
    present.set(DAY)
    project = a_project()
    audit()
    accept(project, "freeze.creation")
    edit(project, contract_signed_on="2026-12-01", work_started_on="2026-12-01")
    audit()
    old = flag(project, "freeze.creation")
    assert old["status"] == "cleared"
    edit(project, contract_signed_on="2026-01-20", work_started_on="2026-02-01")
    present.set(NEXT)
    run = audit()
    new = flag(project, "freeze.creation")
    assert new["id"] != old["id"]
    assert (new["status"], new["opened_on"], new["accepted_fingerprint"]) == ("open", NEXT, None)
    assert [row for row in table(Flag) if row["id"] == old["id"]] == [old]
    assert (project.number, "freeze.creation", "opened") in changes(run)
    adds_up(run)


def test_reopened_flag_keeps_id_and_opening_date(app: Flask, present: Present) -> None:
    present.set(DAY)
    project = a_project()
    audit()
    first = flag(project, "freeze.creation")
    accept(project, "freeze.creation")
    edit(project, contract_signed_on="2026-01-21")
    present.set(NEXT)
    run = audit()
    assert flag_counts(run) == (0, 0, 1, 0)
    assert changes(run) == [(project.number, "freeze.creation", "reopened")]
    again = flag(project, "freeze.creation")
    assert (again["id"], again["opened_on"], again["opened_by_audit"]) == (first["id"], DAY, first["opened_by_audit"])
    assert (again["status"], again["observed"]["started_on"]) == ("open", "2026-01-21")
    adds_up(run)


def test_severity_and_observed_values_follow_last_audit(app: Flask, present: Present) -> None:
    present.set(DAY)
    project = a_project(placement="on_platform", platform_key="qt-1", **OLD_SYSTEM)
    audit()
    assert flags_of(project) == [("platform.unverified", "low", "open")]
    # Thirty days after registration the grace period is over and the other rules apply too.
    present.set(DAY + timedelta(days=30))
    audit()
    assert flags_of(project) == [("platform.unverified", "low", "open")]
    present.set(DAY + timedelta(days=31))
    run = audit()
    assert flags_of(project) == [("platform.unverified", "medium", "open"), ("migration.overdue", "plan", "open")]
    assert flag_counts(run) == (1, 1, 0, 0)
    edit(project, placement="off_platform")
    edit(project, placement="on_platform")
    audit()
    assert flag(project, "platform.unverified")["observed"]["earlier_placement"] == "off_platform"


def test_agency_leaving_scope_clears_its_flags(app: Flask, present: Present) -> None:
    present.set(DAY)
    agency = an_agency(kind="subsidiary")
    project = a_project(agency)
    audit()
    with transaction():
        agency.kind = "private"
    run = audit()
    assert flag_counts(run) == (0, 0, 0, 1)
    assert (run.projects_judged, run.projects_out_of_scope) == (0, 1)
    assert flags_of(project) == [("freeze.creation", "high", "cleared")]
