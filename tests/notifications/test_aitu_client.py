"""The client of Aitu's bot API: what it sends beside the command."""

from __future__ import annotations

from registry.core.trace_context import outgoing_headers, trace_of_job
from registry.notifications.aitu import AituClient
from registry.notifications.settings import AituBot
from tests.notifications.aitu_server import TOKEN
from tests.webhooks.receiver import receiving


def test_message_has_the_trace_of_the_job_that_sends_it() -> None:
    with receiving() as receiver:
        receiver.answer = lambda _request: 200
        client = AituClient(AituBot(TOKEN, "qaztech_bot", receiver.url, "https://registry.tests"))
        with trace_of_job():
            client.send_message("user", "1", "text")
            expected = outgoing_headers()["traceparent"]
        client.close()
    assert [request.headers["traceparent"] for request in receiver.arrived] == [expected]
