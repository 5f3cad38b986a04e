"""The inbox when somebody leaves: the receiver gets the cases and what is unread of the work."""

from __future__ import annotations

from datetime import date

from flask import Flask

from registry.accounts.handover import hand_over
from registry.accounts.roles import Role
from registry.inbox import service
from tests.cases.cast import case_of
from tests.factories import ADMINISTRATOR, a_project, an_agency
from tests.inbox.people import a_person, act, audit, follow_acts, kinds
from tests.present import Present


def test_unread_work_passes_on_and_what_was_read_or_followed_stays(app: Flask, present: Present) -> None:
    present.set(date(2026, 7, 15))
    agency = an_agency()
    first, second = a_project(agency), a_project(agency)
    audit()
    giver, receiver = a_person("giver", Role.REVIEWER), a_person("receiver", Role.REVIEWER)
    editor = a_person("editor", Role.AGENCY_EDITOR, agency)
    for project in (first, second):
        act(giver, case_of(project), "claim")
        act(giver, case_of(project), "ask")
        act(editor, case_of(project), "answer", "It moves in autumn.")
    service.watch_project(giver, first.number)
    act(receiver, case_of(first), "comment", "A remark.")
    assert kinds(giver) == ["commented", "answered", "answered"]
    assert giver.account_id and receiver.account_id

    hand_over(ADMINISTRATOR, giver.account_id, receiver.account_id)
    follow_acts()

    assert kinds(giver, unread="true") == ["commented"]
    assert kinds(receiver, unread="true") == ["assigned", "assigned", "answered", "answered"]
