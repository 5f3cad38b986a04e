"""Cases before the Commission, and exemptions of their projects."""

from __future__ import annotations

from datetime import date

from registry.exemptions.service import record_exemption
from tests.cases.cast import (
    AIGERIM,
    NO_BREACH,
    SAULE,
    act,
    audit,
    case_of,
    cases_of,
    exemption,
    flags_of,
    under_review,
)
from tests.factories import a_project
from tests.present import Present


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
