"""Form submissions: CSRF tokens, permissions and hostile texts."""

from __future__ import annotations

from urllib.parse import unquote

import pytest
from flask import Flask
from sqlalchemy import func, select

from registry.accounts.roles import PERMISSIONS, Role
from registry.core.database import db
from registry.help.documents import DOCUMENTS
from registry.http.security import REQUIRED_PERMISSION, Public
from registry.projects.models import Project
from tests.factories import a_project, an_agency
from tests.fixtures.web import SignedIn, Visit


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
        "<row_id:account_id>": "999",
        "<bin>": "990340900110",
        "<key_id>": "0123456789",
        "<row_id:case_id>": "1",
        "<row_id:request_id>": "1",
        "<any(placement,onboarding,ending):kind>": "placement",
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
        "<row_id:template_id>": "999",
        "<row_id:entry_id>": "999",
        "<row_id:view_id>": "999",
        "<row_id:webhook_id>": "999",
        "<version>": "2026.1",
        "<report_number>": "2026-1",
        "<any(freeze,submission,approval):act>": "freeze",
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
        # By day one of four roles, which together may read them all, opens each page.
        if is_open and not nightly and role is not next((each for each in READERS if needs in PERMISSIONS[each]), role):
            continue
        path = filled(rule, number)
        answer = visit.client.get(path) if method == "GET" else visit.client.post(path, data={"csrf_token": token})
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
