"""Work lists: contents per role, counts, search, order, downloads, and going through the cases of a list."""

from __future__ import annotations

import csv
import html
import io
import itertools
import re
from datetime import date, timedelta

import pytest
from openpyxl import load_workbook
from sqlalchemy import select, update

from registry.accounts.models import Person
from registry.accounts.roles import Role
from registry.agencies.models import Agency
from registry.cases.lists import case_search, list_cases
from registry.core import lists as counting
from registry.core.clock import today
from registry.core.database import db, transaction
from registry.core.lists import Page
from registry.exemptions.service import record_exemption
from registry.journal.service import JournalEntry
from registry.projects.models import Project
from tests.cases.casework import GAP, flagged_case, send
from tests.cases.cast import AIGERIM, BOLAT, NO_BREACH, SAULE, TRANSITIONAL, act, audit, case_of
from tests.factories import a_project, an_agency, restrict
from tests.fixtures.web import SignedIn, Visit
from tests.present import Present

# A finding too weak to open a case.
WEAK = {**GAP, "object_commissioned_on": "2020-01-01", "placement": "onboarding"}
CASE = re.compile(r'<a class="govuk-link" href="/cases/(\d+)\?')
PROJECT = re.compile(r'<a class="govuk-link" href="/projects/(QT-[\d-]+)"')
HEADING = re.compile(r'<th scope="col"[^>]*>(?:<a [^>]*>)?([^<]+)')
LISTS = ("/cases?status=new", "/cases/watch-list", "/cases/exemptions-ending")


def rows(visit: Visit, path: str) -> list[dict[str, str]]:
    """Return a list as parsed CSV."""
    answer = visit.client.get(path)
    assert answer.status_code == 200 and answer.mimetype == "text/csv"
    return list(csv.DictReader(io.StringIO(answer.data.decode("utf-8-sig"))))


def counts(page: str) -> dict[str, int]:
    """Return the counts on the tabs."""
    tabs = re.findall(r'>([^<>]+)<span class="tabs__count"><span class="govuk-visually-hidden">: </span>(\d+)<', page)
    return {html.unescape(name).strip(): int(count) for name, count in tabs}


def exempt(project: Project, days: int, **more: str) -> None:
    given = {"project": project.number, "decision_number": "14-K", "decided_on": today(), "valid_from": today()}
    record_exemption(SAULE, {**given, "valid_to": today() + timedelta(days=days), **more})


def hide(project: Project) -> None:
    restrict(project.number)


def reads_of(project: Project) -> int:
    """Count journal entries of reads of a restricted project."""
    conditions = (JournalEntry.action == "restricted.read", JournalEntry.subject == f"project:{project.number}")
    return len(db.session.scalars(select(JournalEntry.subject).where(*conditions)).all())


def test_download_has_rows_order_and_filters_of_page(signed_in: SignedIn) -> None:
    agency = an_agency()
    for values in ({}, GAP, {"sector": "09"}, {"stage": "pilot", "pilot_started_on": "2026-02-03"}):
        a_project(agency, **values)
    audit()
    visit = signed_in(Role.SUPERVISOR)
    for query in ("status=new", "status=new&sort=-severity", "status=new&sector=09", "status=new&severity=medium"):
        shown = CASE.findall(visit.get(f"/cases?{query}").text)
        assert shown and [row["Case"] for row in rows(visit, f"/cases.csv?{query}")] == shown
        sheet = load_workbook(io.BytesIO(visit.client.get(f"/cases.xlsx?{query}").data)).active
        header, *cells = sheet.iter_rows(values_only=True)
        assert [str(row[0]) for row in cells] == shown and header[:3] == ("Case", "Number", "Project")
        assert isinstance(cells[0][header.index("Due on")], date)


def test_download_is_localized_and_escapes_formulas(signed_in: SignedIn) -> None:
    agency = an_agency(name_ru="=cmd|' /C calc'!A0", name_kk="@SUM(1)")
    project = a_project(agency, name_ru="+1+1", name_kk="-2")
    audit()
    exempt(a_project(agency, name_ru="=1", name_kk="=2"), 5, scope="=HYPERLINK(1)", conditions="\t=1")
    row = rows(signed_in(Role.AUDITOR, language="ru"), "/cases.csv?status=new")[0]
    assert (row["Номер"], row["Проект"], row["Состояние"]) == (project.number, "'+1+1", "Инспектор не назначен")
    row = rows(signed_in(Role.REVIEWER, language="kk"), "/cases/exemptions-ending.csv")[0]
    assert "'=2" in row.values() and "'@SUM(1)" in row.values() and "'=HYPERLINK(1)" in row.values()


