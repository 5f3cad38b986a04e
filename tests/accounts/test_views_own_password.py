"""The page for changing one's own password."""

from __future__ import annotations

import re

from flask import Flask

from registry.accounts.roles import Role
from registry.accounts.service import NewPerson, add_person
from tests.factories import ADMINISTRATOR
from tests.fixtures.web import PASSWORD, SignedIn, Visit

OTHER = "quite another password"
PATH = "/account/password"


def test_given_password_must_be_changed_before_any_other_page(visit: Visit) -> None:
    add_person(ADMINISTRATOR, NewPerson("zhanna", Role.OPERATOR), PASSWORD, must_change=True)
    visit.sign_in("zhanna")
    for path in ("/home", "/projects", "/audits/new", "/cases"):
        answer = visit.client.get(path)
        assert (answer.status_code, answer.headers["Location"]) == (303, PATH)
    answer = visit.send("/audits/new", page=PATH, follow=False)
    assert (answer.status_code, answer.headers["Location"]) == (303, PATH)
    page = visit.send(PATH, old_password=PASSWORD, new_password=OTHER).text
    assert "Your password is changed" in page
    assert visit.client.get("/projects").status_code == 200


def test_person_who_must_change_the_password_can_sign_out(visit: Visit) -> None:
    add_person(ADMINISTRATOR, NewPerson("zhanna", Role.OPERATOR), PASSWORD, must_change=True)
    visit.sign_in("zhanna")
    assert visit.send("/sign-out", page=PATH, follow=False).headers["Location"] == "/"


def test_password_fields_are_masked_and_take_pasted_and_long_passwords(visit: Visit, signed_in: SignedIn) -> None:
    fields = re.compile(r"<input[^>]*password[^>]*>")
    for page, count in ((visit.get("/sign-in").text, 1), (signed_in(Role.AUDITOR).get("/account/password").text, 2)):
        inputs = fields.findall(page)
        assert len(inputs) == count
        for each in inputs:
            assert 'type="password"' in each and "autocomplete=" in each
            assert not re.search("onpaste|maxlength|pattern|autocomplete=.off", each)


def test_wrong_current_password_changes_nothing(signed_in: SignedIn, app: Flask) -> None:
    visit = signed_in(Role.OPERATOR)
    answer = visit.send(PATH, old_password="not this one", new_password=OTHER)
    assert answer.status_code == 422 and "The current password is wrong." in answer.text
    assert OTHER not in answer.text
    assert Visit(app.test_client()).sign_in("operator.web").status_code == 200


def test_pending_account_is_only_revealed_with_the_correct_password(visit: Visit, signed_in: SignedIn) -> None:
    administrator = signed_in(Role.ADMINISTRATOR)
    person = add_person(ADMINISTRATOR, NewPerson("zhanna", Role.REVIEWER), PASSWORD)
    administrator.send(f"/people/{person.id}/edit", role="supervisor")
    assert "has to confirm your account" in visit.sign_in("zhanna").text
    assert "The name or the password is wrong" in visit.sign_in("zhanna", "not this one").text
    assert "Waiting for confirmation" in administrator.get("/people").text
