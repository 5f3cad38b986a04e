"""The history of an account on the page of its person."""

from __future__ import annotations

import re

import pyotp
from flask import Flask

from registry.accounts.factors import begin_totp_enrolment, finish_totp_enrolment
from registry.accounts.invitations import BY_EMAIL
from registry.accounts.roles import Actor, Role, local_actor
from registry.accounts.service import NewPerson, add_person, invite_person
from registry.accounts.sessions import find_factor_session
from registry.accounts.sign_in import sign_in
from registry.core.clock import now
from registry.journal.pages import principal_label
from tests.factories import ADMINISTRATOR, PASSWORD, an_agency
from tests.fixtures.web import SignedIn, Visit


def history(visit: Visit, person_id: int) -> str:
    page = visit.get(f"/people/{person_id}").text.split("History of the account</h2>")[1]
    return " ".join(re.sub(r"<[^>]+>", " ", page.split("</table>")[0]).split())


def test_history_leaves_out_what_is_no_news(signed_in: SignedIn) -> None:
    person = add_person(local_actor(Role.ADMINISTRATOR), NewPerson("zhanna", Role.REVIEWER), PASSWORD)
    shown = history(signed_in(Role.ADMINISTRATOR), person.id)
    assert "Account added Role: Reviewer" in shown
    assert "Kind of account" not in shown and "Waiting for confirmation" not in shown


def test_history_says_that_an_account_waits(signed_in: SignedIn) -> None:
    person = add_person(ADMINISTRATOR, NewPerson("zhanna", Role.REVIEWER), PASSWORD)
    pending = add_person(_other_administrator(), NewPerson("adil", Role.REVIEWER), PASSWORD)
    visit = signed_in(Role.ADMINISTRATOR)
    assert "Waiting for confirmation: Yes" in history(visit, pending.id)
    assert "Waiting for confirmation" not in history(visit, person.id)


def test_history_names_the_second_factor_and_the_command_line(signed_in: SignedIn) -> None:
    person = add_person(local_actor(Role.ADMINISTRATOR), NewPerson("zhanna", Role.AUDITOR), PASSWORD)
    session = find_factor_session(sign_in("zhanna", PASSWORD, "10.0.0.1", "r").secret, "", "")
    assert session is not None
    finish_totp_enrolment(session, pyotp.TOTP(begin_totp_enrolment(session).secret).at(now()))
    shown = history(signed_in(Role.ADMINISTRATOR), person.id)
    assert "Second factor: Authenticator app" in shown and "totp" not in shown
    assert "Command line, " in shown and "local:" not in shown


def test_principals_of_the_command_line_are_labelled_in_the_language_of_the_page(app: Flask) -> None:
    for language, label in (
        ("en", "Command line, root"),
        ("ru", "Командная строка, root"),
        ("kk", "Пәрмен жолы, root"),
    ):
        with app.test_request_context(headers={"Accept-Language": language}):
            assert principal_label("local:root") == label
            assert principal_label("Айгүл Серікова") == "Айгүл Серікова"


def test_history_does_not_say_that_an_invitation_was_sent_before_it_is(app: Flask, signed_in: SignedIn) -> None:
    app.config[BY_EMAIL] = True
    agency = an_agency()
    person = invite_person(ADMINISTRATOR, NewPerson("e.bek", Role.AGENCY_VIEWER, agency.id, "e@lakes.kz"))
    visit = signed_in(Role.ADMINISTRATOR)
    assert "Invitation created" in history(visit, person.id)
    answer = visit.send(
        "/people/new", name="a.bek", role="agency_viewer", agency=agency.bin, email="a@lakes.kz", language="ru"
    )
    assert "An invitation goes to a@lakes.kz." in answer.text


def _other_administrator() -> Actor:
    return Actor("other", Role.ADMINISTRATOR, None, "10.0.0.1", "r", is_person=True)
