"""Pages of people: lists, a person's page and history, bulk moves, as each role sees them."""

from __future__ import annotations

import re

import pyotp
import pytest
from flask import Flask

from registry.accounts.account_changes import disable_account
from registry.accounts.factors import begin_totp_enrolment, finish_totp_enrolment
from registry.accounts.models import Person
from registry.accounts.roles import Role, local_actor
from registry.accounts.service import NewPerson, add_person, person_named
from registry.accounts.sessions import find_factor_session
from registry.accounts.sign_in import sign_in
from registry.agencies.models import Agency
from registry.core.clock import now
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
        ("q=Сериков", ["Айгүл Серікова"]),
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


def test_only_questions_that_end_something_have_a_red_button(signed_in: SignedIn, ministry: Agency) -> None:
    path = f"/people/{person('b.omarov', ministry).id}"
    visit = signed_in(Role.ADMINISTRATOR)
    assert "govuk-button--warning" in visit.get(f"{path}/disabled").text
    assert "govuk-button--warning" not in visit.get(f"{path}/enabled").text


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


def test_all_people_of_a_filtered_list_move_from_all_its_pages(signed_in: SignedIn, ministry: Agency) -> None:
    other = an_agency()
    for number in range(30):
        person(f"p{number:02}", ministry)
    visit = signed_in(Role.ADMINISTRATOR)
    assert "Move all people of this list" not in visit.get("/people").text
    listed = visit.get(f"/people?agency={ministry.bin}").text
    assert "Move all people of this list (30)" in listed and "People in this list: 30" in listed
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


def history(visit: Visit, person_id: int) -> str:
    page = visit.get(f"/people/{person_id}").text.split("History of the account</h2>")[1]
    return " ".join(re.sub(r"<[^>]+>", " ", page.split("</table>")[0]).split())


def test_history_names_the_second_factor_and_the_command_line(signed_in: SignedIn) -> None:
    person = add_person(local_actor(Role.ADMINISTRATOR), NewPerson("zhanna", Role.AUDITOR), PASSWORD)
    session = find_factor_session(sign_in("zhanna", PASSWORD, "10.0.0.1", "r").secret, "", "")
    assert session is not None
    finish_totp_enrolment(session, pyotp.TOTP(begin_totp_enrolment(session).secret).at(now()))
    shown = history(signed_in(Role.ADMINISTRATOR), person.id)
    assert "Second factor: Authenticator app" in shown and "totp" not in shown
    assert "Command line, " in shown and "local:" not in shown
