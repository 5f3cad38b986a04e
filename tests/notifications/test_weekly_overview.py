"""The overview of the week by e-mail: when, to whom, and which figures."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select, update

from registry.accounts.account_changes import change_role
from registry.accounts.models import Person
from registry.accounts.roles import Role
from registry.core import pdf
from registry.core.clock import local_instant
from registry.core.database import db, transaction
from registry.notifications.email import render_email
from registry.notifications.models import OutboundEmail
from registry.notifications.recipients import recipient_now
from registry.notifications.weekly_overview import due_monday, write_due_weekly_overview
from registry.projects.models import Project
from tests.cases.cast import audit
from tests.factories import ADMINISTRATOR, a_project, an_agency
from tests.notifications.mail_server import MailStore, free_port, mail_through, send_due_emails, serving
from tests.notifications.readers import create_reader
from tests.pdf_structure import assert_pdf_a_2u, text_of as text_of_pdf
from tests.present import Present

MONDAY = date(2026, 3, 9)
EIGHT = time(8)
WEEK = timedelta(days=7)
MAIL = mail_through(25)


@pytest.fixture(autouse=True)
def _a_week_before(app: Flask, present: Present) -> None:
    present.set(MONDAY - WEEK)


def subscriber(role: Role = Role.LEADER, language: str = "en", name: str | None = None) -> Person:
    person = create_reader(role, name=name, language=language)
    with transaction() as session:
        session.execute(update(Person).where(Person.id == person.id).values(weekly_overview=True))
    return person


def emails() -> list[OutboundEmail]:
    return list(db.session.scalars(select(OutboundEmail).order_by(OutboundEmail.id)))


def text_of(email: OutboundEmail) -> str:
    to = recipient_now(email.person_id, None)
    assert to is not None
    made = render_email(MAIL, email.key, to, email.events, email.created_at, is_digest=False)
    return str(made.get_content().replace("\r\n", "\n"))


def two_audits(present: Present) -> None:
    """One flagged project a week ago, two of which one is restricted now."""
    a_project(budget_kzt=5_000_000)
    audit()
    present.set(MONDAY)
    hidden = a_project(budget_kzt=1_234_000_000)
    with transaction() as session:
        session.execute(update(Project).where(Project.id == hidden.id).values(is_restricted=True))
    audit()


def test_email_rounds_money_as_the_attached_document(present: Present) -> None:
    subscriber()
    present.set(MONDAY)
    a_project(budget_kzt=350_000)
    audit()
    write_due_weekly_overview()
    (email,) = emails()
    tables = {block["caption"]: block["rows"] for block in email.events[0]["figures"]["document"]["blocks"]}
    assert [row[-1] for row in tables["The country"]] == ["0.4"]
    assert "Money in flagged projects, million ₸: 0.4\n" in text_of(email)


@pytest.mark.parametrize(
    ("instant", "monday"),
    [
        (local_instant(MONDAY, time(7, 59)), None),
        (local_instant(MONDAY, EIGHT), MONDAY),
        (local_instant(MONDAY + timedelta(days=6), time(23, 59)), MONDAY),
    ],
)
def test_overview_is_due_from_monday_at_eight(instant: datetime, monday: date | None) -> None:
    assert due_monday(instant) == monday


def test_subscribers_get_it_once_a_week(present: Present) -> None:
    subscriber(name="with")
    create_reader("leader", name="without")
    two_audits(present)
    assert (write_due_weekly_overview(), write_due_weekly_overview()) == (1, None)
    present.set(MONDAY + WEEK)
    assert write_due_weekly_overview() == 1
    assert [recipient_now(each.person_id, None).address for each in emails()] == ["with@readers.kz"] * 2


def test_email_has_the_figures_their_change_and_the_link(present: Present) -> None:
    subscriber(Role.SUPERVISOR)
    two_audits(present)
    write_due_weekly_overview()
    text = text_of(emails()[0])
    assert "Audit of 09.03.2026 – https://registry.tests/overview\n" in text
    assert "Flagged projects: 2 (+1 in seven days)" in text
    assert "Money in flagged projects, million ₸: 1,239.0 (+1,234.0 in seven days)" in text
    assert "Confirmed on QazTech, per cent of the projects in scope: 0.0 (±0.0 in seven days)" in text
    assert "Claimed to be on QazTech, per cent of the projects in scope: 0.0 (±0.0 in seven days)" in text
    assert "Without restricted projects" not in text


def test_email_carries_the_overview_as_pdf_in_the_language_of_the_reader(present: Present, tmp_path: Path) -> None:
    subscriber(Role.LEADER, "ru")
    two_audits(present)
    write_due_weekly_overview()
    store, port = MailStore(), free_port()
    with serving(store, port):
        assert send_due_emails(mail_through(port)).sent == 1
    (attached,) = store.mails[0].iter_attachments()
    content = attached.get_content()
    assert (attached.get_content_type(), attached.get_filename()) == ("application/pdf", "overview-2026-03-09.pdf")
    assert_pdf_a_2u(content)
    text = text_of_pdf(content, tmp_path)
    # Without poppler only the structure is checked.
    assert text is None or ("Обзор" in text and "09.03.2026" in text and "5,0" in text and "239,0" not in text)


def test_email_is_sent_without_a_document_that_cannot_be_made(
    present: Present, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pdf, "CHILD", "registry.core.no_such_module")
    subscriber()
    two_audits(present)
    write_due_weekly_overview()
    store, port = MailStore(), free_port()
    with serving(store, port):
        assert send_due_emails(mail_through(port)).sent == 1
    assert list(store.mails[0].iter_attachments()) == []


def test_restricted_projects_count_only_for_those_who_may_see_them(present: Present) -> None:
    subscriber(Role.LEADER, "ru")
    two_audits(present)
    write_due_weekly_overview()
    text = text_of(emails()[0])
    assert "Проекты с замечаниями: 1 (±0 за семь дней)" in text
    assert "Бюджет проектов с замечаниями, млн ₸: 5,0" in text
    assert "Без проектов с ограниченным доступом." in text
    assert "Без проектов с ограниченным доступом." in emails()[0].events[0]["figures"]["document"]["footer"]


def test_reader_who_lost_the_right_meanwhile_gets_nothing(present: Present) -> None:
    person = subscriber(Role.SUPERVISOR)
    two_audits(present)
    write_due_weekly_overview()
    change_role(ADMINISTRATOR, person.account_id, Role.LEADER, None)
    kept, port = MailStore(), free_port()
    with serving(kept, port):
        assert send_due_emails(mail_through(port)).dropped == 1
    assert kept.recipients == []


def test_people_of_agencies_do_not_get_it(present: Present) -> None:
    person = create_reader("agency_editor", an_agency())
    with transaction() as session:
        session.execute(update(Person).where(Person.id == person.id).values(weekly_overview=True))
    two_audits(present)
    assert write_due_weekly_overview() == 0


def test_without_an_audit_there_is_nothing_to_send(present: Present) -> None:
    subscriber()
    present.set(MONDAY)
    assert write_due_weekly_overview() == 0
