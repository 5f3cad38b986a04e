"""What time alone will change: audits store it, lists and reports count it."""

from __future__ import annotations

import re
from datetime import date, timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from registry.accounts.roles import Role
from registry.core.database import db
from registry.core.errors import Malformed
from registry.core.lists import Page
from registry.flags.models import COMING
from registry.projects.queries import list_projects
from registry.reports.compliance import compliance
from registry.reports.overview import coming_rules, overview
from tests.audits.steps import AUDITOR, OLD_SYSTEM, accept, audit, edit, exempt, verify
from tests.factories import a_project, an_actor, an_agency
from tests.fixtures.web import SignedIn
from tests.present import Present

DAY = date(2026, 7, 1)
PILOT = {**OLD_SYSTEM, "stage": "pilot", "pilot_started_on": "2025-07-20"}


def coming() -> list[tuple[int, date, str, str | None, str | None]]:
    columns = (COMING.c.project_id, COMING.c.on, COMING.c.freeze_status, COMING.c.severity, COMING.c.flagged_for)
    rows = db.session.execute(select(*columns).order_by(COMING.c.project_id, COMING.c.on))
    return [tuple(row) for row in rows]  # type: ignore[misc] # five columns


def numbers(**filters: str) -> list[str]:
    return [row["number"] for row in list_projects(AUDITOR, filters, Page(10)).items]


def test_audit_stores_each_day_on_which_time_alone_changes_a_project(app: Flask, present: Present) -> None:
    present.set(DAY)
    pilot, old = a_project(**PILOT), a_project(**OLD_SYSTEM)
    verify(a_project(placement="on_platform"), DAY)
    audit()
    assert coming() == [
        (pilot.id, date(2026, 7, 21), "flagged", "high", "freeze.pilot-limit"),
        (pilot.id, date(2026, 10, 1), "flagged", "high", None),
        (old.id, date(2026, 10, 1), "to_migrate", "plan", None),
    ]
    later = coming()[1:]
    present.set(date(2026, 7, 21))
    audit()
    assert coming() == later
    edit(pilot, stage="operation", change_reason="The pilot ended.")
    audit()
    assert [row[:2] for row in coming()] == [(pilot.id, date(2026, 10, 1)), (old.id, date(2026, 10, 1))]


def test_end_of_an_exemption_is_a_coming_change(app: Flask, present: Present) -> None:
    present.set(DAY)
    project = a_project()
    exempt(project, DAY, DAY + timedelta(days=40))
    audit()
    assert coming() == [(project.id, date(2026, 8, 11), "flagged", "high", "freeze.creation")]


def test_accepted_flags_stay_accepted(app: Flask, present: Present) -> None:
    present.set(DAY)
    pilot = a_project(**{**PILOT, "work_type": "modification"})
    audit()
    accept(pilot, "freeze.data-gap")
    audit()
    assert coming()[0][2:] == ("flagged", "high", "freeze.pilot-limit")
    assert coming()[0][1] == date(2026, 7, 21)


def test_projects_that_are_flagged_soon_are_listed_and_counted(app: Flask, present: Present) -> None:
    present.set(DAY)
    agency = an_agency()
    pilot = a_project(agency, **PILOT)
    a_project(agency, **OLD_SYSTEM)
    audit()
    assert numbers(flagged_until="2026-07-20") == []
    assert numbers(flagged_until="2026-07-21") == [pilot.number]
    assert numbers(flagged_next_for="freeze.pilot-limit") == [pilot.number]
    assert numbers(flagged_next_for="freeze.creation") == []
    assert coming_rules(AUDITOR) == {"freeze.pilot-limit": [1, 1, 1]}
    assert coming_rules(an_actor(Role.AGENCY_EDITOR, an_agency())) == {}
    shown = overview(an_actor(Role.LEADER))
    assert [(row[0]["bin"], row[1]) for row in shown.coming_agencies] == [(agency.bin, [1, 1, 1])]


def test_page_of_projects_names_the_filters_of_a_link_and_removes_each(signed_in: SignedIn) -> None:
    visit = signed_in(Role.LEADER)
    page = visit.get("/projects?flagged_next_for=freeze.pilot-limit&flagged_until=2026-07-21&budget_kzt_from=5000").text
    assert "Flagged soon, by rule: Pilot beyond its limit" in page and "Budget, from: 5,000" in page
    assert "Flagged if nothing changes, by: 21 July 2026" in page
    assert 'href="/projects?flagged_next_for=freeze.pilot-limit&amp;budget_kzt_from=5000"' in page
    assert "by: soon" in visit.get("/projects?agency=unknown&flagged_until=soon").text


def test_work_counts_the_projects_that_are_flagged_soon(signed_in: SignedIn, present: Present) -> None:
    present.set(DAY)
    agency = an_agency()
    a_project(agency, **PILOT)
    a_project(agency, **PILOT)
    audit()
    page = signed_in(Role.AGENCY_EDITOR, agency).get("/home").text
    heading = re.search(r'href="(/projects[^"]*)">Flagged soon if nothing changes</a>: ([0-9]+)', page)
    assert heading is not None
    assert heading.groups() == ("/projects?flagged_until=2026-09-29", "2")


def test_compliance_of_a_later_date_is_what_an_audit_of_that_day_leaves(app: Flask, present: Present) -> None:
    present.set(DAY)
    agency = an_agency()
    for values in (PILOT, OLD_SYSTEM, {}):
        a_project(agency, **values)
    a_project(an_agency(kind="private"))
    audit()
    days = [DAY, date(2026, 7, 20), date(2026, 7, 21), date(2026, 10, 1)]
    expected = {day: compliance(AUDITOR, "agency", until=day) for day in days}
    assert [expected[day]["totals"]["flagged"] for day in days] == [1, 1, 2, 2]
    assert [expected[day]["totals"]["to_migrate"] for day in days] == [2, 2, 1, 1]
    for day in days:
        present.set(day)
        audit()
        assert compliance(AUDITOR, "agency") == expected[day]


def test_compliance_of_a_date_that_no_audit_looked_at_is_refused(app: Flask, present: Present) -> None:
    present.set(DAY)
    a_project()
    audit()
    with pytest.raises(Malformed):
        compliance(AUDITOR, "agency", until=DAY + timedelta(days=367))
    assert compliance(AUDITOR, "agency", until=DAY - timedelta(days=1)) == compliance(AUDITOR, "agency")
