"""The page of the search, and its field in the header of every page."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import select

from registry.accounts.roles import Role
from registry.accounts.service import NewPerson, add_person, person_named
from registry.core.database import db
from registry.journal.service import JournalEntry
from registry.letters.models import Letter
from registry.projects.models import Project
from registry.projects.service import find_project
from tests.cases.cast import AIGERIM, act, audit, case_of
from tests.factories import ADMINISTRATOR, PASSWORD, a_project, an_agency, restrict
from tests.fixtures.web import SignedIn, Visit
from tests.present import Present

FIELD = '<form class="site-header__search" method="get" action="/search" role="search"'


@pytest.fixture
def project(app: object, present: Present) -> Project:
    """A project with a case and a letter."""
    present.set(date(2026, 3, 2))
    project = a_project(an_agency(name_ru="Больница Арай"), name_ru="Тулпар")
    audit()
    act(AIGERIM, act(AIGERIM, case_of(project), "claim"), "ask", "Почему?")
    return project


def leads_to(visit: Visit, text: str) -> str | None:
    """Where the search redirects to; None when it displays matches."""
    answer = visit.client.get("/search", query_string={"q": text})
    assert answer.status_code in (200, 303, 422)
    return answer.headers["Location"] if answer.status_code == 303 else None


def test_header_of_every_page_has_the_search_once_somebody_is_signed_in(signed_in: SignedIn, visit: Visit) -> None:
    assert "site-header__search" not in visit.get("/sign-in").text
    for role in (Role.SUPERVISOR, Role.LEADER, Role.AGENCY_VIEWER):
        somebody = signed_in(role)
        for page in ("/home", "/projects", "/search", "/account"):
            assert somebody.get(page).text.count(FIELD) == 1, page


def test_matches_are_grouped_with_a_link_to_the_whole_list(signed_in: SignedIn, project: Project) -> None:
    page = signed_in(Role.SUPERVISOR).get("/search?q=тулпар").text

    assert f'<a class="govuk-link" href="/projects/{project.number}">Тулпар</a>' in page
    case_id = case_of(project).id
    assert f'<a class="govuk-link" href="/cases/{case_id}">Case {case_id}: Тулпар</a>' in page
    words = "%D1%82%D1%83%D0%BB%D0%BF%D0%B0%D1%80"
    assert f'<a class="govuk-link" href="/projects?q={words}">All projects with these words</a>' in page
    assert f'<a class="govuk-link" href="/cases?q={words}">All cases with these words</a>' in page
    assert "All agencies with these words" not in page and "All letters" not in page and 'value="тулпар"' in page


def test_agencies_letters_and_people_are_grouped_too(signed_in: SignedIn, project: Project) -> None:
    supervisor, administrator = signed_in(Role.SUPERVISOR), signed_in(Role.ADMINISTRATOR)
    add_person(ADMINISTRATOR, NewPerson("Арай Сапарова", Role.AGENCY_VIEWER, project.agency_id), PASSWORD)
    person = person_named("Арай Сапарова")

    page = administrator.get("/search?q=арай").text
    assert ">Больница Арай</a>" in page and 'href="/agencies?q=' in page
    assert f'<a class="govuk-link" href="/people/{person.id}">Арай Сапарова</a>' in page
    assert "Agency viewer, Больница Арай" in page and "All people with these words" in page
    assert '<a class="govuk-link" href="/letters/QL-2026-000001">' in supervisor.get("/search?q=QL-2026").text
    assert 'href="/letters/QL-2026-000001"' in supervisor.get("/letters?q=QL-2026").text
    assert "There are no letters here." in supervisor.get("/letters?q=QL-2025").text


def test_whole_number_leads_directly_to_its_record(signed_in: SignedIn, project: Project) -> None:
    supervisor = signed_in(Role.SUPERVISOR)
    number, bin_number = project.number, find_project(ADMINISTRATOR, project.number).agency.bin
    case_id = case_of(project).id

    for text in (number, number.lower(), f"  {number} ", number.replace("-", "–")):
        assert leads_to(supervisor, text) == f"/projects/{number}", text
    assert leads_to(supervisor, "ql–2026–000001 ") == "/letters/QL-2026-000001"
    assert leads_to(supervisor, f" {bin_number}") == f"/agencies/{bin_number}"
    assert leads_to(supervisor, f"№ {case_id}") == leads_to(supervisor, f"{case_id} ") == f"/cases/{case_id}"


def test_number_of_nothing_that_the_person_may_see_leads_nowhere(signed_in: SignedIn, project: Project) -> None:
    supervisor, leader = signed_in(Role.SUPERVISOR), signed_in(Role.LEADER)
    other = signed_in(Role.AGENCY_EDITOR)
    case_id = str(case_of(project).id)
    agency = find_project(ADMINISTRATOR, project.number).agency
    numbers = (project.number, "QL-2026-000001", agency.bin, case_id)

    assert [leads_to(other, number) for number in numbers] == [None, None, None, None]
    assert leads_to(leader, "QL-2026-000001") is None and leads_to(leader, case_id) is None
    for number in ("QT-2026-9999999-4", "QL-2026-999999", "000000000000", "99999999999999999999", "0"):
        assert leads_to(supervisor, number) is None, number


def test_restricted_project_is_journalled_once_when_its_number_leads_to_it(
    signed_in: SignedIn, project: Project
) -> None:
    restrict(project.number)
    reading = select(JournalEntry.subject).where(JournalEntry.action == "restricted.read")

    assert leads_to(signed_in(Role.REVIEWER), project.number) is None
    assert leads_to(signed_in(Role.SUPERVISOR), project.number) == f"/projects/{project.number}"
    assert leads_to(signed_in(Role.AUDITOR), "QL-2026-000001") == "/letters/QL-2026-000001"
    assert db.session.scalars(reading).all() == []
    assert db.session.scalars(select(Letter.number)).all() == ["QL-2026-000001"]


def test_page_without_words_asks_for_them_and_says_what_is_wrong(signed_in: SignedIn) -> None:
    visit = signed_in(Role.REVIEWER)

    page = visit.get("/search").text
    assert "Number, BIN, or words of a name" in page and "govuk-error-message" not in page
    empty, short = visit.client.get("/search?q="), visit.client.get("/search?q=a")
    assert empty.status_code == 422 and "Enter a value." in empty.text
    assert short.status_code == 422 and "Enter at least 2 characters." in short.text
    assert "<title>Error:" in short.text and 'aria-describedby="q-error"' in short.text


def test_nothing_found_says_so(signed_in: SignedIn) -> None:
    page = signed_in(Role.REVIEWER).get("/search?q=такогонет").text
    assert "Nothing was found that you may see." in page and "govuk-heading-m" not in page


def test_words_of_the_person_are_displayed_as_text(signed_in: SignedIn) -> None:
    page = signed_in(Role.AUDITOR).get("/search?q=<script>alert(1)</script>").text
    assert "<script>alert" not in page and "&lt;script&gt;alert(1)" in page
