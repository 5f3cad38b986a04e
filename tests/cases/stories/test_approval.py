"""Approval of proposals by a second person who knows the same findings."""

from __future__ import annotations

from datetime import timedelta

import pytest

from registry.accounts.roles import RoleNotAllowed
from registry.cases.decisions import ProposalOutOfDate
from registry.cases.transitions import (
    DecisionNeedsAnotherPerson,
)
from tests.cases.cast import (
    AIGERIM,
    AIGERIM_AS_SUPERVISOR,
    BOLAT,
    NO_BREACH,
    SAULE,
    act,
    audit,
    edit,
    editor_of,
    flags_of,
    in_days,
    migrate_by,
    under_review,
)
from tests.factories import a_project
from tests.present import Present


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
