"""Case life cycles by real audits and services, from the flag to the end."""

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
from registry.cases.bulk import act_on_cases
from registry.cases.decisions import ProposalOutOfDate
from registry.cases.details import show_case
from registry.cases.models import CaseDecision
from registry.cases.orders import Order
from registry.cases.queries import CaseAlreadyOpen, CaseNotFound, ProjectNotFlagged, find_case, open_case
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
    decided_case,
    edit,
    editor_of,
    flags_of,
    in_days,
    migrate_by,
    under_review,
)
from tests.factories import ADMINISTRATOR as LOCAL_ADMINISTRATOR
from tests.factories import a_project, a_token, an_actor, an_agency
from tests.present import Present

MONDAY = date(2026, 2, 16)


@pytest.fixture(autouse=True)
def monday(present: Present, app: Flask) -> None:
    """Start all tests on Monday 16 February 2026."""
    present.set(MONDAY)


def project_with_gap(**values: object) -> Project:
    """Return a project with a data gap: a medium flag that its agency can clear by an edit."""
    usual = {"work_type": "maintenance", "stage": "operation", "work_started_on": "2025-01-10"}
    return a_project(**usual | {"contract_signed_on": "2025-01-10"} | values)


def verify(project: Project) -> None:
    """Verify the project's placement on the platform."""
    edit(editor_of(project.agency), project, placement="on_platform", platform_key="k-1")
    with transaction():
        verify_placement(AIGERIM, find_project_to_change(AIGERIM, project.number), "k-1", today(), "seen")


def test_audit_opens_one_case_per_project_with_review_deadline() -> None:
    project = a_project(work_started_on="2025-12-31")
    audit()
    case = case_of(project)
    assert set(flags_of(project)) >= {"integrity.backdated", "freeze.transitional"}
    assert cases_of(project) == 1
    assert (case.status, case.severity, case.assignee) == ("new", "high", None)
    # Working days: 4 by 20 February, 9 by 27, 14 by 6 March, 18 by 13, 20 by 17 March; 9 March is a day off.
    assert case.due_on == date(2026, 3, 17)
    assert len(show_case(SAULE, case, "en")["flags"]) == len(flags_of(project))


def test_repeated_audit_changes_no_case() -> None:
    project = a_project()
    audit()
    before = show_case(SAULE, case_of(project), "en")
    audit()
    assert show_case(SAULE, case_of(project), "en") == before


def test_weak_flags_open_no_case_until_reviewer_does() -> None:
    project = project_with_gap(object_commissioned_on="2020-01-01")
    audit()
    assert cases_of(project) == 0
    case = open_case(AIGERIM, project.number)
    assert (case.status, case.severity) == ("new", "low")
    assert [flag["rule"] for flag in show_case(SAULE, case, "en")["flags"]] == ["freeze.legacy"]
    with pytest.raises(CaseAlreadyOpen):
        open_case(BOLAT, project.number)
    audit()
    assert case_of(project).status == "new"


def test_case_is_opened_only_for_open_flags_and_by_reviewers() -> None:
    project = a_project()
    with pytest.raises(ProjectNotFlagged):
        open_case(AIGERIM, project.number)
    with pytest.raises(RoleNotAllowed):
        open_case(AUDITOR, project.number)
    with pytest.raises(Invalid):
        open_case(AIGERIM, "QT-2026-9999999-9")


def test_case_goes_from_flag_to_acceptance() -> None:
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


def test_order_reopens_accepted_flags_and_audits_keep_them_open(present: Present) -> None:
    project = a_project()
    case = decided_case(project, NO_BREACH)
    act(editor_of(project.agency), case, "appeal", "We were wrong.")
    decided_again = act(SAULE, act(AIGERIM, case, "propose", migrate_by(date(2026, 4, 1))), "approve")
    assert decided_again.status == "remediation"
    assert flags_of(project) == {"freeze.creation": "open"}
    audit()
    present.move(timedelta(days=1))
    audit()
    assert flags_of(project) == {"freeze.creation": "open"}


def test_accepted_case_reopens_when_facts_change(present: Present) -> None:
    project = a_project()
    case = decided_case(project, TRANSITIONAL)
    present.move(timedelta(days=1))
    edit(editor_of(project.agency), project, work_started_on="2026-02-10", contract_signed_on="2026-02-05")
    audit()
    assert flags_of(project)["freeze.creation"] == "open"
    again = case_of(project)
    assert (again.id, again.status, again.assignee, again.outcome) == (case.id, "under_review", "aigerim", None)
    assert again.due_on == date(2026, 3, 18)
    assert show_case(SAULE, again, "en")["events"][-1]["action"] == "reopened"


