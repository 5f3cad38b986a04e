"""Stories of cases by real audits and services: review, orders, appeals, and who sees what."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlalchemy import select

from registry.accounts.account_changes import change_role, disable_account
from registry.accounts.models import Account, Person, account_named
from registry.accounts.roles import Role
from registry.cases.decisions import (
    AnotherCaseOpen,
    AppealDecided,
    AppealPending,
    AppealTooLate,
    NothingToAppeal,
    ProposalOutOfDate,
)
from registry.cases.lists import list_cases, show_case
from registry.cases.models import Appeal, Case, CaseDecision, order_in_force
from registry.cases.queries import find_case, find_case_to_change
from registry.cases.service import CaseAlreadyOpen, open_case
from registry.cases.transitions import (
    AppealNeedsOthers,
    CaseActionNotPossible,
    CaseTaken,
    OrderDecidedOnAppeal,
    newest_appeal,
    possible_actions,
    waiting_proposal,
)
from registry.core.database import db, transaction
from registry.core.errors import Invalid, NotAllowed
from registry.core.lists import Page
from registry.exemptions.service import record_exemption
from registry.flags.models import Flag
from registry.freeze.policy import first_policy, set_policy
from registry.platform.confirmations import confirm_ending
from registry.projects.models import Project
from registry.projects.service import find_project_to_change
from tests.cases.cast import (
    AIGERIM,
    AIGERIM_AS_SUPERVISOR,
    BOLAT,
    DANA,
    NO_BREACH,
    OPERATOR,
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
    exemption,
    flags_of,
    in_days,
    migrate_by,
    orders_of,
    project_with_gap,
    under_review,
    verify,
)
from tests.factories import ADMINISTRATOR as LOCAL_ADMINISTRATOR, a_project, a_token, an_actor, restrict, with_account
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


def test_order_reopens_accepted_flags_and_audits_keep_them_open(present: Present) -> None:
    project = a_project()
    case = decided_case(project, NO_BREACH)
    act(editor_of(project.agency), case, "appeal", "We were wrong.")
    act(BOLAT, case, "claim")
    decided_again = act(TIMUR, act(BOLAT, case, "propose", migrate_by(date(2026, 4, 1))), "approve")
    assert decided_again.status == "remediation"
    assert flags_of(project) == {"freeze.creation": "open"}
    audit()
    present.move(timedelta(days=1))
    audit()
    assert flags_of(project) == {"freeze.creation": "open"}


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


def test_order_to_stop_stays_overdue_until_somebody_else_confirms_the_ending(present: Present) -> None:
    project = a_project()
    decided_case(project, {**migrate_by(date(2026, 3, 20)), "decision": "stop"})
    edit(editor_of(project.agency), project, stage="terminated", ended_on="2026-03-19")
    present.set(date(2026, 3, 20))
    audit()
    assert flags_of(project) == {"freeze.creation": "cleared", "integrity.ended-unconfirmed": "open"}
    present.set(date(2026, 3, 21))
    audit()
    assert flags_of(project)["order.overdue"] == "open"
    with transaction():
        confirm_ending(OPERATOR, find_project_to_change(OPERATOR, project.number), date(2026, 3, 19), "17", "Act 3")
    audit()
    assert set(flags_of(project).values()) == {"cleared"}
    assert case_of(project).status == "awaiting_confirmation"


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


def appealed(project: Project, proposal: dict[str, object] | None = None) -> Case:
    """The project's case after an order by Aigerim and Saule and its appeal."""
    case = decided_case(project, proposal or migrate_by(in_days(60)))
    return act(editor_of(project.agency), case, "appeal", "The contract is older.")


def decided_appeal(project: Project, proposal: dict[str, object]) -> Case:
    """The project's case after a decision on the appeal by Bolat and Timur."""
    case = act(BOLAT, appealed(project), "claim")
    act(BOLAT, case, "propose", proposal)
    return act(TIMUR, case, "approve")