def test_agency_download_has_no_reviewer_or_proposal(signed_in: SignedIn) -> None:
    agency = an_agency()
    project, _case = flagged_case(agency)
    act(AIGERIM, case_of(project), "claim")
    act(AIGERIM, case_of(project), "propose", TRANSITIONAL)
    stranger, _other = flagged_case()
    for ending in ("csv", "xlsx"):
        assert signed_in(Role.REVIEWER, name=ending).client.get(f"/cases.{ending}?status=new").status_code == 200
    visit = signed_in(Role.AGENCY_VIEWER, agency)
    lines = rows(visit, "/cases.csv?status=awaiting_approval,new")
    assert [row["Number"] for row in lines] == [project.number] and stranger.number not in str(lines)
    assert "aigerim" not in str(lines) and "Transitional" not in str(lines)


def test_my_approvals_lists_proposals_of_others(signed_in: SignedIn) -> None:
    own, others = a_project(), a_project()
    audit()
    visit = signed_in(Role.SUPERVISOR, name="saule")
    for actor, project in ((SAULE, own), (AIGERIM, others)):
        act(actor, case_of(project), "claim")
        act(actor, case_of(project), "propose", TRANSITIONAL)
    page = visit.get("/cases?to_approve=true").text
    assert CASE.findall(page) == [str(case_of(others).id)]
    assert counts(page)["Waiting for my approval"] == 1
    assert [row["Number"] for row in rows(visit, "/cases.csv?to_approve=true")] == [others.number]
    assert CASE.findall(signed_in(Role.REVIEWER).get("/cases?to_approve=true").text) == []


def test_my_approvals_list_no_proposal_of_my_second_account(signed_in: SignedIn) -> None:
    project = a_project()
    audit()
    visit = signed_in(Role.SUPERVISOR, name="saule")
    signed_in(Role.REVIEWER, name="aigerim")
    act(AIGERIM, case_of(project), "claim")
    act(AIGERIM, case_of(project), "propose", TRANSITIONAL)
    before = CASE.findall(visit.get("/cases?to_approve=true").text)
    with transaction() as session:
        session.execute(update(Person).values(email="saule@example.kz"))
    after = CASE.findall(visit.get("/cases?to_approve=true").text)
    assert (before, after) == ([str(case_of(project).id)], [])


def test_tab_counts_equal_list_lengths(signed_in: SignedIn) -> None:
    agency = an_agency()
    for _ in range(3):
        a_project(agency)
    hide(a_project(agency))
    audit()
    a_project_of_another = a_project()
    audit()
    visit = signed_in(Role.REVIEWER)
    send(visit, f"/cases/{case_of(a_project_of_another).id}", "claim")
    assert counts(visit.get("/cases?status=new").text) == {
        "My work": 1,
        "Team queue": 3,
        "Overdue": 0,
        "Waiting for the agency": 0,
        "Cleared, to confirm": 0,
        "All open": 4,
    }
    assert counts(signed_in(Role.AGENCY_EDITOR, agency).get("/cases").text)["All open"] == 4


def test_watch_list_holds_weak_findings_until_case_is_opened(signed_in: SignedIn) -> None:
    weak = a_project(**WEAK, sector="09")
    strong = a_project()
    audit()
    visit = signed_in(Role.REVIEWER)
    assert PROJECT.findall(visit.get("/cases/watch-list").text) == [weak.number]
    assert PROJECT.findall(visit.get("/cases/watch-list?sector=07").text) == []
    assert [row["Number"] for row in rows(visit, "/cases/watch-list.csv")] == [weak.number]
    assert strong.number not in visit.get("/cases/watch-list").text
    table = signed_in(Role.AUDITOR).get("/cases/watch-list").text.partition("<table")[2].partition("</table>")[0]
    assert "<button" not in table
    page = visit.send(f"/projects/{weak.number}/case", page="/cases/watch-list").text
    assert "The case is opened." in page
    assert "No project is on the watch list." in visit.get("/cases/watch-list").text


