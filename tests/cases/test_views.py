"""Case pages: actions of reviewers and agencies, and what each may not see."""

from __future__ import annotations

import re

from registry.accounts.roles import AGENCY_ROLES, Role
from tests.cases.casework import LAW, ORDER, flagged_case, send, status
from tests.cases.cast import SAULE, act, case_of
from tests.factories import an_agency
from tests.fixtures.web import SignedIn


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


def test_unknown_action_is_not_found(signed_in: SignedIn) -> None:
    _project, case = flagged_case()
    assert signed_in(Role.REVIEWER).send(f"{case}/burn", page=case).status_code == 404


def test_agency_appeals_order_with_reason(signed_in: SignedIn) -> None:
    agency = an_agency()
    project, case = flagged_case(agency)
    reviewer = signed_in(Role.REVIEWER)
    send(reviewer, case, "claim")
    send(reviewer, case, "propose", **{"propose-decision": "write_off"}, **ORDER)
    act(SAULE, case_of(project), "approve")
    editor = signed_in(Role.AGENCY_EDITOR, agency)
    assert case in editor.get("/cases?status=remediation").text
    assert send(editor, case, "appeal")[0] == 422
    code, page = send(editor, case, "appeal", **{"appeal-comment": "Система работает."})
    assert code == 200 and "Appealed" in page and status(case) == "new"
