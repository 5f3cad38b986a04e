"""Daily counts: what each audit stores of the country, regions, sectors, rules and ages of flags."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select

from registry.audits.models import AgencyCount, DailyCount
from registry.core.database import db, transaction
from registry.projects.service import find_project_to_change, restrict_project
from tests.audits.steps import OLD_SYSTEM, audit, exempt, verify
from tests.cases.cast import SAULE
from tests.factories import a_project, an_agency
from tests.present import Present

# Statements over all projects hang on the database.
pytestmark = pytest.mark.on_both

DAY = date(2026, 10, 5)


def rows(dimension: str, audit_id: int) -> list[tuple[object, ...]]:
    count = DailyCount
    columns = (count.member, count.is_restricted, count.status, count.severity, count.counted, count.on_platform)
    statement = select(*columns, count.budget_kzt).where(count.dimension == dimension, count.audit_id == audit_id)
    return sorted(tuple(row) for row in db.session.execute(statement))


def test_audit_stores_counts_of_country_regions_and_sectors(app: Flask, present: Present) -> None:
    present.set(DAY)
    agency = an_agency()
    a_project(agency, region="71", sector="07", budget_kzt=100)
    a_project(agency, region="10", sector=None, budget_kzt=20)
    a_project(an_agency(kind="private"), region=None, sector="07", placement="on_platform", budget_kzt=None)
    run = audit()
    assert rows("country", run.id) == [
        ("KZ", False, "flagged", "high", 2, 0, 120),
        ("KZ", False, "out_of_scope", "", 1, 1, 0),
    ]
    assert rows("region", run.id) == [
        ("", False, "out_of_scope", "", 1, 1, 0),
        ("10", False, "flagged", "high", 1, 0, 20),
        ("71", False, "flagged", "high", 1, 0, 100),
    ]
    assert rows("sector", run.id) == [
        ("", False, "flagged", "high", 1, 0, 20),
        ("07", False, "flagged", "high", 1, 0, 100),
        ("07", False, "out_of_scope", "", 1, 1, 0),
    ]


def test_audit_stores_confirmed_placements_beside_claims(app: Flask, present: Present) -> None:
    present.set(DAY)
    agency = an_agency()
    a_project(agency, placement="on_platform", platform_key="qt-1")
    verify(a_project(agency, placement="on_platform", platform_key="qt-2"), DAY)
    verify(a_project(agency, placement="on_platform", platform_key="qt-3"), DAY - timedelta(days=3))
    a_project(agency)
    run = audit()
    stored = select(func.sum(DailyCount.on_platform), func.sum(DailyCount.confirmed_on_platform))
    assert tuple(db.session.execute(stored.where(DailyCount.dimension == "country")).one()) == (3, 2)
    of_agency = select(func.sum(AgencyCount.on_platform), func.sum(AgencyCount.confirmed_on_platform))
    assert tuple(db.session.execute(of_agency.where(AgencyCount.audit_id == run.id)).one()) == (3, 2)


def test_audit_stores_flags_by_rule_and_by_age(app: Flask, present: Present) -> None:
    present.set(DAY)
    agency = an_agency()
    a_project(agency, budget_kzt=5, **OLD_SYSTEM)
    exempt(a_project(agency, budget_kzt=7, **OLD_SYSTEM), DAY, DAY + timedelta(days=400))
    first = audit()
    assert rows("rule", first.id) == [
        ("migration.overdue", False, "exempt", "plan", 1, 0, 7),
        ("migration.overdue", False, "open", "plan", 1, 0, 5),
    ]
    ages = []
    for days in (0, 30, 31, 90, 91, 180, 181):
        present.set(DAY + timedelta(days=days))
        run = audit()
        ages.append([row[0] for row in rows("age", run.id) if row[2] == "open"])
    assert ages == [["0"], ["0"], ["31"], ["31"], ["91"], ["91"], ["181"]]


def test_restricted_projects_are_counted_in_rows_of_their_own(app: Flask, present: Present) -> None:
    present.set(DAY)
    agency = an_agency()
    a_project(agency, budget_kzt=1)
    hidden = a_project(agency, budget_kzt=2)
    with transaction():
        restrict_project(SAULE, find_project_to_change(SAULE, hidden.number), True, "The site is secret.")
    run = audit()
    assert [(row[1], row[4], row[6]) for row in rows("country", run.id)] == [(False, 1, 1), (True, 1, 2)]
    assert [(row[1], row[4]) for row in rows("rule", run.id)] == [(False, 1), (True, 1)]
