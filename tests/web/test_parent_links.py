"""Parent links: every typed, submitted or revisited URL has a page that leads on."""

from __future__ import annotations

import re

import pytest
from flask import Flask
from werkzeug.routing import IntegerConverter

from registry.accounts.roles import Role
from registry.http.security import REQUIRED_PERMISSION
from registry.web.errors import unexpected
from tests.cases.casework import flagged_case
from tests.factories import a_project
from tests.fixtures.web import PASSWORD, SignedIn
from tests.web.test_forms import filled, routes

HUGE = "99999999999999999999"
A_BROWSER = {"Accept": "text/html"}


def test_no_route_accepts_unbounded_numbers(app: Flask) -> None:
    numbers = [
        converter
        for rule in app.url_map.iter_rules()
        if hasattr(app.view_functions[rule.endpoint], REQUIRED_PERMISSION)
        for converter in rule._converters.values()
        if isinstance(converter, IntegerConverter)
    ]
    assert all(converter.max is not None for converter in numbers)


@pytest.mark.parametrize("role", [Role.SUPERVISOR, Role.AGENCY_EDITOR, Role.ADMINISTRATOR])
def test_too_long_number_is_not_found(app: Flask, signed_in: SignedIn, role: Role) -> None:
    number = a_project().number
    visit = signed_in(role)
    token = visit.token("/home")
    for method, rule, _needs in routes(app):
        path = re.sub(r"<(row_id|int\(max=\d+\)):\w+>", HUGE, rule)
        if path != rule:
            path = filled(path, number)
            answer = visit.client.open(path, method=method, data={"csrf_token": token}, headers=A_BROWSER)
            assert answer.status_code == 404 and "There is nothing at this address. Check" in answer.text, path


def test_language_switch_after_form_leads_to_form_page(signed_in: SignedIn) -> None:
    _project, case = flagged_case()
    visit = signed_in(Role.SUPERVISOR)
    answer = visit.send(f"{case}/comment?status=new", page=case)
    assert answer.status_code == 422
    switch = re.search(r'formaction="(/language/ru\?[^"]+)"', answer.text)
    page = visit.send(switch[1].replace("&amp;", "&"), page=case)
    assert (page.status_code, page.request.full_path) == (200, f"{case}?status=new")
    assert '<html lang="ru"' in page.text


def test_form_only_url_redirects_to_form_page(signed_in: SignedIn) -> None:
    project, case = flagged_case()
    visit = signed_in(Role.SUPERVISOR)
    for path, page in {
        f"{case}/approve": case,
        f"/projects/{project.number}/documents": f"/projects/{project.number}",
        "/inventory/1/apply": "/inventory",
    }.items():
        answer = visit.client.get(path, headers=A_BROWSER)
        assert (answer.status_code, answer.headers["Location"]) == (303, page)


def test_unknown_url_is_not_found_page(signed_in: SignedIn) -> None:
    visit = signed_in(Role.REVIEWER)
    for answer in (visit.client.get("/sign-out", headers=A_BROWSER), visit.client.delete("/cases", headers=A_BROWSER)):
        assert answer.status_code == 405 and "only accepts a form" in answer.text and answer.headers["Allow"]
    assert visit.client.get("/home").status_code == 200
    for headers in ({"Accept": "application/json"}, {}):
        answer = visit.client.delete("/api/v1/cases/1", headers=headers)
        assert answer.get_json()["type"].endswith("method-not-allowed")


def test_form_after_session_end_leads_to_sign_in_and_back(signed_in: SignedIn) -> None:
    _project, case = flagged_case()
    visit = signed_in(Role.REVIEWER)
    token = visit.token(case)
    visit.send("/sign-out", page="/home")
    answer = visit.client.post(f"{case}/comment", data={"csrf_token": token, "comment-comment": "Звонил."})
    assert answer.status_code == 303
    page = visit.get(answer.headers["Location"])
    assert "Your session ended" in page.text and f'name="back" value="{case}"' in page.text
    answer = visit.send("/sign-in", name="reviewer.web", password=PASSWORD, back=case)
    assert answer.request.path == case and "Звонил." not in answer.text


def test_internal_error_shows_trace_id_and_home_link(app: Flask) -> None:
    with app.test_request_context("/home", headers={"Cookie": "registry_language=en"}):
        answer = unexpected(RuntimeError("a mistake of the test's own"))
    assert answer.status_code == 500
    assert "Give this number to support:" in answer.get_data(as_text=True)
    assert 'href="/">To the first page' in answer.get_data(as_text=True)


@pytest.mark.parametrize(
    ("role", "path", "heading", "section"),
    [
        (Role.AGENCY_EDITOR, "/appeals", "Appeals", "Cases"),
        (Role.SUPERVISOR, "/orders", "Orders", "Orders"),
        (Role.SUPERVISOR, "/cases/watch-list", "Watch list", "Cases"),
        (Role.SUPERVISOR, "/cases/exemptions-ending", "Exemptions ending", "Cases"),
        (Role.SUPERVISOR, "/cases/team", "Team", "Cases"),
        (Role.SUPERVISOR, "/cases/templates", "Templates", "Settings"),
        (Role.AUDITOR, "/checkpoints", "Checkpoints of the journal", "Settings"),
    ],
)
def test_page_has_its_own_heading_and_a_section_of_the_menu(
    signed_in: SignedIn, role: Role, path: str, heading: str, section: str
) -> None:
    page = signed_in(role).get(path).text
    assert re.findall(r"<h1[^>]*>([^<]+)</h1>", page) == [heading]
    menu = page.partition('id="navigation"')[2].partition("</ul>")[0]
    assert re.findall(r'aria-current="\w+">([^<]+)<', menu) == [section]
