"""Marks of entries, following, and what is due soon."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select

from registry.accounts.roles import Actor, Role
from registry.cases.models import Case
from registry.cases.queries import CaseNotFound
from registry.core.database import db
from registry.core.lists import Page
from registry.inbox import service
from registry.inbox.models import Watch
from registry.inbox.queries import INBOX, InboxEntryNotFound, case_of_entry, count_unread, due_soon, is_watching
from registry.journal.service import JournalEntry
from registry.projects.service import ProjectNotFound
from tests.cases.cast import case_of
from tests.factories import a_project, an_agency
from tests.inbox.people import a_person, act, audit, kinds
from tests.present import Present


@pytest.fixture
def commented(app: Flask, present: Present) -> tuple[Actor, Actor, Case]:
    """A reviewer who follows a case with seven comments of another one."""
    present.set(date(2026, 7, 15))
    project = a_project()
    audit()
    reader, writer = a_person("reader", Role.REVIEWER), a_person("writer", Role.REVIEWER)
    case = case_of(project)
    service.watch_case(reader, case.id)
    for number in range(7):
        act(writer, case, "comment", f"Comment {number}")
    return reader, writer, case


def ids(actor: Actor) -> list[int]:
    return [entry["id"] for entry in INBOX.read(actor, {}, Page()).items]


def test_chosen_entries_are_marked_once(commented: tuple[Actor, Actor, Case]) -> None:
    reader, writer, _ = commented
    newest = ids(reader)[:2]

    assert service.mark_read(reader, entries=newest) == 2
    assert service.mark_read(reader, entries=newest) == 0
    assert count_unread(reader) == 5
    assert count_unread(writer) == 0


def test_all_entries_are_marked_up_to_the_one_that_was_displayed(commented: tuple[Actor, Actor, Case]) -> None:
    reader, writer, case = commented
    displayed = ids(reader)[0]
    act(writer, case, "comment", "Later")

    assert service.mark_read(reader, all_entries=True, up_to=displayed) == 7
    assert count_unread(reader) == 1
    assert service.mark_read(reader, all_entries=True) == 1


def test_nobody_marks_the_entries_of_others(commented: tuple[Actor, Actor, Case]) -> None:
    reader, writer, _ = commented
    entry = ids(reader)[0]

    assert service.mark_read(writer, entries=[entry]) == 0
    with pytest.raises(InboxEntryNotFound):
        case_of_entry(writer, entry)
    assert count_unread(reader) == 7


def test_pages_continue_where_the_one_before_ended(commented: tuple[Actor, Actor, Case]) -> None:
    reader, _, _ = commented
    first = INBOX.read(reader, {}, Page(4))
    second = INBOX.read(reader, {}, Page(4, first.next))

    assert [entry["id"] for entry in (*first.items, *second.items)] == ids(reader)
    assert second.next is None


def test_following_twice_is_following_once_and_is_journalled(commented: tuple[Actor, Actor, Case]) -> None:
    reader, writer, case = commented
    service.watch_case(reader, case.id)
    assert db.session.scalar(select(func.count()).select_from(Watch)) == 1

    service.watch_case(reader, case.id, follow=False)
    service.watch_case(reader, case.id, follow=False)

    assert not is_watching(reader, case_id=case.id)
    about = select(JournalEntry.action).where(JournalEntry.action.like("%watched"))
    assert list(db.session.scalars(about.order_by(JournalEntry.seq))) == ["case.watched", "case.unwatched"]
    act(writer, case, "comment", "Not followed any more")
    assert count_unread(reader) == 7


def test_nobody_follows_what_they_may_not_see(app: Flask, present: Present) -> None:
    present.set(date(2026, 7, 15))
    project = a_project()
    audit()
    stranger = a_person("stranger", Role.AGENCY_EDITOR, an_agency())

    with pytest.raises(CaseNotFound):
        service.watch_case(stranger, case_of(project).id)
    with pytest.raises(ProjectNotFound):
        service.watch_project(stranger, project.number)


def test_due_soon_is_what_the_person_or_the_agency_must_do_in_three_days(app: Flask, present: Present) -> None:
    present.set(date(2026, 7, 15))
    agency = an_agency()
    project = a_project(agency)
    audit()
    reviewer, other = a_person("reviewer", Role.REVIEWER), a_person("other", Role.REVIEWER)
    editor = a_person("editor", Role.AGENCY_EDITOR, agency)
    case = act(reviewer, case_of(project), "claim")
    assert case.due_on is not None

    def due(actor: Actor) -> list[int]:
        return [each["id"] for each in due_soon(actor, "en")]

    present.set(case.due_on - timedelta(days=4))
    assert due(reviewer) == []
    present.set(case.due_on - timedelta(days=3))
    assert due(reviewer) == [case.id]
    assert due(other) == due(editor) == []
    case = act(reviewer, case, "ask")
    assert case.due_on is not None
    present.set(case.due_on)
    assert due(reviewer) == []
    assert due(editor) == [case.id]
    assert kinds(editor) == ["question"]
    present.set(case.due_on + timedelta(days=1))
    assert due(editor) == []
