"""The API of webhooks, and the receiver of the guide."""

from __future__ import annotations

import re
import threading
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from registry.accounts.roles import Role, Scope
from registry.accounts.tokens import issue
from registry.agencies.models import Agency
from registry.core.clock import now
from registry.settings import CHECKOUT
from registry.webhooks.queue import WebhookRun, deliver
from registry.webhooks.sender import WEBHOOK_NETWORKS
from registry.webhooks.service import replay
from tests.api.callers import Caller, caller, code, codes
from tests.factories import ADMINISTRATOR, a_project, an_agency
from tests.webhooks.receiver import receiving
from tests.webhooks.world import LOCAL, a_webhook, an_owner

URL = "https://receiver.example.kz/hook"
CONDITION = {"event": "case.changed", "before": ["new"], "after": ["under_review"]}


@pytest.fixture
def service(client: FlaskClient, agency: Agency) -> Caller:
    """A program of the agency."""
    return Caller(client, a_limited_token(agency, {Scope.READ, Scope.ACCOUNTS_WRITE}))


def test_created_webhook_shows_its_secret_once(editor: Caller, agency: Agency) -> None:
    body = {"url": URL, "events": ["case.changed"], "conditions": [CONDITION], "agency": agency.bin}
    answer = editor.post("/webhooks", body, Idempotency_Key="once")
    created = answer.get_json()
    assert answer.status_code == 201
    assert answer.headers["Location"] == f"/api/v1/webhooks/{created['id']}"
    assert answer.headers["Cache-Control"] == "no-store"
    assert created["secret"].startswith("whsec_")
    assert {name: created[name] for name in body} == body
    assert (created["enabled"], created["is_own"], created["role"]) == (True, True, "agency_editor")
    assert editor.post("/webhooks", body, Idempotency_Key="once").get_json() == {**created, "secret": None}
    del created["secret"]
    assert editor.get(f"/webhooks/{created['id']}").get_json() == created
    assert editor.get("/webhooks").get_json() == {"items": [created], "next": None}


def test_rotation_shows_the_new_secret_once(editor: Caller) -> None:
    created = editor.post("/webhooks", {"url": URL}).get_json()
    rotated = editor.post(f"/webhooks/{created['id']}/secret-rotation", {})
    assert rotated.status_code == 200
    assert rotated.get_json()["secret"] != created["secret"]
    assert rotated.get_json()["previous_secret_until"] is not None
    assert "secret" not in editor.get(f"/webhooks/{created['id']}").get_json()


def test_wrong_webhook_is_refused(editor: Caller) -> None:
    nothing = {**CONDITION, "before": [], "after": []}
    for body, pointer, problem in (
        ({}, "/url", "required"),
        ({"url": "https://169.254.169.254/latest/meta-data"}, "/url", "webhook-target-not-allowed"),
        ({"url": "https://user:word@receiver.example.kz/"}, "/url", "url-with-credentials"),
        ({"url": "file:///etc/passwd"}, "/url", "url-invalid"),
        ({"url": URL, "events": ["project.exploded"]}, "/events", "not-a-choice"),
        ({"url": URL, "events": None}, "/events", "required"),
        ({"url": URL, "conditions": [{"event": "case.changed"}]}, "/conditions", "webhook-conditions-invalid"),
        ({"url": URL, "conditions": [{**CONDITION, "now": []}]}, "/conditions", "webhook-conditions-invalid"),
        ({"url": URL, "conditions": [nothing]}, "/conditions", "webhook-conditions-invalid"),
        ({"url": URL, "conditions": [CONDITION] * 21}, "/conditions", "webhook-conditions-invalid"),
        ({"url": URL, "secret": "whsec_AAAA"}, "/secret", "unknown-field"),
        ({"url": URL, "is_own": True}, "/is_own", "read-only-field"),
    ):
        answer = editor.post("/webhooks", body)
        assert (answer.status_code, codes(answer)) == (422, {(pointer, problem)}), body


def test_agency_must_be_the_own_one_or_below_it(editor: Caller, agency: Agency) -> None:
    below = an_agency(parent=agency)
    assert editor.post("/webhooks", {"url": URL, "agency": below.bin}).status_code == 201
    answer = editor.post("/webhooks", {"url": URL, "agency": an_agency().bin})
    assert codes(answer) == {("/agency", "webhook-agency-outside")}


def test_patch_changes_and_enables(editor: Caller) -> None:
    path = f"/webhooks/{editor.post('/webhooks', {'url': URL}).get_json()['id']}"
    disabled = editor.change(path, {"enabled": False, "events": ["flag.opened"]}).get_json()
    assert (disabled["enabled"], disabled["disabled_reason"], disabled["events"]) == (False, "owner", ["flag.opened"])
    assert code(editor.post(f"{path}/test", {})) == "webhook-disabled"
    assert code(editor.post(f"{path}/replay", {"since": "2026-11-26"})) == "webhook-disabled"
    enabled = editor.change(path, {"enabled": True}).get_json()
    assert (enabled["enabled"], enabled["disabled_reason"], enabled["disabled_at"]) == (True, None, None)
    assert editor.patch(path, {"enabled": False}).status_code == 428
    assert editor.patch(path, {"enabled": False}, If_Match='"of another state"').status_code == 412
    assert codes(editor.change(path, {"url": "https://127.0.0.1/"})) == {("/url", "webhook-target-not-allowed")}


