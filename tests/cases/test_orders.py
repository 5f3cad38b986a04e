"""The register of orders, and the deadlines of cases."""

from __future__ import annotations

from datetime import date, timedelta
from io import BytesIO
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.datastructures import FileStorage

from registry.accounts.roles import Role
from registry.cases.transitions import CaseDeadline, adjusted
from registry.cases.vocabulary import Status
from registry.core.clock import CALENDAR_FILE, load_calendar, today
from registry.core.database import db
from registry.freeze.policy import DeadlineDays
from registry.journal.service import JournalEntry
from registry.projects.models import Project
from tests.api.callers import Caller, caller, code, codes
from tests.cases.cast import (
    AIGERIM,
    BOLAT,
    NO_BREACH,
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
from tests.factories import a_project, an_agency, restrict
from tests.fixtures.web import SignedIn
from tests.present import Present


def states(reader: Caller) -> dict[str, str]:
    return {each["project"]: each["state"] for each in reader.get("/orders").get_json()["items"]}


def newest_state(reader: Caller) -> str:
    return str(reader.get("/orders").get_json()["items"][0]["state"])


def an_order(days: int = 30, **values: Any) -> Project:
    project = project_with_gap(**values)
    decided_case(project, migrate_by(in_days(days)))
    return project


def an_appealed_order() -> Project:
    agency = an_agency()
    project = an_order(agency=agency)
    act(editor_of(agency), case_of(project), "appeal", "It is older.")
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
    edit(editor_of(agency), project, object_commissioned_on="2020-01-01")
    audit()
    assert states(reader) == {project.number: "to_confirm"}
    act(AIGERIM, case_of(project), "confirm")
    assert states(reader) == {project.number: "fulfilled"}
    assert reader.get("/orders").get_json()["items"][0]["days_left"] is None


@pytest.mark.parametrize(
    ("order", "claim"),
    [
        (migrate_by, {"placement": "on_platform", "platform_key": "qt-1"}),
        (lambda day: {**migrate_by(day), "decision": "stop"}, {"stage": "terminated", "ended_on": "2026-03-10"}),
    ],
)
def test_order_that_its_agency_reports_as_carried_out_is_overdue_until_it_is_confirmed(
    client: FlaskClient, present: Present, order: Any, claim: dict[str, str]
) -> None:
    present.set(date(2026, 3, 2))
    agency = an_agency()
    project = a_project(agency)
    decided_case(project, order(date(2026, 3, 12)))
    present.set(date(2026, 3, 13))
    reader = caller(client, Role.AUDITOR)
    assert reader.get("/orders?fulfilment_claimed=true").get_json()["items"] == []
    edit(editor_of(agency), project, **claim)
    (item,) = reader.get("/orders?fulfilment_claimed=true").get_json()["items"]
    assert (item["state"], item["fulfilment_claimed"]) == ("overdue", True)


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


def test_leaders_read_orders_and_appeals_but_no_cases(client: FlaskClient, signed_in: SignedIn) -> None:
    appealed, restricted = an_appealed_order(), an_appealed_order()
    restrict(restricted.number)
    leader = caller(client, Role.LEADER)
    for path in ("/orders", "/appeals"):
        (item,) = leader.get(path).get_json()["items"]
        assert (item["project"], item["case"]) == (appealed.number, None)
    visit = signed_in(Role.LEADER)
    for path in ("/orders", "/appeals"):
        page = visit.get(path).text
        assert f'href="/projects/{appealed.number}"' in page
        assert f"/cases/{case_of(appealed).id}" not in page
        assert restricted.number not in page
    page = visit.get(f"/projects/{appealed.number}").text
    assert "Move to QazTech by a date" in page
    assert "Follow this project" not in page
    assert f"/cases/{case_of(appealed).id}" not in page


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
    of_project = visit.get(f"/projects/{project.number}").text
    assert "Order of 2 March 2026: Move to QazTech by a date" in of_project
    assert "Carry out the order of 2 March 2026." in of_project


def test_order_is_suspended_by_an_appeal_and_replaced_by_the_decision_on_it(client: FlaskClient) -> None:
    project, reader = an_appealed_order(), caller(client, Role.AUDITOR)
    case = case_of(project)
    assert [each["state"] for each in reader.get("/orders").get_json()["items"]] == ["suspended"]
    (listed,) = reader.get("/appeals?state=open").get_json()["items"]
    assert (listed["project"], listed["case"], listed["decision"]) == (project.number, case.id, "migrate_by")
    assert (listed["outcome"], listed["due_on"]) == (None, case.due_on.isoformat())
    decide_appeal(project, migrate_by(in_days(30)))
    assert [each["state"] for each in reader.get("/orders").get_json()["items"]] == ["in_force", "replaced"]
    (listed,) = reader.get("/appeals?state=decided").get_json()["items"]
    assert (listed["outcome"], listed["due_on"]) == ("upheld", None)
    assert reader.get("/appeals?state=open").get_json()["items"] == []


def test_order_that_is_revoked_on_appeal_says_so(client: FlaskClient) -> None:
    project = an_appealed_order()
    decide_appeal(project, NO_BREACH)
    assert states(caller(client, Role.AUDITOR)) == {project.number: "revoked"}


def decide_appeal(project: Project, proposal: dict[str, Any]) -> None:
    act(BOLAT, case_of(project), "claim")
    act(BOLAT, case_of(project), "propose", proposal)
    act(TIMUR, case_of(project), "approve")


def claim() -> FileStorage:
    return FileStorage(BytesIO(b"%PDF-1.7 claim"), "claim.pdf", content_type="application/pdf")


def record_court(client: FlaskClient, project: Project, **values: str) -> Any:
    path = f"/cases/{case_of(project).id}/court"
    return caller(client, Role.REVIEWER).form(path, {**values, "file": claim()})


def test_lawsuit_and_ruling_are_recorded_with_date_and_document(client: FlaskClient, present: Present) -> None:
    project, day = an_appealed_order(), today().isoformat()
    decide_appeal(project, migrate_by(in_days(30)))
    assert codes(record_court(client, project, on=day, court_outcome="upheld")) == {
        ("/court_outcome", "not-in-court-yet")
    }
    shown = record_court(client, project, on=day).get_json()
    assert (shown["appeal"]["in_court_on"], shown["appeal"]["court_outcome"]) == (day, None)
    assert (shown["events"][-1]["action"], len(shown["events"][-1]["documents"])) == ("in_court", 1)
    assert newest_state(caller(client, Role.AUDITOR)) == "in_court"
    present.move(timedelta(days=3))
    later = today().isoformat()
    assert codes(record_court(client, project, on=later)) == {("/court_outcome", "required")}
    earlier = record_court(client, project, on="2025-01-01", court_outcome="upheld")
    assert codes(earlier) == {("/on", "date-before")}
    shown = record_court(client, project, on=later, court_outcome="revoked").get_json()
    assert (shown["appeal"]["settled_on"], shown["appeal"]["court_outcome"]) == (later, "revoked")
    assert shown["events"][-1]["details"] == {"on": later, "court_outcome": "revoked"}
    reader = caller(client, Role.AUDITOR)
    assert newest_state(reader) == "in_force"
    assert code(record_court(client, project, on=later, court_outcome="upheld")) == "not-for-court"
    assert [each["state"] for each in reader.get("/appeals").get_json()["items"]] == ["settled"]


def test_court_comes_after_the_decision_on_an_appeal(client: FlaskClient) -> None:
    project = an_order()
    answer = record_court(client, project, on=today().isoformat())
    assert (answer.status_code, code(answer)) == (409, "not-for-court")


CALENDAR = load_calendar(CALENDAR_FILE)


TERMS = DeadlineDays(answer=10, review=20, appeal=15)


S = Status


def go(clock: CaseDeadline, before: Status, after: Status, on: date, ordered_until: date | None = None) -> CaseDeadline:
    return adjusted(clock, before, after, on, CALENDAR, TERMS, ordered_until)


def test_review_pauses_while_agency_answers_and_resumes() -> None:
    # Opened on 2 February 2026; 20 working days later is 2 March.
    opened = CaseDeadline(date(2026, 3, 2))
    # Asked on 16 February: 10 working days left; the answer is due on 2 March.
    asked = go(opened, S.UNDER_REVIEW, S.AWAITING_AGENCY, date(2026, 2, 16))
    assert asked == CaseDeadline(date(2026, 3, 2), 10)
    # Answered on 6 March; 9 and 21-25 March are days off: 4 days by 13, 9 by 20, 10 by 26 March.
    assert go(asked, S.AWAITING_AGENCY, S.UNDER_REVIEW, date(2026, 3, 6)) == CaseDeadline(date(2026, 3, 26))


def test_question_answered_on_same_day_costs_no_days() -> None:
    opened = CaseDeadline(date(2027, 1, 8))
    asked = go(opened, S.UNDER_REVIEW, S.AWAITING_AGENCY, date(2026, 12, 21))
    assert go(asked, S.AWAITING_AGENCY, S.UNDER_REVIEW, date(2026, 12, 21)) == opened


def test_overdue_review_stays_equally_overdue_after_answer() -> None:
    # Due on Friday 13 February, asked on the 18th, three working days late; answered on 2 March, still three.
    asked = go(CaseDeadline(date(2026, 2, 13)), S.UNDER_REVIEW, S.AWAITING_AGENCY, date(2026, 2, 18))
    assert asked.review_days_left == -3
    assert go(asked, S.AWAITING_AGENCY, S.UNDER_REVIEW, date(2026, 3, 2)) == CaseDeadline(date(2026, 2, 25))


def test_commission_pauses_review_without_due_date() -> None:
    referred = go(CaseDeadline(date(2026, 3, 2)), S.UNDER_REVIEW, S.WITH_COMMISSION, date(2026, 2, 16))
    assert referred == CaseDeadline(None, 10)
    assert go(referred, S.WITH_COMMISSION, S.UNDER_REVIEW, date(2026, 12, 14)) == CaseDeadline(date(2026, 12, 29))


@pytest.mark.parametrize("after", [S.AWAITING_APPROVAL, S.NEW, S.AWAITING_CONFIRMATION])
def test_review_deadline_continues_between_reviewers(after: Status) -> None:
    clock = CaseDeadline(date(2026, 3, 2))
    assert go(clock, S.UNDER_REVIEW, after, date(2026, 2, 16)) == clock


def test_remediation_uses_order_date_and_return_restarts_review() -> None:
    start = CaseDeadline(date(2026, 3, 2))
    ordered = go(start, S.AWAITING_APPROVAL, S.REMEDIATION, date(2026, 2, 16), date(2026, 6, 28))
    assert ordered == CaseDeadline(date(2026, 6, 28))
    assert go(ordered, S.REMEDIATION, S.UNDER_REVIEW, date(2026, 8, 28)) == CaseDeadline(date(2026, 9, 25))


def test_closed_case_has_no_deadline_and_reopens_with_full_review() -> None:
    closed = go(CaseDeadline(date(2026, 3, 2)), S.AWAITING_APPROVAL, S.CLOSED, date(2026, 2, 16))
    assert closed == CaseDeadline()
    assert go(closed, S.CLOSED, S.NEW, date(2026, 8, 28)) == CaseDeadline(date(2026, 9, 25))


def test_comment_changes_no_deadline() -> None:
    clock = CaseDeadline(date(2026, 6, 28))
    assert go(clock, S.REMEDIATION, S.REMEDIATION, date(2026, 7, 1)) == clock
