"""Entries of the inbox that people do not get or no longer see: internal notes, restricted and transferred projects."""

from __future__ import annotations

from dataclasses import replace

import pytest

from registry.accounts.roles import Role
from registry.cases.queries import find_case_to_change
from registry.cases.service import say
from registry.core.database import db, transaction
from registry.core.lists import Page
from registry.inbox import service
from registry.inbox.models import InboxEntry
from registry.inbox.queries import INBOX, count_unread
from registry.projects.models import Project
from tests.cases.cast import OPERATOR
from tests.factories import an_agency, restrict
from tests.inbox.people import Cast, a_person, act, actor_named, ask, follow_acts, kinds


def test_internal_note_comes_to_no_agency(cast: Cast) -> None:
    service.watch_case(cast.editor, cast.case.id)

    act(cast.aigerim, cast.case, "comment", "Internal, @editor.")
    assert kinds(cast.editor) == []
    act_for_agency(cast, "For you, @editor.")

    assert kinds(cast.editor) == ["mentioned"]


def act_for_agency(cast: Cast, comment: str) -> None:
    with transaction():
        say(cast.aigerim, find_case_to_change(cast.aigerim, cast.case.id), comment, for_agency=True)
    follow_acts()


def test_mention_in_a_note_that_stays_inside_comes_to_no_agency(cast: Cast) -> None:
    act(cast.aigerim, cast.case, "claim")
    # The agency sees that the case is referred, and not the note.
    act(cast.aigerim, cast.case, "refer", "@viewer must not read this, @bolat may.")

    assert (kinds(cast.viewer), kinds(cast.bolat)) == ([], ["mentioned"])


def test_entry_about_an_internal_note_is_not_shown_to_who_has_become_one_of_the_agency(cast: Cast) -> None:
    service.watch_case(cast.bolat, cast.case.id)
    act(cast.aigerim, cast.case, "comment", "Between us.")

    assert kinds(cast.bolat) == ["commented"]
    moved = replace(cast.bolat, role=Role.AGENCY_EDITOR, agency_id=cast.agency.id)
    assert kinds(moved) == []


def test_mention_comes_once_to_the_person_who_may_see_the_case(cast: Cast) -> None:
    a_person("Асель Бекова", Role.REVIEWER)
    other = a_person("other", Role.AGENCY_EDITOR, an_agency())
    service.watch_case(cast.bolat, cast.case.id)

    act(
        cast.aigerim, cast.case, "comment", "@bolat, @BOLAT and @Асель Бекова: look. @other @nobody x@bolat.kz @aigerim"
    )

    assert kinds(cast.bolat) == ["mentioned"]
    assert kinds(actor_named("Асель Бекова")) == ["mentioned"]
    assert kinds(other) == kinds(cast.aigerim) == []


def test_entry_of_a_project_that_became_restricted_is_not_shown(cast: Cast) -> None:
    ask(cast)
    act(cast.editor, cast.case, "answer", "It moves in autumn.")
    assert count_unread(cast.aigerim) == 1

    restrict(cast.project.number)

    assert count_unread(cast.aigerim) == 0
    assert kinds(cast.aigerim) == []
    assert kinds(cast.editor) == ["question"]


def test_restricted_project_comes_to_nobody_who_may_not_see_it(cast: Cast) -> None:
    service.watch_case(cast.bolat, cast.case.id)
    restrict(cast.project.number)

    act(cast.saule, cast.case, "comment", "@bolat, look.")

    assert db.session.query(InboxEntry).count() == 0


def test_entry_of_a_project_that_went_to_another_agency_is_not_shown(cast: Cast) -> None:
    ask(cast)

    with transaction():
        project = db.session.get(Project, cast.project.id)
        project.agency_id = an_agency().id

    assert kinds(cast.editor) == []
    assert count_unread(cast.editor) == 0


def test_service_account_has_no_inbox(cast: Cast) -> None:
    assert INBOX.read(OPERATOR, {}, Page()).items == []
    with pytest.raises(service.InboxNeedsAPerson):
        service.watch_case(OPERATOR, cast.case.id)
