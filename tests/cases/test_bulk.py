"""One action on several cases: by the service, the API and the pages."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select, update

from registry.accounts.roles import Role
from registry.accounts.sessions import WebSession
from registry.cases.actions import act_on_cases, open_cases
from registry.cases.models import Case
from registry.cases.queries import find_case
from registry.core.clock import now
from registry.core.database import db, transaction
from registry.journal.service import JournalEntry
from tests.api.callers import caller, codes
from tests.cases.casework import GAP
from tests.cases.cast import (
    AIGERIM,
    BOLAT,
    NO_BREACH,
    SAULE,
    act,
    audit,
    case_of,
    cases_of,
    in_days,
    migrate_by,
    under_review,
)
from tests.factories import a_project, an_agency, restrict, with_account
from tests.fixtures.web import SignedIn
from tests.web.forms import untouched_form

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
    following = page.text.partition("Done: 2")[2]
    assert re.findall(r'name="case" value="(\d+)"', following) == [str(free), str(other)]
    assert re.findall(r'formaction="/cases/bulk/(\w+)\?', following) == ["propose", "ask", "review"]


def test_page_asks_for_fields_of_the_action_first(signed_in: SignedIn) -> None:
    first, second = new_cases(2)
    visit = signed_in(Role.REVIEWER)
    chosen = [str(first), str(second)]
    form = visit.send("/cases/bulk/assign?status=new", page="/cases?status=new", case=chosen)
    assert "2 cases are chosen" in form.text and form.text.count('name="case" value=') == 2
    wrong = visit.send("/cases/bulk/assign?status=new", page="/cases?status=new", case=chosen, ready="yes")
    assert wrong.status_code == 422 and 'id="assign-assignee-error"' in wrong.text
    fields = {"ready": "yes", "assign-assignee": "reviewer.web"}
    page = visit.send("/cases/bulk/assign?status=new", page="/cases?status=new", case=chosen, **fields)
    assert "2 cases are assigned." in page.text and statuses([first, second]) == ["under_review"] * 2


def test_page_opens_cases_for_chosen_projects(signed_in: SignedIn) -> None:
    weak, other = a_project(**WEAK), a_project(**WEAK)
    audit()
    visit = signed_in(Role.REVIEWER)
    offered = visit.get("/cases/watch-list").text
    assert offered.count('name="project" value="QT-') == 2 and "Open cases for the chosen projects</button>" in offered
    assert 'action="/cases/watch-list/opening"' in offered
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
    assert "/cases/bulk/propose?" in page and "/cases/bulk/approve?" not in page
    assert "/cases/bulk/review?" in page
    assert visit.send("/cases/bulk/burn", page="/cases?status=under_review", case="1").status_code == 404


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


FILLED = {
    "decision": "migrate_by",
    "reason_kk": "{agency}: «{project}» {deadline} көшірілсін.",
    "reason_ru": "Проект {number} переносится {deadline}.",
    "legal_basis_kk": "Жарлықтың 1-тармағы",
    "legal_basis_ru": "пункт 1 Указа",
    "due_on": "2027-03-31",
}


def claimed(count: int) -> list[int]:
    ids = new_cases(count)
    for case in ids:
        act(AIGERIM, case, "claim")
    return ids


def test_one_decision_is_proposed_on_several_cases_with_the_names_of_each(client: FlaskClient) -> None:
    first, second, other = claimed(3)
    new = new_cases(1)[0]
    act(BOLAT, new, "claim")
    reviewer = caller(client, Role.REVIEWER, name="aigerim")
    body = reviewer.post("/cases/propose", {"cases": [first, second, new], **FILLED}).get_json()
    assert body["done"] == [first, second]
    assert [(each["case"], each["code"]) for each in body["refused"]] == [(new, "case-not-yours")]
    for case in (first, second):
        project = find_case(SAULE, case).project_record
        proposal = reviewer.get(f"/cases/{case}").get_json()["proposal"]
        assert proposal["reason_ru"] == f"Проект {project.number} переносится 31.03.2027 (включительно)."
        assert proposal["reason_kk"].startswith(f"{project.agency.name_ru}: «{project.name_kk}» 31.03.2027")
    assert statuses([other]) == ["under_review"]


def test_decision_that_no_case_could_have_is_refused_for_all(client: FlaskClient) -> None:
    (case,) = claimed(1)
    reviewer = caller(client, Role.REVIEWER, name="aigerim")
    for changes, problem in (
        ({"due_on": None}, ("/due_on", "required")),
        ({"reason_ru": None}, ("/reason_ru", "order-in-both-languages")),
        ({"legal_basis_kk": "{clause}"}, ("/legal_basis_kk", "placeholder-unknown")),
        ({"decision": "write_off", "due_on": None}, ("/reason_kk", "placeholder-unknown")),
    ):
        sent = {name: value for name, value in {"cases": [case], **FILLED, **changes}.items() if value is not None}
        answer = reviewer.post("/cases/propose", sent)
        assert answer.status_code == 422 and problem in codes(answer) and statuses([case]) == ["under_review"]


def test_text_that_grows_beyond_its_limit_is_refused_for_its_case(client: FlaskClient) -> None:
    (case,) = claimed(1)
    sent = {"cases": [case], **FILLED, "reason_ru": "{number} " * 500}
    body = caller(client, Role.REVIEWER, name="aigerim").post("/cases/propose", sent).get_json()
    assert [(each["case"], each["code"]) for each in body["refused"]] == [(case, "too-long")]


def test_several_proposals_are_approved_each_as_it_was_read(client: FlaskClient) -> None:
    read, changed, unread = claimed(3)
    own = new_cases(1)[0]
    reviewer, supervisor = caller(client, Role.REVIEWER, name="aigerim"), caller(client, Role.SUPERVISOR, name="saule")
    assert reviewer.post("/cases/propose", {"cases": [read, changed, unread], **FILLED}).status_code == 200
    act(SAULE, own, "claim")
    act(SAULE, own, "propose", NO_BREACH)
    tags = {case: supervisor.get(f"/cases/{case}").headers["ETag"] for case in (read, changed, own)}
    act(AIGERIM, changed, "comment", "Письмо пришло.")
    tags[unread] = "*"
    cases = [{"case": case, "etag": tag} for case, tag in tags.items()]
    body = supervisor.post("/cases/approve", {"cases": cases}).get_json()
    assert body["done"] == [read]
    assert {each["case"]: each["code"] for each in body["refused"]} == {
        changed: "stale",
        unread: "stale",
        own: "decision-needs-another-person",
    }
    assert reviewer.post("/cases/approve", {"cases": cases}).status_code == 403
    without = supervisor.post("/cases/approve", {"cases": [{"case": changed}]})
    assert without.status_code == 422 and codes(without) == {("/cases", "expected-objects")}


ON_PAGE = {f"propose-{name}": value for name, value in {**FILLED, "due_on": "31.03.2027"}.items()}


def test_page_proposes_one_decision_and_keeps_text_and_choice_of_the_refused(signed_in: SignedIn) -> None:
    own, others = claimed(2)
    visit = signed_in(Role.REVIEWER, name="aigerim")
    first = visit.send(
        "/cases/bulk/propose?status=under_review", page="/cases?status=new", case=[str(own), str(others)]
    )
    basis = untouched_form(first.text, "propose-reason_ru")["propose-legal_basis_ru"]
    assert "Указ" in basis and "2 cases are chosen" in first.text
    with_account(BOLAT)
    act(SAULE, others, "assign", "bolat")
    fields = {"case": [str(own), str(others)], "ready": "yes", **ON_PAGE}
    wrong = visit.send("/cases/bulk/propose", page="/cases?status=new", **{**fields, "propose-due_on": ""})
    assert wrong.status_code == 422 and 'id="propose-due_on-error"' in wrong.text
    page = visit.send("/cases/bulk/propose", page="/cases?status=new", **fields).text
    assert "1 decision is proposed." in page and f"Case {others}</a>: " in page.partition("Not done: 1")[2]
    form = untouched_form(page, "propose-reason_ru")
    assert (form["case"], form["propose-reason_ru"]) == (str(others), FILLED["reason_ru"])
    assert statuses([own, others]) == ["awaiting_approval", "under_review"]


def proposed(count: int) -> list[int]:
    ids = claimed(count)
    for case in ids:
        act(AIGERIM, case, "propose", migrate_by(in_days(60)))
    return ids


def test_page_approves_the_ticked_proposals_as_they_were_displayed(signed_in: SignedIn) -> None:
    first, changed, unticked = proposed(3)
    supervisor = signed_in(Role.SUPERVISOR)
    listed = "/cases?to_approve=true"
    assert "/cases/bulk/approve?to_approve=true" in supervisor.get(listed).text
    chosen = [str(each) for each in (first, changed, unticked)]
    page = supervisor.send("/cases/bulk/approve?to_approve=true", page=listed, case=chosen).text
    assert "The same in all proposals" in page and page.count("Письмо от 3 февраля.") == 1
    address = f"/cases/approval?id={','.join(chosen)}"
    letter = supervisor.send(address, letter=str(first), case=chosen).text
    assert letter.count("Письмо от 3 февраля.") == 2 and f"Case {first}. The letter as it would be sent" in letter
    seen = {name: value for name, value in untouched_form(page, f"seen-{first}").items() if name.startswith("seen-")}
    act(AIGERIM, changed, "comment", "Письмо пришло.")
    page = supervisor.send(address, case=[str(first), str(changed)], **seen).text
    assert "1 decision is approved." in page and page.count("The record changed since you read it.") == 1
    assert statuses([first, changed, unticked]) == ["remediation", "awaiting_approval", "awaiting_approval"]
    none = supervisor.send(f"/cases/approval?id={changed}")
    assert none.status_code == 422 and "Choose at least one case" in none.text
    assert signed_in(Role.REVIEWER).client.get(address).status_code == 403


def test_approval_shows_apart_what_differs_and_fills_in_what_only_names_the_case(signed_in: SignedIn) -> None:
    one, two = claimed(2)
    for case, day in ((one, in_days(30)), (two, in_days(60))):
        project = find_case(SAULE, case).project_record
        texts = {"reason_ru": f"Проект {project.number} строится.", "reason_kk": f"{project.number} салынуда."}
        act(AIGERIM, case, "propose", {**migrate_by(day), **texts})
    page = signed_in(Role.SUPERVISOR).get(f"/cases/approval?id={one},{two}").text
    common, rows = page.partition("<table")[::2]
    assert "Проект {number} строится." in common and "Проект {number}" not in rows
    assert [f"{in_days(days):%-d %B %Y}" in rows for days in (30, 60)] == [True, True]


def test_approval_asks_for_the_second_factor_and_keeps_what_is_ticked_and_typed(
    app: Flask, signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = proposed(2)
    supervisor, address = signed_in(Role.SUPERVISOR), f"/cases/approval?id={ids[0]},{ids[1]}"
    form = untouched_form(supervisor.get(address).text, f"seen-{ids[0]}")
    monkeypatch.setitem(app.config, "SECOND_FACTOR_ROLES", frozenset({"supervisor"}))
    with transaction():
        db.session.execute(update(WebSession).values(factor_at=now() - timedelta(minutes=20)))
    page = supervisor.client.post(address, data={**form, "case": str(ids[1]), "approve-comment": "Проверено."})
    assert page.status_code == 403 and "Confirm that it is you (opens in a new tab)" in page.text
    again = untouched_form(page.text, f"seen-{ids[0]}")
    assert (again["case"], again["approve-comment"]) == (str(ids[1]), "Проверено.")
    assert statuses(ids) == ["awaiting_approval"] * 2
    opened = supervisor.client.get(address)
    assert (opened.status_code, opened.location.partition("?")[0]) == (303, "/sign-in/second-factor")