def test_reopened_case_without_assignee_is_new() -> None:
    project = a_project()
    case = under_review(project)
    act(AIGERIM, case, "propose", NO_BREACH)
    act(SAULE, case, "assign", "saule")
    act(SAULE, case, "withdraw")
    act(SAULE, case, "release")
    assert case_of(project).status == "new"


def test_overdue_order_is_flagged_while_case_stays_in_remediation(present: Present) -> None:
    project = a_project()
    case = decided_case(project, migrate_by(date(2026, 3, 20)))
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


def test_new_order_replaces_old_one_on_approval() -> None:
    project = a_project()
    case = decided_case(project, migrate_by(in_days(30)))
    case = act(TIMUR, case, "claim")
    assert case.status == "under_review"
    assert [order.ended_because for order in orders_of(project)] == [None]
    act(TIMUR, case, "propose", migrate_by(in_days(60)))
    act(SAULE, case, "approve")
    assert [(order.ended_because, order.due_on) for order in orders_of(project)] == [
        ("replaced", in_days(30)),
        (None, in_days(60)),
    ]
    assert [d["ended_because"] for d in show_case(SAULE, case_of(project), "en")["decisions"]] == ["replaced", None]


def test_only_supervisor_withdraws_order() -> None:
    project = a_project()
    case = decided_case(project, migrate_by(in_days(30)))
    with pytest.raises(RoleNotAllowed):
        act(AIGERIM, case, "withdraw")
    assert act(TIMUR, case, "withdraw").status == "under_review"
    assert [order.ended_because for order in orders_of(project)] == ["withdrawn"]


def test_only_supervisor_reopens_case_with_order() -> None:
    project = a_project()
    case = decided_case(project, migrate_by(in_days(30)))
    for reviewer in (AIGERIM, BOLAT):
        assert "claim" not in possible_actions(reviewer, case, None)
        with pytest.raises(RoleNotAllowed):
            act(reviewer, case, "claim")
    case = act(TIMUR, case, "claim")
    assert (case.status, case.assignee) == ("under_review", "timur")
    assert [order.ended_because for order in orders_of(project)] == [None]


@pytest.mark.parametrize("then", [[], ["release"], ["ask"], ["propose"], ["refer"]])
def test_order_can_be_appealed_during_second_review(then: list[str], present: Present) -> None:
    project = a_project()
    editor = editor_of(project.agency)
    case = act(TIMUR, decided_case(project, migrate_by(in_days(60))), "claim")
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


def test_review_without_order_offers_no_appeal() -> None:
    project = a_project()
    case = under_review(project)
    assert "appeal" not in possible_actions(editor_of(project.agency), case, None)


def test_appeal_ends_order_and_reopens_case(present: Present) -> None:
    project = a_project()
    case = decided_case(project, migrate_by(in_days(60)))
    # 15 working days after 16 February is 10 March, because 9 March is a day off.
    present.set(date(2026, 3, 10))
    case = act(editor_of(project.agency), case, "appeal", "The contract is older.")
    assert (case.status, case.due_on) == ("under_review", date(2026, 4, 10))
    assert [order.ended_because for order in orders_of(project)] == ["appealed"]
    act(AIGERIM, case, "propose", migrate_by(in_days(90)))
    assert act(SAULE, case, "approve").status == "remediation"


def test_appeal_is_too_late_day_after_deadline(present: Present) -> None:
    project = a_project()
    case = decided_case(project, migrate_by(in_days(60)))
    present.set(date(2026, 3, 11))
    assert show_case(editor_of(project.agency), case, "en")["actions"] == ["comment"]
    with pytest.raises(AppealTooLate):
        act(editor_of(project.agency), case, "appeal")
    assert [order.ended_because for order in orders_of(project)] == [None]


def test_closed_case_reopens_on_appeal() -> None:
    project = a_project()
    case = decided_case(project, NO_BREACH)
    case = act(editor_of(project.agency), case, "appeal")
    assert case.status == "under_review"
    with pytest.raises(CaseActionNotPossible):
        act(editor_of(project.agency), case, "appeal")
    audit()
    assert case_of(project).status == "under_review"
    act(AIGERIM, case, "propose", TRANSITIONAL)
    assert act(TIMUR, case, "approve").outcome == "transitional_accepted"