def test_exemptions_are_sorted_by_end(signed_in: SignedIn) -> None:
    later, soon, over = a_project(), a_project(), a_project(sector="09")
    for project, days in ((later, 59), (soon, 3), (over, 61)):
        exempt(project, days)
    visit = signed_in(Role.REVIEWER)
    assert PROJECT.findall(visit.get("/cases/exemptions-ending").text) == [soon.number, later.number]
    assert PROJECT.findall(visit.get("/cases/exemptions-ending?within=30").text) == [soon.number]
    assert PROJECT.findall(visit.get("/cases/exemptions-ending?within=any&sector=09").text) == [over.number]
    lines = rows(visit, "/cases/exemptions-ending.csv?within=90")
    assert [(row["Number"], row["Days left"]) for row in lines] == [
        (soon.number, "3"),
        (later.number, "59"),
        (over.number, "61"),
    ]
    assert visit.get("/cases/exemptions-ending?within=7").status_code == 400


def test_restricted_projects_are_hidden_in_lists_and_downloads(signed_in: SignedIn) -> None:
    agency = an_agency()
    hidden = [a_project(agency), a_project(agency, **WEAK), a_project(agency)]
    exempt(hidden[2], 5)
    audit()
    for project in hidden:
        hide(project)
    visits = {
        Role.SUPERVISOR: signed_in(Role.SUPERVISOR),
        Role.REVIEWER: signed_in(Role.REVIEWER),
        Role.LEADER: signed_in(Role.LEADER),
        Role.AGENCY_VIEWER: signed_in(Role.AGENCY_VIEWER, agency),
    }
    for (role, visit), (path, project) in itertools.product(visits.items(), zip(LISTS, hidden, strict=True)):
        sees = role in (Role.SUPERVISOR, Role.AGENCY_VIEWER)
        path, _, query = path.partition("?")
        if role is Role.LEADER and "exemptions" not in path:
            assert visit.get(f"{path}?{query}").status_code == 403
            continue
        assert (project.number in visit.get(f"{path}?{query}").text) is sees, path
        assert (project.number in str(rows(visit, f"{path}.csv?{query}"))) is sees, path
        before = reads_of(project)
        assert visit.client.get(f"{path}.xlsx?{query}").status_code == 200
        assert reads_of(project) - before == int(sees), path


def link_on(page: str, before: str) -> str:
    """Return the URL of the first attribute with this prefix."""
    match = re.search(rf'{before}([^"]*)"', page)
    assert match, before
    return html.unescape(match[1])


def test_next_case_keeps_list_position(signed_in: SignedIn) -> None:
    agency = an_agency()
    for _ in range(3):
        a_project(agency)
    audit()
    visit = signed_in(Role.REVIEWER)
    first, second, third = CASE.findall(visit.get("/cases?status=new&sort=due_on").text)
    path = f"/cases/{first}?status=new&sort=due_on"
    following = "/cases/next" + link_on(visit.get(path).text, 'rel="next" href="/cases/next')
    assert visit.get(following).request.path == f"/cases/{second}"
    # After the claim and referral the case is off the list and has no due date; the next case follows its old position.
    claim = f"/cases/{first}/claim" + link_on(visit.get(path).text, f'action="/cases/{first}/claim')
    page = visit.send(claim, page=path).text
    refer = f"/cases/{first}/refer" + link_on(page, f'action="/cases/{first}/refer')
    page = visit.send(refer, page=f"/cases/{first}").text
    following = "/cases/next" + link_on(page, 'rel="next" href="/cases/next')
    answer = visit.get(following)
    assert answer.request.path == f"/cases/{second}"
    page = answer.text
    claim = f"/cases/{second}/claim" + link_on(page, f'action="/cases/{second}/claim')
    page = visit.send(claim, page=f"/cases/{second}").text
    refer = f"/cases/{second}/refer" + link_on(page, f'action="/cases/{second}/refer')
    answer = visit.send(refer, page=f"/cases/{second}", then="next")
    assert answer.request.path == f"/cases/{third}"
    assert f"Case {second}: Referred to the Commission" in answer.text


def test_chosen_cases_are_reviewed_one_by_one_and_back(signed_in: SignedIn) -> None:
    agency = an_agency()
    for _ in range(4):
        a_project(agency)
    audit()
    visit = signed_in(Role.REVIEWER)
    first, _left_out, third, fourth = CASE.findall(visit.get("/cases?status=new&sort=id").text)
    answer = visit.send("/cases/bulk/review?status=new&sort=id", page="/cases?status=new", case=[first, third, fourth])
    for case, place in ((first, "1 of 3"), (third, "2 of 3"), (fourth, "3 of 3")):
        assert answer.request.path == f"/cases/{case}" and place in answer.text
        answer, last = visit.get("/cases/next" + link_on(answer.text, 'rel="next" href="/cases/next')), answer
    assert "That was the last case of this list." in answer.text
    for case in (third, first):
        last = visit.get("/cases/next" + link_on(last.text, 'rel="prev" href="/cases/next'))
        assert last.request.path == f"/cases/{case}"
    assert 'rel="prev"' not in last.text


