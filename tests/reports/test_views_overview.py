"""The overview's pages and downloads, and what a leader sees of the service."""

from __future__ import annotations

import csv
import io
import re
from datetime import date, timedelta
from pathlib import Path

from flask import Flask

from registry.accounts.roles import Role
from tests.audits.steps import audit
from tests.cases.casework import flagged_case
from tests.factories import a_project, an_agency
from tests.fixtures.web import SignedIn
from tests.pdf_structure import assert_pdf_a_2u, text_of
from tests.present import Present
from tests.reports.test_charts import colour, contrast, luminance
from tests.reports.test_overview import hide

DAY = date(2026, 10, 5)


def test_leader_starts_on_the_overview_and_has_no_cases_requests_and_audits(signed_in: SignedIn) -> None:
    a_project()
    audit()
    visit = signed_in(Role.LEADER)
    page = visit.get("/home")
    assert page.request.path == "/overview"
    menu = page.text.partition("<main")[0]
    assert 'href="/overview"' in menu and 'href="/projects"' in menu
    for path in ("/cases", "/requests", "/audits", "/journal", "/people"):
        assert f'href="{path}"' not in menu
        assert visit.client.get(path).status_code == 403


def test_leader_reads_agency_and_project_pages_without_cases_and_restricted_projects(
    app: Flask, signed_in: SignedIn
) -> None:
    project, case = flagged_case()
    hidden = a_project(project.agency)
    hide(hidden)
    visit = signed_in(Role.LEADER)
    page = visit.get(f"/projects/{project.number}")
    assert page.status_code == 200 and case not in page.text
    page = visit.get(f"/agencies/{project.agency.bin}")
    assert page.status_code == 200 and "Open cases" not in page.text
    assert visit.client.get(f"/projects/{hidden.number}").status_code == 404
    assert hidden.number not in visit.get("/projects").text


def test_summary_before_the_first_audit_says_that_there_are_no_figures(signed_in: SignedIn) -> None:
    answer = signed_in(Role.LEADER).client.get("/overview.pdf")
    assert answer.status_code == 409 and "the next audit stores the first ones" in answer.text


def test_every_link_of_the_overview_leads_to_a_page_of_the_leader(signed_in: SignedIn, present: Present) -> None:
    present.set(DAY)
    agency = an_agency()
    a_project(agency)
    a_project(agency, placement="onboarding", onboarding_due_on=DAY + timedelta(days=5))
    audit()
    present.set(DAY + timedelta(days=7))
    audit()
    visit = signed_in(Role.LEADER, language="kk")
    page = visit.get("/overview")
    assert page.status_code == 200 and page.text.count('<circle class="line__mark--platform"') == 3
    main = page.text.partition("<main")[2].partition("</main>")[0]
    links = {link.replace("&amp;", "&") for link in re.findall(r'<a [^>]*href="([^"#]+)"', main)}
    assert len(links) > 15
    assert {link: visit.client.get(link).status_code for link in links} == dict.fromkeys(links, 200)


def test_number_of_flags_of_an_age_leads_to_their_projects(signed_in: SignedIn, present: Present) -> None:
    present.set(DAY)
    agency = an_agency()
    old = a_project(agency)
    audit()
    present.set(DAY + timedelta(days=31))
    new = a_project(agency)
    audit()
    visit = signed_in(Role.LEADER)
    for age, project, other in (("31", old, new), ("0", new, old)):
        page = visit.get(f"/projects?flag_age={age}").text
        assert project.number in page and other.number not in page
        assert project.number in visit.get(f"/projects?flag_age={age}-high").text
        assert project.number not in visit.get(f"/projects?flag_age={age}-low").text
    for age in ("7", "31-none"):
        assert visit.client.get(f"/projects?flag_age={age}").status_code == 400


def test_every_figure_leads_to_its_list(signed_in: SignedIn, present: Present) -> None:
    present.set(DAY)
    agency = an_agency()
    a_project(agency, region="71", sector="07", budget_kzt=5_000_000)
    audit()
    present.set(DAY + timedelta(days=30))
    a_project(agency, region="71", sector="07", budget_kzt=9_000_000)
    audit()
    visit = signed_in(Role.LEADER)
    tiles = re.findall(r"<dd>(.*?)</dd>", visit.get("/overview").text)
    assert [re.sub("<[^>]+>", "", tile) for tile in tiles] == ["0.0%", "2", "0", "0", "0", "14\u00a0million\u00a0₸"]
    assert all(tile.startswith('<a href="/projects?') for tile in tiles)
    for path, cells in COMPARED.items():
        row = re.search(r"</th>(.*?)</tr>", visit.get(path).text.partition("<tbody>")[2], re.DOTALL)
        cells_shown = re.findall(r"<td>(.*?)</td>", row[1])
        assert [re.sub("<[^>]+>", "", cell) for cell in cells_shown] == cells
        # What is compared with has no list today.
        assert ['href="/projects?' in cell for cell in cells_shown] == [
            cell in ("2", "14", "100.0") for cell in cells
        ], path