def test_appeal_needs_a_decision() -> None:
    project = project_with_gap()
    editor = editor_of(project.agency)
    audit()
    edit(editor, project, object_commissioned_on="2020-01-01")
    audit()
    case = act(AIGERIM, case_of(project), "confirm")
    assert show_case(editor, case, "en")["actions"] == ["comment"]
    with pytest.raises(NothingToAppeal):
        act(editor, case, "appeal")


def test_flags_cleared_by_edit_wait_for_reviewer() -> None:
    project = project_with_gap()
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


def test_reopened_case_stays_in_review_until_flags_clear_again(present: Present) -> None:
    project = project_with_gap()
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


def test_appealed_case_stays_in_review_without_active_flags() -> None:
    project = a_project()
    editor = editor_of(project.agency)
    decided_case(project, NO_BREACH)
    verify(project)
    audit()
    case = act(editor, case_of(project), "appeal", "It is somebody else's project.")
    assert (case.status, flags_of(project)) == ("under_review", {"freeze.creation": "cleared"})
    audit()
    assert case_of(project).status == "under_review"


def test_restricted_case_is_assigned_only_to_permitted_reviewers() -> None:
    a_token(Role.REVIEWER, name="aigerim")
    a_token(Role.SUPERVISOR, name="timur")
    project = a_project()
    audit()
    with transaction():
        restrict_project(SAULE, find_project_to_change(SAULE, project.number), True, "State secret")
    with pytest.raises(Invalid) as refused:
        act(SAULE, case_of(project), "assign", "aigerim")
    assert [problem.code for problem in refused.value.problems] == ["assignee-may-not-see"]
    assert act(SAULE, case_of(project), "assign", "timur").assignee == "timur"


def test_returning_finding_reopens_case_awaiting_confirmation() -> None:
    project = project_with_gap()
    editor = editor_of(project.agency)
    under_review(project)
    edit(editor, project, object_commissioned_on="2020-01-01")
    audit()
    edit(editor, project, object_commissioned_on=None)
    audit()
    assert (case_of(project).status, cases_of(project)) == ("under_review", 1)


def test_pending_proposal_lapses_when_flags_clear() -> None:
    project = a_project()
    case = under_review(project)
    act(AIGERIM, case, "propose", NO_BREACH)
    verify(project)
    audit()
    assert case_of(project).status == "awaiting_confirmation"
    assert db.session.scalars(select(CaseDecision.outcome)).all() == ["lapsed"]
    with pytest.raises(CaseActionNotPossible):
        act(SAULE, case, "approve")


def test_remediation_ends_in_confirmation_after_migration() -> None:
    project = a_project()
    decided_case(project, migrate_by(in_days(30)))
    verify(project)
    audit()
    case = case_of(project)
    assert (case.status, case.due_on) == ("awaiting_confirmation", date(2026, 3, 17))
    assert act(BOLAT, case, "confirm").outcome == "resolved"


def test_referred_case_returns_when_exemption_ends(present: Present) -> None:
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
    # The review restarts: 2 April to 29 April.
    assert (case.status, case.assignee, case.due_on) == ("under_review", "aigerim", date(2026, 4, 29))


def test_exemption_without_referral_removes_case_from_queue(present: Present) -> None:
    project = a_project()
    audit()
    record_exemption(SAULE, exemption(project, date(2026, 3, 31)))
    audit()
    assert case_of(project).status == "with_commission"
    present.set(date(2026, 4, 1))
    audit()
    assert (case_of(project).status, cases_of(project)) == ("new", 1)


def test_exempt_project_gets_case_when_exemption_ends(present: Present) -> None:
    project = a_project()
    record_exemption(SAULE, exemption(project, date(2026, 3, 31)))
    audit()
    assert cases_of(project) == 0
    present.set(date(2026, 4, 1))
    audit()
    assert (case_of(project).status, cases_of(project)) == ("new", 1)


def test_case_returned_by_the_commission_is_under_review() -> None:
    case = under_review(a_project())
    act(AIGERIM, case, "refer")
    assert act(AIGERIM, case, "return").status == "under_review"


def test_exempt_flags_stay_exempt_after_acceptance(present: Present) -> None:
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


def test_proposer_cannot_approve_with_any_token() -> None:
    case = under_review(a_project())
    act(AIGERIM, case, "propose", NO_BREACH)
    with pytest.raises(DecisionNeedsAnotherPerson):
        act(AIGERIM_AS_SUPERVISOR, case, "approve")
    with pytest.raises(RoleNotAllowed):
        act(BOLAT, case, "approve")
    assert act(SAULE, case, "approve").status == "closed"


