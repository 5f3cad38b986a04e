"""Bad input and abuse on the pages: each is refused with a message that says what to do."""

from __future__ import annotations

import re

import pytest
from flask import Flask

from registry.accounts.account_changes import change_role, disable_account
from registry.accounts.models import account_named
from registry.accounts.password_links import BY_EMAIL
from registry.accounts.roles import Role
from registry.accounts.service import NewPerson, invite_person
from tests.accounts.test_views_sign_in import a_newcomer
from tests.factories import ADMINISTRATOR
from tests.fixtures.web import SignedIn, Visit

TOKEN = re.compile(r'name="csrf_token" value="[^"]+"')
WRONG = "The name, the e-mail address or the password is wrong."


def account_id_of(name: str) -> int:
    account = account_named(name)
    return account.id


def test_sign_in_says_the_same_whatever_is_wrong(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    a_newcomer("saule")
    a_newcomer("left")
    disable_account(ADMINISTRATOR, account_id_of("left"))
    monkeypatch.setitem(app.config, BY_EMAIL, True)
    invite_person(ADMINISTRATOR, NewPerson("invited", Role.AUDITOR, email="invited@example.kz"))
    answers = {
        (answer.status_code, TOKEN.sub("", answer.text).replace(name, "…"))
        for name in ("saule", "left", "invited", "nobody")
        for answer in [Visit(app.test_client()).send("/sign-in", name=name, password="a wrong password")]
    }
    ((status, text),) = answers
    assert status == 401 and WRONG in text


@pytest.mark.parametrize("change", ["disabled", "role"])
def test_person_whose_session_ended_is_led_to_the_sign_in_and_nothing_is_saved(
    signed_in: SignedIn, change: str
) -> None:
    visit = signed_in(Role.ADMINISTRATOR, name="adil")
    a_newcomer("bota", Role.ADMINISTRATOR)
    token = visit.token("/people/new")
    if change == "disabled":
        disable_account(ADMINISTRATOR, account_id_of("adil"))
    else:
        change_role(ADMINISTRATOR, account_id_of("adil"), Role.AUDITOR, None)
    sent = {"name": "new", "role": "auditor", "language": "kk", "csrf_token": token}
    answer = visit.client.post("/people/new", data=sent, follow_redirects=True)
    assert answer.request.path == "/sign-in" and "Your session ended and your change was not saved." in answer.text
    assert account_named("new") is None
