"""Pages of signing in and out: limits, the second factor, step-up, and abuse, which is refused with what to do."""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode
from datetime import timedelta

import pyotp
import pytest
from flask import Flask
from sqlalchemy import select

from registry.accounts.account_changes import change_role, disable_account
from registry.accounts.models import account_named
from registry.accounts.passwords import BY_EMAIL
from registry.accounts.roles import Role
from registry.accounts.service import NewPerson, add_person, invite_person, person_named, set_password
from registry.accounts.sessions import WebSession
from registry.core.clock import now
from registry.core.database import db
from tests.accounts.factors.software_authenticator import SoftwareAuthenticator
from tests.accounts.factors.steps import required
from tests.factories import ADMINISTRATOR, an_agency
from tests.fixtures.web import PASSWORD, SignedIn, Visit
from tests.present import Present

__all__ = ["required"]


def a_person(name: str = "a.serikova", role: Role = Role.REVIEWER) -> int:
    return add_person(ADMINISTRATOR, NewPerson(name, role), PASSWORD).id


def test_session_ends_an_hour_after_its_last_use(signed_in: SignedIn, present: Present) -> None:
    present.set(now())
    visit = signed_in(Role.REVIEWER)
    for _ in range(2):
        present.move(timedelta(minutes=59))
        assert visit.client.get("/home").status_code == 200
    present.move(timedelta(minutes=61))
    assert visit.client.get("/home").status_code == 303


def test_page_after_the_end_of_a_session_says_so_and_leads_back(
    signed_in: SignedIn, visit: Visit, present: Present
) -> None:
    present.set(now())
    reviewer = signed_in(Role.REVIEWER)
    present.move(timedelta(minutes=61))
    page = reviewer.get("/projects").text
    assert "Your session ended. Sign in to return to the page." in page
    assert 'name="back" value="/projects"' in page
    assert "Your session ended" not in visit.get("/projects").text


def test_session_ends_after_12_hours_of_use(signed_in: SignedIn, present: Present) -> None:
    start = now()
    present.set(start)
    visit = signed_in(Role.REVIEWER)
    for half_hours in range(1, 25):
        present.set(start + timedelta(minutes=30 * half_hours))
        assert visit.client.get("/home").status_code == 200
    present.set(start + timedelta(hours=12, minutes=1))
    assert visit.client.get("/home").status_code == 303


def test_signing_out_ends_the_session_itself_not_only_the_cookie(app: Flask, signed_in: SignedIn) -> None:
    visit = signed_in(Role.REVIEWER)
    kept = visit.client.get_cookie("registry_session")
    visit.send("/sign-out", page="/home")
    again = app.test_client()
    again.set_cookie("registry_session", kept.value)
    assert again.get("/home").status_code == 303


def test_signing_in_again_ends_the_previous_session(app: Flask, signed_in: SignedIn) -> None:
    visit = signed_in(Role.AUDITOR)
    before = visit.client.get_cookie("registry_session")
    thief = app.test_client()
    thief.set_cookie("registry_session", before.value)

    token = visit.token("/projects")
    visit.client.post("/sign-in", data={"csrf_token": token, "name": "auditor.web", "password": PASSWORD})

    after = visit.client.get_cookie("registry_session")
    assert after.value != before.value
    assert visit.client.get("/projects").status_code == 200
    assert thief.get("/projects").headers["Location"].startswith("/sign-in")


def test_database_stores_no_session_secret(signed_in: SignedIn) -> None:
    visit = signed_in(Role.REVIEWER)
    kept = visit.client.get_cookie("registry_session")
    assert kept.value not in db.session.scalars(select(WebSession.secret_hash)).all()
    assert len(urlsafe_b64decode(kept.value + "=")) == 32
    person = person_named("reviewer.web")
    assert person is not None and person.password_hash.startswith("$argon2id$")


def test_cookies_are_httponly_samesite_and_secure_under_tls(visit: Visit) -> None:
    a_person()
    token = visit.token()
    answer = visit.client.post(
        "/sign-in",
        data={"csrf_token": token, "name": "a.serikova", "password": PASSWORD},
        base_url="https://localhost",
        headers={"Cookie": f"registry_notice={visit.client.get_cookie('registry_notice').value}"},
    )
    cookie = next(value for value in answer.headers.getlist("Set-Cookie") if value.startswith("registry_session="))
    assert "HttpOnly" in cookie and "SameSite=Lax" in cookie and "Secure" in cookie


