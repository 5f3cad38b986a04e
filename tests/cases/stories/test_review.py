"""Reviews of cases by real audits and services: from the flag to the decision, its approval, and who sees what."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy import select

from registry.accounts.account_changes import change_role
from registry.accounts.models import account_named
from registry.accounts.roles import Role, RoleNotAllowed
from registry.cases.decisions import ProposalOutOfDate
from registry.cases.lists import show_case
from registry.cases.models import CaseDecision
from registry.cases.queries import find_case
from registry.cases.service import CaseAlreadyOpen, open_case
from registry.cases.transitions import CaseActionNotPossible, CaseNotYours, CaseTaken, DecisionNeedsAnotherPerson
from registry.core.database import db, transaction
from registry.core.errors import Invalid
from registry.flags.models import Flag
from tests.cases.cast import (
    AIGERIM,
    AIGERIM_AS_SUPERVISOR,
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
    project_with_gap,
    under_review,
    verify,
)
from tests.factories import ADMINISTRATOR as LOCAL_ADMINISTRATOR, a_project, a_token, restrict
from tests.present import Present


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
    assert (case.status, case.severity) == ("new", "plan")
    assert [flag["rule"] for flag in show_case(SAULE, case, "en")["flags"]] == ["freeze.legacy"]
    with pytest.raises(CaseAlreadyOpen):
        open_case(BOLAT, project.number)
    audit()
    assert case_of(project).status == "new"


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


def test_returning_finding_reopens_case_awaiting_confirmation() -> None:
    project = project_with_gap()
    editor = editor_of(project.agency)
    under_review(project)
    edit(editor, project, object_commissioned_on="2020-01-01")
    audit()
    edit(editor, project, object_commissioned_on=None)
    audit()
    assert (case_of(project).status, cases_of(project)) == ("under_review", 1)


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


def test_decision_accepts_weak_flags_of_project() -> None:
    project = a_project(onboarding_due_on="2026-06-01", placement="onboarding")
    case = decided_case(project, NO_BREACH)
    assert case.status == "closed"
    assert set(db.session.scalars(select(Flag.status).where(Flag.project_id == project.id))) == {"accepted"}


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


def test_restricted_case_is_assigned_only_to_permitted_reviewers() -> None:
    a_token(Role.REVIEWER, name="aigerim")
    a_token(Role.SUPERVISOR, name="timur")
    project = a_project()
    audit()
    restrict(project.number)
    with pytest.raises(Invalid) as refused:
        act(SAULE, case_of(project), "assign", "aigerim")
    assert [problem.code for problem in refused.value.problems] == ["assignee-may-not-see"]
    assert act(SAULE, case_of(project), "assign", "timur").assignee == "timur"


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
