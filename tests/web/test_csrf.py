"""CSRF tokens belong to one session: not to the visitor before it, the session after it, or another browser."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select

from registry.accounts.roles import Role
from registry.accounts.sessions import WebSession, renew_session, secret_hash_of
from registry.core.database import db, transaction
from tests.fixtures.web import PASSWORD, SignedIn, Visit

FLASK_SESSION = "registry_notice"
SIGNED_IN = "registry_session"
OUT_OF_DATE = "This form is out of date"


def cookie(visit: Visit, name: str) -> str:
    stored = visit.client.get_cookie(name)
    assert stored is not None
    return stored.value


def sign_out_status(visit: Visit, token: str) -> int:
    answer = visit.client.post("/sign-out", data={"csrf_token": token})
    assert (answer.status_code == 403) == (OUT_OF_DATE in answer.text)
    return answer.status_code


def test_token_from_before_sign_in_is_refused_after_it(visit: Visit, signed_in: SignedIn) -> None:
    signed_in(Role.AUDITOR, name="a.serikova")
    planted = visit.token()
    visit.sign_in("a.serikova")

    assert sign_out_status(visit, planted) == 403
    assert sign_out_status(visit, visit.token("/home")) == 303


def test_flask_session_of_another_browser_gives_no_valid_token(app: Flask, signed_in: SignedIn) -> None:
    attacker = Visit(app.test_client())
    token = attacker.token()
    victim = signed_in(Role.AUDITOR)

    victim.client.set_cookie(FLASK_SESSION, cookie(attacker, FLASK_SESSION))

    assert sign_out_status(victim, token) == 403


def test_token_ends_with_its_session(visit: Visit, signed_in: SignedIn) -> None:
    signed_in(Role.AUDITOR, name="a.serikova")
    visit.sign_in("a.serikova")
    before = visit.token("/home")
    assert sign_out_status(visit, before) == 303

    assert visit.client.post("/sign-in", data={"csrf_token": before, "name": "a.serikova"}).status_code == 403
    visit.sign_in("a.serikova")
    assert sign_out_status(visit, before) == 403


def test_form_of_another_tab_stays_valid_when_a_factor_renews_the_session(visit: Visit, signed_in: SignedIn) -> None:
    signed_in(Role.AUDITOR, name="a.serikova")
    visit.sign_in("a.serikova")
    before = visit.token("/home")
    row = db.session.scalars(
        select(WebSession).where(WebSession.secret_hash == secret_hash_of(cookie(visit, SIGNED_IN)))
    )
    session = row.one()
    with transaction():
        renewed = renew_session(session.id, session.secret_hash)
    visit.client.set_cookie(SIGNED_IN, renewed)
    assert sign_out_status(visit, before) == 303


def test_pages_opened_at_once_without_the_flask_session_all_have_valid_forms(app: Flask, signed_in: SignedIn) -> None:
    visit = signed_in(Role.AUDITOR)
    tabs = []
    for _ in range(2):
        tab = Visit(app.test_client())
        tab.client.set_cookie(SIGNED_IN, cookie(visit, SIGNED_IN))
        tabs.append(tab.token("/home"))
    restored = app.test_client()
    restored.set_cookie(SIGNED_IN, cookie(visit, SIGNED_IN))

    assert restored.post("/people/password", data={"csrf_token": tabs[0]}).status_code != 403
    assert restored.post("/sign-out", data={"csrf_token": tabs[1]}).status_code == 303


def test_token_does_not_expire_before_its_session(visit: Visit, signed_in: SignedIn) -> None:
    signed_in(Role.AUDITOR, name="a.serikova")
    token = visit.token()

    with time_machine.travel(datetime.now(UTC) + timedelta(hours=7), tick=False):
        data = {"csrf_token": token, "name": "a.serikova", "password": PASSWORD}
        assert visit.client.post("/sign-in", data=data).status_code == 303


@pytest.mark.parametrize(("base_url", "secure"), [("https://localhost", True), ("http://localhost", False)])
def test_flask_session_cookie_is_secure_under_tls(visit: Visit, base_url: str, secure: bool) -> None:
    answer = visit.client.get("/sign-in", base_url=base_url)
    (header,) = [value for value in answer.headers.getlist("Set-Cookie") if value.startswith(FLASK_SESSION)]

    assert ("Secure" in header, "HttpOnly" in header, "SameSite=Lax" in header) == (secure, True, True)
