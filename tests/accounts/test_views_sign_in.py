"""What signing in promises: throttled, revocable, ending after idle time, the same person as behind a token."""

from __future__ import annotations

from datetime import timedelta

from flask import Flask
from sqlalchemy import select

from registry.accounts.attempts import MOST_OF_NAME_FROM_SOURCE, WINDOW
from registry.accounts.people import NewPerson, add_person, disable_person, person_named, set_password
from registry.accounts.roles import Role
from registry.accounts.sessions import IDLE, WebSession
from registry.core.clock import now
from registry.core.database import db
from registry.journal.service import JournalEntry
from tests.factories import ADMINISTRATOR, a_token, bearer
from tests.fixtures.web import PASSWORD, SignedIn, Visit
from tests.present import Present


def a_person(name: str = "a.serikova", role: Role = Role.REVIEWER) -> int:
    return add_person(ADMINISTRATOR, NewPerson(name, role), PASSWORD).id


def test_the_right_password_leads_to_the_first_page(visit: Visit) -> None:
    a_person()
    # Nothing waits for somebody new.
    assert "National overview" in visit.sign_in("a.serikova").text


def test_a_wrong_password_and_an_unknown_name_hear_the_same(visit: Visit) -> None:
    a_person()
    wrong, unknown = visit.sign_in("a.serikova", "not this one"), visit.sign_in("nobody", "not this one")
    assert wrong.status_code == unknown.status_code == 401
    assert "The name or the password is wrong" in wrong.text
    assert "The name or the password is wrong" in unknown.text


def test_guessing_is_throttled_and_the_right_password_too_until_the_window_is_over(
    visit: Visit, present: Present
) -> None:
    present.set(now())
    a_person()
    for _ in range(MOST_OF_NAME_FROM_SOURCE):
        assert visit.sign_in("a.serikova", "guess").status_code == 401
    assert visit.sign_in("a.serikova").status_code == 429
    present.move(WINDOW + timedelta(seconds=1))
    assert visit.sign_in("a.serikova").status_code == 200


def test_a_session_ends_after_idle_time(signed_in: SignedIn, present: Present) -> None:
    present.set(now())
    visit = signed_in(Role.REVIEWER)
    present.move(IDLE - timedelta(minutes=1))
    assert visit.client.get("/home").status_code == 200
    present.move(IDLE + timedelta(minutes=1))
    assert visit.client.get("/home").status_code == 303


def test_a_session_ends_after_12_hours_of_work(signed_in: SignedIn, present: Present) -> None:
    start = now()
    present.set(start)
    visit = signed_in(Role.REVIEWER)
    for half_hours in range(1, 25):
        present.set(start + timedelta(minutes=30 * half_hours))
        assert visit.client.get("/home").status_code == 200
    present.set(start + timedelta(hours=12, minutes=1))
    assert visit.client.get("/home").status_code == 303


def test_a_disabled_person_is_out_on_the_next_request_with_session_and_token(app: Flask, signed_in: SignedIn) -> None:
    visit = signed_in(Role.REVIEWER, name="b.omarov")
    token = a_token(Role.REVIEWER, name="b.omarov")
    person = person_named("b.omarov")
    assert person is not None
    disable_person(ADMINISTRATOR, person.id)
    assert visit.client.get("/home").status_code == 303
    assert app.test_client().get("/api/v1/projects", headers=bearer(token)).status_code == 401
    assert visit.sign_in("b.omarov").status_code == 401


def test_a_new_password_ends_every_session(signed_in: SignedIn) -> None:
    visit = signed_in(Role.REVIEWER, name="c.akhmet")
    person = person_named("c.akhmet")
    assert person is not None
    set_password(ADMINISTRATOR, person.id, "quite another password")
    assert visit.client.get("/home").status_code == 303
    assert visit.sign_in("c.akhmet", "quite another password").status_code == 200


def test_signing_out_ends_the_session_itself_not_only_the_cookie(app: Flask, signed_in: SignedIn) -> None:
    visit = signed_in(Role.REVIEWER)
    kept = visit.client.get_cookie("registry_session")
    assert kept is not None
    visit.send("/sign-out", page="/home")
    again = app.test_client()
    again.set_cookie("registry_session", kept.value)
    assert again.get("/home").status_code == 303


def test_signing_in_again_ends_the_session_before(app: Flask, signed_in: SignedIn) -> None:
    visit = signed_in(Role.AUDITOR)
    before = visit.client.get_cookie("registry_session")
    assert before is not None
    thief = app.test_client()
    thief.set_cookie("registry_session", before.value)

    token = visit.token("/projects")
    visit.client.post("/sign-in", data={"form_token": token, "name": "auditor.web", "password": PASSWORD})

    after = visit.client.get_cookie("registry_session")
    assert after is not None
    assert after.value != before.value
    assert visit.client.get("/projects").status_code == 200
    assert thief.get("/projects").headers["Location"].startswith("/sign-in")


def test_the_database_holds_no_secret_that_a_cookie_could_be_made_of(signed_in: SignedIn) -> None:
    visit = signed_in(Role.REVIEWER)
    kept = visit.client.get_cookie("registry_session")
    assert kept is not None
    assert kept.value not in db.session.scalars(select(WebSession.secret_hash)).all()
    person = person_named("reviewer.web")
    assert person is not None and person.password_hash.startswith("$argon2id$")


def test_cookies_are_out_of_reach_for_scripts_and_other_sites_and_secure_under_tls(visit: Visit) -> None:
    a_person()
    token = visit.token()
    answer = visit.client.post(
        "/sign-in",
        data={"form_token": token, "name": "a.serikova", "password": PASSWORD},
        base_url="https://localhost",
        headers={"Cookie": f"registry_visitor={visit.client.get_cookie('registry_visitor').value}"},
    )
    cookie = next(value for value in answer.headers.getlist("Set-Cookie") if value.startswith("registry_session="))
    assert "HttpOnly" in cookie and "SameSite=Lax" in cookie and "Secure" in cookie


def test_pages_and_tokens_act_as_one_principal_in_the_journal(signed_in: SignedIn) -> None:
    signed_in(Role.SUPERVISOR, name="d.nurlan")
    entry = db.session.scalars(select(JournalEntry).where(JournalEntry.action == "person.signed-in")).one()
    assert (entry.principal, entry.role) == ("d.nurlan", "supervisor")


def test_nobody_is_led_to_another_host_after_signing_in(visit: Visit) -> None:
    a_person()
    for back in ("https://evil.example", "//evil.example", "/\\evil.example"):
        answer = visit.send("/sign-in", follow=False, name="a.serikova", password=PASSWORD, back=back)
        assert answer.headers["Location"] == "/home"
        visit.send("/sign-out", page="/home")