def test_agency_reads_the_tables_of_its_own_projects_alone(signed_in: SignedIn) -> None:
    agency, other = an_agency(), an_agency()
    for each in (agency, other):
        a_project(each, sector="07")
    audit()
    visit = signed_in(Role.AGENCY_EDITOR, agency)
    for address in ("/overview", "/overview?by=rule", "/overview?by=country", "/reports/compliance"):
        page = visit.get(address).text
        assert "Figures: agencies" in page and agency.name_ru in page
        assert other.name_ru not in page and "/overview/history" not in page and "by=rule" not in page
    assert "million" not in visit.get("/overview?by=sector&from=2026-01-01").text.partition('id="figures"')[0]
    for address in ("/overview/history", "/overview.pdf", "/overview.csv", "/overview/comparison.csv?by=sector"):
        assert visit.client.get(address).status_code == 403


def test_summary_is_one_accessible_sheet(signed_in: SignedIn, present: Present, tmp_path: Path) -> None:
    present.set(DAY)
    agency = an_agency(name_kk="Денсаулық сақтау министрлігі", email="it@health.example.kz")
    a_project(agency, budget_kzt=5_000_000)
    audit()
    present.set(DAY + timedelta(days=30))
    a_project(agency, budget_kzt=9_000_000)
    audit()
    answer = signed_in(Role.LEADER, language="kk").client.get("/overview.pdf")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="overview-2026-11-04-kk.pdf"'
    assert_pdf_a_2u(answer.data)
    assert len(re.findall(rb"/Type ?/Page[^s]", answer.data)) == 1
    text = text_of(answer.data, tmp_path)
    # Without poppler only the structure is checked.
    assert text is None or all(each in text for each in ("Денсаулық сақтау министрлігі", "+9,0"))


COMPARED = {
    "/overview?by=sector": ["2", "0.0", "0.0", "0.0", "2", "+1 worse", "100.0", "14", "5", "+9 worse"],
    "/overview?by=rule": ["2", "+1 worse", "14", "5", "+9 worse"],
    "/overview?by=money": ["2", "14", "+9 worse"],
}


def test_comparison_says_which_audits_it_used(signed_in: SignedIn, present: Present) -> None:
    present.set(DAY)
    a_project(sector="07")
    audit()
    present.set(DAY + timedelta(days=30))
    a_project(sector="07")
    audit()
    visit = signed_in(Role.LEADER)
    for dates, texts in (
        ("from=2026-10-05&to=2026-11-04", ("audit for 5 October 2026", "audit for 4 November 2026", "+1 worse")),
        # A day or the week before without an audit has no figures.
        ("from=2026-10-20", ("no audit for 20.10.2026 or the week before", "audit for 4 November 2026")),
        ("to=2026-10-09", ("no audit for 09.09.2026 or the week before", "audit for 5 October 2026")),
    ):
        text = re.sub("<[^>]+>", "", visit.get(f"/overview?by=sector&{dates}").text)
        assert [each for each in texts if each not in text] == []
        assert ("worse" in text) == ("+1 worse" in texts)


def test_dates_that_cannot_be_compared_are_errors(signed_in: SignedIn, present: Present) -> None:
    present.set(DAY + timedelta(days=30))
    a_project()
    audit()
    visit = signed_in(Role.LEADER)
    for dates in ("from=soon", "from=2026-11-02&to=2026-11-01", "to=2090-01-01"):
        for path in ("/overview", "/overview?by=sector", "/overview/history"):
            page = visit.client.get(f"{path}{'&' if '?' in path else '?'}{dates}")
            assert page.status_code == 422 and "There is a problem" in page.text
        for path in ("/overview.pdf", "/overview/comparison.csv"):
            assert visit.client.get(f"{path}?{dates}").status_code == 400


def test_downloads_have_exact_amounts(signed_in: SignedIn) -> None:
    a_project(budget_kzt=1_234_567)
    audit()
    visit = signed_in(Role.LEADER)
    rows = list(csv.DictReader(io.StringIO(visit.client.get("/overview.csv").data.decode("utf-8-sig"))))
    assert [row["Budget of flagged projects"] for row in rows if row["Figure"] == "The country"] == ["1234567"]
    assert {row["Figure"] for row in rows} == {
        "The country",
        "Region",
        "Sector",
        "Open flags by rule",
        "Age of open flags",
        "Most money at risk",
    }
    points = visit.client.get("/overview/history.csv?by=region&of=71").data.decode("utf-8-sig")
    assert [row["Group"] for row in csv.DictReader(io.StringIO(points))] == ["Astana"]
    for path in ("/overview.xlsx", "/overview/history.xlsx"):
        assert visit.client.get(path).status_code == 200


def test_lines_and_tiles_are_distinguishable_without_colour() -> None:
    for line in (".line--platform", ".line--flagged, .line--flags"):
        assert contrast(colour(line, "stroke"), "ffffff") >= 3
    shades = [luminance(colour(f".tile--{shade}")) for shade in range(5)]
    assert shades == sorted(shades, reverse=True)
    for shade in range(5):
        text = colour(".tiles .tile--dark") if shade > 2 else colour(".tiles text")
        assert contrast(text, colour(f".tile--{shade}")) >= 4.5
