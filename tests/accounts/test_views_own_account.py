"""Pages of the user's own account, and of service accounts and tokens."""

from __future__ import annotations

import re

from flask import Flask
from sqlalchemy import select

from registry.accounts.models import account_named
from registry.accounts.queries import all_tokens
from registry.accounts.roles import Role
from registry.accounts.service import edit_account, person_named
from registry.core.database import db
from registry.journal.service import JournalEntry
from tests.factories import ADMINISTRATOR, an_agency, bearer
from tests.fixtures.web import SignedIn, Visit

TOKEN = re.compile(r"qtr_(\w{10})_\w+")


def account_id(name: str) -> int:
    account = account_named(name)
    assert account is not None
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
    assert person is not None
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
