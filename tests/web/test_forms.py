"""Form submissions: CSRF tokens, other origins, permissions, hostile texts, and entries that are kept."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import unquote

import pytest
import time_machine
from flask import Flask
from sqlalchemy import func, select

from registry.accounts.roles import PERMISSIONS, Role
from registry.accounts.service import NewPerson, add_person
from registry.accounts.sessions import WebSession, renew_session, secret_hash_of
from registry.agencies.models import Agency
from registry.core.database import db, transaction
from registry.help.documents import DOCUMENTS
from registry.http.security import PUBLIC_ORIGIN, REQUIRED_PERMISSION, Public, origin_of
from registry.projects.models import Project
from registry.projects.service import find_project
from tests.api.callers import BASE
from tests.conftest import service_app
from tests.factories import ADMINISTRATOR, a_project, a_token, an_agency, bearer, project_values
from tests.fixtures.web import PASSWORD, SignedIn, Visit


def routes(app: Flask) -> list[tuple[str, str, object]]:
    listed = []
    for rule in app.url_map.iter_rules():
        needs = getattr(app.view_functions[rule.endpoint], REQUIRED_PERMISSION, None)
        if needs is not None and not rule.rule.startswith("/api/"):
            listed += [(method, rule.rule, needs) for method in sorted(rule.methods - {"HEAD", "OPTIONS"})]
    return listed


READERS = (Role.SUPERVISOR, Role.ADMINISTRATOR, Role.AUDITOR, Role.AGENCY_EDITOR)
KEEP_ENTRIES = ("/register/<row_id:draft_id>/<step>", "/projects/<number>/edit", "/projects/<number>/edit/<section>")


def filled(rule: str, number: str) -> str:
    for name, value in {
        "<number>": number,
        "<row_id:draft_id>": "1",
        "<step>": "what",
        "<section>": "what",
        "<row_id:audit_id>": "1",
        "<row_id:import_id>": "1",
        "<row_id:document_id>": "1",
        "<row_id:link_id>": "1",
        "<row_id:waiting>": "1",
        "<row_id:person_id>": "999",
        "<row_id:contract_id>": "999",
        "<row_id:confirmation_id>": "999",
        "<row_id:account_id>": "999",
        "<bin>": "990340900110",
        "<key_id>": "0123456789",
        "<row_id:case_id>": "1",
        "<row_id:request_id>": "1",
        "<any(placement,onboarding,ending,fact):kind>": "placement",
        "<row_id:exemption_id>": "1",
        "<row_id:approval_id>": "1",
        "<row_id:mapping_id>": "1",
        "<any(approval,rejection,cancellation):decision>": "approval",
        "<any(confirmation,refusal,cancellation,restoration):decision>": "confirmation",
        "<int(max=9223372036854775807):seq>": "1",
        "<action>": "comment",
        "<any(csv, xlsx):ending>": "csv",
        "<any(totp,passkey):kind>": "totp",
        "<row_id:absence_id>": "999",
        "<row_id:factor_id>": "999",
        "<session_id>": "none",
        "<code>": "AAAABBBBCCCCDDDD",
        "<path:code>": "ORG-1",
        "<row_id:template_id>": "999",
        "<row_id:entry_id>": "999",
        "<row_id:view_id>": "999",
        "<row_id:webhook_id>": "999",
        "<version>": "2026.1",
        "<report_number>": "2026-1",
        "<any(freeze,submission,approval):act>": "freeze",
        "<language>": "kk",
        "<any(kk,ru):language>": "kk",
        "<any(csv, json, xlsx):ending>": "csv",
        "<any(projects, agencies):kind>": "projects",
        f"<any({', '.join(DOCUMENTS)}):document>": "agency",
    }.items():
        rule = rule.replace(name, value)
    assert "<" not in rule, f"give {rule} a value here"
    return rule


def test_every_form_needs_its_token(app: Flask, signed_in: SignedIn) -> None:
    number = a_project().number
    for who in (Visit(app.test_client()), signed_in(Role.ADMINISTRATOR)):
        for method, rule, needs in routes(app):
            if method == "POST":
                for token in ({}, {"csrf_token": "ә" if isinstance(needs, Public) else "0" * 64}):
                    answer = who.client.post(filled(rule, number), data=token)
                    if rule in KEEP_ENTRIES:
                        # The entries are displayed again, and nothing is saved (test_kept_entries.py).
                        assert answer.status_code in (200, 401, 404), rule
                        continue
                    if answer.status_code == 303:
                        # Visitors are redirected to the sign-in page, and back to the page of the form.
                        assert not isinstance(needs, Public) and "/sign-in?back=/" in unquote(
                            answer.headers["Location"]
                        )
                        continue
                    assert answer.status_code == 403, rule
                    assert "This form is out of date" in answer.text


def test_visitors_see_public_pages_only(app: Flask, visit: Visit) -> None:
    number = a_project().number
    for method, rule, needs in routes(app):
        if method == "GET" and not isinstance(needs, Public):
            answer = visit.client.get(filled(rule, number))
            assert answer.status_code == 303, rule
            assert answer.headers["Location"].startswith("/sign-in")


# Permissions are checked before the database is asked.
@pytest.mark.sqlite_only
@pytest.mark.parametrize("role", list(Role))
def test_every_page_requires_its_declared_permission(
    app: Flask, signed_in: SignedIn, role: Role, nightly: bool
) -> None:
    agency = an_agency(bin="990340900110")
    number = a_project(agency).number
    visit = signed_in(role, agency if role.value.startswith("agency") else None)
    token = visit.token("/home")
    for method, rule, needs in routes(app):
        is_open = needs in PERMISSIONS[role]
        if isinstance(needs, Public) or rule == "/sign-out":
            continue
        # By day one of four roles, which together may read them all, opens each page, and one that may not is refused.
        allowed = [each for each in (*READERS, *Role) if needs in PERMISSIONS[each]]
        refused = [each for each in Role if needs not in PERMISSIONS[each]]
        if not nightly and role not in (*allowed[:1], *refused[:1]):
            continue
        path = filled(rule, number)
        # Buffered: a download that is not read keeps its context open.
        answer = (
            visit.client.get(path, buffered=True)
            if method == "GET"
            else visit.client.post(path, data={"csrf_token": token})
        )
        if is_open:
            assert answer.status_code not in (401, 500), path
            assert answer.status_code != 403 or "do not" not in answer.text, path
        else:
            assert answer.status_code == 403, (method, path)


@pytest.mark.parametrize("text", ["\x00", "\ud800", "<script>alert(1)</script>", "٣", "A" * 30_000, "'; drop table--"])
def test_hostile_text_in_form_is_rejected_or_escaped(signed_in: SignedIn, text: str) -> None:
    visit = signed_in(Role.AGENCY_EDITOR)
    page = visit.send("/register")
    draft = page.request.path
    sent = text.encode("utf-8", "surrogatepass")
    answer = visit.client.post(draft, data={"csrf_token": visit.token(draft), "name_ru": sent, "url": sent})
    assert answer.status_code in (303, 422)
    assert "<script>alert" not in visit.get(draft).text
    assert db.session.execute(select(func.count(Project.id))).scalar_one() == 0


FLASK_SESSION = "registry_notice"
SIGNED_IN = "registry_session"
OUT_OF_DATE = "This form is out of date"


def cookie(visit: Visit, name: str) -> str:
    stored = visit.client.get_cookie(name)
    return stored.value


def sign_out_status(visit: Visit, token: str) -> int:
    answer = visit.client.post("/sign-out", data={"csrf_token": token})
    assert (answer.status_code == 403) == (OUT_OF_DATE in answer.text)
    return answer.status_code


def test_token_from_before_sign_in_is_refused_after_it(visit: Visit, signed_in: SignedIn) -> None:
    signed_in(Role.AUDITOR, name="a.serikova")
    planted = visit.token()
    visit.sign_in("a.serikova")

    assert sign_out_status(visit, planted) == 403
    assert sign_out_status(visit, visit.token("/home")) == 303


def test_flask_session_of_another_browser_gives_no_valid_token(app: Flask, signed_in: SignedIn) -> None:
    attacker = Visit(app.test_client())
    token = attacker.token()
    victim = signed_in(Role.AUDITOR)

    victim.client.set_cookie(FLASK_SESSION, cookie(attacker, FLASK_SESSION))

    assert sign_out_status(victim, token) == 403


def test_token_ends_with_its_session(visit: Visit, signed_in: SignedIn) -> None:
    signed_in(Role.AUDITOR, name="a.serikova")
    visit.sign_in("a.serikova")
    before = visit.token("/home")
    assert sign_out_status(visit, before) == 303

    assert visit.client.post("/sign-in", data={"csrf_token": before, "name": "a.serikova"}).status_code == 403
    visit.sign_in("a.serikova")
    assert sign_out_status(visit, before) == 403


def test_form_of_another_tab_stays_valid_when_a_factor_renews_the_session(visit: Visit, signed_in: SignedIn) -> None:
    signed_in(Role.AUDITOR, name="a.serikova")
    visit.sign_in("a.serikova")
    before = visit.token("/home")
    row = db.session.scalars(
        select(WebSession).where(WebSession.secret_hash == secret_hash_of(cookie(visit, SIGNED_IN)))
    )
    session = row.one()
    with transaction():
        renewed = renew_session(session.id, session.secret_hash)
    visit.client.set_cookie(SIGNED_IN, renewed)
    assert sign_out_status(visit, before) == 303


def test_pages_opened_at_once_without_the_flask_session_all_have_valid_forms(app: Flask, signed_in: SignedIn) -> None:
    visit = signed_in(Role.AUDITOR)
    tabs = []
    for _ in range(2):
        tab = Visit(app.test_client())
        tab.client.set_cookie(SIGNED_IN, cookie(visit, SIGNED_IN))
        tabs.append(tab.token("/home"))
    restored = app.test_client()
    restored.set_cookie(SIGNED_IN, cookie(visit, SIGNED_IN))

    assert restored.post("/people/password", data={"csrf_token": tabs[0]}).status_code != 403
    assert restored.post("/sign-out", data={"csrf_token": tabs[1]}).status_code == 303


def test_token_does_not_expire_before_its_session(visit: Visit, signed_in: SignedIn) -> None:
    signed_in(Role.AUDITOR, name="a.serikova")
    token = visit.token()

    with time_machine.travel(datetime.now(UTC) + timedelta(hours=7), tick=False):
        data = {"csrf_token": token, "name": "a.serikova", "password": PASSWORD}
        assert visit.client.post("/sign-in", data=data).status_code == 303


@pytest.mark.parametrize(("base_url", "secure"), [("https://localhost", True), ("http://localhost", False)])
def test_flask_session_cookie_is_secure_under_tls(visit: Visit, base_url: str, secure: bool) -> None:
    answer = visit.client.get("/sign-in", base_url=base_url)
    (header,) = [value for value in answer.headers.getlist("Set-Cookie") if value.startswith(FLASK_SESSION)]

    assert ("Secure" in header, "HttpOnly" in header, "SameSite=Lax" in header) == (secure, True, True)


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


def test_entries_outlive_the_session(app: Flask, signed_in: SignedIn) -> None:
    agency = an_agency()
    visit = signed_in(Role.AGENCY_EDITOR, agency, name="clerk")
    step = visit.send("/register").request.path
    token = visit.token(step)
    entries = {"name_ru": 'Портал "один" <и>', "purpose": "Первая\r\nвторая", "agency": agency.bin}
    visit.client.delete_cookie("registry_session")

    kept = visit.client.post(step, data={"csrf_token": token, **entries})
    assert kept.status_code == 401
    assert "Your session has ended" in kept.text and "Портал &#34;один&#34; &lt;и&gt;" in kept.text
    assert "Первая\r\nвторая</textarea>" in kept.text

    visit.sign_in("clerk")
    resumed = visit.client.post(step, data={"resume": "yes", **entries})
    assert resumed.status_code == 200 and 'value="Портал &#34;один&#34; &lt;и&gt;"' in resumed.text
    assert "not saved yet" in resumed.text
    assert "Портал" not in visit.get(step).text

    assert visit.send(step, **entries).request.path.endswith("/work")
    assert "Портал" in visit.get(step).text


def test_form_of_an_earlier_session_is_shown_again_and_not_saved(signed_in: SignedIn) -> None:
    agency = an_agency()
    project = a_project(agency)
    visit = signed_in(Role.AGENCY_EDITOR, agency)
    edit = f"/projects/{project.number}/edit/people"
    for token in ({}, {"csrf_token": "of another session"}):
        page = visit.client.post(edit, data={"version": "1", "responsible_name": "Әлия", **token})
        assert 'value="Әлия"' in page.text and "not saved yet" in page.text
    assert find_project(ADMINISTRATOR, project.number).version == 1


def test_entries_of_another_origin_are_not_kept(visit: Visit) -> None:
    answer = visit.client.post("/register/1/what", data={"name_ru": "Портал"}, headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403 and "Портал" not in answer.text


def test_page_after_the_second_sign_in_says_where_the_form_is(signed_in: SignedIn) -> None:
    assert "Close this tab" in signed_in(Role.AGENCY_EDITOR).get("/sign-in/again").text
