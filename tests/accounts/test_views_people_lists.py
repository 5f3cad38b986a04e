"""The list of people: how many there are, moving all of them, and names typed without Kazakh letters."""

from __future__ import annotations

import re

import pytest
from flask import Flask

from registry.accounts.models import Person
from registry.accounts.roles import Role
from registry.accounts.service import NewPerson, add_person, person_named
from registry.agencies.models import Agency
from tests.factories import ADMINISTRATOR, PASSWORD, an_agency
from tests.fixtures.web import SignedIn, Visit


def person(name: str, agency: Agency | None = None, role: Role = Role.AGENCY_EDITOR) -> Person:
    return add_person(ADMINISTRATOR, NewPerson(name, role, agency.id if agency else None), PASSWORD)


def names(visit: Visit, query: str) -> list[str]:
    return re.findall(r'<a class="govuk-link" href="/people/\d+">([^<]+)<', visit.get(f"/people?{query}").text)


@pytest.fixture
def ministry(app: Flask) -> Agency:
    return an_agency()


def test_list_displays_how_many_people_it_has_on_all_pages(signed_in: SignedIn, ministry: Agency) -> None:
    for number in range(30):
        person(f"p{number:02}", ministry)
    visit = signed_in(Role.ADMINISTRATOR)
    assert "People in this list: 31" in visit.get("/people").text
    assert "People in this list: 30" in visit.get(f"/people?agency={ministry.bin}").text


def test_all_people_of_a_filtered_list_move_from_all_its_pages(signed_in: SignedIn, ministry: Agency) -> None:
    other = an_agency()
    for number in range(30):
        person(f"p{number:02}", ministry)
    visit = signed_in(Role.ADMINISTRATOR)
    assert "Move all people of this list" not in visit.get("/people").text
    assert "Move all people of this list (30)" in visit.get(f"/people?agency={ministry.bin}").text
    page = f"/people/agency?all=yes&agency={ministry.bin}"
    chosen = re.findall(r'name="person" value="(\d+)"', visit.get(page).text)
    assert len(chosen) == 30
    assert "30 people have moved." in visit.send("/people/agency", page=page, person=chosen, agency=other.bin).text
    moved = person_named("p29")
    assert moved is not None and moved.agency_id == other.id


def test_all_people_of_a_list_are_only_those_whom_the_user_manages(signed_in: SignedIn, ministry: Agency) -> None:
    person("editor", ministry)
    person("head", ministry, Role.AGENCY_ADMINISTRATOR)
    visit = signed_in(Role.AGENCY_ADMINISTRATOR, ministry)
    page = visit.get(f"/people/agency?all=yes&agency={ministry.bin}").text
    assert "<li>editor</li>" in page and "<li>head</li>" not in page


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("нурлан", "Нұрлан Әбенов"),
        ("абенов", "Нұрлан Әбенов"),
        ("Нұрлан", "Нұрлан Әбенов"),
        ("айгул", "Айгүл Серікова"),
        ("серикова", "Айгүл Серікова"),
        ("конырбаев", "Қоңырбаев Өмір"),
        ("омир", "Қоңырбаев Өмір"),
    ],
)
def test_names_are_searched_without_kazakh_letters(
    signed_in: SignedIn, ministry: Agency, typed: str, name: str
) -> None:
    for each in ("Нұрлан Әбенов", "Айгүл Серікова", "Қоңырбаев Өмір", "Петров Иван"):
        person(each, ministry)
    assert names(signed_in(Role.ADMINISTRATOR), f"q={typed}") == [name]
