"""Compliance report: its counts equal the lists for every reader at any time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from random import Random
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Connection, select

from registry.accounts.roles import Actor, Role
from registry.agencies.models import Agency
from registry.agencies.service import AgencyNotFound
from registry.core.database import db, transaction
from registry.core.lists import Page
from registry.projects.models import Project
from registry.projects.queries import list_projects
from registry.projects.service import find_project_to_change, restrict_project
from registry.reports.compliance import COUNTED, GROUPS, compliance, compliance_below
from tests.audits.steps import AUDITOR, OLD_SYSTEM, SUPERVISOR, accept, audit, create_projects, edit, exempt, verify
from tests.factories import a_project, an_actor, an_agency
from tests.present import Present
from tests.statements import statements

DAY = date(2026, 10, 5)
# The counts; by agency also what the rows are called, the contracts, and the policy with the cutoff.
OF_A_REPORT = 4


def counted_one_by_one(actor: Actor, grouped_by: str) -> dict[str | None, dict[str, int]]:
    """Compute the report's rows from all list pages that the reader sees."""
    kinds = {agency.bin: agency.kind for agency in db.session.scalars(select(Agency))}
    rows: dict[str | None, dict[str, int]] = {}
    for project in list_projects(actor, {}, Page(limit=500)).items:
        key = kinds[project["agency"]] if grouped_by == "kind" else project[grouped_by]
        row = rows.setdefault(key, dict.fromkeys(COUNTED, 0))
        status, money = project["freeze_status"], project["budget_kzt"] or 0
        row["projects"] += 1
        row[status] += 1
        row["budget_kzt"] += money
        if status == "flagged":
            row[f"flagged_{project['severity']}"] += 1
            row["budget_flagged_kzt"] += money
    return rows


def restrict(project: Project) -> None:
    with transaction():
        locked = find_project_to_change(SUPERVISOR, project.number)
        restrict_project(SUPERVISOR, locked, not locked.is_restricted, "служебное")


def days(present: Present) -> Iterator[date]:
    day = DAY
    while True:
        present.set(day)
        yield day
        day += timedelta(days=1)


# Random sequences of days.
@pytest.mark.parametrize(
    "seed",
    [pytest.param(seed, marks=pytest.mark.postgres_only if seed else pytest.mark.sqlite_only) for seed in range(2)],
)
def test_report_counts_equal_lists_after_any_actions(app: Flask, present: Present, seed: int) -> None:
    chance, calendar = Random(seed), days(present)
    day = next(calendar)
    ministry = an_agency()
    agencies = [ministry, an_agency(ministry), an_agency(kind="quasi_public"), an_agency(kind="private")]
    projects = [a_project(agency, region=None) for agency in agencies]
    readers = [AUDITOR, an_actor(Role.REVIEWER), an_actor(Role.AGENCY_VIEWER, ministry)]

    def some() -> Project:
        # Administrators cannot change restricted projects.
        return chance.choice([project for project in projects if not project.is_restricted])

    acts: list[Callable[[], Any]] = [
        audit,
        audit,
        lambda: projects.append(a_project(chance.choice(agencies), **chance.choice(({}, OLD_SYSTEM)))),
        lambda: edit(some(), region=chance.choice(("71", "75", None)), sector=chance.choice(("01", "07"))),
        lambda: edit(some(), budget_kzt=chance.choice((None, 0, 5_000_000_000))),
        lambda: edit(some(), placement=chance.choice(("off_platform", "on_platform", "unknown"))),
        lambda: exempt(some(), day, day + timedelta(days=1)),
        lambda: accept(some(), *chance.sample(("freeze.creation", "migration.overdue", "platform.missing"), 2)),
        lambda: restrict(chance.choice(projects[1:])),
        lambda: next(calendar),
    ]
    for _ in range(25):
        chance.choice(acts)()
        for actor in readers:
            for grouped_by in GROUPS:
                report = compliance(actor, grouped_by)
                rows = {row["key"]: {name: row[name] for name in COUNTED} for row in report["items"]}
                assert rows == counted_one_by_one(actor, grouped_by)
                assert report["totals"]["projects"] == sum(row["projects"] for row in rows.values())


def test_statement_count_is_independent_of_number_of_agencies(app: Flask, connection: Connection) -> None:
    for _ in range(2):
        create_projects(20)
        audit()
        for grouped_by in GROUPS:
            with statements(connection) as sent:
                compliance(AUDITOR, grouped_by)
            asked = [sql for sql in sent if not sql.startswith(("SAVEPOINT", "RELEASE", "ROLLBACK"))]
            assert len(asked) == (OF_A_REPORT if grouped_by == "agency" else 1)


def test_agency_level_includes_subordinates(app: Flask, present: Present) -> None:
    present.set(DAY)
    ministry, other = an_agency(), an_agency()
    committee = an_agency(ministry)
    department = an_agency(committee)
    a_project(ministry, budget_kzt=1)
    a_project(committee, budget_kzt=10)
    verify(a_project(department, placement="on_platform", budget_kzt=100), DAY)
    a_project(other, budget_kzt=1000)
    an_agency(other)
    audit()

    top = compliance_below(AUDITOR, None)
    assert top.above == []
    assert [(row["key"], row["projects"], row["flagged"], row["budget_kzt"], row["below"]) for row in top.rows] == [
        (ministry.bin, 3, 2, 111, 2),
        (other.bin, 1, 1, 1000, 0),
    ]
    assert (top.totals["projects"], top.totals["budget_flagged_kzt"]) == (4, 1011)
    level = compliance_below(AUDITOR, ministry.bin)
    assert [(row["key"], row["projects"], row["clear"], row["below"]) for row in level.rows] == [
        (ministry.bin, 1, 0, None),
        (committee.bin, 2, 1, 1),
    ]
    assert (level.totals["projects"], level.totals["clear_percent"]) == (3, 33.3)
    lowest = compliance_below(AUDITOR, committee.bin)
    assert [agency["bin"] for agency in lowest.above] == [ministry.bin, committee.bin]


def test_agency_starts_with_itself_and_sees_no_others(app: Flask) -> None:
    ministry, other = an_agency(), an_agency()
    committee = an_agency(ministry)
    department = an_agency(committee)
    for agency in (ministry, other, committee, department):
        a_project(agency)
    viewer = an_actor(Role.AGENCY_VIEWER, committee)

    level = compliance_below(viewer, None)

    assert [agency["bin"] for agency in level.above] == [committee.bin]
    assert [row["key"] for row in level.rows] == [committee.bin, department.bin]
    for foreign in (ministry, other):
        with pytest.raises(AgencyNotFound):
            compliance_below(viewer, foreign.bin)
