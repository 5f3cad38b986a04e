"""Case pages: actions of reviewers and agencies, and what each may not see."""

from __future__ import annotations

import re

from flask import Flask

from registry.accounts.roles import AGENCY_ROLES, Role
from registry.accounts.service import NewPerson, add_person
from registry.cases.queries import may_review, reviewers
from tests.cases.casework import GAP, LAW, flagged_case, send, status
from tests.cases.cast import SAULE, act, audit, case_of, edit, editor_of
from tests.factories import ADMINISTRATOR, a_project, an_agency
from tests.fixtures.web import PASSWORD, SignedIn


def test_case_is_reviewed_and_accepted_by_pages(signed_in: SignedIn) -> None:
    agency = an_agency()
    _project, case = flagged_case(agency)
    reviewer, supervisor = signed_in(Role.REVIEWER), signed_in(Role.SUPERVISOR)
    editor = signed_in(Role.AGENCY_EDITOR, agency)
    assert case in reviewer.get("/cases").text
    assert "Case taken" in reviewer.send(f"{case}/claim", page="/cases").text
    send(reviewer, case, "ask", **{"ask-comment": "Когда подписан договор?"})
    assert "Questions to answer" in editor.get("/home").text
    assert "Когда подписан договор?" in editor.get(case).text
    send(editor, case, "answer", **{"answer-comment": "В декабре 2025 года."})
    assert "В декабре 2025 года." in reviewer.get(case).text
    code, page = send(reviewer, case, "propose", **{"propose-decision": "transitional_accepted"}, **LAW)
    assert code == 200 and "Transitional case accepted" in page
    assert "Transitional" not in editor.get(case).text
    assert case in supervisor.get("/home").text
    code, page = send(supervisor, case, "approve")
    assert code == 200 and status(case) == "closed" and "Decision approved" in page


def test_page_offers_exactly_permitted_actions(signed_in: SignedIn) -> None:
    agency = an_agency()
    _project, case = flagged_case(agency)
    offered = {
        Role.REVIEWER: ["claim", "assign", "comment"],
        Role.AUDITOR: [],
        Role.AGENCY_EDITOR: ["comment"],
        Role.AGENCY_ADMINISTRATOR: ["comment"],
        Role.AGENCY_VIEWER: [],
    }
    for role, actions in offered.items():
        whose = agency if role in AGENCY_ROLES else None
        page = signed_in(role, whose).get(case).text
        forms = re.findall(rf'action="{case}/(\w+)"', page)
        # Everybody who reads a case has seen it.
        assert forms.count("visit") == 1
        assert [action for action in forms if action != "visit"] == actions


def test_proposer_is_not_offered_and_cannot_submit_approval(signed_in: SignedIn) -> None:
    _project, case = flagged_case()
    supervisor = signed_in(Role.SUPERVISOR)
    send(supervisor, case, "claim")
    send(supervisor, case, "propose", **{"propose-decision": "transitional_accepted"}, **LAW)
    assert f"{case}/approve" not in supervisor.get(case).text
    code, page = send(supervisor, case, "approve")
    assert code == 403 and "Another supervisor must approve" in page
    assert status(case) == "awaiting_approval"


def test_second_editor_sees_changes_and_keeps_input(signed_in: SignedIn) -> None:
    _project, case = flagged_case()
    first, second = signed_in(Role.SUPERVISOR, name="first"), signed_in(Role.SUPERVISOR, name="second")
    send(first, case, "claim")
    seen = second.get(case).text
    send(first, case, "comment", **{"comment-comment": "Звонил в орган."})
    code, page = send(second, case, "ask", seen, **{"ask-comment": "Где договор?"})
    banner = page.partition("<h1")[0]
    assert code == 409 and "The case has changed" in banner and "Звонил в орган." in banner
    assert "Где договор?" in page and status(case) == "under_review"


def test_claimed_case_is_not_claimed_again(signed_in: SignedIn) -> None:
    _project, case = flagged_case()
    first, second = signed_in(Role.REVIEWER, name="first"), signed_in(Role.REVIEWER, name="second")
    queue = second.token("/cases")
    send(first, case, "claim")
    answer = second.client.post(f"{case}/claim", data={"csrf_token": queue})
    assert answer.status_code == 409 and "first" in answer.text


def test_incomplete_proposal_shows_field_errors(signed_in: SignedIn) -> None:
    _project, case = flagged_case()
    reviewer = signed_in(Role.REVIEWER)
    send(reviewer, case, "claim")
    code, page = send(reviewer, case, "propose", **{"propose-decision": "migrate_by", **LAW, "propose-due_on": "soon"})
    assert code == 422 and 'id="propose-due_on-error"' in page
    code, page = send(reviewer, case, "propose", **{"propose-decision": "no_breach", **LAW})
    assert code == 422 and 'id="propose-reason_code-error"' in page and "Письмо от 3 февраля." in page
    code, page = send(reviewer, case, "comment")
    assert code == 422 and 'id="comment-comment-error"' in page


