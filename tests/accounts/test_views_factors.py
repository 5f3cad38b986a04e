"""Second factors, sessions, language and scopes of tokens on the page of one's own account."""

from __future__ import annotations

import json
import re
from datetime import timedelta

from flask import Flask
from sqlalchemy import select

from registry.accounts.roles import Role
from registry.accounts.service import person_named
from registry.core.clock import now
from registry.core.database import db
from registry.journal.service import JournalEntry
from tests.accounts.factors.steps import required
from tests.accounts.test_views_second_factor import VERIFY, a_person, enrolled, start
from tests.fixtures.web import PASSWORD, SignedIn, Visit
from tests.present import Present

__all__ = ["required", "start"]
END = re.compile(r'action="(/account/sessions/[\w-]+/end)"')
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"


def test_sessions_are_listed_with_device_and_address_and_ended(app: Flask, visit: Visit, start: Present) -> None:
    a_person("zhanna")
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


def test_language_is_changed_for_pages_and_notices(signed_in: SignedIn) -> None:
    visit = signed_in(Role.AUDITOR, language="kk")
    page = visit.send("/account/language", language="ru").text
    assert '<html lang="ru"' in page and "Язык уведомлений" in page and "Русский" in page
    person = person_named("auditor.web")
    assert person is not None and person.language == "ru"
    entry = db.session.scalars(select(JournalEntry).where(JournalEntry.action == "account.language-changed")).one()
    assert json.loads(entry.details) == {"changes": [{"field": "language", "old": "kk", "new": "ru"}]}
    assert visit.send("/account/language", language="de").status_code == 422


def test_token_that_may_do_more_needs_a_fresh_factor_and_keeps_the_form(visit: Visit, start: Present) -> None:
    a_person("zhanna", Role.SUPERVISOR)
    enrolled(visit, "zhanna")
    token = visit.token("/account/tokens/new")
    start.move(timedelta(minutes=16))
    data = {"csrf_token": token, "expires_in": "180", "role": "supervisor", "scopes": "decisions:approve"}
    answer = visit.client.post("/account/tokens/new", data=data)
    assert answer.status_code == 422 and "second factor that was verified in the last 15 minutes" in answer.text
    assert 'value="decisions:approve" checked>' in answer.text
    assert visit.client.post("/account/tokens/new", data={**data, "scopes": "read"}).status_code == 200
    assert visit.get("/account/tokens/new").request.path == VERIFY
