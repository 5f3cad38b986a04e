"""Pages of people: list with search and filters, a person's page, bulk move, second factor, home of administrators."""

from __future__ import annotations

import json
import re

import pytest
from flask import Flask
from sqlalchemy import select

from registry.accounts.account_changes import disable_account
from registry.accounts.models import Person, account_named
from registry.accounts.roles import Role, local_actor
from registry.accounts.service import NewPerson, add_person, person_named
from registry.accounts.tokens import authenticate_token, issue
from registry.agencies.models import Agency
from registry.core.database import db
from registry.journal.service import JournalEntry
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


def test_list_and_page_display_the_last_sign_in(signed_in: SignedIn) -> None:
    visit = signed_in(Role.ADMINISTRATOR)
    person("quiet", role=Role.AUDITOR)
    page = visit.get("/people?q=quiet").text
    assert ">Never</td>" in page
    own = person_named("administrator.web")
    assert own is not None
    assert ">Never<" not in visit.get(f"/people/{own.id}").text


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


def test_home_displays_what_the_command_line_did_since_the_last_sign_in(signed_in: SignedIn) -> None:
    visit = signed_in(Role.ADMINISTRATOR)
    add_person(local_actor(Role.ADMINISTRATOR), NewPerson("by.command", Role.AUDITOR), PASSWORD)
    again = Visit(visit.client.application.test_client())
    again.sign_in("administrator.web")
    page = again.get("/home").text
    assert "Done on the command line since you last signed in" in page and "by.command" in page
    third = Visit(visit.client.application.test_client())
    third.sign_in("administrator.web")
    assert "by.command" not in third.get("/home").text


def test_home_and_tokens_display_ownerless_accounts_until_one_answers(signed_in: SignedIn) -> None:
    issue(ADMINISTRATOR, "robot", Role.AUDITOR, None)
    person("owner", role=Role.AUDITOR)
    visit = signed_in(Role.ADMINISTRATOR)
    account = account_named("robot")
    assert account is not None
    assert "Service accounts that nobody answers for" in visit.get("/home").text
    assert "Nobody answers for it" in visit.get("/tokens").text
    page = visit.send(f"/tokens/accounts/{account.id}/owner", owner="owner").text
    assert "owner answers for robot now." in page and "Nobody answers for it" not in page
    assert "nobody answers for" not in visit.get("/home").text


def test_tokens_are_filtered_to_inactive_ones(signed_in: SignedIn) -> None:
    key_id = issue(ADMINISTRATOR, "robot", Role.AUDITOR, None).key_id
    visit = signed_in(Role.ADMINISTRATOR)
    page = visit.get("/tokens").text
    assert key_id in page and "read" in page
    assert key_id not in visit.get("/tokens?show=inactive").text
    assert key_id in visit.get("/tokens?show=odd").text


def test_whoever_disables_an_owner_sees_the_service_accounts_that_go_on(signed_in: SignedIn, ministry: Agency) -> None:
    owner = person("owner", ministry)
    token = issue(ADMINISTRATOR, "robot", Role.AGENCY_EDITOR, ministry.id, owner_account_id=owner.account_id)
    visit = signed_in(Role.ADMINISTRATOR)
    path = f"/people/{owner.id}/disabled"
    assert "answers for service accounts, which go on working: robot." in visit.get(path).text
    visit.send(path)
    entry = db.session.scalars(select(JournalEntry).where(JournalEntry.action == "account.disabled")).one()
    assert json.loads(entry.details)["service_accounts"] == "robot"
    assert authenticate_token(token.text, "10.0.0.1", "r").principal == "robot"
    assert "Nobody answers for it" in visit.get("/tokens").text
