"""What pages say: flash messages and errors in terms of their place, and links that lead on from every URL."""

from __future__ import annotations

import ast
import base64
import csv
import io
import re
from datetime import date, timedelta
from pathlib import Path

import pytest
from flask import Flask
from werkzeug.routing import IntegerConverter

from registry.accounts.roles import Role
from registry.audits.service import run_audit
from registry.core.clock import today
from registry.http.security import REQUIRED_PERMISSION
from registry.imports.service import import_now
from registry.web import blueprint as pages
from registry.web.errors import unexpected
from tests.audits.steps import create_projects, set_verified
from tests.cases.casework import GAP, LAW, flagged_case, send
from tests.cases.cast import ADMINISTRATOR, SAULE, act, audit, case_of, edit, editor_of
from tests.factories import a_project, an_actor, an_agency
from tests.fixtures.web import PASSWORD, SignedIn
from tests.inbox.people import actor_named
from tests.present import Present
from tests.web.test_forms import filled, routes

SUCCESS = "govuk-notification-banner--success"
BANNER = '<h2 class="govuk-notification-banner__title"'
SUMMARY = "govuk-error-summary"
WAITING = "/cases?status=awaiting_confirmation"


def cleared_case() -> int:
    project = a_project(**GAP)
    audit()
    edit(ADMINISTRATOR, project, object_commissioned_on="2020-01-01")
    audit()
    return case_of(project).id


def test_confirming_no_case_is_an_error_linked_to_first_case(signed_in: SignedIn) -> None:
    case = cleared_case()
    answer = signed_in(Role.REVIEWER).send("/cases/bulk/confirm?status=awaiting_confirmation", page=WAITING)
    assert answer.status_code == 422 and SUCCESS not in answer.text and BANNER not in answer.text
    assert f'<a href="#case-{case}">Choose at least one case</a>' in answer.text
    assert f'id="case-{case}"' in answer.text and "<title>Error: Cases" in answer.text
    assert re.search(r'aria-current="page">\s*Cleared, to confirm', answer.text)
    assert 'action="/cases/bulk/confirm?status=awaiting_confirmation"' in answer.text


def test_end_of_list_and_edit_without_changes_are_information(signed_in: SignedIn) -> None:
    agency = an_agency()
    project = a_project(agency)
    page = signed_in(Role.REVIEWER).get("/cases/next?status=new").text
    assert "That was the last case of this list." in page and BANNER in page and SUCCESS not in page
    page = signed_in(Role.AGENCY_EDITOR, agency).send(f"/projects/{project.number}/edit", version="1").text
    assert "There were no changes to save." in page and BANNER in page and SUCCESS not in page


def test_held_audit_is_not_a_success(signed_in: SignedIn) -> None:
    ids = create_projects(60, placement="on_platform")
    set_verified(ids, today() - timedelta(days=1))
    run_audit(an_actor(Role.OPERATOR))
    set_verified(ids, None)
    page = signed_in(Role.OPERATOR).send("/audits/new").text
    assert "The audit is held and changed nothing." in page
    assert SUCCESS not in page and "The audit is done." not in page


def test_completed_action_is_a_success(signed_in: SignedIn) -> None:
    page = signed_in(Role.OPERATOR).send("/audits/new").text
    assert "The audit is done." in page and page.count(SUCCESS) == 1 and SUMMARY not in page


def test_flash_cookie_is_signed_with_sha_256(signed_in: SignedIn) -> None:
    cookies = signed_in(Role.OPERATOR).send("/audits/new", follow=False).headers.getlist("Set-Cookie")
    cookie = next(cookie for cookie in cookies if cookie.startswith("registry_notice="))
    signature = cookie.partition(";")[0].rpartition(".")[2]
    assert len(base64.urlsafe_b64decode(signature + "=")) == 32
    assert "HttpOnly" in cookie and "SameSite=Lax" in cookie


def test_negative_messages_name_their_kind() -> None:
    """Flash messages are successes by default, so calls whose text begins with a negation must set the kind."""
    denials = re.compile(r"(No|Nothing|Not|That was) ")
    calls = [
        call
        for path in Path(pages.__file__).parents[1].rglob("*.py")
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "flash_message"
    ]
    texts = [(call, part.value) for call in calls for part in ast.walk(call) if isinstance(part, ast.Constant)]
    denied = [(call, text) for call, text in texts if isinstance(text, str) and denials.match(text)]
    assert denied and all(len(call.args) == 2 for call, _text in denied)


def test_missing_values_are_named_by_what_the_field_asks(signed_in: SignedIn) -> None:
    visit = signed_in(Role.ADMINISTRATOR)
    person = visit.send("/people/new", name="a.serikova", language="kk")
    assert person.status_code == 422
    assert "Role: Choose one of the options." in person.text
    own_account = re.search(r'href="(/absences/\d+/new)"', visit.get("/account").text)
    absence = visit.send(own_account[1])
    assert "First day: Enter a date, such as 20.01.2026." in absence.text
    assert "Deputy: Choose one of the options." in absence.text
    assert "Choose a file." in visit.send("/people/import").text