def outcomes(project: Project) -> list[str | None]:
    made = select(Appeal.outcome).join(Case, Case.id == Appeal.case_id).where(Case.project_id == project.id)
    return list(db.session.scalars(made.order_by(Appeal.id)))


@pytest.mark.parametrize("then", [[], ["release"], ["ask"], ["propose"], ["refer"]])
def test_order_can_be_appealed_during_second_review(then: list[str], present: Present) -> None:
    project = a_project()
    editor = editor_of(project.agency)
    case = act(TIMUR, decided_case(project, migrate_by(in_days(60))), "claim")
    for action in then:
        case = act(TIMUR, case, action, *([NO_BREACH] if action == "propose" else []))
    assert "appeal" in possible_actions(editor, case, waiting_proposal(case))
    case = act(editor, case, "appeal", "The contract is older.")
    assert (case.status, case.assignee) == ("new", None)
    assert [order.ended_because for order in orders_of(project)] == ["appealed"]
    assert waiting_proposal(case) is None
    assert "appeal" not in possible_actions(editor, case, None)
    with pytest.raises(CaseActionNotPossible):
        act(editor, case, "appeal")


# Who decides.


DECIDED_IT = (AIGERIM, AIGERIM_AS_SUPERVISOR, SAULE)


def test_who_proposed_or_approved_takes_no_part_in_the_appeal() -> None:
    case = appealed(a_project())
    for person in DECIDED_IT:
        assert possible_actions(with_account(person), case, None) == ["comment"]
        with pytest.raises(AppealNeedsOthers):
            act(person, case, "claim")
        with pytest.raises(AppealNeedsOthers):
            act(person, case, "assign", "bolat")
    case = act(BOLAT, case, "claim")
    act(BOLAT, case, "propose", migrate_by(in_days(90)))
    for person, action in itertools.product(DECIDED_IT, ("approve", "withdraw", "return")):
        with pytest.raises(NotAllowed):
            act(person, case, action)
    assert act(TIMUR, case, "approve").status == "remediation"


def test_appealed_case_is_not_assigned_to_who_decided_it() -> None:
    a_token(Role.REVIEWER, name="bolat")
    case = appealed(a_project())
    for name in ("aigerim", "saule"):
        with pytest.raises(Invalid) as refused:
            act(TIMUR, case, "assign", name)
        assert [problem.code for problem in refused.value.problems] == ["assignee-decided-it"]
    assert act(TIMUR, case, "assign", "bolat").assignee == "bolat"


def test_case_that_was_handed_over_to_who_decided_it_can_be_taken_by_others() -> None:
    case = act(BOLAT, appealed(a_project()), "claim")
    with transaction():
        find_case_to_change(SAULE, case.id).assign_to(with_account(AIGERIM).account_id, "aigerim")
    case = find_case(SAULE, case.id)
    assert possible_actions(with_account(AIGERIM), case, None) == ["comment"]
    assert act(BOLAT, case, "assign", "bolat").assignee == "bolat"


def test_case_names_the_roles_that_nobody_has_who_may_decide_the_appeal() -> None:
    project = a_project()
    appealed(project)
    saule = with_account(SAULE)

    def missing() -> list[str]:
        shown = show_case(saule, case_of(project), "en")["appeal"]
        assert shown["is_barred"]
        return list(shown["missing"])

    assert missing() == ["supervisor", "reviewer"]
    a_token(Role.SUPERVISOR, name="timur")
    assert missing() == ["reviewer"]
    a_token(Role.REVIEWER, name="bolat")
    assert missing() == []
    disable_account(LOCAL_ADMINISTRATOR, account_named("timur").id)
    assert missing() == ["supervisor"]
    assert show_case(editor_of(project.agency), case_of(project), "en")["appeal"]["missing"] == []


