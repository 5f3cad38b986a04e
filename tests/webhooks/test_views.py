"""Pages of webhooks: what owners do there, and what others see."""

from __future__ import annotations

import re

from flask import Flask

from registry.accounts.roles import Role
from registry.webhooks.queue import deliver
from registry.webhooks.sender import WEBHOOK_NETWORKS
from tests.factories import a_project, an_agency
from tests.fixtures.web import SignedIn, Visit
from tests.webhooks.receiver import receiving
from tests.webhooks.world import LOCAL

URL = "https://receiver.example.kz/hook"
SECRET = re.compile(r"whsec_[0-9A-Za-z+/=]{44}")


def created(visit: Visit, url: str = URL, **fields: str) -> tuple[str, str]:
    """The address of a new webhook's page, and its secret."""
    page = visit.send("/webhooks/new", url=url, conditions="", agency="", **fields)
    assert page.status_code == 200
    secret, address = SECRET.search(page.text), re.search(r"/webhooks/[0-9]+", page.text)
    assert secret and address
    return address[0], secret[0]


def test_new_webhook_shows_its_secret_once_and_is_listed(app: Flask, signed_in: SignedIn) -> None:
    visit = signed_in(Role.SUPERVISOR)
    assert "There are no webhooks." in visit.get("/webhooks").text
    page, secret = created(visit)
    assert secret not in visit.get(page).text
    assert URL in visit.get("/webhooks").text
    assert "/webhooks" in visit.get("/account").text


def test_wrong_address_is_reported_at_its_field(app: Flask, signed_in: SignedIn) -> None:
    visit = signed_in(Role.SUPERVISOR)
    for url in ("http://receiver.example.kz/", "https://192.168.1.1/", ""):
        answer = visit.send("/webhooks/new", url=url, conditions="case.changed new", agency="")
        assert answer.status_code == 422
        assert 'id="url-error"' in answer.text
    assert 'id="conditions-error"' in answer.text


def test_form_reads_and_shows_events_and_conditions(app: Flask, signed_in: SignedIn) -> None:
    visit = signed_in(Role.SUPERVISOR)
    page, _ = created(visit)
    lines = "case.changed: new, under_review > remediation\ncase.closed: > closed"
    changed = visit.send(
        f"{page}/edit", url=URL, events=["case.changed", "case.closed"], conditions=lines, agency="", follow=True
    )
    assert "Changes saved." in changed.text
    assert "case.changed: new, under_review &gt; remediation" in changed.text
    form = visit.get(f"{page}/edit").text
    assert form.count(" checked") == 2
    assert (
        "There were no changes to save."
        in visit.send(f"{page}/edit", url=URL, events=["case.changed", "case.closed"], conditions=lines, agency="").text
    )


def test_log_shows_a_delivery_and_a_test(app: Flask, signed_in: SignedIn) -> None:
    app.config[WEBHOOK_NETWORKS] = LOCAL.networks
    visit = signed_in(Role.SUPERVISOR)
    with receiving() as receiver:
        page, secret = created(visit, receiver.url, events="project.registered")
        project = a_project()
        assert "The test message is on its way." in visit.send(f"{page}/test", page).text
        deliver(LOCAL)
    for request in receiver.accepted:
        request.verify(secret)
    log = visit.get(page).text
    assert project.number in log
    assert log.count("Delivered</strong>") == 2
    assert "There are no deliveries." in visit.get(f"{page}?state=given_up").text


def test_webhook_is_disabled_enabled_rotated_replayed_and_deleted(app: Flask, signed_in: SignedIn) -> None:
    visit = signed_in(Role.SUPERVISOR)
    page, secret = created(visit)
    assert "The webhook is disabled." in visit.send(f"{page}/enabled", page, enabled="no").text
    assert "Disabled by its owner" in visit.get(page).text
    assert "The webhook is enabled and continues" in visit.send(f"{page}/enabled", page, enabled="yes").text
    rotated = SECRET.search(visit.send(f"{page}/secret-rotation").text)
    assert rotated and rotated[0] != secret
    assert "Former secret valid until" in visit.get(page).text
    assert "The events are delivered again." in visit.send(f"{page}/replay", since="01.11.2026").text
    assert visit.send(f"{page}/replay", since="").status_code == 422
    assert "Webhook deleted." in visit.send(f"{page}/deletion").text
    assert visit.get(page).status_code == 404


def test_agency_administrator_sees_the_host_and_deletes(app: Flask, signed_in: SignedIn) -> None:
    agency = an_agency()
    page, _ = created(signed_in(Role.AGENCY_EDITOR, agency), f"{URL}?key=of-the-receiver")
    administrator = signed_in(Role.AGENCY_ADMINISTRATOR, agency)
    seen = administrator.get(page).text
    assert "https://receiver.example.kz" in seen
    assert "of-the-receiver" not in seen
    assert "Deliveries" not in seen
    assert administrator.get(f"{page}/edit").status_code == 403
    assert "Webhook deleted." in administrator.send(f"{page}/deletion").text
    stranger = signed_in(Role.REVIEWER)
    assert stranger.get(page).status_code == 404