def test_approval_rejects_findings_unseen_by_proposer() -> None:
    project = a_project()
    case = under_review(project)
    act(AIGERIM, case, "propose", NO_BREACH)
    edit(editor_of(project.agency), project, work_type="development")
    audit()
    with pytest.raises(ProposalOutOfDate):
        act(SAULE, case, "approve")
    assert "accepted" not in flags_of(project).values()
    assert act(SAULE, case, "return").status == "under_review"


def test_proposal_with_past_due_date_is_not_approved(present: Present) -> None:
    case = under_review(a_project())
    act(AIGERIM, case, "propose", migrate_by(in_days(3)))
    present.move(timedelta(days=4))
    with pytest.raises(ProposalOutOfDate):
        act(SAULE, case, "approve")


def test_assigned_case_belongs_to_assignee_and_supervisors() -> None:
    case = under_review(a_project())
    with pytest.raises(CaseActionNotPossible):
        act(BOLAT, case, "claim")
    for name, *values in (("release",), ("ask",), ("refer",), ("propose", NO_BREACH)):
        with pytest.raises(CaseNotYours):
            act(BOLAT, case, name, *values)
    assert act(SAULE, case, "ask", "Why?").status == "awaiting_agency"


def test_assigned_cleared_case_is_not_claimed_by_another() -> None:
    project = a_project()
    under_review(project)
    verify(project)
    audit()
    with pytest.raises(CaseTaken):
        act(BOLAT, case_of(project), "claim")


def test_case_is_assigned_only_to_reviewers() -> None:
    case = under_review(a_project())
    with pytest.raises(Invalid):
        act(SAULE, case, "assign", "nobody")
    a_token(Role.AUDITOR, name="zhanna")
    with pytest.raises(Invalid):
        act(SAULE, case, "assign", "zhanna")
    change_role(LOCAL_ADMINISTRATOR, account_named("zhanna").id, Role.REVIEWER, None)
    assert act(SAULE, case, "assign", "zhanna").assignee == "zhanna"


def test_second_actor_sees_last_change() -> None:
    case = under_review(a_project())
    act(AIGERIM, case, "propose", NO_BREACH)
    act(TIMUR, case, "return", "Look at the contract.")
    with pytest.raises(CaseActionNotPossible) as refused:
        act(SAULE, case, "approve")
    assert refused.value.params["status"] == "under_review"
    assert (refused.value.params["last"], refused.value.params["by"]) == ("return", "timur")


def test_agency_sees_case_without_notes_and_proposals() -> None:
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


def test_parent_agency_sees_case_and_others_do_not() -> None:
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


def test_cleared_cases_are_confirmed_independently() -> None:
    projects = [project_with_gap() for _ in range(3)]
    editors = [editor_of(project.agency) for project in projects[:2]]
    audit()
    for editor, project in zip(editors, projects[:2], strict=True):
        edit(editor, project, object_commissioned_on="2020-01-01")
    audit()
    ids = [case_of(project).id for project in projects]
    result = act_on_cases(BOLAT, "confirm", [*ids, 999_999], {})
    assert result.done == ids[:2]
    assert [(case_id, error.code) for case_id, error in result.refused] == [
        (ids[2], "case-action-not-possible"),
        (999_999, "case-not-found"),
    ]


def test_older_case_refuses_appeal_while_later_case_is_open() -> None:
    project = a_project()
    editor = editor_of(project.agency)
    first = decided_case(project, NO_BREACH)
    edit(editor, project, placement="unknown")
    audit()
    assert cases_of(project) == 2
    assert show_case(editor, find_case(editor, first.id), "en")["actions"] == ["comment"]
    with pytest.raises(AnotherCaseOpen):
        act(editor, first, "appeal")


def orders_of(project: Project) -> list[Order]:
    """Return the project's orders, oldest first."""
    return list(db.session.scalars(select(Order).where(Order.project_id == project.id).order_by(Order.id)))


def exemption(project: Project, until: date) -> dict[str, object]:
    """Record an exemption from today until a day."""
    return {
        "project": project.number,
        "decision_number": "12",
        "decided_on": today(),
        "valid_from": today(),
        "valid_to": until,
    }


def test_decision_accepts_weak_flags_of_project() -> None:
    project = a_project(onboarding_due_on="2026-06-01", placement="onboarding")
    case = decided_case(project, NO_BREACH)
    assert case.status == "closed"
    assert set(db.session.scalars(select(Flag.status).where(Flag.project_id == project.id))) == {"accepted"}
