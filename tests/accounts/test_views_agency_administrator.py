"""Pages of people and tokens as an agency administrator and an auditor see them."""

from __future__ import annotations

import re
from datetime import timedelta

from flask import Flask

from registry.accounts.invitations import BY_EMAIL
from registry.accounts.roles import Role
from registry.accounts.service import NewPerson, add_person, invite_person
from registry.accounts.tokens import issue
from tests.factories import ADMINISTRATOR, PASSWORD, an_agency
from tests.fixtures.web import SignedIn


def test_auditor_sees_people_and_tokens_without_actions(signed_in: SignedIn) -> None:
    person = add_person(ADMINISTRATOR, NewPerson("e.bek", Role.AGENCY_EDITOR, an_agency().id), PASSWORD)
    key_id = issue(ADMINISTRATOR, "robot", Role.AUDITOR, None).key_id
    auditor = signed_in(Role.AUDITOR)
    people, tokens = auditor.get("/people").text, auditor.get("/tokens").text
    assert "e.bek" in people and "robot" in tokens and key_id in tokens
    for text in ("Add a person", "Change role", "Set a new password", "Disable account", "Issue token", "Revoke token"):
        assert text not in people + tokens
    assert auditor.get(f"/people/{person.id}/edit").status_code == 403


def test_home_of_an_agency_administrator_counts_the_people(app: Flask, signed_in: SignedIn) -> None:
    app.config[BY_EMAIL] = True
    ministry = an_agency()
    committee = an_agency(parent=ministry)
    visit = signed_in(Role.AGENCY_ADMINISTRATOR, ministry)
    page = visit.get("/home").text
    assert "1 person of your agency and those below it can sign in." in page
    assert "Invited, no password chosen yet" not in page
    add_person(ADMINISTRATOR, NewPerson("e.bek", Role.AGENCY_EDITOR, committee.id), PASSWORD)
    add_person(ADMINISTRATOR, NewPerson("stranger", Role.AGENCY_EDITOR, an_agency().id), PASSWORD)
    invite_person(ADMINISTRATOR, NewPerson("a.bek", Role.AGENCY_VIEWER, committee.id, "a@lakes.kz"))
    issue(ADMINISTRATOR, "robot", Role.AGENCY_EDITOR, ministry.id, lifetime=timedelta(days=3))
    page = visit.get("/home").text
    assert "2 people of your agency and those below it can sign in." in page
    assert re.search(r'href="/people\?status=invited">Invited, no password chosen yet</a>: 1<', page)
    assert re.search(r'href="/tokens\?show=ending">Tokens that end within 14 days</a>: 1<', page)
    assert "Nobody answers for the service account:" in page and "robot" in page
    assert "can sign in." not in signed_in(Role.AGENCY_EDITOR, ministry).get("/home").text


def test_only_tokens_that_the_reader_may_revoke_have_a_link(signed_in: SignedIn) -> None:
    ministry = an_agency()
    visit = signed_in(Role.AGENCY_ADMINISTRATOR, ministry)
    visit.send("/account/tokens/new", expires_in="30", scopes="read", role="agency_viewer")
    robot = issue(ADMINISTRATOR, "robot", Role.AGENCY_EDITOR, ministry.id).key_id
    page = visit.get("/tokens").text
    assert re.findall(r'href="/tokens/(\w+)/revocation"', page) == [robot]
    assert "agency_administrator.web" in page.partition("All tokens")[2]
