"""Entries of the inbox: who gets which, written with the actions on cases."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta

import pytest
from flask import Flask

from registry.accounts.absences import record_absence
from registry.accounts.account_changes import disable_account
from registry.accounts.actors import Actor
from registry.accounts.roles import Role
from registry.agencies.models import Agency
from registry.cases.models import Case
from registry.cases.queries import find_case_to_change
from registry.cases.service import say
from registry.core.clock import today
from registry.core.database import db
from registry.core.pagination import Page
from registry.core.transactions import transaction
from registry.inbox import service
from registry.inbox.models import InboxEntry
from registry.inbox.queries import count_unread, list_inbox
from registry.projects.models import Project
from registry.projects.service import find_project_to_change, restrict_project
from tests.cases.cast import NO_BREACH, OPERATOR, act, audit, case_of, edit, migrate_by
from tests.factories import ADMINISTRATOR, a_project, an_agency
from tests.inbox.people import a_person, actor_named, kinds
from tests.present import Present


@dataclass
class Cast:
    """Two reviewers, a supervisor, and an agency with an editor and a viewer, a case of its project."""

    aigerim: Actor
    bolat: Actor
    saule: Actor
    editor: Actor
    viewer: Actor
    agency: Agency
    project: Project
    case: Case


@pytest.fixture
def cast(app: Flask, present: Present) -> Iterator[Cast]:
    present.set(date(2026, 7, 15))
    agency = an_agency()
    project = a_project(agency)
    audit()
    yield Cast(
        a_person("aigerim", Role.REVIEWER),
        a_person("bolat", Role.REVIEWER),
        a_person("saule", Role.SUPERVISOR),
        a_person("editor", Role.AGENCY_EDITOR, agency),
        a_person("viewer", Role.AGENCY_VIEWER, agency),
        agency,
        project,
        case_of(project),
    )


def ask(cast: Cast) -> None:
    act(cast.aigerim, cast.case, "claim")
    act(cast.aigerim, cast.case, "ask", "Why is it off the platform?")


def test_question_comes_to_those_of_the_agency_who_may_answer(cast: Cast) -> None:
    ask(cast)

    assert kinds(cast.editor) == ["question"]
    assert kinds(cast.viewer) == []
    entry = list_inbox(cast.editor, {}, Page()).items[0]
    assert (entry["case"], entry["project"], entry["by"]) == (cast.case.id, cast.project.number, "aigerim")
    assert entry["read_at"] is None


def test_question_comes_to_the_agency_above_where_nobody_may_answer(app: Flask, present: Present) -> None:
    present.set(date(2026, 7, 15))
    ministry = an_agency()
    above = a_person("above", Role.AGENCY_EDITOR, ministry)
    beside = a_person("beside", Role.AGENCY_EDITOR, an_agency(ministry))
    project = a_project(an_agency(ministry))
    audit()
    reviewer = a_person("aigerim", Role.REVIEWER)
    act(reviewer, case_of(project), "claim")

    act(reviewer, case_of(project), "ask")

    assert kinds(above) == ["question"]
    assert kinds(beside) == []


def test_answer_comes_to_the_assigned_reviewer_alone(cast: Cast) -> None:
    ask(cast)

    act(cast.editor, cast.case, "answer", "It moves in autumn.")

    assert kinds(cast.aigerim) == ["answered"]
    assert kinds(cast.bolat) == kinds(cast.saule) == []


def test_answer_comes_to_all_reviewers_when_the_assigned_one_is_disabled(cast: Cast) -> None:
    ask(cast)
    assert cast.aigerim.account_id is not None
    disable_account(ADMINISTRATOR, cast.aigerim.account_id)

    act(cast.editor, cast.case, "answer", "It moves in autumn.")

    assert kinds(cast.aigerim) == []
    assert kinds(cast.bolat) == kinds(cast.saule) == ["answered"]


def test_answer_comes_to_the_deputy_too(cast: Cast) -> None:
    ask(cast)
    assert cast.aigerim.account_id and cast.bolat.account_id
    record_absence(ADMINISTRATOR, cast.aigerim.account_id, cast.bolat.account_id, today(), today() + timedelta(days=3))

    act(cast.editor, cast.case, "answer", "It moves in autumn.")

    assert kinds(cast.aigerim) == kinds(cast.bolat) == ["answered"]


def test_returned_proposal_comes_to_the_proposer(cast: Cast) -> None:
    act(cast.aigerim, cast.case, "claim")
    act(cast.aigerim, cast.case, "propose", NO_BREACH)

    act(cast.saule, cast.case, "return", "Name the clause.")

    assert kinds(cast.aigerim) == ["returned"]
    assert kinds(cast.saule) == kinds(cast.bolat) == []


@pytest.mark.parametrize(
    ("proposal", "kind"), [(NO_BREACH, "decision"), (migrate_by(date(2027, 3, 1)), "order")], ids=["decision", "order"]
)
def test_approved_decision_comes_to_everybody_of_the_agency(cast: Cast, proposal: dict[str, object], kind: str) -> None:
    act(cast.aigerim, cast.case, "claim")
    act(cast.aigerim, cast.case, "propose", proposal)

    act(cast.saule, cast.case, "approve")

    assert kinds(cast.editor) == kinds(cast.viewer) == [kind]


def test_appeal_comes_to_the_assigned_reviewer_and_the_supervisors(cast: Cast) -> None:
    act(cast.aigerim, cast.case, "claim")
    act(cast.aigerim, cast.case, "propose", migrate_by(date(2027, 3, 1)))
    act(cast.saule, cast.case, "approve")

    act(cast.editor, cast.case, "appeal", "The contract is older.")

    assert kinds(cast.aigerim) == kinds(cast.saule) == ["appealed"]
    assert kinds(cast.bolat) == []


def test_assigned_case_comes_to_the_reviewer_unless_it_is_the_one_who_assigned(cast: Cast) -> None:
    act(cast.saule, cast.case, "assign", "bolat")
    act(cast.bolat, cast.case, "assign", "bolat")

    assert kinds(cast.bolat) == ["assigned"]
    assert kinds(cast.saule) == []


def test_reopened_case_comes_to_the_reviewer_and_to_followers(cast: Cast, present: Present) -> None:
    act(cast.aigerim, cast.case, "claim")
    act(cast.aigerim, cast.case, "propose", NO_BREACH)
    act(cast.saule, cast.case, "approve")
    service.watch_project(cast.bolat, cast.project.number)
    edit(ADMINISTRATOR, cast.project, contract_signed_on="2026-03-01", stage="pilot")
    present.move(timedelta(days=1))

    audit()

    assert case_of(cast.project).status == "under_review"
    assert kinds(cast.aigerim) == ["reopened"]
    assert kinds(cast.bolat) == ["status_changed"]
    assert list_inbox(cast.bolat, {}, Page()).items[0]["by"].startswith("audit:")


def test_case_that_an_audit_opens_comes_to_followers_of_the_project(app: Flask, present: Present) -> None:
    present.set(date(2026, 7, 15))
    agency = an_agency()
    project, other = a_project(agency), a_project(agency)
    editor, stranger = a_person("editor", Role.AGENCY_EDITOR, agency), a_person("stranger", Role.REVIEWER)
    service.watch_project(editor, project.number)

    audit()

    assert [entry["project"] for entry in list_inbox(editor, {}, Page()).items] == [project.number]
    assert case_of(other).status == "new"
    assert kinds(stranger) == []


def test_follower_gets_comments_and_changes_of_status_and_nothing_about_own_actions(cast: Cast) -> None:
    service.watch_case(cast.bolat, cast.case.id)
    service.watch_case(cast.aigerim, cast.case.id)

    act(cast.aigerim, cast.case, "claim")
    act(cast.aigerim, cast.case, "comment", "See the contract.")
    act(cast.saule, cast.case, "assign", "aigerim")

    assert kinds(cast.bolat) == ["commented", "status_changed"]
    assert kinds(cast.aigerim) == ["assigned"]


def test_internal_note_comes_to_no_agency(cast: Cast) -> None:
    service.watch_case(cast.editor, cast.case.id)

    act(cast.aigerim, cast.case, "comment", "Internal, @editor.")
    assert kinds(cast.editor) == []
    with transaction():
        act_for_agency(cast, "For you, @editor.")

    assert kinds(cast.editor) == ["mentioned"]


def act_for_agency(cast: Cast, comment: str) -> None:
    say(cast.aigerim, find_case_to_change(cast.aigerim, cast.case.id), comment, for_agency=True)


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

    with transaction():
        restrict_project(cast.saule, find_project_to_change(cast.saule, cast.project.number), True, "Secret")

    assert count_unread(cast.aigerim) == 0
    assert kinds(cast.aigerim) == []
    assert kinds(cast.editor) == ["question"]


def test_restricted_project_comes_to_nobody_who_may_not_see_it(cast: Cast) -> None:
    service.watch_case(cast.bolat, cast.case.id)
    with transaction():
        restrict_project(cast.saule, find_project_to_change(cast.saule, cast.project.number), True, "Secret")

    act(cast.saule, cast.case, "comment", "@bolat, look.")

    assert db.session.query(InboxEntry).count() == 0


def test_entry_of_a_project_that_went_to_another_agency_is_not_shown(cast: Cast) -> None:
    ask(cast)

    with transaction():
        project = db.session.get(Project, cast.project.id)
        assert project is not None
        project.agency_id = an_agency().id

    assert kinds(cast.editor) == []
    assert count_unread(cast.editor) == 0


def test_action_on_a_case_marks_the_actors_entries_of_it_as_read(cast: Cast) -> None:
    ask(cast)
    act(cast.editor, cast.case, "answer", "It moves in autumn.")

    act(cast.aigerim, cast.case, "comment", "Thank you.")

    assert kinds(cast.aigerim, unread="true") == []
    assert kinds(cast.aigerim) == ["answered"]
    assert kinds(cast.editor, unread="true") == []


def test_service_account_has_no_inbox(cast: Cast) -> None:
    assert list_inbox(OPERATOR, {}, Page()).items == []
    with pytest.raises(service.InboxNeedsAPerson):
        service.watch_case(OPERATOR, cast.case.id)
