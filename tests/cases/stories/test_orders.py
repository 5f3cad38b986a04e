"""Orders: replaced, withdrawn, overdue and fulfilled; cases before the Commission."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from registry.accounts.roles import RoleNotAllowed
from registry.cases.lists import show_case
from registry.core.database import transaction
from registry.exemptions.service import record_exemption
from registry.platform.confirmations import confirm_ending
from registry.projects.service import find_project_to_change
from tests.cases.cast import (
    AIGERIM,
    BOLAT,
    NO_BREACH,
    OPERATOR,
    SAULE,
    TIMUR,
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
    under_review,
)
from tests.factories import a_project
from tests.present import Present


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


def test_only_supervisor_withdraws_order() -> None:
    project = a_project()
    case = decided_case(project, migrate_by(in_days(30)))
    with pytest.raises(RoleNotAllowed):
        act(AIGERIM, case, "withdraw")
    assert act(TIMUR, case, "withdraw").status == "under_review"
    assert [order.ended_because for order in orders_of(project)] == ["withdrawn"]


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
