"""Who sees a case, and what of it."""

from __future__ import annotations

import pytest

from registry.accounts.roles import Role, RoleNotAllowed
from registry.cases.lists import show_case
from registry.cases.queries import CaseNotFound, find_case
from registry.core.database import transaction
from registry.core.errors import Invalid
from tests.cases.cast import (
    AIGERIM,
    NO_BREACH,
    SAULE,
    act,
    audit,
    case_of,
    editor_of,
    under_review,
)
from tests.factories import a_project, a_token, an_actor, an_agency, restrict


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
