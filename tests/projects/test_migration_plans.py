"""Migration plans: agencies write them, oversight confirms them, the overview adds them up."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import nullcontext
from datetime import date, timedelta
from typing import Any

import pytest
from flask import Flask

from registry.accounts.roles import Role, RoleNotAllowed
from registry.agencies.models import Agency
from registry.core.database import transaction
from registry.core.errors import Invalid
from registry.core.lists import Page
from registry.projects.migration_plans import (
    MigrationPlan,
    MigrationPlanChanged,
    MigrationPlanNotFound,
    confirm_plan,
    save_plan,
)
from registry.projects.models import Project
from registry.projects.queries import list_projects
from registry.projects.service import ProjectNotFound
from registry.reports.overview import Planned, overview
from tests.audits.steps import AUDITOR, OLD_SYSTEM, audit, verify
from tests.factories import a_project, an_actor, an_agency
from tests.fixtures.web import SignedIn
from tests.present import Present

DAY = date(2026, 10, 5)
REVIEWER = an_actor(Role.REVIEWER)
MARCH: Mapping[str, Any] = {"month": date(2027, 3, 14), "responsible": "A. Serik", "wave": "2", "obstacles": None}


def plan(agency: Agency, project: Project, **values: Any) -> MigrationPlan:
    with transaction():
        return save_plan(an_actor(Role.AGENCY_EDITOR, agency), project.number, {**MARCH, **values})


def confirm(project: Project, version: str) -> MigrationPlan:
    with transaction():
        return confirm_plan(REVIEWER, project.number, version)


def numbers(state: str) -> list[str]:
    return [row["number"] for row in list_projects(AUDITOR, {"migration_plan": state}, Page(10)).items]


def test_plan_is_written_by_the_agency_and_confirmed_by_oversight(app: Flask, present: Present) -> None:
    present.set(DAY)
    agency = an_agency()
    project = a_project(agency, **OLD_SYSTEM)
    with pytest.raises(MigrationPlanNotFound):
        confirm(project, "2026-10-05T07:00:00.000000Z")
    written = plan(agency, project)
    assert (written.month, written.due_on, written.wave, written.confirmed_at) == (
        date(2027, 3, 1),
        date(2027, 3, 31),
        "2",
        None,
    )
    assert numbers("planned") == [project.number]
    assert confirm(project, written.version).confirmed_by == REVIEWER.principal
    assert (numbers("none"), numbers("planned"), numbers("confirmed")) == ([], [], [project.number])


def test_plan_that_is_changed_waits_again_and_one_that_is_not_keeps_its_confirmation(
    app: Flask, present: Present
) -> None:
    present.set(DAY)
    agency = an_agency()
    project = a_project(agency, **OLD_SYSTEM)
    confirm(project, plan(agency, project).version)
    assert plan(agency, project, month=date(2027, 3, 30)).confirmed_at is not None
    assert plan(agency, project, obstacles="No contract yet.").confirmed_at is None


@pytest.mark.parametrize(
    "change", [{"month": date(2027, 4, 1)}, {"wave": "3"}, {"responsible": "B. Omarov"}, {"obstacles": "No contract."}]
)
def test_plan_that_changed_since_it_was_read_is_not_confirmed(
    change: dict[str, Any], app: Flask, present: Present
) -> None:
    present.set(DAY)
    agency = an_agency()
    project = a_project(agency, **OLD_SYSTEM)
    read = plan(agency, project).version
    present.move(timedelta(minutes=1))
    plan(agency, project, **change)
    with pytest.raises(MigrationPlanChanged):
        confirm(project, read)


@pytest.mark.parametrize(("month", "is_over"), [(date(2026, 9, 30), True), (date(2026, 10, 1), False)])
def test_plan_is_for_this_month_or_a_later_one(month: date, is_over: bool, app: Flask, present: Present) -> None:
    present.set(DAY)
    agency = an_agency()
    project = a_project(agency, **OLD_SYSTEM)
    with pytest.raises(Invalid) if is_over else nullcontext():
        plan(agency, project, month=month)


def test_other_agencies_cannot_plan_and_agencies_cannot_confirm(app: Flask, present: Present) -> None:
    present.set(DAY)
    agency = an_agency()
    project = a_project(agency, **OLD_SYSTEM)
    with pytest.raises(ProjectNotFound):
        plan(an_agency(), project)
    plan(agency, project)
    with pytest.raises(RoleNotAllowed), transaction():
        confirm_plan(an_actor(Role.AGENCY_ADMINISTRATOR, agency), project.number, "2026-10-05T07:00:00.000000Z")


def test_overview_adds_up_plans_by_month_without_what_has_moved(app: Flask, present: Present) -> None:
    present.set(DAY)
    agency = an_agency()
    first, second, third = (a_project(agency, **OLD_SYSTEM) for _ in range(3))
    moved = a_project(agency, placement="on_platform")
    verify(moved, DAY)
    confirm(first, plan(agency, first).version)
    plan(agency, second)
    plan(agency, third, month=date(2027, 5, 1))
    plan(agency, moved)
    audit()
    shown = overview(an_actor(Role.LEADER))
    assert shown.planned == [Planned(date(2027, 3, 1), 2, 1, 75.0), Planned(date(2027, 5, 1), 1, 0, 100.0)]


def test_plan_is_written_and_confirmed_on_pages(signed_in: SignedIn, present: Present) -> None:
    present.set(DAY)
    agency = an_agency()
    project = a_project(agency, **OLD_SYSTEM)
    audit()
    address = f"/projects/{project.number}"
    editor = signed_in(Role.AGENCY_EDITOR, agency)
    assert "The agency has no plan yet." in editor.get(address).text
    sent = {"month": "March", "wave": "2", "responsible": "A. Serik", "obstacles": ""}
    assert "Write the month and the year, such as 03.2027." in editor.send(f"{address}/migration-plan", **sent).text
    sent["month"] = "3.2027"
    page = editor.send(f"{address}/migration-plan", **sent).text
    assert "The plan is saved." in page and "To migrate not later than 31 March 2027 (inclusive)." in page
    reviewer = signed_in(Role.REVIEWER)
    (read,) = re.findall('name="planned_at" value="([^"]+)"', reviewer.get(address).text)
    page = reviewer.send(f"{address}/migration-plan/confirmation", page=address, planned_at=read).text
    assert "You confirmed the migration plan." in page
    assert 'value="03.2027"' in editor.get(f"{address}/migration-plan").text
    assert editor.send(f"{address}/migration-plan", **sent | {"month": "14.04.2027"}).status_code == 200
    assert "To migrate not later than 30 April 2027 (inclusive)." in editor.get(address).text
    listed = "/projects?migration_plan="
    assert project.number in editor.get(listed + "planned").text
    assert project.number not in editor.get(listed + "confirmed").text
