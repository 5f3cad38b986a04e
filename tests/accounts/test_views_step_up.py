"""The confirmation that it is still the same person, before what needs a fresh factor."""

from __future__ import annotations

from datetime import timedelta

from registry.accounts.roles import Role
from registry.accounts.service import person_named
from registry.core.clock import now
from tests.accounts.factors.steps import required
from tests.accounts.test_views_second_factor import VERIFY, a_person, enrolled, start
from tests.fixtures.web import Visit
from tests.present import Present

__all__ = ["required", "start"]


def test_form_asks_for_a_confirmation_before_it_is_filled_in(visit: Visit, start: Present) -> None:
    a_person("zhanna", Role.ADMINISTRATOR)
    totp, _codes = enrolled(visit, "zhanna")
    assert visit.client.get("/people/new").status_code == 200
    start.move(timedelta(minutes=15, seconds=1))
    assert visit.client.get("/people").status_code == 200
    page = visit.get("/people/new")
    assert page.request.path == VERIFY and "Confirm that it is you" in page.text
    page = visit.send(VERIFY, kind="totp", code=totp.at(now()), back="/people/new")
    assert page.request.path == "/people/new"


def test_form_that_is_sent_without_a_fresh_factor_keeps_what_was_entered(visit: Visit, start: Present) -> None:
    a_person("zhanna", Role.ADMINISTRATOR)
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
    a_person("zhanna", Role.ADMINISTRATOR)
    totp, _codes = enrolled(visit, "zhanna")
    a_person("asel", Role.AGENCY_VIEWER)
    person = person_named("asel")
    assert person is not None
    path = f"/people/{person.id}/disabled"
    token = visit.token(path)
    start.move(timedelta(minutes=16))
    page = visit.client.post(path, data={"csrf_token": token}, follow_redirects=True)
    assert page.request.path == VERIFY and "Your change was not saved." in page.text and f'value="{path}"' in page.text
    assert not person.is_disabled
    assert visit.send(VERIFY, kind="totp", code=totp.at(now()), back=path).request.path == path
    assert "The account is disabled." in visit.send(path).text


def test_confirmation_does_not_redirect_to_another_host(visit: Visit, start: Present) -> None:
    a_person("zhanna")
    totp, _codes = enrolled(visit, "zhanna")
    start.move(timedelta(minutes=1))
    answer = visit.send(VERIFY, follow=False, kind="totp", code=totp.at(now()), back="//evil.example")
    assert answer.headers["Location"] == "/home"
