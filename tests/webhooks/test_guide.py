"""The receiver in the guide for integrators, as it is written there."""

from __future__ import annotations

import re
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from flask import Flask

from registry.accounts.roles import Role
from registry.core.clock import now
from registry.settings import CHECKOUT
from registry.webhooks.queue import WebhookRun, deliver
from registry.webhooks.service import replay
from tests.factories import a_project
from tests.webhooks.world import LOCAL, a_webhook, an_owner

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
