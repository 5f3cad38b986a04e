"""Lists of cases: text search, sortable columns, totals, and the pages before and after."""

from __future__ import annotations

import html
import re
from datetime import timedelta

import pytest

from registry.accounts.roles import Role
from registry.agencies.models import Agency
from registry.cases.lists import case_search, list_cases
from registry.core import lists as counting
from registry.core.lists import Page
from registry.projects.models import Project
from tests.cases.casework import GAP
from tests.cases.cast import AIGERIM, BOLAT, NO_BREACH, SAULE, act, audit, case_of
from tests.factories import a_project, an_agency
from tests.fixtures.web import SignedIn, Visit
from tests.present import Present

CASE = re.compile(r'<a class="govuk-link" href="/cases/(\d+)\?')
pytestmark = pytest.mark.usefixtures("app")
OPEN = {"status": "new,under_review"}


def listed(**filters: str) -> list[int]:
    return [item["id"] for item in list_cases(SAULE, filters, Page(), "en").items]


def ids_of(*projects: Project) -> list[int]:
    return [case_of(project).id for project in projects]


def link(page: str, text: str) -> str:
    match = re.search(rf'href="([^"]+)"[^>]*><span class="govuk-pagination__link-title">{text}<', page)
    assert match, text
    return match[1].replace("&amp;", "&")


def test_cases_are_found_by_words_of_project_and_agency() -> None:
    project = a_project(an_agency(name_ru="Министерство озёр"), name_ru="Озёрный портал", name_kk="Көл порталы")
    a_project(an_agency(name_ru="Управление рек"), name_ru="Речной портал", name_kk="Өзен")
    audit()
    for text in ("озерный", "Портал ОЗЁРНЫЙ", "порт минис", "министерство озёр"):
        assert listed(q=text) == ids_of(project), text


def test_repeated_words_and_their_beginnings_add_nothing_to_the_statement() -> None:
    an_agency(name_ru="Министерство озёр")
    once = case_search("озерный министерство")
    assert str(case_search("министерство озерный мин озе оз озерный мин")) == str(once)
    assert listed(q="!") == []


def test_cases_are_found_by_number_of_case_project_and_agency() -> None:
    project, _other = a_project(an_agency()), a_project(an_agency())
    audit()
    case = case_of(project)
    for text in (str(case.id), f"№ {case.id}", project.number, project.number[:-2].lower(), project.agency.bin):
        assert case.id in listed(q=text), text
    assert listed(q=project.agency.bin) == listed(q=project.number) == [case.id]
    assert listed(q="–") == listed(q="9" * 30) == listed(q="нетакого") == []


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


@pytest.mark.parametrize("sort", ["due_on", "-budget_kzt", "assignee", "agency", "rule"])
def test_previous_page_is_the_page_from_which_the_next_one_was_opened(signed_in: SignedIn, sort: str) -> None:
    agency = an_agency()
    for place in range(60):
        a_project(agency, budget_kzt=None if place % 3 == 0 else place // 7)
    audit()
    visit = signed_in(Role.SUPERVISOR)
    first = visit.get(f"/cases?status=new&sort={sort}").text
    second = visit.get(link(first, "Next page")).text
    third = visit.get(link(second, "Next page")).text
    assert ["1–25 of 60" in first, "26–50 of 60" in second, "51–60 of 60" in third] == [True] * 3
    assert CASE.findall(visit.get(link(third, "Previous page")).text) == CASE.findall(second)
    assert "Previous page" not in second and CASE.findall(visit.get(link(second, "Back to the beginning")).text) == (
        CASE.findall(first)
    )


@pytest.mark.parametrize(
    ("group", "headings"),
    [
        ("agency", ["Akimat: 1 · 300,000 ₸", "Ministry: 2 · 30 million ₸"]),
        (
            "rule",
            [
                "New object started under the moratorium: 2 · 10 million ₸",
                "Data needed for the check is missing: 1 · 20 million ₸",
            ],
        ),
    ],
)
def test_groups_have_the_cases_and_budgets_of_the_whole_list(
    signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch, group: str, headings: list[str]
) -> None:
    ministry, akimat = (an_agency(name_ru=name, name_kk=name, name_en=name) for name in ("Ministry", "Akimat"))
    a_project(ministry, budget_kzt=10_000_000)
    a_project(ministry, budget_kzt=20_000_000, **GAP)
    a_project(akimat, budget_kzt=300_000)
    audit()
    page = signed_in(Role.SUPERVISOR).get(f"/cases?status=new&group={group}").text
    shown = [html.unescape(each) for each in re.findall(r'scope="rowgroup">([^<]+)<', page)]
    assert [each.replace("\u00a0", " ") for each in shown] == headings
    assert "1–3 of 3 · 30 million ₸" in page.replace("\u00a0", " ")


def test_long_lists_are_counted_up_to_a_bound(signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "MAX_COUNTED", 26)
    agency = an_agency()
    for _ in range(60):
        a_project(agency)
    audit()
    visit = signed_in(Role.SUPERVISOR)
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
