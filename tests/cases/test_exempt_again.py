"""Repeated exemptions: a case returns when an exemption ends, and goes to the Commission again with the next one."""

from __future__ import annotations

from datetime import date, timedelta

from flask import Flask

from registry.core.database import transaction
from registry.platform.confirmations import verify_placement
from registry.projects.service import find_project_to_change
from tests.audits.steps import exempt
from tests.cases.cast import AIGERIM, OPERATOR, act, audit, case_of, edit, editor_of
from tests.factories import a_project
from tests.present import Present

DAY = date(2026, 10, 5)


def days(number: int) -> date:
    return DAY + timedelta(days=number)


def test_second_exemption_refers_case_to_commission_again(app: Flask, present: Present) -> None:
    present.set(DAY)
    project = a_project()
    exempt(project, DAY, days(1))
    audit()
    # An exemption in force at the first audit opens no case; the case is opened when it ends.
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


def test_reopened_or_cleared_case_is_no_longer_exempt(app: Flask, present: Present) -> None:
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
