"""Who sees failed sign-ins, and how they are looked for: by page and command."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask

from registry.accounts.attempts import FAILED_SIGN_INS, record_failure
from registry.accounts.roles import AGENCY_ROLES, Role, RoleNotAllowed
from registry.accounts.service import NewPerson, add_person, edit_account
from registry.core.lists import Page
from tests.factories import ADMINISTRATOR, PASSWORD, an_actor, an_agency
from tests.fixtures.web import SignedIn
from tests.present import Present

START = datetime(2026, 3, 1, 9, tzinfo=UTC)
FAILED = "password-not-accepted"
AUDITOR = an_actor(Role.AUDITOR)


@pytest.fixture
def recorded(app: Flask, present: Present) -> None:
    """Failures of a person before and after a new name, of a name that nobody has, and at the provider."""
    account = add_person(ADMINISTRATOR, NewPerson("saule", Role.SUPERVISOR), PASSWORD).account
    for number, (name, source, reason) in enumerate(
        (
            ("saule", "10.0.0.1", FAILED),
            ("s.bekova", "10.0.0.2", FAILED),
            ("My Password", "10.0.0.1", FAILED),
            ("subject-1", "10.0.0.3", "identity-without-role"),
        )
    ):
        present.set(START + timedelta(hours=number))
        if number == 1:
            edit_account(ADMINISTRATOR, account.id, {"name": "s.bekova"})
        record_failure(name, source, f"r{number}", reason)


@pytest.mark.usefixtures("recorded")
@pytest.mark.parametrize(
    ("filters", "requests"),
    [
        ({}, ["r3", "r2", "r1", "r0"]),
        ({"name": "saule"}, ["r1", "r0"]),
        ({"name": "s.bekova", "source": "10.0.0.2"}, ["r1"]),
        ({"name": "my  password"}, ["r2"]),
        ({"source": " 10.0.0.1 "}, ["r2", "r0"]),
        ({"name": "nobody"}, []),
    ],
)
def test_failures_are_listed_latest_first_and_looked_for(filters: dict[str, str], requests: list[str]) -> None:
    listed = FAILED_SIGN_INS.read(AUDITOR, filters, Page())
    assert [row["request_id"] for row in listed.items] == requests


@pytest.mark.usefixtures("recorded")
def test_failures_are_listed_in_pages() -> None:
    first = FAILED_SIGN_INS.read(AUDITOR, {}, Page(3))
    second = FAILED_SIGN_INS.read(AUDITOR, {}, Page(3, first.next))
    assert [row["request_id"] for row in (*first.items, *second.items)] == ["r3", "r2", "r1", "r0"]
    assert second.next is None


@pytest.mark.parametrize("role", [role for role in Role if role not in ("auditor", "supervisor", "administrator")])
def test_failures_are_for_those_who_read_the_journal(app: Flask, role: Role) -> None:
    with pytest.raises(RoleNotAllowed):
        FAILED_SIGN_INS.read(an_actor(role, an_agency() if role in AGENCY_ROLES else None), {}, Page())


@pytest.mark.usefixtures("recorded")
def test_page_displays_the_reason_and_no_name_that_nobody_has(signed_in: SignedIn) -> None:
    visit = signed_in(Role.AUDITOR)
    page = visit.get("/journal/failed-sign-ins").text
    assert "s.bekova" in page and "No such account" in page and "Password" not in page
    assert "Wrong name or password, or disabled account" in page
    assert "Single sign-on without a role for the register" in page
    assert "No failed sign-in matches." in visit.get("/journal/failed-sign-ins?name=nobody").text
    assert visit.get("/journal/failed-sign-ins?name=%00").status_code == 400
    assert "/journal/failed-sign-ins" in visit.get("/journal").text
