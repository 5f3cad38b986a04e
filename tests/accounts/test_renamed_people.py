"""Renamed people: four eyes still count persons, and open work follows."""

from __future__ import annotations

import pytest
from flask import Flask

from registry.accounts.roles import Role
from registry.accounts.service import edit_account
from registry.cases.transitions import DecisionNeedsAnotherPerson
from registry.core.database import db
from registry.projects.drafts import drafts_of, start_draft
from tests.accounts.test_account_editing import a_person, session_of
from tests.cases.cast import AIGERIM, NO_BREACH, act, under_review
from tests.factories import ADMINISTRATOR, a_project, an_agency


def test_renamed_person_cannot_approve_the_own_proposal(app: Flask) -> None:
    saule = a_person("saule", Role.SUPERVISOR)
    before = session_of(saule)
    case = under_review(a_project())
    act(before, case, "propose", NO_BREACH)
    edit_account(ADMINISTRATOR, saule.id, {"name": "s.bekova"})
    after = session_of(saule)

    # Also a request that began before the rename.
    for actor in (before, after):
        with pytest.raises(DecisionNeedsAnotherPerson):
            act(actor, case, "approve")


def test_renamed_person_keeps_cases_and_drafts(app: Flask) -> None:
    agency = an_agency()
    reviewer, editor = a_person("aigerim", Role.REVIEWER), a_person("e.ditor", Role.AGENCY_EDITOR, agency.id)
    case = under_review(a_project())
    assert case.assignee == AIGERIM.principal == "aigerim"
    changed_at = case.changed_at
    draft = start_draft(session_of(editor))

    edit_account(ADMINISTRATOR, reviewer.id, {"name": "a.new"})
    edit_account(ADMINISTRATOR, editor.id, {"name": "e.new"})

    db.session.refresh(case)
    assert case.assignee == "a.new" and case.changed_at >= changed_at
    assert [each.id for each in drafts_of(session_of(editor))] == [draft.id]
    act(session_of(reviewer), case, "propose", NO_BREACH)
