"""Reports to the Government when their responsible person leaves."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import select

from registry.accounts.handover import hand_over
from registry.accounts.models import Account, account_named
from registry.accounts.roles import Role
from registry.accounts.service import NewPerson, add_person
from registry.core.database import db
from registry.core.errors import Invalid
from registry.government_reports.queries import find_government_report
from registry.journal.service import JournalEntry
from tests.audits.steps import audit
from tests.factories import ADMINISTRATOR, PASSWORD, a_project, an_agency
from tests.government_reports.steps import READER, begin, issued


def account(name: str) -> Account:
    known = account_named(name)
    assert known is not None
    return known


def test_reports_that_are_not_issued_go_to_the_receiver_and_issued_ones_keep_their_names(app: Flask) -> None:
    a_project()
    audit()
    closed, draft = issued(), begin().number
    add_person(ADMINISTRATOR, NewPerson("gulnara", Role.REVIEWER, None), PASSWORD)
    counts = hand_over(ADMINISTRATOR, account("answers").id, account("gulnara").id)
    assert counts["reports"] == 1
    assert find_government_report(READER, draft).responsible == "gulnara"
    assert find_government_report(READER, closed).responsible == "answers"
    entry = db.session.scalars(select(JournalEntry).where(JournalEntry.action == "government-report.handed-over")).one()
    assert entry.subject == f"government-report:{draft}"
    assert entry.details == '{"former_responsible":"answers","responsible":"gulnara","version":1}'


def test_receiver_of_reports_is_oversight_staff(app: Flask) -> None:
    begin()
    add_person(ADMINISTRATOR, NewPerson("editor", Role.AGENCY_EDITOR, an_agency().id), PASSWORD)
    with pytest.raises(Invalid) as raised:
        hand_over(ADMINISTRATOR, account("answers").id, account("editor").id)
    assert [(each.pointer, each.code) for each in raised.value.problems] == [("/to", "responsible-not-usable")]