def test_row_errors_are_in_the_terms_of_the_forms(signed_in: SignedIn) -> None:
    agency = an_agency()
    table = (
        "agency,external_id,name_ru,object_kind,work_type,stage,placement,contract_signed_on,planned_end_on\n"
        f"{agency.bin},A-1,Проба,system,creation,planning,outer space,soon,1901-01-01\n"
    )
    visit = signed_in(Role.AGENCY_EDITOR, agency, name="editor")
    run = import_now(actor_named("editor"), "projects", True, "table.csv", table.encode())
    page = visit.get(f"/imports/{run.id}").text
    assert "Write the date as day, month and year, such as 20.01.2026." in page
    assert "must lie from 16.12.1991" in page
    assert (
        "One of these is expected: “On QazTech”, “Onboarding to QazTech”, “Outside QazTech”, “Not known yet”." in page
    )


def test_invalid_amount_says_what_is_wrong(signed_in: SignedIn) -> None:
    visit = signed_in(Role.AGENCY_EDITOR)
    draft = visit.send("/register").request.path.replace("/what", "/money")
    for typed, expected in [
        ("999999999999999999999999", "The number must not be below 0 or above 1,000,000,000,000,000."),
        ("-5", "The number must not be below 0 or above 1,000,000,000,000,000."),
        ("\u22125", "The number must not be below 0 or above 1,000,000,000,000,000."),
        ("9" * 20_000, "The number must not be below 0 or above 1,000,000,000,000,000."),
        (
            "1,5",
            "A whole number is expected: whole tenge without tiyn. A fraction is not rounded; write the whole amount.",
        ),
        ("1.2 млн", "Write the number in full with all its zeros: 1 200 000 instead of &#34;1.2 million&#34;."),
        ("много", "Write the number in digits, without words or other signs, such as 1 200 000."),
    ]:
        assert expected in visit.send(draft, budget_kzt=typed).text, typed[:30]


def test_dates_in_errors_are_in_form_format(signed_in: SignedIn, present: Present) -> None:
    present.set(date(2026, 11, 25))
    _project, case = flagged_case()
    visit = signed_in(Role.SUPERVISOR)
    send(visit, case, "claim")
    order = {"propose-decision": "migrate_by", **LAW}
    _code, page = send(visit, case, "propose", **order, **{"propose-due_on": "24.11.2026"})
    assert "The date must not be before today, 25.11.2026." in page
    _code, page = send(visit, case, "propose", **order, **{"propose-due_on": "24.11.1926"})
    assert "The date must lie from 16.12.1991 to 25.11.2036." in page


def test_audit_of_earlier_day_is_rejected_in_terms_of_the_form(signed_in: SignedIn, present: Present) -> None:
    present.set(date(2026, 11, 25))
    flagged_case()
    page = signed_in(Role.OPERATOR).send("/audits/new", on="20.11.2026").text
    assert "20.11.2026 cannot be audited any more" in page and "“Dry run”" in page and "dry_run)" not in page


def test_forbidden_page_names_role_and_no_permission(signed_in: SignedIn) -> None:
    page = signed_in(Role.AGENCY_EDITOR).client.get("/people")
    assert page.status_code == 403
    assert "The role “Agency editor” does not include this." in page.text and "people.manage" not in page.text


def test_missing_page_does_not_mention_the_api(signed_in: SignedIn) -> None:
    page = signed_in(Role.AGENCY_EDITOR).client.get("/nothing-here", headers={"Accept": "text/html"})
    assert page.status_code == 404 and "Addresses are described" not in page.text


def test_cases_download_has_opening_closing_and_outcome_in_their_columns(signed_in: SignedIn, present: Present) -> None:
    present.set(date(2026, 10, 5))
    agency = an_agency()
    project = a_project(agency, **GAP)
    audit()
    edit(editor_of(agency), project, object_commissioned_on="2020-01-01")
    present.set(date(2026, 10, 7))
    audit()
    act(SAULE, case_of(project), "confirm")
    answer = signed_in(Role.AUDITOR).client.get("/cases.csv?status=closed")
    (row,) = csv.DictReader(io.StringIO(answer.data.decode("utf-8-sig")))
    assert (row["Opened"], row["Closed"], row["Outcome"]) == ("2026-10-05", "2026-10-07", "Flags corrected")


@pytest.mark.parametrize(
    ("role", "sections"),
    [
        (Role.AUDITOR, "Work Cases Orders Projects Audits Figures Settings"),
        (Role.REVIEWER, "Work Cases Orders Projects Audits Figures Settings"),
        (Role.AGENCY_VIEWER, "Work Projects Cases Figures Settings"),
        (Role.LEADER, "Figures Orders Projects Settings"),
    ],
)
def test_menu_has_the_sections_of_the_role_and_settings_the_journal_for_permitted_roles_only(
    signed_in: SignedIn, role: Role, sections: str
) -> None:
    visit = signed_in(role, an_agency() if role is Role.AGENCY_VIEWER else None)
    page = visit.get("/settings").text
    assert re.findall(r"<li><a [^>]*>(\w+)</a>", page.partition('id="navigation"')[2].partition("</ul>")[0]) == (
        sections.split()
    )
    assert ('href="/journal"' in page) == (role is Role.AUDITOR)
    assert visit.client.get("/journal").status_code == (200 if role is Role.AUDITOR else 403)


def test_agency_home_warns_of_onboarding_ending_within_60_days(signed_in: SignedIn) -> None:
    agency = an_agency()
    for days in (-1, 60, 61):
        name = f"Через {days}"
        a_project(agency, placement="onboarding", onboarding_due_on=today() + timedelta(days=days), name_ru=name)
    page = signed_in(Role.AGENCY_VIEWER, agency, "ru").get("/home").text
    assert "Через -1" in page and "Через 60" in page and "Через 61" not in page


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
