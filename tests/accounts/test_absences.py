"""Absences and their deputies, and the hand-over of work when somebody leaves."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from registry.accounts.absences import (
    Absence,
    AbsencesOverlap,
    DeputyOfDeputy,
    end_absence,
    record_absence,
    substituted_by,
    substitutions,
)
from registry.accounts.account_changes import disable_account
from registry.accounts.account_management import NotYourself
from registry.accounts.handover import hand_over
from registry.accounts.models import Account, AccountNotFound, AccountsNeedAPerson, Person
from registry.accounts.roles import Actor, Role, RoleNotAllowed
from registry.accounts.service import NewPerson, add_person
from registry.accounts.tokens import add_service_account
from registry.agencies.models import Agency
from registry.cases.list_pages import own_assignees
from registry.cases.lists import count_cases
from registry.cases.models import Case, CaseEvent
from registry.cases.queries import find_case
from registry.cases.transitions import CaseNotYours, DecisionNeedsAnotherPerson, possible_actions, waiting_proposal
from registry.core.database import db, transaction
from registry.core.errors import Invalid
from registry.journal.service import JournalEntry
from registry.projects.drafts import Draft, drafts_of, start_draft
from registry.projects.service import find_project_to_change, restrict_project
from tests.cases.cast import NO_BREACH, SAULE, act, audit, case_of, under_review
from tests.factories import ADMINISTRATOR, PASSWORD, a_project, an_actor, an_agency
from tests.fixtures.web import SignedIn
from tests.notifications.readers import create_reader, delete_emails, queued_emails
from tests.present import Present

TODAY = date(2026, 3, 2)
NEXT_WEEK = date(2026, 3, 9)


@pytest.fixture(autouse=True)
def _monday(app: Flask, present: Present) -> None:
    present.set(TODAY)


def person(name: str, role: Role = Role.REVIEWER, agency: Agency | None = None) -> Person:
    return add_person(ADMINISTRATOR, NewPerson(name, role, agency.id if agency else None), PASSWORD)


def actor(of: Person) -> Actor:
    """The person in a session."""
    return Actor(
        of.name, Role(of.role), of.agency_id, account_id=of.account_id, is_person=True, credential="session:of-tests"
    )


def test_deputy_has_the_work_from_the_first_to_the_last_day(present: Present) -> None:
    aigerim, bolat = person("aigerim"), person("bolat")
    record_absence(actor(aigerim), aigerim.account_id, bolat.account_id, date(2026, 3, 4), date(2026, 3, 5))
    seen = []
    for day in range(3, 7):
        present.set(date(2026, 3, day))
        seen.append(substituted_by(actor(bolat)))
    assert seen == [[], ["aigerim"], ["aigerim"], []]


def test_deputy_sees_and_may_act_on_the_cases_of_the_absent_person() -> None:
    aigerim, bolat = person("aigerim"), person("bolat")
    case = under_review(a_project())
    with pytest.raises(CaseNotYours):
        act(actor(bolat), case, "propose", NO_BREACH)
    record_absence(actor(aigerim), aigerim.account_id, bolat.account_id, TODAY, NEXT_WEEK)
    own = {"status": "under_review", "assignee": own_assignees(actor(bolat))}
    assert count_cases(actor(bolat), [own]) == [1]
    assert {"ask", "propose", "release"} <= set(possible_actions(actor(bolat), case, None))
    assert act(actor(bolat), case, "propose", NO_BREACH).status == "awaiting_approval"


def test_deputy_never_approves_the_own_proposal_for_the_absent_person() -> None:
    aigerim, saule = person("aigerim"), person("saule", Role.SUPERVISOR)
    timur = person("timur", Role.SUPERVISOR)
    case = under_review(a_project())
    record_absence(actor(aigerim), aigerim.account_id, saule.account_id, TODAY, NEXT_WEEK)
    act(actor(saule), case, "propose", NO_BREACH)
    with pytest.raises(DecisionNeedsAnotherPerson):
        act(actor(saule), case, "approve")
    assert act(actor(timur), case, "approve").status == "closed"


def test_deputy_gets_the_notifications_of_the_absent_person() -> None:
    aigerim, bolat = create_reader("reviewer", name="aigerim"), create_reader("reviewer", name="bolat")
    case = under_review(a_project())
    saule = person("saule", Role.SUPERVISOR)
    delete_emails()
    record_absence(actor(aigerim), aigerim.account_id, bolat.account_id, TODAY, NEXT_WEEK)
    act(actor(saule), case, "assign", "aigerim", None)
    assert queued_emails() == [
        ("aigerim@readers.kz", "case-assigned", [case.id]),
        ("bolat@readers.kz", "case-assigned", [case.id]),
    ]


def test_deputy_of_a_deputy_is_refused() -> None:
    aigerim, bolat, dana = person("aigerim"), person("bolat"), person("dana")
    record_absence(actor(aigerim), aigerim.account_id, bolat.account_id, TODAY, NEXT_WEEK)
    with pytest.raises(DeputyOfDeputy):
        record_absence(actor(bolat), bolat.account_id, dana.account_id, NEXT_WEEK, NEXT_WEEK)
    with pytest.raises(DeputyOfDeputy):
        record_absence(actor(dana), dana.account_id, aigerim.account_id, TODAY, TODAY)
    later = NEXT_WEEK + timedelta(days=1)
    record_absence(actor(bolat), bolat.account_id, dana.account_id, later, later)


def test_two_absences_of_one_person_do_not_overlap() -> None:
    aigerim, bolat = person("aigerim"), person("bolat")
    record_absence(actor(aigerim), aigerim.account_id, bolat.account_id, TODAY, NEXT_WEEK)
    with pytest.raises(AbsencesOverlap):
        record_absence(actor(aigerim), aigerim.account_id, bolat.account_id, NEXT_WEEK, NEXT_WEEK)


def test_deputy_is_another_active_person_with_the_same_role_and_agency() -> None:
    ministry, other = an_agency(), an_agency()
    aigerim, editor = person("aigerim"), person("editor", Role.AGENCY_EDITOR, ministry)
    gone = person("gone")
    disable_account(ADMINISTRATOR, gone.account_id)
    wrong = [
        (aigerim, aigerim),
        (aigerim, gone),
        (aigerim, person("auditor", Role.AUDITOR)),
        (person("saule", Role.SUPERVISOR), aigerim),
        (editor, person("stranger", Role.AGENCY_EDITOR, other)),
        (editor, person("viewer", Role.AGENCY_VIEWER, ministry)),
    ]
    for absent, deputy in wrong:
        with pytest.raises(Invalid) as error:
            record_absence(actor(absent), absent.account_id, deputy.account_id, TODAY, NEXT_WEEK)
        assert error.value.problems[0].code == "deputy-not-usable"
    colleague = person("colleague", Role.AGENCY_EDITOR, ministry)
    record_absence(actor(editor), editor.account_id, colleague.account_id, TODAY, NEXT_WEEK)


def test_impossible_days_are_refused() -> None:
    aigerim, bolat = person("aigerim"), person("bolat")
    for first_day, last_day, code in (
        (NEXT_WEEK, TODAY, "absence-ends-before-it-begins"),
        (date(2026, 2, 2), date(2026, 3, 1), "absence-in-the-past"),
        (TODAY, date(2027, 3, 4), "absence-too-long"),
    ):
        with pytest.raises(Invalid) as error:
            record_absence(actor(aigerim), aigerim.account_id, bolat.account_id, first_day, last_day)
        assert error.value.problems[0].code == code


def test_supervisor_and_administrator_record_absences_for_others_and_reviewers_do_not() -> None:
    aigerim, bolat, dana = person("aigerim"), person("bolat"), person("dana")
    saule, administrator = person("saule", Role.SUPERVISOR), person("adil", Role.ADMINISTRATOR)
    for each in (saule, administrator):
        absence = record_absence(actor(each), aigerim.account_id, bolat.account_id, TODAY, NEXT_WEEK)
        end_absence(actor(each), absence.id)
    with pytest.raises(AccountNotFound):
        record_absence(actor(dana), aigerim.account_id, bolat.account_id, TODAY, NEXT_WEEK)
    with pytest.raises((AccountNotFound, RoleNotAllowed)):
        record_absence(actor(saule), administrator.account_id, bolat.account_id, TODAY, NEXT_WEEK)


def test_ended_absence_and_a_disabled_deputy_give_nothing() -> None:
    aigerim, bolat = person("aigerim"), person("bolat")
    absence = record_absence(actor(aigerim), aigerim.account_id, bolat.account_id, TODAY, NEXT_WEEK)
    disable_account(ADMINISTRATOR, bolat.account_id)
    assert substitutions() == []
    end_absence(actor(aigerim), absence.id)
    row = db.session.get(Absence, absence.id)
    assert row is not None and row.ended_at is not None
    of_account = select(JournalEntry).where(JournalEntry.subject == "account:aigerim").order_by(JournalEntry.seq)
    entries = db.session.scalars(of_account).all()
    assert [entry.action for entry in entries][-2:] == ["account.absence-recorded", "account.absence-ended"]


def test_service_account_records_no_absence() -> None:
    aigerim, bolat = person("aigerim"), person("bolat")
    robot = replace(actor(aigerim), is_person=False)
    with pytest.raises(AccountsNeedAPerson):
        record_absence(robot, aigerim.account_id, bolat.account_id, TODAY, NEXT_WEEK)
    assert substitutions() == []


def test_absence_is_recorded_and_ended_on_pages(signed_in: SignedIn) -> None:
    visit = signed_in(Role.REVIEWER, name="aigerim")
    bolat = person("bolat")
    account_id = db.session.scalars(select(Person.account_id).join(Person.account).where(Person.id != bolat.id)).one()
    path = f"/absences/{account_id}/new"
    wrong = visit.send(path, first_day="09.03.2026", last_day="02.03.2026", deputy="bolat")
    assert wrong.status_code == 422 and "The last day must not be before the first day." in wrong.text
    page = visit.send(path, first_day="02.03.2026", last_day="09.03.2026", deputy="bolat")
    assert "The absence is recorded. bolat is the deputy." in page.text
    colleague = signed_in(Role.SUPERVISOR, name="saule")
    case = under_review(a_project())
    assert "aigerim (absent until 9 March 2026, deputy: bolat)" in colleague.get(f"/cases/{case.id}").text
    assert signed_in(Role.REVIEWER, name="dana").get(path).status_code == 404
    absence_id = db.session.scalars(select(Absence.id)).one()
    robot = add_service_account(ADMINISTRATOR, "robot", Role.AUDITOR, None)
    for other in (bolat.account_id, robot.id, 9999):
        assert visit.send(f"/absences/{other}/{absence_id}/end", page=path).status_code == 404
    assert len(substitutions()) == 1
    ended = visit.send(f"/absences/{account_id}/{absence_id}/end", page=path)
    assert "The absence has ended." in ended.text and substitutions() == []


MANAGER = an_actor(Role.ADMINISTRATOR, name="adil")


def test_open_cases_go_to_the_receiver_in_one_step() -> None:
    aigerim, bolat = person("aigerim"), create_reader("reviewer", name="bolat")
    projects = [a_project() for _ in range(3)]
    audit()
    for project in projects:
        act(actor(aigerim), case_of(project), "claim")
    act(actor(aigerim), case_of(projects[0]), "ask")
    act(actor(aigerim), case_of(projects[1]), "propose", NO_BREACH)
    delete_emails()
    counts = hand_over(MANAGER, aigerim.account_id, bolat.account_id)
    assert counts == {"service_accounts": 0, "absences": 0, "drafts": 0, "cases": 3, "reports": 0}
    assert {case_of(project).assignee for project in projects} == {"bolat"}
    statuses = [case_of(project).status for project in projects]
    assert statuses == ["awaiting_agency", "awaiting_approval", "under_review"]
    ids = sorted(case_of(project).id for project in projects)
    assert queued_emails() == [("bolat@readers.kz", "case-assigned", ids)]
    events = db.session.scalars(select(CaseEvent).where(CaseEvent.case_id == ids[0]).order_by(-CaseEvent.id)).first()
    assert events is not None and (events.action, events.by) == ("assign", "adil")
    assert events.details == {"assignee": "bolat", "previous_assignee": "aigerim"}
    entry = db.session.scalars(select(JournalEntry).where(JournalEntry.action == "account.handed-over")).one()
    details = json.loads(entry.details)
    assert (entry.subject, details.pop("written_rows") is not None) == ("account:aigerim", True)
    assert details == counts | {"receiver": "bolat"}


def test_closed_cases_stay_with_whom_they_were() -> None:
    aigerim, bolat = person("aigerim"), person("bolat")
    case = under_review(a_project())
    act(actor(aigerim), case, "propose", NO_BREACH)
    act(SAULE, case, "approve")
    assert hand_over(MANAGER, aigerim.account_id, bolat.account_id)["cases"] == 0
    row = db.session.get(Case, case.id)
    assert row is not None and row.assignee == "aigerim"


def test_drafts_and_service_accounts_go_to_the_receiver() -> None:
    agency = an_agency()
    giver, receiver = person("e.bek", Role.AGENCY_EDITOR, agency), person("f.bek", Role.AGENCY_EDITOR, agency)
    start_draft(actor(giver))
    robot = add_service_account(MANAGER, "robot", Role.AGENCY_EDITOR, agency.id, giver.account_id)
    counts = hand_over(MANAGER, giver.account_id, receiver.account_id)
    assert (counts["drafts"], counts["service_accounts"]) == (1, 1)
    assert len(drafts_of(actor(receiver))) == 1 and drafts_of(actor(giver)) == []
    owner = db.session.scalars(select(Account.owner_account_id).where(Account.id == robot.id)).one()
    assert owner == receiver.account_id


def test_drafts_go_to_the_own_agency_or_one_above_it_only() -> None:
    ministry = an_agency()
    office = an_agency(ministry)
    giver, elsewhere = person("e.bek", Role.AGENCY_EDITOR, office), person("x.bek", Role.AGENCY_EDITOR, an_agency())
    above, beside = (
        person("f.bek", Role.AGENCY_EDITOR, ministry),
        person("g.bek", Role.AGENCY_EDITOR, an_agency(ministry)),
    )
    start_draft(actor(giver))
    for receiver in (elsewhere, beside):
        with pytest.raises(Invalid) as error:
            hand_over(MANAGER, giver.account_id, receiver.account_id)
        assert [problem.code for problem in error.value.problems] == ["receiver-cannot-register"]
    assert hand_over(MANAGER, giver.account_id, above.account_id)["drafts"] == 1


def test_receiver_without_the_rights_is_refused_and_nothing_moves() -> None:
    agency = an_agency()
    giver, viewer = person("e.bek", Role.AGENCY_EDITOR, agency), person("viewer", Role.AGENCY_VIEWER, agency)
    aigerim, bolat, auditor = person("aigerim"), person("bolat"), person("auditor", Role.AUDITOR)
    start_draft(actor(giver))
    case = under_review(a_project())
    with transaction():
        restrict_project(SAULE, find_project_to_change(SAULE, case.project_record.number), True, "a reason")
    gone = person("gone")
    disable_account(ADMINISTRATOR, gone.account_id)
    refused = [
        (giver, viewer, "receiver-cannot-register"),
        (aigerim, auditor, "assignee-not-a-reviewer"),
        (aigerim, bolat, "assignee-may-not-see"),
        (aigerim, gone, "receiver-not-usable"),
        (aigerim, aigerim, "receiver-not-usable"),
    ]
    for of, to, code in refused:
        with pytest.raises(Invalid) as error:
            hand_over(MANAGER, of.account_id, to.account_id)
        assert [(problem.pointer, problem.code) for problem in error.value.problems] == [("/to", code)]
    assert db.session.scalars(select(Draft.account_id)).all() == [giver.account_id]
    assert db.session.scalars(select(Case.assignee_account_id)).all() == [aigerim.account_id]


def test_absences_of_the_leaver_end() -> None:
    aigerim, bolat, dana = person("aigerim"), person("bolat"), person("dana")
    day = date(2026, 3, 2)
    record_absence(actor(aigerim), aigerim.account_id, bolat.account_id, day, day)
    assert hand_over(MANAGER, bolat.account_id, dana.account_id)["absences"] == 1
    assert substitutions() == []


def test_only_account_managers_hand_over_and_nobody_the_own_work() -> None:
    agency = an_agency()
    editor, colleague = person("e.bek", Role.AGENCY_EDITOR, agency), person("f.bek", Role.AGENCY_EDITOR, agency)
    stranger = person("stranger", Role.AGENCY_EDITOR, an_agency())
    manager = person("manager", Role.AGENCY_ADMINISTRATOR, agency)
    with pytest.raises(RoleNotAllowed):
        hand_over(actor(editor), colleague.account_id, editor.account_id)
    with pytest.raises(NotYourself):
        hand_over(actor(manager), manager.account_id, editor.account_id)
    with pytest.raises(AccountNotFound):
        hand_over(actor(manager), stranger.account_id, editor.account_id)
    with pytest.raises(Invalid):
        hand_over(actor(manager), editor.account_id, stranger.account_id)
    assert hand_over(actor(manager), editor.account_id, colleague.account_id)["cases"] == 0


def test_hand_over_lets_nobody_approve_the_own_proposal() -> None:
    saule, timur = person("saule", Role.SUPERVISOR), person("timur", Role.SUPERVISOR)
    case = under_review(a_project())
    act(actor(saule), case, "assign", "saule")
    act(actor(saule), case, "propose", NO_BREACH)
    for giver, receiver in ((saule, timur), (timur, saule)):
        hand_over(MANAGER, giver.account_id, receiver.account_id)
        with pytest.raises(DecisionNeedsAnotherPerson):
            act(actor(saule), case, "approve")
        current = find_case(SAULE, case.id)
        assert "approve" in possible_actions(actor(timur), current, waiting_proposal(current))