def test_last_case_returns_to_list(signed_in: SignedIn) -> None:
    _project, case = flagged_case()
    visit = signed_in(Role.REVIEWER)
    following = "/cases/next" + link_on(visit.get(f"{case}?status=new").text, 'href="/cases/next')
    answer = visit.get(following)
    assert answer.request.full_path == "/cases?status=new" and "That was the last case of this list." in answer.text
    assert "/cases/next" not in visit.get(case).text
    assert visit.get("/cases/next?status=new&cursor=x").status_code == 400
    assert visit.get(f"{case}?status=new&sort=nothing").status_code == 400


def test_result_of_chosen_cases_leads_back_to_filtered_list(signed_in: SignedIn) -> None:
    visit = signed_in(Role.REVIEWER)
    path = "/cases/bulk/confirm?status=awaiting_confirmation&sector=09"
    answer = visit.send(path, page="/cases?status=awaiting_confirmation", case="999999")
    assert 'href="/cases?status=awaiting_confirmation&amp;sector=09"' in answer.text


def test_filters_of_a_link_are_named_unless_a_tab_says_them(signed_in: SignedIn) -> None:
    visit = signed_in(Role.SUPERVISOR)
    page = visit.get("/cases?status=remediation&due_on_to=2026-12-01").text
    assert "Status: Remediation" in page
    assert "Due on, to: 1 December 2026" in page
    assert 'href="/cases?status=remediation" aria-label="Remove the filter: Due on, to: 1 December 2026"' in page
    assert "Remove the filter" not in visit.get("/cases?status=new").text


def test_list_has_no_column_for_what_its_filter_says(signed_in: SignedIn) -> None:
    claimed, proposed, _new = flagged_case()[0], flagged_case()[0], flagged_case()
    signed_in(Role.REVIEWER, name="aigerim")
    for each in (claimed, proposed):
        act(AIGERIM, case_of(each), "claim")
    act(AIGERIM, case_of(proposed), "propose", TRANSITIONAL)
    visit = signed_in(Role.REVIEWER)
    columns = {
        query: HEADING.findall(visit.get(f"/cases?{query}").text)
        for query in ("severity=high", "status=new", "status=under_review&assignee=aigerim", "status=awaiting_approval")
    }
    assert list(columns.values()) == [
        ["Case", "Flags", "Status", "Due on", "Age", "Budget", "Reviewer"],
        ["Case", "Flags", "Due on", "Age", "Budget", "Take"],
        ["Case", "Flags", "Due on", "Age", "Budget"],
        ["Case", "Flags", "Proposed", "Due on", "Age", "Budget", "Reviewer"],
    ]


OPEN = {"status": "new,under_review"}


def listed(**filters: str) -> list[int]:
    return [item["id"] for item in list_cases(SAULE, filters, Page(), "en").items]


def ids_of(*projects: Project) -> list[int]:
    return [case_of(project).id for project in projects]


def link(page: str, text: str) -> str:
    match = re.search(rf'href="([^"]+)"[^>]*><span class="govuk-pagination__link-title">{text}<', page)
    assert match, text
    return match[1].replace("&amp;", "&")


@pytest.mark.usefixtures("app")
def test_cases_are_found_by_words_of_project_and_agency() -> None:
    project = a_project(an_agency(name_ru="Министерство озёр"), name_ru="Озёрный портал", name_kk="Көл порталы")
    a_project(an_agency(name_ru="Управление рек"), name_ru="Речной портал", name_kk="Өзен")
    audit()
    for text in ("озерный", "Портал ОЗЁРНЫЙ", "порт минис", "министерство озёр"):
        assert listed(q=text) == ids_of(project), text


@pytest.mark.usefixtures("app")
def test_repeated_words_and_their_beginnings_add_nothing_to_the_statement() -> None:
    an_agency(name_ru="Министерство озёр")
    once = case_search("озерный министерство")
    assert str(case_search("министерство озерный мин озе оз озерный мин")) == str(once)
    assert listed(q="!") == []


@pytest.mark.usefixtures("app")
def test_cases_are_found_by_number_of_case_project_and_agency() -> None:
    project, _other = a_project(an_agency()), a_project(an_agency())
    audit()
    case = case_of(project)
    for text in (str(case.id), f"№ {case.id}", project.number, project.number[:-2].lower(), project.agency.bin):
        assert case.id in listed(q=text), text
    assert listed(q=project.agency.bin) == listed(q=project.number) == [case.id]
    assert listed(q="–") == listed(q="9" * 30) == listed(q="нетакого") == []