def test_replay_takes_a_day_or_an_instant(editor: Caller) -> None:
    path = f"/webhooks/{editor.post('/webhooks', {'url': URL}).get_json()['id']}/replay"
    for since in ("2026-11-26", "2026-11-26T09:00:00Z"):
        assert editor.post(path, {"since": since}).status_code == 202
    for since, problem in ((None, "required"), ("yesterday", "expected-date"), (1, "expected-text")):
        assert ("/since", problem) in codes(editor.post(path, {"since": since})), since


def test_log_lists_deliveries_newest_first_with_filters(app: Flask, editor: Caller, agency: Agency) -> None:
    app.config[WEBHOOK_NETWORKS] = LOCAL.networks
    with receiving() as receiver:
        body = {"url": receiver.url, "events": ["project.registered"]}
        path = f"/webhooks/{editor.post('/webhooks', body).get_json()['id']}"
        project = a_project(agency)
        deliver(LOCAL)
    queued = editor.post(f"{path}/test", {})
    assert (queued.status_code, queued.get_json()["state"]) == (202, "waiting")
    items = editor.get(f"{path}/deliveries").get_json()["items"]
    assert [(each["type"], each["state"]) for each in items] == [
        ("webhook.test", "waiting"),
        ("project.registered", "delivered"),
    ]
    assert (items[1]["subject"], items[1]["status"], items[1]["tries"]) == (f"project:{project.number}", 204, 1)
    assert editor.get(f"{path}/deliveries?state=waiting").get_json()["items"] == items[:1]
    assert editor.get(f"{path}/deliveries?type=project.registered").get_json()["items"] == items[1:]
    assert editor.get(f"{path}/deliveries?state=lost").status_code == 400


def test_administrator_of_the_agency_sees_and_deletes_those_of_its_accounts(
    client: FlaskClient, service: Caller, agency: Agency
) -> None:
    path = f"/webhooks/{service.post('/webhooks', {'url': f'{URL}?key=1'}).get_json()['id']}"
    administrator, stranger = (caller(client, Role.AGENCY_ADMINISTRATOR, each) for each in (agency, an_agency()))
    seen = administrator.get(path).get_json()
    assert (seen["url"], seen["is_own"]) == ("https://receiver.example.kz", False)
    assert code(administrator.change(path, {"url": URL})) == "webhook-not-yours"
    assert code(administrator.post(f"{path}/secret-rotation", {})) == "webhook-not-yours"
    assert code(administrator.get(f"{path}/deliveries")) == "webhook-not-yours"
    for method in ("GET", "DELETE"):
        assert stranger.call(method, path).status_code == 404
    assert administrator.call("DELETE", path, headers={"If-Match": '"of another state"'}).status_code == 412
    tag = administrator.get(path).headers["ETag"]
    assert administrator.call("DELETE", path, headers={"If-Match": tag}).status_code == 204
    assert service.get(path).status_code == 404


def a_limited_token(agency: Agency, scopes: set[Scope]) -> str:
    name = f"program {'-'.join(sorted(scopes))}".replace(":", " ")
    return issue(ADMINISTRATOR, name, Role.AGENCY_EDITOR, agency.id, timedelta(days=1), scopes=scopes).text


GUIDE = CHECKOUT / "docs" / "how-to" / "integrator.md"


def test_receiver_of_the_guide_accepts_each_message_once(app: Flask, capsys: pytest.CaptureFixture[str]) -> None:
    receiver = GUIDE.read_text(encoding="utf-8").partition("## Webhooks")[2]
    code = re.search(r"```python\n(.*?)```", receiver, re.DOTALL)
    names: dict[str, Any] = {"__name__": "receiver"}
    exec(code[1], names)

    class Quiet(names["Receiver"]):
        def log_message(self, *_: Any) -> None:
            pass

    assert issubclass(Quiet, BaseHTTPRequestHandler)
    before, owner = now(), an_owner(Role.SUPERVISOR)
    with HTTPServer(("127.0.0.1", 0), Quiet) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            url = f"http://127.0.0.1:{server.server_address[1]}/"
            webhook, names["SECRET"] = a_webhook(owner, url, events=["project.registered"])
            project = a_project()
            assert deliver(LOCAL) == WebhookRun(delivered=1)
            replay(owner, webhook, before)
            assert deliver(LOCAL) == WebhookRun(delivered=1)
            names["SECRET"] = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
            replay(owner, webhook, before)
            assert deliver(LOCAL) == WebhookRun(failed=1)
        finally:
            server.shutdown()
            thread.join()
    assert capsys.readouterr().out == f"project.registered project:{project.number}\n"