def test_sign_in_does_not_redirect_to_another_host(visit: Visit) -> None:
    a_person()
    for back in ("https://evil.example", "//evil.example", "/\\evil.example"):
        answer = visit.send("/sign-in", follow=False, name="a.serikova", password=PASSWORD, back=back)
        assert answer.headers["Location"] == "/home"
        visit.send("/sign-out", page="/home")


KEY = re.compile(r'id="secret">([A-Z2-7 ]+)<')
CODES = re.compile(r"<li>([0-9A-Z]{5}-[0-9A-Z]{5})</li>")
ENROL = "/account/factors/app"
VERIFY = "/sign-in/second-factor"


def a_newcomer(name: str, role: Role = Role.AUDITOR) -> None:
    agency = an_agency().id if role.value.startswith("agency") else None
    add_person(ADMINISTRATOR, NewPerson(name, role, agency), PASSWORD)


def enrolled(visit: Visit, name: str, back: str = "/home") -> tuple[pyotp.TOTP, list[str]]:
    """Sign in for the first time and set up an authenticator app; the app and the recovery codes."""
    visit.send("/sign-in", name=name, password=PASSWORD, back=back)
    page = visit.send("/account/factors/app/start", page="/account/factors/new", back=back)
    key = KEY.search(page.text)
    assert key and "<svg" in page.text
    app = pyotp.TOTP(key[1].replace(" ", ""))
    page = visit.send(ENROL, code=app.at(now()), back=back)
    assert f'href="{back}"' in page.text
    return app, CODES.findall(page.text)


@pytest.fixture
def start(required: None, present: Present) -> Present:
    """The setting of oversight roles, and a clock that stands still."""
    present.set(now())
    return present


def test_first_sign_in_of_a_role_that_requires_a_factor_sets_one_up(app: Flask, visit: Visit, start: Present) -> None:
    a_newcomer("zhanna")
    answer = visit.send("/sign-in", follow=False, name="zhanna", password=PASSWORD, back="/projects?q=a")
    assert answer.headers["Location"] == "/sign-in/second-factor?back=/projects?q%3Da"
    page = visit.get("/home")
    assert page.request.path == "/account/factors/new" and "Your role requires a second factor" in page.text
    assert 'aria-label="Menu"' not in page.text and "Sign out" in page.text
    page = visit.send("/account/factors/app/start", page="/account/factors/new", back="/projects?q=a")
    key = KEY.search(page.text)
    totp = pyotp.TOTP(key[1].replace(" ", ""))
    assert KEY.findall(visit.get(ENROL).text) == [key[1]], "the key stays the same when the page is opened again"
    wrong = visit.send(ENROL, code="000 000")
    assert wrong.status_code == 422 and "The code is wrong." in wrong.text
    assert "Enter the code." in visit.send(ENROL, code=" ").text
    page = visit.send(ENROL, code=totp.at(now()), back="/projects?q=a")
    assert len(set(CODES.findall(page.text))) == 10 and 'href="/projects?q=a"' in page.text
    assert "data:text/plain;charset=utf-8," in page.text and "no-store" in page.headers["Cache-Control"]
    assert visit.client.get("/projects").status_code == 200
    assert CODES.findall(visit.get("/account").text) == []


