"""Headers of every answer: security, compression, and security.txt."""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import brotli
import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.routing import AnyConverter, Rule
from werkzeug.test import TestResponse

from registry.accounts.roles import Role
from registry.core.settings import security_contact, support_uri
from registry.http.security import init_security_txt
from registry.settings import read_settings
from tests.api.callers import BASE
from tests.conftest import service_app
from tests.factories import a_project, a_token, an_agency, bearer
from tests.fixtures.web import SignedIn, Visit, signed_in
from tests.present import Present

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


PATH = "/.well-known/security.txt"


def service(folder: Path, **variables: str) -> FlaskClient:
    """A service of these settings that answers this route only."""
    app = Flask("security")
    init_security_txt(app, read_settings({"REGISTRY_DATA_DIR": str(folder), **variables}))
    return app.test_client()


def test_security_txt_names_the_contact_the_expiry_and_the_languages(tmp_path: Path, present: Present) -> None:
    present.set(datetime(2026, 3, 1, 9, 30, tzinfo=UTC))
    settings = {"REGISTRY_SECURITY_CONTACT": "cert@gov.kz", "REGISTRY_PUBLIC_URL": "https://registry.gov.kz/"}
    answer = service(tmp_path, **settings).get(PATH)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.text == (
        "Contact: mailto:cert@gov.kz\n"
        "Expires: 2026-03-31T00:00:00Z\n"
        "Preferred-Languages: kk, ru, en\n"
        "Canonical: https://registry.gov.kz/.well-known/security.txt\n"
    )


def test_security_txt_is_absent_without_a_contact(client: FlaskClient) -> None:
    assert client.get(PATH).status_code == 404


@pytest.mark.parametrize(
    ("text", "uri"),
    [
        ("cert@gov.kz", "mailto:cert@gov.kz"),
        ("+7 (7172) 55-99-97", "tel:+77172559997"),
        ("1414", "tel:1414"),
        ("https://gov.kz/security", "https://gov.kz/security"),
    ],
)
def test_security_contact_becomes_a_uri(text: str, uri: str) -> None:
    assert security_contact(text) == uri


@pytest.mark.parametrize("text", ["javascript:alert(1)", "https://gov.kz", "a@b", "", "+", "a@b.kz\nContact: x"])
def test_support_contact_is_an_address_or_a_telephone_number(text: str) -> None:
    assert support_uri(text) is None


@pytest.mark.parametrize(
    ("text", "link"),
    [("help@gov.kz", "mailto:help@gov.kz"), ("+7 7172 55 99 97", "tel:+77172559997")],
)
def test_sign_in_page_and_error_pages_name_whom_to_ask(
    app: Flask, visit: Visit, monkeypatch: pytest.MonkeyPatch, text: str, link: str
) -> None:
    expected = f'<a class="govuk-link nowrap" href="{link}">{text}</a>'
    assert "Ask for help" not in visit.get("/sign-in").text
    monkeypatch.setitem(app.config, "SUPPORT_CONTACT", text)
    assert f"Cannot sign in? Ask for help: {expected}" in visit.get("/sign-in").text
    missing = visit.client.get("/nothing-here", headers={"Accept": "text/html"})
    assert missing.status_code == 404
    assert f"Ask for help: {expected}" in missing.text


def test_page_of_an_unexpected_error_names_whom_to_ask(own_app: Flask) -> None:
    def broken() -> None:
        raise RuntimeError("a mistake")

    own_app.view_functions["web.welcome"] = broken
    own_app.config["SUPPORT_CONTACT"] = "help@gov.kz"
    answer = own_app.test_client().get("/", headers={"Accept": "text/html"})
    assert answer.status_code == 500
    assert '<a class="govuk-link nowrap" href="mailto:help@gov.kz">help@gov.kz</a>' in answer.text


BROWSER = {"Accept-Encoding": "gzip, deflate, br, zstd"}


