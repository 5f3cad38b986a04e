"""Home page: an agency's orders and oversight's overview."""

from __future__ import annotations

import re

from registry.accounts.roles import Role
from registry.accounts.service import NewPerson, add_person
from registry.core.clock import today
from registry.core.database import db, transaction
from registry.projects.migration_plans import confirm_plan, save_plan
from registry.requests.models import RequestKind
from registry.requests.service import ask
from tests.cases.cast import AIGERIM, act, audit, case_of, decided_case, in_days, migrate_by, under_review
from tests.factories import PASSWORD, a_project, an_actor, an_agency
from tests.fixtures.web import SignedIn
from tests.reports.delivered import Page
from tests.reports.test_overview import ASKER, hide

TILE = re.compile(r"<dt>([^<]+)</dt><dd><a [^>]+>(\d+)<")


def test_agency_home_lists_orders_with_both_dates(signed_in: SignedIn) -> None:
    agency = an_agency()
    project = a_project(agency)
    audit()
    visit = signed_in(Role.AGENCY_EDITOR, agency, "ru")
    assert "Предписания к исполнению" not in visit.get("/home").text
    decided_case(project, migrate_by(in_days(30)))
    page = visit.get("/home").text
    section = page.partition("Предписания к исполнению")[2].partition("</table>")[0]
    assert project.number in section and f"/cases/{case_of(project).id}?" in section
    assert "Перенести на QazTech к сроку" in section
    assert section.count("\u00a0г.<") == 1 and "года (включительно)" in section
    assert project.number not in signed_in(Role.AGENCY_VIEWER).get("/home").text


def test_agency_home_with_a_question_and_a_restricted_flagged_project(signed_in: SignedIn) -> None:
    agency = an_agency()
    project, secret = a_project(agency), a_project(agency)
    act(AIGERIM, under_review(project), "ask", "Which contract is it?")
    hide(secret)
    numbers = (project.number, secret.number)
    visit = signed_in(Role.AGENCY_EDITOR, agency)
    db.session.expunge_all()
    # Reading the restricted one is journalled, while the page has read the project of the question.
    page = visit.get("/home")
    assert page.status_code == 200 and all(number in page.text for number in numbers)


def test_requests_to_decide_lead_to_those_that_the_reader_decides(signed_in: SignedIn) -> None:
    former, successor = an_agency(), an_agency()
    values = {"successor": successor.bin, "on": today(), "act": "No. 17", "reason": "They merge."}
    ask(ASKER, RequestKind.SUCCESSION, former.bin, values)
    ask(ASKER, RequestKind.WITHDRAWAL, a_project().number, {"reason": "Registered in error."})
    for role, text, count in (
        (Role.SUPERVISOR, "2 requests wait for a decision", 2),
        (Role.REVIEWER, "1 request waits for a decision", 1),
    ):
        visit = signed_in(role)
        (link,) = (link for link in Page(visit.get("/home").text).links if link.text == text)
        assert len(Page(visit.get(link.href).text).tables[0].rows) == count


def test_home_of_a_reviewer_leads_to_the_migration_plans_to_confirm(signed_in: SignedIn) -> None:
    agency = an_agency()
    projects = [a_project(agency) for _ in range(2)]
    planned = {"month": in_days(90), "responsible": "A. Serik"}
    with transaction():
        plans = [save_plan(an_actor(Role.AGENCY_EDITOR, agency), each.number, planned) for each in projects]
    visit = signed_in(Role.REVIEWER)
    assert "2 migration plans wait to be confirmed" in visit.get("/home").text
    with transaction():
        confirm_plan(AIGERIM, projects[0].number, plans[0].version)
    (link,) = (link for link in Page(visit.get("/home").text).links if link.text.startswith("1 migration plan waits"))
    assert projects[1].number in visit.get(link.href).text
    assert "wait" not in signed_in(Role.AUDITOR).get("/home").text


def test_home_of_a_supervisor_counts_what_waits_for_a_second_person(signed_in: SignedIn) -> None:
    agency = an_agency()
    cases = [under_review(a_project(agency)) for _ in range(12)]
    for case in cases:
        act(AIGERIM, case, "propose", migrate_by(in_days(30)))
    administrator = an_actor(Role.ADMINISTRATOR, name="first")
    for number in range(11):
        name = f"person{number}"
        add_person(administrator, NewPerson(name, Role.REVIEWER, None, f"{name}@example.kz"), PASSWORD)

    page = signed_in(Role.SUPERVISOR).get("/home").text

    assert "Decisions waiting for approval</a>: 12</h2>" in page
    assert "Accounts to confirm</a>: 11</h2>" in page


def test_home_tiles_add_up_to_all_projects(signed_in: SignedIn) -> None:
    private = an_agency(kind="private")
    for agency in (private, None, None):
        a_project(agency)
    audit()
    a_project()
    page = signed_in(Role.AUDITOR).get("/home").text
    tiles = {name: int(count) for name, count in TILE.findall(page)}
    assert tiles.pop("Projects") == sum(tiles.values()) == 4
    assert tiles["Out of scope"] == 1 and tiles["Not audited yet"] == 1
    text = " ".join(re.sub(r"<[^>]+>", " ", page).split())
    assert "0 of the 2 projects in scope are clear (0.0%). 1 project is out of scope." in text
    assert "1 project is not audited yet." in text
