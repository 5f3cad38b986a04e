"""Calls of the provider carry the trace of the request that causes them."""

from __future__ import annotations

from flask import Flask

from tests.accounts.oidc.scripted_provider import ScriptedProvider

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def test_provider_is_called_with_the_trace_of_the_request(app: Flask, provider: ScriptedProvider) -> None:
    answer = app.test_client().get(
        "/sign-in/oidc", headers={"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}, follow_redirects=False
    )
    assert answer.status_code in (302, 303)
    assert provider.traces
    assert all(trace is not None and trace.startswith(f"00-{TRACE}-") for trace in provider.traces)
