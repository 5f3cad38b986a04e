"""Cross-origin requests: forms are accepted only from pages of this service, whatever their token."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask

from registry.accounts.roles import Role
from registry.accounts.service import NewPerson, add_person
from registry.agencies.models import Agency
from registry.http.security import PUBLIC_ORIGIN, origin_of
from tests.api.callers import BASE
from tests.conftest import service_app
from tests.factories import ADMINISTRATOR, a_project, a_token, an_agency, bearer, project_values
from tests.fixtures.web import PASSWORD, SignedIn, Visit
from tests.web.test_forms import filled, routes

REFUSED = "This form was sent from another site"


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": ""},
        {"Sec-Fetch-Site": "same-origin, cross-site"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"},
        {"Origin": "http://localhost:8080"},
        {"Origin": "http://sibling.localhost"},
        {"Origin": "http://localhost.evil.example"},
        {"Origin": "null"},
        {"Origin": ""},
    ],
)
def test_sign_in_form_from_other_origin_is_rejected(visit: Visit, headers: dict[str, str]) -> None:
    add_person(ADMINISTRATOR, NewPerson("a.serikova", Role.REVIEWER), PASSWORD)
    data = {"csrf_token": visit.token(), "name": "a.serikova", "password": PASSWORD}

    answer = visit.client.post("/sign-in", data=data, headers=headers)

    assert answer.status_code == 403
    assert REFUSED in answer.text
    assert visit.client.get_cookie("registry_session") is None


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "none"},
        {"Sec-Fetch-Site": "same-origin", "Origin": "null"},
        {"Origin": "http://localhost"},
        {"Origin": "https://localhost"},
        {"Origin": "https://registry.example.kz"},
    ],
)
def test_sign_in_form_from_the_own_origin_is_accepted(visit: Visit, app: Flask, headers: dict[str, str]) -> None:
    app.extensions[PUBLIC_ORIGIN] = origin_of("https://Registry.example.kz:443/")
    add_person(ADMINISTRATOR, NewPerson("a.serikova", Role.REVIEWER), PASSWORD)
    data = {"csrf_token": visit.token(), "name": "a.serikova", "password": PASSWORD}

    answer = visit.client.post("/sign-in", data=data, headers=headers)

    app.extensions[PUBLIC_ORIGIN] = None
    assert (answer.status_code, answer.headers["Location"]) == (303, "/home")


def test_public_url_of_the_settings_is_an_own_origin(own_database: str, tmp_path: Path) -> None:
    app = service_app(own_database, tmp_path, REGISTRY_PUBLIC_URL="https://registry.example.kz/")
    assert app.extensions[PUBLIC_ORIGIN] == "https://registry.example.kz"


def test_every_form_from_other_origin_is_rejected(app: Flask, signed_in: SignedIn) -> None:
    number = a_project().number
    visitor, person = Visit(app.test_client()), signed_in(Role.ADMINISTRATOR)
    for who in (visitor, person):
        token = who.token("/sign-in" if who is visitor else "/home")
        for method, rule, _ in routes(app):
            if method == "POST":
                headers = {"Sec-Fetch-Site": "same-site"}
                answer = who.client.post(filled(rule, number), data={"csrf_token": token}, headers=headers)
                assert answer.status_code == 403, rule
                assert REFUSED in answer.text, rule


def test_api_accepts_tokens_from_any_origin_and_no_session_cookie(app: Flask, signed_in: SignedIn) -> None:
    agency: Agency = an_agency()
    body = {"agency": agency.bin, **project_values()}
    token = bearer(a_token(Role.AGENCY_EDITOR, agency))
    visit = signed_in(Role.AGENCY_EDITOR, agency)

    by_token = app.test_client().post(f"{BASE}/projects", json=body, headers={**token, "Sec-Fetch-Site": "cross-site"})
    by_cookie = visit.client.post(f"{BASE}/projects", json=body, headers={"Sec-Fetch-Site": "same-origin"})

    assert by_token.status_code == 201
    assert by_cookie.status_code == 401