def test_second_account_of_who_decided_it_takes_no_part_either() -> None:
    project = a_project()
    for name in ("saule", "saule-2", "timur"):
        a_token(Role.SUPERVISOR, name=name)
    with transaction():
        of_saule = select(Account.id).where(Account.name.in_(("saule", "saule-2")))
        for person in db.session.scalars(select(Person).where(Person.account_id.in_(of_saule))):
            person.email = "saule@example.kz"
    appealed(project)
    second = with_account(an_actor(Role.SUPERVISOR, name="saule-2"))
    shown = show_case(second, case_of(project), "en")["appeal"]
    assert (shown["missing"], shown["is_barred"]) == (["reviewer"], True)
    with pytest.raises(AppealNeedsOthers):
        act(second, case_of(project), "claim")


# What becomes of the decision.


@pytest.mark.parametrize(("days", "outcome"), [(70, "upheld"), (71, "changed"), (59, "changed")])
def test_order_is_upheld_with_a_date_that_is_later_by_the_suspension(days: int, outcome: str, present: Present) -> None:
    project = a_project()
    due_on, later = in_days(60), in_days(days)
    case = act(BOLAT, appealed(project, migrate_by(due_on)), "claim")
    present.set(date(2026, 2, 26))
    act(BOLAT, case, "propose", migrate_by(later))
    act(TIMUR, case, "approve")
    assert outcomes(project) == [outcome]


@pytest.mark.parametrize(
    ("proposal", "status", "outcome"),
    [
        ({**migrate_by(date(2027, 1, 1)), "decision": "stop"}, "remediation", "changed"),
        (NO_BREACH, "closed", "revoked"),
        (TRANSITIONAL, "closed", "revoked"),
    ],
)
def test_another_decision_changes_or_revokes_the_order(proposal: dict[str, object], status: str, outcome: str) -> None:
    project = a_project()
    case = decided_appeal(project, proposal)
    assert (case.status, outcomes(project)) == (status, [outcome])


def test_decision_on_an_appeal_is_not_appealed_again() -> None:
    project = a_project()
    editor = editor_of(project.agency)
    case = decided_appeal(project, migrate_by(in_days(60)))
    shown = show_case(editor, case, "en")
    assert (shown["actions"], shown["decisions"][-1]["appeal_until"]) == (["comment"], None)
    with pytest.raises(AppealDecided):
        act(editor, case, "appeal", "Once more.")


def test_who_decided_before_the_appeal_decides_nothing_after_it() -> None:
    project = a_project()
    decided_appeal(project, migrate_by(in_days(60)))
    for person in DECIDED_IT:
        case = case_of(project)
        shown = show_case(with_account(person), case, "en")
        assert (shown["actions"], shown["appeal"]["is_barred"]) == (["comment"], True)
        with pytest.raises(NotAllowed):
            act(person, case, "claim")
    act(BOLAT, act(DANA, act(DANA, case, "claim"), "assign", "bolat"), "propose", migrate_by(in_days(20)))
    for person in DECIDED_IT:
        assert list_cases(with_account(person), {"to_approve": "true"}, Page(), "en").items == []
        with pytest.raises(NotAllowed):
            act(person, case, "approve")


def test_order_on_an_appeal_is_not_withdrawn_by_one_person() -> None:
    case = decided_appeal(a_project(), migrate_by(in_days(60)))
    assert "withdraw" not in possible_actions(with_account(TIMUR), case, None)
    with pytest.raises(OrderDecidedOnAppeal):
        act(TIMUR, case, "withdraw")


def test_decision_that_replaces_the_one_on_an_appeal_is_not_appealed_either() -> None:
    project = a_project()
    case = act(DANA, decided_appeal(project, migrate_by(in_days(60))), "claim")
    act(DANA, case, "propose", migrate_by(in_days(20)))
    case = act(TIMUR, case, "approve")
    assert [order.ended_because for order in orders_of(project)] == ["appealed", "replaced", None]
    with pytest.raises(AppealDecided):
        act(editor_of(project.agency), case, "appeal", "Too soon.")


