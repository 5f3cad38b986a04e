"""The register of orders: what it lists, in which state, and who sees it."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from flask.testing import FlaskClient
from sqlalchemy import select

from registry.accounts.roles import Role
from registry.core.database import db
from registry.journal.service import JournalEntry
from registry.projects.models import Project
from tests.api.callers import Caller, caller
from tests.cases.cast import (
    AIGERIM,
    SAULE,
    TIMUR,
    act,
    audit,
    case_of,
    decided_case,
    edit,
    editor_of,
    in_days,
    migrate_by,
    project_with_gap,
)
from tests.factories import an_agency, restrict
from tests.fixtures.web import SignedIn
from tests.present import Present


def states(reader: Caller) -> dict[str, str]:
    return {each["project"]: each["state"] for each in reader.get("/orders").get_json()["items"]}


def an_order(days: int = 30, **values: Any) -> Project:
    project = project_with_gap(**values)
    decided_case(project, migrate_by(in_days(days)))
    return project


def test_order_shows_what_by_when_and_how_long_it_has(client: FlaskClient, present: Present) -> None:
    present.set(date(2026, 3, 2))
    agency = an_agency()
    project = an_order(agency=agency)
    (item,) = caller(client, Role.AUDITOR).get("/orders").get_json()["items"]
    assert (item["project"], item["agency"], item["decision"]) == (project.number, agency.bin, "migrate_by")
    assert (item["due_on"], item["days_left"], item["state"]) == ("2026-04-01", 30, "in_force")
    assert item["case"] == case_of(project).id
    assert item["ended_at"] is None


def test_order_is_overdue_the_day_after_its_date(client: FlaskClient, present: Present) -> None:
    present.set(date(2026, 3, 2))
    project = an_order(days=10)
    present.set(date(2026, 3, 12))
    assert states(caller(client, Role.AUDITOR)) == {project.number: "in_force"}
    present.set(date(2026, 3, 13))
    reader = caller(client, Role.AUDITOR)
    assert states(reader) == {project.number: "overdue"}
    assert reader.get("/orders?state=overdue").get_json()["items"][0]["days_left"] == -1
    assert reader.get("/orders?state=in_force").get_json()["items"] == []


def test_order_is_carried_out_when_a_person_confirms_it(client: FlaskClient) -> None:
    agency, reader = an_agency(), caller(client, Role.AUDITOR)
    project = an_order(agency=agency)
    edit(editor_of(agency), project, object_commissioned_on="2026-01-05")
    audit()
    assert states(reader) == {project.number: "to_confirm"}
    act(AIGERIM, case_of(project), "confirm")
    assert states(reader) == {project.number: "fulfilled"}
    assert reader.get("/orders").get_json()["items"][0]["days_left"] is None


def test_order_that_ended_says_how(client: FlaskClient) -> None:
    withdrawn, replaced, reader = an_order(), an_order(), caller(client, Role.AUDITOR)
    act(SAULE, case_of(withdrawn), "withdraw", "The date was wrong.")
    act(SAULE, case_of(replaced), "claim")
    act(SAULE, case_of(replaced), "propose", migrate_by(in_days(90)))
    act(TIMUR, case_of(replaced), "approve")
    listed = reader.get("/orders").get_json()["items"]
    assert [(each["project"], each["state"]) for each in listed] == [
        (replaced.number, "in_force"),
        (replaced.number, "replaced"),
        (withdrawn.number, "withdrawn"),
    ]


def test_agencies_see_their_own_orders_and_few_those_of_restricted_projects(client: FlaskClient) -> None:
    agency = an_agency()
    own, other = an_order(agency=agency), an_order()
    restrict(other.number)
    assert list(states(caller(client, Role.AGENCY_EDITOR, agency))) == [own.number]
    assert list(states(caller(client, Role.OPERATOR))) == [own.number]
    assert list(states(caller(client, Role.AUDITOR))) == [other.number, own.number]


def test_reading_the_order_of_a_restricted_project_is_journalled(client: FlaskClient) -> None:
    an_order()
    restricted = an_order()
    restrict(restricted.number)
    caller(client, Role.AUDITOR, name="auditor").get("/orders")
    read = select(JournalEntry.subject).where(JournalEntry.action == "restricted.read")
    assert list(db.session.scalars(read.where(JournalEntry.principal == "auditor"))) == [f"project:{restricted.number}"]


def test_page_lists_orders_and_gives_them_as_a_table(signed_in: SignedIn, present: Present) -> None:
    present.set(date(2026, 3, 2))
    project = an_order(days=1)
    present.set(date(2026, 3, 3) + timedelta(days=2))
    visit = signed_in(Role.SUPERVISOR)
    page = visit.get("/orders?state=overdue").text
    assert project.number in page
    assert "2 days late" in page
    table = visit.get("/orders.csv?state=overdue").text
    assert f"{project.number}," in table
    assert project.number not in visit.get("/orders?state=fulfilled").text
