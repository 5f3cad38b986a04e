"""Sign-in and sign-out pages, and sessions."""

from __future__ import annotations

from base64 import urlsafe_b64decode
from datetime import timedelta

from flask import Flask
from sqlalchemy import select

from registry.accounts.roles import Role
from registry.accounts.service import NewPerson, add_person, person_named
from registry.accounts.sessions import WebSession
from registry.core.clock import now
from registry.core.database import db
from tests.factories import ADMINISTRATOR
from tests.fixtures.web import PASSWORD, SignedIn, Visit
from tests.present import Present


def a_person(name: str = "a.serikova", role: Role = Role.REVIEWER) -> int:
    return add_person(ADMINISTRATOR, NewPerson(name, role), PASSWORD).id


def test_correct_password_redirects_to_the_home_page(visit: Visit) -> None:
    a_person()
    # Nothing waits for somebody new.
    assert "National overview" in visit.sign_in("a.serikova").text


def test_session_ends_after_idle_time(signed_in: SignedIn, present: Present) -> None:
    present.set(now())
    visit = signed_in(Role.REVIEWER)
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
    assert kept is not None
    visit.send("/sign-out", page="/home")
    again = app.test_client()
    again.set_cookie("registry_session", kept.value)
    assert again.get("/home").status_code == 303


def test_signing_in_again_ends_the_previous_session(app: Flask, signed_in: SignedIn) -> None:
    visit = signed_in(Role.AUDITOR)
    before = visit.client.get_cookie("registry_session")
    assert before is not None
    thief = app.test_client()
    thief.set_cookie("registry_session", before.value)

    token = visit.token("/projects")
    visit.client.post("/sign-in", data={"csrf_token": token, "name": "auditor.web", "password": PASSWORD})

    after = visit.client.get_cookie("registry_session")
    assert after is not None
    assert after.value != before.value
    assert visit.client.get("/projects").status_code == 200
    assert thief.get("/projects").headers["Location"].startswith("/sign-in")


def test_database_stores_no_session_secret(signed_in: SignedIn) -> None:
    visit = signed_in(Role.REVIEWER)
    kept = visit.client.get_cookie("registry_session")
    assert kept is not None
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
