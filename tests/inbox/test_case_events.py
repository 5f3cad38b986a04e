"""The inbox: who gets which entry, mentions, hand-over, hidden entries, marking and following."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from flask import Flask
from sqlalchemy import Connection, func, select

from registry.accounts.absences import record_absence
from registry.accounts.account_changes import disable_account
from registry.accounts.account_names import skeleton
from registry.accounts.handover import hand_over
from registry.accounts.roles import Actor, Role
from registry.accounts.service import edit_account
from registry.cases.models import Case
from registry.cases.queries import CaseNotFound, find_case_to_change
from registry.cases.service import say
from registry.core.clock import today
from registry.core.database import db, transaction
from registry.core.lists import Page
from registry.inbox import service
from registry.inbox.events import mentioned_skeletons
from registry.inbox.models import InboxEntry, Watch
from registry.inbox.queries import INBOX, InboxEntryNotFound, case_of_entry, count_unread, due_soon, is_watching
from registry.journal.service import JournalEntry
from registry.projects.models import Project
from registry.projects.service import ProjectNotFound, find_project
from tests.audits.nights import breaking
from tests.cases import cast as unfollowed
from tests.cases.cast import NO_BREACH, OPERATOR, case_of, edit, migrate_by, verify
from tests.factories import ADMINISTRATOR, a_project, an_agency, restrict
from tests.inbox.people import Cast, a_person, act, actor_named, ask, audit, follow_acts, kinds
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


@pytest.mark.sqlite_only
@pytest.mark.parametrize(
    ("comment", "names"),
    [
        ("Look, @bolat.", ["bolat.", "bolat"]),
        ("@Асель Бекова: look", ["Асель Бекова", "Асель"]),
        ("(@o.k@x.kz)", ["o.k@x.kz)", "o.k@x.kz"]),
        ("@a\nand so on", ["a"]),
    ],
    ids=["punctuation", "two words", "account named as an address", "end of the line"],
)
def test_text_after_the_sign_is_a_name_with_or_without_its_end(comment: str, names: list[str]) -> None:
    assert mentioned_skeletons(comment) == [[skeleton(name) for name in names]]


@pytest.mark.sqlite_only
@pytest.mark.parametrize("comment", [None, "", "nobody", "write to office@example.kz", "@", "@ bolat", "@:"])
def test_no_name_is_mentioned(comment: str | None) -> None:
    assert [names for names in mentioned_skeletons(comment) if names != [skeleton("bolat")]] == []


@pytest.mark.sqlite_only
def test_each_of_several_mentions_is_found_and_at_most_twenty() -> None:
    assert [names[-1] for names in mentioned_skeletons("@b @c")] == [skeleton("b"), skeleton("c")]
    assert len(mentioned_skeletons("@x " * 5000)) == 20


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