@pytest.mark.usefixtures("app")
def test_cases_are_sorted_by_budget_and_reviewer() -> None:
    agency = an_agency()
    small, large, unknown = (a_project(agency, budget_kzt=amount) for amount in (1_000, 2_000_000, None))
    audit()
    act(BOLAT, case_of(small), "claim")
    act(AIGERIM, case_of(unknown), "claim")

    def in_order(sort: str) -> list[int]:
        return [item["id"] for item in list_cases(SAULE, OPEN, Page(sort=sort), "en").items]

    assert in_order("budget_kzt") == ids_of(small, large, unknown)
    assert in_order("-budget_kzt") == ids_of(large, small, unknown)
    assert in_order("assignee") == ids_of(unknown, small, large)
    assert in_order("-assignee") == ids_of(small, unknown, large)


def test_previous_page_is_the_page_from_which_the_next_one_was_opened_and_counts_have_a_bound(
    signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    agency = an_agency()
    for place in range(60):
        a_project(agency, budget_kzt=None if place % 3 == 0 else place // 7)
    audit()
    visit = signed_in(Role.SUPERVISOR)
    for sort in ("-budget_kzt", "rule"):
        first = visit.get(f"/cases?status=new&sort={sort}").text
        second = visit.get(link(first, "Next page")).text
        third = visit.get(link(second, "Next page")).text
        assert ["1–25 of 60" in first, "26–50 of 60" in second, "51–60 of 60" in third] == [True] * 3, sort
        assert CASE.findall(visit.get(link(third, "Previous page")).text) == CASE.findall(second), sort
        beginning = visit.get(link(second, "Back to the beginning")).text
        assert "Previous page" not in second and CASE.findall(beginning) == CASE.findall(first), sort
    monkeypatch.setattr(counting, "MAX_COUNTED", 26)
    first = visit.get("/cases?status=new").text
    second = visit.get(link(first, "Next page")).text
    third = visit.get(link(second, "Next page")).text
    assert "1–25 of more than" in first and "26–50 of more than" in second
    assert "More than" in third and "Previous page" not in third and "Back to the beginning" in third


def test_headings_sort_and_name_the_order(signed_in: SignedIn) -> None:
    a_project()
    audit()
    visit = signed_in(Role.SUPERVISOR)
    page = visit.get("/cases?status=new&sort=-budget_kzt").text
    heading = re.search(r'<th[^>]*aria-sort="(\w+)"><a class="govuk-link sortable" href="([^"]+)">Budget', page)
    assert heading.groups() == ("descending", "/cases?status=new&amp;sort=budget_kzt") and page.count("aria-sort") == 1
    assert 'href="/cases?status=new&amp;sort=-severity"' in page
    assert '<option value="-budget_kzt" selected>' in page


def test_list_shows_money_age_and_outcome(signed_in: SignedIn, present: Present) -> None:
    project = a_project(budget_kzt=180_000_000)
    audit()
    case = act(AIGERIM, case_of(project), "claim")
    present.move(timedelta(days=12))
    visit = signed_in(Role.SUPERVISOR)
    page = visit.get("/cases?status=under_review").text.partition("<table")[2]
    assert "12 days" in page and "180 million ₸" in page.replace("\u00a0", " ").replace("\u202f", " ")
    act(AIGERIM, case, "propose", NO_BREACH)
    act(SAULE, case, "approve")
    closed = visit.get("/cases?status=closed&outcome=no_breach").text.partition("<table")[2]
    assert "No breach" in closed and "Outcome" in closed and "12 days" not in closed
    assert CASE.findall(visit.get("/cases?status=closed&outcome=resolved").text) == []
    assert listed(closed_at_to="2020-01-01") == [] and listed(closed_at_from="2020-01-01") == [case.id]


def test_agencies_are_not_offered_reviewers(signed_in: SignedIn) -> None:
    agency: Agency = an_agency()
    project = a_project(agency)
    audit()
    act(AIGERIM, case_of(project), "claim")

    def page(visit: Visit) -> str:
        return visit.get("/cases?status=new,under_review").text

    assert 'name="assignee"' in page(signed_in(Role.REVIEWER, name="aigerim"))
    seen = page(signed_in(Role.AGENCY_VIEWER, agency))
    assert "aigerim" not in seen and 'name="assignee"' not in seen and "By reviewer" not in seen
