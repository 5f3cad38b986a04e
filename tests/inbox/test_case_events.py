"""Entries of the inbox: who gets which, written with the actions on cases."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from flask import Flask
from sqlalchemy import Connection

from registry.accounts.absences import record_absence
from registry.accounts.account_changes import disable_account
from registry.accounts.roles import Actor, Role
from registry.accounts.service import edit_account
from registry.core.clock import today
from registry.core.lists import Page
from registry.inbox import service
from registry.inbox.queries import INBOX
from registry.projects.service import find_project
from tests.audits.nights import breaking
from tests.cases import cast as unfollowed
from tests.cases.cast import NO_BREACH, case_of, edit, migrate_by, verify
from tests.factories import ADMINISTRATOR, a_project, an_agency
from tests.inbox.people import Cast, a_person, act, ask, audit, follow_acts, kinds
from tests.present import Present


def test_question_comes_to_those_of_the_agency_who_may_answer(cast: Cast) -> None:
    ask(cast)

    assert kinds(cast.editor) == ["question"]
    assert kinds(cast.viewer) == []
    entry = INBOX.read(cast.editor, {}, Page()).items[0]
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


def test_returned_proposal_comes_to_the_proposer_under_any_name(cast: Cast) -> None:
    act(cast.aigerim, cast.case, "claim")
    act(cast.aigerim, cast.case, "propose", NO_BREACH)
    assert cast.aigerim.account_id is not None
    edit_account(ADMINISTRATOR, cast.aigerim.account_id, {"name": "a.renamed"})

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


def test_appeal_comes_to_who_proposed_the_decision_and_to_those_who_may_take_the_case(cast: Cast) -> None:
    act(cast.aigerim, cast.case, "claim")
    act(cast.aigerim, cast.case, "propose", migrate_by(date(2027, 3, 1)))
    act(cast.saule, cast.case, "approve")

    act(cast.editor, cast.case, "appeal", "The contract is older.")

    assert kinds(cast.aigerim) == kinds(cast.saule) == ["appealed_own"]
    assert kinds(cast.bolat) == ["appealed"]


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
    assert INBOX.read(cast.bolat, {}, Page()).items[0]["by"].startswith("audit:")


def test_case_that_an_audit_opens_comes_to_followers_of_the_project(app: Flask, present: Present) -> None:
    present.set(date(2026, 7, 15))
    agency = an_agency()
    project, other = a_project(agency), a_project(agency)
    editor, stranger = a_person("editor", Role.AGENCY_EDITOR, agency), a_person("stranger", Role.REVIEWER)
    service.watch_project(editor, project.number)

    audit()

    assert [entry["project"] for entry in INBOX.read(editor, {}, Page()).items] == [project.number]
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


def test_action_on_a_case_marks_the_actors_entries_of_it_as_read(cast: Cast) -> None:
    ask(cast)
    act(cast.editor, cast.case, "answer", "It moves in autumn.")

    act(cast.aigerim, cast.case, "comment", "Thank you.")

    assert kinds(cast.aigerim, unread="true") == []
    assert kinds(cast.aigerim) == ["answered"]
    assert kinds(cast.editor, unread="true") == []


@pytest.fixture
def colleague(cast: Cast) -> Actor:
    """A second editor of the agency, who is asked too."""
    return a_person("second editor", Role.AGENCY_EDITOR, cast.agency)


def test_answered_question_leaves_the_home_of_colleagues(cast: Cast, colleague: Actor) -> None:
    ask(cast)
    assert kinds(colleague, unread="true") == ["question"]

    act(cast.editor, cast.case, "answer", "It moves in autumn.")

    assert kinds(colleague, unread="true") == []
    assert kinds(cast.aigerim, unread="true") == ["answered"]

    act(cast.aigerim, cast.case, "ask", "In which month?")

    assert kinds(colleague, unread="true") == ["question"]


def test_what_was_done_before_the_acts_were_followed_waits_for_nobody(cast: Cast, colleague: Actor) -> None:
    unfollowed.act(cast.aigerim, cast.case, "claim")
    unfollowed.act(cast.aigerim, cast.case, "ask")
    unfollowed.act(cast.editor, cast.case, "answer", "It moves in autumn.")

    follow_acts()

    assert kinds(colleague) == kinds(cast.editor) == ["question"]
    assert kinds(colleague, unread="true") == kinds(cast.editor, unread="true") == []
    assert kinds(cast.aigerim, unread="true") == ["answered"]


def test_follower_that_was_killed_leaves_the_act_to_the_next(cast: Cast, connection: Connection) -> None:
    unfollowed.act(cast.aigerim, cast.case, "claim")
    unfollowed.act(cast.aigerim, cast.case, "ask")
    with breaking(connection, "UPDATE inbox_entries"), pytest.raises(ExceptionGroup):
        follow_acts()
    assert kinds(cast.editor) == []

    follow_acts()
    follow_acts()

    assert kinds(cast.editor) == ["question"]


def test_withdrawn_question_leaves_the_home_of_everybody_who_was_asked(cast: Cast, colleague: Actor) -> None:
    ask(cast)

    act(cast.aigerim, cast.case, "withdraw", "Found in the file.")

    assert kinds(cast.editor, unread="true") == kinds(colleague, unread="true") == []


def test_question_that_an_audit_settles_leaves_the_home_of_everybody_who_was_asked(
    cast: Cast, colleague: Actor, present: Present
) -> None:
    ask(cast)
    verify(find_project(cast.aigerim, cast.project.number))
    present.move(timedelta(days=1))

    audit()

    assert case_of(cast.project).status == "awaiting_confirmation"
    assert kinds(cast.editor, unread="true") == kinds(colleague, unread="true") == []


def test_answer_that_a_reviewer_takes_leaves_the_home_of_the_others(cast: Cast) -> None:
    ask(cast)
    assert cast.aigerim.account_id is not None
    act(cast.saule, cast.case, "comment", "Is there an answer?")
    disable_account(ADMINISTRATOR, cast.aigerim.account_id)
    act(cast.editor, cast.case, "answer", "It moves in autumn.")
    assert kinds(cast.bolat, unread="true") == kinds(cast.saule, unread="true") == ["answered"]

    act(cast.saule, cast.case, "ask", "In which month?")

    assert kinds(cast.bolat, unread="true") == []
