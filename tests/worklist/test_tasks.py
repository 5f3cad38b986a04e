"""Work: what waits for each role, one line an item, the most urgent first."""

from __future__ import annotations

import re

from registry.accounts.roles import Role
from registry.accounts.service import NewPerson, add_person
from registry.core.clock import today
from registry.core.database import db, transaction
from registry.projects.migration_plans import confirm_plan, save_plan
from registry.requests.models import RequestKind
from registry.requests.service import ask
from tests.cases.cast import AIGERIM, act, case_of, decided_case, in_days, migrate_by, under_review
from tests.factories import PASSWORD, a_project, an_actor, an_agency
from tests.fixtures.web import SignedIn
from tests.reports.delivered import Page
from tests.reports.test_overview import ASKER, hide

KIND = re.compile(r">([^<]+)</a>: (\d+)</h2>")


def kinds(page: str) -> dict[str, int]:
    """The kinds of tasks of a page with their counts, in their order."""
    return {kind: int(count) for kind, count in KIND.findall(page)}


def test_agency_has_its_question_and_order_once_each_with_both_dates(signed_in: SignedIn) -> None:
    agency = an_agency()
    asked, ordered, secret = (a_project(agency) for _ in range(3))
    act(AIGERIM, under_review(asked), "ask", "Which contract is it?")
    decided_case(ordered, migrate_by(in_days(30)))
    hide(secret)
    visit = signed_in(Role.AGENCY_EDITOR, agency)
    question, order, number = case_of(asked).id, case_of(ordered).id, secret.number
    db.session.expunge_all()
    # Reading the restricted one is journalled, while the page has read the project of the question.
    page = visit.get("/home").text
    assert kinds(page) == {
        "Questions to answer": 1,
        "Orders to carry out": 1,
        "Flagged projects, highest severity first": 3,
    }
    assert f'href="/cases/{order}?status=remediation"' in page and "(appeal until " in page
    assert page.count(f'href="/cases/{question}') == 1
    assert f'href="/projects/{number}"' in page
    assert 'href="/cases/' not in signed_in(Role.AGENCY_VIEWER).get("/home").text


def test_requests_to_decide_lead_to_those_that_the_reader_decides(signed_in: SignedIn) -> None:
    former, successor = an_agency(), an_agency()
    values = {"successor": successor.bin, "on": today(), "act": "No. 17", "reason": "They merge."}
    ask(ASKER, RequestKind.SUCCESSION, former.bin, values)
    ask(ASKER, RequestKind.WITHDRAWAL, a_project().number, {"reason": "Registered in error."})
    for role, count in ((Role.SUPERVISOR, 2), (Role.REVIEWER, 1)):
        visit = signed_in(role)
        page = visit.get("/home").text
        assert kinds(page)["Requests"] == count
        assert (f">{former.name_ru}</span></td>" in page) == (role is Role.SUPERVISOR)
        (link,) = (link for link in Page(page).links if link.href.startswith("/requests?"))
        assert len(Page(visit.get(link.href).text).tables[0].rows) == count


def test_approvals_name_the_account_that_they_are_about(signed_in: SignedIn) -> None:
    administrator = an_actor(Role.ADMINISTRATOR, name="first")
    add_person(administrator, NewPerson("Гүлназ Ахметова", Role.AGENCY_VIEWER, an_agency().id), PASSWORD)
    page = signed_in(Role.SUPERVISOR).get("/home").text
    assert kinds(page)["Approvals"] == 1 and ">Гүлназ Ахметова</span></td>" in page


def test_reviewer_has_the_migration_plans_to_confirm_and_an_auditor_nothing(signed_in: SignedIn) -> None:
    agency = an_agency()
    projects = [a_project(agency) for _ in range(2)]
    planned = {"month": in_days(90), "responsible": "A. Serik"}
    with transaction():
        plans = [save_plan(an_actor(Role.AGENCY_EDITOR, agency), each.number, planned) for each in projects]
    visit = signed_in(Role.REVIEWER)
    assert kinds(visit.get("/home").text)["Migration plans"] == 2
    with transaction():
        confirm_plan(AIGERIM, projects[0].number, plans[0].version)
    page = visit.get("/home").text
    assert kinds(page)["Migration plans"] == 1 and f'href="/projects/{projects[1].number}"' in page
    assert "Nothing waits for you." in signed_in(Role.AUDITOR).get("/home").text


def test_supervisor_has_ten_lines_of_what_waits_for_a_second_person_and_the_count_of_all(signed_in: SignedIn) -> None:
    agency = an_agency()
    cases = [under_review(a_project(agency)) for _ in range(12)]
    for case in cases:
        act(AIGERIM, case, "propose", migrate_by(in_days(30)))
    administrator = an_actor(Role.ADMINISTRATOR, name="first")
    for number in range(11):
        name = f"person{number}"
        add_person(administrator, NewPerson(name, Role.REVIEWER, None, f"{name}@example.kz"), PASSWORD)

    page = signed_in(Role.SUPERVISOR).get("/home").text

    assert kinds(page) == {"Decisions waiting for approval": 12, "Accounts to confirm": 11}
    assert page.count("Confirm the account<") == 10
