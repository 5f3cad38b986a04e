"""A case that an exemption left to the Commission comes back when it ends, and leaves again with the next one."""

from __future__ import annotations

from datetime import date, timedelta

from flask import Flask

from registry.core.transactions import transaction
from registry.platform.confirmations import verify_placement
from registry.projects.service import find_project_to_change
from tests.audits.steps import exempt
from tests.cases.cast import AIGERIM, OPERATOR, act, audit, case_of, edit, editor_of
from tests.factories import a_project
from tests.present import Present

DAY = date(2026, 10, 5)


def days(number: int) -> date:
    return DAY + timedelta(days=number)


def test_case_goes_to_the_commission_again_with_a_second_exemption(app: Flask, present: Present) -> None:
    present.set(DAY)
    project = a_project()
    exempt(project, DAY, days(1))
    audit()
    # An exemption from the first audit on opens no case: one is opened when it ends.
    present.set(days(2))
    audit()
    act(AIGERIM, case_of(project), "claim")
    for first in (3, 6):
        exempt(project, days(first), days(first + 1))
        present.set(days(first))
        audit()
        case = case_of(project)
        assert (case.status, case.exempt_since) == ("with_commission", days(first))
        present.set(days(first + 2))
        audit()
        case = case_of(project)
        assert (case.status, case.exempt_since) == ("under_review", None)


def test_case_that_people_take_back_or_an_audit_clears_is_exempt_no_more(app: Flask, present: Present) -> None:
    present.set(DAY)
    project = a_project()
    audit()
    act(AIGERIM, case_of(project), "claim")
    exempt(project, DAY, days(30))
    audit()
    assert case_of(project).exempt_since == DAY
    assert act(AIGERIM, case_of(project), "return").exempt_since is None
    audit()
    assert case_of(project).exempt_since == DAY
    edit(editor_of(project.agency), project, placement="on_platform", platform_key="qt-1")
    with transaction():
        verify_placement(OPERATOR, find_project_to_change(OPERATOR, project.number), "qt-1", DAY, "QazTech")
    audit()
    assert (case_of(project).status, case_of(project).exempt_since) == ("awaiting_confirmation", None)
