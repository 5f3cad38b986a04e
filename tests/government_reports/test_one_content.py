"""A report has one content: who reads less reads a version with its own number, and who approves has read all."""

from __future__ import annotations

import json
from datetime import date

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, update

from registry.accounts.roles import Role
from registry.audits.service import run_audit
from registry.core.database import db, transaction
from registry.core.lists import Page
from registry.flags.models import last_good_audit
from registry.government_reports.document import document
from registry.government_reports.queries import (
    GOVERNMENT_REPORT_LIST,
    GovernmentReportNotFound,
    content_of,
    data_of_report,
    find_government_report,
    show_report,
)
from registry.government_reports.service import GovernmentReportNotReadable, correct_government_report, freeze_figures
from registry.journal.service import JournalEntry
from registry.projects.models import Project
from tests.api.callers import caller, code
from tests.factories import a_project, an_actor
from tests.fixtures.web import SignedIn
from tests.government_reports.steps import (
    AUTHOR,
    FIRST,
    FIRST_WHO_SEES_ALL,
    READER,
    SECOND,
    TEXTS,
    approve,
    begin,
    change,
    issued,
    submitted,
)

OPERATOR = an_actor(Role.OPERATOR)
LEADER = an_actor(Role.LEADER, name="minister")
IN_DECEMBER = date(2026, 12, 1)


@pytest.fixture
def with_restricted(client: FlaskClient) -> str:
    """The number of a report under review, in which one of two projects is restricted."""
    hidden, _shown = a_project(), a_project()
    with transaction() as session:
        session.execute(update(Project).where(Project.id == hidden.id).values(is_restricted=True))
    run_audit(OPERATOR)
    number = begin().number
    submitted(number)
    return number


def test_version_without_restricted_records_has_its_own_number(with_restricted: str) -> None:
    report = find_government_report(READER, with_restricted)
    whole, partial = (show_report(actor, report) for actor in (READER, FIRST))
    assert (whole["document_number"], whole["is_whole"]) == (with_restricted, True)
    assert (partial["document_number"], partial["is_whole"]) == (f"{with_restricted}-open", False)
    assert whole["number"] == partial["number"] == with_restricted
    data = [json.loads(data_of_report(actor, report)[0]) for actor in (READER, FIRST)]
    assert [each["report"] for each in data] == [with_restricted, f"{with_restricted}-open"]
    assert [each["totals"]["projects"] for each in data] == [2, 1]


def test_footer_of_every_page_names_the_version_and_its_number(with_restricted: str) -> None:
    report = find_government_report(READER, with_restricted)
    footers = [document(content_of(actor, report), "ru")["footer"] for actor in (READER, FIRST)]
    named = f"№ {with_restricted}-open, версия 1. Версия для читателей без доступа к записям с ограниченным доступом"
    assert [footer.startswith(named) for footer in footers] == [False, True]
    assert footers[0].startswith(f"№ {with_restricted}, версия 1. SHA-256")


def test_report_without_restricted_projects_is_the_same_for_everybody(client: FlaskClient) -> None:
    a_project()
    run_audit(OPERATOR)
    report = find_government_report(READER, issued())
    assert data_of_report(READER, report) == data_of_report(FIRST, report)
    assert content_of(READER, report) == content_of(FIRST, report)
    assert show_report(FIRST, report)["document_number"] == report.number


def test_nobody_approves_a_report_that_they_cannot_read_whole(with_restricted: str, client: FlaskClient) -> None:
    with pytest.raises(GovernmentReportNotReadable):
        approve(with_restricted, FIRST)
    reviewer = caller(client, Role.REVIEWER, name="third")
    answer = reviewer.post(f"/government-reports/{with_restricted}/approval", {})
    assert (answer.status_code, code(answer)) == (403, "government-report-not-readable")
    assert approve(with_restricted, FIRST_WHO_SEES_ALL).status == "in_review"
    assert approve(with_restricted, SECOND).status == "issued"


def test_pages_name_the_version_and_offer_no_approval_of_it(with_restricted: str, signed_in: SignedIn) -> None:
    reviewer, supervisor = signed_in(Role.REVIEWER), signed_in(Role.SUPERVISOR)
    for path in (f"/government-reports/{with_restricted}", f"/government-reports/{with_restricted}/document/ru"):
        assert f"{with_restricted}-open" in reviewer.get(path).text
        assert f"{with_restricted}-open" not in supervisor.get(path).text
    page = reviewer.get(f"/government-reports/{with_restricted}").text
    assert "Version for readers without restricted records" in page
    assert "Only people who may see them approve it." in page and f"{with_restricted}/approval" not in page
    assert f"{with_restricted}/approval" in supervisor.get(f"/government-reports/{with_restricted}").text


def test_report_of_an_earlier_audit_says_so_at_submission_approval_and_issue(client: FlaskClient) -> None:
    a_project()
    run_audit(OPERATOR)
    number = begin().number
    change(number, **TEXTS)
    first = freeze_figures(AUTHOR, number).audit_id
    run_audit(OPERATOR)
    last = last_good_audit()
    assert last is not None and last.id != first
    expected = {"id": last.id, "on": last.on.isoformat()}
    here = f"/government-reports/{number}"
    writer, second = caller(client, Role.REVIEWER, name="writer"), caller(client, Role.SUPERVISOR, name="second")
    reviewer = caller(client, Role.REVIEWER, name="first")
    assert writer.get(here).get_json()["last_audit"] == expected
    assert writer.post(f"{here}/submission", {}).get_json()["last_audit"] == expected
    assert reviewer.post(f"{here}/approval", {}).get_json()["last_audit"] == expected
    done = second.post(f"{here}/approval", {}).get_json()
    assert (done["status"], done["last_audit"]) == ("issued", expected)
    assert second.get(here).get_json()["last_audit"] is None
    actions = [f"government-report.{step}" for step in ("submitted", "approved", "issued")]
    entries = db.session.scalars(select(JournalEntry).where(JournalEntry.action.in_(actions)))
    assert [json.loads(entry.details)["last_audit"] for entry in entries] == [expected["id"]] * 3


def test_leader_reads_issued_reports_only(client: FlaskClient, signed_in: SignedIn) -> None:
    a_project()
    run_audit(OPERATOR)
    number = issued()
    draft = begin().number
    correct_government_report(AUTHOR, number, "One project was missing.", IN_DECEMBER)
    listed = GOVERNMENT_REPORT_LIST.read(LEADER, {}, Page()).items
    assert [(item["number"], item["version"]) for item in listed] == [(number, 1)]
    shown = show_report(LEADER, find_government_report(LEADER, number))
    assert (shown["version"], shown["versions"]) == (1, [1])
    for asked in ((number, 2), (draft, None)):
        with pytest.raises(GovernmentReportNotFound):
            find_government_report(LEADER, *asked)
    leader = signed_in(Role.LEADER)
    page = leader.get(f"/government-reports/{number}")
    assert page.status_code == 200 and "/audits/" not in page.text
    assert leader.client.get(f"/government-reports/{draft}").status_code == 404
    assert number in leader.get("/government-reports").text
    assert leader.client.get(f"/government-reports/{number}.pdf").status_code == 200
    assert caller(client, Role.LEADER).post("/government-reports", {}).status_code == 403
