"""Pages of the user's own account: password, factors, sessions, tokens, service accounts."""

from __future__ import annotations

import json
import re
from datetime import timedelta

from flask import Flask
from sqlalchemy import select

from registry.accounts.models import account_named
from registry.accounts.queries import all_tokens
from registry.accounts.roles import Role
from registry.accounts.service import NewPerson, add_person, edit_account, person_named
from registry.core.clock import now
from registry.core.database import db
from registry.journal.service import JournalEntry
from tests.accounts.factors.steps import required
from tests.accounts.test_views_sign_in import VERIFY, a_newcomer, enrolled, start
from tests.factories import ADMINISTRATOR, an_agency, bearer
from tests.fixtures.web import PASSWORD, SignedIn, Visit
from tests.present import Present

__all__ = ["required", "start"]


TOKEN = re.compile(r"qtr_(\w{10})_\w+")


def account_id(name: str) -> int:
    account = account_named(name)
    return account.id


def entries(action: str) -> list[tuple[str, str]]:
    statement = select(JournalEntry.principal, JournalEntry.subject).where(JournalEntry.action == action)
    return [(row.principal, row.subject) for row in db.session.execute(statement.order_by(JournalEntry.seq))]


def test_my_account_shows_name_role_agency_and_language(signed_in: SignedIn) -> None:
    agency = an_agency(name_ru="Министерство озёр")
    visit = signed_in(Role.AGENCY_EDITOR, agency, language="ru")
    assert 'href="/account">agency_editor.web' in visit.get("/home").text
    page = visit.get("/account").text
    assert "–" in page.partition(">Электронная почта<")[2][:300]
    person = person_named("agency_editor.web")
    edit_account(ADMINISTRATOR, person.account_id, {"email": "e.bek@lakes.kz"})
    page = visit.get("/account").text
    assert "e.bek@lakes.kz" in page.partition(">Электронная почта<")[2][:300]
    for text in ("agency_editor.web", "Редактор организации", "Министерство озёр", "Русский", "У вас нет токенов."):
        assert text in page


def test_person_creates_a_token_that_is_displayed_once_and_revokes_it(app: Flask, signed_in: SignedIn) -> None:
    visit = signed_in(Role.AUDITOR)
    page = visit.send("/account/tokens/new", expires_in="30", scopes="read").text
    token = TOKEN.search(page)
    assert token and "Authorization: Bearer" in page
    client = app.test_client()
    assert client.get("/api/v1/projects", headers=bearer(token[0])).status_code == 200
    page = visit.get("/account").text
    assert token[0] not in page and token[1] in page and "Valid" in page
    path = f"/account/tokens/{token[1]}/revocation"
    assert f'href="{path}"' in page and visit.get(path).status_code == 200
    assert client.get("/api/v1/projects", headers=bearer(token[0])).status_code == 200
    page = visit.send(path).text
    assert "The token no longer works." in page and "Revoked" in page
    assert client.get("/api/v1/projects", headers=bearer(token[0])).status_code == 401
    subject = f"token:{token[1]}"
    assert entries("token.issued") == [("auditor.web", subject)] == entries("token.revoked")


def test_service_account_is_added_and_its_token_displayed_once(app: Flask, signed_in: SignedIn) -> None:
    agency = an_agency(name_ru="Министерство озёр")
    visit = signed_in(Role.ADMINISTRATOR)
    page = visit.send("/tokens/accounts/new", name="Lake system", role="agency_editor", agency=agency.bin).text
    assert "The service account Lake system is added." in page and "Министерство озёр" in page
    assert "Waiting for confirmation" not in page
    path = f"/tokens/accounts/{account_id('Lake system')}/token"
    page = visit.send(path, expires_in="90", scopes="read", role="agency_viewer").text
    token = TOKEN.search(page)
    assert token and "Lake system" in page
    assert app.test_client().get("/api/v1/projects", headers=bearer(token[0])).status_code == 200
    assert token[0] not in visit.get("/tokens").text
    assert [(kept["account"], kept["role"]) for kept in all_tokens(ADMINISTRATOR)] == [("Lake system", "agency_viewer")]
    assert entries("account.added")[-1] == ("administrator.web", "account:Lake system")