def test_decision_on_other_findings_than_those_of_the_appeal_can_be_appealed() -> None:
    project = a_project()
    editor = editor_of(project.agency)
    case = decided_appeal(project, migrate_by(in_days(60)))
    edit(editor, project, stage="pilot")
    audit()
    act(DANA, act(DANA, case, "claim"), "propose", migrate_by(in_days(20)))
    act(TIMUR, case, "approve")
    assert act(editor, case, "appeal", "Too soon.").status == "new"
    assert outcomes(project) == ["upheld", None]


def test_appeal_ends_without_a_decision_when_its_case_closes() -> None:
    project = project_with_gap()
    editor = editor_of(project.agency)
    case = appealed(project)
    edit(editor, project, object_commissioned_on="2020-01-01")
    audit()
    case = case_of(project)
    assert (case.status, outcomes(project)) == ("awaiting_confirmation", [None])
    with pytest.raises(AppealNeedsOthers):
        act(AIGERIM, case, "confirm")
    act(BOLAT, case, "confirm")
    assert outcomes(project) == ["discontinued"]


@pytest.fixture
def binding_while_appealed() -> Iterator[None]:
    """A policy by which an appealed order stays in force until another decision replaces it."""
    usual = first_policy()
    set_policy(replace(usual, appeal_suspends=False))
    yield
    set_policy(usual)


def test_appealed_order_stays_in_force_where_the_policy_says_so(binding_while_appealed: None) -> None:
    project = a_project()
    editor = editor_of(project.agency)
    case = appealed(project)
    assert case.status == "new"
    assert [order.ended_because for order in orders_of(project)] == [None]
    shown = show_case(editor, case, "en")
    assert [decision["ended_because"] for decision in shown["decisions"]] == [None]
    assert order_in_force(project.id)["order_migrate_by"] == in_days(60)
    # One appeal a decision.
    assert shown["actions"] == ["comment"]
    with pytest.raises(AppealPending):
        act(editor, case, "appeal", "Once more.")
    act(BOLAT, case, "claim")
    act(BOLAT, case, "propose", migrate_by(in_days(90)))
    act(TIMUR, case, "approve")
    assert [order.ended_because for order in orders_of(project)] == ["replaced", None]
    assert outcomes(project) == ["changed"]


def test_time_to_decide_begins_with_the_appeal(present: Present) -> None:
    project = a_project()
    case = decided_case(project, migrate_by(in_days(60)))
    # 15 working days after 16 February is 10 March, because 9 March is a day off.
    present.set(date(2026, 3, 10))
    case = act(editor_of(project.agency), case, "appeal", "The contract is older.")
    assert (case.status, case.due_on) == ("new", date(2026, 4, 10))


def test_time_to_decide_begins_again_when_a_second_review_was_under_way(present: Present) -> None:
    project = a_project()
    case = act(TIMUR, decided_case(project, migrate_by(in_days(60))), "claim")
    present.set(date(2026, 3, 10))
    assert act(editor_of(project.agency), case, "appeal", "It is older.").due_on == date(2026, 4, 10)


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
    assert case.status == "new"
    with pytest.raises(CaseActionNotPossible):
        act(editor_of(project.agency), case, "appeal")
    audit()
    assert act(BOLAT, case_of(project), "claim").status == "under_review"
    act(BOLAT, case, "propose", TRANSITIONAL)
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
    assert newest_appeal(case) is None


def test_appealed_case_stays_in_review_without_active_flags() -> None:
    project = a_project()
    editor = editor_of(project.agency)
    decided_case(project, NO_BREACH)
    verify(project)
    audit()
    case = act(editor, case_of(project), "appeal", "It is somebody else's project.")
    assert (case.status, flags_of(project)) == ("new", {"freeze.creation": "cleared"})
    audit()
    assert case_of(project).status == "new"


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