ENCODING = {
    "gzip, deflate, br, zstd": "zstd",
    "gzip, deflate, br": "br",
    "gzip, deflate": "gzip",
    # Excluded, though named.
    "gzip;q=1, br;q=0, zstd;q=0.000": "gzip",
    "*": "zstd",
    **dict.fromkeys(("deflate", "identity", "gzip;q=0", "gzip;q=0, identity", "zstd;q=0, *", "")),
}


def test_page_is_compressed_by_what_the_browser_accepts(client: FlaskClient) -> None:
    plain = client.get("/sign-in").data
    for accepted, encoding in ENCODING.items():
        answer = client.get("/sign-in", headers={"Accept-Encoding": accepted})

        assert answer.headers.get("Content-Encoding") == encoding, accepted
        assert "accept-encoding" in answer.vary.as_set()
        if encoding is not None:
            assert len(answer.data) < len(plain) / 2


def test_compressed_page_and_json_are_the_same_as_plain_ones(app: Flask) -> None:
    project = a_project()
    client = app.test_client()
    headers = bearer(a_token(Role.AUDITOR))
    path = f"{BASE}/projects/{project.number}"

    plain = client.get(path, headers=headers)
    packed = client.get(path, headers={**headers, "Accept-Encoding": "gzip"})
    smaller = client.get(path, headers={**headers, "Accept-Encoding": "br"})

    assert gzip.decompress(packed.data) == plain.data
    assert brotli.decompress(smaller.data) == plain.data
    assert (packed.headers["Content-Type"], int(packed.headers["Content-Length"])) == (
        "application/json",
        len(packed.data),
    )


def test_workbooks_are_not_compressed(signed_in: SignedIn) -> None:
    a_project()
    with signed_in(Role.AUDITOR).client.get("/projects.xlsx", headers=BROWSER) as answer:
        assert (answer.status_code, answer.headers.get("Content-Encoding")) == (200, None)


@pytest.mark.on_both
@pytest.mark.parametrize("name", ["projects.csv", "projects.ndjson", "history.ndjson", "agencies.csv"])
def test_tables_are_compressed_as_they_are_streamed(app: Flask, name: str) -> None:
    for _ in range(50):
        a_project()
    client, headers = app.test_client(), bearer(a_token(Role.AUDITOR))
    sent = {}
    for accepted in ("identity", "gzip", "br"):
        with client.get(f"{BASE}/exports/{name}", headers={**headers, "Accept-Encoding": accepted}) as answer:
            assert answer.is_streamed and "Content-Length" not in answer.headers
            sent[answer.headers.get("Content-Encoding")] = answer.data

    assert gzip.decompress(sent["gzip"]) == brotli.decompress(sent["br"]) == sent[None]
    assert len(sent["gzip"]) < len(sent[None]) / 4


def test_tag_of_a_compressed_response_gives_304_and_changes_the_project(app: Flask) -> None:
    agency = an_agency()
    project = a_project(agency)
    client, path = app.test_client(), f"{BASE}/projects/{project.number}"
    headers = {**bearer(a_token(Role.AGENCY_EDITOR, agency)), **BROWSER}
    merge_patch = "application/merge-patch+json"

    def rename(name: str, tag: str) -> int:
        sent = {**headers, "If-Match": tag}
        return client.patch(path, data=f'{{"name_en": "{name}"}}', content_type=merge_patch, headers=sent).status_code

    first = client.get(path, headers=headers)
    tag = first.headers["ETag"]
    unchanged = client.get(path, headers={**headers, "If-None-Match": tag})
    statuses = [rename("B", tag.replace(":zstd", ":xz")), rename("A", tag), rename("C", tag)]

    assert first.headers["Content-Encoding"] == "zstd" and tag.endswith(':zstd"')
    assert (unchanged.status_code, unchanged.headers["ETag"], unchanged.data) == (304, tag, b"")
    assert statuses == [412, 200, 412]


def test_style_sheet_is_compressed(client: FlaskClient) -> None:
    plain = client.get("/assets/registry.css")
    packed = client.get("/assets/registry.css", headers=BROWSER)

    assert packed.headers["Content-Encoding"] == "zstd"
    assert len(packed.data) < len(plain.data) / 2
