"""Cases whose flags are cleared: confirmation by a reviewer."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy import select

from registry.cases.models import CaseDecision
from registry.cases.transitions import (
    CaseActionNotPossible,
)
from registry.core.database import db
from tests.cases.cast import (
    AIGERIM,
    BOLAT,
    NO_BREACH,
    SAULE,
    act,
    audit,
    case_of,
    cases_of,
    edit,
    editor_of,
    flags_of,
    project_with_gap,
    under_review,
    verify,
)
from tests.factories import a_project
from tests.present import Present


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
