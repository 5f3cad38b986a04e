"""Notification preferences: what a person can switch off, and what always arrives."""

from __future__ import annotations

from datetime import date, time, timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from registry.accounts.models import AccountsNeedAPerson, Person
from registry.accounts.roles import Actor, Role
from registry.accounts.service import change_notification_preferences
from registry.core.clock import local_instant
from registry.core.database import db
from registry.journal.service import JournalEntry
from registry.notifications.digest import write_due_digest
from registry.notifications.models import OutboundEmail
from registry.projects.models import Project
from tests.cases.cast import AIGERIM, SAULE, act, audit, case_of, under_review
from tests.factories import a_project, an_actor, an_agency
from tests.fixtures.web import SignedIn
from tests.notifications.readers import create_reader, delete_emails, queued_emails, summaries_of
from tests.present import Present

MONDAY = date(2026, 3, 2)


@pytest.fixture(autouse=True)
def _monday(app: Flask, present: Present) -> None:
    present.set(MONDAY)


def switch_off(person: Person, *, immediate: bool = True, digest: bool = True) -> None:
    actor = Actor(person.name, Role(person.role), person.agency_id, account_id=person.account_id, is_person=True)
    change_notification_preferences(actor, {"immediate_emails": not immediate, "digest_emails": not digest})


def digest_of(present: Present, day: date) -> list[tuple[str, str, list[int | str]]]:
    present.set(local_instant(day, time(9)))
    write_due_digest(time(9))
    return sorted(summaries_of(db.session.scalars(select(OutboundEmail).where(OutboundEmail.is_digest))))


def test_reviewer_who_switched_them_off_gets_no_emails_about_cases() -> None:
    switch_off(create_reader("reviewer", name="aigerim"))
    create_reader("reviewer", name="bolat")
    delete_emails()
    act(SAULE, case_of(_flagged()), "assign", "aigerim")
    act(SAULE, case_of(_flagged()), "assign", "bolat")
    assert [(address, kind) for address, kind, _ in queued_emails()] == [("bolat@readers.kz", "case-assigned")]


def test_question_to_an_agency_arrives_whatever_its_people_switched_off() -> None:
    agency = an_agency()
    switch_off(create_reader("agency_editor", agency, "editor"))
    case = under_review(a_project(agency))
    delete_emails()
    act(AIGERIM, case, "ask", "Which contract is it?")
    assert queued_emails() == [("editor@readers.kz", "question", [case.id])]


def test_digest_goes_only_to_those_who_have_it(present: Present) -> None:
    agency = an_agency()
    create_reader("agency_editor", agency, "with")
    switch_off(create_reader("agency_editor", agency, "without"), immediate=False)
    digest_of(present, MONDAY)
    present.set(MONDAY)
    a_project(agency)
    audit()
    kinds = {address: kind for address, kind, _ in digest_of(present, MONDAY + timedelta(days=1))}
    assert set(kinds) == {"with@readers.kz"}


def test_person_changes_the_preferences_on_the_page_of_the_own_account(signed_in: SignedIn) -> None:
    visit = signed_in(Role.REVIEWER, name="aigerim")
    assert "E-mails at once about my cases; Daily digest" in visit.get("/account").text
    form = visit.get("/account/notifications").text
    assert form.count("checked") == 2
    page = visit.send("/account/notifications", immediate="yes").text
    assert "Changes saved." in page and "E-mails at once about my cases" in page and "; Daily digest" not in page
    assert visit.get("/account/notifications").text.count("checked") == 1
    page = visit.send("/account/notifications").text
    assert "Only e-mails that are always sent" in page
    statement = select(JournalEntry).where(JournalEntry.action == "account.notifications-changed")
    entries = db.session.scalars(statement.order_by(JournalEntry.seq)).all()
    assert [(entry.principal, entry.subject) for entry in entries] == [("aigerim", "account:aigerim")] * 2


def test_service_account_has_no_preferences() -> None:
    with pytest.raises(AccountsNeedAPerson):
        change_notification_preferences(an_actor(Role.REVIEWER), {"digest_emails": False})


def _flagged() -> Project:
    project = a_project()
    audit()
    return project
