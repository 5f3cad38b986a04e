"""Verification of an audit on pages: its section, the result, and why an audit cannot be repeated."""

from __future__ import annotations

from datetime import date

import pytest

from registry.accounts.roles import Role
from registry.audits import pages as verification
from tests.audits.steps import audit
from tests.audits.test_known_records import text_of
from tests.audits.test_verification import tamper
from tests.factories import a_project
from tests.fixtures.web import SignedIn
from tests.present import Present

DAY = date(2026, 6, 1)


@pytest.fixture(autouse=True)
def _today(present: Present) -> None:
    present.set(DAY)


def test_audit_page_has_the_command_and_a_button_for_those_who_may_verify(signed_in: SignedIn) -> None:
    a_project()
    run_id = audit().id
    visits = {role: signed_in(role) for role in (Role.AUDITOR, Role.SUPERVISOR)}
    pages = {role: visit.get(f"/audits/{run_id}").text for role, visit in visits.items()}
    for text in (f"registry audits verify {run_id}", f'href="/audits/{run_id}/verification"'):
        assert (text in pages[Role.AUDITOR], text in pages[Role.SUPERVISOR]) == (True, False)
    assert visits[Role.SUPERVISOR].get(f"/audits/{run_id}/verification").status_code == 403


def test_differences_are_listed_with_their_project(signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch) -> None:
    projects = [a_project(), a_project()]
    run_id = audit().id
    for each in projects:
        tamper(each.id)
    visit = signed_in(Role.AUDITOR)
    words = text_of(visit.get(f"/audits/{run_id}/verification").text)
    assert "The repeated audit differs from what was recorded." in words
    assert "active flag after the audit Open, Low, " in words
    monkeypatch.setattr(verification, "MAX_DIFFERENCES", 1)
    page = visit.get(f"/audits/{run_id}/verification").text
    assert "and 1 more difference." in text_of(page)
    assert [f'href="/projects/{each.number}"' in page for each in projects] == [True, False]
