"""Pages of people: list with search and filters, a person's page, bulk move, second factor, home of administrators."""

from __future__ import annotations

import re

import pytest
from flask import Flask

from registry.accounts.account_changes import disable_account
from registry.accounts.models import Person
from registry.accounts.roles import Role
from registry.accounts.service import NewPerson, add_person, person_named
from registry.agencies.models import Agency
from tests.factories import ADMINISTRATOR, PASSWORD, an_agency
from tests.fixtures.web import SignedIn, Visit


def person(
    name: str, agency: Agency | None = None, role: Role = Role.AGENCY_EDITOR, email: str | None = None
) -> Person:
    agency_id = None if agency is None else agency.id
    return add_person(ADMINISTRATOR, NewPerson(name, role, agency_id, email), PASSWORD)


def names(visit: Visit, query: str) -> list[str]:
    return re.findall(r'<a class="govuk-link" href="/people/\d+">([^<]+)<', visit.get(f"/people?{query}").text)


@pytest.fixture
def ministry(app: Flask) -> Agency:
    return an_agency(name_ru="Министерство озёр")


def test_people_are_searched_and_filtered(signed_in: SignedIn, ministry: Agency) -> None:
    committee = an_agency(parent=ministry)
    person("Айгүл Серікова", ministry, email="a.serikova@lakes.kz")
    person("b.omarov", committee, Role.AGENCY_VIEWER)
    gone = person("c.gone", role=Role.AUDITOR)
    disable_account(ADMINISTRATOR, gone.account_id)
    visit = signed_in(Role.ADMINISTRATOR)
    for query, expected in (
        ("q=серік", ["Айгүл Серікова"]),
        ("q=LAKES.kz", ["Айгүл Серікова"]),
        ("role=agency_viewer", ["b.omarov"]),
        ("status=disabled", ["c.gone"]),
        (f"agency={ministry.bin}", ["Айгүл Серікова"]),
        (f"agency={ministry.bin}&below=true", ["Айгүл Серікова", "b.omarov"]),
        (f"agency={ministry.bin}&below=true&status=active&role=agency_viewer", ["b.omarov"]),
        ("q=nobody", []),
    ):
        assert sorted(names(visit, query)) == sorted(expected), query
    for wrong in ("status=odd", "role=emperor", "cursor=x"):
        assert visit.get(f"/people?{wrong}").status_code == 400, wrong


def test_people_are_listed_in_pages_of_25(signed_in: SignedIn, ministry: Agency) -> None:
    for number in range(30):
        person(f"p{number:02}", ministry)
    visit = signed_in(Role.AGENCY_ADMINISTRATOR, ministry)
    first = names(visit, "")
    link = re.search(r'href="([^"]*cursor=[^"]*)" rel="next"', visit.get("/people").text)
    assert len(first) == 25 and link
    rest = names(visit, link[1].replace("&amp;", "&").partition("?")[2])
    assert len(rest) == 6 and not set(first) & set(rest)


def test_page_of_a_person_displays_data_and_history(signed_in: SignedIn, ministry: Agency) -> None:
    shown = person("e.bek", ministry, email="e@x.kz")
    visit = signed_in(Role.ADMINISTRATOR)
    visit.send(f"/people/{shown.id}/edit", email="f@x.kz", role="agency_viewer")
    page = visit.get(f"/people/{shown.id}").text
    for text in ("Министерство озёр", "f@x.kz", "Agency viewer", "Account added", "Role of an account changed"):
        assert text in page, text
    assert "e@x.kz → f@x.kz" in page and "administrator.web" in page
    auditor = signed_in(Role.AUDITOR).get(f"/people/{shown.id}").text
    assert "Account added" in auditor and "Change account" not in auditor and "Disable account" not in auditor


def test_chosen_people_move_to_another_agency(signed_in: SignedIn, ministry: Agency) -> None:
    other = an_agency(name_ru="Министерство рек")
    movers = [person(f"p{number}", ministry) for number in range(3)]
    auditor = person("auditor", role=Role.AUDITOR)
    visit = signed_in(Role.ADMINISTRATOR)
    chosen = [str(each.id) for each in (*movers, auditor)]
    page = "/people/agency?" + "&".join(f"person={each}" for each in chosen)
    assert 'action="/people/agency" id="moving"' in visit.get("/people").text
    asked = visit.get(page).text
    assert "p0" in asked and "Министерство рек" in asked
    assert visit.send("/people/agency", page=page, person=chosen, agency="").status_code == 422
    answer = visit.send("/people/agency", page=page, person=chosen, agency=other.bin).text
    assert "3 people have moved." in answer
    assert "auditor: The role “Auditor” cannot have an agency." in answer
    moved = [person_named(f"p{number}") for number in range(3)]
    assert [each.agency_id for each in moved if each] == [other.id] * 3
