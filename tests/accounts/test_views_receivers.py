"""Whom the pages offer as a new holder or owner, and what they display of the work before."""

from __future__ import annotations

import re

import pytest
from flask import Flask

from registry.accounts.models import Person
from registry.accounts.roles import Actor, Role
from registry.accounts.service import NewPerson, add_person
from registry.accounts.tokens import add_service_account
from registry.agencies.models import Agency
from registry.projects.drafts import start_draft
from tests.cases.cast import under_review
from tests.factories import ADMINISTRATOR, PASSWORD, a_project, an_actor, an_agency
from tests.fixtures.web import SignedIn, Visit

MANAGER = an_actor(Role.ADMINISTRATOR, name="adil")


@pytest.fixture
def ministry(app: Flask) -> Agency:
    return an_agency(name_en="Ministry of Lakes")


def person(name: str, role: Role = Role.AGENCY_EDITOR, agency: Agency | None = None) -> Person:
    return add_person(ADMINISTRATOR, NewPerson(name, role, agency.id if agency else None), PASSWORD)


def offered(visit: Visit, path: str) -> list[str]:
    choices = re.findall(r'<option value="[^"]+" *>([^<]+)<', visit.get(path).text)
    # The databases differ in whether Latin names come first: those of the accounts that sign in.
    return [choice for choice in choices if ".web" not in choice]


def test_holders_of_drafts_are_offered_with_role_and_agency_and_without_viewers(
    signed_in: SignedIn, ministry: Agency
) -> None:
    giver = person("giver", agency=ministry)
    for name in ("Қанат", "Лаура", "Әсем"):
        person(name, agency=ministry)
    person("reader", Role.AGENCY_VIEWER, ministry)
    account = giver.account
    start_draft(Actor("giver", Role.AGENCY_EDITOR, ministry.id, account_id=account.id, is_person=True))
    add_service_account(MANAGER, "robot", Role.AGENCY_EDITOR, ministry.id, account.id)
    visit = signed_in(Role.AGENCY_ADMINISTRATOR, ministry)
    path = f"/people/{giver.id}/handover"
    assert "Open work: cases: 0, drafts: 1, reports to the Government: 0, service accounts: 1." in visit.get(path).text
    choices = offered(visit, path)
    assert choices == [f"{name} – Agency editor, Ministry of Lakes" for name in ("Әсем", "Қанат", "Лаура")]
    assert not any("reader" in choice or "giver" in choice for choice in choices)


def test_holders_of_cases_are_those_who_review(signed_in: SignedIn, ministry: Agency) -> None:
    giver = person("aigerim", Role.REVIEWER)
    person("bolat", Role.REVIEWER), person("auditor", Role.AUDITOR), person("editor", agency=ministry)
    under_review(a_project())
    visit = signed_in(Role.ADMINISTRATOR)
    path = f"/people/{giver.id}/handover"
    assert "Open work: cases: 1, drafts: 0, reports to the Government: 0, service accounts: 0." in visit.get(path).text
    assert offered(visit, path) == ["bolat – Reviewer"]


def test_owners_of_service_accounts_are_offered_with_role_and_agency(signed_in: SignedIn, ministry: Agency) -> None:
    person("Қанат", agency=ministry), person("Лаура", Role.AUDITOR)
    robot = add_service_account(MANAGER, "robot", Role.AGENCY_EDITOR, ministry.id)
    choices = offered(signed_in(Role.ADMINISTRATOR), f"/tokens/accounts/{robot.id}/owner")
    assert choices == ["Қанат – Agency editor, Ministry of Lakes", "Лаура – Auditor"]
