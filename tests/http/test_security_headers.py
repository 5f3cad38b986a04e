"""Every answer protects itself: each route of both faces, right and wrong, and what no route answers."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.routing import AnyConverter, Rule
from werkzeug.test import TestResponse

from registry.accounts.roles import Role
from tests.conftest import service_app
from tests.factories import a_token, bearer
from tests.fixtures.web import SignedIn, signed_in

__all__ = ["signed_in"]

ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
POLICY = ("default-src 'none'", "base-uri 'none'", "frame-ancestors 'none'")
# What protects an answer hangs on no database.
pytestmark = pytest.mark.sqlite_only
METHODS = ("GET", "HEAD", "POST", "PATCH", "PUT", "DELETE", "OPTIONS", "TRACE")
# What a shared cache may keep: the same for everybody, and no secret.
PUBLIC = ("web.asset", "docs.asset")


def wrong_with(answer: TestResponse, *, public: bool = False) -> list[str]:
    headers = answer.headers
    wrong_headers = [name for name, value in ALWAYS.items() if headers.getlist(name) != [value]]
    policies = headers.getlist("Content-Security-Policy")
    policy = policies[0] if len(policies) == 1 else "unsafe: none, or several"
    if "unsafe" in policy or "*" in policy or any(part not in policy for part in POLICY):
        wrong_headers.append(f"policy {policies}")
    kept = headers.get("Cache-Control", "")
    if not public and kept not in ("no-store", "private, no-cache"):
        wrong_headers.append(f"may be kept: {kept}")
    if "Server" in headers or "X-Powered-By" in headers:
        wrong_headers.append("tells its make")
    return wrong_headers


def addresses(app: Flask) -> Iterator[tuple[Rule, str]]:
    """Each route with an address that fits it."""
    for rule in app.url_map.iter_rules():
        values = dict.fromkeys(rule.arguments, "1") | {"number": "QT-2026-0000001-5", "name": "registry.css"}
        for name, converter in rule._converters.items():
            if isinstance(converter, AnyConverter):
                values[name] = min(converter.items)
        built = rule.build({name: values[name] for name in rule.arguments})
        yield rule, built[1]


@pytest.mark.parametrize("who", ["nobody", "a token", "a person"])
def test_every_answer_of_every_route_is_protected_whoever_asks(
    app: Flask, who: str, signed_in: SignedIn, nightly: bool
) -> None:
    client = signed_in(Role.ADMINISTRATOR).client if who == "a person" else app.test_client()
    headers = bearer(a_token(Role.ADMINISTRATOR)) if who == "a token" else {}
    wrong = []
    # On every day each of them asks a third of the routes.
    share = slice(None) if nightly else slice(("nobody", "a token", "a person").index(who), None, 3)
    for rule, path in list(addresses(app))[share]:
        # HEAD as GET. Every method that the route does not take is a 405, whoever asks.
        for method in METHODS if who == "nobody" else sorted(rule.methods or ()):
            with client.open(path, method=method, headers=headers) as answer:
                wrong_headers = wrong_with(answer, public=rule.endpoint in PUBLIC and answer.status_code in (200, 304))
                wrong += [(method, path, answer.status_code, wrong_headers)] if wrong_headers else []

    assert wrong == []


def test_what_no_route_answers_is_protected_too(client: FlaskClient) -> None:
    token = bearer(a_token(Role.ADMINISTRATOR))
    large = b"x" * (1024 * 1024 + 1)
    answers = [
        (404, client.get("/nothing/here")),
        (404, client.get("/nothing/here", headers={"Accept": "text/html"})),
        (404, client.get("/api/v1/nothing")),
        (404, client.get("/assets/../../etc/passwd")),
        (405, client.delete("/api/v1/projects")),
        (413, client.post("/api/v1/projects", data=large, content_type="application/json", headers=token)),
        (413, client.post("/sign-in", data={"name": io.BytesIO(large * 2)})),
        (415, client.post("/api/v1/projects", data=b"x", content_type="text/plain", headers=token)),
    ]

    assert [answer.status_code for _, answer in answers] == [status for status, _ in answers]
    assert [wrong_with(answer) for _, answer in answers] == [[]] * len(answers)


def test_a_mistake_of_the_program_is_protected_and_tells_nothing_of_itself(own_app: Flask) -> None:
    def broken(**path: object) -> str:
        raise RuntimeError("the secret of the broken view")

    for name in ("web.projects", "health.healthz", "projects.Projects"):
        assert name in own_app.view_functions
        own_app.view_functions[name] = broken

    for path in ("/projects", "/healthz", "/api/v1/projects"):
        answer = own_app.test_client().get(path)

        assert answer.status_code == 500
        assert wrong_with(answer) == []
        assert b"secret of the broken view" not in answer.data
        assert b"Traceback" not in answer.data


def test_responses_behind_tls_have_strict_transport_security(app: Flask) -> None:
    for path in ("/sign-in", "/nothing", "/api/v1/projects", "/assets/registry.css"):
        answer = app.test_client().get(path, base_url="https://registry.example")
        assert answer.headers["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains", path


def test_a_public_address_of_https_is_enough_for_a_proxy_with_tls(own_database: str, tmp_path: Path) -> None:
    app = service_app(own_database, tmp_path, REGISTRY_PUBLIC_URL="https://registry.example")
    assert "Strict-Transport-Security" in app.test_client().get("/healthz").headers
    cookies = app.test_client().get("/sign-in").headers.getlist("Set-Cookie")
    assert cookies
    assert all("Secure" in cookie and "HttpOnly" in cookie and "SameSite=Lax" in cookie for cookie in cookies)