def test_first_sign_in_with_a_generated_password_redirects_to_its_change(app: Flask, signed_in: SignedIn) -> None:
    administrator = signed_in(Role.ADMINISTRATOR)
    person = {"name": "zhanna", "role": "agency_editor", "agency": an_agency().bin}
    shown = administrator.send("/people/new", language="en", **person).text
    password = shown.split('id="secret">')[1].split("<")[0]
    visit = Visit(app.test_client())
    page = visit.sign_in("zhanna", password)
    assert page.request.path == "/account/password" and "An administrator knows your password." in page.text
    assert 'aria-label="Menu"' not in page.text and 'href="/account"' not in page.text
    for path in ("/account", "/account/tokens/new", "/people/pending", "/projects.csv", "/home"):
        assert visit.client.get(path).headers["Location"] == "/account/password"
    again = visit.send("/account/password", old_password=password, new_password=password)
    assert "The new password must differ from the current one." in again.text
    visit.send("/account/password", old_password=password, new_password="quite another password")
    assert visit.client.get("/account").status_code == 200


PATH = "/account/password"


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


def test_pending_account_is_only_revealed_with_the_correct_password(visit: Visit, signed_in: SignedIn) -> None:
    administrator = signed_in(Role.ADMINISTRATOR)
    person = add_person(ADMINISTRATOR, NewPerson("zhanna", Role.REVIEWER), PASSWORD)
    administrator.send(f"/people/{person.id}/edit", role="supervisor")
    assert "has to confirm your account" in visit.sign_in("zhanna").text
    assert "The name, the e-mail address or the password is wrong" in visit.sign_in("zhanna", "not this one").text
    assert "Waiting for confirmation" in administrator.get("/people").text


END = re.compile(r'action="(/account/sessions/[\w-]+/end)"')
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"


def test_sessions_are_listed_with_device_and_address_and_ended(app: Flask, visit: Visit, start: Present) -> None:
    a_newcomer("zhanna")
    totp, _codes = enrolled(visit, "zhanna")
    assert "End all other sessions" not in visit.get("/account").text
    others = []
    for _ in range(3):
        start.move(timedelta(minutes=1))
        other = Visit(app.test_client())
        headers = {"User-Agent": FIREFOX}
        data = {"csrf_token": other.token(), "name": "zhanna", "password": PASSWORD}
        other.client.post("/sign-in", data=data, headers=headers)
        other.send(VERIFY, kind="totp", code=totp.at(now()))
        others.append(other)
    page = visit.get("/account").text
    assert page.count("Firefox") == 6 and "127.0.0.1" in page and page.count("This session") == 1
    assert len(END.findall(page)) == 3
    page = visit.send(END.findall(page)[0], page="/account").text
    assert "The session is ended." in page and len(END.findall(page)) == 2
    assert [other.client.get("/home").status_code for other in others] == [200, 200, 303]
    page = visit.send("/account/sessions/end-others", page="/account").text
    assert "2 sessions are ended." in page
    assert [other.client.get("/home").status_code for other in others] == [303, 303, 303]
    assert "You have no other sessions." in visit.send("/account/sessions/end-others", page="/account").text


def test_language_of_the_header_is_that_of_the_account_and_stays_after_signing_out(
    app: Flask, signed_in: SignedIn
) -> None:
    visit = signed_in(Role.AUDITOR, language="kk")
    page = visit.send("/language/ru?back=/account", page="/account").text
    assert '<html lang="ru"' in page and "Язык страниц и уведомлений" in page
    person = person_named("auditor.web")
    assert person is not None and person.language == "ru"
    entry = db.session.scalars(select(JournalEntry).where(JournalEntry.action == "account.language-changed")).one()
    assert json.loads(entry.details) == {"changes": [{"field": "language", "old": "kk", "new": "ru"}]}
    # A link changes the pages of the browser alone: another site may lead here.
    assert "Use the language of this page" in visit.get("/language/en?back=/account").text
    db.session.refresh(person)
    assert person.language == "ru"
    elsewhere = Visit(app.test_client())
    elsewhere.sign_in("auditor.web")
    elsewhere.client.delete_cookie("registry_language")
    assert '<html lang="ru"' in elsewhere.send("/sign-out", page="/account").text
    assert '<html lang="ru"' in elsewhere.get("/sign-in").text
    assert visit.client.post("/language/kk").status_code == 403


def test_token_that_may_do_more_needs_a_fresh_factor_and_keeps_the_form(visit: Visit, start: Present) -> None:
    a_newcomer("zhanna", Role.SUPERVISOR)
    enrolled(visit, "zhanna")
    token = visit.token("/account/tokens/new")
    start.move(timedelta(minutes=16))
    data = {"csrf_token": token, "expires_in": "180", "role": "supervisor", "scopes": "decisions:approve"}
    answer = visit.client.post("/account/tokens/new", data=data)
    assert answer.status_code == 422 and "second factor that was verified in the last 15 minutes" in answer.text
    assert 'value="decisions:approve" checked>' in answer.text
    assert visit.client.post("/account/tokens/new", data={**data, "scopes": "read"}).status_code == 200
    assert visit.get("/account/tokens/new").request.path == VERIFY
