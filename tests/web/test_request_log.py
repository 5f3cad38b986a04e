"""Request log: each line names the principal, for pages and for the API."""

from __future__ import annotations

import json

import pytest
from flask import Flask

from registry.accounts.roles import Role
from registry.http.requests import JsonLines
from registry.http.security import RATE_LIMITER, RateLimiter
from tests.factories import a_token, bearer
from tests.fixtures.web import SignedIn, Visit


def logged(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str, int, str | None]]:
    return [
        (record.method, record.path, record.status, record.principal)
        for record in caplog.records
        if record.getMessage() == "request"
    ]


def test_code_of_a_letter_is_not_logged(visit: Visit, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", "registry"):
        for path in (
            "/verify/ABCD-EFGH-JKLM",
            "/verify/ABCD-EFGH-JKLM.json",
            "/verify/ABCD/more",
            "/invitation?key=K-123",
        ):
            visit.get(path)
    assert [path for _, path, _, _ in logged(caplog)] == ["/verify/-", "/verify/-", "/verify/-", "/invitation"]


def test_request_log_names_the_principal_of_pages(
    app: Flask, signed_in: SignedIn, caplog: pytest.LogCaptureFixture
) -> None:
    visit = signed_in(Role.REVIEWER, name="a.serikova")
    token = visit.token("/home")
    caplog.clear()

    visit.client.get("/projects")
    visit.client.get("/people")
    visit.client.head("/projects")
    visit.client.post("/sign-out", data={"csrf_token": "wrong"})
    visit.client.get("/nothing", headers={"Accept": "text/html"})
    visit.client.post("/sign-out", data={"csrf_token": token})
    visit.client.get("/projects")

    assert logged(caplog) == [
        ("GET", "/projects", 200, "a.serikova"),
        ("GET", "/people", 403, "a.serikova"),
        ("HEAD", "/projects", 200, "a.serikova"),
        ("POST", "/sign-out", 403, "a.serikova"),
        ("GET", "/nothing", 404, "a.serikova"),
        ("POST", "/sign-out", 303, "a.serikova"),
        ("GET", "/projects", 303, None),
    ]


def test_request_log_names_the_principal_of_the_api(app: Flask, caplog: pytest.LogCaptureFixture) -> None:
    client, headers = app.test_client(), bearer(a_token(Role.REVIEWER, name="b.omarov"))
    caplog.clear()

    client.get("/api/v1/projects", headers=headers)
    client.get("/api/v1/journal", headers=headers)
    client.get("/api/v1/projects", headers=bearer("qtr_junk"))

    assert logged(caplog) == [
        ("GET", "/api/v1/projects", 200, "b.omarov"),
        ("GET", "/api/v1/journal", 403, "b.omarov"),
        ("GET", "/api/v1/projects", 401, None),
    ]


def test_request_log_names_the_principal_over_the_rate_limit(app: Flask, caplog: pytest.LogCaptureFixture) -> None:
    client, headers = app.test_client(), bearer(a_token(Role.REVIEWER, name="b.omarov"))
    app.extensions[RATE_LIMITER] = RateLimiter(1)
    caplog.clear()

    for _ in range(2):
        client.get("/api/v1/projects", headers=headers)
    del app.extensions[RATE_LIMITER]

    assert logged(caplog) == [
        ("GET", "/api/v1/projects", 200, "b.omarov"),
        ("GET", "/api/v1/projects", 429, "b.omarov"),
    ]


def test_request_log_contains_address_of_failed_sign_in(visit: Visit, caplog: pytest.LogCaptureFixture) -> None:
    data = {"csrf_token": visit.token(), "name": "nobody", "password": "guess"}
    caplog.clear()

    visit.client.post("/sign-in", data=data, environ_overrides={"REMOTE_ADDR": "192.0.2.7"})

    line = json.loads(JsonLines().format(caplog.records[-1]))
    assert (line["path"], line["status"], line["principal"], line["source"]) == ("/sign-in", 401, None, "192.0.2.7")