def test_internal_note_is_hidden_from_agency(signed_in: SignedIn) -> None:
    agency = an_agency()
    _project, case = flagged_case(agency)
    reviewer, viewer = signed_in(Role.REVIEWER), signed_in(Role.AGENCY_VIEWER, agency)
    send(reviewer, case, "comment", **{"comment-comment": "Только для нас."})
    send(reviewer, case, "comment", **{"comment-comment": "Для органа.", "comment-for_agency": "yes"})
    page = viewer.get(case).text
    assert "Для органа." in page and "Только для нас." not in page
    stranger = signed_in(Role.AGENCY_EDITOR, name="stranger")
    assert stranger.client.get(case).status_code == 404
    assert case not in stranger.get("/cases").text


def test_cleared_cases_are_confirmed_together(signed_in: SignedIn) -> None:
    agency = an_agency()
    made = [flagged_case(agency, **GAP) for _ in range(2)]
    for project, _case in made:
        edit(editor_of(agency), project, object_commissioned_on="2020-01-01")
    audit()
    waiting = [case for _project, case in made if status(case) == "awaiting_confirmation"]
    assert len(waiting) == 2
    visit = signed_in(Role.REVIEWER)
    ids = [case.rpartition("/")[2] for case in waiting]
    page = visit.send("/cases/bulk/confirm", page="/cases?status=awaiting_confirmation", case=ids).text
    assert "2 cases are confirmed and closed." in page and {status(case) for case in waiting} == {"closed"}
    assert "Choose at least one case" in visit.send("/cases/bulk/confirm", page="/cases?status=new").text


def test_work_list_filters_are_in_query_string(signed_in: SignedIn) -> None:
    _project, case = flagged_case()
    visit = signed_in(Role.SUPERVISOR)
    assert case in visit.get("/cases?status=new").text
    send(visit, case, "claim")
    assert case not in visit.get("/cases?status=new").text
    link = re.search(r'href="(/cases\?[^"]*assignee=[^"]*)"', visit.get("/cases?status=new").text)
    assert link and case in visit.get(link[1].replace("&amp;", "&")).text
    assert case not in visit.get("/cases?overdue=true").text
    assert visit.get("/cases?status=nonsense").status_code == 400


def test_case_is_opened_from_watch_list(signed_in: SignedIn) -> None:
    project = a_project(**GAP, object_commissioned_on="2020-01-01")
    audit()
    visit = signed_in(Role.REVIEWER)
    path = f"/projects/{project.number}"
    assert "Open a case" in visit.get(path).text
    page = visit.send(f"{path}/case", page=path).text
    assert "The case is opened." in page and case_of(project).status == "new"
    assert "Open a case" not in visit.get(path).text
    assert visit.send(f"{path}/case", page=path).status_code == 409


def test_case_is_assigned_only_to_reviewers(app: Flask, signed_in: SignedIn) -> None:
    project, case = flagged_case()
    for name, role in (("d.reviewer", Role.REVIEWER), ("d.auditor", Role.AUDITOR)):
        add_person(ADMINISTRATOR, NewPerson(name, role), PASSWORD)
    assert may_review("d.reviewer") and not may_review("d.auditor") and "d.reviewer" in reviewers()
    visit = signed_in(Role.SUPERVISOR)
    code, page = send(visit, case, "assign", **{"assign-assignee": "d.auditor"})
    assert code == 422 and 'id="assign-assignee-error"' in page
    code, page = send(visit, case, "assign", **{"assign-assignee": "d.reviewer"})
    assert code == 200 and case_of(project).assignee == "d.reviewer"


def test_unknown_action_is_not_found(signed_in: SignedIn) -> None:
    _project, case = flagged_case()
    assert signed_in(Role.REVIEWER).send(f"{case}/burn", page=case).status_code == 404


def test_agency_appeals_order_with_reason(signed_in: SignedIn) -> None:
    agency = an_agency()
    project, case = flagged_case(agency)
    reviewer = signed_in(Role.REVIEWER)
    send(reviewer, case, "claim")
    send(reviewer, case, "propose", **{"propose-decision": "write_off"}, **LAW)
    act(SAULE, case_of(project), "approve")
    editor = signed_in(Role.AGENCY_EDITOR, agency)
    assert case in editor.get("/cases?status=remediation").text
    assert send(editor, case, "appeal")[0] == 422
    code, page = send(editor, case, "appeal", **{"appeal-comment": "Система работает."})
    assert code == 200 and "Appealed" in page and status(case) == "under_review"
