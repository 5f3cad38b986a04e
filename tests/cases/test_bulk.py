"""One action on several cases: by the service, the API and the pages."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select

from registry.accounts.roles import Role
from registry.cases.actions import act_on_cases, open_cases
from registry.cases.models import Case
from registry.cases.queries import find_case
from registry.core.database import db
from registry.journal.service import JournalEntry
from tests.api.callers import caller
from tests.cases.casework import GAP
from tests.cases.cast import AIGERIM, BOLAT, SAULE, act, audit, case_of, cases_of, under_review
from tests.factories import a_project, an_agency, restrict
from tests.fixtures.web import SignedIn

pytestmark = pytest.mark.usefixtures("app")
# A finding too weak to open a case.
WEAK = {**GAP, "object_commissioned_on": "2020-01-01", "placement": "onboarding"}


def new_cases(count: int) -> list[int]:
    projects = [a_project(an_agency()) for _ in range(count)]
    audit()
    return [case_of(project).id for project in projects]


def entries(action: str) -> int:
    return db.session.scalar(select(func.count()).where(JournalEntry.action == action)) or 0


def statuses(ids: list[int]) -> list[str]:
    db.session.expire_all()
    return list(db.session.scalars(select(Case.status).where(Case.id.in_(ids)).order_by(Case.id)))


def test_cases_are_taken_independently_and_each_is_journalled() -> None:
    first, taken, third = new_cases(3)
    act(BOLAT, taken, "claim")
    before = entries("case.claim")
    result = act_on_cases(AIGERIM, "claim", [third, taken, first, first, 999_999], {})
    assert result.done == [first, third] and entries("case.claim") == before + 2
    assert [(case, error.code) for case, error in result.refused] == [
        (taken, "case-action-not-possible"),
        (999_999, "case-not-found"),
    ]


def test_atomic_action_changes_all_cases_or_none() -> None:
    free, taken, other = new_cases(3)
    act(BOLAT, taken, "claim")
    before = entries("case.claim")
    result = act_on_cases(AIGERIM, "claim", [free, taken, other], {}, atomic=True)
    assert result.done == [] and [case for case, _error in result.refused] == [taken]
    assert statuses([free, taken, other]) == ["new", "under_review", "new"] and entries("case.claim") == before
    assert act_on_cases(AIGERIM, "claim", [free, other], {}, atomic=True).done == [free, other]
    assert entries("case.claim") == before + 2


def test_cases_of_another_reviewer_are_refused() -> None:
    own, others = new_cases(2)
    act(AIGERIM, own, "claim")
    act(BOLAT, others, "claim")
    result = act_on_cases(AIGERIM, "ask", [own, others], {"comment": "When was it signed?"})
    assert result.done == [own] and [error.code for _case, error in result.refused] == ["case-not-yours"]


def test_case_of_restricted_project_is_not_found_by_reviewers() -> None:
    project = a_project()
    audit()
    restrict(project.number)
    case = case_of(project).id
    assert [error.code for _case, error in act_on_cases(AIGERIM, "claim", [case], {}).refused] == ["case-not-found"]
    assert act_on_cases(SAULE, "claim", [case], {}).done == [case]


def test_cases_are_opened_for_projects_of_the_watch_list() -> None:
    weak, strong = a_project(**WEAK), a_project()
    audit()
    result = open_cases(AIGERIM, [weak.number, strong.number, "QT-2026-9999999-9"])
    assert result.done == [case_of(weak).id] and cases_of(weak) == 1
    assert [problem.code for _number, problem in sorted(result.refused, key=lambda each: each[0] == strong.number)] == [
        "project-unknown",
        "case-already-open",
    ]


def test_api_returns_what_was_done_and_why_not(client: FlaskClient) -> None:
    reviewer = caller(client, Role.REVIEWER)
    free, taken = new_cases(2)
    act(BOLAT, taken, "claim")
    answer = reviewer.post("/cases/claim", {"cases": [free, taken]}, Idempotency_Key="once")
    assert answer.status_code == 200
    body = answer.get_json()
    assert body["done"] == [free]
    assert [set(each) for each in body["refused"]] == [{"case", "code", "message"}]
    assert (body["refused"][0]["case"], body["refused"][0]["code"]) == (taken, "case-action-not-possible")
    assert reviewer.post("/cases/claim", {"cases": [free, taken]}, Idempotency_Key="once").get_json() == body
    unknown = reviewer.post("/cases/assign", {"cases": [free], "assignee": "nobody"}).get_json()
    assert unknown["done"] == [] and unknown["refused"][0]["case"] == free
    assert reviewer.post("/cases/assign", {"cases": [free]}).status_code == 422
    assert reviewer.post("/cases/claim", {"cases": list(range(1, 502))}).status_code == 422
    confirmed = reviewer.post("/cases/confirm", {"cases": [free], "atomic": True}).get_json()
    assert confirmed["done"] == confirmed["confirmed"] == []
    assert confirmed["refused"][0]["case"] == confirmed["refused"][0]["id"] == free


def test_error_of_each_case_says_what_is_wrong_with_the_values(client: FlaskClient, signed_in: SignedIn) -> None:
    (case,) = new_cases(1)
    supervisor = caller(client, Role.SUPERVISOR)
    assigned = supervisor.post("/cases/assign", {"cases": [case], "assignee": "nobody"}).get_json()
    assert [each["code"] for each in assigned["refused"]] == ["assignee-not-a-reviewer"]
    opened = supervisor.post("/cases/open", {"projects": ["QT-1", "\u0000"]}).get_json()
    assert {each["project"]: each["code"] for each in opened["refused"]} == {
        "\u0000": "project-unknown",
        "QT-1": "project-unknown",
    }
    visit = signed_in(Role.SUPERVISOR)
    for name in ("nobody", "2026-13-45"):
        fields = {"case": str(case), "ready": "yes", "assign-assignee": name}
        page = visit.send("/cases/bulk/assign?status=new", page="/cases?status=new", **fields)
        assert page.status_code == 200 and name in page.text.partition("Not done: 1")[2]


def test_page_takes_chosen_cases_and_reports_the_refused(signed_in: SignedIn) -> None:
    free, other, taken = new_cases(3)
    visit = signed_in(Role.REVIEWER)
    assert visit.get("/cases?status=new").text.count('type="checkbox" name="case"') == 3
    act(BOLAT, taken, "claim")
    page = visit.send(
        "/cases/bulk/claim?status=new", page="/cases?status=new", case=[str(free), str(other), str(taken)]
    )
    assert page.status_code == 200 and "2 cases are taken." in page.text
    assert f"Case {taken}</a>: " in page.text.partition("Not done: 1")[2] and 'href="/cases?status=new"' in page.text
    assert statuses([free, other]) == ["under_review", "under_review"]


def test_page_asks_for_fields_of_the_action_first(signed_in: SignedIn) -> None:
    first, second = new_cases(2)
    visit = signed_in(Role.REVIEWER)
    chosen = [str(first), str(second)]
    form = visit.send("/cases/bulk/assign?status=new", page="/cases?status=new", case=chosen)
    assert "2 cases are chosen" in form.text and form.text.count('type="hidden" name="case"') == 2
    wrong = visit.send("/cases/bulk/assign?status=new", page="/cases?status=new", case=chosen, ready="yes")
    assert wrong.status_code == 422 and 'id="assign-assignee-error"' in wrong.text
    fields = {"ready": "yes", "assign-assignee": "reviewer.web"}
    page = visit.send("/cases/bulk/assign?status=new", page="/cases?status=new", case=chosen, **fields)
    assert "2 cases are assigned." in page.text and statuses([first, second]) == ["under_review"] * 2


def test_page_opens_cases_for_chosen_projects(signed_in: SignedIn) -> None:
    weak, other = a_project(**WEAK), a_project(**WEAK)
    audit()
    visit = signed_in(Role.REVIEWER)
    page = visit.send("/cases/watch-list/opening", page="/cases/watch-list", project=[weak.number, other.number])
    assert "2 cases are opened." in page.text and cases_of(weak) == cases_of(other) == 1
    none = visit.send("/cases/watch-list/opening", page="/cases/watch-list").text
    assert "Choose at least one project" in none


def test_lists_offer_the_actions_that_their_cases_permit(signed_in: SignedIn) -> None:
    under_review(a_project())
    visit = signed_in(Role.SUPERVISOR)
    page = visit.get("/cases?status=under_review").text
    assert "/cases/bulk/ask?" in page and "/cases/bulk/assign?" in page and "/cases/bulk/claim?" not in page
    assert "/cases/bulk/" not in signed_in(Role.AUDITOR).get("/cases?status=under_review").text
    assert signed_in(Role.AUDITOR, name="second").client.post("/cases/bulk/ask").status_code in (400, 403)
    assert visit.send("/cases/bulk/approve", page="/cases?status=under_review", case="1").status_code == 404


def test_preview_of_several_questions_is_the_letter_of_the_first_that_can_be_asked(signed_in: SignedIn) -> None:
    first, second = new_cases(2)
    for each in (first, second):
        act(AIGERIM, each, "claim")
    act(AIGERIM, first, "ask", "Уже спрошено.")
    fields = {"ready": "yes", "preview": "yes", "ask-comment": "Когда начаты работы?"}
    visit, chosen = signed_in(Role.SUPERVISOR), [str(first), str(second)]
    page = visit.send("/cases/bulk/ask?status=under_review", page="/cases?status=new", case=chosen, **fields).text
    numbers = [find_case(SAULE, each).project_record.number for each in (first, second)]
    assert [number in page for number in numbers] == [False, True] and page.count("Когда начаты работы?") == 3
    assert statuses([first, second]) == ["awaiting_agency", "under_review"]
    page = visit.send("/cases/bulk/ask?status=new", page="/cases?status=new", case=chosen[:1], **fields).text
    assert "No letter would be sent." in page