def test_sign_in_asks_for_the_factor_and_leads_on(app: Flask, visit: Visit, start: Present) -> None:
    a_newcomer("zhanna")
    totp, codes = enrolled(visit, "zhanna")
    start.move(timedelta(minutes=1))
    other = Visit(app.test_client())
    page = other.send("/sign-in", name="zhanna", password=PASSWORD, back="/audits")
    assert page.request.path == VERIFY and "Your password is correct." in page.text
    for path in ("/home", "/account", "/account/tokens/new", "/projects.csv", "/account/password"):
        assert other.client.get(path).headers["Location"].startswith("/sign-in/second-factor?back=")
    assert other.client.get("/account/factors/new").headers["Location"].startswith(VERIFY), "none is added before it"
    assert "Enter the code." in other.send(VERIFY, kind="totp", code="").text
    assert other.send(VERIFY, kind="totp", code="000000").status_code == 422
    answer = other.send(VERIFY, follow=False, kind="totp", code=totp.at(now()), back="/audits")
    assert answer.headers["Location"] == "/audits"
    assert other.client.get("/audits").status_code == 200
    start.move(timedelta(minutes=1))
    third = Visit(app.test_client())
    third.send("/sign-in", name="zhanna", password=PASSWORD)
    answer = third.send(VERIFY, follow=False, kind="recovery_code", recovery_code=codes[0].lower())
    assert answer.headers["Location"] == "/home" and "Recovery codes left: 9." in third.get("/account").text
    start.move(timedelta(minutes=1))
    fourth = Visit(app.test_client())
    fourth.send("/sign-in", name="zhanna", password=PASSWORD)
    again = fourth.send(VERIFY, kind="recovery_code", recovery_code=codes[0])
    assert again.status_code == 422 and 'id="recovery_code-error"' in again.text
    assert "This recovery code has been used." in again.text


def test_verification_renews_the_secret_of_the_session(app: Flask, visit: Visit, start: Present) -> None:
    a_newcomer("zhanna")
    totp, _codes = enrolled(visit, "zhanna")
    start.move(timedelta(minutes=1))
    other = Visit(app.test_client())
    other.send("/sign-in", name="zhanna", password=PASSWORD)
    before = other.client.get_cookie("registry_session")
    other.send(VERIFY, kind="totp", code=totp.at(now()))
    thief = app.test_client()
    thief.set_cookie("registry_session", before.value)
    assert thief.get("/home").headers["Location"].startswith("/sign-in?")


def test_password_that_an_administrator_knows_is_changed_before_the_factor_is_set_up(
    visit: Visit, start: Present
) -> None:
    a_newcomer("zhanna")
    person = person_named("zhanna")
    set_password(ADMINISTRATOR, person.id, "given by an administrator", must_change=True)
    page = visit.sign_in("zhanna", "given by an administrator")
    assert page.request.path == "/account/password" and "An administrator knows your password." in page.text
    assert visit.client.get("/account/factors/new").headers["Location"] == "/account/password"
    page = visit.send("/account/password", old_password="given by an administrator", new_password=PASSWORD)
    assert page.request.path == "/account/factors/new"


def test_passkey_is_added_and_used(app: Flask, visit: Visit, start: Present) -> None:
    a_newcomer("zhanna")
    key = SoftwareAuthenticator()
    visit.sign_in("zhanna")
    headers = {"X-CSRFToken": visit.token("/account/factors/new")}
    options = visit.client.post("/account/factors/passkeys/options", json={}, headers=headers).text
    sent = {"credential": key.create(options)}
    answer = visit.client.post("/account/factors/passkeys?name=Office&back=/audits", json=sent, headers=headers)
    assert answer.get_json() == {"form": "recovery-codes"}
    page = visit.client.post("/account/recovery-codes", data={"csrf_token": headers["X-CSRFToken"], "back": "/audits"})
    assert len(CODES.findall(page.text)) == 10 and 'href="/audits"' in page.text
    assert "Office" in visit.get("/account").text
    other = Visit(app.test_client())
    other.send("/sign-in", name="zhanna", password=PASSWORD, back="/audits")
    page = other.get("/sign-in/second-factor?back=/audits")
    assert 'data-passkey="get"' in page.text and 'name="code"' not in page.text
    headers = {"X-CSRFToken": other.token(VERIFY)}
    options = other.client.post("/sign-in/second-factor/passkey-options", json={}, headers=headers).text
    credential = key.get(options)
    for body in ({}, {"credential": "x"}, ["x"], {"credential": {**credential, "response": {}}}):
        refused = other.client.post("/sign-in/second-factor/passkey", json=body, headers=headers)
        assert refused.status_code == 422 and "The passkey was not accepted." in refused.get_json()["error"]
    answer = other.client.post(
        "/sign-in/second-factor/passkey?back=/audits", json={"credential": credential}, headers=headers
    )
    assert answer.get_json() == {"location": "/audits"} and other.client.get("/audits").status_code == 200
    again = other.client.post("/sign-in/second-factor/passkey", json={"credential": credential}, headers=headers)
    assert again.status_code == 409 and "Start again" in again.get_json()["error"]


