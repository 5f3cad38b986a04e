"""What happens to a flagged project, told through real audits and the services, from the flag to the end."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from registry.accounts.account_changes import change_role
from registry.accounts.actors import RoleNotAllowed
from registry.accounts.models import account_named
from registry.accounts.roles import Role
from registry.cases.appeals import AnotherCaseOpen, AppealTooLate, NothingToAppeal
from registry.cases.decisions import ProposalOutOfDate
from registry.cases.details import show_case
from registry.cases.models import CaseDecision
from registry.cases.orders import Order
from registry.cases.queries import CaseAlreadyOpen, CaseNotFound, ProjectNotFlagged, find_case, open_case
from registry.cases.service import confirm_many
from registry.cases.transitions import (
    CaseActionNotPossible,
    CaseNotYours,
    CaseTaken,
    DecisionNeedsAnotherPerson,
    possible_actions,
    waiting_proposal,
)
from registry.core.clock import today
from registry.core.database import db
from registry.core.errors import Invalid
from registry.core.transactions import transaction
from registry.exemptions.service import record_exemption
from registry.flags.models import Flag
from registry.platform.confirmations import verify_placement
from registry.projects.models import Project
from registry.projects.service import find_project_to_change, restrict_project
from tests.cases.cast import (
    AIGERIM,
    AIGERIM_AS_SUPERVISOR,
    AUDITOR,
    BOLAT,
    NO_BREACH,
    SAULE,
    TIMUR,
    TRANSITIONAL,
    act,
    audit,
    case_of,
    cases_of,
    days,
    decided,
    edit,
    editor_of,
    flags_of,
    migrate_by,
    under_review,
)
from tests.factories import ADMINISTRATOR as LOCAL_ADMINISTRATOR
from tests.factories import a_project, a_token, an_actor, an_agency
from tests.present import Present

MONDAY = date(2026, 2, 16)


@pytest.fixture(autouse=True)
def monday(present: Present, app: Flask) -> None:
    """All stories begin on Monday 16 February 2026."""
    present.set(MONDAY)


def a_gap(**values: object) -> Project:
    """A project with a gap in its data, a medium flag that its agency can clear by an edit."""
    usual = {"work_type": "maintenance", "stage": "operation", "work_started_on": "2025-01-10"}
    return a_project(**usual | {"contract_signed_on": "2025-01-10"} | values)


def verify(project: Project) -> None:
    """See the project on the platform."""
    edit(editor_of(project.agency), project, placement="on_platform", platform_key="k-1")
    with transaction():
        verify_placement(AIGERIM, find_project_to_change(AIGERIM, project.number), "k-1", today(), "seen")


def test_an_audit_opens_one_case_a_project_with_the_reviews_term() -> None:
    project = a_project(work_started_on="2025-12-31")
    audit()
    case = case_of(project)
    assert set(flags_of(project)) >= {"integrity.backdated", "freeze.transitional"}
    assert cases_of(project) == 1
    assert (case.status, case.severity, case.assignee) == ("new", "high", None)
    # 17-20 February 4, 23-27 9, 2-6 March 14, 10-13 18, 16 and 17 March 20; 9 March rests.
    assert case.due_on == date(2026, 3, 17)
    assert len(show_case(SAULE, case, "en")["flags"]) == len(flags_of(project))


def test_the_same_audit_again_changes_no_case() -> None:
    project = a_project()
    audit()
    before = show_case(SAULE, case_of(project), "en")
    audit()
    assert show_case(SAULE, case_of(project), "en") == before


def test_weak_flags_open_no_case_until_a_reviewer_does() -> None:
    project = a_gap(object_commissioned_on="2020-01-01")
    audit()
    assert cases_of(project) == 0
    case = open_case(AIGERIM, project.number)
    assert (case.status, case.severity) == ("new", "low")
    assert [flag["rule"] for flag in show_case(SAULE, case, "en")["flags"]] == ["freeze.legacy"]
    with pytest.raises(CaseAlreadyOpen):
        open_case(BOLAT, project.number)
    audit()
    assert case_of(project).status == "new"


def test_no_case_is_opened_for_a_project_without_an_open_flag_or_by_who_does_not_review() -> None:
    project = a_project()
    with pytest.raises(ProjectNotFlagged):
        open_case(AIGERIM, project.number)
    with pytest.raises(RoleNotAllowed):
        open_case(AUDITOR, project.number)
    with pytest.raises(Invalid):
        open_case(AIGERIM, "QT-2026-9999999-9")


def test_flagged_claimed_asked_answered_proposed_approved_accepted() -> None:
    project = a_project()
    editor = editor_of(project.agency)
    audit()
    case = act(AIGERIM, case_of(project), "claim")
    assert (case.status, case.assignee) == ("under_review", "aigerim")
    case = act(AIGERIM, case, "ask", "Which contract?")
    assert (case.status, case.due_on) == ("awaiting_agency", date(2026, 3, 2))
    case = act(editor, case, "answer", "That of 2025.")
    assert (case.status, case.due_on) == ("under_review", date(2026, 3, 17))
    case = act(AIGERIM, case, "propose", NO_BREACH)
    assert case.status == "awaiting_approval"
    assert show_case(SAULE, case, "en")["proposal"]["proposed_by"] == "aigerim"
    case = act(SAULE, case, "approve")
    assert (case.status, case.outcome, case.due_on) == ("closed", "no_breach", None)
    assert flags_of(project) == {"freeze.creation": "accepted"}
    shown = show_case(SAULE, case, "en")
    assert shown["proposal"] is None
    assert [(d["decision"], d["decided_by"]) for d in shown["decisions"]] == [("no_breach", "saule")]
    audit()
    assert flags_of(project) == {"freeze.creation": "accepted"}
    assert cases_of(project) == 1


def test_an_order_opens_what_an_earlier_decision_accepted_and_no_audit_accepts_it_again(present: Present) -> None:
    project = a_project()
    case = decided(project, NO_BREACH)
    act(editor_of(project.agency), case, "appeal", "We were wrong.")
    decided_again = act(SAULE, act(AIGERIM, case, "propose", migrate_by(date(2026, 4, 1))), "approve")
    assert decided_again.status == "remediation"
    assert flags_of(project) == {"freeze.creation": "open"}
    audit()
    present.move(timedelta(days=1))
    audit()
    assert flags_of(project) == {"freeze.creation": "open"}


def test_an_accepted_flag_reopens_its_case_when_the_facts_change(present: Present) -> None:
    project = a_project()
    case = decided(project, TRANSITIONAL)
    present.move(timedelta(days=1))
    edit(editor_of(project.agency), project, work_started_on="2026-02-10", contract_signed_on="2026-02-05")
    audit()
    assert flags_of(project)["freeze.creation"] == "open"
    again = case_of(project)
    assert (again.id, again.status, again.assignee, again.outcome) == (case.id, "under_review", "aigerim", None)
    assert again.due_on == date(2026, 3, 18)
    assert show_case(SAULE, again, "en")["events"][-1]["action"] == "reopened"


def test_a_reopened_case_that_nobody_holds_is_new() -> None:
    project = a_project()
    case = under_review(project)
    act(AIGERIM, case, "propose", NO_BREACH)
    act(SAULE, case, "assign", "saule")
    act(SAULE, case, "withdraw")
    act(SAULE, case, "release")
    assert case_of(project).status == "new"


def test_an_order_runs_out_and_is_flagged_while_the_case_stays_in_remediation(present: Present) -> None:
    project = a_project()
    case = decided(project, migrate_by(date(2026, 3, 20)))
    assert (case.status, case.due_on) == ("remediation", date(2026, 3, 20))
    present.set(date(2026, 3, 20))
    audit()
    assert flags_of(project) == {"freeze.creation": "open"}
    present.set(date(2026, 3, 21))
    audit()
    assert flags_of(project) == {"freeze.creation": "open", "migration.order-overdue": "open"}
    shown = show_case(SAULE, case_of(project), "en")
    assert (shown["status"], shown["is_overdue"], cases_of(project)) == ("remediation", True, 1)
    assert "migration.order-overdue" in [flag["rule"] for flag in shown["flags"]]
    assert shown["events"][-1]["action"] == "flagged"


def test_a_new_order_replaces_the_old_one_and_only_then() -> None:
    project = a_project()
    case = decided(project, migrate_by(days(30)))
    case = act(TIMUR, case, "claim")
    assert case.status == "under_review"
    assert [order.ended_because for order in orders_of(project)] == [None]
    act(TIMUR, case, "propose", migrate_by(days(60)))
    act(SAULE, case, "approve")
    assert [(order.ended_because, order.due_on) for order in orders_of(project)] == [
        ("replaced", days(30)),
        (None, days(60)),
    ]
    assert [d["ended_because"] for d in show_case(SAULE, case_of(project), "en")["decisions"]] == ["replaced", None]


def test_an_order_is_withdrawn_by_a_supervisor_and_never_by_a_single_reviewer() -> None:
    project = a_project()
    case = decided(project, migrate_by(days(30)))
    with pytest.raises(RoleNotAllowed):
        act(AIGERIM, case, "withdraw")
    assert act(TIMUR, case, "withdraw").status == "under_review"
    assert [order.ended_because for order in orders_of(project)] == ["withdrawn"]


def test_a_case_with_an_order_is_reopened_by_a_supervisor_and_never_by_a_single_reviewer() -> None:
    project = a_project()
    case = decided(project, migrate_by(days(30)))
    for reviewer in (AIGERIM, BOLAT):
        assert "claim" not in possible_actions(reviewer, case, None)
        with pytest.raises(RoleNotAllowed):
            act(reviewer, case, "claim")
    case = act(TIMUR, case, "claim")
    assert (case.status, case.assignee) == ("under_review", "timur")
    assert [order.ended_because for order in orders_of(project)] == [None]


@pytest.mark.parametrize("then", [[], ["release"], ["ask"], ["propose"], ["refer"]])
def test_an_order_can_be_appealed_while_its_case_is_reviewed_anew(then: list[str], present: Present) -> None:
    project = a_project()
    editor = editor_of(project.agency)
    case = act(TIMUR, decided(project, migrate_by(days(60))), "claim")
    for action in then:
        case = act(TIMUR, case, action, *([NO_BREACH] if action == "propose" else []))
    assert "appeal" in possible_actions(editor, case, waiting_proposal(case))
    case = act(editor, case, "appeal", "The contract is older.")
    assert case.status == ("new" if then == ["release"] else "under_review")
    assert [order.ended_because for order in orders_of(project)] == ["appealed"]
    assert waiting_proposal(case) is None
    assert "appeal" not in possible_actions(editor, case, None)
    with pytest.raises(CaseActionNotPossible):
        act(editor, case, "appeal")


def test_a_review_that_no_order_came_from_offers_no_appeal() -> None:
    project = a_project()
    case = under_review(project)
    assert "appeal" not in possible_actions(editor_of(project.agency), case, None)


def test_an_appeal_in_time_ends_the_order_and_reopens_the_case(present: Present) -> None:
    project = a_project()
    case = decided(project, migrate_by(days(60)))
    # 15 working days after 16 February: 10 March, as 9 March rests.
    present.set(date(2026, 3, 10))
    case = act(editor_of(project.agency), case, "appeal", "The contract is older.")
    assert (case.status, case.due_on) == ("under_review", date(2026, 4, 10))
    assert [order.ended_because for order in orders_of(project)] == ["appealed"]
    act(AIGERIM, case, "propose", migrate_by(days(90)))
    assert act(SAULE, case, "approve").status == "remediation"


def test_an_appeal_is_too_late_on_the_day_after_its_term(present: Present) -> None:
    project = a_project()
    case = decided(project, migrate_by(days(60)))
    present.set(date(2026, 3, 11))
    assert show_case(editor_of(project.agency), case, "en")["actions"] == ["comment"]
    with pytest.raises(AppealTooLate):
        act(editor_of(project.agency), case, "appeal")
    assert [order.ended_because for order in orders_of(project)] == [None]


def test_a_closed_case_reopens_on_appeal_and_is_decided_anew() -> None:
    project = a_project()
    case = decided(project, NO_BREACH)
    case = act(editor_of(project.agency), case, "appeal")
    assert case.status == "under_review"
    with pytest.raises(CaseActionNotPossible):
        act(editor_of(project.agency), case, "appeal")
    audit()
    assert case_of(project).status == "under_review"
    act(AIGERIM, case, "propose", TRANSITIONAL)
    assert act(TIMUR, case, "approve").outcome == "transitional_accepted"


def test_nothing_is_appealed_where_nothing_was_decided() -> None:
    project = a_gap()
    editor = editor_of(project.agency)
    audit()
    edit(editor, project, object_commissioned_on="2020-01-01")
    audit()
    case = act(AIGERIM, case_of(project), "confirm")
    assert show_case(editor, case, "en")["actions"] == ["comment"]
    with pytest.raises(NothingToAppeal):
        act(editor, case, "appeal")


def test_an_agency_that_edits_its_way_out_waits_for_a_reviewer() -> None:
    project = a_gap()
    audit()
    case = case_of(project)
    edit(editor_of(project.agency), project, object_commissioned_on="2020-01-01")
    assert case_of(project).status == "new"
    audit()
    case = case_of(project)
    assert case.status == "awaiting_confirmation"
    assert flags_of(project) == {"freeze.data-gap": "cleared", "freeze.legacy": "open"}
    assert case.due_on == date(2026, 3, 17)
    case = act(BOLAT, case, "confirm")
    assert (case.status, case.outcome) == ("closed", "resolved")
    audit()
    assert (case_of(project).status, cases_of(project)) == ("closed", 1)


def test_what_a_reviewer_took_back_no_audit_sends_to_be_confirmed_until_flags_clear_again(present: Present) -> None:
    project = a_gap()
    editor = editor_of(project.agency)
    audit()
    edit(editor, project, object_commissioned_on="2020-01-01")
    audit()
    assert act(AIGERIM, case_of(project), "claim").status == "under_review"
    audit()
    present.move(timedelta(days=1))
    audit()
    assert case_of(project).status == "under_review"
    edit(editor, project, object_commissioned_on=None)
    audit()
    edit(editor, project, object_commissioned_on="2020-01-01")
    audit()
    assert case_of(project).status == "awaiting_confirmation"


def test_a_case_that_its_agency_appealed_stays_with_people_though_no_flag_stands() -> None:
    project = a_project()
    decided(project, NO_BREACH)
    verify(project)
    audit()
    case = act(editor_of(project.agency), case_of(project), "appeal", "It is somebody else's project.")
    assert (case.status, flags_of(project)) == ("under_review", {"freeze.creation": "cleared"})
    audit()
    assert case_of(project).status == "under_review"


def test_a_restricted_case_is_given_only_to_who_may_see_it() -> None:
    a_token(Role.REVIEWER, name="aigerim")
    a_token(Role.SUPERVISOR, name="timur")
    project = a_project()
    audit()
    with transaction():
        restrict_project(SAULE, project, True, "State secret")
    with pytest.raises(Invalid) as refused:
        act(SAULE, case_of(project), "assign", "aigerim")
    assert [problem.code for problem in refused.value.problems] == ["assignee-may-not-see"]
    assert act(SAULE, case_of(project), "assign", "timur").assignee == "timur"


def test_a_finding_that_returns_takes_the_case_back_from_the_confirmation() -> None:
    project = a_gap()
    editor = editor_of(project.agency)
    under_review(project)
    edit(editor, project, object_commissioned_on="2020-01-01")
    audit()
    edit(editor, project, object_commissioned_on=None)
    audit()
    assert (case_of(project).status, cases_of(project)) == ("under_review", 1)


def test_a_pending_proposal_lapses_when_the_flags_clear() -> None:
    project = a_project()
    case = under_review(project)
    act(AIGERIM, case, "propose", NO_BREACH)
    verify(project)
    audit()
    assert case_of(project).status == "awaiting_confirmation"
    assert db.session.scalars(select(CaseDecision.outcome)).all() == ["lapsed"]
    with pytest.raises(CaseActionNotPossible):
        act(SAULE, case, "approve")


def test_remediation_ends_in_confirmation_when_the_project_moved() -> None:
    project = a_project()
    decided(project, migrate_by(days(30)))
    verify(project)
    audit()
    case = case_of(project)
    assert (case.status, case.due_on) == ("awaiting_confirmation", date(2026, 3, 17))
    assert act(BOLAT, case, "confirm").outcome == "resolved"


def test_referred_the_commission_grants_until_a_date_and_then_the_case_is_back(present: Present) -> None:
    project = a_project()
    case = under_review(project)
    case = act(AIGERIM, case, "refer")
    assert (case.status, case.due_on) == ("with_commission", None)
    audit()
    assert case_of(project).status == "with_commission"
    record_exemption(SAULE, exemption(project, date(2026, 3, 31)))
    audit()
    assert flags_of(project) == {"freeze.creation": "exempt"}
    assert case_of(project).status == "with_commission"
    present.set(date(2026, 3, 31))
    audit()
    assert case_of(project).status == "with_commission"
    present.set(date(2026, 4, 1))
    audit()
    case = case_of(project)
    assert flags_of(project) == {"freeze.creation": "open"}
    # The review starts anew: 2 April to 29 April.
    assert (case.status, case.assignee, case.due_on) == ("under_review", "aigerim", date(2026, 4, 29))


def test_an_exemption_without_a_referral_takes_the_case_out_of_the_queue(present: Present) -> None:
    project = a_project()
    audit()
    record_exemption(SAULE, exemption(project, date(2026, 3, 31)))
    audit()
    assert case_of(project).status == "with_commission"
    present.set(date(2026, 4, 1))
    audit()
    assert (case_of(project).status, cases_of(project)) == ("new", 1)


def test_a_project_that_is_exempt_from_the_start_gets_its_case_when_the_exemption_ends(present: Present) -> None:
    project = a_project()
    record_exemption(SAULE, exemption(project, date(2026, 3, 31)))
    audit()
    assert cases_of(project) == 0
    present.set(date(2026, 4, 1))
    audit()
    assert (case_of(project).status, cases_of(project)) == ("new", 1)


def test_the_commission_that_refuses_sends_the_case_back() -> None:
    case = under_review(a_project())
    act(AIGERIM, case, "refer")
    assert act(AIGERIM, case, "return").status == "under_review"


def test_exempt_flags_stay_exempt_when_a_decision_accepts_them(present: Present) -> None:
    project = a_project()
    case = under_review(project)
    act(AIGERIM, case, "propose", NO_BREACH)
    record_exemption(SAULE, exemption(project, date(2026, 3, 31)))
    audit()
    act(SAULE, case, "approve")
    assert flags_of(project) == {"freeze.creation": "exempt"}
    present.set(date(2026, 4, 1))
    audit()
    assert flags_of(project) == {"freeze.creation": "accepted"}
    assert case_of(project).status == "closed"


def test_four_eyes_are_two_principals_whatever_the_token() -> None:
    case = under_review(a_project())
    act(AIGERIM, case, "propose", NO_BREACH)
    with pytest.raises(DecisionNeedsAnotherPerson):
        act(AIGERIM_AS_SUPERVISOR, case, "approve")
    with pytest.raises(RoleNotAllowed):
        act(BOLAT, case, "approve")
    assert act(SAULE, case, "approve").status == "closed"


def test_nothing_is_accepted_that_the_proposer_did_not_see() -> None:
    project = a_project()
    case = under_review(project)
    act(AIGERIM, case, "propose", NO_BREACH)
    edit(editor_of(project.agency), project, work_type="development")
    audit()
    with pytest.raises(ProposalOutOfDate):
        act(SAULE, case, "approve")
    assert "accepted" not in flags_of(project).values()
    assert act(SAULE, case, "return").status == "under_review"


def test_a_proposal_whose_date_passed_is_not_approved(present: Present) -> None:
    case = under_review(a_project())
    act(AIGERIM, case, "propose", migrate_by(days(3)))
    present.move(timedelta(days=4))
    with pytest.raises(ProposalOutOfDate):
        act(SAULE, case, "approve")


def test_a_held_case_is_its_holders_and_the_supervisors() -> None:
    case = under_review(a_project())
    with pytest.raises(CaseActionNotPossible):
        act(BOLAT, case, "claim")
    for name, *values in (("release",), ("ask",), ("refer",), ("propose", NO_BREACH)):
        with pytest.raises(CaseNotYours):
            act(BOLAT, case, name, *values)
    assert act(SAULE, case, "ask", "Why?").status == "awaiting_agency"


def test_a_cleared_case_that_somebody_holds_is_not_claimed_by_another() -> None:
    project = a_project()
    under_review(project)
    verify(project)
    audit()
    with pytest.raises(CaseTaken):
        act(BOLAT, case_of(project), "claim")


def test_only_who_reviews_can_be_given_a_case() -> None:
    case = under_review(a_project())
    with pytest.raises(Invalid):
        act(SAULE, case, "assign", "nobody")
    a_token(Role.AUDITOR, name="zhanna")
    with pytest.raises(Invalid):
        act(SAULE, case, "assign", "zhanna")
    change_role(LOCAL_ADMINISTRATOR, account_named("zhanna").id, Role.REVIEWER, None)
    assert act(SAULE, case, "assign", "zhanna").assignee == "zhanna"


def test_the_second_of_two_people_hears_what_changed() -> None:
    case = under_review(a_project())
    act(AIGERIM, case, "propose", NO_BREACH)
    act(TIMUR, case, "return", "Look at the contract.")
    with pytest.raises(CaseActionNotPossible) as refused:
        act(SAULE, case, "approve")
    assert refused.value.params["status"] == "under_review"
    assert (refused.value.params["last"], refused.value.params["by"]) == ("return", "timur")


def test_an_agency_sees_its_own_case_without_notes_and_proposals() -> None:
    project = a_project()
    editor = editor_of(project.agency)
    case = under_review(project)
    act(AIGERIM, case, "comment", "Smells.")
    act(AIGERIM, case, "ask", "Why?")
    act(editor, case, "answer", "So.")
    act(AIGERIM, case, "propose", NO_BREACH | {"comment": "I believe them."})
    shown = show_case(editor, find_case(editor, case.id), "en")
    assert [event["action"] for event in shown["events"]] == ["opened", "ask", "answer"]
    assert shown["proposal"] is None
    assert "Smells" not in str(shown)
    act(SAULE, case, "approve", "Fine.")
    shown = show_case(editor, find_case(editor, case.id), "en")
    assert [decision["decision"] for decision in shown["decisions"]] == ["no_breach"]
    assert "believe" not in str(shown)
    assert "Fine." not in str(shown)
    with transaction():
        act(AIGERIM, case, "comment", "Keep the contract at hand.")
    assert "at hand" not in str(show_case(editor, find_case(editor, case.id), "en"))


def test_a_case_shows_to_the_agency_above_and_to_no_other() -> None:
    above = an_agency()
    project = a_project(an_agency(above))
    audit()
    case = case_of(project)
    assert find_case(editor_of(above), case.id).id == case.id
    with pytest.raises(CaseNotFound):
        find_case(editor_of(an_agency()), case.id)
    under_review_case = act(AIGERIM, case, "claim")
    act(AIGERIM, under_review_case, "ask")
    with pytest.raises(RoleNotAllowed):
        act(an_actor(Role.AGENCY_VIEWER, above), case, "answer")
    assert act(editor_of(above), case, "answer").status == "under_review"


def test_several_cleared_cases_are_confirmed_at_once_and_each_stands_alone() -> None:
    projects = [a_gap() for _ in range(3)]
    audit()
    for project in projects[:2]:
        edit(editor_of(project.agency), project, object_commissioned_on="2020-01-01")
    audit()
    ids = [case_of(project).id for project in projects]
    confirmed, refused = confirm_many(BOLAT, [*ids, 999_999])
    assert confirmed == ids[:2]
    assert [(case_id, refusal.code) for case_id, refusal in refused] == [
        (ids[2], "case-action-not-possible"),
        (999_999, "case-not-found"),
    ]


def test_a_later_case_takes_what_would_be_said_to_an_older_one() -> None:
    project = a_project()
    first = decided(project, NO_BREACH)
    edit(editor_of(project.agency), project, placement="unknown")
    audit()
    assert cases_of(project) == 2
    assert show_case(editor_of(project.agency), first, "en")["actions"] == ["comment"]
    with pytest.raises(AnotherCaseOpen):
        act(editor_of(project.agency), first, "appeal")


def orders_of(project: Project) -> list[Order]:
    """The project's orders, oldest first."""
    return list(db.session.scalars(select(Order).where(Order.project_id == project.id).order_by(Order.id)))


def exemption(project: Project, until: date) -> dict[str, object]:
    """A decision of the Commission from today until a day."""
    return {
        "project": project.number,
        "decision_number": "12",
        "decided_on": today(),
        "valid_from": today(),
        "valid_to": until,
    }


def test_a_decision_accepts_the_weak_flags_of_its_project_too() -> None:
    project = a_project(onboarding_due_on="2026-06-01", placement="onboarding")
    case = decided(project, NO_BREACH)
    assert case.status == "closed"
    assert set(db.session.scalars(select(Flag.status).where(Flag.project_id == project.id))) == {"accepted"}
