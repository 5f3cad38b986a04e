"""Flash messages: success for completed actions, error for failed ones, information for the rest."""

from __future__ import annotations

import ast
import base64
import re
from datetime import timedelta
from pathlib import Path

from registry.accounts.roles import Role
from registry.audits.service import run_audit
from registry.core.clock import today
from registry.web import blueprint as pages
from tests.audits.steps import create_projects, set_verified
from tests.cases.casework import GAP
from tests.cases.cast import ADMINISTRATOR, audit, case_of, edit
from tests.factories import a_project, an_actor, an_agency
from tests.fixtures.web import SignedIn

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
