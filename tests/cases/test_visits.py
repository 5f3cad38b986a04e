"""What changed since the last visit: stored by actions, by the button and by the script, never by opening a page."""

from __future__ import annotations

import re

from registry.accounts.roles import Role
from registry.accounts.service import edit_account
from registry.cases.models import CaseEvent, CaseVisit
from registry.core.database import db
from tests.cases.casework import flagged_case, send, status
from tests.cases.cast import AIGERIM, SAULE, act, case_of, editor_of
from tests.factories import ADMINISTRATOR, an_agency, with_account
from tests.fixtures.web import SignedIn, Visit

NEWS = "Changed since your last visit on"


def mark_as_seen(visit: Visit, case: str) -> str:
    """Press the button of the page."""
    newest = re.search(r'name="event" value="(\d+)"', visit.get(case).text)
    answer = visit.send(f"{case}/visit", page=case, event=newest[1])
    assert answer.status_code == 200
    return answer.text


def visits() -> int:
    return db.session.query(CaseVisit).count()


def test_first_visit_marks_nothing_and_opening_stores_nothing(signed_in: SignedIn) -> None:
    _project, case = flagged_case()
    reviewer = signed_in(Role.REVIEWER)
    page = reviewer.get(case).text
    assert NEWS not in page and "timeline__new" not in page and "Mark as seen up to here" in page
    assert visits() == 0


def test_entries_of_others_since_the_visit_are_marked_until_seen(signed_in: SignedIn) -> None:
    agency = an_agency()
    project, case = flagged_case(agency)
    reviewer = signed_in(Role.REVIEWER, name="aigerim")
    assert send(reviewer, case, "claim")[0] == 200
    assert "Mark as seen" not in reviewer.get(case).text
    send(reviewer, case, "ask", **{"ask-comment": "When was it signed?"})
    assert NEWS not in reviewer.get(case).text
    act(editor_of(agency), case_of(project), "answer", "In 2025.")
    act(SAULE, case_of(project), "comment", "I know them.")
    page = reviewer.get(case).text
    assert page.count('class="timeline__new"') == 2
    news = page[page.index(NEWS) : page.index("Mark as seen")]
    assert "Answer from the agency" in news and "Commented" in news and "Question to the agency" not in news
    # Opened again, it is still new: only the button changes that.
    assert NEWS in reviewer.get(case).text
    seen = mark_as_seen(reviewer, case)
    assert NEWS not in seen and "timeline__new" not in seen
    assert visits() == 1


def test_own_actions_are_not_news_and_another_person_has_own_visits(signed_in: SignedIn) -> None:
    project, case = flagged_case()
    first, second = signed_in(Role.REVIEWER, name="aigerim"), signed_in(Role.SUPERVISOR)
    mark_as_seen(first, case)
    mark_as_seen(second, case)
    act(with_account(AIGERIM), case_of(project), "claim")
    edit_account(ADMINISTRATOR, with_account(AIGERIM).account_id or 0, {"name": "a.renamed"})
    assert NEWS not in first.get(case).text
    assert NEWS in second.get(case).text


def test_agency_sees_no_news_of_internal_entries(signed_in: SignedIn) -> None:
    agency = an_agency()
    project, case = flagged_case(agency)
    viewer = signed_in(Role.AGENCY_VIEWER, agency)
    mark_as_seen(viewer, case)
    act(AIGERIM, case_of(project), "claim")
    act(AIGERIM, case_of(project), "comment", "For us alone.")
    assert NEWS not in viewer.get(case).text
    act(AIGERIM, case_of(project), "ask", "Which date?")
    page = viewer.get(case).text
    assert NEWS in page and page.count('class="timeline__new"') == 1


def test_visit_needs_an_entry_of_the_case_that_the_person_sees(signed_in: SignedIn) -> None:
    agency = an_agency()
    project, case = flagged_case(agency)
    _other, other_case = flagged_case()
    act(AIGERIM, case_of(project), "claim")
    internal = db.session.query(CaseEvent.id).order_by(CaseEvent.id.desc()).limit(1).scalar()
    viewer = signed_in(Role.AGENCY_VIEWER, agency)
    assert viewer.send(f"{case}/visit", page=case, event=internal).status_code == 422
    for wrong in ("999999", "x", "-1", "", "9" * 40):
        assert viewer.send(f"{case}/visit", page=case, event=wrong).status_code == 422
    assert viewer.send(f"{other_case}/visit", page=case, event=1).status_code == 404
    assert visits() == 0 and status(case) == "under_review"


def test_script_stores_the_visit_without_a_page_and_an_older_window_does_not_move_it_back(signed_in: SignedIn) -> None:
    project, case = flagged_case()
    reviewer = signed_in(Role.REVIEWER)
    old = re.search(r'name="event" value="(\d+)"', reviewer.get(case).text)
    act(SAULE, case_of(project), "comment", "New.")
    mark_as_seen(reviewer, case)
    answer = reviewer.send(f"{case}/visit", page=case, follow=False, event=old[1], quiet="yes")
    assert (answer.status_code, answer.data) == (204, b"")
    assert NEWS not in reviewer.get(case).text