def test_passkey_requests_need_the_token_of_the_page(visit: Visit, start: Present) -> None:
    a_newcomer("zhanna")
    visit.sign_in("zhanna")
    assert visit.client.post("/account/factors/passkeys/options", json={}).status_code == 403


def test_account_without_a_factor_confirms_the_password_before_its_first_one(
    signed_in: SignedIn, start: Present
) -> None:
    visit = signed_in(Role.AGENCY_EDITOR)
    start.move(timedelta(minutes=16))
    page = visit.get("/account/factors/new")
    assert page.request.path == VERIFY and 'name="password"' in page.text
    wrong = visit.send(VERIFY, kind="password", password="wrong", back="/account/factors/new")
    assert wrong.status_code == 422 and "The current password is wrong." in wrong.text
    page = visit.send(VERIFY, kind="password", password=PASSWORD, back="/account/factors/new")
    assert page.request.path == "/account/factors/new" and "Add a second factor" in page.text


def test_form_asks_for_a_confirmation_before_it_is_filled_in(visit: Visit, start: Present) -> None:
    a_newcomer("zhanna", Role.ADMINISTRATOR)
    totp, _codes = enrolled(visit, "zhanna")
    assert visit.client.get("/people/new").status_code == 200
    start.move(timedelta(minutes=15, seconds=1))
    assert visit.client.get("/people").status_code == 200
    page = visit.get("/people/new")
    assert page.request.path == VERIFY and "Confirm that it is you" in page.text
    page = visit.send(VERIFY, kind="totp", code=totp.at(now()), back="/people/new")
    assert page.request.path == "/people/new"


def test_form_that_is_sent_without_a_fresh_factor_keeps_what_was_entered(visit: Visit, start: Present) -> None:
    a_newcomer("zhanna", Role.ADMINISTRATOR)
    totp, _codes = enrolled(visit, "zhanna")
    token = visit.token("/people/new")
    person = {"name": "asel", "role": "auditor", "language": "kk", "csrf_token": token}
    start.move(timedelta(minutes=16))
    page = visit.client.post("/people/new", data=person)
    assert page.status_code == 422 and 'value="asel"' in page.text
    assert 'href="/sign-in/second-factor?back=/sign-in/second-factor/done"' in page.text
    assert person_named("asel") is None
    page = visit.send(VERIFY, kind="totp", code=totp.at(now()), back="/sign-in/second-factor/done")
    assert "Close this tab" in page.text
    assert visit.client.post("/people/new", data=person).status_code == 303
    assert person_named("asel") is not None


def test_button_without_a_form_leads_to_the_confirmation_and_back_and_says_that_nothing_was_done(
    visit: Visit, start: Present
) -> None:
    a_newcomer("zhanna", Role.ADMINISTRATOR)
    totp, _codes = enrolled(visit, "zhanna")
    a_newcomer("asel", Role.AGENCY_VIEWER)
    person = person_named("asel")
    path = f"/people/{person.id}/disabled"
    token = visit.token(path)
    start.move(timedelta(minutes=16))
    page = visit.client.post(path, data={"csrf_token": token}, follow_redirects=True)
    assert page.request.path == VERIFY and "Your change was not saved." in page.text and f'value="{path}"' in page.text
    assert not person.is_disabled
    assert visit.send(VERIFY, kind="totp", code=totp.at(now()), back=path).request.path == path
    assert "The account is disabled." in visit.send(path).text


def test_confirmation_does_not_redirect_to_another_host(visit: Visit, start: Present) -> None:
    a_newcomer("zhanna")
    totp, _codes = enrolled(visit, "zhanna")
    start.move(timedelta(minutes=1))
    answer = visit.send(VERIFY, follow=False, kind="totp", code=totp.at(now()), back="//evil.example")
    assert answer.headers["Location"] == "/home"


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
